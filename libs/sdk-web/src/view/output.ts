/** Media elements that show or sound a stream: playing in them, pictures of them, and the device that they sound on. */
import { Code, failure } from "../errors";
import type { ZegoSnapshotOptions, ZegoStreamViewOptions } from "../entities";
import { log, logRejection } from "../logging";
import { askForGesture, cancelGesture } from "./autoplay-dialog";

interface OutputEvents {
  blocked(element: HTMLMediaElement, fault: DOMException): void;
  canPlay(event: Event): void;
}

const DATA_KEY = "parlour";

/** One media element that shows or sounds a stream, in a container of the page or out of sight. */
export class Output {
  /** The element that plays; undefined while nothing is played. */
  media: HTMLMediaElement | undefined;
  private ownsElement = false;
  private readonly resumeByGesture = () => void this.resume();

  constructor(
    private readonly kind: "video" | "audio",
    private readonly events: OutputEvents,
  ) {}

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
    return this.media ? this.tryToPlay(this.media, false) : false;
  }

  stop(): void {
    cancelGesture(this.resumeByGesture);
    const element = this.media;
    this.media = undefined;
    if (!element) return;
    element.oncanplay = null;
    element.pause();
    element.srcObject = null;
    if (this.ownsElement) element.remove();
  }

  private mount(place: HTMLElement | undefined): HTMLMediaElement {
    if (place instanceof HTMLMediaElement) return this.adopt(place, false);
    if (this.media && this.ownsElement && (!place || this.media.parentElement === place)) return this.media;
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
    if (this.media && this.media !== element) this.stop();
    this.media = element;
    this.ownsElement = ownsElement;
    return element;
  }

  private async tryToPlay(element: HTMLMediaElement, dialog: boolean): Promise<boolean> {
    try {
      await element.play();
      return true;
    } catch (fault) {
      const blocked = fault instanceof DOMException && fault.name === "NotAllowedError" ? fault : undefined;
      if (!blocked || element !== this.media) return false;
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

/** Sends an element's sound to a device, where the browser can; BROWSER where it cannot. */
export async function useSink(media: HTMLMediaElement, deviceID: string): Promise<void> {
  if (typeof media.setSinkId !== "function") throw failure(Code.BROWSER, "this browser cannot choose a speaker");
  await media.setSinkId(deviceID);
}

/** A still picture of a video element as a data address, and as a download where the page asks for one; empty text where no picture is shown yet. */
export function snapshot(video: HTMLVideoElement | undefined, { imageType = "png", quality, save = false, fileName = "snapshot" }: ZegoSnapshotOptions = {}): string {
  const canvas = document.createElement("canvas");
  canvas.width = video?.videoWidth ?? 0;
  canvas.height = video?.videoHeight ?? 0;
  const context = canvas.getContext("2d");
  if (!video || !context || !canvas.width) {
    log.warn("takeStreamSnapshot: no picture is shown yet; call playVideo and wait for canPlayVideo");
    return "";
  }
  context.drawImage(video, 0, 0);
  const type = imageType.replace(/^image\//, "").replace(/^jpg$/, "jpeg");
  const address = canvas.toDataURL(`image/${type}`, quality);
  if (save) download(address, `${fileName}.${type}`);
  return address;
}

function download(address: string, name: string): void {
  const link = document.createElement("a");
  Object.assign(link, { href: address, download: name });
  link.click();
}
