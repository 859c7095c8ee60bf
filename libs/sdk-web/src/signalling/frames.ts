/** The frames of docs/protocol.md, as far as this client reads and writes them. */
import type { Problem } from "../errors";

export interface UserEntry {
  userID: string;
  userName?: string;
}

export interface StreamEntry {
  streamID: string;
  user: UserEntry;
  extraInfo?: string;
  hasAudio?: boolean;
  hasVideo?: boolean;
  codec?: string;
  audioMuted?: boolean;
  videoMuted?: boolean;
}

export interface ExtraEntry {
  key: string;
  value: string;
  updateUser: UserEntry;
  updateTime: number;
}

/** What a room holds as of `position`. */
export interface RoomContents {
  users: UserEntry[];
  streams: StreamEntry[];
  extraInfo: ExtraEntry[];
}

export interface Heartbeat {
  intervalMs: number;
  windowMs: number;
  reconnectMs: number;
}

export interface LoginAnswer extends RoomContents {
  sessionID: string;
  serverTime: number;
  heartbeat?: Heartbeat;
  position: string;
  tokenExpiresIn?: number;
  iceServers?: RTCIceServer[];
}

export interface ResumeAnswer {
  rooms: Record<string, "tail" | "snapshot">;
  serverTime: number;
  iceServers?: RTCIceServer[];
}

export interface Negotiated {
  transportID: string;
  sdp: string;
}

export interface MediaMids {
  audioMid?: string;
  videoMid?: string;
}

/** A request that waits for its `res`; `id` is filled in by the session. */
export interface Request {
  t: string;
  [field: string]: unknown;
}

export interface EventFrame {
  t: "ev";
  roomID: string;
  pos: string;
  seq: number;
  prev: string;
  at: number;
  type: string;
  data: Record<string, any>;
  user?: UserEntry;
}

export interface SkipFrame {
  t: "skip";
  roomID: string;
  from: number;
  to: number;
  pos: string;
}

export interface SnapFrame extends RoomContents {
  t: "snap";
  roomID: string;
  pos: string;
}

/** What belongs in front of the users and streams of the next `snap` or answer to `login`. */
export interface PageFrame {
  t: "page";
  roomID: string;
  users: UserEntry[];
  streams: StreamEntry[];
}

export interface PlaceFrame {
  t: "live" | "head";
  roomID: string;
  pos: string;
}

export interface ResyncFrame {
  t: "resync";
  roomID: string;
  reason: string;
}

export interface EndFrame {
  t: "end";
  roomID: string;
  code: number;
  reason?: string;
}

export interface MediaFrame {
  t: "media";
  roomID: string;
  streamID?: string;
  state: string;
  transportID: string;
}

export interface CountFrame {
  t: "count";
  roomID: string;
  count: number;
}

export type RoomFrame = EventFrame | SkipFrame | SnapFrame | PlaceFrame | ResyncFrame | EndFrame | MediaFrame | CountFrame;

export interface AnswerFrame {
  t: "res";
  id: string;
  ok: boolean;
  error?: Problem;
  [field: string]: unknown;
}

export interface ByeFrame {
  t: "bye";
  code: number;
  retryAfterMs?: number;
}

export interface ErrorFrame {
  t: "error";
  error: Problem;
}

export type ServerFrame = RoomFrame | PageFrame | AnswerFrame | ByeFrame | ErrorFrame;

/** The frame in a text message; undefined when it is none. */
export function readFrame(text: unknown): ServerFrame | undefined {
  if (typeof text !== "string") return undefined;
  try {
    const frame: unknown = JSON.parse(text);
    return frame !== null && typeof frame === "object" && typeof (frame as { t?: unknown }).t === "string" ? (frame as ServerFrame) : undefined;
  } catch {
    return undefined;
  }
}
