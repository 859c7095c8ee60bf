/** The types of the public interface, spelled as existing pages spell them. */
import type { ZegoReplayState } from "./replay/replay";
import type { LegacyState, RoomReason } from "./room/states";
import type { RoomFrame } from "./signalling/frames";
import type { ZegoLocalStream } from "./capture/local-stream";
import type { ZegoPlayStats, ZegoPublishStats } from "./quality/stats";

export interface ZegoUser {
  userID: string;
  userName?: string;
}

export interface ZegoRoomConfig {
  /** Whether this client is told of other users; off unless asked for. */
  userUpdate?: boolean;
  /** 0: no limit. Only the login that opens the room sets it. */
  maxMemberCount?: number;
}

export interface ZegoServerResponse {
  errorCode: number;
  extendedData?: string;
}

export interface ZegoStreamList {
  streamID: string;
  user: ZegoUser;
  extraInfo: string;
  urlsFLV: string;
  urlsRTMP: string;
  urlsHLS: string;
  urlsHttpsFLV: string;
  urlsHttpsHLS: string;
}

export type ZegoPublisherState = "PUBLISHING" | "NO_PUBLISH" | "PUBLISH_REQUESTING";
export type ZegoPlayerState = "PLAYING" | "NO_PLAY" | "PLAY_REQUESTING";

export interface ZegoPublisherStateInfo {
  streamID: string;
  state: ZegoPublisherState;
  errorCode: number;
  extendedData: string;
}

export interface ZegoPlayerStateInfo {
  streamID: string;
  state: ZegoPlayerState;
  errorCode: number;
  extendedData: string;
}

export interface ZegoWebPublishOption {
  streamParams?: string;
  extraInfo?: string;
  /** VP8 unless given. */
  videoCodec?: "VP8" | "H264" | "H265";
  /** Needed where several rooms are logged in. */
  roomID?: string;
  [other: string]: unknown;
}

export interface ZegoWebPlayOption {
  video?: boolean;
  audio?: boolean;
  streamParams?: string;
  /** (0, 4000] milliseconds. */
  jitterBufferTarget?: number;
  [other: string]: unknown;
}

export interface ZegoBroadcastMessageInfo {
  fromUser: ZegoUser;
  message: string;
  sendTime: number;
  messageID: number;
}

export interface ZegoBarrageMessageInfo {
  fromUser: ZegoUser;
  message: string;
  sendTime: number;
  messageID: string;
}

export interface ZegoRoomExtraInfo {
  key: string;
  value: string;
  updateUser: ZegoUser;
  updateTime: number;
}

export interface ZegoDeviceInfo {
  deviceName: string;
  deviceID: string;
}

export interface ZegoDeviceInfos {
  cameras: ZegoDeviceInfo[];
  microphones: ZegoDeviceInfo[];
  speakers: ZegoDeviceInfo[];
}

export interface ZegoSoundLevelInfo {
  streamID: string;
  soundLevel: number;
  type: "push" | "pull";
}

export interface ZegoVideoConfig {
  width?: number;
  height?: number;
  frameRate?: number;
  maxBitrate?: number;
  videoQuality?: number;
}

/** What `on` and `off` know, with the arguments of each callback. */
export interface ZegoEvents {
  roomStateChanged(roomID: string, reason: RoomReason, errorCode: number, extendedData: string): unknown;
  roomStateUpdate(roomID: string, state: LegacyState, errorCode: number, extendedData: string): unknown;
  roomUserUpdate(roomID: string, updateType: "ADD" | "DELETE", userList: ZegoUser[]): unknown;
  roomStreamUpdate(roomID: string, updateType: "ADD" | "DELETE", streamList: ZegoStreamList[], extendedData: string): unknown;
  roomOnlineUserCountUpdate(roomID: string, count: number): unknown;
  roomExtraInfoUpdate(roomID: string, extraInfoList: ZegoRoomExtraInfo[]): unknown;
  streamExtraInfoUpdate(roomID: string, streamList: { streamID: string; user: ZegoUser; extraInfo: string }[]): unknown;
  publisherStateUpdate(result: ZegoPublisherStateInfo): unknown;
  playerStateUpdate(result: ZegoPlayerStateInfo): unknown;
  publishQualityUpdate(streamID: string, stats: ZegoPublishStats): unknown;
  playQualityUpdate(streamID: string, stats: ZegoPlayStats): unknown;
  IMRecvBroadcastMessage(roomID: string, chatData: ZegoBroadcastMessageInfo[]): unknown;
  IMRecvBarrageMessage(roomID: string, chatData: ZegoBarrageMessageInfo[]): unknown;
  IMRecvCustomCommand(roomID: string, fromUser: ZegoUser, command: string): unknown;
  tokenWillExpire(roomID: string): unknown;
  screenSharingEnded(stream: ZegoLocalStream | MediaStream): unknown;
  soundLevelUpdate(soundLevelList: ZegoSoundLevelInfo[]): unknown;
  capturedSoundLevelUpdate(soundLevel: number): unknown;
  videoDeviceStateChanged(updateType: "ADD" | "DELETE", deviceInfo: ZegoDeviceInfo): unknown;
  audioDeviceStateChanged(updateType: "ADD" | "DELETE", deviceType: "Input" | "Output", deviceInfo: ZegoDeviceInfo): unknown;
  deviceError(errorCode: number, deviceName: string): unknown;
  remoteCameraStatusUpdate(streamID: string, status: "OPEN" | "MUTE"): unknown;
  remoteMicStatusUpdate(streamID: string, status: "OPEN" | "MUTE"): unknown;
  playerVideoTrackUpdate(streamID: string, track: MediaStreamTrack): unknown;
  playerAudioTrackUpdate(streamID: string, track: MediaStreamTrack): unknown;
  /** Parlour's own, for tools: each frame of a room with its position, before it is worked through. */
  parlourFrame(frame: RoomFrame): unknown;
  /** Parlour's own: a replay plays, pauses, jumps, ends or is stopped; `time` is the recorded one in unix milliseconds. */
  parlourReplay(roomID: string, now: { state: ZegoReplayState; seq: number; position: string; time: number }): unknown;
  [other: string]: (...args: any[]) => unknown;
}
