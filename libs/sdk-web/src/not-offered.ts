/** What the vendor's interface has and this suite lacks yet: each name exists and says so, instead of failing as "not a function". */
import { Code } from "./codes";
import { failure, type ZegoError } from "./errors";

/** Methods that answer with a promise: it rejects. */
export const REJECTING = [
  "addPublishCdnUrl",
  "callExperimentalAPI",
  "clearPublishCdnUrl",
  "createRealTimeSequentialDataManager",
  "enableAiDenoise",
  "enableBackgroundProcess",
  "enableDualStream",
  "initBackgroundModule",
  "publishScreen",
  "removePublishCdnUrl",
  "sendTransparentMessage",
  "setAiDenoiseMode",
  "setBackgroundBlurOptions",
  "setLowStreamParameter",
  "setMixerTaskConfig",
  "setPlayStreamVideoType",
  "setTransparentBackgroundOptions",
  "setVirtualBackgroundOptions",
  "startMixerTask",
  "startMixingAudio",
  "stopMixerTask",
  "stopMixingAudio",
  "uploadLog",
] as const;

/** Methods that answer at once: they throw. */
export const THROWING = [
  "createAudioEffectPlayer",
  "createCopyrightedMusic",
  "createMediaPlayer",
  "createRangeAudioInstance",
  "createStreamCompositor",
  "destroyRealTimeSequentialDataManager",
  "getNetworkTimeInfo",
  "sendSEI",
  "setCaptureVolume",
  "setDummyCaptureImagePath",
  "setEngineConfig",
  "setMixingAudioVolume",
  "setReverbPreset",
  "setTurnServer",
  "setVoiceChangerParam",
] as const;

/** Methods of the class itself: they throw. */
export const STATIC_THROWING = ["setCloudProxyConfig", "setGeoFence", "setLocalProxyConfig", "use"] as const;

export type NotOffered = {
  [Name in (typeof REJECTING)[number]]: (...args: unknown[]) => Promise<never>;
} & { [Name in (typeof THROWING)[number]]: (...args: unknown[]) => never };

/** Put the methods on the engine's prototype and class. */
export function declineOn(engine: { prototype: object }): void {
  for (const name of REJECTING) define(engine.prototype, name, () => Promise.reject(notOffered(name)));
  for (const name of THROWING) define(engine.prototype, name, thrower(name));
  for (const name of STATIC_THROWING) define(engine, name, thrower(name));
}

function thrower(name: string): () => never {
  return () => {
    throw notOffered(name);
  };
}

function define(target: object, name: string, value: () => unknown): void {
  Object.defineProperty(target, name, { value, configurable: true, writable: true });
}

function notOffered(name: string): ZegoError {
  return failure(Code.NOT_OFFERED, `${name} is not offered by this server's SDK`, { field: name });
}
