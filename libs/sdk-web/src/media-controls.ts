/** The engine's methods for devices, what is played, views and quality, those that the browser or the session implements, and internals that pages use. */
import { devicesOf, enumDevices } from "./devices";
import { setOptions } from "./engine-options";
import type {
  AiDenoiseMode, SoundLevelDelegateOptions, ZegoDeviceInfo, ZegoDeviceInfos, ZegoGeoFenceType, ZegoLocalProxyConfig, ZegoPlayStats,
  ZegoProxyInfo, ZegoPublishStats, ZegoServerResponse,
} from "./entities";
import { Code } from "./errors";
import { rejectNotOffered, warnNotOffered } from "./inert-methods";
import { log, warnOnce } from "./logging";
import type { Kind } from "./negotiation/transceiver-pool";
import { LocalMediaControls, type LocalStream } from "./publish/local-media-controls";
import { QualityMonitor } from "./quality/monitor";
import { proxyAddress } from "./signalling/address";
import { useSink } from "./view/output";
import { ZegoStreamView } from "./view/stream-view";

/** The subscription that voice-agent samples make at each login; this server has no such channel. */
const ROOM_CHANNEL = "onRecvRoomChannelMessage";

export abstract class MediaControls extends LocalMediaControls {
  /** What a library writes with it, under the SDK's own threshold. */
  logger: any = {
    debug: (...details: unknown[]) => log.debug("page:", ...details),
    info: (...details: unknown[]) => log.info("page:", ...details),
    warn: (...details: unknown[]) => log.warn("page:", ...details),
    error: (...details: unknown[]) => log.error("page:", ...details),
    report: (...details: unknown[]) => log.info("page:", ...details),
    setSessionInfo: () => undefined,
    setLogLevel: () => undefined,
  };
  /** Where official samples set `isPeer`; nothing reads it here. */
  zegoWebRTC: any = { rtcModules: { streamCenter: { isPeer: false } } };
  zegoWebRTM: any = {};
  /** Kinds that are not received of any stream, by muteAllPlay…Streams. @internal */
  protected readonly mutedPlay: Record<Kind, boolean> = { audio: false, video: false };
  /* @internal */
  protected readonly quality = new QualityMonitor(this.rooms, this);

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
    this.quality.setSoundLevels(enable, interval);
  }

  async mutePlayStreamAudio(streamID: string, mute: boolean): Promise<boolean> {
    return this.rooms.playback(streamID)?.player.mute(streamID, "audio", mute) ?? false;
  }

  async mutePlayStreamVideo(streamID: string, mute: boolean): Promise<boolean> {
    return this.rooms.playback(streamID)?.player.mute(streamID, "video", mute) ?? false;
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

  // Settings of the class, which pages make before they have an engine. None throws: such a page would be dead before its first handler.

  /** Modules of effects that this SDK lacks are accepted; the methods that need them say so. */
  static use(module: any): void {
    const type: unknown = module?.type;
    warnNotOffered(`the module ${typeof type === "string" ? type : "given to use()"}`);
  }

  /** Not offered: the setting has no effect. */
  static setGeoFence(..._setting: [geoFenceType: ZegoGeoFenceType, geoFenceAreaList: number[]]): void {
    warnNotOffered("setGeoFence");
  }

  /** Not offered: the setting has no effect. */
  static setCloudProxyConfig(..._setting: [proxyList: ZegoProxyInfo[], token: string, enable: boolean]): void {
    warnNotOffered("setCloudProxyConfig");
  }

  /** `accesshubProxy` is the gateway of all engines that are made from now on; without `enable` the setting is taken back. */
  static setLocalProxyConfig(config: ZegoLocalProxyConfig, enable: boolean): void {
    const server = proxyAddress(config?.accesshubProxy);
    if (enable && !server) return warnOnce("setLocalProxyConfig: accesshubProxy names no address");
    setOptions({ server: enable ? server : undefined });
  }

  /** By the browser's own noise suppression. Resolves with 1103081 where there is none, since pages take a rejection for a failed call. */
  async enableAiDenoise(stream: LocalStream, enable: boolean): Promise<ZegoServerResponse> {
    try {
      return await this.setAudioConfig(stream, { ANS: Boolean(enable) });
    } catch (fault) {
      log.warn("enableAiDenoise", fault);
      return { errorCode: Code.DENOISE_UNSUPPORTED, extendedData: String(fault) };
    }
  }

  /** The browser's noise suppression has one mode, which is used for all. */
  async setAiDenoiseMode(stream: LocalStream, _mode: AiDenoiseMode): Promise<ZegoServerResponse> {
    const suppresses = stream?.getAudioTracks?.().some((track) => "noiseSuppression" in track.getSettings());
    return { errorCode: suppresses ? 0 : Code.DENOISE_UNSUPPORTED, extendedData: "" };
  }

  /** Whether the stream has a picture that moves: a live track that is neither muted by its source nor switched off. */
  async checkVideoTrackIsActive(stream: LocalStream): Promise<boolean> {
    return stream.getVideoTracks().some(isActive);
  }

  async checkAudioTrackIsActive(stream: LocalStream): Promise<boolean> {
    return stream.getAudioTracks().some(isActive);
  }

  /** The server's clock in unix milliseconds, and how far off it may be; zeros before the first login. */
  getNetworkTimeInfo(): { timestamp: number; maxDeviation: number } {
    const { clock } = this.rooms.session;
    return clock ? { timestamp: Date.now() + clock.offsetMs, maxDeviation: clock.deviationMs } : { timestamp: 0, maxDeviation: 0 };
  }

  async callExperimentalAPI(call: Record<string, any>): Promise<any> {
    if (call?.method !== ROOM_CHANNEL) return rejectNotOffered(`callExperimentalAPI(${String(call?.method)})`);
    warnOnce(`${ROOM_CHANNEL}: this server has no channel for messages of voice agents; none will come`);
    return { errorCode: Code.NOT_OFFERED, extendedData: "" };
  }

  /** Mutes a kind of all streams that are played now or later. */
  private async muteAll(kind: Kind, mute: boolean): Promise<boolean> {
    this.mutedPlay[kind] = Boolean(mute);
    const all = this.rooms.players.flatMap((player) => player.list.map(({ streamID }) => player.mute(streamID, kind, mute)));
    return (await Promise.all(all)).every(Boolean);
  }
}

function isActive(track: MediaStreamTrack): boolean {
  return track.readyState === "live" && track.enabled && !track.muted;
}
