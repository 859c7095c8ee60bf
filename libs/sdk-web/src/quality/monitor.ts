/** Measures each published and played stream every three seconds while there are any, and emits the quality callbacks. */
import type { Emitter } from "../emitter";
import type { ZegoEvent, ZegoPlayStats, ZegoPublishStats } from "../entities";
import { log } from "../logging";
import type { Flow } from "../negotiation/flow";
import type { Transport } from "../negotiation/transport";
import type { Playback } from "../play/player";
import type { Publication } from "../publish/publisher";
import type { Room } from "../room/room";
import { playStats, publishStats, type Reading, readReport, type Report } from "./measure";

const QUALITY_INTERVAL_MS = 3_000;
/** How often streams are checked for a measurement that is due; each has a start of its own. */
const CHECK_INTERVAL_MS = 500;

export class QualityMonitor {
  private readonly last = new WeakMap<Flow<any>, Reading>();
  private readonly published = new WeakMap<Publication, ZegoPublishStats>();
  private readonly played = new WeakMap<Playback, ZegoPlayStats>();
  private timer: ReturnType<typeof setInterval> | undefined;

  constructor(
    private readonly rooms: () => readonly Room[],
    private readonly events: Emitter<ZegoEvent>,
  ) {}

  start(): void {
    this.timer ??= setInterval(() => void this.measureDue().catch((fault) => log.debug("statistics failed", fault)), CHECK_INTERVAL_MS);
  }

  stop(): void {
    clearInterval(this.timer);
    this.timer = undefined;
  }

  /** The stream's quality as it was measured last; null when it is not published here, or not measured yet. */
  publishing(publication: Publication | undefined): ZegoPublishStats | null {
    return (publication && this.published.get(publication)) ?? null;
  }

  playing(playback: Playback | undefined): ZegoPlayStats | null {
    return (playback && this.played.get(playback)) ?? null;
  }

  private async measureDue(): Promise<void> {
    const rooms = this.rooms();
    if (!rooms.length) return this.stop();
    await Promise.all(rooms.map((room) => this.measure(room)));
  }

  private async measure({ publisher, players }: Room): Promise<void> {
    await this.measureAll(publisher, (flow, now, before) => {
      const stats = publishStats(now, before);
      this.published.set(flow, stats);
      if (before) this.events.emit("publishQualityUpdate", flow.streamID, stats);
    });
    for (const player of players.all) {
      await this.measureAll(player, (flow, now, before) => {
        const stats = playStats(now, before);
        this.played.set(flow, stats);
        if (before) this.events.emit("playQualityUpdate", flow.streamID, stats);
      });
    }
  }

  private async measureAll<F extends Flow<any>>(transport: Transport<F>, measured: (flow: F, now: Reading, before: Reading | undefined) => void): Promise<void> {
    const due = this.due(transport.list);
    const stats = due.length ? await report(transport.connection) : undefined;
    for (const flow of due) {
      const reading = this.read(stats, transport, flow);
      if (reading) measured(flow, reading, this.exchangeReading(flow, reading));
    }
  }

  /** Those that were measured long enough ago, or never: their first reading is what the second is compared with. */
  private due<F extends Flow<any>>(flows: readonly F[]): F[] {
    const now = Date.now();
    return flows.filter((flow) => flow.active && now - (this.last.get(flow)?.atMs ?? 0) >= QUALITY_INTERVAL_MS);
  }

  private read<F extends Flow<any>>(stats: Report | undefined, transport: Transport<F>, flow: F): Reading | undefined {
    if (!stats) return undefined;
    const audio = stats.line(transport.slots.midOf(flow, "audio"));
    const video = stats.line(transport.slots.midOf(flow, "video"));
    return { ...(audio ? { audio } : {}), ...(video ? { video } : {}), rtt: stats.rtt, atMs: Date.now(), muted: transport.mutedOf(flow) };
  }

  /** The reading before this one. */
  private exchangeReading(flow: Flow<any>, reading: Reading): Reading | undefined {
    const before = this.last.get(flow);
    this.last.set(flow, reading);
    return before;
  }
}

export async function report(pc: RTCPeerConnection | undefined): Promise<Report | undefined> {
  return pc && pc.connectionState !== "closed" ? readReport(await pc.getStats()) : undefined;
}
