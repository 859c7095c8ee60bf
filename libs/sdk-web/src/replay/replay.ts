/**
 * A recorded call that happens again: the callbacks of the live call, in its order and at its pace.
 *
 * Rules: 1. What is shown comes from the mirror that live rooms use, and from nothing else. 2. A jump is reported like a snapshot in a live
 * room: as the difference. Messages on the way are not told. 3. Nothing is called back after `stop`.
 */
import { Code } from "../codes";
import type { Emitter } from "../emitter";
import type { ZegoEvents, ZegoRoomExtraInfo, ZegoStreamList, ZegoUser } from "../entities";
import { failure } from "../errors";
import { callBack, publicStream, publicUser } from "../room/callbacks";
import { RoomMirror, type Change } from "../room/mirror";
import { LONGEST_WAIT_MS, type Timer } from "../timing";
import { placeOf, type Moment } from "./moment";
import type { Recorded, Recording } from "./recording";

export type ZegoReplayState = "PLAYING" | "PAUSED" | "ENDED" | "STOPPED";

/** What was said in a call, by any of the three ways. */
export interface ZegoReplayMessage {
  kind: "broadcast" | "barrage" | "command";
  fromUser: ZegoUser;
  message: string;
  /** Unix milliseconds. */
  sendTime: number;
}

/** How many messages are kept for pages that show what was said before a moment. */
export const MESSAGES_KEPT = 200;

/** A replay sees the call as nobody of it: this is no user id. */
const NOBODY = "\u0000";
export const FASTEST = 1_000;
const CLOSED = "room.closed.v1";

export class ZegoReplay {
  private mirror = new RoomMirror(NOBODY);
  private current: ZegoReplayState = "PAUSED";
  /** How many frames have happened. */
  private done = 0;
  private timer: Timer | undefined;
  /** The recorded time was `time` when the clock showed `clock`. */
  private anchor = { clock: 0, time: 0 };
  private factor = 1;
  private said: ZegoReplayMessage[] = [];

  /** `end`: how many frames of the recording belong to the replay. */
  constructor(
    private readonly recording: Recording,
    private readonly end: number,
    private readonly events: Emitter<ZegoEvents>,
  ) {
    this.mirror.reset({ users: [], streams: [], extraInfo: [] }, "");
  }

  get roomID(): string {
    return this.recording.roomID;
  }

  get roomUID(): string {
    return this.recording.roomUID;
  }

  get state(): ZegoReplayState {
    return this.current;
  }

  get speed(): number {
    return this.factor;
  }

  /** The first and last moment that can be jumped to: numbers of events, times in unix milliseconds. */
  get range(): { fromSeq: number; toSeq: number; fromTime: number; toTime: number } {
    const last = this.recording.items[this.end - 1]!;
    const first = this.recording.items.find(({ frame }) => frame.t === "ev") ?? last; // what a reader may not see has no time
    return { fromSeq: 0, toSeq: last.seq, fromTime: first.time, toTime: last.time };
  }

  /** The last event that has happened; 0 before the first. */
  get seq(): number {
    return this.last?.seq ?? 0;
  }

  get position(): string {
    return this.last?.frame.pos ?? "";
  }

  /** The recorded time that it is now in the replay, in unix milliseconds. */
  get time(): number {
    const { fromTime, toTime } = this.range;
    const run = this.current === "PLAYING" ? (Date.now() - this.anchor.clock) * this.factor : 0;
    return Math.min(Math.max(this.anchor.time + run, fromTime), toTime);
  }

  get users(): ZegoUser[] {
    return this.mirror.contents.users.map(publicUser);
  }

  get streams(): (ZegoStreamList & { audioMuted: boolean; videoMuted: boolean })[] {
    return this.mirror.contents.streams.map((stream) => ({ ...publicStream(stream), audioMuted: stream.audioMuted ?? false, videoMuted: stream.videoMuted ?? false }));
  }

  /** The last of what was said up to now, the oldest first. */
  get messages(): readonly ZegoReplayMessage[] {
    return this.said;
  }

  get extraInfo(): ZegoRoomExtraInfo[] {
    return this.mirror.contents.extraInfo;
  }

  pause(): void {
    if (this.current !== "PLAYING") return;
    this.setAnchor(this.time);
    this.become("PAUSED");
  }

  /** Go on; at the end, from the beginning. */
  resume(): void {
    if (this.current === "PLAYING" || this.current === "STOPPED") return;
    if (this.current === "ENDED") this.jump(0);
    this.setAnchor(this.time);
    this.become("PLAYING");
  }

  /** To a position, the number of an event, or a time; playing goes on from there. */
  seek(moment: Moment): void {
    this.alive();
    const place = placeOf(moment, "moment");
    if (place.roomUID && place.roomUID !== this.roomUID) throw failure(Code.PARAMETER, "the position belongs to another call", { field: "moment" });
    const count = Math.min(this.recording.count(place), this.end);
    this.jump(count, place.time);
    this.become(this.current === "ENDED" && count < this.end ? "PAUSED" : this.current);
  }

  /** How many recorded seconds pass in one. */
  setSpeed(speed: number): void {
    this.alive();
    if (typeof speed !== "number" || !(speed > 0 && speed <= FASTEST)) throw failure(Code.PARAMETER, "the speed is out of range", { field: "speed", limit: `above 0, up to ${FASTEST}` });
    this.setAnchor(this.time);
    this.factor = speed;
    this.schedule();
  }

  stop(): void {
    if (this.current !== "STOPPED") this.become("STOPPED");
  }

  private get last(): Recorded | undefined {
    return this.recording.items[this.done - 1];
  }

  /** Rule 2: a mirror is folded up to there, and the shown one takes its contents. */
  private jump(count: number, time?: number): void {
    const there = new RoomMirror(NOBODY);
    there.reset({ users: [], streams: [], extraInfo: [] }, this.before);
    this.said = this.recording.items.slice(0, count).flatMap(({ frame }) => messagesIn(fold(there, frame))).slice(-MESSAGES_KEPT);
    this.done = count;
    this.setAnchor(time ?? this.last?.time ?? this.range.fromTime);
    this.tell(this.mirror.reset(there.contents, there.position));
  }

  private run(): void {
    while (this.done < this.end && this.recording.items[this.done]!.time <= this.time) {
      const { frame } = this.recording.items[this.done++]!;
      this.events.emit("parlourFrame", frame);
      const changes = fold(this.mirror, frame);
      this.said = [...this.said, ...messagesIn(changes)].slice(-MESSAGES_KEPT);
      this.tell(changes);
      if (this.current !== "PLAYING") return; // a callback paused or stopped it
    }
    if (this.done < this.end) return this.schedule();
    this.setAnchor(this.range.toTime);
    this.become("ENDED");
  }

  private schedule(): void {
    clearTimeout(this.timer);
    if (this.current !== "PLAYING") return;
    const next = this.recording.items[this.done];
    const left = next && this.done < this.end ? (next.time - this.time) / this.factor : 0;
    this.timer = setTimeout(() => this.run(), Math.min(Math.max(0, Math.ceil(left)), LONGEST_WAIT_MS));
  }

  private become(state: ZegoReplayState): void {
    this.current = state;
    this.schedule();
    this.events.emit("parlourReplay", this.roomID, { state, seq: this.seq, position: this.position, time: this.time });
  }

  private setAnchor(time: number): void {
    this.anchor = { clock: Date.now(), time };
  }

  private tell(changes: Change[]): void {
    for (const change of changes) if (this.current !== "STOPPED") callBack(this.events, this.roomID, change, true);
  }

  /** The place before the first event. */
  private get before(): string {
    return `${this.roomUID}.0.${"0".repeat(16)}`;
  }

  private alive(): void {
    if (this.current === "STOPPED") throw failure(Code.PARAMETER, "the replay was stopped", { hint: "call replayRoom again" });
  }
}

function messagesIn(changes: Change[]): ZegoReplayMessage[] {
  return changes.flatMap((change) => (change.kind === "message" ? [{ kind: change.channel, fromUser: publicUser(change.from), message: change.text, sendTime: change.sentMs }] : []));
}

/** One frame into a mirror. A closed room holds no streams; a live client leaves it instead. */
function fold(mirror: RoomMirror, frame: Recorded["frame"]): Change[] {
  const changes = mirror.apply(frame);
  const closes = frame.t === "ev" && frame.type === CLOSED;
  return closes ? [...changes, ...mirror.reset({ ...mirror.contents, streams: [] }, mirror.position)] : changes;
}
