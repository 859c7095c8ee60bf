/** The replays of an engine: reads the options, loads the recording, starts it, and stops all with the engine. */
import { Code, failure } from "../errors";
import type { Emitter } from "../emitter";
import type { ZegoEvent, ZegoReplayOptions } from "../entities";
import { isAtOrBefore, parseMoment, type MomentPosition } from "../room/position";
import { Recording } from "./recording";
import { ZegoReplay } from "./replay";
import { RecordSource } from "./source";

interface ReplayContext {
  appID: number;
  addresses: readonly string[];
  events: Emitter<ZegoEvent>;
  tokenOf(roomID: string): string | undefined;
}

export class Replays {
  private readonly running = new Set<ZegoReplay>();

  constructor(private readonly context: ReplayContext) {}

  /** Resolves when the recording is here and its first callbacks are due. */
  async start(roomID: string, options: ZegoReplayOptions): Promise<ZegoReplay> {
    const { appID, addresses, events } = this.context;
    const token = options.token || this.context.tokenOf(roomID);
    if (!token) throw failure(Code.PARAMETER, "a replay needs a token", { field: "token", hint: "a subscription token with the scope events" });
    const from = options.from === undefined ? undefined : parseMoment(options.from, "from");
    const to = options.to === undefined ? undefined : parseMoment(options.to, "to");
    const source = new RecordSource(addresses, appID, token);
    const recording = await Recording.load(source, roomID, callOf(from, to), (item) => !to || isAtOrBefore(to, item));
    return this.play(new ZegoReplay(recording, recording.items.length, events), from, options);
  }

  stopAll(): void {
    for (const replay of this.running) replay.stop();
    this.running.clear();
  }

  private play(replay: ZegoReplay, from: MomentPosition | undefined, { speed = 1, paused = false }: ZegoReplayOptions): ZegoReplay {
    for (const old of this.running) if (old.state === "STOPPED") this.running.delete(old);
    this.running.add(replay);
    replay.setSpeed(speed);
    if (from) replay.seek(from.time !== undefined ? new Date(from.time) : (from.seq ?? 0));
    else replay.seek(0);
    if (!paused) replay.resume();
    return replay;
  }
}

function callOf(from: MomentPosition | undefined, to: MomentPosition | undefined): string {
  if (from?.roomUID && to?.roomUID && from.roomUID !== to.roomUID) throw failure(Code.PARAMETER, "from and to belong to different calls", { field: "to" });
  return from?.roomUID || to?.roomUID || "";
}
