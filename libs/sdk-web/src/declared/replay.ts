/** A past call that is played again, as replayRoom gives it. See docs/how-to/replay.md. */
import type { ZegoReplayMessage, ZegoReplayMoment, ZegoReplayState, ZegoRoomExtraInfo, ZegoStreamList, ZegoUser } from "../entities";

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
