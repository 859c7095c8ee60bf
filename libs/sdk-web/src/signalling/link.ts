/**
 * One connection to the gateway, kept up: addresses in turn, then a wait that grows, for as long as nobody stops it.
 *
 * Theory: `start` leads to `opened`; each `opened` is followed by `message`s and at most one `lost`, after which it tries again by itself.
 * After `stop` nothing is called any more.
 */
import { SUBPROTOCOL } from "../generated/contract";
import { log } from "../logging";
import type { Timer } from "../timing";
import { Backoff } from "./backoff";

const CONNECT_TIMEOUT_MS = 5_000;

/** What is used of a WebSocket, so that tests can bring their own. */
export type SocketLike = Pick<WebSocket, "send" | "close" | "onopen" | "onmessage" | "onclose" | "onerror">;
export type OpenSocket = (address: string) => SocketLike;

export interface LinkEvents {
  opened(): void;
  message(text: unknown): void;
  lost(closeCode: number): void;
}

export const openWebSocket: OpenSocket = (address) => new WebSocket(address, [SUBPROTOCOL]);

export class Link {
  private socket: SocketLike | undefined;
  private isOpen = false;
  private running = false;
  private turn = 0;
  private failedInRow = 0;
  private timer: Timer | undefined;

  constructor(
    private readonly addresses: readonly string[],
    private readonly events: LinkEvents,
    private readonly open: OpenSocket = openWebSocket,
    private readonly backoff: Backoff = new Backoff(),
  ) {}

  get up(): boolean {
    return this.isOpen;
  }

  /** Begin at once; harmless when running. */
  start(): void {
    if (this.running) return;
    this.running = true;
    this.attempt();
  }

  send(text: string): void {
    if (this.isOpen) this.socket?.send(text);
  }

  /** The connection has proved itself: the next loss starts with the shortest wait. */
  settled(): void {
    this.backoff.reset();
  }

  /** Give the present socket up as lost and try again, after `waitMs` where the server named one. */
  drop(waitMs?: number): void {
    if (this.socket) this.ended(this.socket, 1006, waitMs);
  }

  /** A network came back: do not sit a long wait out. */
  hurry(): void {
    if (!this.timer) return;
    clearTimeout(this.timer);
    this.attempt();
  }

  stop(): void {
    this.running = false;
    clearTimeout(this.timer);
    this.timer = undefined;
    this.isOpen = false;
    const socket = this.socket;
    this.socket = undefined;
    if (socket) close(socket);
  }

  private attempt(): void {
    this.timer = undefined;
    const address = this.addresses[this.turn % this.addresses.length];
    if (address === undefined) return;
    try {
      this.watch(this.open(address));
    } catch (fault) {
      log.warn("the address of the server cannot be used", fault);
      this.retry();
    }
  }

  private watch(socket: SocketLike): void {
    this.socket = socket;
    const slow = setTimeout(() => this.ended(socket, 1006), CONNECT_TIMEOUT_MS);
    socket.onopen = () => {
      clearTimeout(slow);
      if (socket !== this.socket) return;
      this.isOpen = true;
      this.failedInRow = 0;
      this.events.opened();
    };
    socket.onmessage = (event) => {
      if (socket === this.socket) this.events.message(event.data);
    };
    socket.onclose = (event) => {
      clearTimeout(slow);
      this.ended(socket, event.code);
    };
    socket.onerror = () => undefined; // a close follows, and says more
  }

  private ended(socket: SocketLike, closeCode: number, waitMs?: number): void {
    if (socket !== this.socket) return;
    this.socket = undefined;
    const wasOpen = this.isOpen;
    this.isOpen = false;
    close(socket);
    if (!wasOpen) this.turn++;
    if (this.running) this.retry(waitMs);
    if (wasOpen) this.events.lost(closeCode);
  }

  /** The next address at once; when each has been tried, after a wait. */
  private retry(waitMs?: number): void {
    const untried = ++this.failedInRow < this.addresses.length && waitMs === undefined;
    if (!untried) this.failedInRow = 0;
    this.timer = setTimeout(() => this.attempt(), untried ? 0 : (waitMs ?? this.backoff.next()));
  }
}

function close(socket: SocketLike): void {
  socket.onopen = socket.onmessage = socket.onclose = socket.onerror = null;
  try {
    socket.close(1000);
  } catch {
    // a socket that cannot be closed is gone already
  }
}
