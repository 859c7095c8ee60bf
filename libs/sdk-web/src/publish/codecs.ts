/** What publishing asks of codecs: which an offer names, in which order, and with which bitrate a browser begins. */
export type VideoCodec = "VP8" | "H264";

/** What the relay carries besides the codec itself. */
const COMPANIONS = /\/(rtx|red|ulpfec)$/i;

/** A bitrate up to this is used from the start, and at least this of a larger one: any line that carries a call carries it. */
const FULL_START_KBPS = 1000;
/** The share of a larger bitrate that is used from the start; congestion control raises it from there. */
const START_SHARE = 0.6;
/** What voice and headers take beside the picture. */
const AUDIO_KBPS = 100;

/** The wanted codec first, its companions behind it, and no other codec that the relay might pick instead. */
export function preferVideo(transceiver: RTCRtpTransceiver, codec: VideoCodec): void {
  const capabilities = senderCodecs();
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
  const codecs = senderCodecs();
  return codecs.length === 0 || codecs.some((entry) => entry.mimeType.toLowerCase() === `video/${codec.toLowerCase()}`);
}

/** The video codecs that this browser can send; none where it does not say. */
export function senderCodecs(): readonly RTCRtpCodec[] {
  return typeof RTCRtpSender === "undefined" ? [] : (RTCRtpSender.getCapabilities?.("video")?.codecs ?? []);
}

/** H.264 in single-packet mode is of no use to a relay with packets of one size. */
function packetized({ sdpFmtpLine = "", mimeType }: RTCRtpCodec): boolean {
  return !/h264/i.test(mimeType) || /packetization-mode=1/.test(sdpFmtpLine);
}

/**
 * The answer with a start bitrate on the video codecs of one m-line, so that a browser begins near the wanted bitrate instead of its own 300 kbps.
 * Chromium reads it; with less than it holds right for a size, it begins at half of that size and takes 8 to 16 s to come to the whole.
 */
export function withStartBitrate(sdp: string, mid: string, wantedKbps: number): string {
  const kbps = Math.round(Math.max(Math.min(wantedKbps, FULL_START_KBPS), wantedKbps * START_SHARE)) + AUDIO_KBPS;
  const [session, ...sections] = sdp.split(/(?=^m=)/m);
  return [session, ...sections.map((section) => (section.includes(`a=mid:${mid}\r\n`) ? withParameter(section, kbps) : section))].join("");
}

function withParameter(section: string, kbps: number): string {
  const parameter = `x-google-start-bitrate=${kbps}`;
  return [...section.matchAll(/^a=rtpmap:(\d+) (?:VP8|H264)\/90000\r\n/gim)].reduce((text, [line, payload]) => {
    const fmtp = new RegExp(`^a=fmtp:${payload} [^\\r\\n]*`, "m");
    return fmtp.test(text) ? text.replace(fmtp, (found) => `${found};${parameter}`) : text.replace(line, `${line}a=fmtp:${payload} ${parameter}\r\n`);
  }, section);
}
