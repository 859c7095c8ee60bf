/** The one error that this SDK throws or rejects with. */
import { Code } from "./codes";
import type { Problem } from "./generated/contract";

/**
 * Carries the vendor's `errorCode` and `extendedData`, and `code`, `message` and `msg` under which older pages look.
 * `extendedData` is JSON text with whatever is known beyond the message: field, limit, hint, fine.
 */
export class ZegoError extends Error {
  readonly errorCode: number;
  readonly code: number;
  readonly msg: string;
  readonly extendedData: string;

  constructor(readonly problem: Problem) {
    super(sentence(problem));
    this.name = "ZegoError";
    this.errorCode = problem.code;
    this.code = problem.code;
    this.msg = this.message;
    const { code: _code, ...extended } = problem;
    this.extendedData = JSON.stringify(extended);
  }
}

function sentence({ code, message, limit, hint }: Problem): string {
  return `${message}${limit ? ` (allowed: ${limit})` : ""}${hint ? `; ${hint}` : ""} [${code}]`;
}

/** Makes a ZegoError of a code, a sentence, and what else is known: field, limit, hint. */
export function failure(code: number, message: string, more: Omit<Problem, "code" | "message"> = {}): ZegoError {
  return new ZegoError({ code, message, ...more });
}

/** Any thrown value as a ZegoError; a foreign one keeps its text under `code`. */
export function asZegoError(thrown: unknown, code: number = Code.UNAVAILABLE): ZegoError {
  if (thrown instanceof ZegoError) return thrown;
  const text = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown);
  return failure(code, text);
}
