/**
 * What `on` and `off` know, with the arguments of each callback.
 * They are methods, so that a handler may be typed with the narrower types of the vendor's own declarations.
 */
import type { ZegoDeviceInfo } from "./devices";
import type { ExceptionData, QualityGrade, ZegoPlayStats, ZegoPublishStats, ZegoSoundLevelInfo } from "./quality";
import type { ZegoReplayState } from "./replay";
import type { ZegoBarrageMessageInfo, ZegoBroadcastMessageInfo, ZegoRoomExtraInfo, ZegoRoomRecvTransparentMessage, ZegoRoomStateChangedReason, ZegoUser } from "./rooms";
import type { ZegoPlayerState, ZegoPublisherState, ZegoStreamList, ZegoStreamRelayCDNInfo, ZegoVideoCodecID } from "./streams";

type Update = "DELETE" | "ADD";
type RoomState = "DISCONNECTED" | "CONNECTING" | "CONNECTED";

/** Events of rooms and messages. recvRoomTransparentMessage and hallStateUpdate never come. */
export interface ZegoRTMEvent {
  roomStateChanged(roomID: string, reason: ZegoRoomStateChangedReason | `${ZegoRoomStateChangedReason}`, errorCode: number, extendedData: string): void;
  roomStateUpdate(roomID: string, state: RoomState, errorCode: number, extendedData: string): void;
  roomUserUpdate(roomID: string, updateType: Update, userList: ZegoUser[]): void;
  roomOnlineUserCountUpdate(roomID: string, count: number): void;
  roomExtraInfoUpdate(roomID: string, extraInfoList: ZegoRoomExtraInfo[]): void;
  IMRecvBroadcastMessage(roomID: string, chatData: ZegoBroadcastMessageInfo[]): void;
  IMRecvBarrageMessage(roomID: string, chatData: ZegoBarrageMessageInfo[]): void;
  IMRecvCustomCommand(roomID: string, fromUser: ZegoUser, command: string): void;
  tokenWillExpire(roomID: string): void;
  hallStateUpdate(state: RoomState, errorCode: number, extendedData: string): void;
  recvRoomTransparentMessage(roomID: string, message: ZegoRoomRecvTransparentMessage): void;
}

/** Events of streams and devices. Those of mixing, SEI, backgrounds and experimental calls never come. */
export interface ZegoRTCEvent {
  roomStreamUpdate(roomID: string, updateType: Update, streamList: ZegoStreamList[], extendedData: string): void;
  streamExtraInfoUpdate(roomID: string, streamList: { streamID: string; user: ZegoUser; extraInfo: string }[]): void;
  publisherStateUpdate(result: ZegoPublisherState): void;
  playerStateUpdate(result: ZegoPlayerState): void;
  publishQualityUpdate(streamID: string, stats: ZegoPublishStats): void;
  playQualityUpdate(streamID: string, stats: ZegoPlayStats): void;
  networkQuality(userID: string, upstreamQuality: QualityGrade, downstreamQuality: QualityGrade): void;
  exceptionUpdate(streamID: string, exception: ExceptionData): void;
  screenSharingEnded(stream: any): void;
  soundLevelUpdate(soundLevelList: ZegoSoundLevelInfo[]): void;
  capturedSoundLevelUpdate(soundLevel: number): void;
  videoDeviceStateChanged(updateType: Update, deviceInfo: ZegoDeviceInfo): void;
  audioDeviceStateChanged(updateType: Update, deviceType: "Input" | "Output", deviceInfo: ZegoDeviceInfo): void;
  deviceError(errorCode: number, deviceName: string): void;
  remoteCameraStatusUpdate(streamID: string, status: "OPEN" | "MUTE"): void;
  remoteMicStatusUpdate(streamID: string, status: "OPEN" | "MUTE"): void;
  playerVideoTrackUpdate(streamID: string, track: MediaStreamTrack): void;
  playerAudioTrackUpdate(streamID: string, track: MediaStreamTrack): void;
  beautyEffectError(stream: MediaStream, errorCode: number, extendedData: string): void;
  backgroundEffectError(stream: MediaStream, errorCode: number, extendedData: string): void;
  publisherVideoEncoderChanged(fromCodecID: ZegoVideoCodecID, toCodecID: ZegoVideoCodecID, streamID: string): void;
  playerRecvSEI(streamID: string, data: Uint8Array): void;
  mixerSoundLevelUpdate(soundLevels: Map<number, number>): void;
  autoMixerSoundLevelUpdate(soundLevels: Map<string, number>): void;
  mixerRelayCDNStateUpdate(taskID: string, infoList: ZegoStreamRelayCDNInfo[]): void;
  recvExperimentalAPI(content: Record<string, any>): void;
}

/** Events that only this suite has. */
export interface ParlourEvent {
  /** For tools: each frame of a room with its position, before it is worked through. */
  parlourFrame(frame: { t: string } & Record<string, any>): void;
  /** A replay plays, pauses, jumps, ends or is stopped; `time` is the recorded one in unix milliseconds. */
  parlourReplay(roomID: string, now: { state: ZegoReplayState; seq: number; position: string; time: number }): void;
}

export interface ZegoEvent extends ZegoRTCEvent, ZegoRTMEvent, ParlourEvent {}
