/** What can be captured, as createZegoStream and ZegoLocalStream take it. */

/** A range, as the browser's own constraints have it. */
export interface ConstraintExtend {
  exact?: number;
  ideal?: number;
  max?: number;
  min?: number;
}

type Size = number | ConstraintExtend;
type Optimization = "default" | "motion" | "detail";
type StartBitrate = "default" | "target";

/** Browser processing of sound: noise suppression, gain control, echo cancellation. */
export interface AudioProcessing {
  ANS?: boolean;
  AGC?: boolean;
  AEC?: boolean;
}

export interface VideoSize {
  width?: Size;
  height?: Size;
  /** In pictures per second. */
  frameRate?: Size;
}

export interface ZegoCaptureMicrophone extends AudioProcessing {
  /** A deviceID that enumDevices named. */
  input?: string;
  channelCount?: 1 | 2;
}

interface CapturedVideo extends VideoSize {
  /** 1 to 3 are presets; 4 takes the size from this object. */
  quality?: 1 | 2 | 3 | 4;
  optimizationMode?: Optimization;
  keyFrameInterval?: number;
}

export interface ZegoCaptureCamera extends CapturedVideo {
  input?: string;
  facingMode?: "user" | "environment";
}

export interface ZegoCaptureScreenVideo extends CapturedVideo {
  sourceID?: string;
  captureElement?: HTMLElement;
}

export interface ZegoCaptureScreenAudio extends AudioProcessing {}

/** Where media of the page's own comes from. Elements need `captureStream`. */
export type CustomSource = MediaStream | MediaStreamTrack | HTMLMediaElement | HTMLCanvasElement;

export interface ZegoCustomAudio {
  source: CustomSource;
  channelCount?: 1 | 2;
}

export interface ZegoCustomVideo {
  source: CustomSource;
  optimizationMode?: Optimization;
  keyFrameInterval?: number;
}

/** One of camera, screen and custom; camera and microphone where nothing is said. Bitrates in kbps. */
export interface ZegoStreamOptions {
  autoCapture?: boolean;
  autoPlay?: boolean;
  captureView?: HTMLElement;
  view?: HTMLElement;
  multiplacePreview?: boolean;
  videoBitrate?: number | { bitrate?: number; startBitrate?: StartBitrate; minBitrate?: number };
  audioBitrate?: number;
  camera?: { video?: boolean | ZegoCaptureCamera; audio?: boolean | ZegoCaptureMicrophone };
  screen?: { video?: boolean | ZegoCaptureScreenVideo; audio?: boolean | ZegoCaptureScreenAudio };
  custom?: { video?: ZegoCustomVideo; audio?: ZegoCustomAudio };
}

interface LegacyVideo extends VideoSize {
  videoQuality?: 1 | 2 | 3 | 4;
  bitrate?: number;
  startBitrate?: StartBitrate;
  minBitrate?: number;
  videoOptimizationMode?: Optimization;
  keyFrameInterval?: number;
}

/** Camera and microphone for createStream. */
export interface ZegoCamera extends LegacyVideo, AudioProcessing {
  audio?: boolean;
  audioInput?: string;
  audioBitrate?: number;
  video?: boolean;
  videoInput?: string;
  facingMode?: "user" | "environment";
  channelCount?: 1 | 2;
}

/** A screen for createStream. */
export interface ZegoScreen extends LegacyVideo, AudioProcessing {
  audio?: boolean;
  bitRate?: number;
  sourceID?: string;
}

/** Media of the page's own for createStream. */
export interface ZegoCustom extends Omit<LegacyVideo, keyof VideoSize | "videoQuality"> {
  source: CustomSource;
  audioBitrate?: number;
  channelCount?: number;
}

export interface ZegoLocalStreamConfig {
  camera?: ZegoCamera;
  screen?: boolean | ZegoScreen;
  custom?: ZegoCustom;
}
