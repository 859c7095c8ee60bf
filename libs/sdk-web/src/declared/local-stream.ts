/** Media of this machine, as createZegoStream gives it. Pages do not make one themselves. */
import type {
  ZegoCaptureCamera, ZegoCaptureMicrophone, ZegoCaptureScreenAudio, ZegoCaptureScreenVideo, ZegoCustomAudio, ZegoCustomVideo, ZegoLocalAduioOptions,
  ZegoLocalStreamEvent, ZegoLocalViewOptions, ZegoServerResponse, ZegoSnapshotOptions,
} from "../entities";

export declare class ZegoLocalStream {
  constructor(origin: any);
  /** Whether any track is live. */
  get active(): boolean;
  get id(): string;
  get stream(): MediaStream;
  get videoCaptureStream(): MediaStream | null;
  get audioCaptureStream(): MediaStream | null;
  get videoDeviceId(): string;
  get audioDeviceId(): string;
  /** Reserved: nothing to rely on. */
  zegoStream: any;

  on<Name extends keyof ZegoLocalStreamEvent>(event: Name, callBack: ZegoLocalStreamEvent[Name]): boolean;
  off<Name extends keyof ZegoLocalStreamEvent>(event: Name, callBack?: ZegoLocalStreamEvent[Name]): boolean;

  getTracks(): MediaStreamTrack[];
  getAudioTracks(): MediaStreamTrack[];
  getVideoTracks(): MediaStreamTrack[];

  startCaptureMicrophone(options?: ZegoCaptureMicrophone): Promise<ZegoServerResponse>;
  startCaptureCamera(options?: ZegoCaptureCamera): Promise<ZegoServerResponse>;
  startCaptureCameraAndMicrophone(camera?: ZegoCaptureCamera, microphone?: ZegoCaptureMicrophone): Promise<ZegoServerResponse>;
  startCaptureCustomAudio(options: ZegoCustomAudio): Promise<ZegoServerResponse>;
  startCaptureCustomVideo(options: ZegoCustomVideo): Promise<ZegoServerResponse>;
  startCaptureCustomVideoAndAudio(video: ZegoCustomVideo, audio: ZegoCustomAudio): Promise<ZegoServerResponse>;
  startCaptureScreen(options?: ZegoCaptureScreenVideo): Promise<ZegoServerResponse>;
  startCaptureScreenWithAudio(video?: ZegoCaptureScreenVideo, audio?: ZegoCaptureScreenAudio): Promise<ZegoServerResponse>;
  stopCaptureAudio(): Promise<boolean>;
  stopCaptureVideo(): Promise<boolean>;

  /** Players resolve with whether it plays now; false where the browser wants a gesture first. */
  playVideo(view: string | HTMLElement, options?: ZegoLocalViewOptions): Promise<boolean>;
  playAudio(options?: ZegoLocalAduioOptions): Promise<boolean>;
  playCaptureVideo(view: string | HTMLElement, options?: ZegoLocalViewOptions): Promise<boolean>;
  playCaptureAudio(options?: ZegoLocalAduioOptions): Promise<boolean>;
  stopVideo(): void;
  stopAudio(): void;
  stopPlayCaptureVideo(): void;
  stopPlayCaptureAudio(): void;
  resumeVideo(): Promise<void>;
  resumeAudio(): Promise<void>;
  /** 0 to 100, of the preview. */
  setVolume(volume: number): boolean;
  useAudioOutputDevice(deviceID: string): Promise<void>;
  /** The previewed picture as a data address; empty text where none is shown. */
  takeStreamSnapshot(options?: ZegoSnapshotOptions): string;
  /** monitor, window or browser; empty where nothing is shared. */
  getScreenDisplaySurface(): string;
}

export default ZegoLocalStream;
