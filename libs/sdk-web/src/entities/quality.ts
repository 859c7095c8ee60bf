/** The shapes of the quality callbacks, as pages read them. Rates are per second; bitrates in kbps; -1 means unknown. */

/** How good a medium or a network is. */
export enum QualityGrade {
  Unknown = -1,
  Excellent,
  Good,
  Middle,
  Poor,
  Die,
}

export interface ZegoPublishVideoStats {
  frameWidth: number;
  frameHeight: number;
  googCodecName: string;
  muteState: "0" | "1";
  videoBitrate: number;
  videoFPS: number;
  videoTransferFPS: number;
  videoPacketsLost: number;
  videoPacketsLostRate: number;
  videoQuality: number;
  isHardwareEncode?: boolean;
}

export interface ZegoPublishAudioStats {
  audioBitrate: number;
  audioCodec: string;
  googCodecName: string;
  audioFPS: number;
  audioPacketsLost: number;
  audioPacketsLostRate: number;
  audioQuality: number;
  muteState: "0" | "1";
}

export interface ZegoPlayVideoStats extends Omit<ZegoPublishVideoStats, "isHardwareEncode"> {
  videoRenderFPS: number;
  videoFramesDecoded: number;
  videoFramesDropped: number;
  /** Seconds spent in decoding. */
  videoCumulativeDecodeTime: number;
  /** Milliseconds in which the picture stood still. */
  videoCumulativeBreakTime: number;
  videoCumulativeBreakRate: number;
}

export interface ZegoPlayAudioStats extends ZegoPublishAudioStats {
  /** Jitter of arrival in milliseconds. */
  audioJitter: number;
  audioLevel: number;
  audioSendLevel: number;
  audioSamplingRate: number;
  audioCumulativeDecodeTime: number;
  audioCumulativeBreakTime: number;
  audioCumulativeBreakRate: number;
}

export interface ZegoPublishStats {
  video: ZegoPublishVideoStats;
  audio: ZegoPublishAudioStats;
  /** Parlour's own: milliseconds to the relay and back. */
  rtt?: number;
}

export interface ZegoPlayStats {
  video: ZegoPlayVideoStats;
  audio: ZegoPlayAudioStats;
  /** Milliseconds from the relay, half the round trip and the jitter buffer. */
  peerToPeerDelay: number | undefined;
  peerToPeerPacketLostRate: number | undefined;
}

export interface ZegoSoundLevelInfo {
  streamID: string;
  /** From 0 to 100. */
  soundLevel: number;
  type: "push" | "pull";
}

export interface SoundLevelDelegateOptions {
  enableInBackground?: boolean;
}

/** 1001 to 1010 are anomalies of a stream; 1000 more is the same one's end. */
export enum ExceptionCode {
  captureFpsToLow = 1001,
  captureVolumeToLow,
  sendVideoBitrateToLow,
  sendFpsToLow,
  sendAudioBitrateToLow,
  receiveVolumeToLow,
  receiveAudioDecodedFail,
  receiveVideoDecodedFail,
  receiveVideoFpsDecodedToLow,
  renderVideoFpsToLow,
  captureFpsNormal = 2001,
  captureVolumeNormal,
  sendVideoBitrateNormal,
  sendFpsNormal,
  sendAudioBitrateNormal,
  receiveVolumeNormal,
  receiveAudioDecodedNormal,
  receiveVideoDecodedNormal,
  receiveVideoFpsDecodedNormal,
  renderVideoFpsNormal,
}

export interface ExceptionData {
  code: ExceptionCode;
  message: string;
}
