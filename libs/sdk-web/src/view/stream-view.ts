/** Shows and sounds one stream in the page, as createRemoteStreamView gives it. */
import { Code, failure } from "../errors";
import { Emitter, namesOf } from "../emitter";
import type { StreamViewEvent, ZegoSnapshotOptions, ZegoStreamViewOptions } from "../entities";
import { Output, snapshot, useSink } from "./output";

export type { StreamViewEvent };

export class ZegoStreamView extends Emitter<StreamViewEvent> {
  private readonly pictureOutput = new Output("video", {
    blocked: () => this.emit("autoplayFailed"),
    canPlay: () => {
      this.emit("canPlayVideo");
      if (this.playsBoth) this.emit("canPlayAudio");
    },
  });
  private readonly soundOutput = new Output("audio", {
    blocked: () => this.emit("autoplayFailed"),
    canPlay: () => this.emit("canPlayAudio"),
  });
  private playsBoth = false;
  private volume = 100;

  private readonly stream: MediaStream;

  constructor(stream: any) {
    super(namesOf<StreamViewEvent>()(["autoplayFailed", "canPlayVideo", "canPlayAudio"]));
    if (!(stream instanceof MediaStream)) {
      throw failure(Code.STREAM_OBJECT, "a view needs a MediaStream", { field: "stream", hint: "await startPlayingStream first" });
    }
    this.stream = stream;
  }

  /** Picture and sound in one container. */
  play(container: string | HTMLElement, options: ZegoStreamViewOptions = {}): Promise<boolean> {
    this.playsBoth = true;
    this.soundOutput.stop();
    const playing = this.pictureOutput.play(this.stream, container, options);
    this.applyVolume();
    return playing;
  }

  /** Shows the picture alone, silently unless `play` sounds the stream already. */
  playVideo(container: string | HTMLElement, options: ZegoStreamViewOptions = {}): Promise<boolean> {
    return this.pictureOutput.play(this.stream, container, { ...options, muted: !this.playsBoth });
  }

  /** The sound alone, out of sight. */
  playAudio(options: ZegoStreamViewOptions = {}): Promise<boolean> {
    if (this.playsBoth && this.pictureOutput.media) {
      this.pictureOutput.media.muted = false;
      return Promise.resolve(true);
    }
    const playing = this.soundOutput.play(this.stream, undefined, options);
    this.applyVolume();
    return playing;
  }

  stop(): void {
    this.playsBoth = false;
    this.pictureOutput.stop();
    this.soundOutput.stop();
  }

  stopVideo(): void {
    const sounding = this.playsBoth && this.pictureOutput.media?.muted === false;
    this.playsBoth = false;
    this.pictureOutput.stop();
    if (sounding) void this.playAudio();
  }

  stopAudio(): void {
    this.soundOutput.stop();
    if (this.pictureOutput.media) this.pictureOutput.media.muted = true;
  }

  /** After a gesture of the user. */
  async resume(): Promise<boolean> {
    const results = await Promise.all([this.pictureOutput, this.soundOutput].filter((output) => output.media).map((output) => output.resume()));
    return results.length > 0 && results.every(Boolean);
  }

  /** False while nothing is played. */
  setAudioMuted(mute: boolean): boolean {
    const { media } = this.playsBoth ? this.pictureOutput : this.soundOutput;
    if (media) media.muted = mute;
    return media !== undefined;
  }

  setVideoMuted(mute: boolean): boolean {
    const { media } = this.pictureOutput;
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
    const outputs = [this.pictureOutput, this.soundOutput].flatMap(({ media }) => (media ? [media] : []));
    await Promise.all(outputs.map((media) => useSink(media, deviceID)));
  }

  getVideoWidth(): number {
    return this.video?.videoWidth ?? 0;
  }

  getVideoHeight(): number {
    return this.video?.videoHeight ?? 0;
  }

  /** The present picture as a data address; empty text where none is shown. */
  takeStreamSnapshot(options?: ZegoSnapshotOptions): string {
    return snapshot(this.video, options);
  }

  private get video(): HTMLVideoElement | undefined {
    return this.pictureOutput.media instanceof HTMLVideoElement ? this.pictureOutput.media : undefined;
  }

  private applyVolume(): void {
    for (const { media } of [this.pictureOutput, this.soundOutput]) if (media) media.volume = this.volume / 100;
  }
}
