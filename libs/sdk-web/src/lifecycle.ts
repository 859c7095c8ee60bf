/** Watches for the end of the page and for a network that comes back, from `start` to `stop`. */
export class PageWatcher {
  private watching = false;

  constructor(
    private readonly onLeave: () => void,
    private readonly onNetworkBack: () => void,
  ) {}

  private readonly onHide = (event: PageTransitionEvent) => {
    if (!event.persisted) this.onLeave();
  };
  private readonly onOnline = () => this.onNetworkBack();

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
