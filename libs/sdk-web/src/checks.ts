/** Checks of arguments, made before anything is awaited or sent. Each throws a ZegoError with the vendor's code, the limit and a way out. */
import { Code } from "./codes";
import { failure } from "./errors";

const NAME = /^[0-9A-Za-z~!@#$^&*()_+=\-,;'’.<>/]+$/;
const NAME_RULE = "digits, letters and ~ ! @ # $ ^ & * ( ) _ + = - , ; ' ’ . < > /";
const STREAM = /^[0-9A-Za-z_-]+$/;
const KIT_TOKEN_SEPARATOR = "#";

const utf8 = new TextEncoder();

export const LIMITS = {
  roomIDBytes: 128,
  userIDBytes: 64,
  userNameBytes: 256,
  streamIDCharacters: 256,
  streamExtraBytes: 1024,
  roomExtraKeyBytes: 10,
  roomExtraValueBytes: 128,
  messageBytes: 1024,
  commandTargets: 500,
  /** The largest RTCRtpReceiver.jitterBufferTarget that browsers accept, in milliseconds (WebRTC extensions). */
  jitterBufferMs: 4000,
} as const;

/** The largest of each setting of setVideoConfig: pixels, pictures per second, kbps, preset. */
const VIDEO_LIMITS = { width: 8192, height: 8192, frameRate: 120, maxBitrate: 100_000, videoQuality: 4 };

/** Length in UTF-8. */
export function byteLength(text: string): number {
  return utf8.encode(text).length;
}

export function looksLikeToken(text: string): boolean {
  return text.startsWith("04") && text.length > 100;
}

/** What is wrong with a value that should be a text: it is missing, empty, or of another type. */
function noText(field: string, value: unknown): string {
  if (value === undefined || value === null) return `${field} is missing`;
  if (value === "") return `${field} is empty`;
  const type = Array.isArray(value) ? "list" : typeof value;
  return `${field} is ${/^[aeiou]/.test(type) ? "an" : "a"} ${type}, not a text`;
}

/** How to pass a number or a user's object where the text of it is meant. */
function asText(value: unknown): string {
  return typeof value === "number" || typeof value === "bigint" ? "pass it as a text: String(…)" : "pass a text";
}

export function checkAppID(appID: unknown): number {
  if (typeof appID !== "number" || !Number.isInteger(appID) || appID < 0 || appID > 2 ** 32 - 1) {
    const hint = typeof appID === "string" ? "pass it as a number, not as text" : "take it from `parlour apps list`";
    throw failure(Code.APP_ID, "appID is not an application id", { field: "appID", limit: "0..4294967295", hint });
  }
  return appID;
}

export function checkRoomID(roomID: unknown): string {
  const field = "roomID";
  if (typeof roomID !== "string" || !roomID) {
    throw failure(Code.ROOM_ID_EMPTY, noText(field, roomID), { field, limit: "1..128 bytes", hint: asText(roomID) });
  }
  const bytes = byteLength(roomID);
  if (bytes > LIMITS.roomIDBytes) {
    const hint = looksLikeToken(roomID) ? "this looks like a token: loginRoom takes roomID first, then the token" : "shorten it";
    throw failure(Code.ROOM_ID_LONG, `roomID has ${bytes} bytes`, { field, limit: "128 bytes", hint });
  }
  if (!NAME.test(roomID)) throw failure(Code.ROOM_ID_CHARACTERS, "roomID holds a character that is not allowed", { field, limit: NAME_RULE });
  return roomID;
}

/** Prebuilt kits hand over `token04#details`; what stands behind the sign is theirs. */
export function checkToken(token: unknown): string {
  const field = "token";
  if (typeof token !== "string" || !token) {
    throw failure(Code.TOKEN_FORMAT, "the token is missing", { field, hint: "make one on your server, or with `parlour token`" });
  }
  const bare = token.split(KIT_TOKEN_SEPARATOR, 1)[0]!;
  if (!/^0[0-9]/.test(bare)) {
    throw failure(Code.TOKEN_FORMAT, "the token has no version in front", { field, limit: "04 and Base64", hint: "pass it exactly as it was made" });
  }
  return bare;
}

export interface User {
  userID: string;
  userName: string;
}

export function checkUser(user: unknown): User {
  const { userID, userName } = (user ?? {}) as { userID?: unknown; userName?: unknown };
  return { userID: checkUserID(userID), userName: checkUserName(userName) };
}

export function checkUserID(userID: unknown): string {
  const field = "userID";
  if (typeof userID !== "string" || !userID) {
    throw failure(Code.USER_ID_EMPTY, noText(field, userID), { field, limit: "1..64 bytes", hint: asText(userID) });
  }
  const bytes = byteLength(userID);
  if (bytes > LIMITS.userIDBytes) throw failure(Code.USER_ID_LONG, `userID has ${bytes} bytes`, { field, limit: "64 bytes", hint: "shorten it" });
  if (!NAME.test(userID)) throw failure(Code.USER_ID_CHARACTERS, "userID holds a character that is not allowed", { field, limit: NAME_RULE });
  return userID;
}

function checkUserName(userName: unknown): string {
  if (userName === undefined || userName === null) return "";
  if (typeof userName !== "string") throw failure(Code.PARAMETER, noText("userName", userName), { field: "userName", hint: asText(userName) });
  const bytes = byteLength(userName);
  if (bytes > LIMITS.userNameBytes) {
    throw failure(Code.USER_NAME_LONG, `userName has ${bytes} bytes`, { field: "userName", limit: "256 bytes", hint: "shorten it" });
  }
  return userName;
}

export function checkStreamID(streamID: unknown): string {
  const field = "streamID";
  if (typeof streamID !== "string" || !streamID) {
    throw failure(Code.STREAM_ID_EMPTY, noText(field, streamID), { field, limit: "1..256 characters", hint: asText(streamID) });
  }
  if (streamID.length > LIMITS.streamIDCharacters) {
    throw failure(Code.STREAM_ID_LONG, `streamID has ${streamID.length} characters`, { field, limit: "256 characters", hint: "shorten it" });
  }
  if (!STREAM.test(streamID)) {
    throw failure(Code.STREAM_ID_CHARACTERS, "streamID holds a character that is not allowed", { field, limit: "A-Z a-z 0-9 _ -" });
  }
  return streamID;
}

export function checkStreamExtra(extraInfo: unknown): string {
  const field = "extraInfo";
  if (typeof extraInfo !== "string") throw failure(Code.STREAM_EXTRA_EMPTY, noText(field, extraInfo), { field, hint: asText(extraInfo) });
  const bytes = byteLength(extraInfo);
  if (bytes > LIMITS.streamExtraBytes) throw failure(Code.STREAM_EXTRA_LONG, `extraInfo has ${bytes} bytes`, { field, limit: "1024 bytes" });
  return extraInfo;
}

export function checkRoomExtra(key: unknown, value: unknown): void {
  if (typeof key !== "string" || !key || byteLength(key) > LIMITS.roomExtraKeyBytes) {
    throw failure(Code.ROOM_EXTRA_KEY_LONG, "the key is empty or too long", { field: "key", limit: "1..10 bytes" });
  }
  if (typeof value !== "string" || byteLength(value) >= LIMITS.roomExtraValueBytes) {
    throw failure(Code.ROOM_EXTRA_VALUE_LONG, "the value is no text or too long", { field: "value", limit: "below 128 bytes" });
  }
}

export function checkMessage(message: unknown): string {
  const field = "message";
  if (typeof message !== "string" || !message) {
    throw failure(Code.MESSAGE_EMPTY, noText(field, message), { field, limit: "1..1024 bytes", hint: asText(message) });
  }
  const bytes = byteLength(message);
  if (bytes > LIMITS.messageBytes) {
    throw failure(Code.MESSAGE_LONG, `the message has ${bytes} bytes`, { field, limit: "1024 bytes", hint: "send it in parts" });
  }
  return message;
}

export function checkTargets(toUserIDs: unknown): string[] {
  if (toUserIDs === undefined || toUserIDs === null) return [];
  if (!Array.isArray(toUserIDs)) throw failure(Code.PARAMETER, "toUserIDList is not a list", { field: "toUserIDList", hint: "an empty list means the whole room" });
  if (toUserIDs.length > LIMITS.commandTargets) {
    throw failure(Code.PARAMETER, `toUserIDList names ${toUserIDs.length} users`, { field: "toUserIDList", limit: "500 users" });
  }
  for (const user of toUserIDs) {
    if (typeof user !== "object" || user === null) continue;
    throw failure(Code.USER_ID_EMPTY, noText("an entry of toUserIDList", user), { field: "toUserIDList", limit: "userIDs", hint: "pass user.userID" });
  }
  return toUserIDs.map(checkUserID);
}

/** A stream whose tracks the page exchanges by itself. */
export function checkMediaStream(stream: unknown): MediaStream {
  if (typeof MediaStream !== "undefined" && stream instanceof MediaStream) return stream;
  const hint = "with a ZegoLocalStream, capture anew and call updatePublishingStream";
  throw failure(Code.STREAM_OBJECT, "stream is no MediaStream", { field: "stream", hint });
}

export function checkTrack(track: unknown): MediaStreamTrack {
  const { kind } = (track ?? {}) as { kind?: unknown };
  if (kind === "audio" || kind === "video") return track as MediaStreamTrack;
  throw failure(Code.PARAMETER, "track is no MediaStreamTrack", { field: "track", hint: "take one from a stream's getTracks()" });
}

export function checkPlayOption(option: unknown): void {
  const { jitterBufferTarget } = (option ?? {}) as { jitterBufferTarget?: unknown };
  if (jitterBufferTarget === undefined || jitterBufferTarget === null || between(jitterBufferTarget, 0, LIMITS.jitterBufferMs)) return;
  throw failure(Code.PARAMETER, "jitterBufferTarget is out of range", { field: "jitterBufferTarget", limit: `0..${LIMITS.jitterBufferMs} ms` });
}

/** Sizes, rate and bitrate of setVideoConfig; what is left out stays as it is. */
export function checkVideoConfig(config: unknown): void {
  if (typeof config !== "object" || config === null) {
    throw failure(Code.PARAMETER, noText("config", config).replace("a text", "an object"), { field: "config", hint: "pass {width, height, frameRate, maxBitrate}" });
  }
  for (const [field, largest] of Object.entries(VIDEO_LIMITS)) {
    const value = (config as Record<string, unknown>)[field];
    const numbers = typeof value === "object" && value !== null ? Object.values(value) : [value];
    if (value === undefined || value === null || numbers.every((number) => between(number, 1, largest))) continue;
    throw failure(Code.PARAMETER, `${field} is out of range`, { field, limit: `1..${largest}` });
  }
}

function between(value: unknown, least: number, most: number): boolean {
  return typeof value === "number" && value >= least && value <= most;
}
