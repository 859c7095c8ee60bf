/**
 * Beauty on streams of this machine: the stream's video track gives way to a drawn one, and comes back when the effect ends.
 *
 * Rules: 1. The effect belongs to the stream: another camera, or a track of the page's own, is drawn with it too. 2. A drawing that breaks takes
 * the effect off, and the plain picture goes on; the page gets beautyEffectError.
 */
import { capturedTrack, linkCapturedTrack, setEffect } from "../capture/captured-tracks";
import { checkRange } from "../checks";
import { asZegoError, Code, failure, type ZegoError } from "../errors";
import type { ZegoEffectsBeautyParam } from "../entities";
import { BeautyShader, type BeautyShares } from "./shader";
import { openPipe, type VideoPipe } from "./video-pipe";

interface Drawing {
  readonly captured: MediaStreamTrack;
  readonly pipe: VideoPipe;
}

/** What a stream is drawn with. A track that the page exchanged for another may come back: its drawing goes on meanwhile. */
interface Applied {
  shares: BeautyShares;
  drawings: Drawing[];
}

export class Beauty {
  private readonly applied = new Map<MediaStream, Applied>();

  /** `broken` is called after the effect was taken off a stream because it could not be drawn any more. */
  constructor(private readonly broken: (stream: MediaStream, error: ZegoError) => void) {}

  /** Starts, changes or ends the effect; true where the stream's track became another one. */
  set(stream: MediaStream, enable: boolean, given?: ZegoEffectsBeautyParam | null): boolean {
    const shares = sharesOf(given ?? {});
    if (!enable) return this.remove(stream);
    const applied = this.applied.get(stream);
    if (!applied) return this.apply(stream, { shares, drawings: [] });
    applied.shares = shares;
    return false;
  }

  /** Puts the captured track back; true where there was an effect. */
  remove(stream: MediaStream): boolean {
    const applied = this.applied.get(stream);
    if (!applied) return false;
    this.applied.delete(stream);
    setEffect(stream, undefined);
    for (const drawn of stream.getVideoTracks()) {
      const captured = capturedTrack(drawn);
      if (captured === drawn) continue;
      captured.enabled = drawn.enabled;
      stream.removeTrack(drawn);
      stream.addTrack(captured);
    }
    for (const { pipe } of applied.drawings) pipe.close();
    return true;
  }

  removeAll(): void {
    for (const stream of [...this.applied.keys()]) this.remove(stream);
  }

  private apply(stream: MediaStream, applied: Applied): boolean {
    const [captured] = stream.getVideoTracks();
    if (!captured || captured.readyState === "ended") throw failure(Code.BEAUTY_TRACK, "the stream has no video to beautify", { field: "stream" });
    const drawn = this.draw(stream, applied, captured);
    this.applied.set(stream, applied);
    setEffect(stream, (next) => this.drawNext(stream, applied, next));
    stream.removeTrack(captured);
    stream.addTrack(drawn);
    return true;
  }

  /** A track that cannot be drawn is shown as it is. */
  private drawNext(stream: MediaStream, applied: Applied, captured: MediaStreamTrack): MediaStreamTrack {
    try {
      return this.draw(stream, applied, captured);
    } catch (fault) {
      queueMicrotask(() => this.breakOff(stream, applied, fault));
      return captured;
    }
  }

  private draw(stream: MediaStream, applied: Applied, captured: MediaStreamTrack): MediaStreamTrack {
    for (const { pipe } of applied.drawings.filter(({ captured: { readyState } }) => readyState === "ended")) pipe.close();
    applied.drawings = applied.drawings.filter(({ captured: { readyState } }) => readyState === "live");
    const broken = (fault: unknown) => this.breakOff(stream, applied, fault);
    const pipe = openPipe(captured, (canvas) => {
      const shader = new BeautyShader(canvas, broken);
      return { draw: (picture, width, height) => shader.draw(picture, width, height, applied.shares), broken, closed: () => shader.close() };
    });
    pipe.output.enabled = captured.enabled; // what is muted is the drawn track from here on
    captured.enabled = true;
    linkCapturedTrack(pipe.output, captured);
    applied.drawings.push({ captured, pipe });
    return pipe.output;
  }

  private breakOff(stream: MediaStream, applied: Applied, fault: unknown): void {
    if (this.applied.get(stream) !== applied) return;
    this.remove(stream);
    this.broken(stream, asZegoError(fault, Code.BEAUTY_UNSUPPORTED));
  }
}

function sharesOf(given: ZegoEffectsBeautyParam): BeautyShares {
  const share = (name: keyof ZegoEffectsBeautyParam) => {
    checkRange(name, given[name], 0, 100);
    return (given[name] ?? 50) / 100;
  };
  return { sharpen: share("sharpenIntensity"), whiten: share("whitenIntensity"), rosy: share("rosyIntensity"), smooth: share("smoothIntensity") };
}
