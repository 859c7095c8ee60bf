/** Showing and sounding streams in the page. */

export interface ZegoLocalAduioOptions {
  /** The SDK asks for a gesture itself where the browser wants one; on unless switched off. */
  enableAutoplayDialog?: boolean;
}

export interface ZegoLocalViewOptions extends ZegoLocalAduioOptions {
  mirror?: boolean;
  objectFit?: "cover" | "contain" | "fill";
  clearLastFrame?: boolean;
}

export interface ZegoStreamViewOptions extends ZegoLocalViewOptions {
  muted?: boolean;
}

export interface ZegoSnapshotOptions {
  /** png unless another is given. */
  imageType?: string;
  /** 0 to 1, for jpeg and webp. */
  quality?: number;
  /** Whether the browser downloads the picture too. */
  save?: boolean;
  fileName?: string;
}

export interface ZegoLocalStreamEvent {
  autoplayFailed(player: HTMLMediaElement, fault?: any): void;
  autoplayCaptureFailed(player: HTMLMediaElement, fault?: any): void;
  canPlayVideo(event: Event): void;
  canPlayAudio(event: Event): void;
  canPlayCaptureVideo(event: Event): void;
  canPlayCaptureAudio(event: Event): void;
  videoTrackChanged(track: MediaStreamTrack): void;
  audioTrackChanged(track: MediaStreamTrack): void;
  captureVideoTrackChanged(track: MediaStreamTrack): void;
  captureAudioTrackChanged(track: MediaStreamTrack): void;
}

export interface StreamViewEvent {
  autoplayFailed(): void;
  canPlayVideo(): void;
  canPlayAudio(): void;
}
