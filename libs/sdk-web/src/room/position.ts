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
