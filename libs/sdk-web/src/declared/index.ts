/** What the package declares: the few values that it has at runtime, and every type by its name. */
import type { ZegoCapabilityDetection } from "../entities/devices";

export { ZegoExpressEngine } from "./engine";
export { ZegoLocalStream } from "./local-stream";
export { ZegoStreamView } from "./stream-view";
export { ZegoRoomStateChangedReason } from "../entities/rooms";

/** The one error that the SDK throws or rejects with. `extendedData` is JSON text with what is known beyond the message: field, limit, hint. */
export declare class ZegoError extends Error {
  readonly errorCode: number;
  readonly code: number;
  readonly msg: string;
  readonly extendedData: string;
}

/** Questions about the browser that pages ask before they have an engine. */
export declare const WebRTCUtil: {
  isSupportWebRTC(): boolean;
  isSecureContext(): boolean;
  supportDetection(screenShotReady: boolean, success: (result: ZegoCapabilityDetection) => void, checkLevel: 0 | 1, type?: string): Promise<void>;
};

export type {
  AudioProcessing,
  ConstraintExtend,
  CustomSource,
  VideoSize,
  ZegoCamera,
  ZegoCaptureCamera,
  ZegoCaptureMicrophone,
  ZegoCaptureScreenAudio,
  ZegoCaptureScreenVideo,
  ZegoCustom,
  ZegoCustomAudio,
  ZegoCustomVideo,
  ZegoLocalStreamConfig,
  ZegoScreen,
  ZegoStreamOptions,
} from "../entities/capture";
export type {
  ZegoStreamCompositorInputOption,
  ZegoStreamCompositorLayoutOption,
  ZegoStreamCompositorOutputConfig,
} from "../entities/compositor";
export type {
  ZegoCopyrightedMusicBillingMode,
  ZegoCopyrightedMusicConfig,
  ZegoCopyrightedMusicDownloadResponse,
  ZegoCopyrightedMusicEvent,
  ZegoCopyrightedMusicGetKrcLyricByTokenResponse,
  ZegoCopyrightedMusicGetLrcLyricResponse,
  ZegoCopyrightedMusicGetStandardPitchResponse,
  ZegoCopyrightedMusicRequestConfig,
  ZegoCopyrightedMusicRequestResourceResponse,
  ZegoCopyrightedMusicRequestSharedResourceByTokenConfig,
  ZegoCopyrightedMusicResourceType,
  ZegoCopyrightedMusicSendExtendedRequestResponse,
  ZegoCopyrightedMusicVendorID,
  ZegoSongLineScoreInfo,
  ZegoStartScoreParams,
} from "../entities/copyrighted-music";
export type {
  ZegoAutoSwitchDeviceConfig,
  ZegoCapabilityDetection,
  ZegoCapabilityError,
  ZegoCapabilityErrorInfo,
  ZegoCheckSingleType,
  ZegoDeviceInfo,
  ZegoDeviceInfos,
  ZegoElectronScreenSource,
  ZegoGeoFenceType,
  ZegoLocalProxyConfig,
  ZegoScenario,
  ZegoVideoCodec,
} from "../entities/devices";
export type {
  BackgroundBlurOptions,
  BackgroundVirtualOptions,
  Segmentation,
  ZegoAudioEffectPlayOptions,
  ZegoEffectsBeautyParam,
  ZegoLowlightEnhancementMode,
} from "../entities/effects";
export type {
  ParlourEvent,
  ZegoEvent,
  ZegoRTCEvent,
  ZegoRTMEvent,
} from "../entities/events";
export type {
  ZegoAudioCodecID,
  ZegoAudioMixMode,
  ZegoAutoMixerTask,
  ZegoEncodeProfile,
  ZegoFontStyle,
  ZegoFontType,
  ZegoLabelInfo,
  ZegoMixStreamAdvance,
  ZegoMixStreamConfig,
  ZegoMixStreamInput,
  ZegoMixStreamLayout,
  ZegoMixStreamOutput,
  ZegoMixStreamOutputConfig,
  ZegoMixStreamRenderMode,
  ZegoMixerAudioConfig,
  ZegoMixerImageInfo,
  ZegoMixerOutputVideoConfig,
  ZegoMixerWhiteboard,
  ZegoWatermark,
} from "../entities/mixing";
export type {
  ExceptionCode,
  ExceptionData,
  QualityGrade,
  SoundLevelDelegateOptions,
  ZegoPlayAudioStats,
  ZegoPlayStats,
  ZegoPlayVideoStats,
  ZegoPublishAudioStats,
  ZegoPublishStats,
  ZegoPublishVideoStats,
  ZegoSoundLevelInfo,
} from "../entities/quality";
export type {
  RangeAudioPlayStats,
  RangeAudioPublishStats,
  ZegoRangeAudioEvent,
  ZegoRangeAudioListenMode,
  ZegoRangeAudioMicrophoneState,
  ZegoRangeAudioMode,
  ZegoRangeAudioSpeakMode,
  ZegoRangeAudioUserUpdateCheckConfig,
} from "../entities/range-audio";
export type {
  ZegoBarrageMessageInfo,
  ZegoBroadcastMessageInfo,
  ZegoInitConfig,
  ZegoInitOptions,
  ZegoLogConfig,
  ZegoProxyInfo,
  ZegoRoomConfig,
  ZegoRoomExtraInfo,
  ZegoRoomRecvTransparentMessage,
  ZegoRoomSendTransparentMessage,
  ZegoRoomTransparentMessageMode,
  ZegoRoomTransparentMessageType,
  ZegoServerResponse,
  ZegoSwitchRoomConfig,
  ZegoUser,
} from "../entities/rooms";
export type {
  AudioFrameOptions,
  PublisherVideoEncoderChangedCallBack,
  TrafficControlFocusOnMode,
  TrafficControlMinVideoBitrateMode,
  ZegoAudioFrame,
  ZegoCustomPlayerResourceConfig,
  ZegoDataChannelEvent,
  ZegoInspectFlagType,
  ZegoPlayerState,
  ZegoPublishStreamAudioConfig,
  ZegoPublishStreamConfig,
  ZegoPublisherState,
  ZegoSEIConfig,
  ZegoSEIType,
  ZegoStreamList,
  ZegoStreamRelayCDNInfo,
  ZegoStreamUpdateType,
  ZegoVideoCodecID,
  ZegoWebPlayOption,
  ZegoWebPublishOption,
} from "../entities/streams";
export type {
  StreamViewEvent,
  ZegoLocalAduioOptions,
  ZegoLocalStreamEvent,
  ZegoLocalViewOptions,
  ZegoSnapshotOptions,
  ZegoStreamViewOptions,
} from "../entities/views";
export type {
  AiDenoiseMode,
  ZegoLiveAudioEffectMode,
  ZegoReverbPreset,
  ZegoVoiceChangerPreset,
} from "../entities/voice";
export type { ZegoAudioEffectPlayer, ZegoRealTimeSequentialDataManager, ZegoStreamCompositor, ZegoExpressRangeAudio, ZegoCopyrightedMusic } from "./not-offered";
export type { ZegoReplayMessage, ZegoReplayMoment, ZegoReplayOptions, ZegoReplayState } from "../entities/replay";
export type { ZegoReplay } from "./replay";
