/** Small questions about the browser that pages ask before they have an engine. */
export const WebRTCUtil = {
  /** Whether the browser can hold calls at all. */
  isSupportWebRTC(): boolean {
    return typeof RTCPeerConnection === "function" && typeof MediaStream === "function";
  },
  /** Whether the page may use camera and microphone. */
  isSecureContext(): boolean {
    return typeof isSecureContext !== "undefined" && isSecureContext;
  },
};
