/** Waits between attempts: `first` doubling to `most`, each drawn from its upper half so that clients of a dead gateway do not return at once. */
export class Backoff {
  private attempt = 0;

  constructor(
    private readonly firstMs = 300,
    private readonly mostMs = 12_000,
    private readonly random: () => number = Math.random,
  ) {}

  next(): number {
    const full = Math.min(this.mostMs, this.firstMs * 2 ** this.attempt++);
    return full * (0.5 + this.random() / 2);
  }

  reset(): void {
    this.attempt = 0;
  }
}
