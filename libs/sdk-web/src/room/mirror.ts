/**
 * What this client holds of a room, made from the server's frames and nothing else.
 *
 * Rules: 1. A frame is applied only if it starts right behind the position held; older ones are dropped, a gap is reported once and asks for
 * the tail. 2. People and streams of this user are never part of it. 3. A snapshot replaces everything and is reported as the difference.
 */
import type { EventData, ExtraInfoEntry, StreamEntry, UserEntry } from "../generated/contract";
import type { EventFrame, RoomContents, RoomFrame, SkipFrame } from "../signalling/frames";
import { parsePosition, type Position } from "./position";

/** What a publisher may hold back, by the field that says so. */
export type Muted = "audioMuted" | "videoMuted";

export type Change =
  | { kind: "users"; update: "ADD" | "DELETE"; users: UserEntry[] }
  | { kind: "streams"; update: "ADD" | "DELETE"; streams: StreamEntry[]; reasons?: number[] }
  | { kind: "streamExtra"; stream: StreamEntry }
  | { kind: "mutes"; stream: StreamEntry; kinds: readonly Muted[] }
  | { kind: "mediaChanged"; streamID: string }
  | { kind: "ownStreamRemoved"; streamID: string; code: number }
  | { kind: "roomExtra"; entries: ExtraInfoEntry[] }
  | { kind: "message"; channel: "broadcast" | "barrage" | "command"; from: UserEntry; text: string; sentMs: number; messageID: string }
  | { kind: "gap" };

interface HeldStream extends StreamEntry {
  /** Where it is carried, once an event said so. */
  carrier?: string;
}

const STOPPED = 1;
export const MUTED: readonly Muted[] = ["videoMuted", "audioMuted"];

export class RoomMirror {
  private readonly users = new Map<string, UserEntry>();
  private readonly streams = new Map<string, HeldStream>();
  private readonly extra = new Map<string, ExtraInfoEntry>();
  private at: Position | undefined;
  private held = "";
  private asked = false;

  constructor(private readonly selfID: string) {}

  /** The position up to which everything was applied. */
  get position(): string {
    return this.held;
  }

  /** All that is held, as a snapshot would tell it. */
  get contents(): RoomContents {
    return { users: [...this.users.values()], streams: [...this.streams.values()], extraInfo: [...this.extra.values()] };
  }

  stream(streamID: string): StreamEntry | undefined {
    return this.streams.get(streamID);
  }

  /** Replace all that is held; the difference comes back. */
  reset(contents: RoomContents, position: string): Change[] {
    this.move(position);
    this.asked = false;
    const users = contents.users.filter((user) => user.userID !== this.selfID);
    const streams = contents.streams.filter((stream) => stream.user.userID !== this.selfID);
    return [
      ...this.swapStreams(streams),
      ...this.swapUsers(users),
      ...this.swapExtra(contents.extraInfo),
    ];
  }

  /** Take one frame in. */
  apply(frame: RoomFrame): Change[] {
    switch (frame.t) {
      case "snap":
        return this.reset(frame, frame.pos);
      case "ev":
        return this.next(frame.seq, frame.pos) ?? this.event(frame);
      case "skip":
        return this.skip(frame);
      case "live":
      case "head":
        return this.compare(frame.pos, frame.t === "live");
      default:
        return [];
    }
  }

  private skip(frame: SkipFrame): Change[] {
    if (this.at && frame.to <= this.at.seq && parsePosition(frame.pos)?.roomUID === this.at.roomUID) return [];
    // A skip may reach back over what is held already: only its end counts then.
    const from = this.at && frame.from <= this.at.seq ? this.at.seq + 1 : frame.from;
    return this.next(from, frame.pos) ?? [];
  }

  /** undefined: it follows, the position has moved. Otherwise what to report instead. */
  private next(seq: number, pos: string): Change[] | undefined {
    const place = parsePosition(pos);
    const sameLife = place !== undefined && this.at !== undefined && place.roomUID === this.at.roomUID;
    if (sameLife && seq <= this.at!.seq) return [];
    if (!sameLife || seq !== this.at!.seq + 1) return this.gap();
    this.move(pos);
    return undefined;
  }

  private compare(pos: string, complete: boolean): Change[] {
    const place = parsePosition(pos);
    if (complete) this.asked = false;
    if (!place || (this.at && place.roomUID === this.at.roomUID && place.seq <= this.at.seq)) return [];
    return this.gap();
  }

  private gap(): Change[] {
    if (this.asked) return [];
    this.asked = true;
    return [{ kind: "gap" }];
  }

  /** The connection that a question was asked on is gone; the resume to come asks anew. */
  forgetQuestion(): void {
    this.asked = false;
  }

  private move(pos: string): void {
    this.held = pos;
    this.at = parsePosition(pos);
  }

  private event(frame: EventFrame): Change[] {
    const change = (EVENTS as Record<string, ((mirror: RoomMirror, frame: EventFrame) => Change[]) | undefined>)[frame.type];
    return change ? change(this, frame) : [];
  }

  /** Whether an event is this user's own doing. */
  own(frame: Pick<EventFrame, "user">): boolean {
    return frame.user?.userID === this.selfID;
  }

  addUser(user: UserEntry): Change[] {
    const known = this.users.has(user.userID);
    this.users.set(user.userID, user);
    return known ? [] : [{ kind: "users", update: "ADD", users: [user] }];
  }

  removeUser(userID: string): Change[] {
    const user = this.users.get(userID);
    this.users.delete(userID);
    return user ? [{ kind: "users", update: "DELETE", users: [user] }] : [];
  }

  addStream(stream: StreamEntry, carrier: string): Change[] {
    const known = this.streams.has(stream.streamID);
    this.streams.set(stream.streamID, { ...stream, carrier });
    return known ? [] : [{ kind: "streams", update: "ADD", streams: [stream] }];
  }

  updateStream(stream: StreamEntry, carrier: string): Change[] {
    const before = this.streams.get(stream.streamID);
    if (!before) return this.addStream(stream, carrier);
    const now = { ...before, ...stream, carrier };
    this.streams.set(stream.streamID, now);
    const extra = extraOf(stream, before);
    const moved = before.carrier === undefined ? !extra.length : before.carrier !== carrier;
    return [...extra, ...kindsOf(now, before, moved)];
  }

  setMutes(streamID: string, mutes: Pick<StreamEntry, Muted>): Change[] {
    const before = this.streams.get(streamID);
    if (!before) return [];
    const stream = { ...before, ...mutes };
    this.streams.set(streamID, stream);
    return mutesOf(stream, before);
  }

  removeStream(streamID: string, code: number): Change[] {
    const stream = this.streams.get(streamID);
    this.streams.delete(streamID);
    return stream ? [{ kind: "streams", update: "DELETE", streams: [stream], reasons: [code] }] : [];
  }

  setExtra(entry: ExtraInfoEntry): Change[] {
    this.extra.set(entry.key, entry);
    return [{ kind: "roomExtra", entries: [entry] }];
  }

  private swapUsers(users: UserEntry[]): Change[] {
    const { gone, come } = swap(this.users, users, (user) => user.userID);
    return [
      ...(gone.length ? [{ kind: "users", update: "DELETE", users: gone } as const] : []),
      ...(come.length ? [{ kind: "users", update: "ADD", users: come } as const] : []),
    ];
  }

  private swapStreams(streams: StreamEntry[]): Change[] {
    const before = new Map(this.streams);
    const { gone, come } = swap(this.streams, streams, (stream) => stream.streamID);
    const reasons = gone.map(() => STOPPED);
    return [
      ...(gone.length ? [{ kind: "streams", update: "DELETE", streams: gone, reasons } as const] : []),
      ...(come.length ? [{ kind: "streams", update: "ADD", streams: come } as const] : []),
      ...streams.flatMap((stream) => [extraOf, kindsOf, mutesOf].flatMap((news) => news(stream, before.get(stream.streamID)))),
    ];
  }

  private swapExtra(entries: ExtraInfoEntry[]): Change[] {
    const news = entries.filter((entry) => this.extra.get(entry.key)?.value !== entry.value);
    this.extra.clear();
    for (const entry of entries) this.extra.set(entry.key, entry);
    return news.length ? [{ kind: "roomExtra", entries: news }] : [];
  }
}

function swap<T>(held: Map<string, T>, now: readonly T[], key: (item: T) => string): { gone: T[]; come: T[] } {
  const kept = new Set(now.map(key));
  const gone = [...held.values()].filter((item) => !kept.has(key(item)));
  const come = now.filter((item) => !held.has(key(item)));
  held.clear();
  for (const item of now) held.set(key(item), item);
  return { gone, come };
}

/** The extra information of a stream that was there before with another. */
function extraOf(stream: StreamEntry, before?: StreamEntry): Change[] {
  return before && (before.extraInfo ?? "") !== (stream.extraInfo ?? "") ? [{ kind: "streamExtra", stream }] : [];
}

const HAS = { audioMuted: "hasAudio", videoMuted: "hasVideo" } as const;

/** A stream that was there before and has gained or lost its sound or its picture: who plays it has to negotiate anew. What it gained is open. */
function kindsOf(stream: StreamEntry, before?: StreamEntry, moved = false): Change[] {
  const changed = before ? MUTED.filter((kind) => (stream[HAS[kind]] ?? true) !== (before[HAS[kind]] ?? true)) : [];
  const opened = changed.filter((kind) => stream[HAS[kind]] !== false && !stream[kind]);
  return [
    ...(moved || changed.length ? [{ kind: "mediaChanged", streamID: stream.streamID } as const] : []),
    ...(opened.length ? [{ kind: "mutes", stream, kinds: opened } as const] : []),
  ];
}

/** What of a stream's mutes is news; a stream that was not there before had none. */
function mutesOf(stream: StreamEntry, before?: StreamEntry): Change[] {
  const kinds = MUTED.filter((kind) => (stream[kind] ?? false) !== (before?.[kind] ?? false));
  return kinds.length ? [{ kind: "mutes", stream, kinds }] : [];
}

/** An event frame whose data is that of a type. */
type FrameOf<Type extends keyof EventData> = Omit<EventFrame, "data"> & { data: EventData[Type] };

function streamOf({ data, user }: FrameOf<"stream.added.v1" | "stream.updated.v1">): StreamEntry {
  const { streamID, extraInfo = "", hasAudio = true, hasVideo = true, codec = "" } = data;
  return { streamID, user: user ?? { userID: "", userName: "" }, extraInfo, hasAudio, hasVideo, codec };
}

function message(channel: "broadcast" | "barrage" | "command") {
  return (mirror: RoomMirror, frame: FrameOf<"im.broadcast_sent.v1" | "im.barrage_sent.v1" | "im.command_sent.v1">): Change[] => {
    if (mirror.own(frame)) return [];
    const from = frame.user ?? { userID: "", userName: "" };
    return [{ kind: "message", channel, from, text: frame.data.text ?? "", sentMs: Math.floor(frame.at / 1000), messageID: String(frame.seq) }];
  };
}

const carrierOf = ({ data }: FrameOf<"stream.added.v1" | "stream.updated.v1">): string => `${data.node ?? ""}/${data.transportID ?? ""}`;

/** docs/protocol.md, "From event to callback"; what is absent there is absent here. */
const EVENTS: { [Type in keyof EventData]?: (mirror: RoomMirror, frame: FrameOf<Type>) => Change[] } = {
  "room.user_joined.v1": (mirror, frame) => (frame.user && !mirror.own(frame) ? mirror.addUser(frame.user) : []),
  "room.user_left.v1": (mirror, { user }) => (user ? mirror.removeUser(user.userID) : []),
  "room.user_kicked.v1": (mirror, { user }) => (user ? mirror.removeUser(user.userID) : []),
  "room.extra_info_changed.v1": (mirror, { data, user, at }) =>
    mirror.setExtra({ key: data.key, value: data.value, updateUser: user ?? { userID: "" }, updateTime: Math.floor(at / 1000) }),
  "stream.added.v1": (mirror, frame) => (mirror.own(frame) ? [] : mirror.addStream(streamOf(frame), carrierOf(frame))),
  "stream.updated.v1": (mirror, frame) => (mirror.own(frame) ? [] : mirror.updateStream(streamOf(frame), carrierOf(frame))),
  "stream.mutes_changed.v1": (mirror, { data }) => mirror.setMutes(data.streamID, { audioMuted: data.audioMuted, videoMuted: data.videoMuted }),
  "stream.removed.v1": (mirror, frame) => {
    const { streamID, code } = frame.data;
    if (mirror.own(frame)) return code === STOPPED ? [] : [{ kind: "ownStreamRemoved", streamID, code }];
    return mirror.removeStream(streamID, code ?? STOPPED);
  },
  "im.broadcast_sent.v1": message("broadcast"),
  "im.barrage_sent.v1": message("barrage"),
  "im.command_sent.v1": message("command"),
};
