/**
 * One login of this client, over any number of connections.
 *
 * Rules: 1. The first frame on a connection is `login` or `resume`; everything else waits for its answer. 2. What was not answered is
 * repeated with its id on the next connection. 3. A lost connection is resumed until the reconnect window is over; a session that the server
 * no longer knows is handed back to the host, which logs in anew.
 */
import { Code } from "../codes";
import { asZegoError, failure, type ZegoError } from "../errors";
import type { Answers, Heartbeat, LoginAnswer, Problem, ResumeAnswer } from "../generated/contract";
import { log } from "../logging";
import type { Timer } from "../timing";
import { readFrame, type AnswerFrame, type Request, type RequestTag, type RoomFrame } from "./frames";
import { Link, type OpenSocket } from "./link";
import { Pages } from "./pages";
import { RequestBook, type Pending, type RequestOptions } from "./requests";

export interface SessionHost {
  /** The place in each room up to which frames were applied. */
  positions(): Record<string, string>;
  frame(frame: RoomFrame): void;
  lost(): void;
  resumed(): void;
  /** The server forgot the session: log the rooms in again. */
  forgotten(): void;
  /** No way back: the window is over, or the session was ended while nobody listened. */
  over(problem: Problem): void;
}

/** The answer to the first frame of a connection, be it a login or a resume. */
type Introduction = Partial<LoginAnswer> & Partial<ResumeAnswer>;

export const LOGIN_TIMEOUT_MS = 10_000;
const PONG_TIMEOUT_MS = 10_000;
const RESUME_TIMEOUT_MS = 10_000;
const TAKEN_OVER = 4409;
const ENDED: ReadonlySet<number> = new Set([Code.KICKED_LOGIN_ELSEWHERE, Code.KICKED_BY_SERVER, Code.KICKED_FOUND_ON_RETRY]);

export class Session {
  private readonly link: Link;
  private readonly book = new RequestBook();
  private readonly pages = new Pages();
  private id = "";
  private connection = 0;
  private introduced = false;
  private introductionAt = 0;
  private readonly silence: RequestOptions;
  private lostAt = 0;
  private window: Timer | undefined;
  private pulse: Timer | undefined;
  private heartbeat: Heartbeat = { intervalMs: 30_000, windowMs: 90_000, reconnectMs: 300_000 };
  /** The server's clock less ours, and by how much that may be wrong; undefined before the first login. */
  clock: { offsetMs: number; deviationMs: number } | undefined;
  /** TURN servers with credentials that run out; the newest that the server handed out. */
  iceServers: RTCIceServer[] = [];

  constructor(
    addresses: readonly string[],
    private readonly host: SessionHost,
    /** The page's wish for the reconnect window; the server's otherwise. */
    private readonly reconnectMs: () => number | undefined = () => undefined,
    open?: OpenSocket,
  ) {
    this.silence = { timeoutCode: Code.LOGIN_TIMEOUT, hint: `nothing answers at ${addresses.join(", ")}: is this the address of your server?` };
    const events = { opened: () => this.opened(), message: (text: unknown) => this.message(text), lost: (code: number) => this.lost(code) };
    this.link = new Link(addresses, events, open);
  }

  /** Log a room in; opens the connection if there is none. */
  async login(frame: Request<"login">, timeoutMs = LOGIN_TIMEOUT_MS): Promise<LoginAnswer> {
    const answer = this.submit(frame, { timeoutMs, ...this.silence });
    this.link.start();
    return (await answer) as unknown as LoginAnswer;
  }

  /** Ask for something inside the session. */
  async request<Tag extends RequestTag>(frame: { t: Tag } & Omit<Request<Tag>, "t">, options: RequestOptions = {}): Promise<Answers[Tag]> {
    return (await this.submit(frame as unknown as Request, options)) as unknown as Answers[Tag];
  }

  /** A gap was noticed: ask for the tail from the positions held, on the same connection. */
  catchUp(): void {
    if (!this.introduced) return;
    this.request({ t: "resume", sessionID: this.id, rooms: this.host.positions() }, { survives: false }).catch((error) => {
      log.warn("catching up failed, reconnecting", error);
      this.link.drop();
    });
  }

  /** Tell the server without waiting, for a page that is about to go. */
  farewell(roomIDs: string[]): void {
    for (const roomID of roomIDs) this.send(this.book.enter({ t: "logout", roomID }).pending);
  }

  /** The end: nothing is sent or called any more. */
  close(reason = "the session was closed"): void {
    this.link.stop();
    this.quiet();
    clearTimeout(this.window);
    this.id = "";
    this.lostAt = 0;
    this.book.refuseWhere(() => true, failure(Code.SOCKET_CLOSED, reason));
  }

  /** The network came back. */
  hurry(): void {
    this.link.hurry();
  }

  private submit(frame: Request, options: RequestOptions): Promise<AnswerFrame> {
    const { pending, answer } = this.book.enter(frame, options);
    if (this.introduced) this.send(pending);
    else if (this.link.up && !this.id && frame.t === "login") this.introduce();
    return answer;
  }

  private send(pending: Pending): void {
    pending.sentOn = this.connection;
    this.link.send(JSON.stringify(pending.frame));
  }

  private opened(): void {
    this.connection++;
    this.pages.forget();
    this.introduce();
  }

  /** Rule 1. */
  private introduce(): void {
    this.introductionAt = Date.now();
    if (this.id) {
      const frame: Request<"resume"> = { t: "resume", sessionID: this.id, rooms: this.host.positions() };
      const { pending, answer } = this.book.enter(frame, { timeoutMs: RESUME_TIMEOUT_MS, survives: false });
      const connection = this.connection;
      this.send(pending);
      answer.catch((error: ZegoError) => this.resumeRefused(error, connection));
      return;
    }
    const first = this.book.unsent(this.connection).find((pending) => pending.frame.t === "login");
    if (first) this.send(first);
  }

  private message(text: unknown): void {
    const frame = readFrame(text);
    if (!frame) return log.warn("the server sent what is no frame");
    switch (frame.t) {
      case "res":
        return this.answered(this.pages.complete(frame));
      case "page":
        return this.pages.keep(frame);
      case "snap":
        return this.host.frame(this.pages.complete(frame));
      case "bye":
        return this.link.drop(frame.retryAfterMs ?? 0);
      case "error":
        return log.warn("the server could not read a frame", frame.error);
      default:
        return this.host.frame(frame);
    }
  }

  private answered(answer: AnswerFrame): void {
    const first = !this.introduced;
    if (answer.ok && typeof answer.sessionID === "string") this.id = answer.sessionID; // it names the rooms and is new with each login
    if (answer.ok && Array.isArray(answer.iceServers)) this.iceServers = answer.iceServers;
    if (first && answer.ok) this.adopt(answer as Introduction);
    this.book.settle(answer);
    if (first && answer.ok) for (const pending of this.book.unsent(this.connection)) this.send(pending);
    else if (first && !this.id) this.introduce();
  }

  private adopt(answer: Introduction): void {
    const resumed = this.lostAt !== 0 && answer.sessionID === undefined;
    if (answer.heartbeat) this.heartbeat = answer.heartbeat;
    if (answer.serverTime) this.clock = { offsetMs: answer.serverTime - Date.now(), deviationMs: Date.now() - this.introductionAt };
    this.introduced = true;
    this.lostAt = 0;
    clearTimeout(this.window);
    this.link.settled();
    this.beat();
    if (resumed) this.host.resumed();
  }

  private resumeRefused(error: ZegoError, connection: number): void {
    if (connection !== this.connection || this.introduced || !this.link.up) return;
    if (error.code === Code.SESSION_UNKNOWN) {
      this.id = "";
      this.book.refuseWhere((pending) => !pending.survives, failure(Code.SOCKET_CLOSED, "the session ended"));
      this.host.forgotten();
    } else if (ENDED.has(error.code)) {
      this.host.over(error.problem);
    } else {
      this.link.drop();
    }
  }

  private lost(closeCode: number): void {
    const wasIntroduced = this.introduced;
    this.quiet();
    if (closeCode === TAKEN_OVER) {
      return this.host.over({ code: Code.KICKED_LOGIN_ELSEWHERE, message: "the session was resumed on another connection" });
    }
    if (!wasIntroduced || this.lostAt) return;
    this.lostAt = Date.now();
    const late: Problem = { code: Code.RECONNECT_WINDOW_OVER, message: "the server could not be reached again in time" };
    this.window = setTimeout(() => this.host.over(late), this.reconnectMs() ?? this.heartbeat.reconnectMs);
    this.host.lost();
  }

  private quiet(): void {
    this.introduced = false;
    clearTimeout(this.pulse);
  }

  private beat(): void {
    clearTimeout(this.pulse);
    this.pulse = setTimeout(async () => {
      const connection = this.connection;
      try {
        await this.submit({ t: "ping" }, { timeoutMs: PONG_TIMEOUT_MS, survives: false });
        if (connection === this.connection && this.introduced) this.beat();
      } catch (error) {
        if (connection !== this.connection || !this.introduced) return;
        log.warn("no answer to a ping, reconnecting", asZegoError(error));
        this.link.drop();
      }
    }, this.heartbeat.intervalMs);
  }
}
