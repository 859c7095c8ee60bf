/**
 * Parses the options of createZegoStream and createStream to one form. Pages mix the shapes of several SDK generations:
 * nested `video: {quality}`, flat `videoQuality` beside it, `bitrate` or `videoBitrate`, `screen: true`.
 */
import { Code, failure } from "../errors";
import type { CustomSource } from "../entities";

export interface VideoOptions {
  deviceID?: string;
  facingMode?: string;
  width?: ConstrainULong;
  height?: ConstrainULong;
  frameRate?: ConstrainDouble;
  kbps: number;
  hint: "" | "motion" | "detail";
}

export interface AudioOptions {
  deviceID?: string;
  channelCount?: number;
  echoCancellation: boolean;
  noiseSuppression: boolean;
  autoGainControl: boolean;
  kbps: number;
}

export type CaptureOptions =
  | { kind: "camera" | "screen"; video: VideoOptions | false; audio: AudioOptions | false }
  | { kind: "custom"; video: CustomSource | false; audio: CustomSource | false; videoKbps: number; audioKbps: number };

type Loose = Record<string, any>;

export const CAMERA_PRESETS: Record<number, { width: number; height: number; frameRate: number; kbps: number }> = {
  1: { width: 320, height: 240, frameRate: 15, kbps: 300 },
  2: { width: 640, height: 480, frameRate: 15, kbps: 800 },
  3: { width: 1280, height: 720, frameRate: 20, kbps: 1500 },
};
const SCREEN_PRESETS: Record<number, { frameRate: number; kbps: number }> = {
  1: { frameRate: 20, kbps: 800 },
  2: { frameRate: 15, kbps: 1500 },
  3: { frameRate: 5, kbps: 2000 },
};
const DEFAULT_QUALITY = 2;
const AUDIO_KBPS = 48;

/** Parses the options: exactly one of camera, screen and custom, or nothing, which means camera and microphone. */
export function parseCaptureOptions(options: unknown): CaptureOptions {
  const given: Loose = options === undefined || options === null ? {} : (options as Loose);
  if (typeof given !== "object") throw failure(Code.PARAMETER, "the stream's options are not an object", { field: "options" });
  const named = ["camera", "screen", "custom"].filter((name) => given[name]);
  if (named.length > 1) {
    throw failure(Code.PARAMETER, `${named.join(" and ")} exclude each other`, { field: "options", hint: "make one stream for each" });
  }
  if (given.screen) return parseScreenOptions(given.screen === true ? {} : given.screen, given);
  if (given.custom) return parseCustomOptions(given.custom, given);
  return parseCameraOptions(typeof given.camera === "object" ? given.camera : {}, given);
}

export function parseCameraOptions(camera: Loose, flatOptions: Loose = {}): CaptureOptions {
  const video = camera.video === false ? false : parseVideoOptions(mergeOptions(camera, camera.video), flatOptions);
  const audio = camera.audio === false ? false : parseAudioOptions(mergeOptions(camera, camera.audio), flatOptions);
  if (!video && !audio) throw failure(Code.PARAMETER, "neither video nor audio was asked for", { field: "camera" });
  return { kind: "camera", video, audio };
}

export function parseScreenOptions(screen: Loose, flatOptions: Loose = {}): CaptureOptions {
  const flat = mergeOptions(screen, screen.video);
  const preset = SCREEN_PRESETS[qualityOf(flat)] ?? SCREEN_PRESETS[DEFAULT_QUALITY]!;
  const video: VideoOptions = {
    width: flat.width,
    height: flat.height,
    frameRate: flat.frameRate ?? preset.frameRate,
    kbps: kbpsOf(flatOptions.videoBitrate ?? flat.videoBitrate ?? flat.bitrate) ?? preset.kbps,
    hint: hintOf(flat.optimizationMode),
  };
  return { kind: "screen", video: screen.video === false ? false : video, audio: screen.audio ? parseAudioOptions(mergeOptions(screen, screen.audio), flatOptions) : false };
}

function parseCustomOptions(custom: Loose, flatOptions: Loose): CaptureOptions {
  const both = custom.source as CustomSource | undefined;
  const video = (custom.video?.source ?? both ?? false) as CustomSource | false;
  const audio = (custom.audio?.source ?? both ?? false) as CustomSource | false;
  if (!video && !audio) throw failure(Code.PARAMETER, "custom names no source", { field: "custom", hint: "custom: {video: {source}, audio: {source}}" });
  const videoKbps = kbpsOf(flatOptions.videoBitrate ?? custom.videoBitrate ?? custom.bitrate) ?? CAMERA_PRESETS[DEFAULT_QUALITY]!.kbps;
  return { kind: "custom", video, audio, videoKbps, audioKbps: kbpsOf(flatOptions.audioBitrate ?? custom.audioBitrate) ?? AUDIO_KBPS };
}

/** A nested object over the flat fields beside it. */
function mergeOptions(flat: Loose, nested: unknown): Loose {
  return typeof nested === "object" && nested !== null ? { ...flat, ...nested } : flat;
}

function parseVideoOptions(options: Loose, flatOptions: Loose): VideoOptions {
  const preset = CAMERA_PRESETS[qualityOf(options)];
  const fallback = CAMERA_PRESETS[DEFAULT_QUALITY]!;
  return {
    deviceID: options.videoInput ?? options.input,
    facingMode: options.facingMode,
    width: preset?.width ?? options.width ?? fallback.width,
    height: preset?.height ?? options.height ?? fallback.height,
    frameRate: preset?.frameRate ?? options.frameRate ?? fallback.frameRate,
    kbps: kbpsOf(flatOptions.videoBitrate ?? options.videoBitrate ?? options.bitrate) ?? preset?.kbps ?? fallback.kbps,
    hint: hintOf(options.optimizationMode),
  };
}

function parseAudioOptions(options: Loose, flatOptions: Loose): AudioOptions {
  return {
    deviceID: options.audioInput ?? (typeof options.audio === "object" ? options.audio.input : options.input),
    channelCount: options.channelCount,
    echoCancellation: options.AEC ?? true,
    noiseSuppression: options.ANS ?? true,
    autoGainControl: options.AGC ?? true,
    kbps: kbpsOf(flatOptions.audioBitrate ?? options.audioBitrate) ?? AUDIO_KBPS,
  };
}

function qualityOf(options: Loose): number {
  const named = options.quality ?? options.videoQuality;
  if (named !== undefined) return Number(named);
  return options.width !== undefined || options.height !== undefined ? 4 : DEFAULT_QUALITY;
}

function kbpsOf(bitrate: unknown): number | undefined {
  const value = typeof bitrate === "object" && bitrate !== null ? (bitrate as Loose).bitrate : bitrate;
  return typeof value === "number" && value > 0 ? value : undefined;
}

function hintOf(mode: unknown): VideoOptions["hint"] {
  return mode === "motion" || mode === "detail" ? mode : "";
}
