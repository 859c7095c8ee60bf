/** Positions in a room's log, and the other ways in which a page names a moment of a call. */
import { Code, failure } from "../errors";

/** `roomUID.seq.hash8`: a position in a room's log. Two `seq` compare only within the same call. */
export interface Position {
  roomUID: string;
  seq: number;
  hash8: string;
}

/** The position in a text; undefined when it is none. */
export function parsePosition(text: unknown): Position | undefined {
  const found = typeof text === "string" ? /^([^.]+)\.(\d+)\.([0-9a-f]{16})$/.exec(text) : null;
  return found ? { roomUID: found[1]!, seq: Number(found[2]), hash8: found[3]! } : undefined;
}

/** The hash before the first event of a call. */
export const GENESIS_HASH8 = "0".repeat(16);

/** The position before the first event of a call. */
export function startPosition(roomUID: string): string {
  return `${roomUID}.0.${GENESIS_HASH8}`;
}

/** A moment of a call that a page names. */
export interface MomentPosition {
  /** Empty: the call is not named. */
  roomUID: string;
  seq?: number;
  /** Unix time in milliseconds. */
  time?: number;
}

const UID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Parses a moment of a call; throws PARAMETER with the name of its field where it is none. */
export function parseMoment(moment: unknown, field: string): MomentPosition {
  if (moment instanceof Date && !Number.isNaN(moment.getTime())) return { roomUID: "", time: moment.getTime() };
  if (typeof moment === "number" && Number.isInteger(moment) && moment >= 0) return { roomUID: "", seq: moment };
  if (typeof moment === "string" && UID.test(moment)) return { roomUID: moment, seq: 0 };
  const position = parsePosition(moment);
  if (position) return { roomUID: position.roomUID, seq: position.seq };
  throw failure(Code.PARAMETER, `${field} is no moment of a call`, { field, limit: "a position, the number of an event, or a Date" });
}

/** Whether an event is at or before a moment. */
export function isAtOrBefore({ seq, time }: Omit<MomentPosition, "roomUID">, item: { seq: number; time: number }): boolean {
  return seq !== undefined ? item.seq <= seq : item.time <= (time ?? Infinity);
}
