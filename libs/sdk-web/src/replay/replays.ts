/** The replays of an engine: reads the options, loads the recording, starts it, and stops all with the engine. */
import { Code, failure } from "../errors";
import type { Emitter } from "../emitter";
import type { ZegoEvent, ZegoReplayOptions } from "../entities";
import { isAtOrBefore, parseMoment } from "../room/position";
import { Recording } from "./recording";
import { ZegoReplay } from "./replay";

export class Replays {
  private readonly running = new Set<ZegoReplay>();

  constructor(
    private readonly appID: number,
    private readonly addresses: readonly string[],
    private readonly events: Emitter<ZegoEvent>,
  ) {}

  /** Resolves when the recording is here and its first callbacks are due. */
  async start(roomID: string, token: string | undefined, options: ZegoReplayOptions): Promise<ZegoReplay> {
    const { speed = 1, paused = false } = options;
    if (!token) throw failure(Code.PARAMETER, "a replay needs a token", { field: "token", hint: "a subscription token with the scope events" });
    const from = options.from === undefined ? undefined : parseMoment(options.from, "from");
    const to = options.to === undefined ? undefined : parseMoment(options.to, "to");
    if (from?.roomUID && to?.roomUID && from.roomUID !== to.roomUID) throw failure(Code.PARAMETER, "from and to belong to different calls", { field: "to" });
    const record = { addresses: this.addresses, appID: this.appID, token, roomID };
    const recording = await Recording.load(record, from?.roomUID || to?.roomUID || "", (item) => !to || isAtOrBefore(to, item));
    const replay = new ZegoReplay(recording, this.events);
    for (const old of this.running) if (old.state === "STOPPED") this.running.delete(old);
    this.running.add(replay);
    replay.setSpeed(speed);
    replay.seek(options.from ?? 0);
    if (!paused) replay.resume();
    return replay;
  }

  stopAll(): void {
    for (const replay of this.running) replay.stop();
    this.running.clear();
  }
}
