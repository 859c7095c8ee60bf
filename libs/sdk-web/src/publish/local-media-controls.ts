/** The engine's methods that change media while it is captured or published. What is published follows without a new offer where it can. */
import { captureError, sizeConstraints } from "../capture/acquire";
import { CAMERA_PRESETS } from "../capture/capture-options";
import { applyEffect, capturedTrack, createSilentCopy, recordStop, rejectStopped, stopCapture, watchStops } from "../capture/captured-tracks";
import { constraintsOf, openDevice, switchDevice } from "../capture/device-switch";
import { ZegoLocalStream } from "../capture/local-stream";
import { LocalStreams } from "../capture/local-streams";
import { checkMediaStream, checkTrack, checkVideoConfig } from "../checks";
import { Beauty } from "../effects/beauty";
import { Emitter, EVENT_NAMES } from "../emitter";
import type { ZegoEffectsBeautyParam, ZegoEvent, ZegoPublishStreamAudioConfig, ZegoPublishStreamConfig, ZegoServerResponse, ZegoStreamUpdateType } from "../entities";
import { Code, failure, type ZegoError } from "../errors";
import { log } from "../logging";
import { SerialQueue } from "../scheduling";
import type { Kind } from "../negotiation/transceiver-pool";
import { Rooms } from "../room/rooms";
import type { Publication, Publisher } from "./publisher";

export type LocalStream = MediaStream | ZegoLocalStream;

const OK: ZegoServerResponse = { errorCode: 0, extendedData: "" };

export abstract class LocalMediaControls extends Emitter<ZegoEvent> {
  /* @internal */
  protected readonly rooms: Rooms;
  /* @internal */
  protected readonly localStreams = new LocalStreams((stream, legacy) => {
    this.destroyStream(stream);
    this.emit("screenSharingEnded", legacy ? stream.stream : stream);
  });
  /* @internal */
  protected readonly beauty = new Beauty((stream, error) => {
    this.refresh(stream).catch((fault) => log.warn("the plain picture could not be sent", fault));
    this.emit("beautyEffectError", stream, error.code, error.message);
  });
  private microphoneMuted = false;
  private readonly mutedAudio = new WeakSet<MediaStream>();
  /** How to open a camera again that was switched off, by its ended track. */
  private readonly switchedOff = new WeakMap<MediaStreamTrack, MediaTrackConstraints>();
  /** Devices of a stream are opened one after the other. */
  private readonly openingQueues = new WeakMap<MediaStream, SerialQueue>();

  /* @internal */
  protected constructor(appID: number, addresses: readonly string[]) {
    super(EVENT_NAMES);
    this.rooms = new Rooms(appID, addresses, this);
  }

  /** Ends a stream's tracks and previews. Its effect is taken off before, so that its captured track is the one that is stopped. */
  destroyStream(localStream: LocalStream): void {
    this.beauty.remove(localStream instanceof ZegoLocalStream ? localStream.stream : localStream);
    this.localStreams.destroy(localStream);
  }

  /** Viewers see black; with `retain` the own preview goes on. The camera keeps running. False where there is no picture to mute. */
  mutePublishStreamVideo(localStream: LocalStream, mute = true, retain = false): boolean {
    const stream = streamToMute(localStream);
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

  mutePublishStreamAudio(localStream: LocalStream, mute = true): boolean {
    const stream = streamToMute(localStream);
    if (!stream?.getAudioTracks().length) return false;
    if (mute) this.mutedAudio.add(stream);
    else this.mutedAudio.delete(stream);
    this.applyAudioMute(stream);
    return true;
  }

  /** Mutes the microphone of all streams that are published now or later. */
  muteMicrophone(mute: boolean): boolean {
    this.microphoneMuted = Boolean(mute);
    for (const { publication } of this.publications()) this.applyAudioMute(publication.source.stream);
    return true;
  }

  isMicrophoneMuted(): boolean {
    return this.microphoneMuted;
  }

  /** Another camera for a stream that is captured. */
  async useVideoDevice(localStream: LocalStream, deviceID: string): Promise<ZegoServerResponse> {
    return this.recapture(localStream, "video", exactDevice(deviceID));
  }

  /** Another microphone for a stream that is captured. */
  async useAudioDevice(localStream: LocalStream, deviceID: string): Promise<ZegoServerResponse> {
    return this.recapture(localStream, "audio", exactDevice(deviceID));
  }

  async useFrontCamera(localStream: LocalStream, enable: boolean): Promise<ZegoServerResponse> {
    return this.recapture(localStream, "video", { facingMode: enable ? "user" : "environment" });
  }

  /** Frees the camera (its light goes out) or takes the same one again; another one only where that is gone. */
  async enableVideoCaptureDevice(localStream: LocalStream, enable = true): Promise<boolean> {
    const stream = streamOf(localStream);
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
    return this.runInTurn(stream, () => this.switchOn(localStream, () => stopped("video")));
  }

  /** A `videoQuality` of 1 to 3 is a preset; sizes beside it count only with 4, or without one. */
  async setVideoConfig(localStream: LocalStream, config: ZegoPublishStreamConfig): Promise<ZegoServerResponse> {
    checkVideoConfig(config);
    const preset = CAMERA_PRESETS[config.videoQuality ?? 0];
    const { maxBitrate } = { maxBitrate: preset?.kbps, ...config };
    const stream = streamOf(localStream);
    const track = capturedTrack(trackOf(stream, "video"));
    try {
      await track.applyConstraints({ ...track.getConstraints(), ...sizeConstraints(preset ?? config) });
    } catch (fault) {
      throw captureError(fault);
    }
    const source = this.localStreams.find(localStream)?.source;
    if (source && maxBitrate) source.videoKbps = maxBitrate;
    await Promise.all(this.publications(stream).map(({ publisher, publication }) => publisher.applyLimits(publication)));
    return OK;
  }

  async setAudioConfig(localStream: LocalStream, config: ZegoPublishStreamAudioConfig): Promise<ZegoServerResponse> {
    const track = trackOf(streamOf(localStream), "audio");
    const { ANS, AGC, AEC } = config ?? {};
    const constraints = {
      ...(ANS === undefined ? {} : { noiseSuppression: ANS }),
      ...(AGC === undefined ? {} : { autoGainControl: AGC }),
      ...(AEC === undefined ? {} : { echoCancellation: AEC }),
    };
    await track.applyConstraints({ ...track.getConstraints(), ...constraints });
    return OK;
  }

  /** Each intensity 0 to 100, 50 where it is left out. The effect belongs to the stream, published or not: it goes on with another camera. */
  async setEffectsBeauty(localStream: LocalStream, enable: boolean, options?: ZegoEffectsBeautyParam): Promise<ZegoServerResponse> {
    const stream = streamOf(localStream);
    if (this.beauty.set(stream, enable, options)) await this.refresh(stream);
    return OK;
  }

  /** Sends the stream's present tracks to viewers: 0 video, 1 audio, 2 both. */
  async updatePublishingStream(localStream: LocalStream, type: ZegoStreamUpdateType | 0 | 1 | 2 = 2): Promise<ZegoServerResponse> {
    if (![0, 1, 2].includes(type)) throw failure(Code.PARAMETER, "the type is unknown", { field: "type", limit: "0 video, 1 audio, 2 both" });
    const publications = this.publications(streamOf(localStream));
    if (!publications.length) throw failure(Code.NOT_PUBLISHING, "the stream is not being published");
    await Promise.all(publications.map(({ publisher, publication }) => publisher.refresh(publication)));
    return OK;
  }

  async replaceTrack(localStream: MediaStream, track: MediaStreamTrack): Promise<ZegoServerResponse> {
    const [stream, { kind }] = [checkMediaStream(localStream), checkTrack(track)];
    trackOf(stream, kind as Kind);
    for (const old of stream.getTracks()) if (old.kind === kind && old !== track) stream.removeTrack(old);
    return this.addTrack(stream, applyEffect(stream, track));
  }

  async addTrack(localStream: MediaStream, track: MediaStreamTrack): Promise<ZegoServerResponse> {
    const stream = checkMediaStream(localStream);
    stream.addTrack(checkTrack(track));
    await this.refresh(stream);
    return OK;
  }

  async removeTrack(localStream: MediaStream, track: MediaStreamTrack): Promise<ZegoServerResponse> {
    const [stream, removed] = [checkMediaStream(localStream), checkTrack(track)];
    for (const present of stream.getTracks()) if (present === removed || capturedTrack(present) === removed) stream.removeTrack(present);
    await this.refresh(stream);
    return OK;
  }

  /** Enables or disables a stream's audio tracks by the mutes of the stream and of the engine, before it is published and after its tracks change. @internal */
  protected applyAudioMute(stream: MediaStream): void {
    const enabled = !this.microphoneMuted && !this.mutedAudio.has(stream);
    for (const track of stream.getAudioTracks()) track.enabled = enabled;
    this.reportMutes(stream);
  }

  /** True when the camera is on; false where the page switched it off again meanwhile. */
  private async switchOn(localStream: LocalStream, stopped: () => boolean): Promise<boolean> {
    if (stopped()) return false;
    const off = trackOf(streamOf(localStream), "video");
    if (off.readyState === "live") return true;
    const same = this.switchedOff.get(off) ?? constraintsOf(capturedTrack(off));
    const { deviceId: _gone, ...any } = same;
    const fresh = await openDevice("video", same).catch((error: ZegoError) => {
      if (error.code !== Code.DEVICE_NOT_FOUND) throw error;
      return openDevice("video", any);
    });
    if (stopped()) fresh.stop();
    else await this.replaceCaptured(localStream, off, fresh);
    return !stopped();
  }

  private async recapture(localStream: LocalStream, kind: Kind, constraints: MediaTrackConstraints): Promise<ZegoServerResponse> {
    const stream = streamOf(localStream);
    const stopped = watchStops(stream);
    return this.runInTurn(stream, async () => {
      if (stopped(kind)) rejectStopped([]);
      const old = trackOf(stream, kind);
      const { track, error } = await switchDevice(kind, capturedTrack(old), constraints);
      if (stopped(kind)) rejectStopped(track ? [track] : []);
      if (track) await this.replaceCaptured(localStream, old, track);
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
  private async replaceCaptured(localStream: LocalStream, old: MediaStreamTrack, fresh: MediaStreamTrack): Promise<void> {
    const stream = streamOf(localStream);
    fresh.enabled = old.enabled;
    fresh.contentHint = capturedTrack(old).contentHint;
    const local = this.localStreams.find(localStream);
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
    const all = this.rooms.list.flatMap(({ publisher }) => publisher.list.map((publication) => ({ publisher, publication })));
    return stream ? all.filter(({ publication }) => publication.source.stream === stream) : all;
  }
}

/** Undefined for what is no stream: mutes answer false then, as in a page whose buttons are pressed before it has a camera. */
function streamToMute(localStream: LocalStream): MediaStream | undefined {
  if (localStream instanceof ZegoLocalStream || localStream instanceof MediaStream) return streamOf(localStream);
  log.warn("there is no stream to mute: pass one of createZegoStream");
  return undefined;
}

function streamOf(localStream: LocalStream): MediaStream {
  if (localStream instanceof ZegoLocalStream) return localStream.stream;
  if (localStream instanceof MediaStream) return localStream;
  throw failure(Code.STREAM_OBJECT, "this is no stream", { field: "stream" });
}

function trackOf(stream: MediaStream, kind: Kind): MediaStreamTrack {
  const track = stream.getTracks().find((each) => each.kind === kind);
  if (!track) throw failure(kind === "video" ? Code.NO_VIDEO_TRACK : Code.NO_AUDIO_TRACK, `the stream has no ${kind}`, { field: "stream" });
  return track;
}

function exactDevice(deviceID: string): MediaTrackConstraints {
  if (typeof deviceID !== "string" || !deviceID) throw failure(Code.DEVICE_NOT_FOUND, "deviceID is empty", { field: "deviceID" });
  return { deviceId: { exact: deviceID } };
}
