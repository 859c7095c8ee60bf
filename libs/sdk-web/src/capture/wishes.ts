/**
 * What a page asks createZegoStream or createStream for, brought to one form. Pages mix the shapes of several SDK generations:
 * nested `video: {quality}`, flat `videoQuality` beside it, `bitrate` or `videoBitrate`, `screen: true`.
 */
import { Code } from "../codes";
import { failure } from "../errors";

export interface VideoWish {
  deviceID?: string;
  facingMode?: string;
  width?: ConstrainULong;
  height?: ConstrainULong;
  frameRate?: ConstrainDouble;
  kbps: number;
  hint: "" | "motion" | "detail";
}

export interface AudioWish {
  deviceID?: string;
  channelCount?: number;
  echoCancellation: boolean;
  noiseSuppression: boolean;
  autoGainControl: boolean;
  kbps: number;
}

export type CustomSource = MediaStream | MediaStreamTrack | HTMLMediaElement | HTMLCanvasElement;

export type CaptureWish =
  | { kind: "camera"; video: VideoWish | false; audio: AudioWish | false }
  | { kind: "screen"; video: VideoWish | false; audio: AudioWish | false }
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

/** One wish; exactly one of camera, screen and custom, or nothing, which means camera and microphone. */
export function readWish(options: unknown): CaptureWish {
  const given: Loose = options === undefined || options === null ? {} : (options as Loose);
  if (typeof given !== "object") throw failure(Code.PARAMETER, "the stream's options are not an object", { field: "options" });
  const named = ["camera", "screen", "custom"].filter((name) => given[name]);
  if (named.length > 1) {
    throw failure(Code.PARAMETER, `${named.join(" and ")} exclude each other`, { field: "options", hint: "make one stream for each" });
  }
  if (given.screen) return screenWish(given.screen === true ? {} : given.screen, given);
  if (given.custom) return customWish(given.custom, given);
  return cameraWish(typeof given.camera === "object" ? given.camera : {}, given);
}

export function cameraWish(camera: Loose, outer: Loose = {}): CaptureWish {
  const video = camera.video === false ? false : cameraVideo(merged(camera, camera.video), outer);
  const audio = camera.audio === false ? false : audioWish(merged(camera, camera.audio), outer);
  if (!video && !audio) throw failure(Code.PARAMETER, "neither video nor audio was asked for", { field: "camera" });
  return { kind: "camera", video, audio };
}

export function screenWish(screen: Loose, outer: Loose = {}): CaptureWish {
  const flat = merged(screen, screen.video);
  const preset = SCREEN_PRESETS[quality(flat)] ?? SCREEN_PRESETS[DEFAULT_QUALITY]!;
  const video: VideoWish = {
    width: flat.width,
    height: flat.height,
    frameRate: flat.frameRate ?? preset.frameRate,
    kbps: kilobits(outer.videoBitrate ?? flat.videoBitrate ?? flat.bitrate) ?? preset.kbps,
    hint: hint(flat.optimizationMode),
  };
  return { kind: "screen", video: screen.video === false ? false : video, audio: screen.audio ? audioWish(merged(screen, screen.audio), outer) : false };
}

function customWish(custom: Loose, outer: Loose): CaptureWish {
  const both = custom.source as CustomSource | undefined;
  const video = (custom.video?.source ?? both ?? false) as CustomSource | false;
  const audio = (custom.audio?.source ?? both ?? false) as CustomSource | false;
  if (!video && !audio) throw failure(Code.PARAMETER, "custom names no source", { field: "custom", hint: "custom: {video: {source}, audio: {source}}" });
  const videoKbps = kilobits(outer.videoBitrate ?? custom.videoBitrate ?? custom.bitrate) ?? CAMERA_PRESETS[DEFAULT_QUALITY]!.kbps;
  return { kind: "custom", video, audio, videoKbps, audioKbps: kilobits(outer.audioBitrate ?? custom.audioBitrate) ?? AUDIO_KBPS };
}

/** A nested object over the flat fields beside it. */
function merged(flat: Loose, nested: unknown): Loose {
  return typeof nested === "object" && nested !== null ? { ...flat, ...nested } : flat;
}

function cameraVideo(wish: Loose, outer: Loose): VideoWish {
  const preset = CAMERA_PRESETS[quality(wish)];
  const fallback = CAMERA_PRESETS[DEFAULT_QUALITY]!;
  return {
    deviceID: wish.videoInput ?? wish.input,
    facingMode: wish.facingMode,
    width: preset?.width ?? wish.width ?? fallback.width,
    height: preset?.height ?? wish.height ?? fallback.height,
    frameRate: preset?.frameRate ?? wish.frameRate ?? fallback.frameRate,
    kbps: kilobits(outer.videoBitrate ?? wish.videoBitrate ?? wish.bitrate) ?? preset?.kbps ?? fallback.kbps,
    hint: hint(wish.optimizationMode),
  };
}

function audioWish(wish: Loose, outer: Loose): AudioWish {
  return {
    deviceID: wish.audioInput ?? (typeof wish.audio === "object" ? wish.audio.input : wish.input),
    channelCount: wish.channelCount,
    echoCancellation: wish.AEC ?? true,
    noiseSuppression: wish.ANS ?? true,
    autoGainControl: wish.AGC ?? true,
    kbps: kilobits(outer.audioBitrate ?? wish.audioBitrate) ?? AUDIO_KBPS,
  };
}

function quality(wish: Loose): number {
  const named = wish.quality ?? wish.videoQuality;
  if (named !== undefined) return Number(named);
  return wish.width !== undefined || wish.height !== undefined ? 4 : DEFAULT_QUALITY;
}

function kilobits(bitrate: unknown): number | undefined {
  const value = typeof bitrate === "object" && bitrate !== null ? (bitrate as Loose).bitrate : bitrate;
  return typeof value === "number" && value > 0 ? value : undefined;
}

function hint(mode: unknown): VideoWish["hint"] {
  return mode === "motion" || mode === "detail" ? mode : "";
}
