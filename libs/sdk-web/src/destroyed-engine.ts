/** Replaces the methods of a destroyed engine: each answers in its own kind, with 9000021, and does nothing. */
import { Code, failure } from "./errors";
import { log } from "./logging";

/** Methods that answer with a promise: it rejects. */
export const REJECTING_METHODS = [
  "addTrack",
  "callExperimentalAPI",
  "createStream",
  "createZegoStream",
  "enableAiDenoise",
  "enableVideoCaptureDevice",
  "loginRoom",
  "muteAllPlayAudioStreams",
  "muteAllPlayVideoStreams",
  "mutePlayStreamAudio",
  "mutePlayStreamVideo",
  "removeTrack",
  "replaceTrack",
  "replayRoom",
  "sendBarrageMessage",
  "sendBroadcastMessage",
  "sendCustomCommand",
  "setAiDenoiseMode",
  "setAudioConfig",
  "setEffectsBeauty",
  "setRoomExtraInfo",
  "setStreamExtraInfo",
  "setVideoConfig",
  "startPlayingStream",
  "switchRoom",
  "updatePublishingStream",
  "useAudioDevice",
  "useFrontCamera",
  "useVideoDevice",
] as const;

/** Methods that answer at once whether they did it: they did not. */
export const FALSE_METHODS = [
  "enableMultiRoom",
  "muteMicrophone",
  "mutePublishStreamAudio",
  "mutePublishStreamVideo",
  "on",
  "renewToken",
  "setRoomScenario",
  "startPublishingStream",
] as const;

/** Methods that give nothing: they say why in the log. */
export const VOID_METHODS = ["setSoundLevelDelegate"] as const;

/** Methods that need no engine, or that end what has ended already: they answer as before, so that a page may clean up in any order. */
export const UNCHANGED_METHODS = [
  "checkAudioTrackIsActive",
  "checkSystemRequirements",
  "checkVideoTrackIsActive",
  "createLocalStreamView",
  "createRemoteStreamView",
  "destroyEngine",
  "destroyStream",
  "enumDevices",
  "getCameras",
  "getMicrophones",
  "getNetworkTimeInfo",
  "getPlayingStreamQuality",
  "getPublishingStreamQuality",
  "getSpeakers",
  "getVersion",
  "isMicrophoneMuted",
  "logoutRoom",
  "off",
  "setDebugVerbose",
  "setLogConfig",
  "stopPlayingStream",
  "stopPublishingStream",
  "useAudioOutputDevice",
] as const;

/** Replaces this engine's methods. Calls that are under way end by what they wait for. */
export function disableEngine(engine: object): void {
  for (const name of REJECTING_METHODS) override(engine, name, () => rejectDestroyed(name));
  for (const name of FALSE_METHODS) override(engine, name, () => (log.error(name, destroyedError(name)), false));
  for (const name of VOID_METHODS) override(engine, name, () => log.error(name, destroyedError(name)));
}

/** A rejection that a page may await; left alone, as in the clean-up of a component, it is a line in the log. */
function rejectDestroyed(name: string): Promise<never> {
  const error = destroyedError(name);
  const rejection = Promise.reject(error);
  rejection.catch(() => log.error(name, error));
  return rejection;
}

function destroyedError(name: string) {
  return failure(Code.ENGINE_DESTROYED, `${name}: the engine was destroyed`, { hint: "make a new one" });
}

function override(engine: object, name: string, value: () => unknown): void {
  Object.defineProperty(engine, name, { value, configurable: true, writable: true });
}
