/** Streams: what publishing and playing take, and the states that are reported. */
import type { AudioProcessing, VideoSize } from "./capture";
import type { ZegoUser } from "./rooms";

export interface ZegoStreamList {
  streamID: string;
  user: ZegoUser;
  extraInfo: string;
  /** Addresses of live relays; this suite has none, so they are empty. */
  urlsFLV: string;
  urlsRTMP: string;
  urlsHLS: string;
  urlsHttpsFLV: string;
  urlsHttpsHLS: string;
}

interface StreamReport {
  streamID: string;
  errorCode: number;
  extendedData: string;
}

export interface ZegoPublisherState extends StreamReport {
  state: "PUBLISHING" | "NO_PUBLISH" | "PUBLISH_REQUESTING";
}

export interface ZegoPlayerState extends StreamReport {
  state: "NO_PLAY" | "PLAY_REQUESTING" | "PLAYING";
}

export enum ZegoStreamUpdateType {
  video,
  audio,
  videoAndAudio,
}

export enum ZegoSEIType {
  ZegoDefined,
  UserUnregister,
}

export enum ZegoInspectFlagType {
  Allow,
  NotAllow,
}

export enum TrafficControlFocusOnMode {
  TrafficControlFocusOnLocalOnly,
  TrafficControlFocusOnRemote,
}

export enum TrafficControlMinVideoBitrateMode {
  NoVideo,
}

/** Only extraInfo, videoCodec and roomID have an effect. */
export interface ZegoWebPublishOption {
  streamParams?: string;
  extraInfo?: string;
  /** VP8 unless another is given. */
  videoCodec?: "VP8" | "H264" | "H265";
  /** Needed where several rooms are logged in. */
  roomID?: string;
  isSEIStart?: boolean;
  SEIType?: ZegoSEIType;
  enableDTX?: boolean;
  inspectFlag?: ZegoInspectFlagType;
  trafficControlFocusOnMode?: TrafficControlFocusOnMode;
  trafficControlMinVideoBitrate?: number;
  trafficControlMinVideoMode?: TrafficControlMinVideoBitrateMode;
  enableTrafficControl?: boolean;
  enableAutoSwitchVideoCodec?: boolean;
  forceSynchronousNetworkTime?: 0 | 1;
}

type ResourceMode = 0 | 1 | 2 | 5;

export interface ZegoCustomPlayerResourceConfig {
  beforePublish: ResourceMode;
  publishing: ResourceMode;
  afterPublish: ResourceMode;
}

/** Only video, audio, jitterBufferTarget and roomID have an effect. */
export interface ZegoWebPlayOption {
  video?: boolean;
  audio?: boolean;
  streamParams?: string;
  /** Over 0 to 4000 milliseconds. */
  jitterBufferTarget?: number;
  /** Parlour's own: which of several rooms the stream is in. */
  roomID?: string;
  resourceMode?: ResourceMode;
  isSEIStart?: boolean;
  streamType?: 0 | 1 | 2;
  CDNPlayer?: any;
  CDNVideo?: HTMLVideoElement;
  playoutDelayHint?: number;
  enableLowLatency?: boolean;
  customResourceConfig?: ZegoCustomPlayerResourceConfig;
  codecTemplateID?: number;
  adaptiveSwitch?: boolean;
  adaptiveTemplateIDList?: number[];
  transcodeOnDecodeFail?: boolean;
  posterType?: 0 | 1 | 2;
}

export interface ZegoPublishStreamAudioConfig extends AudioProcessing {}

export interface ZegoPublishStreamConfig extends VideoSize {
  /** The limit in kbps. */
  maxBitrate?: number;
  videoQuality?: number;
}

export interface ZegoSEIConfig {
  unregisterSEIFilter?: string;
  SEIPass?: boolean;
  emulationPreventionByte?: boolean;
}

/** Codecs that publisherVideoEncoderChanged reports. */
export enum ZegoVideoCodecID {
  ZegoVideoCodecIDDefault = 0,
  ZegoVideoCodecIDVp8 = 2,
  ZegoVideoCodecIDH265 = 4,
}

export type PublisherVideoEncoderChangedCallBack = (fromCodecID: ZegoVideoCodecID, toCodecID: ZegoVideoCodecID, streamID: string) => void;

export interface ZegoStreamRelayCDNInfo {
  url: string;
  state: "NO_RELAY" | "RELAY_REQUESTING" | "RELAYING";
  updateReason: string;
  stateTime: number;
}

export interface AudioFrameOptions {
  frameSize?: number;
  sampleRate?: 8000 | 16000 | 22050 | 24000 | 32000 | 44100 | 48000;
  channelCount?: 1 | 2;
  bitDepth?: 32 | 16;
}

export interface ZegoAudioFrame {
  channels: Float32Array[] | Int16Array[];
  channelCount: number;
  sampleRate: number;
}

export interface ZegoDataChannelEvent {
  receiveRealTimeSequentialData(byte: ArrayBuffer, dataLength: number, streamID: string): void;
}
