/** Changes to media while it is captured or published: mutes, devices, sizes, tracks. What is published follows without a new offer where it can. */
import { captureError } from "../capture/acquire";
import type { Captures } from "../capture/captures";
import { capturedTrack, silentCopy, stopCapture, withEffect } from "../capture/drawn";
import { ZegoLocalStream } from "../capture/local-stream";
import { countStop, refuseStopped, stopsSinceNow } from "../capture/stops";
import { open, openInstead, sameDevice } from "../capture/switch";
import { Code } from "../codes";
import { Beauty, type ZegoEffectsBeautyParam } from "../effects/beauty";
import type { ZegoServerResponse, ZegoVideoConfig } from "../entities";
import { failure, type ZegoError } from "../errors";
import { log } from "../logging";
import { Serial } from "../negotiation/serial";
import type { Kind } from "../negotiation/slots";
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
  private readonly openings = new WeakMap<MediaStream, Serial>();

  constructor(
    private readonly captures: Captures,
    private readonly rooms: () => readonly Room[],
    beautyBroken: (stream: MediaStream, error: ZegoError) => void,
  ) {
    this.beauty = new Beauty((stream, error) => {
      this.refresh(stream).catch((fault) => log.warn("the plain picture could not be sent", fault));
      beautyBroken(stream, error);
    });
  }

  get isMicrophoneMuted(): boolean {
    return this.microphoneMuted;
  }

  /** Engine-wide, for what is published now and later. */
  muteMicrophone(mute: boolean): boolean {
    this.microphoneMuted = Boolean(mute);
    for (const { publication } of this.publications()) this.applyAudioMute(publication.source.stream);
    return true;
  }

  /** A publication is about to begin. */
  applyAudioMute(stream: MediaStream): void {
    const enabled = !this.microphoneMuted && !this.mutedAudio.has(stream);
    for (const track of stream.getAudioTracks()) track.enabled = enabled;
    this.mutesMayDiffer(stream);
  }

  muteAudio(given: AnyStream, mute: boolean): boolean {
    const stream = this.toMute(given);
    if (!stream?.getAudioTracks().length) return false;
    if (mute) this.mutedAudio.add(stream);
    else this.mutedAudio.delete(stream);
    this.applyAudioMute(stream);
    return true;
  }

  /** Viewers see black; with `retain` the own preview goes on. The camera keeps running. */
  muteVideo(given: AnyStream, mute: boolean, retain = false): boolean {
    const stream = this.toMute(given);
    const track = stream?.getVideoTracks()[0];
    if (!stream || !track) return false;
    track.enabled = !mute || retain;
    for (const { publisher, publication } of this.publications(stream)) {
      publication.stand.video?.stop();
      delete publication.stand.video;
      if (mute && retain) publication.stand.video = silentCopy(track);
      publisher.send(publication, "video").catch((fault) => log.warn("mutePublishStreamVideo", fault));
    }
    this.mutesMayDiffer(stream);
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

  async setVideoConfig(given: AnyStream, config: ZegoVideoConfig): Promise<ZegoServerResponse> {
    const stream = this.media(given);
    const track = capturedTrack(this.track(stream, "video"));
    const { width, height, frameRate, maxBitrate } = config ?? {};
    const wish = { ...(width ? { width } : {}), ...(height ? { height } : {}), ...(frameRate ? { frameRate } : {}) };
    try {
      await track.applyConstraints({ ...track.getConstraints(), ...wish });
    } catch (fault) {
      throw captureError(fault);
    }
    const source = this.captures.find(given)?.source;
    if (source && maxBitrate) source.videoKbps = maxBitrate;
    await Promise.all(this.publications(stream).map(({ publisher, publication }) => publisher.limit(publication)));
    return OK;
  }

  async setAudioConfig(given: AnyStream, config: { ANS?: boolean; AGC?: boolean; AEC?: boolean }): Promise<ZegoServerResponse> {
    const track = this.track(this.media(given), "audio");
    const { ANS, AGC, AEC } = config ?? {};
    const wish = {
      ...(ANS === undefined ? {} : { noiseSuppression: ANS }),
      ...(AGC === undefined ? {} : { autoGainControl: AGC }),
      ...(AEC === undefined ? {} : { echoCancellation: AEC }),
    };
    await track.applyConstraints({ ...track.getConstraints(), ...wish });
    return OK;
  }

  /** Frees the camera (its light goes out) or takes the same one again; another one only where that is gone. */
  async enableVideoCapture(given: AnyStream, enable = true): Promise<boolean> {
    const stream = this.media(given);
    if (!enable) {
      const [track] = stream.getVideoTracks();
      if (!track) return false;
      countStop(stream, "video");
      if (track.readyState === "live") this.switchedOff.set(track, sameDevice(capturedTrack(track)));
      stopCapture(track);
      this.mutesMayDiffer(stream);
      return true;
    }
    const stopped = stopsSinceNow(stream);
    return this.opening(stream, () => this.switchOn(given, () => stopped("video")));
  }

  /** True when the camera is on; false where the page switched it off again meanwhile. */
  private async switchOn(given: AnyStream, stopped: () => boolean): Promise<boolean> {
    if (stopped()) return false;
    const off = this.track(this.media(given), "video");
    if (off.readyState === "live") return true;
    const same = this.switchedOff.get(off) ?? sameDevice(capturedTrack(off));
    const { deviceId: _gone, ...any } = same;
    const fresh = await open("video", same).catch((error: ZegoError) => {
      if (error.code !== Code.DEVICE_NOT_FOUND) throw error;
      return open("video", any);
    });
    if (stopped()) fresh.stop();
    else await this.place(given, off, fresh);
    return !stopped();
  }

  /** What a ZegoLocalStream holds now goes to the viewers: 0 video, 1 audio, 2 both. */
  async update(given: AnyStream, type: 0 | 1 | 2 = 2): Promise<ZegoServerResponse> {
    if (![0, 1, 2].includes(type)) throw failure(Code.PARAMETER, "the type is unknown", { field: "type", limit: "0 video, 1 audio, 2 both" });
    const publications = this.publications(this.media(given));
    if (!publications.length) throw failure(Code.NOT_PUBLISHING, "the stream is not being published");
    await Promise.all(publications.map(({ publisher, publication }) => publisher.refresh(publication)));
    return OK;
  }

  async replaceTrack(stream: MediaStream, track: MediaStreamTrack): Promise<ZegoServerResponse> {
    this.track(stream, track.kind as Kind);
    for (const old of stream.getTracks()) if (old.kind === track.kind && old !== track) stream.removeTrack(old);
    return this.addTrack(stream, withEffect(stream, track));
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

  /** On what is captured, before or while it is published. */
  async beautify(given: AnyStream, enable: boolean, parameters?: ZegoEffectsBeautyParam): Promise<ZegoServerResponse> {
    const stream = this.media(given);
    if (this.beauty.set(stream, enable, parameters)) await this.refresh(stream);
    return OK;
  }

  /** The stream is about to end: what was captured is what must be stopped. */
  endEffects(given: AnyStream): void {
    this.beauty.remove(given instanceof ZegoLocalStream ? given.stream : given);
  }

  endAllEffects(): void {
    this.beauty.removeAll();
  }

  private async recapture(given: AnyStream, kind: Kind, wish: MediaTrackConstraints): Promise<ZegoServerResponse> {
    const stream = this.media(given);
    const stopped = stopsSinceNow(stream);
    return this.opening(stream, async () => {
      if (stopped(kind)) refuseStopped([]);
      const old = this.track(stream, kind);
      const { track, error } = await openInstead(kind, capturedTrack(old), wish);
      if (stopped(kind)) refuseStopped(track ? [track] : []);
      if (track) await this.place(given, old, track);
      else this.mutesMayDiffer(stream);
      if (error) throw error;
      return OK;
    });
  }

  private opening<T>(stream: MediaStream, job: () => Promise<T>): Promise<T> {
    const serial = this.openings.get(stream) ?? new Serial();
    this.openings.set(stream, serial);
    return serial.run(job);
  }

  /** A captured track takes another's place, muted as that was. */
  private async place(given: AnyStream, old: MediaStreamTrack, fresh: MediaStreamTrack): Promise<void> {
    const stream = this.media(given);
    fresh.enabled = old.enabled;
    fresh.contentHint = capturedTrack(old).contentHint;
    const local = this.captures.find(given);
    if (local) {
      local.put(fresh);
    } else {
      stopCapture(old);
      stream.removeTrack(old);
      stream.addTrack(withEffect(stream, fresh));
    }
    await this.refresh(stream);
  }

  private async refresh(stream: MediaStream): Promise<void> {
    this.applyAudioMute(stream);
    await Promise.all(this.publications(stream).map(({ publisher, publication }) => publisher.refresh(publication)));
  }

  private mutesMayDiffer(stream: MediaStream): void {
    for (const { publisher, publication } of this.publications(stream)) publisher.mutesMayDiffer(publication);
  }

  /** The publications of one stream, or all. */
  private publications(stream?: MediaStream): { publisher: Publisher; publication: Publication }[] {
    const all = this.rooms().flatMap(({ publisher }) => publisher.list.map((publication) => ({ publisher, publication })));
    return stream ? all.filter(({ publication }) => publication.source.stream === stream) : all;
  }

  /** Mutes answer false where there is nothing to mute, as in a page whose buttons are pressed before it has a camera. */
  private toMute(given: AnyStream): MediaStream | undefined {
    if (given instanceof ZegoLocalStream || given instanceof MediaStream) return this.media(given);
    log.warn("there is no stream to mute: pass one of createZegoStream");
    return undefined;
  }

  private media(given: AnyStream): MediaStream {
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
