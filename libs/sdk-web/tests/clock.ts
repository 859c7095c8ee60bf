/** Time that the test owns: setTimeout, setInterval and Date.now stand still until `tick`. */

interface Due {
  at: number;
  run: () => void;
  every: number | undefined;
}

const real = { setTimeout, clearTimeout, setInterval, clearInterval, now: Date.now };

export class Clock {
  private readonly due = new Map<number, Due>();
  private last = 0;

  constructor(private now: number) {}

  install(): void {
    const set = (every: boolean) => (run: () => void, ms = 0) => this.set(run, ms, every);
    const clear = (id: number) => void this.due.delete(id);
    Object.assign(globalThis, { setTimeout: set(false), setInterval: set(true), clearTimeout: clear, clearInterval: clear });
    Date.now = () => this.now;
  }

  uninstall(): void {
    const { now, ...timers } = real;
    Object.assign(globalThis, timers);
    Date.now = now;
  }

  /** Let `ms` pass; what falls due runs in its order. */
  tick(ms: number): void {
    const end = this.now + ms;
    for (let next = this.next(end); next; next = this.next(end)) {
      const [id, due] = next;
      this.now = Math.max(this.now, due.at);
      if (due.every === undefined) this.due.delete(id);
      else due.at += due.every;
      due.run();
    }
    this.now = end;
  }

  private set(run: () => void, ms: number, every: boolean): number {
    this.due.set(++this.last, { at: this.now + ms, run, every: every ? Math.max(1, ms) : undefined });
    return this.last;
  }

  private next(end: number): [number, Due] | undefined {
    return [...this.due].filter(([, due]) => due.at <= end).sort(([a, one], [b, two]) => one.at - two.at || a - b)[0];
  }
}
