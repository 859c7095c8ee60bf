/**
 * One room that this client is in, or on its way into.
 *
 * Rules: 1. `LOGINED` fires, then the login's promise resolves, then, in a later task, the lists of who and what is there arrive as ADD;
 * nothing overtakes them. 2. When the room ends, for whatever reason, its publishers and players end before the page is told.
 */
import type { User } from "../checks";
import { Code } from "../codes";
import type { Emitter } from "../emitter";
import { transportPolicy } from "../engine-options";
import type { ZegoEvents, ZegoPlayerState, ZegoRoomConfig } from "../entities";
import { asZegoError, failure } from "../errors";
import type { LoginAnswer, Problem } from "../generated/contract";
import { Players } from "../play/players";
import { Publisher } from "../publish/publisher";
import type { EndFrame, MediaFrame, Request, RoomFrame } from "../signalling/frames";
import type { Session } from "../signalling/session";
import { nextTask } from "../timing";
import { TokenClock } from "../token";
import { callBack, tellMutes } from "./callbacks";
import { MUTED, RoomMirror, type Change } from "./mirror";
import { RoomStates, type RoomReason } from "./states";

export interface Login {
  roomID: string;
  token: string;
  user: User;
  config: ZegoRoomConfig;
  multiRoom: boolean;
}

export interface RoomSurroundings {
  session: Session;
  events: Emitter<ZegoEvents>;
  appID: number;
  /** How long media is tried again, in milliseconds. */
  mediaRetryMs(): number;
  /** The room is over; it will say nothing more. */
  over(room: Room): void;
}

const LOGOUT_TIMEOUT_MS = 5_000;
const WITHDRAWN = "logoutRoom was called before the login was answered";

export class Room {
  readonly states: RoomStates;
  readonly publisher: Publisher;
  readonly players: Players;
  private readonly mirror: RoomMirror;
  private readonly tokenClock: TokenClock;
  private token: string;
  private settled: Promise<void> = Promise.resolve();
  private departure: Promise<void> | undefined;
  /** Frames that came before the login's answer was worked through. */
  private early: RoomFrame[] | undefined = [];
  /** Changes that wait for the first lists to be delivered. */
  private waiting: Change[] | undefined;

  constructor(
    readonly login: Login,
    private readonly around: RoomSurroundings,
  ) {
    const { events, session } = around;
    const { roomID } = login;
    this.token = login.token;
    this.states = new RoomStates((reason, legacy, code, extended) => {
      events.emit("roomStateChanged", roomID, reason, code, extended);
      events.emit("roomStateUpdate", roomID, legacy, code, extended);
    });
    this.mirror = new RoomMirror(login.user.userID);
    this.tokenClock = new TokenClock(() => events.emit("tokenWillExpire", roomID));
    const wire = { roomID, session, retryMs: around.mediaRetryMs, ice: () => ({ iceServers: session.iceServers, iceTransportPolicy: transportPolicy() }) };
    this.publisher = new Publisher(wire, (state) => events.emit("publisherStateUpdate", state));
    this.players = new Players(wire, (state) => this.playerState(state), (streamID) => this.mirror.stream(streamID));
  }

  get id(): string {
    return this.login.roomID;
  }

  /** The token that the room was entered with, or the newest since. */
  get latestToken(): string {
    return this.token;
  }

  get position(): string {
    return this.mirror.position;
  }

  /** Whether the stream is in this room, by what is known here. */
  knows(streamID: string): boolean {
    return this.mirror.stream(streamID) !== undefined;
  }

  /** Ask to be let in. */
  enter(): Promise<true> {
    this.states.go("LOGINING");
    this.players.prepare();
    const entering = this.around.session.login(this.loginRequest()).then((answer) => this.opened(answer));
    const entered = entering.catch((thrown) => {
      const error = asZegoError(thrown);
      this.end("LOGIN_FAILED", error.problem);
      throw error;
    });
    this.settled = entered.then(
      () => undefined,
      () => undefined,
    );
    return entered;
  }

  /** The server forgot the session: the same login again, within the reconnect window. */
  async enterAgain(): Promise<void> {
    try {
      const answer = await this.around.session.login(this.loginRequest());
      if (this.states.phase !== "RECONNECTING") return;
      this.tokenClock.start(answer.tokenExpiresIn);
      this.states.go("RECONNECTED");
      this.deliver(this.mirror.reset(answer, answer.position));
      this.publisher.rebuild();
      this.players.rebuild();
    } catch (thrown) {
      const { problem } = asZegoError(thrown);
      if (problem.code === Code.SOCKET_CLOSED || problem.code === Code.LOGIN_TIMEOUT) return this.lostAgain();
      this.end("RECONNECT_FAILED", { code: Code.RECONNECT_WINDOW_OVER, message: problem.message });
    }
  }

  /** Go out; the server's answer is awaited, but not for long. */
  leave(): Promise<void> {
    this.departure ??= this.states.phase === "LOGINING" ? this.withdraw() : this.logOut();
    return this.departure;
  }

  /** Resolves when a leave under way is over; undefined without one. */
  get leaving(): Promise<void> | undefined {
    return this.departure;
  }

  /** The login may have been heard already: its answer is awaited, and taken back. */
  private withdraw(): Promise<void> {
    this.states.go("LOGIN_FAILED", Code.SOCKET_CLOSED, WITHDRAWN);
    return this.settled;
  }

  private async logOut(): Promise<void> {
    if (!this.states.joined) return;
    const connected = this.states.phase === "IN";
    this.closeMedia();
    const told = this.tellLogout();
    if (connected) await told;
    this.end("LOGOUT", { code: 0, message: "" });
  }

  private async tellLogout(): Promise<void> {
    const request = this.around.session.request({ t: "logout", roomID: this.id }, { timeoutMs: LOGOUT_TIMEOUT_MS, survives: false });
    await request.catch(() => undefined); // others hear of it when the heartbeat runs out
  }

  connectionLost(): void {
    this.states.go("RECONNECTING", Code.NETWORK_DOWN, "the connection to the server was lost");
    this.mirror.forgetQuestion();
  }

  connectionBack(): void {
    if (!this.states.go("RECONNECTED")) return;
    this.publisher.revive();
    this.players.revive();
  }

  /** The session cannot be had back. */
  sessionOver(problem: Problem): void {
    if (problem.code === Code.RECONNECT_WINDOW_OVER) return this.end("RECONNECT_FAILED", problem);
    const elsewhere = problem.code === Code.KICKED_LOGIN_ELSEWHERE && this.states.phase === "RECONNECTING";
    this.end("KICKOUT", elsewhere ? { ...problem, code: Code.KICKED_FOUND_ON_RETRY } : problem);
  }

  frame(frame: RoomFrame): void {
    if (this.early) {
      this.early.push(frame);
      return;
    }
    if (!this.states.joined) return;
    if (frame.t === "end") return this.ended(frame);
    if (frame.t === "count") return this.around.events.emit("roomOnlineUserCountUpdate", this.id, frame.count);
    if (frame.t === "media") return this.mediaGone(frame);
    this.deliver(this.mirror.apply(frame));
  }

  renewToken(token: string): void {
    this.token = token;
    const request = this.around.session.request({ t: "renewToken", roomID: this.id, token });
    request.then(({ tokenExpiresIn }) => this.tokenClock.start(tokenExpiresIn)).catch(() => undefined); // the page hears of it when it expires
  }

  private loginRequest(): Request<"login"> {
    const { user, config, multiRoom } = this.login;
    const { userUpdate = false, maxMemberCount = 0 } = config;
    return {
      t: "login",
      appID: this.around.appID,
      roomID: this.id,
      token: this.token,
      user,
      config: { userUpdate, maxMemberCount },
      ...(multiRoom ? { multiRoom } : {}),
    };
  }

  private async opened(answer: LoginAnswer): Promise<true> {
    if (!this.states.go("LOGINED")) {
      await this.tellLogout();
      throw failure(Code.SOCKET_CLOSED, WITHDRAWN);
    }
    this.tokenClock.start(answer.tokenExpiresIn);
    this.players.configured();
    this.waiting = this.mirror.reset(answer, answer.position);
    const early = this.early ?? [];
    this.early = undefined;
    for (const frame of early) this.frame(frame);
    nextTask(() => {
      const waiting = this.waiting ?? [];
      this.waiting = undefined;
      this.deliver(waiting);
    });
    return true;
  }

  private deliver(changes: Change[]): void {
    for (const change of changes) {
      if (change.kind === "gap") this.around.session.catchUp();
      else if (change.kind === "ownStreamRemoved") this.publisher.removedByServer(change.streamID, change.code);
      else if (change.kind === "mediaChanged") this.players.mediaChanged(change.streamID);
      else if (this.waiting) this.waiting.push(change);
      else if (this.states.joined) callBack(this.around.events, this.id, change, this.login.config.userUpdate === true);
    }
  }

  /** The stay is over. One that ran out for want of a connection is begun anew; one that was ended is not. */
  private ended({ code, reason }: EndFrame): void {
    if (code !== Code.SESSION_UNKNOWN && code !== Code.HEARTBEAT_TIMEOUT) return this.sessionOver({ code, message: reason });
    this.states.go("RECONNECTING", Code.NETWORK_DOWN, reason);
    void this.enterAgain();
  }

  /** Pages make a place for a stream when it plays: what is muted then is said once more. */
  private playerState(state: ZegoPlayerState): void {
    this.around.events.emit("playerStateUpdate", state);
    const stream = state.state === "PLAYING" ? this.mirror.stream(state.streamID) : undefined;
    if (stream) tellMutes(this.around.events, stream, MUTED.filter((kind) => stream[kind]));
  }

  private mediaGone({ transportID }: MediaFrame): void {
    this.publisher.transportGone(transportID);
    this.players.transportGone(transportID);
  }

  private lostAgain(): void {
    if (this.states.phase === "RECONNECTING") void this.enterAgain();
  }

  private end(reason: RoomReason, { code, message }: Problem): void {
    this.tokenClock.stop();
    this.closeMedia();
    this.early = undefined;
    this.waiting = undefined;
    this.states.go(reason, code, message);
    this.around.over(this);
  }

  private closeMedia(): void {
    this.publisher.close();
    this.players.close();
  }
}
