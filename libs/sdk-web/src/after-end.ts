/** What an engine answers once it was destroyed: each call in the kind of its own answer, with 9000021, and nothing is done. */
import { Code } from "./codes";
import { failure } from "./errors";
import { log } from "./logging";

/** Methods that answer with a promise: it rejects. */
export const REJECTING_AFTER_END = [
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
export const FALSE_AFTER_END = [
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
export const VOID_AFTER_END = ["setSoundLevelDelegate"] as const;

/** Methods that need no engine, or that end what has ended already: they answer as before, so that a page may tidy up in any order. */
export const UNCHANGED_AFTER_END = [
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

/** Let this engine answer so from now on. Calls that are under way end by what they wait for. */
export function endEngine(engine: object): void {
  for (const name of REJECTING_AFTER_END) put(engine, name, () => rejected(name));
  for (const name of FALSE_AFTER_END) put(engine, name, () => (log.error(name, destroyed(name)), false));
  for (const name of VOID_AFTER_END) put(engine, name, () => log.error(name, destroyed(name)));
}

/** A rejection that a page may await; left alone, as in the clean-up of a component, it is a line in the log. */
function rejected(name: string): Promise<never> {
  const error = destroyed(name);
  const rejection = Promise.reject(error);
  rejection.catch(() => log.error(name, error));
  return rejection;
}

function destroyed(name: string) {
  return failure(Code.ENGINE_DESTROYED, `${name}: the engine was destroyed`, { hint: "make a new one" });
}

function put(engine: object, name: string, value: () => unknown): void {
  Object.defineProperty(engine, name, { value, configurable: true, writable: true });
}
