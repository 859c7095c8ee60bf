/** All rooms of an engine over their one session: who may log in, who gets which frame, and what a lost connection means for each. */
import type { User } from "../checks";
import { Code } from "../codes";
import type { Emitter } from "../emitter";
import type { ZegoEvents, ZegoRoomConfig } from "../entities";
import { failure } from "../errors";
import { LIMITS, type Problem } from "../generated/contract";
import type { Playing } from "../play/player";
import type { Publication } from "../publish/publisher";
import type { RoomFrame } from "../signalling/frames";
import type { OpenSocket } from "../signalling/link";
import { Session, type SessionHost } from "../signalling/session";
import { Room } from "./room";

export interface RoomsSettings {
  appID: number;
  addresses: readonly string[];
  /** Reconnect window of the page's wish, in milliseconds. */
  roomRetryMs(): number | undefined;
  mediaRetryMs(): number;
  open?: OpenSocket;
}

export class Rooms implements SessionHost {
  readonly session: Session;
  multiRoom = false;
  private readonly rooms = new Map<string, Room>();

  constructor(
    private readonly settings: RoomsSettings,
    private readonly events: Emitter<ZegoEvents>,
  ) {
    this.session = new Session(settings.addresses, this, settings.roomRetryMs, settings.open);
  }

  get list(): readonly Room[] {
    return [...this.rooms.values()];
  }

  find(roomID: string): Room | undefined {
    return this.rooms.get(roomID);
  }

  /** The room meant by a call that may leave it out: the only one. */
  meant(roomID?: string): Room | undefined {
    if (roomID) return this.rooms.get(roomID);
    return this.rooms.size === 1 ? this.list[0] : undefined;
  }

  /** Throws what speaks against a login, before anything is sent. Pages log in again without awaiting the logout: we do that for them. */
  async enter(roomID: string, token: string, user: User, config: ZegoRoomConfig): Promise<true> {
    const leaving = this.list.flatMap((room) => room.leaving ?? []);
    if (leaving.length) await Promise.all(leaving);
    this.admit(roomID, user);
    if (!this.settings.addresses.length) {
      throw failure(Code.PARAMETER, "the server's address is not known", { field: "server", hint: "pass wss://host/ws to the engine" });
    }
    const login = { roomID, token, user, config, multiRoom: this.multiRoom };
    const { events, session } = this;
    const { appID, mediaRetryMs } = this.settings;
    const room = new Room(login, { session, events, appID, mediaRetryMs, over: (ended) => this.ended(ended) });
    this.rooms.set(roomID, room);
    return room.enter();
  }

  async leave(roomID: string): Promise<void> {
    await this.rooms.get(roomID)?.leave();
  }

  /** The page goes away: tell the server as long as it can be told. */
  farewell(): void {
    this.session.farewell(this.list.filter((room) => room.states.joined).map((room) => room.id));
  }

  publication(streamID: string): { room: Room; publication: Publication } | undefined {
    for (const room of this.list) {
      const publication = room.publisher.find(streamID);
      if (publication) return { room, publication };
    }
    return undefined;
  }

  playing(streamID: string): { room: Room; playing: Playing } | undefined {
    for (const room of this.list) {
      const playing = room.players.find(streamID);
      if (playing) return { room, playing };
    }
    return undefined;
  }

  // What the session tells.

  positions(): Record<string, string> {
    return Object.fromEntries(this.list.filter((room) => room.position).map((room) => [room.id, room.position]));
  }

  frame(frame: RoomFrame): void {
    this.events.emit("parlourFrame", frame);
    this.rooms.get(frame.roomID)?.frame(frame);
  }

  lost(): void {
    for (const room of this.list) room.connectionLost();
  }

  resumed(): void {
    for (const room of this.list) room.connectionBack();
  }

  forgotten(): void {
    for (const room of this.list) void room.enterAgain();
  }

  over(problem: Problem): void {
    for (const room of this.list) room.sessionOver(problem);
  }

  private admit(roomID: string, user: User): void {
    const before = this.rooms.get(roomID);
    if (before?.states.phase === "LOGINING") throw failure(Code.LOGIN_IN_PROGRESS, `the login to ${roomID} is in progress`);
    if (this.rooms.size === 0) return;
    if (!this.multiRoom) {
      if (this.list.some((room) => room.states.phase === "LOGINING")) throw failure(Code.LOGIN_IN_PROGRESS, "another login is in progress");
      throw failure(Code.TOO_MANY_ROOMS, "already logged in to a room", { hint: "logoutRoom first, or enableMultiRoom(true) before the first login" });
    }
    if (before) throw failure(Code.ROOM_IN_USE, `already logged in to ${roomID}`, { field: "roomID" });
    if (this.rooms.size >= LIMITS.roomsPerSession) throw failure(Code.MULTI_ROOM_LIMIT, `already in ${this.rooms.size} rooms`, { limit: `${LIMITS.roomsPerSession} rooms` });
    const other = this.list[0]!.login.user;
    if (other.userID !== user.userID || other.userName !== user.userName) {
      throw failure(Code.MULTI_ROOM_USER, "all rooms of an engine need the same user", { field: "user" });
    }
  }

  private ended(room: Room): void {
    if (this.rooms.get(room.id) === room) this.rooms.delete(room.id);
    if (this.rooms.size === 0) this.session.close();
  }
}
