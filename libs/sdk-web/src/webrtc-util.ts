/** Small questions about the browser that pages ask before they have an engine. */
import { detect, type CheckType } from "./detection";
import type { ZegoCapabilityDetection } from "./entities";
import { isSupportWebRTC } from "./webrtc-support";

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
