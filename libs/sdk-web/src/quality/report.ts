/** Reads one getStats report: the few entries that quality is made of, found by m-line. */

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
  /** The other end's report of what we send. */
  remote: StatsEntry;
  codec: StatsEntry;
  source: StatsEntry;
}

export interface Report {
  /** The round trip on the nominated candidate pair, in milliseconds; 0 before one was measured. */
  rtt: number;
  line(mid: string | null): Line | undefined;
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
    remote,
    codec,
    source,
  };
}

export function number(value: unknown): number {
  return typeof value === "number" && Number.isFinite(value) ? value : 0;
}
