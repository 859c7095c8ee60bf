/** Whether the browser can hold calls at all: it has peer connections and streams. */
export function isSupportWebRTC(): boolean {
  return typeof RTCPeerConnection === "function" && typeof MediaStream === "function";
}
