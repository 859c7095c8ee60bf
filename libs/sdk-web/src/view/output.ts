/** One media element that shows or sounds a stream, in a container of the page or out of sight. */
import { Code, failure } from "../errors";
import type { ZegoStreamViewOptions } from "../entities";
import { logRejection } from "../logging";
import { askForGesture, cancelGesture } from "./autoplay-dialog";

export interface OutputEvents {
  blocked(element: HTMLMediaElement, fault: DOMException): void;
  canPlay(event: Event): void;
}

const DATA_KEY = "parlour";

export class Output {
  private element: HTMLMediaElement | undefined;
  private ownsElement = false;
  private readonly resumeByGesture = () => void this.resume();

  constructor(
    private readonly kind: "video" | "audio",
    private readonly events: OutputEvents,
  ) {}

  get media(): HTMLMediaElement | undefined {
    return this.element;
  }

  /** Play a stream in a container (its id, an element, or a media element to use as it is), or out of sight. True when it plays. */
  play(stream: MediaStream, container: unknown, option: ZegoStreamViewOptions = {}): Promise<boolean> {
    return logRejection("play", this.playIn(stream, container, option));
  }

  private async playIn(stream: MediaStream, container: unknown, option: ZegoStreamViewOptions): Promise<boolean> {
    const place = container === undefined ? undefined : findContainer(container);
    const element = this.mount(place);
    style(element, option);
    element.muted = option.muted ?? false;
    if (element.srcObject !== stream) element.srcObject = stream;
    element.oncanplay = (event) => this.events.canPlay(event);
    return this.tryToPlay(element, option.enableAutoplayDialog !== false);
  }

  /** After a gesture: true when it plays now. */
  async resume(): Promise<boolean> {
    cancelGesture(this.resumeByGesture);
    return this.element ? this.tryToPlay(this.element, false) : false;
  }

  stop(): void {
    cancelGesture(this.resumeByGesture);
    const element = this.element;
    this.element = undefined;
    if (!element) return;
    element.oncanplay = null;
    element.pause();
    element.srcObject = null;
    if (this.ownsElement) element.remove();
  }

  private mount(place: HTMLElement | undefined): HTMLMediaElement {
    if (place instanceof HTMLMediaElement) return this.adopt(place, false);
    if (this.element && this.ownsElement && (!place || this.element.parentElement === place)) return this.element;
    this.stop();
    const element = document.createElement(this.kind);
    element.autoplay = true;
    element.setAttribute("playsinline", "");
    element.dataset[DATA_KEY] = this.kind;
    if (place) {
      removeEnded(place);
      place.append(element);
    }
    return this.adopt(element, true);
  }

  private adopt(element: HTMLMediaElement, ownsElement: boolean): HTMLMediaElement {
    if (this.element && this.element !== element) this.stop();
    this.element = element;
    this.ownsElement = ownsElement;
    return element;
  }

  private async tryToPlay(element: HTMLMediaElement, dialog: boolean): Promise<boolean> {
    try {
      await element.play();
      return true;
    } catch (fault) {
      const blocked = fault instanceof DOMException && fault.name === "NotAllowedError" ? fault : undefined;
      if (!blocked || element !== this.element) return false;
      if (dialog) askForGesture(this.resumeByGesture);
      this.events.blocked(element, blocked);
      return false;
    }
  }
}

/** A page that never stops its views plays the next stream into the same box: what shows nothing any more makes room. */
function removeEnded(place: HTMLElement): void {
  for (const child of place.querySelectorAll<HTMLMediaElement>(`[data-${DATA_KEY}]`)) {
    const stream = child.srcObject;
    if (!(stream instanceof MediaStream) || stream.getTracks().every((track) => track.readyState === "ended")) child.remove();
  }
}

function findContainer(container: unknown): HTMLElement {
  const found = typeof container === "string" ? document.getElementById(container) : container;
  if (found instanceof HTMLElement) return found;
  const what = typeof container === "string" ? `the page has no element with the id "${container}"` : "the container is no element";
  throw failure(Code.PARAMETER, what, { field: "container", hint: "pass an element, or the id of one" });
}

function style(element: HTMLMediaElement, { mirror, objectFit }: ZegoStreamViewOptions): void {
  if (!(element instanceof HTMLVideoElement)) return;
  if (element.dataset[DATA_KEY]) Object.assign(element.style, { display: "block", width: "100%", height: "100%" });
  element.style.objectFit = objectFit ?? element.style.objectFit ?? "contain";
  element.style.transform = mirror ? "scaleX(-1)" : "";
}
