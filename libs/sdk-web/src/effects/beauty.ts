/** Beauty on streams of this machine: the stream's video track gives way to a drawn one, and comes back when the effect ends. */
import { Code } from "../codes";
import { failure } from "../errors";
import { BeautyShader, type BeautyShares } from "./shader";
import { openPipe, pipeCanvas, type VideoPipe } from "./video-pipe";

export interface ZegoEffectsBeautyParam {
  /** Each 0 to 100; 50 where it is left out. */
  sharpenIntensity?: number;
  whitenIntensity?: number;
  rosyIntensity?: number;
  smoothIntensity?: number;
}

interface Worn {
  readonly original: MediaStreamTrack;
  readonly pipe: VideoPipe;
  shares: BeautyShares;
}

export class Beauty {
  private readonly worn = new Map<MediaStream, Worn>();

  /** True where the stream's track became another one. */
  set(stream: MediaStream, enable: boolean, given: ZegoEffectsBeautyParam = {}): boolean {
    const shares = sharesOf(given);
    const worn = this.worn.get(stream);
    if (!enable) return this.takeOff(stream);
    if (worn) {
      worn.shares = shares;
      return false;
    }
    this.putOn(stream, shares);
    return true;
  }

  /** Back to the captured track; true where there was an effect. */
  takeOff(stream: MediaStream): boolean {
    const worn = this.worn.get(stream);
    if (!worn) return false;
    this.worn.delete(stream);
    worn.original.enabled = worn.pipe.output.enabled;
    stream.removeTrack(worn.pipe.output);
    worn.pipe.close();
    stream.addTrack(worn.original);
    return true;
  }

  /** The captured track below an effect. */
  captured(stream: MediaStream): MediaStreamTrack | undefined {
    return this.worn.get(stream)?.original;
  }

  takeOffAll(): void {
    for (const stream of [...this.worn.keys()]) this.takeOff(stream);
  }

  private putOn(stream: MediaStream, shares: BeautyShares): void {
    const [original] = stream.getVideoTracks();
    if (!original || original.readyState === "ended") throw failure(Code.BEAUTY_TRACK, "the stream has no video to beautify", { field: "stream" });
    const canvas = pipeCanvas();
    const shader = new BeautyShader(canvas);
    const draw = (picture: TexImageSource, width: number, height: number) =>
      shader.draw(picture, width, height, this.worn.get(stream)?.shares ?? shares);
    const pipe = openPipe(original, canvas, draw);
    pipe.output.enabled = original.enabled;
    this.worn.set(stream, { original, pipe, shares });
    stream.removeTrack(original);
    stream.addTrack(pipe.output);
  }
}

function sharesOf(given: ZegoEffectsBeautyParam): BeautyShares {
  const share = (name: keyof ZegoEffectsBeautyParam) => {
    const value = given[name] ?? 50;
    if (typeof value !== "number" || !(value >= 0 && value <= 100)) {
      throw failure(Code.PARAMETER, `${name} is out of range`, { field: name, limit: "0..100" });
    }
    return value / 100;
  };
  return { sharpen: share("sharpenIntensity"), whiten: share("whitenIntensity"), rosy: share("rosyIntensity"), smooth: share("smoothIntensity") };
}
