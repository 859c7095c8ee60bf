/**
 * Counts how often a stream's capture was stopped, so that a device which opens only afterwards is freed again.
 *
 * A page may switch a camera off, or end the stream, while the browser still asks for permission to open it: the page's last call wins.
 */
import { Code, failure } from "../errors";
import type { Kind } from "../negotiation/transceiver-pool";

const counts = new WeakMap<MediaStream, Record<Kind, number>>();

/** Counts a stop by the page of the stream's capture of these kinds. */
export function recordStop(stream: MediaStream, ...kinds: Kind[]): void {
  const count = counts.get(stream) ?? { audio: 0, video: 0 };
  for (const kind of kinds) count[kind]++;
  counts.set(stream, count);
}

/** Returns a function that says whether the page stopped the capture of one of these kinds since this call. */
export function watchStops(stream: MediaStream): (...kinds: Kind[]) => boolean {
  const before = { audio: 0, video: 0, ...counts.get(stream) };
  return (...kinds) => kinds.some((kind) => (counts.get(stream) ?? before)[kind] !== before[kind]);
}

/** Stops tracks that were opened too late, and throws CAPTURE_FAILED. */
export function rejectStopped(opened: readonly MediaStreamTrack[]): never {
  for (const track of opened) track.stop();
  throw failure(Code.CAPTURE_FAILED, "the capture was ended while its device was opened");
}
