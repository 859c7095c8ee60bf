/** Objects that the engine makes so that pages run: each of their methods answers in the vendor's shape and does nothing. */
import type {
  AiDenoiseMode, ZegoAudioEffectPlayOptions, ZegoCopyrightedMusicConfig, ZegoCopyrightedMusicDownloadResponse, ZegoCopyrightedMusicEvent,
  ZegoCopyrightedMusicGetKrcLyricByTokenResponse, ZegoCopyrightedMusicGetLrcLyricResponse, ZegoCopyrightedMusicGetStandardPitchResponse,
  ZegoCopyrightedMusicRequestConfig, ZegoCopyrightedMusicRequestResourceResponse, ZegoCopyrightedMusicRequestSharedResourceByTokenConfig,
  ZegoCopyrightedMusicResourceType, ZegoCopyrightedMusicSendExtendedRequestResponse, ZegoCopyrightedMusicVendorID, ZegoDataChannelEvent,
  ZegoRangeAudioEvent, ZegoRangeAudioListenMode, ZegoRangeAudioMode, ZegoRangeAudioSpeakMode, ZegoRangeAudioUserUpdateCheckConfig,
  ZegoStartScoreParams, ZegoStreamCompositorInputOption, ZegoStreamCompositorOutputConfig, ZegoVoiceChangerPreset,
} from "../entities";
import type { ZegoLocalStream } from "./local-stream";
import type { ZegoStreamView } from "./stream-view";

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
  setInputEndpoint(stream: MediaStream | ZegoLocalStream, option: ZegoStreamCompositorInputOption): Promise<void>;
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
