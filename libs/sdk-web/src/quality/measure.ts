/** From `getStats` to the fields that pages know: the few entries of a report that quality is made of, and what changed between two readings. Pure. */
import { type Kind, KINDS } from "../negotiation/transceiver-pool";
import type { QualityGrade, ZegoPlayAudioStats, ZegoPlayStats, ZegoPlayVideoStats, ZegoPublishAudioStats, ZegoPublishStats, ZegoPublishVideoStats } from "../entities";

type StatsEntry = Record<string, any>;

/** What one m-line sends or receives at a moment. Counters count from the start of the m-line's present stream. */
export interface Line {
  atMs: number;
  bytes: number;
  packets: number;
  lost: number;
  frames: number;
  /** The raw entry, for what only one side has. */
  entry: StatsEntry;
  codec: StatsEntry;
  source: StatsEntry;
}

export interface Report {
  /** The round trip on the nominated candidate pair, in milliseconds; 0 before one was measured. */
  rtt: number;
  line(mid: string | null): Line | undefined;
}

/** What a connection measures now; undefined where it is closed. */
export async function measureConnection(pc: RTCPeerConnection | undefined): Promise<Report | undefined> {
  return pc && pc.connectionState !== "closed" ? readReport(await pc.getStats()) : undefined;
}

export function readReport(stats: RTCStatsReport): Report {
  const byMid = new Map<string, StatsEntry>();
  let pair: StatsEntry | undefined;
  stats.forEach((entry: StatsEntry) => {
    if ((entry.type === "inbound-rtp" || entry.type === "outbound-rtp") && typeof entry.mid === "string") keepBusiest(byMid, entry);
    if (entry.type === "candidate-pair" && entry.nominated && entry.state === "succeeded") pair = entry;
  });
  const get = (id: unknown): StatsEntry => (typeof id === "string" ? (stats.get(id) as StatsEntry | undefined) : undefined) ?? {};
  return {
    rtt: Math.round(number(pair?.currentRoundTripTime) * 1000),
    line(mid) {
      const entry = mid === null ? undefined : byMid.get(mid);
      return entry && lineOf(entry, get(entry.remoteId), get(entry.codecId), get(entry.mediaSourceId));
    },
  };
}

/** An m-line that was recycled may still list the stream it carried before. */
function keepBusiest(byMid: Map<string, StatsEntry>, entry: StatsEntry): void {
  const before = byMid.get(entry.mid);
  const latest = (candidate: StatsEntry) => number(candidate.lastPacketReceivedTimestamp ?? candidate.packetsSent);
  if (!before || latest(entry) >= latest(before)) byMid.set(entry.mid, entry);
}

function lineOf(entry: StatsEntry, remote: StatsEntry, codec: StatsEntry, source: StatsEntry): Line {
  const sending = entry.type === "outbound-rtp";
  return {
    atMs: number(entry.timestamp),
    bytes: number(sending ? entry.bytesSent : entry.bytesReceived),
    packets: number(sending ? entry.packetsSent : entry.packetsReceived),
    lost: Math.max(0, number(sending ? remote.packetsLost : entry.packetsLost)),
    frames: number(sending ? entry.framesSent : entry.framesReceived),
    entry,
    codec,
    source,
  };
}

export function number(value: unknown): number {
  return typeof value === "number" && Number.isFinite(value) ? value : 0;
}

/** One stream's m-lines at a moment. */
export interface Reading {
  audio?: Line;
  video?: Line;
  rtt: number;
  /** By the page's clock. */
  atMs: number;
  muted: Readonly<Record<Kind, boolean>>;
}

/** What changed between two readings of a line, per second. */
interface Rates {
  kbps: number;
  packets: number;
  frames: number;
  lossRate: number;
  seconds: number;
}

export function publishStats(now: Reading, before: Reading | undefined): ZegoPublishStats {
  const video = rates(now.video, before?.video);
  const audio = rates(now.audio, before?.audio);
  const { powerEfficientEncoder } = now.video?.entry ?? {};
  const hardware = powerEfficientEncoder === undefined ? {} : { isHardwareEncode: Boolean(powerEfficientEncoder) };
  return { video: { ...sharedVideo(now, video), ...hardware }, audio: sharedAudio(now, audio), rtt: now.rtt };
}

export function playStats(now: Reading, before: Reading | undefined): ZegoPlayStats {
  const video = rates(now.video, before?.video);
  const audio = rates(now.audio, before?.audio);
  return {
    video: playVideo(now, before, video),
    audio: playAudio(now, before, audio),
    peerToPeerDelay: Math.round(now.rtt / 2 + bufferMs(now, before)),
    peerToPeerPacketLostRate: Math.max(video.lossRate, audio.lossRate),
  };
}

/** A share lost, and a round trip, as one grade. */
export function grade(flowing: boolean, lossRate: number, rtt: number): QualityGrade {
  if (!flowing) return -1;
  const byLoss = [0.01, 0.03, 0.08, 0.2].findIndex((limit) => lossRate <= limit);
  const byTime = [100, 200, 400, 800].findIndex((limit) => rtt <= limit);
  return Math.max(byLoss < 0 ? 4 : byLoss, byTime < 0 ? 4 : byTime) as QualityGrade;
}

function rates(now: Line | undefined, before: Line | undefined): Rates {
  const start = before && now && before.bytes <= now.bytes ? before : undefined;
  const seconds = now && start ? (now.atMs - start.atMs) / 1000 : 0;
  if (!now || !start || seconds <= 0) return { kbps: 0, packets: 0, frames: 0, lossRate: 0, seconds: 0 };
  const packets = now.packets - start.packets;
  const lost = Math.max(0, now.lost - start.lost);
  return {
    kbps: round((now.bytes - start.bytes) * 8 / 1000 / seconds),
    packets: round(packets / seconds),
    frames: round((now.frames - start.frames) / seconds),
    lossRate: lost && round(lost / (packets + lost), 4),
    seconds,
  };
}

function sharedVideo({ video, muted, rtt }: Reading, rate: Rates): Omit<ZegoPublishVideoStats, "isHardwareEncode"> {
  const entry = video?.entry ?? {};
  return {
    frameWidth: number(entry.frameWidth),
    frameHeight: number(entry.frameHeight),
    googCodecName: codecName(video),
    muteState: muted.video || !video ? "1" : "0",
    videoBitrate: rate.kbps,
    videoFPS: number(video?.source.framesPerSecond) || number(entry.framesPerSecond) || rate.frames,
    videoTransferFPS: rate.frames,
    videoPacketsLost: video?.lost ?? 0,
    videoPacketsLostRate: rate.lossRate,
    videoQuality: grade(rate.packets > 0, rate.lossRate, rtt),
  };
}

function sharedAudio({ audio, muted, rtt }: Reading, rate: Rates): ZegoPublishAudioStats {
  return {
    audioBitrate: rate.kbps,
    audioCodec: codecName(audio),
    googCodecName: codecName(audio),
    audioFPS: rate.packets,
    audioPacketsLost: audio?.lost ?? 0,
    audioPacketsLostRate: rate.lossRate,
    audioQuality: grade(rate.packets > 0, rate.lossRate, rtt),
    muteState: muted.audio || !audio ? "1" : "0",
  };
}

function playVideo(now: Reading, before: Reading | undefined, rate: Rates): ZegoPlayVideoStats {
  const entry = now.video?.entry ?? {};
  const rendered = growth("framesDecoded", now.video, before?.video) - growth("framesDropped", now.video, before?.video);
  const frozen = number(entry.totalFreezesDuration);
  return {
    ...sharedVideo(now, rate),
    videoRenderFPS: rate.seconds > 0 ? round(rendered / rate.seconds) : 0,
    videoFramesDecoded: number(entry.framesDecoded),
    videoFramesDropped: number(entry.framesDropped),
    videoCumulativeDecodeTime: round(number(entry.totalDecodeTime), 3),
    videoCumulativeBreakTime: Math.round(frozen * 1000),
    videoCumulativeBreakRate: share(frozen, number(entry.totalInterFrameDelay)),
  };
}

function playAudio(now: Reading, before: Reading | undefined, rate: Rates): ZegoPlayAudioStats {
  const entry = now.audio?.entry ?? {};
  const clock = number(now.audio?.codec.clockRate) || 48_000;
  const concealed = number(entry.concealedSamples) / clock;
  const heard = number(entry.totalSamplesReceived) / clock;
  const level = Math.round(number(entry.audioLevel) * 100);
  return {
    ...sharedAudio(now, rate),
    audioJitter: Math.round(number(entry.jitter) * 1000),
    audioLevel: level,
    audioSendLevel: level,
    audioSamplingRate: rate.seconds > 0 ? Math.round(growth("totalSamplesReceived", now.audio, before?.audio) / rate.seconds) : 0,
    audioCumulativeDecodeTime: round(heard, 3),
    audioCumulativeBreakTime: Math.round(concealed * 1000),
    audioCumulativeBreakRate: share(concealed, heard),
  };
}

/** By how much a counter that only one side has grew between two readings. */
function growth(counter: string, now: Line | undefined, before: Line | undefined): number {
  return number(now?.entry[counter]) - number(before?.entry[counter]);
}

/** Mean stay in the jitter buffer since the reading before; the longer of both kinds. */
function bufferMs(now: Reading, before: Reading | undefined): number {
  const delays = KINDS.map((kind) => {
    const grown = (counter: string) => growth(counter, now[kind], before?.[kind]);
    const count = grown("jitterBufferEmittedCount");
    return count > 0 ? (grown("jitterBufferDelay") / count) * 1000 : 0;
  });
  return Math.max(0, ...delays);
}

function codecName(line: Line | undefined): string {
  const type = line?.codec.mimeType;
  return typeof type === "string" ? type.slice(type.indexOf("/") + 1) : "";
}

function share(part: number, whole: number): number {
  return whole > 0 ? round(part / whole, 4) : 0;
}

function round(value: number, digits = 1): number {
  return Number(value.toFixed(digits));
}
