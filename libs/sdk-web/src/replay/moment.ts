/** What may name a moment of a call: a position, the number of an event, or a time. */
import { Code } from "../codes";
import { failure } from "../errors";
import { parsePosition } from "../room/position";

/** `roomUID.seq.hash8` (or a `roomUID` alone: its beginning), a `seq`, or a time. */
export type Moment = string | number | Date;

export interface Place {
  /** Empty: the life is not named. */
  roomUID: string;
  seq?: number;
  /** Unix milliseconds. */
  time?: number;
}

const UID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Where a moment is; throws what is wrong with it, by the name of its field. */
export function placeOf(moment: unknown, field: string): Place {
  if (moment instanceof Date && !Number.isNaN(moment.getTime())) return { roomUID: "", time: moment.getTime() };
  if (typeof moment === "number" && Number.isInteger(moment) && moment >= 0) return { roomUID: "", seq: moment };
  if (typeof moment === "string" && UID.test(moment)) return { roomUID: moment, seq: 0 };
  const position = parsePosition(moment);
  if (position) return { roomUID: position.roomUID, seq: position.seq };
  throw failure(Code.PARAMETER, `${field} is no moment of a call`, { field, limit: "a position, the number of an event, or a Date" });
}

/** Whether a place is at or after another that has a number and a time. */
export function reaches({ seq, time }: Place, item: { seq: number; time: number }): boolean {
  return seq !== undefined ? item.seq <= seq : item.time <= (time ?? Infinity);
}
