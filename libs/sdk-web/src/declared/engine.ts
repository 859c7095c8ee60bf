/**
 * The engine as pages see it. Where nothing else is said, promises reject with a ZegoError.
 * "Not offered" is what has no effect here: a promise rejects with 9000020, `false` or nothing is answered otherwise.
 */
import type {
  AiDenoiseMode, AudioFrameOptions, BackgroundBlurOptions, BackgroundVirtualOptions, Segmentation, SoundLevelDelegateOptions, ZegoAudioFrame,
  ZegoAutoMixerTask, ZegoAutoSwitchDeviceConfig, ZegoCapabilityDetection, ZegoCheckSingleType, ZegoDeviceInfo, ZegoDeviceInfos,
  ZegoEffectsBeautyParam, ZegoElectronScreenSource, ZegoEvent, ZegoGeoFenceType, ZegoLiveAudioEffectMode, ZegoLocalProxyConfig, ZegoLocalStreamConfig,
  ZegoLogConfig, ZegoLowlightEnhancementMode, ZegoMixStreamAdvance, ZegoMixStreamConfig, ZegoPlayStats, ZegoProxyInfo, ZegoPublishStats,
  ZegoPublishStreamAudioConfig, ZegoPublishStreamConfig, ZegoReplayOptions, ZegoReverbPreset, ZegoRoomConfig, ZegoRoomSendTransparentMessage,
  ZegoScenario, ZegoSEIConfig, ZegoServerResponse, ZegoStreamOptions, ZegoStreamUpdateType, ZegoSwitchRoomConfig, ZegoUser, ZegoVoiceChangerPreset,
  ZegoWebPlayOption, ZegoWebPublishOption,
} from "../entities";
import type { ZegoLocalStream } from "./local-stream";
import type { ZegoAudioEffectPlayer, ZegoCopyrightedMusic, ZegoExpressRangeAudio, ZegoRealTimeSequentialDataManager, ZegoStreamCompositor } from "./not-offered";
import type { ZegoReplay } from "./replay";
import type { ZegoStreamView } from "./stream-view";

type LocalStream = MediaStream | ZegoLocalStream;
type Response = Promise<ZegoServerResponse>;

export declare class ZegoExpressEngine {
  static readonly version: string;

  /** `server`: empty for the server that the script came from, an address, or a list that is tried one after the other. Nothing is opened before a login. */
  constructor(appID: number, server?: string | string[] | null, options?: { scenario?: number });

  /** `server` for the gateway of all engines, `room_retry_time` and `av_retry_time` in seconds, `iceTransportPolicy: "relay"`; before they log in. */
  static setEngineOptions(options: any): void;
  static presetLogConfig(config: ZegoLogConfig): boolean;
  /** Not offered: a module is accepted and does nothing. */
  static use(module: any): void;
  /** Not offered: the setting has no effect. */
  static setGeoFence(geoFenceType: ZegoGeoFenceType, geoFenceAreaList: number[]): void;
  /** Not offered: the setting has no effect. */
  static setCloudProxyConfig(proxyList: ZegoProxyInfo[], token: string, enable: boolean): void;
  /** `accesshubProxy` is the gateway of all engines that are made from now on. */
  static setLocalProxyConfig(proxyConfig: ZegoLocalProxyConfig, enable: boolean): void;

  /** A warning in the console names an event that does not exist; its handler is never called. */
  on<Name extends keyof ZegoEvent>(event: Name, callBack: ZegoEvent[Name]): boolean;
  /** Without a callback: all of the event's. */
  off<Name extends keyof ZegoEvent>(event: Name, callBack?: ZegoEvent[Name]): boolean;
  getVersion(): string;
  setDebugVerbose(enable: boolean): void;
  setLogConfig(config: ZegoLogConfig): boolean;
  setRoomScenario(scenario: ZegoScenario): boolean;
  checkSystemRequirements<Type extends keyof ZegoCheckSingleType>(checkType?: Type, checkLevel?: 0 | 1): Promise<ZegoCapabilityDetection>;

  // Rooms
  loginRoom(roomID: string, token: string, user: ZegoUser, config?: ZegoRoomConfig): Promise<boolean>;
  /** Without a room: all of them. Resolves when the server has answered. */
  logoutRoom(roomID?: string): Promise<void>;
  enableMultiRoom(enable: boolean): boolean;
  switchRoom(fromRoomID: string, toRoomID: string, config: ZegoSwitchRoomConfig): Promise<boolean>;
  /** Whether the token has the right form; it counts from the next login or publish on. */
  renewToken(token: string, roomID?: string): boolean;
  setRoomExtraInfo(roomID: string, key: string, value: string): Response;

  // Messages
  sendBroadcastMessage(roomID: string, message: string): Promise<ZegoServerResponse & { messageID: number }>;
  sendBarrageMessage(roomID: string, message: string): Promise<ZegoServerResponse & { messageID: string }>;
  /** An empty list of users means the whole room. */
  sendCustomCommand(roomID: string, command: string, toUserIDList?: string[]): Response;

  // Capture
  createZegoStream(options?: ZegoStreamOptions): Promise<ZegoLocalStream>;
  createStream(source?: ZegoLocalStreamConfig): Promise<MediaStream>;
  destroyStream(localStream: LocalStream): void;
  enumDevices(): Promise<ZegoDeviceInfos>;
  getCameras(): Promise<ZegoDeviceInfo[]>;
  getMicrophones(): Promise<ZegoDeviceInfo[]>;
  getSpeakers(): Promise<ZegoDeviceInfo[]>;
  useVideoDevice(localStream: LocalStream, deviceID: string): Response;
  useAudioDevice(localStream: LocalStream, deviceID: string): Response;
  useFrontCamera(localStream: LocalStream, enable: boolean): Response;
  useAudioOutputDevice(media: HTMLMediaElement, deviceID: string): Promise<boolean>;
  /** Frees the camera (its light goes out) or takes it again. */
  enableVideoCaptureDevice(localStream: LocalStream, enable?: boolean): Promise<boolean>;
  setVideoConfig(localStream: LocalStream, config: ZegoPublishStreamConfig): Response;
  setAudioConfig(localStream: LocalStream, config: ZegoPublishStreamAudioConfig): Response;
  /** Each intensity 0 to 100, 50 where it is left out. */
  setEffectsBeauty(localStream: LocalStream, enable: boolean, options?: ZegoEffectsBeautyParam): Response;
  /** The browser's own noise suppression; resolves with errorCode 1103081 where there is none. */
  enableAiDenoise(localStream: LocalStream, enable: boolean): Response;
  setAiDenoiseMode(localStream: LocalStream, mode: AiDenoiseMode): Response;
  muteMicrophone(mute: boolean): boolean;
  isMicrophoneMuted(): boolean;
  checkVideoTrackIsActive(stream: LocalStream): Promise<boolean>;
  checkAudioTrackIsActive(stream: LocalStream): Promise<boolean>;

  // Publishing
  /** Returns whether publishing was started; its outcome is reported by publisherStateUpdate. */
  startPublishingStream(streamID: string, localStream: LocalStream, publishOption?: ZegoWebPublishOption): boolean;
  stopPublishingStream(streamID: string): boolean;
  updatePublishingStream(localStream: LocalStream, updateType: ZegoStreamUpdateType | 0 | 1 | 2): Response;
  setStreamExtraInfo(streamID: string, extraInfo: string): Response;
  mutePublishStreamVideo(localStream: LocalStream, mute?: boolean, retain?: boolean): boolean;
  mutePublishStreamAudio(localStream: LocalStream, mute?: boolean): boolean;
  addTrack(localStream: MediaStream, track: MediaStreamTrack): Response;
  replaceTrack(localStream: MediaStream, track: MediaStreamTrack): Response;
  removeTrack(localStream: MediaStream, track: MediaStreamTrack): Response;
  /** As measured last; null while the stream is not published, or not measured yet. */
  getPublishingStreamQuality(streamID: string): ZegoPublishStats | null;

  // Playing
  /** Resolves with a real MediaStream, maybe before media flows. */
  startPlayingStream(streamID: string, playOption?: ZegoWebPlayOption): Promise<MediaStream>;
  stopPlayingStream(streamID: string): boolean;
  mutePlayStreamVideo(streamID: string, mute: boolean): Promise<boolean>;
  mutePlayStreamAudio(streamID: string, mute: boolean): Promise<boolean>;
  muteAllPlayVideoStreams(mute: boolean): Promise<boolean>;
  muteAllPlayAudioStreams(mute: boolean): Promise<boolean>;
  getPlayingStreamQuality(streamID: string): ZegoPlayStats | null;
  createRemoteStreamView(remoteStream: MediaStream): ZegoStreamView;
  createLocalStreamView(localStream: LocalStream): ZegoStreamView;
  setSoundLevelDelegate(enable: boolean, interval?: number, options?: SoundLevelDelegateOptions): void;

  // Parlour's own
  /** Replays a past call, or this one up to now. */
  replayRoom(roomID: string, options?: ZegoReplayOptions): Promise<ZegoReplay>;
  /** The server's clock in unix milliseconds, and how far off it may be; zeros before the first login. */
  getNetworkTimeInfo(): { timestamp: number; maxDeviation: number };
  /** Leaves every room, ends every track. Afterwards promises reject with 9000021 and booleans are false; methods that clean up answer as before. */
  destroyEngine(): Promise<void>;

  // Not offered
  addPublishCdnUrl(streamID: string, targetURL: string): Response;
  callExperimentalAPI(params: Record<string, any>): Promise<any>;
  createAudioEffectPlayer(localStream: LocalStream): ZegoAudioEffectPlayer;
  createCopyrightedMusic(): ZegoCopyrightedMusic;
  createRangeAudioInstance(): ZegoExpressRangeAudio;
  createRealTimeSequentialDataManager(roomID: string): ZegoRealTimeSequentialDataManager;
  createStreamCompositor(): ZegoStreamCompositor;
  destroyCopyrightedMusic(): void;
  destroyRealTimeSequentialDataManager(manager: ZegoRealTimeSequentialDataManager): void;
  enableAutoSwitchDevice(config: ZegoAutoSwitchDeviceConfig): void;
  enableBackgroundProcess(localStream: LocalStream, enable: boolean, segmentation: Segmentation): Response;
  enableDualStream(localStream: LocalStream): void;
  enableHardwareEncoder(enable: boolean): void;
  enableLiveAudioEffect(player: HTMLMediaElement, enable: boolean, mode: ZegoLiveAudioEffectMode): Response;
  enableVirtualStereo(localStream: LocalStream, enable: boolean, angle: number): Response;
  getElectronScreenSources(): Promise<ZegoElectronScreenSource[]>;
  initBackgroundModule(segmentation: Segmentation, assetsURL: string): Response;
  loadAudioEffect(audioEffectID: string, path: string): Promise<string>;
  removePublishCdnUrl(streamID: string, targetURL: string): Response;
  sendSEI(streamID: string, data: Uint8Array): boolean;
  sendTransparentMessage(roomID: string, message: ZegoRoomSendTransparentMessage): Response;
  setAudioChangerParam(player: HTMLMediaElement, pitch: number, mode: ZegoLiveAudioEffectMode): Response;
  setAudioFrameCallback(streamID: string, callback: ((audio: ZegoAudioFrame) => any) | null, options?: AudioFrameOptions): Response;
  setBackgroundBlurOptions(localStream: LocalStream, options: BackgroundBlurOptions): Promise<boolean>;
  setCaptureAudioFrameCallback(stream: LocalStream, callback: ((audio: ZegoAudioFrame) => any) | null, options?: AudioFrameOptions): Response;
  setCaptureVolume(localStream: LocalStream, volume: number): Response;
  setDummyCaptureImagePath(filePath: string, localStream: LocalStream): Promise<boolean>;
  setEngineConfig(config: any): void;
  setLowStreamParameter(localStream: LocalStream, parameter: { width: number; height: number; frameRate: number; bitRate: number }): void;
  setLowlightEnhancement(localStream: LocalStream, mode: ZegoLowlightEnhancementMode): Response;
  setMixerTaskConfig(config: ZegoMixStreamAdvance): Response;
  setMixingAudioVolume(streamID: string | LocalStream, volume: number, media: HTMLMediaElement): boolean;
  setPlayStreamVideoType(streamID: string, streamType: number): Promise<boolean>;
  setReverbPreset(localStream: LocalStream, preset: ZegoReverbPreset): Response;
  setSEIConfig(config: ZegoSEIConfig): void;
  setStreamAlignmentProperty(streamID: string, alignment: number): Promise<boolean>;
  setTransparentBackgroundOptions(localStream: LocalStream): Promise<boolean>;
  setTurnServer(turnServerList: { url: string; username: string; credential: string }[]): void;
  setVirtualBackgroundOptions(localStream: LocalStream, options: BackgroundVirtualOptions): Promise<boolean>;
  setVoiceChangerParam(localStream: LocalStream, voiceParam: number): Response;
  setVoiceChangerPreset(preset: ZegoVoiceChangerPreset, localStream: LocalStream): Response;
  startAutoMixerTask(task: ZegoAutoMixerTask): Response;
  startMixerTask(mixStreamConfig: ZegoMixStreamConfig): Response;
  startMixingAudio(streamID: string | LocalStream, mediaList: HTMLMediaElement[]): boolean;
  stopAutoMixerTask(task: { taskID: string; roomID: string }): Response;
  stopMixerTask(taskID: string): Response;
  stopMixingAudio(streamID: string | LocalStream, mediaList?: HTMLMediaElement[]): boolean;
  unloadAudioEffect(audioEffectID: string): boolean;
  uploadLog(): Promise<{ errorCode: number; extendedData: string }>;

  /** Internals that libraries reach into: nothing to rely on. */
  logger: any;
  zegoWebRTC: any;
  zegoWebRTM: any;
}
