/** Checks of arguments, made before anything is awaited or sent. Each throws a ZegoError with the vendor's code, the limit and a way out. */
import { Code, failure } from "./errors";
import { LIMITS, TEXTS, type UserRef } from "./generated/contract";

const KIT_TOKEN_SEPARATOR = "#";
/** The largest RTCRtpReceiver.jitterBufferTarget that browsers accept, in milliseconds (WebRTC extensions). */
const MAX_JITTER_BUFFER_MS = 4000;
/** The largest of each setting of setVideoConfig: pixels, pictures per second, kbps, preset. */
const MAX_VIDEO = { width: 8192, height: 8192, frameRate: 120, maxBitrate: 100_000, videoQuality: 4 };

const utf8 = new TextEncoder();

/** The length of a text in bytes of UTF-8, in which the contract bounds some texts. */
const byteLength = (text: string): number => utf8.encode(text).length;

/** What is wrong with a value that should be a text: it is missing, empty, or of another type. */
function notText(field: string, value: unknown): string {
  if (value === undefined || value === null) return `${field} is missing`;
  if (value === "") return `${field} is empty`;
  const type = Array.isArray(value) ? "list" : typeof value;
  return `${field} is ${/^[aeiou]/.test(type) ? "an" : "a"} ${type}, not a text`;
}

/** How to pass a number or a user's object where the text of it is meant. */
function textHint(value: unknown): string {
  return typeof value === "number" || typeof value === "bigint" ? "pass it as a text: String(…)" : "pass a text";
}

/** Throws unless the value is a text within the contract's bounds; `hint` says how to shorten it. */
function checkText(field: keyof typeof TEXTS, value: unknown, hint = "shorten it"): string {
  const { least, most, unit, empty, long, characters, pattern, allowed } = TEXTS[field];
  if (typeof value !== "string" || value.length < least) {
    throw failure(empty, notText(field, value), { field, limit: `${least}..${most} ${unit}`, hint: textHint(value) });
  }
  const length = unit === "bytes" ? byteLength(value) : value.length;
  if (length > most) throw failure(long, `${field} has ${length} ${unit}`, { field, limit: `${most} ${unit}`, hint });
  if (pattern && !pattern.test(value)) throw failure(characters, `${field} holds a character that is not allowed`, { field, limit: allowed });
  return value;
}

export function checkAppID(appID: unknown): number {
  if (typeof appID !== "number" || !Number.isInteger(appID) || appID < 0 || appID > LIMITS.appIDMax) {
    const hint = typeof appID === "string" ? "pass it as a number, not as text" : "take it from `parlour apps list`";
    throw failure(Code.APP_ID, "appID is not an application id", { field: "appID", limit: `0..${LIMITS.appIDMax}`, hint });
  }
  return appID;
}

export function checkRoomID(roomID: unknown): string {
  const isToken = typeof roomID === "string" && roomID.startsWith("04") && roomID.length > 100;
  return checkText("roomID", roomID, isToken ? "this looks like a token: loginRoom takes roomID first, then the token" : undefined);
}

/** The token without what prebuilt kits append to it: `token04#details`. */
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

export function checkUser(user: unknown): UserRef {
  const { userID, userName } = (user ?? {}) as { userID?: unknown; userName?: unknown };
  return { userID: checkUserID(userID), userName: checkText("userName", userName ?? "") };
}

const checkUserID = (userID: unknown): string => checkText("userID", userID);
export const checkStreamID = (streamID: unknown): string => checkText("streamID", streamID);
export const checkStreamExtra = (extraInfo: unknown): string => checkText("extraInfo", extraInfo);
export const checkMessage = (message: unknown): string => checkText("message", message, "send it in parts");

export function checkRoomExtra(key: unknown, value: unknown): void {
  if (typeof key !== "string" || !key || byteLength(key) > LIMITS.roomExtraKeyBytes) {
    throw failure(Code.ROOM_EXTRA_KEY_LONG, "the key is empty or too long", { field: "key", limit: `1..${LIMITS.roomExtraKeyBytes} bytes` });
  }
  if (typeof value !== "string" || byteLength(value) >= LIMITS.roomExtraValueBytes) {
    throw failure(Code.ROOM_EXTRA_VALUE_LONG, "the value is no text or too long", { field: "value", limit: `below ${LIMITS.roomExtraValueBytes} bytes` });
  }
}

export function checkTargets(toUserIDs: unknown): string[] {
  if (toUserIDs === undefined || toUserIDs === null) return [];
  if (!Array.isArray(toUserIDs)) throw failure(Code.PARAMETER, "toUserIDList is not a list", { field: "toUserIDList", hint: "an empty list means the whole room" });
  if (toUserIDs.length > LIMITS.commandTargets) {
    throw failure(Code.PARAMETER, `toUserIDList names ${toUserIDs.length} users`, { field: "toUserIDList", limit: `${LIMITS.commandTargets} users` });
  }
  for (const user of toUserIDs) {
    if (typeof user !== "object" || user === null) continue;
    throw failure(Code.USER_ID_EMPTY, notText("an entry of toUserIDList", user), { field: "toUserIDList", limit: "userIDs", hint: "pass user.userID" });
  }
  return toUserIDs.map(checkUserID);
}

/** A stream whose tracks the page exchanges by itself. */
export function checkMediaStream(stream: unknown): MediaStream {
  if (typeof MediaStream !== "undefined" && stream instanceof MediaStream) return stream;
  const hint = "with a ZegoLocalStream, capture again and call updatePublishingStream";
  throw failure(Code.STREAM_OBJECT, "stream is no MediaStream", { field: "stream", hint });
}

export function checkTrack(track: unknown): MediaStreamTrack {
  const { kind } = (track ?? {}) as { kind?: unknown };
  if (kind === "audio" || kind === "video") return track as MediaStreamTrack;
  throw failure(Code.PARAMETER, "track is no MediaStreamTrack", { field: "track", hint: "take one from a stream's getTracks()" });
}

export function checkPlayOption(option: unknown): void {
  checkRange("jitterBufferTarget", (option as { jitterBufferTarget?: unknown } | null)?.jitterBufferTarget, 0, MAX_JITTER_BUFFER_MS, " ms");
}

/** Sizes, rate and bitrate of setVideoConfig; what is left out stays as it is. */
export function checkVideoConfig(config: unknown): void {
  if (typeof config !== "object" || config === null) {
    throw failure(Code.PARAMETER, notText("config", config).replace("a text", "an object"), { field: "config", hint: "pass {width, height, frameRate, maxBitrate}" });
  }
  for (const [field, largest] of Object.entries(MAX_VIDEO)) {
    const value = (config as Record<string, unknown>)[field];
    for (const number of typeof value === "object" && value !== null ? Object.values(value) : [value]) checkRange(field, number, 1, largest);
  }
}

/** Throws unless the value is a number in the range, or left out. */
export function checkRange(field: string, value: unknown, least: number, most: number, unit = ""): void {
  if (value === undefined || value === null || (typeof value === "number" && value >= least && value <= most)) return;
  throw failure(Code.PARAMETER, `${field} is out of range`, { field, limit: `${least}..${most}${unit}` });
}
