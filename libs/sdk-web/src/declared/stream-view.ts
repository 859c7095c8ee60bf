/** Shows and sounds one stream in the page, as createRemoteStreamView gives it. */
import type { StreamViewEvent, ZegoSnapshotOptions, ZegoStreamViewOptions } from "../entities";

export type { StreamViewEvent } from "../entities/views";

export declare class ZegoStreamView {
  constructor(stream: any);
  /** Picture and sound in a container (its id, an element, or a media element to use as it is). Resolves with whether it plays now. */
  play(container: string | HTMLElement, options?: ZegoStreamViewOptions): Promise<boolean>;
  playVideo(container: string | HTMLElement, options?: ZegoStreamViewOptions): Promise<boolean>;
  playAudio(options?: ZegoStreamViewOptions): Promise<boolean>;
  stop(): void;
  stopVideo(): void;
  stopAudio(): void;
  /** After a gesture of the user. */
  resume(): Promise<boolean>;
  setAudioMuted(muted: boolean): boolean;
  setVideoMuted(muted: boolean): boolean;
  /** `volume` is 0 to 100. */
  setVolume(volume: number): boolean;
  useAudioOutputDevice(deviceID: string): Promise<void>;
  getVideoWidth(): number;
  getVideoHeight(): number;
  /** The present picture as a data address; empty text where none is shown. */
  takeStreamSnapshot(options?: ZegoSnapshotOptions): string;
  on<Name extends keyof StreamViewEvent>(event: Name, callback: StreamViewEvent[Name]): boolean;
  off<Name extends keyof StreamViewEvent>(event: Name, callback?: StreamViewEvent[Name]): boolean;
}
