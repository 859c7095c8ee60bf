/**
 * This client's copy of a room's users, streams and extra information, folded from the server's frames and nothing else.
 *
 * Rules: 1. A frame is applied only if it starts right after the mirror's position; older ones are dropped, a gap is reported once and asks for
 * the tail. 2. People and streams of this user are never part of it. 3. A snapshot replaces everything and is reported as the difference.
 */
import type { EventData, ExtraInfoEntry, StreamEntry, UserRef } from "../generated/contract";
import type { EventFrame, RoomContents, RoomFrame, SkipFrame } from "../signalling/frames";
import { parsePosition, type Position } from "./position";

/** The fields of a stream that say what its publisher has muted. */
export type MuteField = "audioMuted" | "videoMuted";

export type RoomChange =
  | { kind: "users"; update: "ADD" | "DELETE"; users: UserRef[] }
  | { kind: "streams"; update: "ADD" | "DELETE"; streams: StreamEntry[]; reasons?: number[] }
  | { kind: "streamExtra"; stream: StreamEntry }
  | { kind: "mutes"; stream: StreamEntry; kinds: readonly MuteField[] }
  /** `movedTo`: the relay node whose transport carries it now, where that is another transport than before. */
  | { kind: "mediaChanged"; streamID: string; movedTo?: string }
  | { kind: "ownStreamRemoved"; streamID: string; code: number }
  | { kind: "roomExtra"; entries: ExtraInfoEntry[] }
  | { kind: "message"; channel: "broadcast" | "barrage" | "command"; from: UserRef; text: string; sentMs: number; messageID: string }
  | { kind: "gap" };

interface MirroredStream extends StreamEntry {
  /** The relay node and transport that carry it, once an event named them. */
  carrier?: string;
}

const STOPPED = 1;
export const MUTE_FIELDS: readonly MuteField[] = ["videoMuted", "audioMuted"];

export class RoomMirror {
  private readonly users = new Map<string, UserRef>();
  private readonly streams = new Map<string, MirroredStream>();
  private readonly extra = new Map<string, ExtraInfoEntry>();
  /** The position of the last frame that was applied, as the server wrote it; empty before the first. */
  position = "";
  private at: Position | undefined;
  private resyncPending = false;

  constructor(private readonly selfID: string) {}

  /** The mirror's contents in the form of a snapshot. */
  get contents(): RoomContents {
    return { users: [...this.users.values()], streams: [...this.streams.values()], extraInfo: [...this.extra.values()] };
  }

  stream(streamID: string): StreamEntry | undefined {
    return this.streams.get(streamID);
  }

  /** Replaces the contents by those of a snapshot; returns the difference as changes. */
  reset(contents: RoomContents, position: string): RoomChange[] {
    this.move(position);
    this.resyncPending = false;
    const before = new Map(this.streams);
    const present = contents.streams.filter(({ user }) => user.userID !== this.selfID);
    const streams = replaceAll(this.streams, present, ({ streamID }) => streamID);
    const users = replaceAll(this.users, contents.users.filter(({ userID }) => userID !== this.selfID), ({ userID }) => userID);
    const entries = contents.extraInfo.filter(({ key, value }) => this.extra.get(key)?.value !== value);
    replaceAll(this.extra, contents.extraInfo, ({ key }) => key);
    return [
      ...streamsChange("DELETE", streams.removed, streams.removed.map(() => STOPPED)),
      ...streamsChange("ADD", streams.added),
      ...present.flatMap((stream) => [extraChanges, mediaChanges, muteChanges].flatMap((changes) => changes(stream, before.get(stream.streamID)))),
      ...usersChange("DELETE", users.removed),
      ...usersChange("ADD", users.added),
      ...(entries.length ? [{ kind: "roomExtra", entries } as const] : []),
    ];
  }

  /** Applies one frame; returns what the page is to be told, and `gap` once when frames are missing. */
  apply(frame: RoomFrame): RoomChange[] {
    switch (frame.t) {
      case "snap":
        return this.reset(frame, frame.pos);
      case "ev":
        return this.follow(frame.seq, frame.pos) ?? this.applyEvent(frame as TypedEvent);
      case "skip":
        return this.applySkip(frame);
      case "live":
      case "head":
        return this.compare(frame.pos, frame.t === "live");
      default:
        return [];
    }
  }

  private applySkip(frame: SkipFrame): RoomChange[] {
    if (this.at && frame.to <= this.at.seq && parsePosition(frame.pos)?.roomUID === this.at.roomUID) return [];
    // A skip may begin before our position: only its end counts then.
    const from = this.at && frame.from <= this.at.seq ? this.at.seq + 1 : frame.from;
    return this.follow(from, frame.pos) ?? [];
  }

  /** Moves the position where an event follows it, and returns undefined; otherwise returns the changes to report in its place. */
  private follow(seq: number, pos: string): RoomChange[] | undefined {
    const place = parsePosition(pos);
    const sameCall = place !== undefined && this.at !== undefined && place.roomUID === this.at.roomUID;
    if (sameCall && seq <= this.at!.seq) return [];
    if (!sameCall || seq !== this.at!.seq + 1) return this.gap();
    this.move(pos);
    return undefined;
  }

  private compare(pos: string, complete: boolean): RoomChange[] {
    const place = parsePosition(pos);
    if (complete) this.resyncPending = false;
    if (!place || (this.at && place.roomUID === this.at.roomUID && place.seq <= this.at.seq)) return [];
    return this.gap();
  }

  private gap(): RoomChange[] {
    if (this.resyncPending) return [];
    this.resyncPending = true;
    return [{ kind: "gap" }];
  }

  /** Allows the next gap to be reported: the connection on which the tail was requested is lost. */
  forgetResync(): void {
    this.resyncPending = false;
  }

  private move(pos: string): void {
    this.position = pos;
    this.at = parsePosition(pos);
  }

  /** docs/protocol.md, "From event to callback"; what is absent there is absent here. */
  private applyEvent(frame: TypedEvent): RoomChange[] {
    const { user } = frame;
    const isOwn = user?.userID === this.selfID;
    switch (frame.type) {
      case "room.user_joined.v1":
        return user && !isOwn ? this.addUser(user) : [];
      case "room.user_left.v1":
      case "room.user_kicked.v1":
        return user ? this.removeUser(user.userID) : [];
      case "room.extra_info_changed.v1": {
        const { key, value } = frame.data;
        const entry = { key, value, updateUser: user ?? { userID: "" }, updateTime: Math.floor(frame.at / 1000) };
        this.extra.set(key, entry);
        return [{ kind: "roomExtra", entries: [entry] }];
      }
      case "stream.added.v1":
        return isOwn ? [] : this.addStream(streamOf(frame), carrierOf(frame));
      case "stream.updated.v1":
        return isOwn ? [] : this.updateStream(streamOf(frame), carrierOf(frame));
      case "stream.mutes_changed.v1":
        return this.setMutes(frame.data);
      case "stream.removed.v1": {
        const { streamID, code } = frame.data;
        if (!isOwn) return this.removeStream(streamID, code ?? STOPPED);
        return code === STOPPED ? [] : [{ kind: "ownStreamRemoved", streamID, code }];
      }
      case "im.broadcast_sent.v1":
      case "im.barrage_sent.v1":
      case "im.command_sent.v1":
        return isOwn ? [] : [messageChange(frame)];
      default:
        return [];
    }
  }

  private addUser(user: UserRef): RoomChange[] {
    const known = this.users.has(user.userID);
    this.users.set(user.userID, user);
    return usersChange("ADD", known ? [] : [user]);
  }

  private removeUser(userID: string): RoomChange[] {
    const user = this.users.get(userID);
    this.users.delete(userID);
    return usersChange("DELETE", user ? [user] : []);
  }

  private addStream(stream: StreamEntry, carrier: string): RoomChange[] {
    const known = this.streams.has(stream.streamID);
    this.streams.set(stream.streamID, { ...stream, carrier });
    return streamsChange("ADD", known ? [] : [stream]);
  }

  private updateStream(stream: StreamEntry, carrier: string): RoomChange[] {
    const before = this.streams.get(stream.streamID);
    if (!before) return this.addStream(stream, carrier);
    const now = { ...before, ...stream, carrier };
    this.streams.set(stream.streamID, now);
    const extra = extraChanges(stream, before);
    const moved = before.carrier === undefined ? !extra.length : before.carrier !== carrier;
    return [...extra, ...mediaChanges(now, before, moved)];
  }

  private setMutes({ streamID, audioMuted, videoMuted }: EventData["stream.mutes_changed.v1"]): RoomChange[] {
    const before = this.streams.get(streamID);
    if (!before) return [];
    const stream = { ...before, audioMuted, videoMuted };
    this.streams.set(streamID, stream);
    return muteChanges(stream, before);
  }

  private removeStream(streamID: string, code: number): RoomChange[] {
    const stream = this.streams.get(streamID);
    this.streams.delete(streamID);
    return streamsChange("DELETE", stream ? [stream] : [], [code]);
  }
}

/** Users that came or left, if any. */
function usersChange(update: "ADD" | "DELETE", users: UserRef[]): RoomChange[] {
  return users.length ? [{ kind: "users", update, users }] : [];
}

/** Streams that were added or removed, if any; `reasons` of their removal, by codes of the server. */
function streamsChange(update: "ADD" | "DELETE", streams: StreamEntry[], reasons?: number[]): RoomChange[] {
  return streams.length ? [{ kind: "streams", update, streams, ...(reasons ? { reasons } : {}) }] : [];
}

function replaceAll<T>(entries: Map<string, T>, now: readonly T[], key: (item: T) => string): { removed: T[]; added: T[] } {
  const keys = new Set(now.map(key));
  const removed = [...entries.values()].filter((item) => !keys.has(key(item)));
  const added = now.filter((item) => !entries.has(key(item)));
  entries.clear();
  for (const item of now) entries.set(key(item), item);
  return { removed, added };
}

/** The change of a stream's extra information; none for a new stream. */
function extraChanges(stream: StreamEntry, before?: StreamEntry): RoomChange[] {
  return before && (before.extraInfo ?? "") !== (stream.extraInfo ?? "") ? [{ kind: "streamExtra", stream }] : [];
}

const HAS = { audioMuted: "hasAudio", videoMuted: "hasVideo" } as const;

/** Changes of a known stream that gained or lost audio or video, or moved: its players negotiate again. A kind that was gained is unmuted. */
function mediaChanges(stream: MirroredStream, before?: StreamEntry, moved = false): RoomChange[] {
  const changed = before ? MUTE_FIELDS.filter((kind) => (stream[HAS[kind]] ?? true) !== (before[HAS[kind]] ?? true)) : [];
  const opened = changed.filter((kind) => stream[HAS[kind]] !== false && !stream[kind]);
  return [
    ...(moved || changed.length ? [{ kind: "mediaChanged", streamID: stream.streamID, ...(moved ? { movedTo: nodeOf(stream) } : {}) } as const] : []),
    ...(opened.length ? [{ kind: "mutes", stream, kinds: opened } as const] : []),
  ];
}

/** Changes of a stream's mutes; a new stream counts as unmuted before. */
function muteChanges(stream: StreamEntry, before?: StreamEntry): RoomChange[] {
  const kinds = MUTE_FIELDS.filter((kind) => (stream[kind] ?? false) !== (before?.[kind] ?? false));
  return kinds.length ? [{ kind: "mutes", stream, kinds }] : [];
}

/** An event frame whose data is that of its type. */
type FrameOf<Type extends keyof EventData> = Omit<EventFrame, "type" | "data"> & { type: Type; data: EventData[Type] };
type TypedEvent = { [Type in keyof EventData]: FrameOf<Type> }[keyof EventData];

function streamOf({ data, user }: FrameOf<"stream.added.v1" | "stream.updated.v1">): StreamEntry {
  const { streamID, extraInfo = "", hasAudio = true, hasVideo = true, codec = "" } = data;
  return { streamID, user: user ?? { userID: "", userName: "" }, extraInfo, hasAudio, hasVideo, codec };
}

const CHANNELS = { "im.broadcast_sent.v1": "broadcast", "im.barrage_sent.v1": "barrage", "im.command_sent.v1": "command" } as const;

function messageChange({ type, user, data, at, seq }: FrameOf<keyof typeof CHANNELS>): RoomChange {
  const from = user ?? { userID: "", userName: "" };
  return { kind: "message", channel: CHANNELS[type], from, text: data.text ?? "", sentMs: Math.floor(at / 1000), messageID: String(seq) };
}

const carrierOf = ({ data }: FrameOf<"stream.added.v1" | "stream.updated.v1">): string => `${data.node ?? ""}/${data.transportID ?? ""}`;
const nodeOf = ({ carrier = "" }: MirroredStream): string => carrier.slice(0, carrier.lastIndexOf("/"));
