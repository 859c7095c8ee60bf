/** Mixing of streams by a server. Not offered: the names are there so that pages compile. */

export interface ZegoMixStreamLayout {
  top: number;
  left: number;
  bottom: number;
  right: number;
}

export enum ZegoMixStreamRenderMode {
  AspectFill,
  AspectFit,
}

export enum ZegoFontType {
  ZegoFontTypeSourceHanSans,
  ZegoFontTypeAlibabaSans,
  ZegoFontTypePangMenZhengDaoTitle,
  ZegoFontTypeHappyZcool,
}

export interface ZegoFontStyle {
  type?: ZegoFontType;
  size?: number;
  color?: number;
  transparency?: number;
  border?: boolean;
  borderColor?: number;
}

export interface ZegoLabelInfo {
  text: string;
  left?: number;
  top?: number;
  font?: ZegoFontStyle;
}

export interface ZegoMixerImageInfo {
  url: string;
  displayMode?: number;
}

export interface ZegoMixStreamInput {
  streamID: string;
  contentType?: "VIDEO" | "AUDIO" | "VIDEO_ONLY";
  layout?: ZegoMixStreamLayout;
  renderMode?: ZegoMixStreamRenderMode;
  imageInfo?: ZegoMixerImageInfo;
  label?: ZegoLabelInfo;
  cornerRadius?: number;
  soundLevelID?: number;
  volume?: number;
  isAudioFocus?: boolean;
}

export enum ZegoEncodeProfile {
  ZegoEncodeProfileDefault,
  ZegoEncodeProfileBaseline,
  ZegoEncodeProfileMain,
  ZegoEncodeProfileHigh,
}

export interface ZegoMixerOutputVideoConfig {
  videoCodecID?: string;
  bitrate?: number;
  encodeProfile?: ZegoEncodeProfile;
  encodeLatency?: number;
  enableLowBitrateHD?: boolean;
}

export interface ZegoMixStreamOutput {
  target: string;
  videoConfig?: ZegoMixerOutputVideoConfig;
}

export enum ZegoAudioMixMode {
  ZegoAudioMixModeRaw,
  ZegoAudioMixModeFocused,
}

export interface ZegoMixStreamOutputConfig {
  outputBitrate: number;
  outputFPS: number;
  outputWidth: number;
  outputHeight: number;
  outputAudioCodecID?: 0 | 1 | 2 | 3;
  outputAudioBitrate?: number;
  outputAudioChannels?: 1 | 2;
  audioMixMode?: ZegoAudioMixMode;
}

export interface ZegoWatermark {
  imageURL: string;
  layout: ZegoMixStreamLayout;
}

export interface ZegoMixerWhiteboard {
  whiteboardID: string;
  horizontalRatio?: number;
  verticalRatio?: number;
  isPPTAnimation?: boolean;
  layout: ZegoMixStreamLayout;
  zOrder?: number;
  backgroundColor?: number;
}

export interface ZegoMixStreamConfig {
  taskID: string;
  inputList: ZegoMixStreamInput[];
  outputList: string[] | ZegoMixStreamOutput[];
  outputConfig: ZegoMixStreamOutputConfig;
  watermark?: ZegoWatermark;
  enableSoundLevel?: boolean;
  streamAlignmentMode?: number;
  whiteboard?: ZegoMixerWhiteboard;
}

export interface ZegoMixStreamAdvance {
  backgroundColor?: number;
  backgroundImage?: string;
  videoCodec?: "VP8" | "H264" | "H265" | "vp8" | "h264" | "h265";
  userData?: Uint8Array;
}

export enum ZegoAudioCodecID {
  ZegoAudioCodecIDNormal = 1,
  ZegoAudioCodecIDNormal2 = 2,
  ZegoAudioCodecIDLow3 = 6,
}

export interface ZegoMixerAudioConfig {
  bitrate?: number;
  channel?: 1 | 2;
  codecID?: ZegoAudioCodecID;
}

export interface ZegoAutoMixerTask {
  taskID: string;
  roomID: string;
  audioConfig?: ZegoMixerAudioConfig;
  outputList: ZegoMixStreamOutput[];
  enableSoundLevel?: boolean;
  streamAlignmentMode?: number;
  minPlayStreamBufferLength?: number;
}
