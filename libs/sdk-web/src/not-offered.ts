/**
 * What the vendor's engine has and this one lacks: methods, and objects that it makes so that pages run. Each method answers in the vendor's
 * shape and does nothing: a promise rejects with 9000020, `false` or nothing is answered otherwise.
 */
import type {
  AiDenoiseMode, AudioFrameOptions, BackgroundBlurOptions, BackgroundVirtualOptions, Segmentation, ZegoAudioEffectPlayOptions, ZegoAudioFrame,
  ZegoAutoMixerTask, ZegoAutoSwitchDeviceConfig, ZegoCopyrightedMusicConfig, ZegoCopyrightedMusicDownloadResponse, ZegoCopyrightedMusicEvent,
  ZegoCopyrightedMusicGetKrcLyricByTokenResponse, ZegoCopyrightedMusicGetLrcLyricResponse, ZegoCopyrightedMusicGetStandardPitchResponse,
  ZegoCopyrightedMusicRequestConfig, ZegoCopyrightedMusicRequestResourceResponse, ZegoCopyrightedMusicRequestSharedResourceByTokenConfig,
  ZegoCopyrightedMusicResourceType, ZegoCopyrightedMusicSendExtendedRequestResponse, ZegoCopyrightedMusicVendorID, ZegoDataChannelEvent,
  ZegoElectronScreenSource, ZegoLiveAudioEffectMode, ZegoLowlightEnhancementMode, ZegoMixStreamAdvance, ZegoMixStreamConfig, ZegoRangeAudioEvent,
  ZegoRangeAudioListenMode, ZegoRangeAudioMode, ZegoRangeAudioSpeakMode, ZegoRangeAudioUserUpdateCheckConfig, ZegoReverbPreset,
  ZegoRoomSendTransparentMessage, ZegoSEIConfig, ZegoServerResponse, ZegoStartScoreParams, ZegoStreamCompositorInputOption, ZegoStreamCompositorOutputConfig,
  ZegoVoiceChangerPreset,
} from "./entities";
import type { ZegoLocalStream } from "./capture/local-stream";
import type { ZegoStreamView } from "./view/stream-view";

type LocalStream = MediaStream | ZegoLocalStream;
type Response = Promise<ZegoServerResponse>;

/** Methods of the engine without an effect. */
export interface NotOffered {
  addPublishCdnUrl(streamID: string, targetURL: string): Response;
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
}

export interface ZegoAudioEffectPlayer {
  start(audioEffectID: string, options?: ZegoAudioEffectPlayOptions, onStart?: Function, onEnd?: Function): void;
  stop(audioEffectID?: string): boolean;
  pause(audioEffectID?: string): boolean;
  resume(audioEffectID?: string): boolean;
  setVolume(audioEffectID: string, volume: number, delay?: number): boolean;
  seekTo(audioEffectID: string, time: number): boolean;
  getTotalDuration(audioEffectID: string): number;
  getCurrentProgress(audioEffectID: string): number;
}

export interface ZegoRealTimeSequentialDataManager {
  readonly roomID: string;
  reset(): void;
  startBroadcasting(streamID: string): Promise<boolean>;
  stopBroadcasting(streamID: string): boolean;
  sendRealTimeSequentialData(streamID: string, data: ArrayBuffer): boolean;
  startSubscribing(streamID: string): Promise<boolean>;
  stopSubscribing(streamID: string): boolean;
  on<Name extends keyof ZegoDataChannelEvent>(event: Name, callBack: ZegoDataChannelEvent[Name]): void;
  off<Name extends keyof ZegoDataChannelEvent>(event: Name, callBack: ZegoDataChannelEvent[Name]): void;
}

export interface ZegoStreamCompositor {
  addImage(image: HTMLImageElement, option: ZegoStreamCompositorInputOption): void;
  removeImage(image: HTMLImageElement): void;
  setInputEndpoint(stream: LocalStream, option: ZegoStreamCompositorInputOption): Promise<void>;
  setOutputConfig(config: ZegoStreamCompositorOutputConfig): void;
  startComposingStream(): Promise<MediaStream>;
  stopComposingStream(): Promise<boolean>;
}

export interface ZegoExpressRangeAudio {
  enableAiDenoise(enable: boolean): boolean;
  setAiDenoiseMode(mode: AiDenoiseMode): boolean;
  enableAudioSourceUpdateChecker(update: boolean, config?: ZegoRangeAudioUserUpdateCheckConfig): void;
  on<Name extends keyof ZegoRangeAudioEvent>(event: Name, callBack: ZegoRangeAudioEvent[Name]): boolean;
  off<Name extends keyof ZegoRangeAudioEvent>(event: Name, callBack?: ZegoRangeAudioEvent[Name]): boolean;
  setAudioReceiveRange(range: number): void;
  updateSelfPosition(position: number[], axisForward: number[], axisRight: number[], axisUp: number[]): void;
  updateAudioSource(userID: string, position: number[]): void;
  enableSpatializer(enable: boolean): void;
  enableMicrophone(enable: boolean): void;
  selectMicrophone(deviceID: string): Promise<boolean>;
  selectSpeaker(deviceID: string): void;
  enableSpeaker(enable: boolean): void;
  setRangeAudioCustomMode(speakMode: ZegoRangeAudioSpeakMode, listenMode: ZegoRangeAudioListenMode): void;
  setRangeAudioMode(mode: ZegoRangeAudioMode): void;
  setTeamID(teamID?: string): void;
  setPositionUpdateFrequency(frequency: number): void;
  setRangeAudioVolume(volume: number): void;
  setVoiceChangerPreset(preset: ZegoVoiceChangerPreset): boolean;
  setVoiceChangerParam(voiceParam: number): boolean;
  isAudioContextRunning(): boolean;
  resumeAudioContext(): Promise<boolean>;
  setStreamVocalRange(view: ZegoStreamView, range: number): void;
  updateStreamPosition(view: ZegoStreamView, position: number[]): void;
  setCustomSourceVocalRange(media: HTMLMediaElement, range: number): void;
  updateCustomSourcePosition(media: HTMLMediaElement, position: number[]): void;
}

export interface ZegoCopyrightedMusic {
  destroyInstance(): void;
  initCopyrightedMusic(config: ZegoCopyrightedMusicConfig): Promise<number>;
  sendExtendedRequest(command: string, params: any): Promise<ZegoCopyrightedMusicSendExtendedRequestResponse>;
  requestResource(config: ZegoCopyrightedMusicRequestConfig, type: ZegoCopyrightedMusicResourceType): Promise<ZegoCopyrightedMusicRequestResourceResponse>;
  getSharedResource(config: ZegoCopyrightedMusicRequestConfig, type: ZegoCopyrightedMusicResourceType): Promise<ZegoCopyrightedMusicRequestResourceResponse>;
  getSharedResourceByToken(config: ZegoCopyrightedMusicRequestSharedResourceByTokenConfig): Promise<ZegoCopyrightedMusicRequestResourceResponse>;
  getLrcLyric(songID: string, vendorID: ZegoCopyrightedMusicVendorID): Promise<ZegoCopyrightedMusicGetLrcLyricResponse>;
  getKrcLyricByToken(krcToken: string): Promise<ZegoCopyrightedMusicGetKrcLyricByTokenResponse>;
  download(resourceID: string): Promise<ZegoCopyrightedMusicDownloadResponse>;
  clearCache(): void;
  startScore(params: ZegoStartScoreParams): Promise<number>;
  stopScore(resourceID: string): number;
  pauseScore(resourceID: string): number;
  resumeScore(resourceID: string): number;
  resetScore(resourceID: string): number;
  getPreviousScore(resourceID: string): Promise<number>;
  getAverageScore(resourceID: string): Promise<number>;
  getTotalScore(resourceID: string): Promise<number>;
  getFullScore(resourceID: string): Promise<number>;
  getStandardPitch(resourceID: string): Promise<ZegoCopyrightedMusicGetStandardPitchResponse>;
  getCurrentPitch(resourceID: string): Promise<number>;
  setScoringLevel(level: number): void;
  getDuration(resourceID: string): number;
  on<Name extends keyof ZegoCopyrightedMusicEvent>(event: Name, callBack: ZegoCopyrightedMusicEvent[Name]): boolean;
  off<Name extends keyof ZegoCopyrightedMusicEvent>(event: Name, callBack?: ZegoCopyrightedMusicEvent[Name]): boolean;
}
