/** Changes to media while it is captured or published: mutes, devices, sizes, tracks. What is published follows without a new offer where it can. */
import { captureError } from "../capture/acquire";
import type { LocalStreams } from "../capture/local-streams";
import { capturedTrack, createSilentCopy, stopCapture, applyEffect } from "../capture/derived-tracks";
import { ZegoLocalStream } from "../capture/local-stream";
import { recordStop, rejectStopped, watchStops } from "../capture/capture-stops";
import { openDevice, switchDevice, constraintsOf } from "../capture/device-switch";
import { Code, failure, type ZegoError } from "../errors";
import { Beauty } from "../effects/beauty";
import type { ZegoEffectsBeautyParam, ZegoServerResponse, ZegoPublishStreamConfig } from "../entities";
import { log } from "../logging";
import { SerialQueue } from "../negotiation/serial-queue";
import type { Kind } from "../negotiation/transceiver-pool";
import type { Room } from "../room/room";
import type { Publication, Publisher } from "./publisher";

type AnyStream = MediaStream | ZegoLocalStream;

const OK: ZegoServerResponse = { errorCode: 0, extendedData: "" };

export class LiveMedia {
  private microphoneMuted = false;
  private readonly beauty: Beauty;
  private readonly mutedAudio = new WeakSet<MediaStream>();
  /** How to open a camera again that was switched off, by its ended track. */
  private readonly switchedOff = new WeakMap<MediaStreamTrack, MediaTrackConstraints>();
  /** Devices of a stream are opened one after the other. */
  private readonly openingQueues = new WeakMap<MediaStream, SerialQueue>();

  constructor(
    private readonly localStreams: LocalStreams,
    private readonly rooms: () => readonly Room[],
    onBeautyError: (stream: MediaStream, error: ZegoError) => void,
  ) {
    this.beauty = new Beauty((stream, error) => {
      this.refresh(stream).catch((fault) => log.warn("the plain picture could not be sent", fault));
      onBeautyError(stream, error);
    });
  }

  get isMicrophoneMuted(): boolean {
    return this.microphoneMuted;
  }

  /** Mutes the microphone of all streams that are published now or later. */
  muteMicrophone(mute: boolean): boolean {
    this.microphoneMuted = Boolean(mute);
    for (const { publication } of this.publications()) this.applyAudioMute(publication.source.stream);
    return true;
  }

  /** Enables or disables a stream's audio tracks by the mutes of the stream and of the engine, before it is published and after its tracks change. */
  applyAudioMute(stream: MediaStream): void {
    const enabled = !this.microphoneMuted && !this.mutedAudio.has(stream);
    for (const track of stream.getAudioTracks()) track.enabled = enabled;
    this.reportMutes(stream);
  }

  muteAudio(given: AnyStream, mute: boolean): boolean {
    const stream = this.streamToMute(given);
    if (!stream?.getAudioTracks().length) return false;
    if (mute) this.mutedAudio.add(stream);
    else this.mutedAudio.delete(stream);
    this.applyAudioMute(stream);
    return true;
  }

  /** Viewers see black; with `retain` the own preview goes on. The camera keeps running. */
  muteVideo(given: AnyStream, mute: boolean, retain = false): boolean {
    const stream = this.streamToMute(given);
    const track = stream?.getVideoTracks()[0];
    if (!stream || !track) return false;
    track.enabled = !mute || retain;
    for (const { publisher, publication } of this.publications(stream)) {
      publication.replacements.video?.stop();
      delete publication.replacements.video;
      if (mute && retain) publication.replacements.video = createSilentCopy(track);
      publisher.send(publication, "video").catch((fault) => log.warn("mutePublishStreamVideo", fault));
    }
    this.reportMutes(stream);
    return true;
  }

  /** Another camera or microphone for a stream that is captured. */
  async useDevice(given: AnyStream, kind: Kind, deviceID: string): Promise<ZegoServerResponse> {
    if (typeof deviceID !== "string" || !deviceID) throw failure(Code.DEVICE_NOT_FOUND, "deviceID is empty", { field: "deviceID" });
    return this.recapture(given, kind, { deviceId: { exact: deviceID } });
  }

  useFacing(given: AnyStream, front: boolean): Promise<ZegoServerResponse> {
    return this.recapture(given, "video", { facingMode: front ? "user" : "environment" });
  }

  async setVideoConfig(given: AnyStream, config: ZegoPublishStreamConfig): Promise<ZegoServerResponse> {
    const stream = this.streamOf(given);
    const track = capturedTrack(this.track(stream, "video"));
    const { width, height, frameRate, maxBitrate } = config ?? {};
    const constraints = { ...(width ? { width } : {}), ...(height ? { height } : {}), ...(frameRate ? { frameRate } : {}) };
    try {
      await track.applyConstraints({ ...track.getConstraints(), ...constraints });
    } catch (fault) {
      throw captureError(fault);
    }
    const source = this.localStreams.find(given)?.source;
    if (source && maxBitrate) source.videoKbps = maxBitrate;
    await Promise.all(this.publications(stream).map(({ publisher, publication }) => publisher.applyLimits(publication)));
    return OK;
  }

  async setAudioConfig(given: AnyStream, config: { ANS?: boolean; AGC?: boolean; AEC?: boolean }): Promise<ZegoServerResponse> {
    const track = this.track(this.streamOf(given), "audio");
    const { ANS, AGC, AEC } = config ?? {};
    const constraints = {
      ...(ANS === undefined ? {} : { noiseSuppression: ANS }),
      ...(AGC === undefined ? {} : { autoGainControl: AGC }),
      ...(AEC === undefined ? {} : { echoCancellation: AEC }),
    };
    await track.applyConstraints({ ...track.getConstraints(), ...constraints });
    return OK;
  }

  /** Frees the camera (its light goes out) or takes the same one again; another one only where that is gone. */
  async enableVideoCapture(given: AnyStream, enable = true): Promise<boolean> {
    const stream = this.streamOf(given);
    if (!enable) {
      const [track] = stream.getVideoTracks();
      if (!track) return false;
      recordStop(stream, "video");
      if (track.readyState === "live") this.switchedOff.set(track, constraintsOf(capturedTrack(track)));
      stopCapture(track);
      this.reportMutes(stream);
      return true;
    }
    const stopped = watchStops(stream);
    return this.runInTurn(stream, () => this.switchOn(given, () => stopped("video")));
  }

  /** True when the camera is on; false where the page switched it off again meanwhile. */
  private async switchOn(given: AnyStream, stopped: () => boolean): Promise<boolean> {
    if (stopped()) return false;
    const off = this.track(this.streamOf(given), "video");
    if (off.readyState === "live") return true;
    const same = this.switchedOff.get(off) ?? constraintsOf(capturedTrack(off));
    const { deviceId: _gone, ...any } = same;
    const fresh = await openDevice("video", same).catch((error: ZegoError) => {
      if (error.code !== Code.DEVICE_NOT_FOUND) throw error;
      return openDevice("video", any);
    });
    if (stopped()) fresh.stop();
    else await this.replaceCaptured(given, off, fresh);
    return !stopped();
  }

  /** Sends the stream's present tracks to viewers: 0 video, 1 audio, 2 both. */
  async update(given: AnyStream, type: 0 | 1 | 2 = 2): Promise<ZegoServerResponse> {
    if (![0, 1, 2].includes(type)) throw failure(Code.PARAMETER, "the type is unknown", { field: "type", limit: "0 video, 1 audio, 2 both" });
    const publications = this.publications(this.streamOf(given));
    if (!publications.length) throw failure(Code.NOT_PUBLISHING, "the stream is not being published");
    await Promise.all(publications.map(({ publisher, publication }) => publisher.refresh(publication)));
    return OK;
  }

  async replaceTrack(stream: MediaStream, track: MediaStreamTrack): Promise<ZegoServerResponse> {
    this.track(stream, track.kind as Kind);
    for (const old of stream.getTracks()) if (old.kind === track.kind && old !== track) stream.removeTrack(old);
    return this.addTrack(stream, applyEffect(stream, track));
  }

  async addTrack(stream: MediaStream, track: MediaStreamTrack): Promise<ZegoServerResponse> {
    stream.addTrack(track);
    await this.refresh(stream);
    return OK;
  }

  async removeTrack(stream: MediaStream, track: MediaStreamTrack): Promise<ZegoServerResponse> {
    for (const held of stream.getTracks()) if (held === track || capturedTrack(held) === track) stream.removeTrack(held);
    await this.refresh(stream);
    return OK;
  }

  /** Sets or removes the beauty effect of a stream, before or while it is published. */
  async setBeauty(given: AnyStream, enable: boolean, parameters?: ZegoEffectsBeautyParam): Promise<ZegoServerResponse> {
    const stream = this.streamOf(given);
    if (this.beauty.set(stream, enable, parameters)) await this.refresh(stream);
    return OK;
  }

  /** Takes the effect off a stream that is about to end, so that its captured track is the one that is stopped. */
  endEffects(given: AnyStream): void {
    this.beauty.remove(given instanceof ZegoLocalStream ? given.stream : given);
  }

  endAllEffects(): void {
    this.beauty.removeAll();
  }

  private async recapture(given: AnyStream, kind: Kind, constraints: MediaTrackConstraints): Promise<ZegoServerResponse> {
    const stream = this.streamOf(given);
    const stopped = watchStops(stream);
    return this.runInTurn(stream, async () => {
      if (stopped(kind)) rejectStopped([]);
      const old = this.track(stream, kind);
      const { track, error } = await switchDevice(kind, capturedTrack(old), constraints);
      if (stopped(kind)) rejectStopped(track ? [track] : []);
      if (track) await this.replaceCaptured(given, old, track);
      else this.reportMutes(stream);
      if (error) throw error;
      return OK;
    });
  }

  private runInTurn<T>(stream: MediaStream, job: () => Promise<T>): Promise<T> {
    const serial = this.openingQueues.get(stream) ?? new SerialQueue();
    this.openingQueues.set(stream, serial);
    return serial.run(job);
  }

  /** A captured track takes another's place, muted as that was. */
  private async replaceCaptured(given: AnyStream, old: MediaStreamTrack, fresh: MediaStreamTrack): Promise<void> {
    const stream = this.streamOf(given);
    fresh.enabled = old.enabled;
    fresh.contentHint = capturedTrack(old).contentHint;
    const local = this.localStreams.find(given);
    if (local) {
      local.setTrack(fresh);
    } else {
      stopCapture(old);
      stream.removeTrack(old);
      stream.addTrack(applyEffect(stream, fresh));
    }
    await this.refresh(stream);
  }

  private async refresh(stream: MediaStream): Promise<void> {
    this.applyAudioMute(stream);
    await Promise.all(this.publications(stream).map(({ publisher, publication }) => publisher.refresh(publication)));
  }

  private reportMutes(stream: MediaStream): void {
    for (const { publisher, publication } of this.publications(stream)) publisher.mutes.schedule(publication);
  }

  /** The publications of one stream, or all. */
  private publications(stream?: MediaStream): { publisher: Publisher; publication: Publication }[] {
    const all = this.rooms().flatMap(({ publisher }) => publisher.list.map((publication) => ({ publisher, publication })));
    return stream ? all.filter(({ publication }) => publication.source.stream === stream) : all;
  }

  /** Mutes answer false where there is nothing to mute, as in a page whose buttons are pressed before it has a camera. */
  private streamToMute(given: AnyStream): MediaStream | undefined {
    if (given instanceof ZegoLocalStream || given instanceof MediaStream) return this.streamOf(given);
    log.warn("there is no stream to mute: pass one of createZegoStream");
    return undefined;
  }

  private streamOf(given: AnyStream): MediaStream {
    if (given instanceof ZegoLocalStream) return given.stream;
    if (given instanceof MediaStream) return given;
    throw failure(Code.STREAM_OBJECT, "this is no stream", { field: "stream" });
  }

  private track(stream: MediaStream, kind: Kind): MediaStreamTrack {
    const [track] = kind === "video" ? stream.getVideoTracks() : stream.getAudioTracks();
    if (!track) throw failure(kind === "video" ? Code.NO_VIDEO_TRACK : Code.NO_AUDIO_TRACK, `the stream has no ${kind}`, { field: "stream" });
    return track;
  }
}
