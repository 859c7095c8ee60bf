/** Jobs one after the other; a job's fault is its caller's and does not stop the next. */
export class SerialQueue {
  private last: Promise<unknown> = Promise.resolve();
  private waiting = 0;

  /** Whether a job runs or waits. */
  get busy(): boolean {
    return this.waiting > 0;
  }

  run<T>(job: () => Promise<T>): Promise<T> {
    this.waiting++;
    const done = this.last.then(job, job);
    this.last = done.then(
      () => void this.waiting--,
      () => void this.waiting--,
    );
    return done;
  }
}
