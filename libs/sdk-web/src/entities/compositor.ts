/** Several streams in one picture, made in the page. Not offered: the names are there so that pages compile. */

export interface ZegoStreamCompositorLayoutOption {
  x: number;
  y: number;
  width: number;
  height: number;
  zOrder?: number;
}

export interface ZegoStreamCompositorInputOption {
  layout?: ZegoStreamCompositorLayoutOption;
  objectFit?: string;
  contentType?: string;
  volume?: number;
}

export interface ZegoStreamCompositorOutputConfig {
  width: number;
  height: number;
  frameRate?: number;
  bitrate?: number;
}
