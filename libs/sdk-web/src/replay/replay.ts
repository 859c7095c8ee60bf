/**
 * A recorded call that happens again: the callbacks of the live call, in its order and at its pace.
 *
 * Rules: 1. What is shown comes from the mirror that live rooms use, and from nothing else. 2. A jump is reported like a snapshot in a live
 * room: as the difference. Messages between are not reported. 3. Nothing is called back after `stop`.
 */
import { Code, failure } from "../errors";
import type { Emitter } from "../emitter";
import type { ZegoEvent, ZegoReplayMessage, ZegoReplayMoment, ZegoReplayState, ZegoRoomExtraInfo, ZegoStreamList, ZegoUser } from "../entities";
import { emitChange, publicStream, publicUser } from "../room/callbacks";
import { RoomMirror, type RoomChange } from "../room/mirror";
import { MAX_TIMEOUT_MS, type Timer } from "../scheduling";
import { parseMoment, startPosition } from "../room/position";
import type { Recorded, Recording } from "./recording";

/** Messages up to the current moment that a replay keeps for the page, the latest ones. */
const MAX_MESSAGES = 200;

/** The replay's own user id, which no user can have: every user and stream of the call is reported. */
const NOBODY = "\u0000";
const MAX_SPEED = 1_000;
const CLOSED = "room.closed.v1";

export class ZegoReplay {
  private mirror = new RoomMirror(NOBODY);
  private current: ZegoReplayState = "PAUSED";
  /** The index of the next frame: how many were applied. */
  private nextIndex = 0;
  private timer: Timer | undefined;
  /** The recorded time was `time` when the clock showed `clock`. */
  private anchor = { clock: 0, time: 0 };
  private speedFactor = 1;
  private messageList: ZegoReplayMessage[] = [];

  /* @internal */
  constructor(
    private readonly recording: Recording,
    private readonly events: Emitter<ZegoEvent>,
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
    return this.speedFactor;
  }

  /** The first and last moment that can be jumped to: numbers of events, times in unix milliseconds. */
  get range(): { fromSeq: number; toSeq: number; fromTime: number; toTime: number } {
    const last = this.recording.items.at(-1)!;
    const first = this.recording.items.find(({ frame }) => frame.t === "ev") ?? last; // what a reader may not see has no time
    return { fromSeq: 0, toSeq: last.seq, fromTime: first.time, toTime: last.time };
  }

  /** The last event that has happened; 0 before the first. */
  get seq(): number {
    return this.lastItem?.seq ?? 0;
  }

  get position(): string {
    return this.lastItem?.frame.pos ?? "";
  }

  /** The replay's current time in the recording, in unix milliseconds. */
  get time(): number {
    const { fromTime, toTime } = this.range;
    const run = this.current === "PLAYING" ? (Date.now() - this.anchor.clock) * this.speedFactor : 0;
    return Math.min(Math.max(this.anchor.time + run, fromTime), toTime);
  }

  get users(): ZegoUser[] {
    return this.mirror.contents.users.map(publicUser);
  }

  get streams(): (ZegoStreamList & { audioMuted: boolean; videoMuted: boolean })[] {
    return this.mirror.contents.streams.map((stream) => ({ ...publicStream(stream), audioMuted: stream.audioMuted ?? false, videoMuted: stream.videoMuted ?? false }));
  }

  /** The last messages up to now, the oldest first. */
  get messages(): readonly ZegoReplayMessage[] {
    return this.messageList;
  }

  get extraInfo(): ZegoRoomExtraInfo[] {
    return this.mirror.contents.extraInfo;
  }

  pause(): void {
    if (this.current !== "PLAYING") return;
    this.setAnchor(this.time);
    this.setState("PAUSED");
  }

  /** Plays on; at the end, from the beginning. */
  resume(): void {
    if (this.current === "PLAYING" || this.current === "STOPPED") return;
    if (this.current === "ENDED") this.jump(0);
    this.setAnchor(this.time);
    this.setState("PLAYING");
  }

  /** Jumps to a position, the number of an event, or a time; playing goes on from there. */
  seek(moment: ZegoReplayMoment): void {
    this.requireRunning();
    const place = parseMoment(moment, "moment");
    if (place.roomUID && place.roomUID !== this.roomUID) throw failure(Code.PARAMETER, "the position belongs to another call", { field: "moment" });
    const count = this.recording.count(place);
    this.jump(count, place.time);
    this.setState(this.current === "ENDED" && count < this.recording.items.length ? "PAUSED" : this.current);
  }

  /** How many recorded seconds pass in one. */
  setSpeed(speed: number): void {
    this.requireRunning();
    if (typeof speed !== "number" || !(speed > 0 && speed <= MAX_SPEED)) throw failure(Code.PARAMETER, "the speed is out of range", { field: "speed", limit: `above 0, up to ${MAX_SPEED}` });
    this.setAnchor(this.time);
    this.speedFactor = speed;
    this.schedule();
  }

  stop(): void {
    if (this.current !== "STOPPED") this.setState("STOPPED");
  }

  private get lastItem(): Recorded | undefined {
    return this.recording.items[this.nextIndex - 1];
  }

  private get nextItem(): Recorded | undefined {
    return this.recording.items[this.nextIndex];
  }

  /** Rule 2: a mirror is folded up to there, and the shown one takes its contents. */
  private jump(count: number, time?: number): void {
    const target = new RoomMirror(NOBODY);
    target.reset({ users: [], streams: [], extraInfo: [] }, startPosition(this.roomUID));
    this.messageList = this.recording.items.slice(0, count).flatMap(({ frame }) => messagesIn(fold(target, frame))).slice(-MAX_MESSAGES);
    this.nextIndex = count;
    this.setAnchor(time ?? this.lastItem?.time ?? this.range.fromTime);
    this.emitChanges(this.mirror.reset(target.contents, target.position));
  }

  private run(): void {
    for (let next = this.nextItem; next && next.time <= this.time; next = this.nextItem) {
      const { frame } = next;
      this.nextIndex++;
      this.events.emit("parlourFrame", frame);
      const changes = fold(this.mirror, frame);
      this.messageList = [...this.messageList, ...messagesIn(changes)].slice(-MAX_MESSAGES);
      this.emitChanges(changes);
      if (this.current !== "PLAYING") return; // a callback paused or stopped it
    }
    if (this.nextItem) return this.schedule();
    this.setAnchor(this.range.toTime);
    this.setState("ENDED");
  }

  private schedule(): void {
    clearTimeout(this.timer);
    if (this.current !== "PLAYING") return;
    const left = this.nextItem ? (this.nextItem.time - this.time) / this.speedFactor : 0;
    this.timer = setTimeout(() => this.run(), Math.min(Math.max(0, Math.ceil(left)), MAX_TIMEOUT_MS));
  }

  private setState(state: ZegoReplayState): void {
    this.current = state;
    this.schedule();
    this.events.emit("parlourReplay", this.roomID, { state, seq: this.seq, position: this.position, time: this.time });
  }

  private setAnchor(time: number): void {
    this.anchor = { clock: Date.now(), time };
  }

  private emitChanges(changes: RoomChange[]): void {
    for (const change of changes) if (this.current !== "STOPPED") emitChange(this.events, this.roomID, change, true);
  }

  private requireRunning(): void {
    if (this.current === "STOPPED") throw failure(Code.PARAMETER, "the replay was stopped", { hint: "call replayRoom again" });
  }
}

function messagesIn(changes: RoomChange[]): ZegoReplayMessage[] {
  return changes.flatMap((change) => (change.kind === "message" ? [{ kind: change.channel, fromUser: publicUser(change.from), message: change.text, sendTime: change.sentMs }] : []));
}

/** One frame into a mirror. A closed room holds no streams; a live client leaves it instead. */
function fold(mirror: RoomMirror, frame: Recorded["frame"]): RoomChange[] {
  const changes = mirror.apply(frame);
  const closes = frame.t === "ev" && frame.type === CLOSED;
  return closes ? [...changes, ...mirror.reset({ ...mirror.contents, streams: [] }, mirror.position)] : changes;
}
