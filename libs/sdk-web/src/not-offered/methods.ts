/** What the vendor's interface has and this suite lacks: each name exists, answers in the vendor's shape, and says in the log that it does nothing. */
import { Code, failure, type ZegoError } from "../errors";
import { log, warnOnce } from "../logging";
import { inertObject, OBJECTS } from "./objects";

/** Methods that answer with a promise: it rejects with 9000020. */
export const REJECTING = [
  "addPublishCdnUrl",
  "enableBackgroundProcess",
  "enableLiveAudioEffect",
  "enableVirtualStereo",
  "getElectronScreenSources",
  "initBackgroundModule",
  "loadAudioEffect",
  "removePublishCdnUrl",
  "sendTransparentMessage",
  "setAudioChangerParam",
  "setAudioFrameCallback",
  "setBackgroundBlurOptions",
  "setCaptureAudioFrameCallback",
  "setCaptureVolume",
  "setDummyCaptureImagePath",
  "setLowlightEnhancement",
  "setMixerTaskConfig",
  "setPlayStreamVideoType",
  "setReverbPreset",
  "setStreamAlignmentProperty",
  "setTransparentBackgroundOptions",
  "setVirtualBackgroundOptions",
  "setVoiceChangerParam",
  "setVoiceChangerPreset",
  "startAutoMixerTask",
  "startMixerTask",
  "stopAutoMixerTask",
  "stopMixerTask",
  "uploadLog",
] as const;

/** Methods that answer at once whether they did it: they did not. */
export const FALSE = ["sendSEI", "setMixingAudioVolume", "startMixingAudio", "stopMixingAudio", "unloadAudioEffect"] as const;

/** Settings that a page makes and forgets: they answer nothing. */
export const VOID = [
  "destroyCopyrightedMusic",
  "destroyRealTimeSequentialDataManager",
  "enableAutoSwitchDevice",
  "enableDualStream",
  "enableHardwareEncoder",
  "setEngineConfig",
  "setLowStreamParameter",
  "setSEIConfig",
  "setTurnServer",
] as const;

type Method<Answer> = (...args: any[]) => Answer;

export type NotOffered = Record<(typeof REJECTING)[number], Method<Promise<never>>> &
  Record<(typeof FALSE)[number], Method<boolean>> &
  Record<(typeof VOID)[number], Method<void>> &
  Record<keyof typeof OBJECTS, Method<any>>;

/** Defines the methods on the engine's prototype. */
export function defineNotOffered({ prototype }: { prototype: object }): void {
  for (const name of REJECTING) defineMethod(prototype, name, () => rejectNotOffered(name));
  for (const name of FALSE) defineMethod(prototype, name, () => (warnNotOffered(name), false));
  for (const name of VOID) defineMethod(prototype, name, () => warnNotOffered(name));
  for (const name of Object.keys(OBJECTS) as (keyof typeof OBJECTS)[]) defineMethod(prototype, name, (...args) => inertObject(name, args, rejectNotOffered, warnNotOffered));
}

/** Logs once per page that a name has no effect here. */
export function warnNotOffered(name: string): void {
  warnOnce(`${name} is not offered by this server's SDK: the call has no effect [${Code.NOT_OFFERED}]`);
}

/** A rejection that a page may await; left alone it is a line in the log, never an unhandled rejection. */
export function rejectNotOffered(name: string): Promise<never> {
  const rejection = Promise.reject(notOffered(name));
  rejection.catch((error) => log.debug("a call was refused", error));
  warnNotOffered(name);
  return rejection;
}

function notOffered(name: string): ZegoError {
  return failure(Code.NOT_OFFERED, `${name} is not offered by this server's SDK`, { field: name });
}

function defineMethod(target: object, name: string, value: Method<unknown>): void {
  Object.defineProperty(target, name, { value, configurable: true, writable: true });
}
