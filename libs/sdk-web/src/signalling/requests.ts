/** Requests that wait for an answer. Each keeps its id over connections, so that the server recognises a repetition. */
import { Code, failure, ZegoError } from "../errors";
import type { Timer } from "../scheduling";
import type { AnswerFrame, Request } from "./frames";

export interface RequestOptions {
  timeoutMs?: number;
  /** The code of a time-out, where the vendor has one of its own. */
  timeoutCode?: number;
  /** What the user of the SDK can do about a time-out. */
  hint?: string;
  /** False: the request makes no sense in another session and is refused when this one is gone. */
  survives?: boolean;
}

export interface PendingRequest {
  readonly id: string;
  readonly frame: Request & { id: string };
  readonly survives: boolean;
  /** The number of the connection on which it was sent last; 0 before the first. */
  sentOn: number;
  resolve(answer: AnswerFrame): void;
  reject(error: ZegoError): void;
  timer: Timer;
}

const REQUEST_TIMEOUT_MS = 30_000;

export class PendingRequests {
  private readonly pending = new Map<string, PendingRequest>();

  /** Registers a request; the caller sends `pending.frame`. It is rejected when no answer comes in time. */
  add(frame: Request, options: RequestOptions = {}): { pending: PendingRequest; answer: Promise<AnswerFrame> } {
    const id = uuid();
    let pending!: PendingRequest;
    const answer = new Promise<AnswerFrame>((resolve, reject) => {
      const expire = () => this.reject(id, failure(options.timeoutCode ?? Code.REQUEST_TIMEOUT, `${frame.t}: the server did not answer in time`, { hint: options.hint }));
      const timer = setTimeout(expire, options.timeoutMs ?? REQUEST_TIMEOUT_MS);
      pending = { id, frame: { ...frame, id }, survives: options.survives ?? true, sentOn: 0, resolve, reject, timer };
    });
    this.pending.set(id, pending);
    return { pending, answer };
  }

  /** Those not sent on this connection, in the order in which they were made. */
  unsent(connection: number): PendingRequest[] {
    return [...this.pending.values()].filter((pending) => pending.sentOn !== connection);
  }

  /** Resolves or rejects the request of an answer; false when none waits for it. */
  settle(answer: AnswerFrame): boolean {
    const pending = this.remove(answer.id);
    if (!pending) return false;
    if (answer.ok) pending.resolve(answer);
    else pending.reject(new ZegoError(answer.error ?? { code: Code.UNAVAILABLE, message: "refused without a reason" }));
    return true;
  }

  reject(id: string, error: ZegoError): void {
    this.remove(id)?.reject(error);
  }

  /** Rejects every pending request that matches. */
  rejectWhere(matches: (pending: PendingRequest) => boolean, error: ZegoError): void {
    for (const pending of [...this.pending.values()]) if (matches(pending)) this.reject(pending.id, error);
  }

  private remove(id: string): PendingRequest | undefined {
    const pending = this.pending.get(id);
    if (!pending) return undefined;
    this.pending.delete(id);
    clearTimeout(pending.timer);
    return pending;
  }
}

/** A random UUID; `crypto.randomUUID` is missing on pages without TLS. */
function uuid(): string {
  if (typeof crypto.randomUUID === "function") return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
