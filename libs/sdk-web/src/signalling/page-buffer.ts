/** Collects the pages of a large room's lists, which the gateway sends right before the frame that they belong to. */
import type { StreamEntry, UserRef } from "../generated/contract";
import type { PageFrame, RoomContents } from "./frames";

export class PageBuffer {
  private users: UserRef[] = [];
  private streams: StreamEntry[] = [];

  /** Stores a page's entries for the lists that follow. */
  add({ users = [], streams = [] }: PageFrame): void {
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
