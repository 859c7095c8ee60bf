/** Sound by position in a room. Not offered: the names are there so that pages compile. */
import type { ZegoPlayAudioStats, ZegoPublishAudioStats } from "./quality";

export enum ZegoRangeAudioMicrophoneState {
  Off,
  TurningOn,
  On,
}

export enum ZegoRangeAudioMode {
  World,
  Team,
  SecretTeam,
}

export enum ZegoRangeAudioSpeakMode {
  All,
  World,
  Team,
}

export enum ZegoRangeAudioListenMode {
  All,
  World,
  Team,
}

export interface ZegoRangeAudioUserUpdateCheckConfig {
  frequency: number;
}

export interface RangeAudioPublishStats extends ZegoPublishAudioStats {}

export interface RangeAudioPlayStats extends ZegoPlayAudioStats {
  peerToPeerDelay: number;
  peerToPeerPacketLostRate: number;
}

export interface ZegoRangeAudioEvent {
  microphoneStateUpdate(state: ZegoRangeAudioMicrophoneState, errorCode: number, extendedData?: string): void;
  publishQualityUpdate(userID: string, stats: RangeAudioPublishStats): void;
  playQualityUpdate(userID: string, stats: RangeAudioPlayStats): void;
  aiDenoiseError(errorCode: number, extendedData: string): void;
  audioSourceWithinRangeUpdate(userID: string, position: number[]): void;
}
