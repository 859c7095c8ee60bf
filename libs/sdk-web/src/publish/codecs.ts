/** Which codecs an offer names, and in which order. */
import type { Kind } from "../negotiation/transceiver-pool";

export type VideoCodec = "VP8" | "H264";

/** What the relay carries besides the codec itself. */
const COMPANIONS = /\/(rtx|red|ulpfec)$/i;

/** The wanted codec first, its companions behind it, and no other codec that the relay might pick instead. */
export function preferVideo(transceiver: RTCRtpTransceiver, codec: VideoCodec): void {
  const capabilities = senderCodecs("video");
  const wanted = capabilities.filter((entry) => entry.mimeType.toLowerCase() === `video/${codec.toLowerCase()}` && packetized(entry));
  if (!wanted.length || typeof transceiver.setCodecPreferences !== "function") return;
  const companions = capabilities.filter((entry) => COMPANIONS.test(entry.mimeType));
  try {
    transceiver.setCodecPreferences([...wanted, ...companions]);
  } catch {
    // a browser that refuses its own capabilities in another order offers all; the relay picks the codec that the frame names
  }
}

/** Whether this browser can encode it; unknown counts as yes, the relay has the last word. */
export function canEncode(codec: VideoCodec): boolean {
  const codecs = senderCodecs("video");
  return codecs.length === 0 || codecs.some((entry) => entry.mimeType.toLowerCase() === `video/${codec.toLowerCase()}`);
}

export function senderCodecs(kind: Kind): readonly RTCRtpCodec[] {
  if (typeof RTCRtpSender === "undefined" || typeof RTCRtpSender.getCapabilities !== "function") return [];
  return RTCRtpSender.getCapabilities(kind)?.codecs ?? [];
}

/** H.264 in single-packet mode is of no use to a relay with packets of one size. */
function packetized({ sdpFmtpLine = "", mimeType }: RTCRtpCodec): boolean {
  return !/h264/i.test(mimeType) || /packetization-mode=1/.test(sdpFmtpLine);
}
