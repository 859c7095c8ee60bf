/** Methods of the vendor's interface that the browser or the session implements, and internals that pages use. */
import type { ZegoLocalStream } from "./capture/local-stream";
import { Code } from "./errors";
import type { ZegoServerResponse } from "./entities";
import { log, warnOnce } from "./logging";
import { MediaControls } from "./media-controls";
import { engineLogger, rtcInternals } from "./not-offered/internals";
import { rejectNotOffered, warnNotOffered } from "./not-offered/methods";
import { setLocalProxy, useModule } from "./not-offered/start-up";

type LocalStream = MediaStream | ZegoLocalStream;

/** The subscription that voice-agent samples make at each login; this server has no such channel. */
const ROOM_CHANNEL = "onRecvRoomChannelMessage";

export abstract class VendorMethods extends MediaControls {
  readonly logger = engineLogger;
  readonly zegoWebRTC = rtcInternals();
  readonly zegoWebRTM = {};

  /** Modules of effects that this SDK lacks are accepted; the methods that need them say so. */
  static use(module: unknown): void {
    useModule(module);
  }

  static setGeoFence(..._settings: unknown[]): void {
    warnNotOffered("setGeoFence");
  }

  static setCloudProxyConfig(..._settings: unknown[]): void {
    warnNotOffered("setCloudProxyConfig");
  }

  /** `accesshubProxy` is the gateway of all engines that are made from now on. */
  static setLocalProxyConfig(config: { accesshubProxy: string }, enable: boolean): void {
    setLocalProxy(config, enable);
  }

  /** By the browser's own noise suppression. Resolves with 1103081 where there is none, since pages take a rejection for a failed call. */
  async enableAiDenoise(stream: LocalStream, enable: boolean): Promise<ZegoServerResponse> {
    try {
      return await this.live.setAudioConfig(stream, { ANS: Boolean(enable) });
    } catch (fault) {
      log.warn("enableAiDenoise", fault);
      return { errorCode: Code.DENOISE_UNSUPPORTED, extendedData: String(fault) };
    }
  }

  /** The browser's noise suppression has one mode, which is used for all. */
  async setAiDenoiseMode(stream: LocalStream, _mode: number): Promise<ZegoServerResponse> {
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

  async callExperimentalAPI(call: { method?: string }): Promise<unknown> {
    if (call?.method !== ROOM_CHANNEL) return rejectNotOffered(`callExperimentalAPI(${String(call?.method)})`);
    warnOnce(`${ROOM_CHANNEL}: this server has no channel for messages of voice agents; none will come`);
    return { errorCode: Code.NOT_OFFERED, extendedData: "" };
  }
}

function isActive(track: MediaStreamTrack): boolean {
  return track.readyState === "live" && track.enabled && !track.muted;
}
