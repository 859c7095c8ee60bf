/** Notifies the page half a minute before its token expires, by the time left that the server sent. */
import { MAX_TIMEOUT_MS, type Timer } from "./timing";

const WARN_BEFORE_MS = 30_000;

export class TokenExpiryTimer {
  private timer: Timer | undefined;

  constructor(private readonly onExpiring: () => void) {}

  /** `seconds` left, from now; undefined where the server did not say. */
  start(seconds: number | undefined): void {
    this.stop();
    if (seconds !== undefined && seconds > 0) this.arm(Date.now() + seconds * 1000 - WARN_BEFORE_MS);
  }

  stop(): void {
    clearTimeout(this.timer);
  }

  private arm(until: number): void {
    const left = Math.max(0, until - Date.now());
    this.timer = setTimeout(() => (left > MAX_TIMEOUT_MS ? this.arm(until) : this.onExpiring()), Math.min(left, MAX_TIMEOUT_MS));
  }
}
