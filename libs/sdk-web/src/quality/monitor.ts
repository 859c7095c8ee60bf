/** Measures each published and played stream every three seconds while there are any, and emits the quality callbacks. */
import type { Emitter } from "../emitter";
import type { ZegoEvent } from "../entities";
import { log } from "../logging";
import type { Flow } from "../negotiation/flow";
import type { Transport } from "../negotiation/transport";
import type { Room } from "../room/room";
import type { Rooms } from "../room/rooms";
import { measureConnection, playStats, publishStats, type Reading } from "./measure";

const QUALITY_INTERVAL_MS = 3_000;
/** How often streams are checked for a measurement that is due; each has a start of its own. */
const CHECK_INTERVAL_MS = 500;

export class QualityMonitor {
  /** The reading with which a stream's next one is compared. */
  private readonly last = new WeakMap<Flow<any>, Reading>();
  private timer: ReturnType<typeof setInterval> | undefined;

  constructor(
    private readonly rooms: Rooms,
    private readonly events: Emitter<ZegoEvent>,
  ) {}

  start(): void {
    this.timer ??= setInterval(() => void this.measureDue().catch((fault) => log.debug("statistics failed", fault)), CHECK_INTERVAL_MS);
  }

  stop(): void {
    clearInterval(this.timer);
    this.timer = undefined;
  }

  private async measureDue(): Promise<void> {
    const { list } = this.rooms;
    if (!list.length) return this.stop();
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
      const [audio, video] = (["audio", "video"] as const).map((kind) => report!.line(transport.slots.midOf(flow, kind)));
      const now: Reading = { ...(audio ? { audio } : {}), ...(video ? { video } : {}), rtt: report!.rtt, atMs: Date.now(), muted: flow.muted };
      const before = this.last.get(flow);
      this.last.set(flow, now);
      flow.quality = statsOf(now, before);
      if (before) emit(flow.streamID, flow.quality);
    }
  }
}
