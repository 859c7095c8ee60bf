/** A gateway of one process for tests: it records what a client sends on each connection and says what the test tells it to. */

export interface Sent {
  t: string;
  id: string;
  [field: string]: any;
}

export class FakeSocket implements Pick<WebSocket, "send" | "close" | "onopen" | "onmessage" | "onclose" | "onerror"> {
  onopen: WebSocket["onopen"] = null;
  onmessage: WebSocket["onmessage"] = null;
  onclose: WebSocket["onclose"] = null;
  onerror: WebSocket["onerror"] = null;
  readonly sent: Sent[] = [];
  closed = false;

  constructor(
    readonly address: string,
    private readonly gateway: FakeGateway,
  ) {}

  send(text: string): void {
    const frame = JSON.parse(text) as Sent;
    this.sent.push(frame);
    this.gateway.received(this, frame);
  }

  close(): void {
    this.closed = true;
  }

  accept(): void {
    this.onopen?.call(this as never, {} as Event);
  }

  say(frame: object): void {
    this.onmessage?.call(this as never, { data: JSON.stringify(frame) } as MessageEvent);
  }

  break(code = 1006): void {
    this.onclose?.call(this as never, { code } as CloseEvent);
  }
}

type Answer = object | undefined;

/** The position at `seq` of the only call that the fake knows. */
export function at(seq: number, roomUID = "call"): string {
  return `${roomUID}.${seq}.${seq.toString(16).padStart(16, "0")}`;
}

export class FakeGateway {
  readonly sockets: FakeSocket[] = [];
  /** What a frame type is answered with; undefined leaves it unanswered. */
  answers: Record<string, (frame: Sent) => Answer> = {
    login: () => ({ sessionID: "s1.secret", serverTime: Date.now(), heartbeat: { intervalMs: 30_000, windowMs: 90_000, reconnectMs: 300_000 }, position: at(4), users: [], streams: [], extraInfo: [], tokenExpiresIn: 86_400 }),
    resume: () => ({ rooms: { r: "tail" }, serverTime: Date.now() }),
    logout: () => ({}),
    ping: () => ({ serverTime: Date.now() }),
    broadcast: () => ({ messageID: 7 }),
    barrage: () => ({ messageID: "8" }),
    command: () => ({ absent: [] }),
  };
  /** Whether new sockets open by themselves. */
  open = true;

  readonly connect = (address: string): FakeSocket => {
    const socket = new FakeSocket(address, this);
    this.sockets.push(socket);
    if (this.open) queueMicrotask(() => socket.accept());
    return socket;
  };

  get socket(): FakeSocket {
    return this.sockets.at(-1)!;
  }

  received(socket: FakeSocket, frame: Sent): void {
    const answer = this.answers[frame.t]?.(frame);
    if (answer) queueMicrotask(() => socket.say({ t: "res", id: frame.id, ok: true, ...answer }));
  }

  refuse(code: number, message = "no"): object {
    return { ok: false, error: { code, message } };
  }
}

/** Let promises and later tasks run. */
export async function settle(turns = 3): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
}
