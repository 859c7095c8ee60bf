/**
 * Says of a stream how often its capture was ended, so that a device which opens only afterwards is freed again.
 *
 * A page may switch a camera off, or end the stream, while the browser still asks for leave to open it: what the page said last holds.
 */
import { Code } from "../codes";
import { failure } from "../errors";
import type { Kind } from "../negotiation/slots";

const counts = new WeakMap<MediaStream, Record<Kind, number>>();

/** The page ended what the stream captures of these kinds. */
export function countStop(stream: MediaStream, ...kinds: Kind[]): void {
  const count = counts.get(stream) ?? { audio: 0, video: 0 };
  for (const kind of kinds) count[kind]++;
  counts.set(stream, count);
}

/** A question for later: whether the page ended the capture of one of these kinds since now. */
export function stopsSinceNow(stream: MediaStream): (...kinds: Kind[]) => boolean {
  const before = { audio: 0, video: 0, ...counts.get(stream) };
  return (...kinds) => kinds.some((kind) => (counts.get(stream) ?? before)[kind] !== before[kind]);
}

/** Frees what was opened in vain, and says so. */
export function refuseStopped(opened: readonly MediaStreamTrack[]): never {
  for (const track of opened) track.stop();
  throw failure(Code.CAPTURE_FAILED, "the capture was ended while its device was opened");
}
