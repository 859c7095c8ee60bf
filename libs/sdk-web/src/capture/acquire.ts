/** Gets media from cameras, microphones, screens and the page's own sources, with the vendor's codes for what can go wrong. */
import { Code, failure, ZegoError } from "../errors";
import type { CustomSource, VideoSize } from "../entities";
import type { AudioOptions, CaptureOptions, VideoOptions } from "./capture-options";

/** Opens the devices or sources of the options; resolves with their tracks in one stream, rejects with the vendor's code. */
export async function captureMedia(options: CaptureOptions): Promise<MediaStream> {
  if (options.kind === "custom") return new MediaStream([...customTracks(options.video, "video"), ...customTracks(options.audio, "audio")]);
  const { video, audio } = options;
  const stream = await (options.kind === "camera" ? openCamera(video, audio) : openScreen(video, audio));
  if (video && video.hint) for (const track of stream.getVideoTracks()) track.contentHint = video.hint;
  return stream;
}

async function openCamera(video: VideoOptions | false, audio: AudioOptions | false): Promise<MediaStream> {
  const devices = mediaDevices();
  try {
    return await devices.getUserMedia({ video: video && cameraConstraints(video), audio: audio && audioConstraints(audio) });
  } catch (fault) {
    throw captureError(fault);
  }
}

/** A screen is always shared with its picture, which is left out where it is not wanted. */
async function openScreen(video: VideoOptions | false, audio: AudioOptions | false): Promise<MediaStream> {
  const devices = mediaDevices();
  if (typeof devices.getDisplayMedia !== "function") throw failure(Code.SCREEN_UNSUPPORTED, "this browser cannot share a screen");
  try {
    const stream = await devices.getDisplayMedia({ video: video ? sizeConstraints(video) : true, audio: audio && audioConstraints(audio) });
    for (const track of video ? [] : stream.getVideoTracks()) {
      track.stop();
      stream.removeTrack(track);
    }
    return stream;
  } catch (fault) {
    const cancelled = fault instanceof DOMException && fault.name === "NotAllowedError";
    throw failure(cancelled ? Code.SCREEN_CANCELLED : Code.SCREEN_FAILED, `the screen was not shared: ${faultText(fault)}`);
  }
}

/** The tracks of a kind in a source of the page's own. */
function customTracks(source: CustomSource | false, kind: "video" | "audio"): MediaStreamTrack[] {
  if (!source) return [];
  if (source instanceof MediaStreamTrack) return source.kind === kind ? [source] : [];
  const stream = source instanceof MediaStream ? source : captureElement(source);
  return kind === "video" ? stream.getVideoTracks() : stream.getAudioTracks();
}

function captureElement(element: HTMLMediaElement | HTMLCanvasElement): MediaStream {
  const { captureStream, mozCaptureStream } = element as { captureStream?: () => MediaStream; mozCaptureStream?: () => MediaStream };
  const capture = captureStream ?? mozCaptureStream;
  if (typeof capture !== "function") throw failure(Code.CAPTURE_FAILED, "this browser cannot capture the element", { field: "source" });
  return capture.call(element);
}

function cameraConstraints(options: VideoOptions): MediaTrackConstraints {
  return {
    ...sizeConstraints(options),
    ...(options.deviceID ? { deviceId: { exact: options.deviceID } } : {}),
    ...(options.facingMode && !options.deviceID ? { facingMode: options.facingMode } : {}),
  };
}

/** Size and rate without those that are left out. */
export function sizeConstraints({ width, height, frameRate }: VideoSize): MediaTrackConstraints {
  return { ...(width ? { width } : {}), ...(height ? { height } : {}), ...(frameRate ? { frameRate } : {}) };
}

function audioConstraints(options: AudioOptions): MediaTrackConstraints {
  const { echoCancellation, noiseSuppression, autoGainControl, channelCount, deviceID } = options;
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
  return failure(CAPTURE_CODES[name] ?? Code.CAPTURE_FAILED, `camera or microphone: ${faultText(fault)}`);
}

function faultText(fault: unknown): string {
  return fault instanceof Error ? `${fault.name} ${fault.message}`.trim() : String(fault);
}
