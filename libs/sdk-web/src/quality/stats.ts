/** The shapes of the quality callbacks, as pages read them. Rates are per second; bitrates in kbps; -1 means unknown. */

/** -1 unknown, 0 excellent … 4 dead. */
export type QualityGrade = -1 | 0 | 1 | 2 | 3 | 4;

export interface VideoStats {
  frameWidth: number;
  frameHeight: number;
  googCodecName: string;
  muteState: "0" | "1";
  videoBitrate: number;
  videoFPS: number;
  videoTransferFPS: number;
  videoPacketsLost: number;
  videoPacketsLostRate: number;
  videoQuality: QualityGrade;
}

export interface AudioStats {
  audioBitrate: number;
  audioCodec: string;
  googCodecName: string;
  audioFPS: number;
  audioPacketsLost: number;
  audioPacketsLostRate: number;
  audioQuality: QualityGrade;
  muteState: "0" | "1";
}

export interface PublishVideoStats extends VideoStats {
  isHardwareEncode?: boolean;
}

export interface PlayVideoStats extends VideoStats {
  videoRenderFPS: number;
  videoFramesDecoded: number;
  videoFramesDropped: number;
  /** Seconds. */
  videoCumulativeDecodeTime: number;
  /** Milliseconds in which the picture stood still. */
  videoCumulativeBreakTime: number;
  videoCumulativeBreakRate: number;
}

export interface PlayAudioStats extends AudioStats {
  /** Milliseconds. */
  audioJitter: number;
  audioLevel: number;
  audioSendLevel: number;
  audioSamplingRate: number;
  audioCumulativeDecodeTime: number;
  audioCumulativeBreakTime: number;
  audioCumulativeBreakRate: number;
}

export interface ZegoPublishStats {
  video: PublishVideoStats;
  audio: AudioStats;
  /** Milliseconds to the relay and back. */
  rtt: number;
}

export interface ZegoPlayStats {
  video: PlayVideoStats;
  audio: PlayAudioStats;
  /** Milliseconds from the relay, half the round trip and the jitter buffer. */
  peerToPeerDelay: number;
  peerToPeerPacketLostRate: number;
}
