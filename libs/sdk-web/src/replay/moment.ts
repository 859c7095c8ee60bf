/** Parses moments of a call: a position, the number of an event, or a time. */
import { Code, failure } from "../errors";
import { parsePosition } from "../room/position";

export interface MomentPosition {
  /** Empty: the call is not named. */
  roomUID: string;
  seq?: number;
  /** In unix milliseconds. */
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
export function isAtOrBefore({ seq, time }: MomentPosition, item: { seq: number; time: number }): boolean {
  return seq !== undefined ? item.seq <= seq : item.time <= (time ?? Infinity);
}
