/**
 * The wire contract of this SDK, written by `make docs` from the structs in libs/contracts; tests/contract compares the two. Do not edit.
 * Times of events are unix microseconds; times with another unit say so in their names.
 */

export const SUBPROTOCOL = "parlour.v1.json";

/** Codes that servers answer with; from 9,000,000 on they are Parlour's own. */
export const SERVER_CODES = {
  OK: 0,
  APP_ID: 1001004,
  NOT_LOGGED_IN: 1000002,
  STREAM_ID_LONG: 1000014,
  STREAM_ID_EMPTY: 1000015,
  STREAM_ID_CHARACTERS: 1000016,
  NETWORK_DOWN: 1000017,
  STREAM_OBJECT: 1000018,
  PARAMETER: 1100001,
  REQUEST_TIMEOUT: 1100002,
  SOCKET_CLOSED: 1100003,
  SERVER_ERROR: 1100999,
  TOO_MANY_ROOMS: 1002001,
  ROOM_NOT_LOGGED_IN: 1002002,
  USER_ID_EMPTY: 1002005,
  USER_ID_CHARACTERS: 1002006,
  USER_ID_LONG: 1002007,
  USER_NAME_LONG: 1002010,
  ROOM_ID_EMPTY: 1002011,
  ROOM_ID_CHARACTERS: 1002012,
  ROOM_ID_LONG: 1002013,
  ROOM_GONE: 1002014,
  ROOM_EXTRA_KEY_LONG: 1002015,
  ROOM_EXTRA_VALUE_LONG: 1002016,
  ROOM_EXTRA_KEYS: 1002017,
  MULTI_ROOM_USER: 1002018,
  LOGIN_TIMEOUT: 1002031,
  ROOM_FULL: 1002034,
  MULTI_ROOM_LIMIT: 1002037,
  KICKED_LOGIN_ELSEWHERE: 1002050,
  RECONNECT_WINDOW_OVER: 1002053,
  KICKED_BY_SERVER: 1002055,
  KICKED_FOUND_ON_RETRY: 1002086,
  PUBLISH_FORBIDDEN: 1003025,
  STREAM_EXISTS: 1003028,
  STREAM_EXTRA_EMPTY: 1003050,
  STREAM_EXTRA_LONG: 1003051,
  PLAY_NO_STREAM: 1004002,
  PLAY_INTERRUPTED: 1004020,
  MESSAGE_EMPTY: 1009001,
  MESSAGE_LONG: 1009002,
  MESSAGE_ROOM: 1009005,
  MESSAGE_RATE: 1009015,
  HEARTBEAT_TIMEOUT: 1102001,
  LOGIN_IN_PROGRESS: 1102012,
  TOKEN_FORMAT: 1102016,
  TOKEN_EXPIRED: 1102018,
  TOKEN_REFUSED: 1102020,
  PUBLISH_AUTH: 1103019,
  PUBLISH_REMOTE_SDP: 1103025,
  NOT_PUBLISHING: 1103040,
  ALREADY_PUBLISHING: 1103056,
  PLAY_REMOTE_SDP: 1104025,
  ALREADY_PLAYING: 1104032,
  FRAME_INVALID: 9000001,
  FRAME_TOO_LARGE: 9000002,
  FRAME_TYPE_UNKNOWN: 9000003,
  RATE_LIMITED: 9000004,
  COMMAND_ID_REUSED: 9000005,
  RESYNC_NEEDED: 9000006,
  SESSION_UNKNOWN: 9000007,
  CODEC_UNSUPPORTED: 9000008,
  RELAY_UNAVAILABLE: 9000009,
  UNAVAILABLE: 9000010,
  NOT_FOUND: 9000011,
  FORBIDDEN: 9000012,
  HISTORY_BEHIND: 9000013,
  ARCHIVED: 9000014,
  BANNED: 9000017,
} as const;

export const LIMITS = {
  appIDMax: 4294967295,
  roomExtraKeyBytes: 10,
  roomExtraValueBytes: 128,
  commandTargets: 500,
  roomsPerSession: 5,
} as const;

/** Bounds of texts by the names of arguments. `empty` is also the code of what is no text; 0 stands for no code. */
export const TEXTS = {
  roomID: { least: 1, most: 128, unit: "bytes", empty: 1002011, long: 1002013, characters: 1002012, pattern: /^(?:[0-9A-Za-z~!@#$^&*()_+=\-,;'’.<>/]+)$/, allowed: "digits, letters and ~ ! @ # $ ^ & * ( ) _ + = - , ; ' ’ . < > /" },
  userID: { least: 1, most: 64, unit: "bytes", empty: 1002005, long: 1002007, characters: 1002006, pattern: /^(?:[0-9A-Za-z~!@#$^&*()_+=\-,;'’.<>/]+)$/, allowed: "digits, letters and ~ ! @ # $ ^ & * ( ) _ + = - , ; ' ’ . < > /" },
  userName: { least: 0, most: 256, unit: "bytes", empty: 1100001, long: 1002010, characters: 0, pattern: null, allowed: "" },
  streamID: { least: 1, most: 256, unit: "characters", empty: 1000015, long: 1000014, characters: 1000016, pattern: /^(?:[0-9A-Za-z_-]+)$/, allowed: "A-Z a-z 0-9 _ -" },
  extraInfo: { least: 0, most: 1024, unit: "bytes", empty: 1003050, long: 1003051, characters: 0, pattern: null, allowed: "" },
  message: { least: 1, most: 1024, unit: "bytes", empty: 1009001, long: 1009002, characters: 0, pattern: null, allowed: "" },
} as const;

export interface Answer { t: "res"; id: string; ok?: boolean }

export interface ArchivedCalls { month: string; file: string; calls: number }

export interface Call { app: number; room: string; roomUID: string; startedAt: number; endedAt: number | null; reason: string; seq: number; at: number; participants: number; sessions: number; peak: number; streams: number; plays: number; kicks: number; broadcasts: number; barrages: number; commands: number }

export interface CallsPage { calls?: Call[]; next?: string; problem?: Problem | null; archived?: ArchivedCalls[] }

export interface CommandAnswer { t: "res"; id: string; ok?: boolean; absent: string[] }

export interface EventView { app: number; room: string; roomUID: string; seq: number; at: number; hash: string; prev: string; type: string; audience: number; data: any; actor?: string; userID?: string; commandID?: string; causationID?: string; traceID?: string; version?: number; erased?: boolean }

export interface ExtraInfoEntry { key: string; value: string; updateUser: UserRef; updateTime: number }

export interface ExtraState { key: string; value: string; actor: string; at: number }

export interface Heartbeat { intervalMs: number; windowMs: number; reconnectMs: number }

export interface IceServer { urls: string[]; username: string; credential: string }

export interface LoginAnswer { t: "res"; id: string; ok?: boolean; sessionID: string; serverTime: number; heartbeat: Heartbeat; position: string; users: UserRef[]; streams: StreamEntry[]; extraInfo: ExtraInfoEntry[]; tokenExpiresIn: number; iceServers?: IceServer[] }

export interface LoginConfig { userUpdate?: boolean; maxMemberCount?: number }

export interface MediaAnswer { t: "res"; id: string; ok?: boolean; transportID: string; sdp: string }

export interface MediaSections { audioMid?: string; videoMid?: string }

export interface MessageAnswer { t: "res"; id: string; ok?: boolean; messageID: number | string }

export interface MessageCount { at: number; broadcasts: number; barrages: number; commands: number }

export interface PlaySpan { streamID: string; sessionID: string; actor: string; userID: string; byActor: string; byUserID: string; startedSeq: number; startedAt: number; stoppedSeq: number | null; stoppedAt: number | null; reason: string }

export interface PongAnswer { t: "res"; id: string; ok?: boolean; serverTime: number }

export interface Problem { code: number; message: string; field?: string; limit?: string; hint?: string; fine?: number }

export interface QualityPage { points?: QualityPoint[]; next?: string; problem?: Problem | null }

export interface QualityPoint { at: number; tookMs: number; streamID: string; kind: string; side: string; sessionID: string; actor: string; userID: string; node: string; packets: number; bitrateBps: number; loss: number | null; jitterMs: number | null; rttMs: number | null; nacks: number; keyframeRequests: number; keyframes: number }

export interface ResumeAnswer { t: "res"; id: string; ok?: boolean; rooms: Record<string, string>; serverTime: number; iceServers?: IceServer[] }

export interface RoomState { app: number; room: string; roomUID: string; seq: number; at: number; hash: string; open: boolean; users?: UserState[]; streams?: StreamState[]; extraInfo?: ExtraState[]; maxMemberCount?: number; messages?: number }

export interface SessionSpan { sessionID: string; actor: string; userID: string; userName: string; joinedSeq: number; joinedAt: number; leftSeq: number | null; leftAt: number | null; how: string; reason: string; code: number; away: number; awayUs: number }

export interface StreamEntry { streamID: string; user: UserRef; extraInfo: string; hasAudio: boolean; hasVideo: boolean; codec: string; audioMuted?: boolean; videoMuted?: boolean }

export interface StreamSpan { streamID: string; sessionID: string; actor: string; userID: string; addedSeq: number; addedAt: number; removedSeq: number | null; removedAt: number | null; code: number; codec: string; hasAudio: boolean; hasVideo: boolean; nodes: string[] }

export interface StreamState { streamID: string; sessionID: string; actor: string; node: string; transportID: string; extraInfo: string; codec: string; hasAudio: boolean; hasVideo: boolean; addedSeq: number; players?: string[]; audioMuted?: boolean; videoMuted?: boolean }

export interface SubscribeAnswer { t: "res"; id: string; ok?: boolean; mode: string; tokenExpiresIn: number }

export interface TimelinePage { call?: Call | null; sessions?: SessionSpan[]; streams?: StreamSpan[]; plays?: PlaySpan[]; messages?: MessageCount[]; next?: string; problem?: Problem | null }

export interface TokenAnswer { t: "res"; id: string; ok?: boolean; tokenExpiresIn: number; sessionID: string }

export interface UserRef { userID: string; userName?: string }

export interface UserState { sessionID: string; actor: string; userID: string; userName: string; suspended: boolean; joinedSeq: number }

/** What a client sends, and the `res` frame that grants it, by the request's tag. */
export interface Requests {
  login: [{ t: "login"; id: string; appID: number; roomID: string; token: string; user: UserRef; config?: LoginConfig; multiRoom?: boolean }, LoginAnswer];
  resume: [{ t: "resume"; id: string; sessionID: string; rooms: Record<string, string> }, ResumeAnswer];
  ping: [{ t: "ping"; id: string }, PongAnswer];
  subscribe: [{ t: "subscribe"; id: string; roomID: string; token: string; after?: string; types?: string[]; appID?: number }, SubscribeAnswer];
  unsubscribe: [{ t: "unsubscribe"; id: string; roomID: string }, Answer];
  logout: [{ t: "logout"; id: string; roomID: string; ifSeq?: number | null }, Answer];
  publish: [{ t: "publish"; id: string; roomID: string; streamID: string; sdp: string; media: MediaSections; transportID?: string; extraInfo?: string; codec?: string; ifSeq?: number | null }, MediaAnswer];
  stopPublish: [{ t: "stopPublish"; id: string; roomID: string; streamID: string; ifSeq?: number | null }, Answer];
  play: [{ t: "play"; id: string; roomID: string; streamID: string; sdp: string; media: MediaSections; transportID?: string; ifSeq?: number | null }, MediaAnswer];
  stopPlay: [{ t: "stopPlay"; id: string; roomID: string; streamID: string; ifSeq?: number | null }, Answer];
  restartIce: [{ t: "restartIce"; id: string; roomID: string; transportID: string; sdp: string }, MediaAnswer];
  streamExtraInfo: [{ t: "streamExtraInfo"; id: string; roomID: string; streamID: string; extraInfo: string; ifSeq?: number | null }, Answer];
  mutes: [{ t: "mutes"; id: string; roomID: string; streamID: string; audio: boolean; video: boolean; ifSeq?: number | null }, Answer];
  roomExtraInfo: [{ t: "roomExtraInfo"; id: string; roomID: string; key: string; value: string; ifSeq?: number | null }, Answer];
  broadcast: [{ t: "broadcast"; id: string; roomID: string; message: string; ifSeq?: number | null }, MessageAnswer];
  barrage: [{ t: "barrage"; id: string; roomID: string; message: string; ifSeq?: number | null }, MessageAnswer];
  command: [{ t: "command"; id: string; roomID: string; command: string; toUserIDs?: string[]; ifSeq?: number | null }, CommandAnswer];
  renewToken: [{ t: "renewToken"; id: string; roomID: string; token: string }, TokenAnswer];
}

/** What the gateway sends unasked, by its tag. */
export interface ServerFrames {
  ev: { t: "ev"; roomID: string; pos: string; seq: number; prev: string; at: number; type: string; data: any; user?: UserRef; commandID?: string };
  skip: { t: "skip"; roomID: string; from: number; to: number; pos: string };
  snap: { t: "snap"; roomID: string; pos: string; users: UserRef[]; streams: StreamEntry[]; extraInfo: ExtraInfoEntry[] };
  page: { t: "page"; roomID: string; users?: UserRef[]; streams?: StreamEntry[] };
  live: { t: "live"; roomID: string; pos: string };
  head: { t: "head"; roomID: string; pos: string };
  resync: { t: "resync"; roomID: string; reason: string };
  end: { t: "end"; roomID: string; code: number; reason: string };
  media: { t: "media"; roomID: string; streamID: string; transportID: string; state?: string };
  count: { t: "count"; roomID: string; count: number };
  error: { t: "error"; error: Problem };
  bye: { t: "bye"; code: number; retryAfterMs: number };
}

/** `data` of an event, by the event's type. */
export interface EventData {
  "room.opened.v1": { app: number; room: string; maxMemberCount?: number; previous?: string };
  "room.user_joined.v1": { sessionID: string; actor: string; userID: string; userName: string; userUpdate?: boolean };
  "room.user_suspended.v1": { sessionID: string; actor: string };
  "room.user_resumed.v1": { sessionID: string; actor: string };
  "room.user_left.v1": { sessionID: string; actor: string; reason: string };
  "room.user_kicked.v1": { sessionID: string; actor: string; code: number; reason?: string; by?: string };
  "room.extra_info_changed.v1": { actor: string; key: string; value: string };
  "room.closed.v1": { reason: string; by?: string };
  "stream.added.v1": { streamID: string; sessionID: string; actor: string; node: string; transportID: string; extraInfo?: string; codec?: string; hasAudio?: boolean; hasVideo?: boolean };
  "stream.updated.v1": { streamID: string; sessionID: string; actor: string; node: string; transportID: string; extraInfo?: string; codec?: string; hasAudio?: boolean; hasVideo?: boolean };
  "stream.removed.v1": { streamID: string; sessionID: string; actor: string; code: number };
  "stream.mutes_changed.v1": { streamID: string; sessionID: string; actor: string; audioMuted: boolean; videoMuted: boolean };
  "stream.play_started.v1": { streamID: string; sessionID: string; actor: string; node: string; transportID: string };
  "stream.play_stopped.v1": { streamID: string; sessionID: string; actor: string; reason: string; transportID?: string; remaining?: number };
  "im.broadcast_sent.v1": { sessionID: string; actor: string; text: string };
  "im.barrage_sent.v1": { sessionID: string; actor: string; text: string };
  "im.command_sent.v1": { sessionID: string; actor: string; text: string; to?: string[] };
  "app.erasure_requested.v1": { actor: string; waits?: boolean };
  "app.erasure_freed.v1": { actor: string };
  "app.user_erased.v1": { actor: string };
  "app.hold_placed.v1": { actor: string; room: string; reason?: string };
  "app.hold_released.v1": { actor: string; room: string };
  "app.ban_placed.v1": { kind: string; actor: string; room: string; untilS: number; atS: number; reason?: string; by?: string };
  "app.ban_lifted.v1": { kind: string; actor: string; room: string; by?: string };
}
