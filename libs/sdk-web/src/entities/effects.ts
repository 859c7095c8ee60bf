/** Effects on captured media. Only beauty is offered; the other names are there so that pages compile. */

export interface ZegoEffectsBeautyParam {
  /** Each 0 to 100; 50 where it is left out. */
  sharpenIntensity?: number;
  whitenIntensity?: number;
  rosyIntensity?: number;
  smoothIntensity?: number;
}

export enum ZegoLowlightEnhancementMode {
  Off,
  On,
}

export enum Segmentation {
  PortraitSegmentation,
}

export interface BackgroundBlurOptions {
  blurDegree?: number;
}

export interface BackgroundVirtualOptions {
  source?: HTMLImageElement;
  objectFit?: string;
}

export interface ZegoAudioEffectPlayOptions {
  path?: string;
}
