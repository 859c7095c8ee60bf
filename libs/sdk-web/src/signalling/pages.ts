/** A large room's lists come in pages, right before the frame that they belong to; here they are put together. */
import type { StreamEntry, UserEntry } from "../generated/contract";
import type { PageFrame, RoomContents } from "./frames";

export class Pages {
  private users: UserEntry[] = [];
  private streams: StreamEntry[] = [];

  /** A page came: one more of those before the next lists. */
  keep({ users = [], streams = [] }: PageFrame): void {
    this.users.push(...users);
    this.streams.push(...streams);
  }

  /** The connection is new; what the old one left half told is told again. */
  forget(): void {
    this.users = [];
    this.streams = [];
  }

  /** The frame with the pages' entries in front of its own. */
  complete<Frame extends object>(frame: Frame): Frame {
    const { users, streams }: Partial<RoomContents> = frame;
    if (!users || !streams || !(this.users.length || this.streams.length)) return frame;
    const whole = { ...frame, users: [...this.users, ...users], streams: [...this.streams, ...streams] };
    this.forget();
    return whole;
  }
}
