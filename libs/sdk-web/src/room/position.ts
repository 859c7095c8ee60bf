/** `roomUID.seq.hash8`: a place in a room's log. `seq` compares within one life of the room only. */
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
