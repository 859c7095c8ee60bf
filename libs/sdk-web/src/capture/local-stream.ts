/** Media of this machine: what is captured, previewed and published. Made by createZegoStream. */
import { Emitter } from "../emitter";
import type { ZegoServerResponse } from "../entities";
import type { Kind } from "../negotiation/slots";
import type { Source } from "../publish/publisher";
import { Output, type PlayOption } from "../view/output";
import { snapshot, type SnapshotOptions } from "../view/snapshot";
import { useSink } from "../view/stream-view";
import { acquire } from "./acquire";
import { capturedTrack, stopCapture, withEffect } from "./drawn";
import { countStop, refuseStopped, stopsSinceNow } from "./stops";
import { cameraWish, readWish, screenWish, type CaptureWish, type CustomSource } from "./wishes";

export interface ZegoLocalStreamEvents {
  autoplayFailed(player: HTMLMediaElement, fault?: unknown): unknown;
  autoplayCaptureFailed(player: HTMLMediaElement, fault?: unknown): unknown;
  canPlayVideo(event: Event): unknown;
  canPlayAudio(event: Event): unknown;
  canPlayCaptureVideo(event: Event): unknown;
  canPlayCaptureAudio(event: Event): unknown;
  videoTrackChanged(track: MediaStreamTrack): unknown;
  audioTrackChanged(track: MediaStreamTrack): unknown;
  captureVideoTrackChanged(track: MediaStreamTrack): unknown;
  captureAudioTrackChanged(track: MediaStreamTrack): unknown;
}

const OK: ZegoServerResponse = { errorCode: 0, extendedData: "" };
let made = 0;

export class ZegoLocalStream {
  readonly id = `local-${Date.now().toString(36)}-${++made}`;
  /** An internal of the vendor's that its own type names. */
  readonly zegoStream: any = undefined;
  /** The limits that publishing keeps to. */
  readonly source: Source;
  private readonly events = new Emitter<ZegoLocalStreamEvents>();
  private readonly pictureAlone = new MediaStream();
  private readonly soundAlone = new MediaStream();
  private readonly picture = this.output("video", "canPlayVideo", "autoplayFailed");
  private readonly sound = this.output("audio", "canPlayAudio", "autoplayFailed");
  private readonly capturedPicture = this.output("video", "canPlayCaptureVideo", "autoplayCaptureFailed");
  private readonly capturedSound = this.output("audio", "canPlayCaptureAudio", "autoplayCaptureFailed");

  constructor(private readonly screenEnded: (stream: ZegoLocalStream) => void = () => undefined) {
    this.source = { stream: new MediaStream() };
  }

  get stream(): MediaStream {
    return this.source.stream;
  }

  get active(): boolean {
    return this.stream.getTracks().some((track) => track.readyState === "live");
  }

  /** The picture alone, the same object for as long as there is one; null without. */
  get videoCaptureStream(): MediaStream | null {
    return withTracks(this.pictureAlone, this.getVideoTracks().map(capturedTrack));
  }

  get audioCaptureStream(): MediaStream | null {
    return withTracks(this.soundAlone, this.getAudioTracks());
  }

  get videoDeviceId(): string {
    const [track] = this.getVideoTracks();
    return (track && capturedTrack(track).getSettings().deviceId) ?? "";
  }

  get audioDeviceId(): string {
    return this.getAudioTracks()[0]?.getSettings().deviceId ?? "";
  }

  on<Name extends keyof ZegoLocalStreamEvents>(event: Name, callback: ZegoLocalStreamEvents[Name]): boolean {
    return this.events.on(event, callback);
  }

  off<Name extends keyof ZegoLocalStreamEvents>(event: Name, callback?: ZegoLocalStreamEvents[Name]): boolean {
    return this.events.off(event, callback);
  }

  getTracks(): MediaStreamTrack[] {
    return this.stream.getTracks();
  }

  getAudioTracks(): MediaStreamTrack[] {
    return this.stream.getAudioTracks();
  }

  getVideoTracks(): MediaStreamTrack[] {
    return this.stream.getVideoTracks();
  }

  /** The preview; a user's own picture makes no sound. */
  playVideo(container: string | HTMLElement, options: PlayOption = {}): Promise<boolean> {
    return this.picture.play(this.stream, container, { ...options, muted: true });
  }

  playAudio(options: PlayOption = {}): Promise<boolean> {
    return this.sound.play(this.stream, undefined, options);
  }

  playCaptureVideo(container: string | HTMLElement, options: PlayOption = {}): Promise<boolean> {
    return this.capturedPicture.play(this.stream, container, { ...options, muted: true });
  }

  playCaptureAudio(options: PlayOption = {}): Promise<boolean> {
    return this.capturedSound.play(this.stream, undefined, options);
  }

  stopVideo(): void {
    this.picture.stop();
  }

  stopAudio(): void {
    this.sound.stop();
  }

  stopPlayCaptureVideo(): void {
    this.capturedPicture.stop();
  }

  stopPlayCaptureAudio(): void {
    this.capturedSound.stop();
  }

  async resumeVideo(): Promise<void> {
    await this.picture.resume();
  }

  async resumeAudio(): Promise<void> {
    await this.sound.resume();
  }

  resumePlayCaptureVideo(): Promise<boolean> {
    return this.capturedPicture.resume();
  }

  resumePlayCaptureAudio(): Promise<boolean> {
    return this.capturedSound.resume();
  }

  /** 0 to 100, of the preview. */
  setVolume(volume: number): boolean {
    if (!Number.isFinite(volume)) return false;
    for (const media of this.media()) media.volume = Math.min(100, Math.max(0, volume)) / 100;
    return true;
  }

  async useAudioOutputDevice(deviceID: string): Promise<void> {
    await Promise.all(this.media().map((media) => useSink(media, deviceID)));
  }

  /** The previewed picture as a data address; empty text where none is shown. */
  takeStreamSnapshot(options?: SnapshotOptions): string {
    const video = [this.picture.media, this.capturedPicture.media].find((media) => media instanceof HTMLVideoElement);
    return snapshot(video as HTMLVideoElement | undefined, options);
  }

  /** monitor, window or browser; empty where nothing is shared. */
  getScreenDisplaySurface(): string {
    return (this.getVideoTracks()[0]?.getSettings() as { displaySurface?: string } | undefined)?.displaySurface ?? "";
  }

  startCaptureMicrophone(options: object = {}): Promise<ZegoServerResponse> {
    return this.capture(cameraWish({ ...options, audio: options, video: false }));
  }

  startCaptureCamera(options: object = {}): Promise<ZegoServerResponse> {
    return this.capture(cameraWish({ ...options, video: options, audio: false }));
  }

  startCaptureCameraAndMicrophone(camera: object = {}, microphone: object = {}): Promise<ZegoServerResponse> {
    return this.capture(cameraWish({ video: camera, audio: microphone }));
  }

  startCaptureCustomVideo(options: { source: CustomSource }): Promise<ZegoServerResponse> {
    return this.capture(readWish({ custom: { video: options } }));
  }

  startCaptureCustomAudio(options: { source: CustomSource }): Promise<ZegoServerResponse> {
    return this.capture(readWish({ custom: { audio: options } }));
  }

  startCaptureCustomVideoAndAudio(video: { source: CustomSource }, audio: { source: CustomSource }): Promise<ZegoServerResponse> {
    return this.capture(readWish({ custom: { video, audio } }));
  }

  startCaptureScreen(options: object = {}): Promise<ZegoServerResponse> {
    return this.capture(screenWish({ ...options, audio: false }));
  }

  startCaptureScreenWithAudio(video: object = {}, audio: object = {}): Promise<ZegoServerResponse> {
    return this.capture(screenWish({ video, audio }));
  }

  async stopCaptureVideo(): Promise<boolean> {
    countStop(this.stream, "video");
    return this.release(this.getVideoTracks());
  }

  async stopCaptureAudio(): Promise<boolean> {
    countStop(this.stream, "audio");
    return this.release(this.getAudioTracks());
  }

  /** Capture what a wish names; it takes the place of what was captured of the same kind. */
  async capture(wish: CaptureWish): Promise<ZegoServerResponse> {
    const stopped = stopsSinceNow(this.stream);
    const captured = await acquire(wish);
    if (stopped(...captured.getTracks().map(({ kind }) => kind as Kind))) refuseStopped(captured.getTracks());
    for (const track of captured.getTracks()) this.put(track, wish.kind === "screen");
    this.adoptLimits(wish);
    return OK;
  }

  /** Put a track into the stream in place of the one of its kind, whose device is freed. The stream's effect goes on with the new one. */
  put(captured: MediaStreamTrack, fromScreen = false): void {
    const { kind } = captured;
    const before = this.stream.getTracks().filter((old) => old.kind === kind);
    this.release(before.filter((old) => capturedTrack(old) !== captured));
    const track = before.find((old) => capturedTrack(old) === captured) ?? withEffect(this.stream, captured);
    this.stream.addTrack(track);
    if (fromScreen && kind === "video") captured.addEventListener("ended", () => this.screenEnded(this), { once: true });
    this.events.emit(kind === "video" ? "videoTrackChanged" : "audioTrackChanged", track);
    this.events.emit(kind === "video" ? "captureVideoTrackChanged" : "captureAudioTrackChanged", captured);
  }

  /** End every track and all previews. */
  destroy(): void {
    countStop(this.stream, "audio", "video");
    this.release(this.getTracks());
    for (const output of [this.picture, this.sound, this.capturedPicture, this.capturedSound]) output.stop();
    this.events.clear();
  }

  private release(tracks: MediaStreamTrack[]): boolean {
    for (const track of tracks) {
      stopCapture(track);
      this.stream.removeTrack(track);
    }
    return tracks.length > 0;
  }

  private adoptLimits(wish: CaptureWish): void {
    if (wish.kind === "custom") {
      Object.assign(this.source, { videoKbps: wish.videoKbps, audioKbps: wish.audioKbps });
      return;
    }
    if (wish.video) Object.assign(this.source, { videoKbps: wish.video.kbps, degradation: degradation(wish.kind, wish.video.hint) });
    if (wish.audio) this.source.audioKbps = wish.audio.kbps;
  }

  private media(): HTMLMediaElement[] {
    return [this.picture, this.sound, this.capturedPicture, this.capturedSound].flatMap(({ media }) => (media ? [media] : []));
  }

  private output(kind: "video" | "audio", canPlay: keyof ZegoLocalStreamEvents, blocked: "autoplayFailed" | "autoplayCaptureFailed"): Output {
    return new Output(kind, {
      canPlay: (event) => (this.events.emit as (name: string, event: Event) => void).call(this.events, canPlay, event),
      blocked: (element, fault) => this.events.emit(blocked, element, fault),
    });
  }
}

/** The stream with these tracks and no others; null where there are none. */
function withTracks(stream: MediaStream, tracks: MediaStreamTrack[]): MediaStream | null {
  for (const old of stream.getTracks()) if (!tracks.includes(old)) stream.removeTrack(old);
  for (const track of tracks) stream.addTrack(track);
  return tracks.length ? stream : null;
}

function degradation(kind: "camera" | "screen", hint: string): RTCDegradationPreference | undefined {
  if (hint === "motion") return "maintain-framerate";
  return kind === "screen" || hint === "detail" ? "maintain-resolution" : undefined;
}
