/** The vendor's music service. Not offered: the names are there so that pages compile. */
import type { ZegoUser } from "./rooms";

export interface ZegoCopyrightedMusicConfig {
  user: ZegoUser;
}

export enum ZegoCopyrightedMusicResourceType {
  Song,
  Accompaniment,
  AccompanimentClip,
  AccompanimentSegment,
}

export enum ZegoCopyrightedMusicBillingMode {
  Count,
  User,
  Room,
  Master,
}

export enum ZegoCopyrightedMusicVendorID {
  VendorDefault = 0,
  Vendor1 = 1,
  Vendor2 = 2,
  Vendor3 = 4,
}

interface Scene {
  masterID?: string;
  sceneID?: number;
}

export interface ZegoCopyrightedMusicRequestConfig extends Scene {
  songID: string;
  vendorID: ZegoCopyrightedMusicVendorID;
  mode: ZegoCopyrightedMusicBillingMode;
}

export interface ZegoCopyrightedMusicRequestSharedResourceByTokenConfig extends Scene {
  shareToken: string;
  mode?: ZegoCopyrightedMusicBillingMode;
}

export interface ZegoCopyrightedMusicDownloadResponse {
  errorCode: number;
  urls: string[];
}

export interface ZegoCopyrightedMusicGetLrcLyricResponse {
  errorCode: number;
  lyrics: any;
}

export interface ZegoCopyrightedMusicGetKrcLyricByTokenResponse extends ZegoCopyrightedMusicGetLrcLyricResponse {}

export interface ZegoCopyrightedMusicGetStandardPitchResponse {
  errorCode: number;
  pitch: any;
}

export interface ZegoCopyrightedMusicRequestResourceResponse {
  errorCode: number;
  resource: any;
}

export interface ZegoCopyrightedMusicSendExtendedRequestResponse {
  errorCode: number;
  result: any;
}

export interface ZegoStartScoreParams {
  resourceID: string;
  /** A MediaStream or a ZegoLocalStream. */
  localStream: any;
  player: HTMLMediaElement;
  enableSongLineScoreCompleteEvent?: boolean;
}

export interface ZegoSongLineScoreInfo {
  lineIndex: number;
  previousScore: number;
  averageScore: number;
  totalScore: number;
}

export interface ZegoCopyrightedMusicEvent {
  downloadProgressUpdate(resourceID: string, progressRate: number): void;
  songLineScoreComplete(score: ZegoSongLineScoreInfo): void;
}
