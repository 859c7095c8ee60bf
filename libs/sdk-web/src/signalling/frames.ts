/** The frames of docs/protocol.md under the names that this client has for them; their fields are generated from the contract. */
import type { Answer, Problem, Requests, ServerFrames, StreamEntry, UserRef } from "../generated/contract";

export type EventFrame = ServerFrames["ev"];
export type SkipFrame = ServerFrames["skip"];

/** Frames about one room, in the order in which they are to be applied. */
export type RoomFrame = ServerFrames["ev" | "skip" | "snap" | "live" | "head" | "resync" | "end" | "media" | "count"];

/** What a room holds as of a position. */
export type RoomContents = Pick<ServerFrames["snap"], "users" | "streams" | "extraInfo">;

export type RequestTag = keyof Requests;
/** A request before the session gives it its id. */
export type Request<Tag extends RequestTag = RequestTag> = { [Each in Tag]: Omit<Requests[Each][0], "id"> }[Tag];

/** The answer to a request, granted or refused; what else it says depends on the request. */
export interface AnswerFrame extends Answer {
  error?: Problem;
  [field: string]: unknown;
}

type ServerFrame = ServerFrames[keyof ServerFrames] | AnswerFrame;

/** The frame in a text message; undefined for anything else. */
export function readFrame(text: unknown): ServerFrame | undefined {
  if (typeof text !== "string") return undefined;
  try {
    const frame: unknown = JSON.parse(text);
    return frame !== null && typeof frame === "object" && typeof (frame as { t?: unknown }).t === "string" ? (frame as ServerFrame) : undefined;
  } catch {
    return undefined;
  }
}

/** Collects the pages of a large room's lists, which the gateway sends right before the frame that they belong to. */
export class PageBuffer {
  private users: UserRef[] = [];
  private streams: StreamEntry[] = [];

  /** Stores a page's entries for the lists that follow. */
  add({ users = [], streams = [] }: ServerFrames["page"]): void {
    this.users.push(...users);
    this.streams.push(...streams);
  }

  /** Drops what was stored: after a lost connection the server sends all pages again. */
  clear(): void {
    this.users = [];
    this.streams = [];
  }

  /** The frame with the pages' entries in front of its own. */
  prependTo<Frame extends object>(frame: Frame): Frame {
    const { users, streams }: Partial<RoomContents> = frame;
    if (!users || !streams || !(this.users.length || this.streams.length)) return frame;
    const whole = { ...frame, users: [...this.users, ...users], streams: [...this.streams, ...streams] };
    this.clear();
    return whole;
  }
}
