/** Sound levels of what is published and played, 0 to 100, at the interval that the page asked for. */
import type { Emitter } from "../emitter";
import type { ZegoEvent, ZegoSoundLevelInfo } from "../entities";
import { log } from "../logging";
import type { Flow } from "../negotiation/flow";
import type { Transport } from "../negotiation/transport";
import type { Rooms } from "../room/rooms";
import { measureConnection, number } from "./measure";

const SHORTEST_MS = 100;
const LONGEST_MS = 3_000;
const DEFAULT_MS = 1_000;

export class SoundMeter {
  private timer: ReturnType<typeof setInterval> | undefined;

  constructor(
    private readonly rooms: Rooms,
    private readonly events: Emitter<ZegoEvent>,
  ) {}

  /** Pages pass intervals outside the documented range: they are brought into it, not refused. */
  set(on: boolean, intervalMs: unknown = DEFAULT_MS): void {
    clearInterval(this.timer);
    this.timer = undefined;
    if (!on) return;
    const wanted = typeof intervalMs === "number" && Number.isFinite(intervalMs) ? intervalMs : DEFAULT_MS;
    const interval = Math.min(LONGEST_MS, Math.max(SHORTEST_MS, wanted));
    this.timer = setInterval(() => void this.round().catch((fault) => log.debug("sound levels failed", fault)), interval);
  }

  private async round(): Promise<void> {
    const transports = this.rooms.list.flatMap(({ publisher, players }) => [levels(publisher, "push"), ...players.all.map((player) => levels(player, "pull"))]);
    const all = (await Promise.all(transports)).flat();
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
