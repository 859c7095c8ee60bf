/** The frames of docs/protocol.md under the names that this client has for them; their fields are generated from the contract. */
import type { Answer, Problem, Requests, ServerFrames } from "../generated/contract";

export type EventFrame = ServerFrames["ev"];
export type SkipFrame = ServerFrames["skip"];
export type PageFrame = ServerFrames["page"];
export type EndFrame = ServerFrames["end"];
export type MediaFrame = ServerFrames["media"];

/** Frames about one room, in the order in which they are to be applied. */
export type RoomFrame = ServerFrames["ev" | "skip" | "snap" | "live" | "head" | "resync" | "end" | "media" | "count"];

/** What a room holds as of a position. */
export type RoomContents = Pick<ServerFrames["snap"], "users" | "streams" | "extraInfo">;

export type RequestTag = keyof Requests;
/** A request before the session gives it its id. */
export type Request<Tag extends RequestTag = RequestTag> = { [Each in Tag]: Omit<Requests[Each], "id"> }[Tag];

/** The answer to a request, granted or refused; what else it says depends on the request. */
export interface AnswerFrame extends Answer {
  error?: Problem;
  [field: string]: unknown;
}

export type ServerFrame = ServerFrames[keyof ServerFrames] | AnswerFrame;

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
