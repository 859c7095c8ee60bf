/** The one error that this SDK throws or rejects with, and its codes. */
import { SERVER_CODES, type Problem } from "./generated/contract";

/** The numbers that only a browser raises, with the vendor's meanings. Those that servers answer with come from the contract. @internal */
export const SDK_CODES = {
  ROOM_IN_USE: 1002064,
  BROWSER: 1103002,
  SCREEN_FAILED: 1103010,
  DEVICE_ENUMERATION: 1103011,
  PUBLISH_OFFER: 1103022,
  SCREEN_CANCELLED: 1103042,
  SCREEN_UNSUPPORTED: 1103043,
  NO_VIDEO_TRACK: 1103045,
  NO_AUDIO_TRACK: 1103046,
  DEVICE_NOT_FOUND: 1103048,
  PUBLISH_RETRY_OVER: 1103051,
  HTTPS_REQUIRED: 1103053,
  CAPTURE_FAILED: 1103061,
  CAPTURE_DENIED: 1103064,
  CAPTURE_BUSY: 1103065,
  CAPTURE_CONSTRAINTS: 1103066,
  BEAUTY_UNSUPPORTED: 1103072,
  BEAUTY_TRACK: 1103074,
  DENOISE_UNSUPPORTED: 1103081,
  PLAY_OFFER: 1104023,
  PLAY_RETRY_OVER: 1104031,
  // Parlour's own
  NOT_OFFERED: 9000020,
  ENGINE_DESTROYED: 9000021,
} as const;

/* @internal */
export const Code = { ...SERVER_CODES, ...SDK_CODES } as const;

/**
 * The one error that the SDK throws or rejects with. Carries the vendor's `errorCode` and `extendedData`, and `code`, `message` and `msg` under which older pages look.
 * `extendedData` is JSON text with whatever is known beyond the message: field, limit, hint, fine.
 */
export class ZegoError extends Error {
  readonly errorCode: number;
  readonly code: number;
  readonly msg: string;
  readonly extendedData: string;

  /* @internal */
  constructor(/* @internal */ readonly problem: Problem) {
    const { code, message, limit, hint } = problem;
    super(`${message}${limit ? ` (allowed: ${limit})` : ""}${hint ? `; ${hint}` : ""} [${code}]`);
    this.name = "ZegoError";
    this.errorCode = problem.code;
    this.code = problem.code;
    this.msg = this.message;
    const { code: _code, ...extended } = problem;
    this.extendedData = JSON.stringify(extended);
  }
}

/** Makes a ZegoError of a code, a sentence, and what else is known: field, limit, hint. @internal */
export function failure(code: number, message: string, more: Omit<Problem, "code" | "message"> = {}): ZegoError {
  return new ZegoError({ code, message, ...more });
}

/** Any thrown value as a ZegoError; a foreign one keeps its text under `code`. @internal */
export function asZegoError(thrown: unknown, code: number = Code.UNAVAILABLE): ZegoError {
  if (thrown instanceof ZegoError) return thrown;
  const text = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown);
  return failure(code, text);
}
