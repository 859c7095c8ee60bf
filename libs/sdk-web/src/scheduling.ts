/** Timers, waits and queues as the SDK uses them. */
export type Timer = ReturnType<typeof setTimeout>;

/** setTimeout counts in 32 bits; a longer wait is cut, and its owner looks at the clock again. */
export const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/** Runs a function in a later task, behind every promise reaction that is due. A message channel, because timers of hidden pages wait for a second. */
export function nextTask(run: () => void): void {
  const channel = new MessageChannel();
  channel.port1.onmessage = () => {
    channel.port1.close();
    run();
  };
  channel.port2.postMessage(0);
}

export function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Waits between attempts: `first` doubling to `most`, each drawn from its upper half so that clients of a dead gateway do not return at once. */
export class Backoff {
  private attempt = 0;

  constructor(
    private readonly firstMs = 300,
    private readonly mostMs = 12_000,
  ) {}

  next(): number {
    const full = Math.min(this.mostMs, this.firstMs * 2 ** this.attempt++);
    return full * (0.5 + Math.random() / 2);
  }

  reset(): void {
    this.attempt = 0;
  }
}

/** Jobs one after the other; a job's fault is its caller's and does not stop the next. */
export class SerialQueue {
  private last: Promise<unknown> = Promise.resolve();

  run<T>(job: () => Promise<T>): Promise<T> {
    const done = this.last.then(job, job);
    this.last = done;
    return done;
  }
}

const EXPIRY_WARNING_MS = 30_000;

/** Notifies the page half a minute before its token expires, by the time left that the server sent. */
export class TokenExpiryTimer {
  private timer: Timer | undefined;

  constructor(private readonly onExpiring: () => void) {}

  /** `seconds` left, from now; undefined where the server did not say. */
  start(seconds: number | undefined): void {
    this.stop();
    if (seconds !== undefined && seconds > 0) this.arm(Date.now() + seconds * 1000 - EXPIRY_WARNING_MS);
  }

  stop(): void {
    clearTimeout(this.timer);
  }

  private arm(until: number): void {
    const left = Math.max(0, until - Date.now());
    this.timer = setTimeout(() => (left > MAX_TIMEOUT_MS ? this.arm(until) : this.onExpiring()), Math.min(left, MAX_TIMEOUT_MS));
  }
}
