/** A past call that is played again, as replayRoom gives it. See docs/how-to/replay.md. */
import type { ZegoRoomExtraInfo, ZegoUser } from "../entities/rooms";
import type { ZegoStreamList } from "../entities/streams";

/** `roomUID.seq.hash8` (or a `roomUID` alone: its beginning), the number of an event, or a time. */
export type ZegoReplayMoment = string | number | Date;
export type ZegoReplayState = "PLAYING" | "PAUSED" | "ENDED" | "STOPPED";

export interface ZegoReplayOptions {
  /** A subscription token with the scope `events`; without one, the token of the room that is logged in. */
  token?: string;
  /** Where to begin; a position also says which call it is. Otherwise the latest call of the room, from its beginning. */
  from?: ZegoReplayMoment;
  /** Where to end; otherwise the end of the call, or now. */
  to?: ZegoReplayMoment;
  /** Recorded seconds in one second; 1 unless given. */
  speed?: number;
  /** Stay paused at `from` until `resume`. */
  paused?: boolean;
}

export interface ZegoReplayMessage {
  kind: "broadcast" | "barrage" | "command";
  fromUser: ZegoUser;
  message: string;
  /** Unix milliseconds. */
  sendTime: number;
}

export interface ZegoReplay {
  readonly roomID: string;
  readonly roomUID: string;
  readonly state: ZegoReplayState;
  readonly speed: number;
  /** Numbers of the first and the last event, and their recorded times in unix milliseconds. */
  readonly range: { fromSeq: number; toSeq: number; fromTime: number; toTime: number };
  readonly seq: number;
  readonly position: string;
  /** The recorded time that is shown, in unix milliseconds. */
  readonly time: number;
  readonly users: ZegoUser[];
  readonly streams: (ZegoStreamList & { audioMuted: boolean; videoMuted: boolean })[];
  readonly messages: readonly ZegoReplayMessage[];
  readonly extraInfo: ZegoRoomExtraInfo[];
  pause(): void;
  resume(): void;
  seek(moment: ZegoReplayMoment): void;
  setSpeed(speed: number): void;
  stop(): void;
}
