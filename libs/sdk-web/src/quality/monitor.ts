/** Measures the streams that are published and played: their quality every three seconds, their sound levels at the interval that the page asked for. */
import type { Emitter } from "../emitter";
import type { ZegoEvent, ZegoSoundLevelInfo } from "../entities";
import { log } from "../logging";
import type { Flow } from "../negotiation/flow";
import { KINDS } from "../negotiation/transceiver-pool";
import type { Transport } from "../negotiation/transport";
import type { Room } from "../room/room";
import type { Rooms } from "../room/rooms";
import { measureConnection, number, playStats, publishStats, type Reading } from "./measure";

const QUALITY_INTERVAL_MS = 3_000;
/** How often streams are checked for a measurement that is due; each has a start of its own. */
const CHECK_INTERVAL_MS = 500;
const SHORTEST_LEVEL_INTERVAL_MS = 100;
const LONGEST_LEVEL_INTERVAL_MS = 3_000;
const DEFAULT_LEVEL_INTERVAL_MS = 1_000;

export class QualityMonitor {
  /** The reading with which a stream's next one is compared. */
  private readonly last = new WeakMap<Flow<any>, Reading>();
  private qualityTimer: ReturnType<typeof setInterval> | undefined;
  private levelTimer: ReturnType<typeof setInterval> | undefined;

  constructor(
    private readonly rooms: Rooms,
    private readonly events: Emitter<ZegoEvent>,
  ) {}

  /** Emits the quality callbacks while there are rooms. */
  start(): void {
    this.qualityTimer ??= setInterval(() => void this.measureDue().catch((fault) => log.debug("statistics failed", fault)), CHECK_INTERVAL_MS);
  }

  /** Emits sound levels of 0 to 100, or no longer. Pages pass intervals outside the documented range: they are brought into it, not refused. */
  setSoundLevels(on: boolean, intervalMs?: unknown): void {
    clearInterval(this.levelTimer);
    this.levelTimer = undefined;
    if (!on) return;
    const wanted = typeof intervalMs === "number" && Number.isFinite(intervalMs) ? intervalMs : DEFAULT_LEVEL_INTERVAL_MS;
    const interval = Math.min(LONGEST_LEVEL_INTERVAL_MS, Math.max(SHORTEST_LEVEL_INTERVAL_MS, wanted));
    this.levelTimer = setInterval(() => void this.measureLevels().catch((fault) => log.debug("sound levels failed", fault)), interval);
  }

  stop(): void {
    this.stopQuality();
    this.setSoundLevels(false);
  }

  private stopQuality(): void {
    clearInterval(this.qualityTimer);
    this.qualityTimer = undefined;
  }

  private async measureDue(): Promise<void> {
    const { list } = this.rooms;
    if (!list.length) return this.stopQuality();
    await Promise.all(list.map((room) => this.measureRoom(room)));
  }

  private async measureRoom({ publisher, players }: Room): Promise<void> {
    await this.measure(publisher, publishStats, (streamID, stats) => this.events.emit("publishQualityUpdate", streamID, stats));
    for (const player of players.all) await this.measure(player, playStats, (streamID, stats) => this.events.emit("playQualityUpdate", streamID, stats));
  }

  /** Measures the streams whose last reading is long enough ago, or that have none: that is what their second is compared with. */
  private async measure<Stats>(
    transport: Transport<Flow<any, Stats>>,
    statsOf: (now: Reading, before: Reading | undefined) => Stats,
    emit: (streamID: string, stats: Stats) => void,
  ): Promise<void> {
    const due = transport.list.filter((flow) => flow.active && Date.now() - (this.last.get(flow)?.atMs ?? 0) >= QUALITY_INTERVAL_MS);
    const report = due.length ? await measureConnection(transport.pc) : undefined;
    for (const flow of report ? due : []) {
      const [audio, video] = KINDS.map((kind) => report!.line(transport.slots.midOf(flow, kind)));
      const now: Reading = { ...(audio ? { audio } : {}), ...(video ? { video } : {}), rtt: report!.rtt, atMs: Date.now(), muted: flow.muted };
      const before = this.last.get(flow);
      this.last.set(flow, now);
      flow.quality = statsOf(now, before);
      if (before) emit(flow.streamID, flow.quality);
    }
  }

  private async measureLevels(): Promise<void> {
    const measured = this.rooms.list.flatMap(({ publisher, players }) => [levels(publisher, "push"), ...players.all.map((player) => levels(player, "pull"))]);
    const all = (await Promise.all(measured)).flat();
    if (!all.length) return;
    const own = all.filter(({ type }) => type === "push").map(({ soundLevel }) => soundLevel);
    if (own.length) this.events.emit("capturedSoundLevelUpdate", Math.max(...own));
    this.events.emit("soundLevelUpdate", all);
  }
}

async function levels<F extends Flow<any>>(transport: Transport<F>, type: "push" | "pull"): Promise<ZegoSoundLevelInfo[]> {
  const report = await measureConnection(transport.pc);
  return transport.list.map((flow) => {
    const line = report?.line(transport.slots.midOf(flow, "audio"));
    const { audioLevel } = (type === "push" ? line?.source : line?.entry) ?? {};
    return { streamID: flow.streamID, soundLevel: Math.round(Math.min(1, number(audioLevel)) * 100), type };
  });
}
