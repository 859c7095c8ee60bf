/** Shows and sounds one stream in the page. */
import { Code } from "../codes";
import { Emitter } from "../emitter";
import { failure } from "../errors";
import { Output, type PlayOption } from "./output";
import { snapshot, type SnapshotOptions } from "./snapshot";

export interface ZegoStreamViewEvents {
  autoplayFailed(): unknown;
  canPlayVideo(): unknown;
  canPlayAudio(): unknown;
}

export class ZegoStreamView {
  private readonly events = new Emitter<ZegoStreamViewEvents>(["autoplayFailed", "canPlayVideo", "canPlayAudio"]);
  private readonly picture = new Output("video", {
    blocked: () => this.events.emit("autoplayFailed"),
    canPlay: () => {
      this.events.emit("canPlayVideo");
      if (this.whole) this.events.emit("canPlayAudio");
    },
  });
  private readonly sound = new Output("audio", {
    blocked: () => this.events.emit("autoplayFailed"),
    canPlay: () => this.events.emit("canPlayAudio"),
  });
  private whole = false;
  private volume = 100;

  constructor(private readonly stream: MediaStream) {
    if (!(stream instanceof MediaStream)) {
      throw failure(Code.STREAM_OBJECT, "a view needs a MediaStream", { field: "stream", hint: "await startPlayingStream first" });
    }
  }

  on<Name extends keyof ZegoStreamViewEvents>(event: Name, callback: ZegoStreamViewEvents[Name]): boolean {
    return this.events.on(event, callback);
  }

  off<Name extends keyof ZegoStreamViewEvents>(event: Name, callback?: ZegoStreamViewEvents[Name]): boolean {
    return this.events.off(event, callback);
  }

  /** Picture and sound in one container. */
  play(container: string | HTMLElement, options: PlayOption = {}): Promise<boolean> {
    this.whole = true;
    this.sound.stop();
    const playing = this.picture.play(this.stream, container, options);
    this.applyVolume();
    return playing;
  }

  /** The picture alone. */
  playVideo(container: string | HTMLElement, options: PlayOption = {}): Promise<boolean> {
    return this.picture.play(this.stream, container, { ...options, muted: !this.whole });
  }

  /** The sound alone, out of sight. */
  playAudio(options: PlayOption = {}): Promise<boolean> {
    if (this.whole && this.picture.media) {
      this.picture.media.muted = false;
      return Promise.resolve(true);
    }
    const playing = this.sound.play(this.stream, undefined, options);
    this.applyVolume();
    return playing;
  }

  stop(): void {
    this.whole = false;
    this.picture.stop();
    this.sound.stop();
  }

  stopVideo(): void {
    const sounding = this.whole && this.picture.media?.muted === false;
    this.whole = false;
    this.picture.stop();
    if (sounding) void this.playAudio();
  }

  stopAudio(): void {
    this.sound.stop();
    if (this.picture.media) this.picture.media.muted = true;
  }

  /** After a gesture of the user. */
  async resume(): Promise<boolean> {
    const results = await Promise.all([this.picture, this.sound].filter((output) => output.media).map((output) => output.resume()));
    return results.length > 0 && results.every(Boolean);
  }

  resumeVideo(): Promise<boolean> {
    return this.picture.resume();
  }

  resumeAudio(): Promise<boolean> {
    return this.whole ? this.picture.resume() : this.sound.resume();
  }

  /** False while nothing is played. */
  setAudioMuted(mute: boolean): boolean {
    const { media } = this.whole ? this.picture : this.sound;
    if (media) media.muted = mute;
    return media !== undefined;
  }

  setVideoMuted(mute: boolean): boolean {
    const { media } = this.picture;
    if (media) media.style.visibility = mute ? "hidden" : "";
    return media !== undefined;
  }

  /** 0 to 100, for what is played now and later. False for what is no number. */
  setVolume(volume: number): boolean {
    if (!Number.isFinite(volume)) return false;
    this.volume = Math.min(100, Math.max(0, volume));
    this.applyVolume();
    return true;
  }

  async useAudioOutputDevice(deviceID: string): Promise<void> {
    const outputs = [this.picture, this.sound].flatMap(({ media }) => (media ? [media] : []));
    await Promise.all(outputs.map((media) => useSink(media, deviceID)));
  }

  getVideoWidth(): number {
    return this.video?.videoWidth ?? 0;
  }

  getVideoHeight(): number {
    return this.video?.videoHeight ?? 0;
  }

  /** The present picture as a data address; empty text where none is shown. */
  takeStreamSnapshot(options?: SnapshotOptions): string {
    return snapshot(this.video, options);
  }

  private get video(): HTMLVideoElement | undefined {
    return this.picture.media instanceof HTMLVideoElement ? this.picture.media : undefined;
  }

  private applyVolume(): void {
    for (const { media } of [this.picture, this.sound]) if (media) media.volume = this.volume / 100;
  }
}

/** Send an element's sound to a device, where the browser can. */
export async function useSink(media: HTMLMediaElement, deviceID: string): Promise<void> {
  if (typeof media.setSinkId !== "function") throw failure(Code.BROWSER, "this browser cannot choose a speaker");
  await media.setSinkId(deviceID);
}
