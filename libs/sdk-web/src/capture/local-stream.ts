/** Media of this machine: what is captured, previewed and published, as createZegoStream gives it. Pages do not make one themselves. */
import { Emitter, namesOf } from "../emitter";
import type {
  ZegoCaptureCamera, ZegoCaptureMicrophone, ZegoCaptureScreenAudio, ZegoCaptureScreenVideo, ZegoCustomAudio, ZegoCustomVideo, ZegoLocalAduioOptions,
  ZegoLocalStreamEvent, ZegoLocalViewOptions, ZegoServerResponse, ZegoSnapshotOptions,
} from "../entities";
import type { Kind } from "../negotiation/transceiver-pool";
import type { Source } from "../publish/publisher";
import { Output, snapshot, useSink } from "../view/output";
import { captureMedia } from "./acquire";
import { applyEffect, capturedTrack, recordStop, rejectStopped, stopCapture, watchStops } from "./captured-tracks";
import { parseCameraOptions, parseCaptureOptions, parseScreenOptions, type CaptureOptions } from "./capture-options";

const EVENTS = namesOf<ZegoLocalStreamEvent>()([
  "autoplayFailed", "autoplayCaptureFailed", "canPlayVideo", "canPlayAudio", "canPlayCaptureVideo", "canPlayCaptureAudio", "videoTrackChanged",
  "audioTrackChanged", "captureVideoTrackChanged", "captureAudioTrackChanged",
]);
const OK: ZegoServerResponse = { errorCode: 0, extendedData: "" };
let created = 0;

export class ZegoLocalStream extends Emitter<ZegoLocalStreamEvent> {
  readonly id = `local-${Date.now().toString(36)}-${++created}`;
  /** Reserved: nothing to rely on. */
  zegoStream: any = undefined;
  /** The limits that publishing keeps to. @internal */
  readonly source: Source = { stream: new MediaStream() };
  private readonly videoOnly = new MediaStream();
  private readonly audioOnly = new MediaStream();
  private readonly outputs = {
    video: this.output("video", "canPlayVideo", "autoplayFailed"),
    audio: this.output("audio", "canPlayAudio", "autoplayFailed"),
    captureVideo: this.output("video", "canPlayCaptureVideo", "autoplayCaptureFailed"),
    captureAudio: this.output("audio", "canPlayCaptureAudio", "autoplayCaptureFailed"),
  };

  constructor(private readonly onScreenEnded: (stream: ZegoLocalStream) => void = () => undefined) {
    super(EVENTS);
  }

  get stream(): MediaStream {
    return this.source.stream;
  }

  /** Whether any track is live. */
  get active(): boolean {
    return this.stream.getTracks().some((track) => track.readyState === "live");
  }

  /** The picture alone, the same object for as long as there is one; null without. */
  get videoCaptureStream(): MediaStream | null {
    return withTracks(this.videoOnly, this.getVideoTracks().map(capturedTrack));
  }

  get audioCaptureStream(): MediaStream | null {
    return withTracks(this.audioOnly, this.getAudioTracks());
  }

  get videoDeviceId(): string {
    const [track] = this.getVideoTracks();
    return (track && capturedTrack(track).getSettings().deviceId) ?? "";
  }

  get audioDeviceId(): string {
    return this.getAudioTracks()[0]?.getSettings().deviceId ?? "";
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

  /** The preview, without its sound. Players resolve with whether it plays now; false where the browser wants a gesture first. */
  playVideo(container: string | HTMLElement, options: ZegoLocalViewOptions = {}): Promise<boolean> {
    return this.outputs.video.play(this.stream, container, { ...options, muted: true });
  }

  playAudio(options: ZegoLocalAduioOptions = {}): Promise<boolean> {
    return this.outputs.audio.play(this.stream, undefined, options);
  }

  playCaptureVideo(container: string | HTMLElement, options: ZegoLocalViewOptions = {}): Promise<boolean> {
    return this.outputs.captureVideo.play(this.stream, container, { ...options, muted: true });
  }

  playCaptureAudio(options: ZegoLocalAduioOptions = {}): Promise<boolean> {
    return this.outputs.captureAudio.play(this.stream, undefined, options);
  }

  stopVideo(): void {
    this.outputs.video.stop();
  }

  stopAudio(): void {
    this.outputs.audio.stop();
  }

  stopPlayCaptureVideo(): void {
    this.outputs.captureVideo.stop();
  }

  stopPlayCaptureAudio(): void {
    this.outputs.captureAudio.stop();
  }

  async resumeVideo(): Promise<void> {
    await this.outputs.video.resume();
  }

  async resumeAudio(): Promise<void> {
    await this.outputs.audio.resume();
  }

  /** 0 to 100, of the preview. */
  setVolume(volume: number): boolean {
    if (!Number.isFinite(volume)) return false;
    for (const media of this.mediaElements()) media.volume = Math.min(100, Math.max(0, volume)) / 100;
    return true;
  }

  async useAudioOutputDevice(deviceID: string): Promise<void> {
    await Promise.all(this.mediaElements().map((media) => useSink(media, deviceID)));
  }

  /** The previewed picture as a data address; empty text where none is shown. */
  takeStreamSnapshot(options?: ZegoSnapshotOptions): string {
    const video = [this.outputs.video.media, this.outputs.captureVideo.media].find((media) => media instanceof HTMLVideoElement);
    return snapshot(video as HTMLVideoElement | undefined, options);
  }

  /** monitor, window or browser; empty where nothing is shared. */
  getScreenDisplaySurface(): string {
    return (this.getVideoTracks()[0]?.getSettings() as { displaySurface?: string } | undefined)?.displaySurface ?? "";
  }

  startCaptureMicrophone(options: ZegoCaptureMicrophone = {}): Promise<ZegoServerResponse> {
    return this.capture(parseCameraOptions({ ...options, audio: options, video: false }));
  }

  startCaptureCamera(options: ZegoCaptureCamera = {}): Promise<ZegoServerResponse> {
    return this.capture(parseCameraOptions({ ...options, video: options, audio: false }));
  }

  startCaptureCameraAndMicrophone(camera: ZegoCaptureCamera = {}, microphone: ZegoCaptureMicrophone = {}): Promise<ZegoServerResponse> {
    return this.capture(parseCameraOptions({ video: camera, audio: microphone }));
  }

  startCaptureCustomVideo(options: ZegoCustomVideo): Promise<ZegoServerResponse> {
    return this.capture(parseCaptureOptions({ custom: { video: options } }));
  }

  startCaptureCustomAudio(options: ZegoCustomAudio): Promise<ZegoServerResponse> {
    return this.capture(parseCaptureOptions({ custom: { audio: options } }));
  }

  startCaptureCustomVideoAndAudio(video: ZegoCustomVideo, audio: ZegoCustomAudio): Promise<ZegoServerResponse> {
    return this.capture(parseCaptureOptions({ custom: { video, audio } }));
  }

  startCaptureScreen(options: ZegoCaptureScreenVideo = {}): Promise<ZegoServerResponse> {
    return this.capture(parseScreenOptions({ ...options, audio: false }));
  }

  startCaptureScreenWithAudio(video: ZegoCaptureScreenVideo = {}, audio: ZegoCaptureScreenAudio = {}): Promise<ZegoServerResponse> {
    return this.capture(parseScreenOptions({ video, audio }));
  }

  async stopCaptureVideo(): Promise<boolean> {
    recordStop(this.stream, "video");
    return this.stopTracks(this.getVideoTracks());
  }

  async stopCaptureAudio(): Promise<boolean> {
    recordStop(this.stream, "audio");
    return this.stopTracks(this.getAudioTracks());
  }

  /** Captures what the options name in place of what was captured of the same kind. @internal */
  async capture(options: CaptureOptions): Promise<ZegoServerResponse> {
    const wasStopped = watchStops(this.stream);
    const captured = await captureMedia(options);
    if (wasStopped(...captured.getTracks().map(({ kind }) => kind as Kind))) rejectStopped(captured.getTracks());
    for (const track of captured.getTracks()) this.setTrack(track, options.kind === "screen");
    this.applyLimits(options);
    return OK;
  }

  /** Replaces the stream's track of the same kind and frees the old one's device. The stream's effect goes on with the new track. @internal */
  setTrack(captured: MediaStreamTrack, fromScreen = false): void {
    const { kind } = captured;
    const before = this.stream.getTracks().filter((old) => old.kind === kind);
    this.stopTracks(before.filter((old) => capturedTrack(old) !== captured));
    const track = before.find((old) => capturedTrack(old) === captured) ?? applyEffect(this.stream, captured);
    this.stream.addTrack(track);
    if (fromScreen && kind === "video") captured.addEventListener("ended", () => this.onScreenEnded(this), { once: true });
    this.emit(kind === "video" ? "videoTrackChanged" : "audioTrackChanged", track);
    this.emit(kind === "video" ? "captureVideoTrackChanged" : "captureAudioTrackChanged", captured);
  }

  /** Ends every track and all previews. @internal */
  destroy(): void {
    recordStop(this.stream, "audio", "video");
    this.stopTracks(this.getTracks());
    for (const output of Object.values(this.outputs)) output.stop();
    this.clear();
  }

  private stopTracks(tracks: MediaStreamTrack[]): boolean {
    for (const track of tracks) {
      stopCapture(track);
      this.stream.removeTrack(track);
    }
    return tracks.length > 0;
  }

  private applyLimits(options: CaptureOptions): void {
    if (options.kind === "custom") {
      Object.assign(this.source, { videoKbps: options.videoKbps, audioKbps: options.audioKbps });
      return;
    }
    if (options.video) Object.assign(this.source, { videoKbps: options.video.kbps, degradation: degradationOf(options.kind, options.video.hint) });
    if (options.audio) this.source.audioKbps = options.audio.kbps;
  }

  private mediaElements(): HTMLMediaElement[] {
    return Object.values(this.outputs).flatMap(({ media }) => (media ? [media] : []));
  }

  private output(kind: "video" | "audio", canPlay: keyof ZegoLocalStreamEvent, blocked: "autoplayFailed" | "autoplayCaptureFailed"): Output {
    return new Output(kind, {
      canPlay: (event) => (this.emit as (name: string, event: Event) => void).call(this, canPlay, event),
      blocked: (element, fault) => this.emit(blocked, element, fault),
    });
  }
}

/** The stream with these tracks and no others; null where there are none. */
function withTracks(stream: MediaStream, tracks: MediaStreamTrack[]): MediaStream | null {
  for (const old of stream.getTracks()) if (!tracks.includes(old)) stream.removeTrack(old);
  for (const track of tracks) stream.addTrack(track);
  return tracks.length ? stream : null;
}

function degradationOf(kind: "camera" | "screen", hint: string): RTCDegradationPreference | undefined {
  if (hint === "motion") return "maintain-framerate";
  return kind === "screen" || hint === "detail" ? "maintain-resolution" : undefined;
}
