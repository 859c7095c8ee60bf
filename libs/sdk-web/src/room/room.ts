/**
 * One room that this client is in, or on its way into.
 *
 * Rules: 1. `LOGINED` fires, then the login's promise resolves, then, in a later task, the lists of who and what is there arrive as ADD;
 * nothing overtakes them. 2. When the room ends, for whatever reason, its publishers and players end before the page is notified.
 */
import { asZegoError, Code, failure } from "../errors";
import type { Emitter } from "../emitter";
import type { ZegoEvent, ZegoPlayerState, ZegoRoomConfig } from "../entities";
import type { LoginAnswer, Problem, ServerFrames, UserRef } from "../generated/contract";
import { Player } from "../play/player";
import { Players } from "../play/players";
import { Publisher } from "../publish/publisher";
import type { Request, RoomFrame } from "../signalling/frames";
import type { Session } from "../signalling/session";
import { nextTask, TokenExpiryTimer } from "../scheduling";
import { emitChange, emitMutes } from "./callbacks";
import { MUTE_FIELDS, RoomMirror, type RoomChange } from "./mirror";
import { RoomStates, type RoomReason } from "./states";

export interface Login {
  roomID: string;
  token: string;
  user: UserRef;
  config: ZegoRoomConfig;
  multiRoom: boolean;
}

interface RoomContext {
  session: Session;
  events: Emitter<ZegoEvent>;
  appID: number;
  /** The room has ended and emits nothing more. */
  onEnded(room: Room): void;
}

const LOGOUT_TIMEOUT_MS = 5_000;
const LOGIN_CANCELLED = "logoutRoom was called before the login was answered";

export class Room {
  readonly id = this.login.roomID;
  readonly states = new RoomStates((reason, legacy, code, extended) => {
    this.context.events.emit("roomStateChanged", this.id, reason, code, extended);
    this.context.events.emit("roomStateUpdate", this.id, legacy, code, extended);
  });
  readonly mirror = new RoomMirror(this.login.user.userID);
  private readonly transportContext = { roomID: this.id, session: this.context.session };
  readonly publisher = new Publisher(this.transportContext, (state) => this.context.events.emit("publisherStateUpdate", state));
  readonly players = new Players((onUnreachable) => {
    return new Player(this.transportContext, (state) => this.onPlayerState(state), (streamID) => this.mirror.stream(streamID), onUnreachable);
  });
  private readonly tokenTimer = new TokenExpiryTimer(() => this.context.events.emit("tokenWillExpire", this.id));
  /** The token of the login, or the last one of renewToken. */
  token = this.login.token;
  /** The leave that is under way. */
  leaving: Promise<void> | undefined;
  private entered: Promise<true> | undefined;
  /** Frames that came before the login's answer was worked through. */
  private earlyFrames: RoomFrame[] | undefined = [];
  /** Changes that wait for the first lists to be delivered. */
  private delayedChanges: RoomChange[] | undefined;

  constructor(
    readonly login: Login,
    private readonly context: RoomContext,
  ) {}

  /** Sends the login. Resolves when the room is entered; rejects with the reason, which roomStateChanged has reported as LOGIN_FAILED. */
  enter(): Promise<true> {
    this.states.go("LOGINING");
    this.players.first.prepare();
    this.entered = this.logIn();
    return this.entered;
  }

  private async logIn(): Promise<true> {
    try {
      return await this.onLoggedIn(await this.context.session.login(this.loginRequest()));
    } catch (thrown) {
      const error = asZegoError(thrown);
      this.end("LOGIN_FAILED", error.problem);
      throw error;
    }
  }

  /** Sends the same login again, after the server forgot the session. Gives up when the server refuses, or when the reconnect window is over. */
  async enterAgain(): Promise<void> {
    try {
      const answer = await this.context.session.login(this.loginRequest());
      if (this.states.phase !== "RECONNECTING") return;
      this.tokenTimer.start(answer.tokenExpiresIn);
      this.states.go("RECONNECTED");
      this.deliver(this.mirror.reset(answer, answer.position));
      for (const transport of this.transports) transport.rebuild();
    } catch (thrown) {
      const { problem } = asZegoError(thrown);
      const unanswered = problem.code === Code.SOCKET_CLOSED || problem.code === Code.LOGIN_TIMEOUT;
      if (!unanswered) this.end("RECONNECT_FAILED", { code: Code.RECONNECT_WINDOW_OVER, message: problem.message });
      else if (this.states.phase === "RECONNECTING") void this.enterAgain();
    }
  }

  /** Leaves the room: media ends, the logout is sent, and its answer is awaited for at most `LOGOUT_TIMEOUT_MS`. */
  leave(): Promise<void> {
    this.leaving ??= this.states.phase === "LOGINING" ? this.cancelLogin() : this.logOut();
    return this.leaving;
  }

  /** Cancels a login that is under way. The server may have granted it already: then its answer is followed by a logout. */
  private async cancelLogin(): Promise<void> {
    this.states.go("LOGIN_FAILED", Code.SOCKET_CLOSED, LOGIN_CANCELLED);
    await this.entered?.catch(() => undefined);
  }

  private async logOut(): Promise<void> {
    if (!this.states.joined) return;
    const connected = this.states.phase === "IN";
    this.closeMedia();
    const sent = this.sendLogout();
    if (connected) await sent;
    this.end("LOGOUT", { code: 0, message: "" });
  }

  private async sendLogout(): Promise<void> {
    const request = this.context.session.request({ t: "logout", roomID: this.id }, { timeoutMs: LOGOUT_TIMEOUT_MS, survives: false });
    await request.catch(() => undefined); // others hear of it when the heartbeat runs out
  }

  onConnectionLost(): void {
    this.states.go("RECONNECTING", Code.NETWORK_DOWN, "the connection to the server was lost");
    this.mirror.forgetResync();
  }

  onResumed(): void {
    if (!this.states.go("RECONNECTED")) return;
    for (const transport of this.transports) transport.recover();
  }

  /** The session is over and cannot be resumed: the page gets RECONNECT_FAILED or KICKOUT. */
  onSessionEnded(problem: Problem): void {
    if (problem.code === Code.RECONNECT_WINDOW_OVER) return this.end("RECONNECT_FAILED", problem);
    const elsewhere = problem.code === Code.KICKED_LOGIN_ELSEWHERE && this.states.phase === "RECONNECTING";
    this.end("KICKOUT", elsewhere ? { ...problem, code: Code.KICKED_FOUND_ON_RETRY } : problem);
  }

  onFrame(frame: RoomFrame): void {
    if (this.earlyFrames) {
      this.earlyFrames.push(frame);
      return;
    }
    if (!this.states.joined) return;
    if (frame.t === "end") return this.onEndFrame(frame);
    if (frame.t === "count") return this.context.events.emit("roomOnlineUserCountUpdate", this.id, frame.count);
    if (frame.t === "media") return this.onMediaFrame(frame);
    this.deliver(this.mirror.apply(frame));
  }

  private onMediaFrame({ transportID, state }: ServerFrames["media"]): void {
    for (const transport of this.transports) {
      if (state === "move") transport.onTransportMove(transportID);
      else transport.onTransportLost(transportID);
    }
  }

  renewToken(token: string): void {
    this.token = token;
    const request = this.context.session.request({ t: "renewToken", roomID: this.id, token });
    request.then(({ tokenExpiresIn }) => this.tokenTimer.start(tokenExpiresIn)).catch(() => undefined); // the page is notified when the old token expires
  }

  private loginRequest(): Request<"login"> {
    const { user, config, multiRoom } = this.login;
    const { userUpdate = false, maxMemberCount = 0 } = config;
    return {
      t: "login",
      appID: this.context.appID,
      roomID: this.id,
      token: this.token,
      user,
      config: { userUpdate, maxMemberCount },
      ...(multiRoom ? { multiRoom } : {}),
    };
  }

  private async onLoggedIn(answer: LoginAnswer): Promise<true> {
    if (!this.states.go("LOGINED")) {
      await this.sendLogout();
      throw failure(Code.SOCKET_CLOSED, LOGIN_CANCELLED);
    }
    this.tokenTimer.start(answer.tokenExpiresIn);
    this.players.first.onServersKnown();
    this.delayedChanges = this.mirror.reset(answer, answer.position);
    const earlyFrames = this.earlyFrames ?? [];
    this.earlyFrames = undefined;
    for (const frame of earlyFrames) this.onFrame(frame);
    nextTask(() => {
      const delayedChanges = this.delayedChanges ?? [];
      this.delayedChanges = undefined;
      this.deliver(delayedChanges);
    });
    return true;
  }

  private deliver(changes: RoomChange[]): void {
    for (const change of changes) {
      if (change.kind === "gap") this.context.session.catchUp();
      else if (change.kind === "ownStreamRemoved") this.publisher.removedByServer(change.streamID, change.code);
      else if (change.kind === "mediaChanged") this.players.mediaChanged(change.streamID, change.movedTo);
      else if (this.delayedChanges) this.delayedChanges.push(change);
      else if (this.states.joined) emitChange(this.context.events, this.id, change, this.login.config.userUpdate === true);
    }
  }

  /** The server ended the session's stay. After a heartbeat time-out or a forgotten session the room is entered again; after a kick it is not. */
  private onEndFrame({ code, reason }: ServerFrames["end"]): void {
    if (code !== Code.SESSION_UNKNOWN && code !== Code.HEARTBEAT_TIMEOUT) return this.onSessionEnded({ code, message: reason });
    this.states.go("RECONNECTING", Code.NETWORK_DOWN, reason);
    void this.enterAgain();
  }

  /** Pages create a view for a stream when it plays, so mutes that were reported before are reported again then. */
  private onPlayerState(state: ZegoPlayerState): void {
    this.context.events.emit("playerStateUpdate", state);
    const stream = state.state === "PLAYING" ? this.mirror.stream(state.streamID) : undefined;
    if (stream) emitMutes(this.context.events, stream, MUTE_FIELDS.filter((kind) => stream[kind]));
  }

  private end(reason: RoomReason, { code, message }: Problem): void {
    this.tokenTimer.stop();
    this.closeMedia();
    this.earlyFrames = undefined;
    this.delayedChanges = undefined;
    this.states.go(reason, code, message);
    this.context.onEnded(this);
  }

  private closeMedia(): void {
    for (const transport of this.transports) transport.close();
  }

  private get transports(): readonly (Publisher | Player)[] {
    return [this.publisher, ...this.players.all];
  }
}
