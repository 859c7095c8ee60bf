/**
 * One call as the frames that a client in it got, each with its time.
 *
 * Rules: 1. Frames follow each other without a gap, and each event cites the hash before it. 2. Users have the names that they
 * joined with, as in the live call; an erased user has a random name.
 */
import { Code, failure } from "../errors";
import { GENESIS_HASH8, isAtOrBefore, parsePosition, startPosition } from "../room/position";
import type { EventView, UserRef } from "../generated/contract";
import type { EventFrame, SkipFrame } from "../signalling/frames";
import { readPage, type RecordPage, type RecordSource } from "./source";

/** Of some hundred bytes each: what a browser tab may use of memory for one replay. */
const MAX_FRAMES = 200_000;
const ERASED_DIGITS = 8;

/** A frame and its time in unix milliseconds; a skip has that of the event before it. */
export interface Recorded {
  frame: EventFrame | SkipFrame;
  seq: number;
  time: number;
}

export class Recording {
  readonly items: Recorded[] = [];
  private readonly users = new Map<string, UserRef>();
  private hash8 = GENESIS_HASH8;

  private constructor(
    readonly roomID: string,
    public roomUID: string,
  ) {}

  /** Reads a call up to now or to its end, while `wanted` returns true; the room's latest call where `roomUID` is empty. */
  static async load(source: RecordSource, roomUID: string, wanted: (item: Recorded) => boolean): Promise<Recording> {
    const recording = new Recording(source.roomID, roomUID);
    let after = roomUID && startPosition(roomUID);
    for (let more = true; more; ) {
      const page = await readPage(source, after);
      more = recording.addPage(page, wanted) && page.more;
      after = page.next;
    }
    if (!recording.items.length) throw failure(Code.PARAMETER, "there is nothing to replay", { field: "from", hint: "a moment of a call that took place" });
    return recording;
  }

  /** How many frames lie at or before a moment: `{seq}` or `{time}`. */
  count(moment: { seq?: number; time?: number }): number {
    const next = this.items.findIndex((item) => !isAtOrBefore(moment, item));
    return next < 0 ? this.items.length : next;
  }

  /** Adds a page of the record; false when the call, or what is wanted of it, is over. */
  private addPage(page: RecordPage, wanted: (item: Recorded) => boolean): boolean {
    const parts: Part[] = [...page.events, ...page.skipped];
    this.roomUID ||= roomUIDOf(parts.find((part) => seqOf(part) === 1));
    const ofCall = parts.filter((part) => roomUIDOf(part) === this.roomUID).sort((one, two) => seqOf(one) - seqOf(two));
    for (const part of ofCall) {
      const item = "type" in part ? this.event(part) : this.skip(part);
      if (!wanted(item)) return false;
      if (this.items.length === MAX_FRAMES) {
        throw failure(Code.PARAMETER, "the call is too long for one replay", { field: "to", limit: `${MAX_FRAMES} events`, hint: "name an earlier `to`" });
      }
      this.items.push(item);
    }
    return ofCall.length === parts.length;
  }

  private event(view: EventView): Recorded {
    this.checkContinuity(view.seq, view.prev.slice(0, 16));
    this.hash8 = view.hash.slice(0, 16);
    const { seq, at, type, data } = view;
    if (type === "room.user_joined.v1") this.users.set(data.actor, userOf(data.actor, data.userID, data.userName));
    const user = view.actor ? (this.users.get(view.actor) ?? userOf(view.actor, view.userID)) : undefined;
    const frame: EventFrame = { t: "ev", roomID: this.roomID, pos: `${view.roomUID}.${seq}.${this.hash8}`, seq, prev: view.prev.slice(0, 16), at, type, data, ...(user ? { user } : {}) };
    return { frame, seq, time: at / 1000 };
  }

  private skip({ from, to, pos }: RecordPage["skipped"][number]): Recorded {
    this.checkContinuity(from, this.hash8);
    this.hash8 = parsePosition(pos)!.hash8;
    return { frame: { t: "skip", roomID: this.roomID, from, to, pos }, seq: to, time: this.items.at(-1)?.time ?? 0 };
  }

  /** Rule 1: throws UNAVAILABLE where a frame does not follow the one before. */
  private checkContinuity(seq: number, prev8: string): void {
    const expected = (this.items.at(-1)?.seq ?? 0) + 1;
    if (seq !== expected || prev8 !== this.hash8) throw failure(Code.UNAVAILABLE, `the record came with a break before event ${expected}`);
  }
}

/** A user's entry; an erased user is named by the beginning of the random actor id, so that two of them stay two. */
function userOf(actor: string, userID = "", userName = ""): UserRef {
  return userID ? { userID, userName } : { userID: `erased-${actor.slice(0, ERASED_DIGITS)}`, userName: "" };
}

type Part = EventView | RecordPage["skipped"][number];

const roomUIDOf = (part: Part | undefined): string => (part === undefined ? "" : "type" in part ? part.roomUID : (parsePosition(part.pos)?.roomUID ?? ""));
const seqOf = (part: Part): number => ("type" in part ? part.seq : part.from);
