/** The engine's methods for devices, for what is played, for views and for quality. */
import type { LocalStreams } from "./capture/local-streams";
import { devicesOf, enumDevices } from "./devices";
import type { Emitter } from "./emitter";
import type { SoundLevelDelegateOptions, ZegoDeviceInfo, ZegoDeviceInfos, ZegoEvent, ZegoPlayStats, ZegoPublishStats } from "./entities";
import type { Kind } from "./negotiation/transceiver-pool";
import { LocalMediaControls, type LocalStream } from "./publish/local-media-controls";
import { QualityMonitor } from "./quality/monitor";
import { SoundMeter } from "./quality/sound-meter";
import type { Rooms } from "./room/rooms";
import { useSink } from "./view/output";
import { ZegoStreamView } from "./view/stream-view";

export abstract class MediaControls extends LocalMediaControls {
  /** Kinds that are not received of any stream, by muteAllPlay…Streams. */
  protected readonly mutedPlay: Record<Kind, boolean> = { audio: false, video: false };
  protected readonly quality: QualityMonitor;
  protected readonly soundMeter: SoundMeter;

  protected constructor(events: Emitter<ZegoEvent>, rooms: Rooms, localStreams: LocalStreams) {
    super(events, rooms, localStreams);
    this.quality = new QualityMonitor(() => rooms.list, events);
    this.soundMeter = new SoundMeter(() => rooms.list, events);
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

  /** As measured last; null while the stream is not published, or not measured yet. */
  getPublishingStreamQuality(streamID: string): ZegoPublishStats | null {
    return this.rooms.publication(streamID)?.publication.quality ?? null;
  }

  /** Levels of all streams, 0 to 100, by soundLevelUpdate and capturedSoundLevelUpdate. */
  setSoundLevelDelegate(enable: boolean, interval?: number, _options?: SoundLevelDelegateOptions): void {
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
    return this.rooms.playback(streamID)?.playback.quality ?? null;
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
