/** Lets an engine hear that its page goes away or that a network came back, for as long as it is in use. */
export class PageWatch {
  private watching = false;

  constructor(
    private readonly leaving: () => void,
    private readonly online: () => void,
  ) {}

  private readonly onHide = (event: PageTransitionEvent) => {
    if (!event.persisted) this.leaving();
  };
  private readonly onOnline = () => this.online();

  start(): void {
    if (this.watching || typeof addEventListener !== "function" || typeof document === "undefined") return;
    this.watching = true;
    addEventListener("pagehide", this.onHide);
    addEventListener("online", this.onOnline);
  }

  stop(): void {
    if (!this.watching) return;
    this.watching = false;
    removeEventListener("pagehide", this.onHide);
    removeEventListener("online", this.onOnline);
  }
}
