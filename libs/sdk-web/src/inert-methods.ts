/** Methods that do nothing and answer in the vendor's shape: those that this suite lacks, and those of an engine that was destroyed. */
import { Code, failure } from "./errors";
import { log, logRejection, warnOnce } from "./logging";
import type { NotOffered } from "./not-offered";

/** Names of methods by their answer: a promise that rejects, `false`, 0, or nothing. */
interface InertMethods<Name = string> {
  promise?: readonly Name[];
  boolean?: readonly Name[];
  number?: readonly Name[];
  nothing?: readonly Name[];
}

/** Methods of the vendor's engine that this suite lacks. */
export const NOT_OFFERED = {
  promise: [
    "addPublishCdnUrl", "enableBackgroundProcess", "enableLiveAudioEffect", "enableVirtualStereo", "getElectronScreenSources", "initBackgroundModule",
    "loadAudioEffect", "removePublishCdnUrl", "sendTransparentMessage", "setAudioChangerParam", "setAudioFrameCallback", "setBackgroundBlurOptions",
    "setCaptureAudioFrameCallback", "setCaptureVolume", "setDummyCaptureImagePath", "setLowlightEnhancement", "setMixerTaskConfig",
    "setPlayStreamVideoType", "setReverbPreset", "setStreamAlignmentProperty", "setTransparentBackgroundOptions", "setVirtualBackgroundOptions",
    "setVoiceChangerParam", "setVoiceChangerPreset", "startAutoMixerTask", "startMixerTask", "stopAutoMixerTask", "stopMixerTask", "uploadLog",
  ],
  boolean: ["sendSEI", "setMixingAudioVolume", "startMixingAudio", "stopMixingAudio", "unloadAudioEffect"],
  nothing: [
    "destroyCopyrightedMusic", "destroyRealTimeSequentialDataManager", "enableAutoSwitchDevice", "enableDualStream", "enableHardwareEncoder",
    "setEngineConfig", "setLowStreamParameter", "setSEIConfig", "setTurnServer",
  ],
} as const satisfies InertMethods<keyof NotOffered>;

/** What the vendor's engine makes and this one lacks, by the methods that make it: such an object can be made and called, and nothing comes of it. */
export const OBJECTS = {
  createAudioEffectPlayer: {
    boolean: ["stop", "pause", "resume", "setVolume", "seekTo"],
    number: ["getCurrentProgress", "getTotalDuration"],
    nothing: ["start"],
  },
  createCopyrightedMusic: {
    promise: [
      "initCopyrightedMusic", "sendExtendedRequest", "requestResource", "getSharedResource", "getSharedResourceByToken", "getLrcLyric",
      "getKrcLyricByToken", "download", "startScore", "getPreviousScore", "getAverageScore", "getTotalScore", "getFullScore", "getStandardPitch",
      "getCurrentPitch",
    ],
    boolean: ["on", "off"],
    number: ["stopScore", "pauseScore", "resumeScore", "resetScore", "getDuration"],
    nothing: ["clearCache", "destroyInstance", "setScoringLevel"],
  },
  createRangeAudioInstance: {
    promise: ["selectMicrophone", "resumeAudioContext"],
    boolean: ["enableAiDenoise", "setAiDenoiseMode", "on", "off", "setVoiceChangerPreset", "setVoiceChangerParam", "isAudioContextRunning"],
    nothing: [
      "enableAudioSourceUpdateChecker", "setAudioReceiveRange", "updateSelfPosition", "updateAudioSource", "enableSpatializer", "enableMicrophone",
      "selectSpeaker", "enableSpeaker", "setRangeAudioCustomMode", "setRangeAudioMode", "setTeamID", "setPositionUpdateFrequency",
      "setRangeAudioVolume", "setStreamVocalRange", "updateStreamPosition", "setCustomSourceVocalRange", "updateCustomSourcePosition",
    ],
  },
  createRealTimeSequentialDataManager: {
    promise: ["startBroadcasting", "startSubscribing"],
    boolean: ["stopBroadcasting", "sendRealTimeSequentialData", "stopSubscribing"],
    nothing: ["reset", "on", "off"],
  },
  createStreamCompositor: {
    promise: ["setInputEndpoint", "startComposingStream", "stopComposingStream"],
    nothing: ["addImage", "removeImage", "setOutputConfig"],
  },
} as const satisfies { [Maker in keyof NotOffered]?: InertMethods<keyof ReturnType<NotOffered[Maker]>> };

/** Methods that need an engine. The others answer as before when it is destroyed, so that a page may clean up in any order. */
export const NEED_ENGINE = {
  promise: [
    "addTrack", "callExperimentalAPI", "createStream", "createZegoStream", "enableAiDenoise", "enableVideoCaptureDevice", "loginRoom",
    "muteAllPlayAudioStreams", "muteAllPlayVideoStreams", "mutePlayStreamAudio", "mutePlayStreamVideo", "removeTrack", "replaceTrack", "replayRoom",
    "sendBarrageMessage", "sendBroadcastMessage", "sendCustomCommand", "setAiDenoiseMode", "setAudioConfig", "setEffectsBeauty", "setRoomExtraInfo",
    "setStreamExtraInfo", "setVideoConfig", "startPlayingStream", "switchRoom", "updatePublishingStream", "useAudioDevice", "useFrontCamera",
    "useVideoDevice",
  ],
  boolean: [
    "enableMultiRoom", "muteMicrophone", "mutePublishStreamAudio", "mutePublishStreamVideo", "on", "renewToken", "setRoomScenario",
    "startPublishingStream",
  ],
  nothing: ["setSoundLevelDelegate"],
} as const satisfies InertMethods;

type Method<Answer> = (...args: any[]) => Answer;

/** Defines the methods that are not offered on the engine's prototype. */
export function defineNotOffered({ prototype }: { prototype: object }): void {
  defineInert(prototype, NOT_OFFERED, rejectNotOffered, warnNotOffered);
  for (const [maker, methods] of Object.entries(OBJECTS)) {
    defineMethod(prototype, maker, (roomID = "") => {
      warnNotOffered(maker);
      const made = maker === "createRealTimeSequentialDataManager" ? { roomID } : {};
      return defineInert(made, methods, rejectNotOffered, warnNotOffered, `${maker}().`);
    });
  }
}

/** Replaces the methods of a destroyed engine that need one: each answers in its own kind, with 9000021. Calls that are under way end by what they wait for. */
export function disableEngine(engine: object): void {
  const error = (name: string) => failure(Code.ENGINE_DESTROYED, `${name}: the engine was destroyed`, { hint: "make a new one" });
  defineInert(engine, NEED_ENGINE, (name) => logRejection(name, Promise.reject(error(name))), (name) => log.error(name, error(name)));
}

/** Logs once per page that a name has no effect here. */
export function warnNotOffered(name: string): void {
  warnOnce(`${name} is not offered by this server's SDK: the call has no effect [${Code.NOT_OFFERED}]`);
}

/** A rejection with 9000020 that a page may await; left alone it is a line in the log, never an unhandled rejection. */
export function rejectNotOffered(name: string): Promise<never> {
  const rejection = Promise.reject(failure(Code.NOT_OFFERED, `${name} is not offered by this server's SDK`, { field: name }));
  rejection.catch((error) => log.debug("a call was refused", error));
  warnNotOffered(name);
  return rejection;
}

/** Defines methods on `target`. `reject` gives the promises; the others call `report` and answer. Both get the name with `prefix`. */
function defineInert(target: object, methods: InertMethods, reject: (name: string) => unknown, report: (name: string) => void, prefix = ""): object {
  const define = (names: readonly string[] = [], answer: (name: string) => unknown) => {
    for (const name of names) defineMethod(target, name, () => answer(prefix + name));
  };
  define(methods.promise, reject);
  define(methods.boolean, (name) => (report(name), false));
  define(methods.number, (name) => (report(name), 0));
  define(methods.nothing, report);
  return target;
}

function defineMethod(target: object, name: string, value: Method<unknown>): void {
  Object.defineProperty(target, name, { value, configurable: true, writable: true });
}
