/**
 * Tracks derived from captured ones: those that an effect draws, and the silent or black copies that are sent in place of a muted one.
 *
 * A device is free only when the captured track and all its copies have ended, which `stopCapture` sees to.
 */

/** Draws a captured track with an effect; the result takes its place in the stream. */
export type Effect = (captured: MediaStreamTrack) => MediaStreamTrack;

const captured = new WeakMap<MediaStreamTrack, MediaStreamTrack>();
const copies = new WeakMap<MediaStreamTrack, MediaStreamTrack[]>();
const effects = new WeakMap<MediaStream, Effect>();

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
