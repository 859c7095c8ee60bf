/** Replays: the options of replayRoom, and what a replay reports. */
import type { ZegoUser } from "./rooms";

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
  /** Unix time in milliseconds. */
  sendTime: number;
}
