/** What this browser can do, asked of the browser itself. Nothing here rejects: what is missing is named in `errInfo`. */
import { tryDevice } from "./devices";
import type { ZegoCapabilityDetection, ZegoVideoCodec } from "./entities";

/** The result with every check done. */
type Detected = Required<Omit<ZegoCapabilityDetection, "result" | "videoCodec">> & { videoCodec: Required<ZegoVideoCodec>; result?: boolean };
type Codecs = Detected["videoCodec"];
export type CheckType = "webRTC" | "customCapture" | "camera" | "microphone" | "screenSharing" | keyof Codecs;

/** All checks, or the one of `checkType`, whose answer is `result` too. Camera and microphone are opened for a moment. */
export async function detect(checkType?: CheckType): Promise<Detected> {
  const wanted = (type: CheckType) => checkType === undefined || checkType === type;
  const found = quick();
  const devices = (["camera", "microphone"] as const).filter(wanted);
  const attempt = async (device: "camera" | "microphone") => {
    await tryDevice(device === "camera" ? "video" : "audio");
    found[device] = true;
  };
  await Promise.all(devices.map((device) => attempt(device).catch(({ name, message }: Error) => (found.errInfo[device] = { name, message }))));
  if (checkType !== undefined) found.result = checkType in found.videoCodec ? found.videoCodec[checkType as keyof Codecs] : Boolean(found[checkType as "webRTC"]);
  return found;
}

function quick(): Detected {
  const webRTC = isSupportWebRTC();
  const customCapture = typeof HTMLMediaElement !== "undefined" && ("captureStream" in HTMLMediaElement.prototype || "mozCaptureStream" in HTMLMediaElement.prototype);
  const screenSharing = typeof navigator !== "undefined" && typeof navigator.mediaDevices?.getDisplayMedia === "function";
  const missing = (message: string) => ({ name: "NotSupportedError", message });
  return {
    webRTC,
    customCapture,
    camera: false,
    microphone: false,
    screenSharing,
    videoCodec: videoCodecs(),
    errInfo: {
      ...(webRTC ? {} : { webRTC: missing("the browser has no RTCPeerConnection") }),
      ...(customCapture ? {} : { customCapture: missing("the browser has no captureStream") }),
    },
  };
}

function videoCodecs(): Codecs {
  const names = new Set<string>();
  if (typeof RTCRtpSender !== "undefined") {
    for (const { mimeType } of RTCRtpSender.getCapabilities?.("video")?.codecs ?? []) names.add(mimeType.toUpperCase());
  }
  const has = (name: string) => names.has(`VIDEO/${name}`);
  return { H264: has("H264"), VP8: has("VP8"), H265: has("H265"), VP9: has("VP9") };
}

/** Whether the browser can hold calls at all: it has peer connections and streams. */
function isSupportWebRTC(): boolean {
  return typeof RTCPeerConnection === "function" && typeof MediaStream === "function";
}

/** Questions about the browser that pages ask before they have an engine. */
export const WebRTCUtil = {
  isSupportWebRTC,
  /** Whether the page may use camera and microphone. */
  isSecureContext(): boolean {
    return typeof isSecureContext !== "undefined" && isSecureContext;
  },
  /** The engine's checkSystemRequirements, whose result a callback gets. */
  async supportDetection(_screenShotReady: boolean, success: (result: ZegoCapabilityDetection) => void, _checkLevel: 0 | 1, type?: string): Promise<void> {
    success(await detect(type as CheckType | undefined));
  },
};
