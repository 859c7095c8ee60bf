/** When a token will expire, as the server told; the page hears of it half a minute ahead. */
import { LONGEST_WAIT_MS, type Timer } from "./timing";

const LEAD_MS = 30_000;

export class TokenClock {
  private timer: Timer | undefined;

  constructor(private readonly warn: () => void) {}

  /** `seconds` left, from now; undefined where the server did not say. */
  start(seconds: number | undefined): void {
    this.stop();
    if (seconds !== undefined && seconds > 0) this.wait(Date.now() + seconds * 1000 - LEAD_MS);
  }

  stop(): void {
    clearTimeout(this.timer);
  }

  private wait(until: number): void {
    const left = Math.max(0, until - Date.now());
    this.timer = setTimeout(() => (left > LONGEST_WAIT_MS ? this.wait(until) : this.warn()), Math.min(left, LONGEST_WAIT_MS));
  }
}
