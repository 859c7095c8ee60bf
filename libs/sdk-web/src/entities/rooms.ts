/** Rooms, users and messages, with the names and fields that existing pages are typed with. */

export interface ZegoUser {
  userID: string;
  userName?: string;
}

export interface ZegoRoomConfig {
  /** Whether roomUserUpdate reports other users; off unless asked for. */
  userUpdate?: boolean;
  /** 0: no limit. Only the login that opens the room sets it. */
  maxMemberCount?: number;
}

export interface ZegoSwitchRoomConfig {
  token: string;
  maxMemberCount?: number;
  isUserStatusNotify?: boolean;
}

export interface ZegoServerResponse {
  errorCode: number;
  extendedData?: string;
}

export interface ZegoLogConfig {
  logLevel?: "debug" | "info" | "warn" | "error" | "report" | "disable";
  /** Accepted: nothing is sent anywhere. */
  remoteLogLevel?: "debug" | "info" | "warn" | "error" | "disable";
  logURL?: string;
  logCount?: number;
  logSize?: number;
}

/** Why a room's state changed; callbacks get these texts. */
export enum ZegoRoomStateChangedReason {
  Logining = "LOGINING",
  Logined = "LOGINED",
  LoginFailed = "LOGIN_FAILED",
  Reconnecting = "RECONNECTING",
  Reconnected = "RECONNECTED",
  ReconnectFailed = "RECONNECT_FAILED",
  Kickout = "KICKOUT",
  Logout = "LOGOUT",
  LogoutFailed = "LOGOUT_FAILED",
}

export interface ZegoRoomExtraInfo {
  key: string;
  value: string;
  updateUser: ZegoUser;
  /** Unix time in milliseconds. */
  updateTime: number;
}

interface ReceivedMessage {
  fromUser: ZegoUser;
  message: string;
  /** Unix time in milliseconds. */
  sendTime: number;
}

export interface ZegoBroadcastMessageInfo extends ReceivedMessage {
  messageID: number;
}

export interface ZegoBarrageMessageInfo extends ReceivedMessage {
  messageID: string;
}

/** The form of every error that the SDK throws or rejects with, as older pages read it. */
export interface ZegoError {
  code: number | string;
  msg: string;
}

// Not offered: named so that pages compile

export enum ZegoRoomTransparentMessageMode {
  ZegoRoomTransparentMessageModeOnlyClient,
  ZegoRoomTransparentMessageModeOnlyServer,
  ZegoRoomTransparentMessageModeClientAndServer,
}

export enum ZegoRoomTransparentMessageType {
  ZegoRoomTransparentMessageNormal,
  ZegoRoomTransparentMessageSequence,
}

export interface ZegoRoomSendTransparentMessage {
  sendMode: ZegoRoomTransparentMessageMode;
  sendType: ZegoRoomTransparentMessageType;
  content: Uint8Array;
  recvUserList: ZegoUser[];
  timeOut?: number;
}

export interface ZegoRoomRecvTransparentMessage {
  sendUser: ZegoUser;
  content: Uint8Array;
}

export interface ZegoProxyInfo {
  hostName: string;
  port?: number;
}

export interface ZegoInitOptions {
  geoFenceType?: number;
  geoFenceAreaList?: number[];
  reportData?: { version?: string; project?: string };
  prefixDomain?: string;
}

export interface ZegoInitConfig {
  deviceID: string;
  deviceType: string;
  anType: 0 | 1;
  userUpdate?: boolean;
  roomFlag?: boolean;
  testEnvironment?: boolean;
}
