/**
 * One login of this client, over any number of connections.
 *
 * Rules: 1. The first frame on a connection is `login` or `resume`; everything else waits for its answer. 2. What was not answered is
 * repeated with its id on the next connection. 3. A lost connection is resumed until the reconnect window is over; when the server no longer
 * knows the session, its rooms log in again.
 */
import { roomRetryMs } from "../engine-options";
import { asZegoError, Code, failure, type ZegoError } from "../errors";
import type { Heartbeat, LoginAnswer, Problem, Requests, ResumeAnswer } from "../generated/contract";
import { log } from "../logging";
import type { Timer } from "../scheduling";
import { type AnswerFrame, PageBuffer, readFrame, type Request, type RequestTag, type RoomFrame } from "./frames";
import { Connection } from "./connection";
import { PendingRequests, type PendingRequest, type RequestOptions } from "./requests";

/** A room that is logged in over the session, or on its way. */
interface SessionRoom {
  readonly id: string;
  /** `position` is that of the last frame applied; empty before the first. */
  readonly mirror: { readonly position: string };
  onConnectionLost(): void;
  onResumed(): void;
  /** The server no longer knows the session. */
  enterAgain(): Promise<void>;
  /** The session cannot be resumed: the window is over, or it was ended meanwhile. */
  onSessionEnded(problem: Problem): void;
}

export interface SessionHost {
  readonly list: readonly SessionRoom[];
  onFrame(frame: RoomFrame): void;
}

/** The answer to the first frame of a connection, be it a login or a resume. */
type Handshake = Partial<LoginAnswer> & Partial<ResumeAnswer>;

const LOGIN_TIMEOUT_MS = 10_000;
const PING_TIMEOUT_MS = 10_000;
const RESUME_TIMEOUT_MS = 10_000;
const CLOSE_TAKEN_OVER = 4409;
const END_CODES: ReadonlySet<number> = new Set([Code.KICKED_LOGIN_ELSEWHERE, Code.KICKED_BY_SERVER, Code.KICKED_FOUND_ON_RETRY]);

export class Session {
  readonly connection = new Connection(this.addresses, {
    onOpened: () => this.onOpened(),
    onMessage: (text) => this.onMessage(text),
    onLost: (closeCode) => this.onLost(closeCode),
  });
  private readonly requests = new PendingRequests();
  private readonly pageBuffer = new PageBuffer();
  private id = "";
  private connectionNumber = 0;
  private established = false;
  private handshakeAt = 0;
  private lostAt = 0;
  private reconnectTimer: Timer | undefined;
  private heartbeatTimer: Timer | undefined;
  private heartbeat: Heartbeat = { intervalMs: 30_000, windowMs: 90_000, reconnectMs: 300_000 };
  /** The server's clock less ours, and by how much that may be wrong; undefined before the first login. */
  clock: { offsetMs: number; deviationMs: number } | undefined;
  /** TURN servers with credentials that run out; the newest that the server handed out. */
  iceServers: RTCIceServer[] = [];

  constructor(
    private readonly addresses: readonly string[],
    private readonly host: SessionHost,
  ) {}

  /** Logs a room in; opens the connection if there is none. Rejects with LOGIN_TIMEOUT after `LOGIN_TIMEOUT_MS`. */
  async login(frame: Request<"login">): Promise<LoginAnswer> {
    const hint = `nothing answers at ${this.addresses.join(", ")}: is this the address of your server?`;
    const answer = this.submit(frame, { timeoutMs: LOGIN_TIMEOUT_MS, timeoutCode: Code.LOGIN_TIMEOUT, hint });
    this.connection.start();
    return (await answer) as unknown as LoginAnswer;
  }

  /** Sends a request inside the session; resolves with its answer, rejects with the server's problem or a time-out. */
  async request<Tag extends RequestTag>(frame: { t: Tag } & Omit<Request<Tag>, "t">, options: RequestOptions = {}): Promise<Requests[Tag][1]> {
    return (await this.submit(frame as unknown as Request, options)) as unknown as Requests[Tag][1];
  }

  /** Requests the frames after the rooms' positions on the same connection, for a room that noticed a gap. */
  catchUp(): void {
    if (!this.established) return;
    this.submit(this.resumeRequest(), { survives: false }).catch((error) => {
      log.warn("catching up failed, reconnecting", error);
      this.connection.reconnect();
    });
  }

  /** Sends logouts without waiting for answers, for a page that is being closed. */
  sendLogouts(roomIDs: string[]): void {
    for (const roomID of roomIDs) this.send(this.requests.add({ t: "logout", roomID }).pending);
  }

  /** Ends the session: requests are rejected, and nothing is sent or called any more. */
  close(reason = "the session was closed"): void {
    this.connection.stop();
    this.stopHeartbeat();
    clearTimeout(this.reconnectTimer);
    this.id = "";
    this.lostAt = 0;
    this.requests.rejectWhere(() => true, failure(Code.SOCKET_CLOSED, reason));
  }

  private submit(frame: Request, options: RequestOptions): Promise<AnswerFrame> {
    const { pending, answer } = this.requests.add(frame, options);
    if (this.established) this.send(pending);
    else if (this.connection.isUp && !this.id && frame.t === "login") this.sendHandshake();
    return answer;
  }

  private send(pending: PendingRequest): void {
    pending.sentOn = this.connectionNumber;
    this.connection.send(JSON.stringify(pending.frame));
  }

  private onOpened(): void {
    this.connectionNumber++;
    this.pageBuffer.clear();
    this.sendHandshake();
  }

  /** Rule 1: sends the resume of this session, or else the first login that waits. */
  private sendHandshake(): void {
    this.handshakeAt = Date.now();
    if (this.id) {
      const { pending, answer } = this.requests.add(this.resumeRequest(), { timeoutMs: RESUME_TIMEOUT_MS, survives: false });
      const connectionNumber = this.connectionNumber;
      this.send(pending);
      answer.catch((error: ZegoError) => this.onResumeRefused(error, connectionNumber));
      return;
    }
    const first = this.requests.unsent(this.connectionNumber).find((pending) => pending.frame.t === "login");
    if (first) this.send(first);
  }

  /** Asks for the frames after each room's position. */
  private resumeRequest(): Request<"resume"> {
    const positions = this.host.list.filter(({ mirror }) => mirror.position).map(({ id, mirror }) => [id, mirror.position]);
    return { t: "resume", sessionID: this.id, rooms: Object.fromEntries(positions) };
  }

  private onMessage(text: unknown): void {
    const frame = readFrame(text);
    if (!frame) return log.warn("the server sent what is no frame");
    switch (frame.t) {
      case "res":
        return this.onAnswer(this.pageBuffer.prependTo(frame));
      case "page":
        return this.pageBuffer.add(frame);
      case "snap":
        return this.host.onFrame(this.pageBuffer.prependTo(frame));
      case "bye":
        return this.connection.reconnect(frame.retryAfterMs ?? 0);
      case "error":
        return log.warn("the server could not read a frame", frame.error);
      default:
        return this.host.onFrame(frame);
    }
  }

  private onAnswer(answer: AnswerFrame): void {
    const first = !this.established;
    if (answer.ok && typeof answer.sessionID === "string") this.id = answer.sessionID; // it names the rooms and is new with each login
    if (answer.ok && Array.isArray(answer.iceServers)) this.iceServers = answer.iceServers;
    if (first && answer.ok) this.establish(answer as Handshake);
    this.requests.settle(answer);
    if (first && answer.ok) for (const pending of this.requests.unsent(this.connectionNumber)) this.send(pending);
    else if (first && !this.id) this.sendHandshake();
  }

  private establish(answer: Handshake): void {
    const resumed = this.lostAt !== 0 && answer.sessionID === undefined;
    if (answer.heartbeat) this.heartbeat = answer.heartbeat;
    if (answer.serverTime) this.clock = { offsetMs: answer.serverTime - Date.now(), deviationMs: Date.now() - this.handshakeAt };
    this.established = true;
    this.lostAt = 0;
    clearTimeout(this.reconnectTimer);
    this.connection.backoff.reset();
    this.scheduleHeartbeat();
    if (resumed) for (const room of this.host.list) room.onResumed();
  }

  private onResumeRefused(error: ZegoError, connectionNumber: number): void {
    if (connectionNumber !== this.connectionNumber || this.established || !this.connection.isUp) return;
    if (error.code === Code.SESSION_UNKNOWN) {
      this.id = "";
      this.requests.rejectWhere((pending) => !pending.survives, failure(Code.SOCKET_CLOSED, "the session ended"));
      for (const room of this.host.list) void room.enterAgain();
    } else if (END_CODES.has(error.code)) {
      this.endRooms(error.problem);
    } else {
      this.connection.reconnect();
    }
  }

  private onLost(closeCode: number): void {
    const wasEstablished = this.established;
    this.stopHeartbeat();
    if (closeCode === CLOSE_TAKEN_OVER) {
      return this.endRooms({ code: Code.KICKED_LOGIN_ELSEWHERE, message: "the session was resumed on another connection" });
    }
    if (!wasEstablished || this.lostAt) return;
    this.lostAt = Date.now();
    const windowOver: Problem = { code: Code.RECONNECT_WINDOW_OVER, message: "the server could not be reached again in time" };
    this.reconnectTimer = setTimeout(() => this.endRooms(windowOver), roomRetryMs() ?? this.heartbeat.reconnectMs);
    for (const room of this.host.list) room.onConnectionLost();
  }

  private endRooms(problem: Problem): void {
    for (const room of this.host.list) room.onSessionEnded(problem);
  }

  private stopHeartbeat(): void {
    this.established = false;
    clearTimeout(this.heartbeatTimer);
  }

  private scheduleHeartbeat(): void {
    clearTimeout(this.heartbeatTimer);
    this.heartbeatTimer = setTimeout(async () => {
      const connectionNumber = this.connectionNumber;
      try {
        await this.submit({ t: "ping" }, { timeoutMs: PING_TIMEOUT_MS, survives: false });
        if (connectionNumber === this.connectionNumber && this.established) this.scheduleHeartbeat();
      } catch (error) {
        if (connectionNumber !== this.connectionNumber || !this.established) return;
        log.warn("no answer to a ping, reconnecting", asZegoError(error));
        this.connection.reconnect();
      }
    }, this.heartbeat.intervalMs);
  }
}
