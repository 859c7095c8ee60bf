/** All rooms of an engine over their one session: it checks logins and passes each frame to its room. */
import { Code, failure } from "../errors";
import type { Emitter } from "../emitter";
import type { ZegoEvent, ZegoRoomConfig } from "../entities";
import { LIMITS, type UserRef } from "../generated/contract";
import type { Playback, Player } from "../play/player";
import type { Publication } from "../publish/publisher";
import type { RoomFrame } from "../signalling/frames";
import { Session, type SessionHost } from "../signalling/session";
import { Room } from "./room";

export class Rooms implements SessionHost {
  readonly session = new Session(this.addresses, this);
  multiRoom = false;
  private readonly rooms = new Map<string, Room>();
  /** Ends what `watchPage` began; undefined outside of all rooms. */
  private watch: AbortController | undefined;

  constructor(
    private readonly appID: number,
    private readonly addresses: readonly string[],
    private readonly events: Emitter<ZegoEvent>,
  ) {}

  get list(): readonly Room[] {
    return [...this.rooms.values()];
  }

  find(roomID: string): Room | undefined {
    return this.rooms.get(roomID);
  }

  /** The room of a call that may leave its id out: then the only one; undefined where there are several. */
  findOrOnly(roomID?: string): Room | undefined {
    if (roomID) return this.rooms.get(roomID);
    return this.rooms.size === 1 ? this.list[0] : undefined;
  }

  /** Checks a login and sends it. Rejects before anything is sent where the login is not allowed. Awaits logouts under way, since pages do not. */
  async enter(roomID: string, token: string, user: UserRef, config: ZegoRoomConfig): Promise<true> {
    const leaving = this.list.flatMap((room) => room.leaving ?? []);
    if (leaving.length) await Promise.all(leaving);
    this.checkAdmission(roomID, user);
    if (!this.addresses.length) {
      throw failure(Code.PARAMETER, "the server's address is not known", { field: "server", hint: "pass wss://host/ws to the engine" });
    }
    const login = { roomID, token, user, config, multiRoom: this.multiRoom };
    const { appID, events, session } = this;
    const room = new Room(login, { session, events, appID, onEnded: (ended) => this.remove(ended) });
    this.rooms.set(roomID, room);
    this.watch ??= this.watchPage();
    return room.enter();
  }

  publication(streamID: string): { room: Room; publication: Publication } | undefined {
    const room = this.list.find(({ publisher }) => publisher.find(streamID));
    return room && { room, publication: room.publisher.find(streamID)! };
  }

  playback(streamID: string): { player: Player; playback: Playback } | undefined {
    const player = this.players.find((each) => each.find(streamID));
    return player && { player, playback: player.find(streamID)! };
  }

  get players(): readonly Player[] {
    return this.list.flatMap((room) => room.players.all);
  }

  /** Called by the session. */
  onFrame(frame: RoomFrame): void {
    this.events.emit("parlourFrame", frame);
    this.rooms.get(frame.roomID)?.onFrame(frame);
  }

  private checkAdmission(roomID: string, user: UserRef): void {
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

  private remove(room: Room): void {
    if (this.rooms.get(room.id) === room) this.rooms.delete(room.id);
    if (this.rooms.size) return;
    this.watch?.abort();
    this.watch = undefined;
    this.session.close();
  }

  /** Sends logouts, without waiting, when the page is closed, and reconnects at once when a network comes back. */
  private watchPage(): AbortController {
    const watch = new AbortController();
    if (typeof addEventListener !== "function") return watch;
    const logOut = ({ persisted }: PageTransitionEvent) => {
      if (!persisted) this.session.sendLogouts(this.list.filter((room) => room.states.joined).map((room) => room.id));
    };
    const { signal } = watch;
    addEventListener("pagehide", logOut, { signal });
    addEventListener("online", () => this.session.connection.reconnectNow(), { signal });
    return watch;
  }
}
