/** What this browser can do, asked of the browser itself. Nothing here rejects: what is missing is named in `errInfo`. */
import { tryDevice } from "./devices";
import { senderCodecs } from "./publish/codecs";
import type { ZegoCapabilityDetection, ZegoVideoCodec } from "./entities";

/** The result with every check done. */
type Detected = Required<Omit<ZegoCapabilityDetection, "result" | "videoCodec">> & { videoCodec: Required<ZegoVideoCodec>; result?: boolean };
type CheckType = "webRTC" | "customCapture" | "camera" | "microphone" | "screenSharing" | keyof ZegoVideoCodec;

/** All checks, or the one of `checkType`, whose answer is `result` too. Camera and microphone are opened for a moment. @internal */
export async function detect(checkType?: CheckType): Promise<Detected> {
  const webRTC = isSupportWebRTC();
  const customCapture = typeof HTMLMediaElement !== "undefined" && ("captureStream" in HTMLMediaElement.prototype || "mozCaptureStream" in HTMLMediaElement.prototype);
  const screenSharing = typeof navigator !== "undefined" && typeof navigator.mediaDevices?.getDisplayMedia === "function";
  const missing = (message: string) => ({ name: "NotSupportedError", message });
  const errInfo: Detected["errInfo"] = {
    ...(webRTC ? {} : { webRTC: missing("the browser has no RTCPeerConnection") }),
    ...(customCapture ? {} : { customCapture: missing("the browser has no captureStream") }),
  };
  const attempt = async (device: "camera" | "microphone") => {
    if (checkType !== undefined && checkType !== device) return false;
    try {
      await tryDevice(device === "camera" ? "video" : "audio");
      return true;
    } catch (fault) {
      const { name, message } = fault as Error;
      errInfo[device] = { name, message };
      return false;
    }
  };
  const [camera, microphone] = await Promise.all([attempt("camera"), attempt("microphone")]);
  const found: Detected = { webRTC, customCapture, camera, microphone, screenSharing, videoCodec: videoCodecs(), errInfo };
  if (checkType !== undefined) found.result = { ...found, ...found.videoCodec }[checkType];
  return found;
}

function videoCodecs(): Detected["videoCodec"] {
  const names = new Set(senderCodecs().map(({ mimeType }) => mimeType.toUpperCase()));
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
