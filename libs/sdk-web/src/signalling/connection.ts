/**
 * One connection to the gateway that is opened again whenever it is lost: each address once, then after a growing wait, until `stop`.
 *
 * Contract: `start` leads to `onOpened`; each `onOpened` is followed by `onMessage`s and at most one `onLost`, after which it tries again by itself.
 * After `stop` nothing is called any more.
 */
import { SUBPROTOCOL } from "../generated/contract";
import { log } from "../logging";
import { Backoff, type Timer } from "../scheduling";

const CONNECT_TIMEOUT_MS = 5_000;

interface ConnectionEvents {
  onOpened(): void;
  onMessage(text: unknown): void;
  onLost(closeCode: number): void;
}

export class Connection {
  private socket: WebSocket | undefined;
  /** Whether the socket is open. */
  isUp = false;
  private running = false;
  private addressIndex = 0;
  private failures = 0;
  private timer: Timer | undefined;
  /** Reset by the owner once the session is established: the next loss begins with the shortest wait. */
  readonly backoff = new Backoff();

  constructor(
    private readonly addresses: readonly string[],
    private readonly events: ConnectionEvents,
  ) {}

  /** Opens the first address at once; does nothing when it was started already. */
  start(): void {
    if (this.running) return;
    this.running = true;
    this.attempt();
  }

  send(text: string): void {
    if (this.isUp) this.socket?.send(text);
  }

  /** Closes the socket as lost and tries again, after `waitMs` where the server named a wait. */
  reconnect(waitMs?: number): void {
    if (this.socket) this.onClosed(this.socket, 1006, waitMs);
  }

  /** Ends the wait before the next attempt: the browser reported a network. */
  reconnectNow(): void {
    if (!this.timer) return;
    clearTimeout(this.timer);
    this.attempt();
  }

  stop(): void {
    this.running = false;
    clearTimeout(this.timer);
    this.timer = undefined;
    this.isUp = false;
    const socket = this.socket;
    this.socket = undefined;
    if (socket) close(socket);
  }

  private attempt(): void {
    this.timer = undefined;
    const address = this.addresses[this.addressIndex % this.addresses.length];
    if (address === undefined) return;
    try {
      this.listen(new WebSocket(address, [SUBPROTOCOL]));
    } catch (fault) {
      log.warn("the address of the server cannot be used", fault);
      this.retry();
    }
  }

  private listen(socket: WebSocket): void {
    this.socket = socket;
    const openTimer = setTimeout(() => this.onClosed(socket, 1006), CONNECT_TIMEOUT_MS);
    socket.onopen = () => {
      clearTimeout(openTimer);
      if (socket !== this.socket) return;
      this.isUp = true;
      this.failures = 0;
      this.events.onOpened();
    };
    socket.onmessage = (event) => {
      if (socket === this.socket) this.events.onMessage(event.data);
    };
    socket.onclose = (event) => {
      clearTimeout(openTimer);
      this.onClosed(socket, event.code);
    };
    socket.onerror = () => undefined; // a close follows, and says more
  }

  private onClosed(socket: WebSocket, closeCode: number, waitMs?: number): void {
    if (socket !== this.socket) return;
    this.socket = undefined;
    const wasOpen = this.isUp;
    this.isUp = false;
    close(socket);
    if (!wasOpen) this.addressIndex++;
    if (this.running) this.retry(waitMs);
    if (wasOpen) this.events.onLost(closeCode);
  }

  /** The next address at once; when each has been tried, after a wait. */
  private retry(waitMs?: number): void {
    const hasUntried = ++this.failures < this.addresses.length && waitMs === undefined;
    if (!hasUntried) this.failures = 0;
    this.timer = setTimeout(() => this.attempt(), hasUntried ? 0 : (waitMs ?? this.backoff.next()));
  }
}

function close(socket: WebSocket): void {
  socket.onopen = socket.onmessage = socket.onclose = socket.onerror = null;
  try {
    socket.close(1000);
  } catch {
    // a socket that cannot be closed is gone already
  }
}
