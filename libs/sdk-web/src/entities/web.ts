/** All that the vendor's ZegoExpressEntity.web names, for pages that import types from that path. */
export type { ConstraintExtend, ZegoCamera, ZegoCustom, ZegoLocalStreamConfig, ZegoScreen } from "./capture";
export { ZegoGeoFenceType } from "./devices";
export type {
  ZegoAutoSwitchDeviceConfig,
  ZegoCapabilityDetection,
  ZegoCapabilityError,
  ZegoCapabilityErrorInfo,
  ZegoCheckSingleType,
  ZegoDeviceInfo,
  ZegoDeviceInfos,
  ZegoElectronScreenSource,
  ZegoVideoCodec,
} from "./devices";
export type { ZegoEvent, ZegoRTCEvent } from "./events";
export type {
  SoundLevelDelegateOptions,
  ZegoPlayAudioStats,
  ZegoPlayStats,
  ZegoPlayVideoStats,
  ZegoPublishAudioStats,
  ZegoPublishStats,
  ZegoPublishVideoStats,
  ZegoSoundLevelInfo,
} from "./quality";
export type { ZegoServerResponse } from "./rooms";
export * from "./streams";
export type { ZegoLocalAduioOptions, ZegoLocalStreamEvent, ZegoLocalViewOptions, ZegoSnapshotOptions, ZegoStreamViewOptions } from "./views";
export * from "./effects";
export * from "./voice";
export * from "./mixing";
export * from "./range-audio";
export * from "./copyrighted-music";
