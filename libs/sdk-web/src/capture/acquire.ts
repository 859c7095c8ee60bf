/** Gets media from cameras, microphones, screens and the page's own sources, with the vendor's codes for what can go wrong. */
import { Code } from "../codes";
import { failure, ZegoError } from "../errors";
import type { AudioWish, CaptureWish, CustomSource, VideoWish } from "./wishes";

/** The media of a wish, in one stream. */
export async function acquire(wish: CaptureWish): Promise<MediaStream> {
  switch (wish.kind) {
    case "camera":
      return fromCamera(wish.video, wish.audio);
    case "screen":
      return fromScreen(wish.video, wish.audio);
    case "custom":
      return new MediaStream([...customTracks(wish.video, "video"), ...customTracks(wish.audio, "audio")]);
  }
}

export async function fromCamera(video: VideoWish | false, audio: AudioWish | false): Promise<MediaStream> {
  const devices = mediaDevices();
  try {
    const stream = await devices.getUserMedia({ video: video && cameraConstraints(video), audio: audio && audioConstraints(audio) });
    if (video && video.hint) for (const track of stream.getVideoTracks()) track.contentHint = video.hint;
    return stream;
  } catch (fault) {
    throw captureError(fault);
  }
}

async function fromScreen(video: VideoWish | false, audio: AudioWish | false): Promise<MediaStream> {
  const devices = mediaDevices();
  if (typeof devices.getDisplayMedia !== "function") throw failure(Code.SCREEN_UNSUPPORTED, "this browser cannot share a screen");
  try {
    const stream = await devices.getDisplayMedia({ video: screenConstraints(video), audio: audio ? audioConstraints(audio) : false });
    if (!video) for (const track of stream.getVideoTracks()) stop(stream, track);
    if (video && video.hint) for (const track of stream.getVideoTracks()) track.contentHint = video.hint;
    return stream;
  } catch (fault) {
    const cancelled = fault instanceof DOMException && fault.name === "NotAllowedError";
    throw failure(cancelled ? Code.SCREEN_CANCELLED : Code.SCREEN_FAILED, `the screen was not shared: ${text(fault)}`);
  }
}

/** The tracks of a kind in a source of the page's own. */
export function customTracks(source: CustomSource | false, kind: "video" | "audio"): MediaStreamTrack[] {
  if (!source) return [];
  if (source instanceof MediaStreamTrack) return source.kind === kind ? [source] : [];
  const stream = source instanceof MediaStream ? source : captured(source);
  return kind === "video" ? stream.getVideoTracks() : stream.getAudioTracks();
}

function captured(element: HTMLMediaElement | HTMLCanvasElement): MediaStream {
  const capture = (element as { captureStream?: () => MediaStream; mozCaptureStream?: () => MediaStream }).captureStream
    ?? (element as { mozCaptureStream?: () => MediaStream }).mozCaptureStream;
  if (typeof capture !== "function") throw failure(Code.CAPTURE_FAILED, "this browser cannot capture the element", { field: "source" });
  return capture.call(element);
}

export function cameraConstraints(wish: VideoWish): MediaTrackConstraints {
  return {
    ...size(wish),
    ...(wish.deviceID ? { deviceId: { exact: wish.deviceID } } : {}),
    ...(wish.facingMode && !wish.deviceID ? { facingMode: wish.facingMode } : {}),
  };
}

function screenConstraints(wish: VideoWish | false): MediaTrackConstraints | boolean {
  return wish ? size(wish) : true;
}

function size({ width, height, frameRate }: VideoWish): MediaTrackConstraints {
  return { ...(width ? { width } : {}), ...(height ? { height } : {}), ...(frameRate ? { frameRate } : {}) };
}

export function audioConstraints(wish: AudioWish): MediaTrackConstraints {
  const { echoCancellation, noiseSuppression, autoGainControl, channelCount, deviceID } = wish;
  return {
    echoCancellation,
    noiseSuppression,
    autoGainControl,
    ...(channelCount ? { channelCount } : {}),
    ...(deviceID ? { deviceId: { exact: deviceID } } : {}),
  };
}

/** navigator.mediaDevices, or why there is none. */
export function mediaDevices(): MediaDevices {
  if (typeof navigator !== "undefined" && navigator.mediaDevices) return navigator.mediaDevices;
  const insecure = typeof isSecureContext !== "undefined" && !isSecureContext;
  throw failure(insecure ? Code.HTTPS_REQUIRED : Code.BROWSER, "devices are not to be had on this page", {
    hint: insecure ? "open it by https:// or on localhost" : "use a browser with WebRTC",
  });
}

const CAPTURE_CODES: Record<string, number> = {
  NotAllowedError: Code.CAPTURE_DENIED,
  SecurityError: Code.CAPTURE_DENIED,
  NotReadableError: Code.CAPTURE_BUSY,
  OverconstrainedError: Code.CAPTURE_CONSTRAINTS,
};

export function captureError(fault: unknown): ZegoError {
  if (fault instanceof ZegoError) return fault;
  const name = fault instanceof Error ? fault.name : "";
  return failure(CAPTURE_CODES[name] ?? Code.CAPTURE_FAILED, `camera or microphone: ${text(fault)}`);
}

function stop(stream: MediaStream, track: MediaStreamTrack): void {
  track.stop();
  stream.removeTrack(track);
}

function text(fault: unknown): string {
  return fault instanceof Error ? `${fault.name} ${fault.message}`.trim() : String(fault);
}
