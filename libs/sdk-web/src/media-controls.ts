/** The engine's methods for media that is captured, published or played already: devices, mutes, sizes, tracks, views, quality. */
import type { LocalStreams } from "./capture/local-streams";
import type { ZegoLocalStream } from "./capture/local-stream";
import { CAMERA_PRESETS } from "./capture/capture-options";
import { checkMediaStream, checkTrack, checkVideoConfig } from "./checks";
import { devicesOf, enumDevices } from "./devices";
import { Emitter } from "./emitter";
import type { ZegoDeviceInfo, ZegoDeviceInfos, ZegoEffectsBeautyParam, ZegoEvent, ZegoPlayStats, ZegoPublishStats, ZegoServerResponse, ZegoPublishStreamConfig } from "./entities";
import type { Kind } from "./negotiation/transceiver-pool";
import { LiveMedia } from "./publish/live-media";
import { QualityMonitor } from "./quality/monitor";
import { SoundMeter } from "./quality/sound-meter";
import type { Rooms } from "./room/rooms";
import { useSink, ZegoStreamView } from "./view/stream-view";

type LocalStream = MediaStream | ZegoLocalStream;

export abstract class MediaControls {
  /** Kinds that are not received of any stream, by muteAllPlay…Streams. */
  protected readonly mutedPlay: Record<Kind, boolean> = { audio: false, video: false };
  protected readonly live: LiveMedia;
  protected readonly quality: QualityMonitor;
  protected readonly soundMeter: SoundMeter;

  protected constructor(
    protected readonly events: Emitter<ZegoEvent>,
    protected readonly rooms: Rooms,
    protected readonly localStreams: LocalStreams,
  ) {
    const list = () => rooms.list;
    this.live = new LiveMedia(localStreams, list, (stream, error) => events.emit("beautyEffectError", stream, error.code, error.message));
    this.quality = new QualityMonitor(list, events);
    this.soundMeter = new SoundMeter(list, events);
  }

  enumDevices(): Promise<ZegoDeviceInfos> {
    return enumDevices();
  }

  getCameras(): Promise<ZegoDeviceInfo[]> {
    return devicesOf("videoinput");
  }

  getMicrophones(): Promise<ZegoDeviceInfo[]> {
    return devicesOf("audioinput");
  }

  getSpeakers(): Promise<ZegoDeviceInfo[]> {
    return devicesOf("audiooutput");
  }

  mutePublishStreamVideo(stream: LocalStream, mute = true, retain = false): boolean {
    return this.live.muteVideo(stream, mute, retain);
  }

  mutePublishStreamAudio(stream: LocalStream, mute = true): boolean {
    return this.live.muteAudio(stream, mute);
  }

  muteMicrophone(mute: boolean): boolean {
    return this.live.muteMicrophone(mute);
  }

  isMicrophoneMuted(): boolean {
    return this.live.isMicrophoneMuted;
  }

  useVideoDevice(stream: LocalStream, deviceID: string): Promise<ZegoServerResponse> {
    return this.live.useDevice(stream, "video", deviceID);
  }

  useAudioDevice(stream: LocalStream, deviceID: string): Promise<ZegoServerResponse> {
    return this.live.useDevice(stream, "audio", deviceID);
  }

  async useFrontCamera(stream: LocalStream, enable: boolean): Promise<ZegoServerResponse> {
    return this.live.useFacing(stream, enable);
  }

  enableVideoCaptureDevice(stream: LocalStream, enable = true): Promise<boolean> {
    return this.live.enableVideoCapture(stream, enable);
  }

  /** A `videoQuality` of 1 to 3 is a preset; sizes beside it count only with 4, or without one. */
  async setVideoConfig(stream: LocalStream, config: ZegoPublishStreamConfig): Promise<ZegoServerResponse> {
    checkVideoConfig(config);
    const preset = CAMERA_PRESETS[config.videoQuality ?? 0];
    if (!preset) return this.live.setVideoConfig(stream, config);
    const { kbps, ...sizes } = preset;
    return this.live.setVideoConfig(stream, { maxBitrate: kbps, ...config, ...sizes });
  }

  setAudioConfig(stream: LocalStream, config: { ANS?: boolean; AGC?: boolean; AEC?: boolean }): Promise<ZegoServerResponse> {
    return this.live.setAudioConfig(stream, config);
  }

  /** Each intensity 0 to 100, 50 where it is left out. The effect belongs to the stream: it goes on with another camera. */
  setEffectsBeauty(stream: LocalStream, enable: boolean, options?: ZegoEffectsBeautyParam): Promise<ZegoServerResponse> {
    return this.live.setBeauty(stream, enable, options);
  }

  updatePublishingStream(stream: LocalStream, type: 0 | 1 | 2): Promise<ZegoServerResponse> {
    return this.live.update(stream, type);
  }

  async replaceTrack(stream: MediaStream, track: MediaStreamTrack): Promise<ZegoServerResponse> {
    return this.live.replaceTrack(checkMediaStream(stream), checkTrack(track));
  }

  async addTrack(stream: MediaStream, track: MediaStreamTrack): Promise<ZegoServerResponse> {
    return this.live.addTrack(checkMediaStream(stream), checkTrack(track));
  }

  async removeTrack(stream: MediaStream, track: MediaStreamTrack): Promise<ZegoServerResponse> {
    return this.live.removeTrack(checkMediaStream(stream), checkTrack(track));
  }

  /** As measured last; null while the stream is not published, or not measured yet. */
  getPublishingStreamQuality(streamID: string): ZegoPublishStats | null {
    return this.quality.publishing(this.rooms.publication(streamID)?.publication);
  }

  /** Levels of all streams, 0 to 100, by soundLevelUpdate and capturedSoundLevelUpdate. */
  setSoundLevelDelegate(enable: boolean, interval?: number, _options?: { enableInBackground?: boolean }): void {
    this.soundMeter.set(enable, interval);
  }

  async mutePlayStreamAudio(streamID: string, mute: boolean): Promise<boolean> {
    return this.rooms.playback(streamID)?.room.players.mute(streamID, "audio", mute) ?? false;
  }

  async mutePlayStreamVideo(streamID: string, mute: boolean): Promise<boolean> {
    return this.rooms.playback(streamID)?.room.players.mute(streamID, "video", mute) ?? false;
  }

  async muteAllPlayAudioStreams(mute: boolean): Promise<boolean> {
    return this.muteAll("audio", mute);
  }

  async muteAllPlayVideoStreams(mute: boolean): Promise<boolean> {
    return this.muteAll("video", mute);
  }

  /** As measured last; null while the stream is not played, or not measured yet. */
  getPlayingStreamQuality(streamID: string): ZegoPlayStats | null {
    return this.quality.playing(this.rooms.playback(streamID)?.playback);
  }

  async useAudioOutputDevice(media: HTMLMediaElement, deviceID: string): Promise<boolean> {
    await useSink(media, deviceID);
    return true;
  }

  createRemoteStreamView(remoteStream: MediaStream): ZegoStreamView {
    return new ZegoStreamView(remoteStream);
  }

  createLocalStreamView(localStream: LocalStream): ZegoStreamView {
    return new ZegoStreamView(this.localStreams.source(localStream).stream);
  }

  /** Mutes a kind of all streams that are played now or later. */
  private async muteAll(kind: Kind, mute: boolean): Promise<boolean> {
    this.mutedPlay[kind] = Boolean(mute);
    const all = this.rooms.list.flatMap((room) => room.players.list.map((playing) => room.players.mute(playing.streamID, kind, mute)));
    return (await Promise.all(all)).every(Boolean);
  }
}
