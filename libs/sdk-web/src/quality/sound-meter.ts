/** Sound levels of what is published and played, 0 to 100, at the interval that the page asked for. */
import type { Emitter } from "../emitter";
import type { ZegoEvent, ZegoSoundLevelInfo } from "../entities";
import { log } from "../logging";
import type { Player } from "../play/player";
import type { Room } from "../room/room";
import { report } from "./monitor";
import { number } from "./measure";

const SHORTEST_MS = 100;
const LONGEST_MS = 3_000;
const DEFAULT_MS = 1_000;

export class SoundMeter {
  private timer: ReturnType<typeof setInterval> | undefined;

  constructor(
    private readonly rooms: () => readonly Room[],
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
    const perRoom = await Promise.all(this.rooms().map((room) => levels(room)));
    const all = perRoom.flat();
    if (!all.length) return;
    const own = all.filter(({ type }) => type === "push").map(({ soundLevel }) => soundLevel);
    if (own.length) this.events.emit("capturedSoundLevelUpdate", Math.max(...own));
    this.events.emit("soundLevelUpdate", all);
  }
}

async function levels({ publisher, players }: Room): Promise<ZegoSoundLevelInfo[]> {
  const sent = await report(publisher.connection);
  const own = publisher.list.map((flow): ZegoSoundLevelInfo => {
    const line = sent?.line(publisher.slots.midOf(flow, "audio"));
    return { streamID: flow.streamID, soundLevel: level(line?.source.audioLevel), type: "push" };
  });
  return [...own, ...(await Promise.all(players.all.map(received))).flat()];
}

async function received(player: Player): Promise<ZegoSoundLevelInfo[]> {
  const stats = await report(player.connection);
  return player.list.map((flow) => {
    const line = stats?.line(player.slots.midOf(flow, "audio"));
    return { streamID: flow.streamID, soundLevel: level(line?.entry.audioLevel), type: "pull" };
  });
}

function level(value: unknown): number {
  return Math.round(Math.min(1, number(value)) * 100);
}
