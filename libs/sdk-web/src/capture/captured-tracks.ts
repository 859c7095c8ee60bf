/**
 * What is remembered of captured tracks and streams: which tracks are derived from which, and how often a capture was stopped.
 *
 * Rules: 1. A device is free only when the captured track and all its copies have ended, which `stopCapture` sees to. 2. A page may switch a
 * camera off, or end the stream, while the browser still asks for permission to open it: the page's last call wins, and a device that opens
 * only afterwards is freed again.
 */
import { Code, failure } from "../errors";
import type { Kind } from "../negotiation/transceiver-pool";

/** Draws a captured track with an effect; the result takes its place in the stream. */
type Effect = (captured: MediaStreamTrack) => MediaStreamTrack;

const captured = new WeakMap<MediaStreamTrack, MediaStreamTrack>();
const copies = new WeakMap<MediaStreamTrack, MediaStreamTrack[]>();
const effects = new WeakMap<MediaStream, Effect>();
const stops = new WeakMap<MediaStream, Record<Kind, number>>();

/** Remembers which captured track a drawn one is made from. */
export function linkCapturedTrack(drawn: MediaStreamTrack, from: MediaStreamTrack): void {
  captured.set(drawn, from);
}

/** The track that the device gives, behind whatever is drawn from it. */
export function capturedTrack(track: MediaStreamTrack): MediaStreamTrack {
  return captured.get(track) ?? track;
}

/** A copy that is silent or black, to be sent while the track itself is muted. */
export function createSilentCopy(track: MediaStreamTrack): MediaStreamTrack {
  const copy = track.clone();
  copy.enabled = false;
  const live = (copies.get(track) ?? []).filter(({ readyState }) => readyState === "live");
  copies.set(track, [...live, copy]);
  return copy;
}

/** Ends a track and frees its device. */
export function stopCapture(track: MediaStreamTrack): void {
  for (const each of new Set([track, capturedTrack(track)])) {
    for (const copy of copies.get(each) ?? []) copy.stop();
    each.stop();
  }
}

/** Sets the effect for all video that the stream gets from now on; undefined takes it off. */
export function setEffect(stream: MediaStream, effect: Effect | undefined): void {
  if (effect) effects.set(stream, effect);
  else effects.delete(stream);
}

/** The track to put into the stream: the given one, or one drawn from it where the stream has an effect. */
export function applyEffect(stream: MediaStream, track: MediaStreamTrack): MediaStreamTrack {
  const effect = track.kind === "video" && !captured.has(track) ? effects.get(stream) : undefined;
  return effect ? effect(track) : track;
}

/** Counts a stop by the page of the stream's capture of these kinds. */
export function recordStop(stream: MediaStream, ...kinds: Kind[]): void {
  const count = stops.get(stream) ?? { audio: 0, video: 0 };
  for (const kind of kinds) count[kind]++;
  stops.set(stream, count);
}

/** Returns a function that says whether the page stopped the capture of one of these kinds since this call. */
export function watchStops(stream: MediaStream): (...kinds: Kind[]) => boolean {
  const before = { audio: 0, video: 0, ...stops.get(stream) };
  return (...kinds) => kinds.some((kind) => (stops.get(stream) ?? before)[kind] !== before[kind]);
}

/** Stops tracks that were opened too late, and throws CAPTURE_FAILED. */
export function rejectStopped(opened: readonly MediaStreamTrack[]): never {
  for (const track of opened) track.stop();
  throw failure(Code.CAPTURE_FAILED, "the capture was ended while its device was opened");
}
