/** A room's record over HTTP: `GET /v1/rooms/{room}/events`, page by page, with the token in a header. */
import { Code, failure, ZegoError } from "../errors";
import type { EventView, Problem } from "../generated/contract";
import type { SkipFrame } from "../signalling/frames";

export interface RecordPage {
  events: EventView[];
  /** Numbers that are not for this reader. */
  skipped: Pick<SkipFrame, "from" | "to" | "pos">[];
  next: string;
  more: boolean;
}

const EVENTS_PER_PAGE = 5_000;
const TOO_MANY_REQUESTS = 429;
const MAX_ATTEMPTS = 5;
const RETRY_MS = 1_000;

/** The record of a room, and the token that may read it. */
export interface RecordSource {
  readonly addresses: readonly string[];
  readonly appID: number;
  readonly token: string;
  readonly roomID: string;
}

/** What follows a position; an empty one is the beginning of the room's latest call. */
export async function readPage(source: RecordSource, after: string): Promise<RecordPage> {
  const query = new URLSearchParams({ limit: String(EVENTS_PER_PAGE), app: String(source.appID), ...(after ? { after } : {}) });
  const path = `/v1/rooms/${encodeID(source.roomID)}/events?${query}`;
  for (let attempt = 1; ; attempt++) {
    const answer = await fetchFromFirst(source, path);
    if (answer.ok) return (await answer.json()) as RecordPage;
    if (answer.status !== TOO_MANY_REQUESTS || attempt === MAX_ATTEMPTS) throw await refusal(answer);
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

/** The answer of the first server that can be reached. */
async function fetchFromFirst({ addresses, token }: RecordSource, path: string): Promise<Response> {
  for (const address of addresses) {
    try {
      const { origin } = new URL(address.replace(/^ws/, "http"));
      return await fetch(origin + path, { headers: { authorization: `Bearer ${token}` }, cache: "no-store", credentials: "omit" });
    } catch {
      continue; // browsers do not tell pages why a connection failed
    }
  }
  throw failure(Code.NETWORK_DOWN, "the server could not be reached");
}

/** A room id as one part of a path: all but letters, digits, _ and - as =XX. */
function encodeID(id: string): string {
  const percentEncoded = encodeURIComponent(id).replace(/[.!~*'()]/g, (kept) => `%${kept.charCodeAt(0).toString(16)}`);
  return percentEncoded.replace(/%../g, (byte) => `=${byte.slice(1).toUpperCase()}`);
}

async function refusal(answer: Response): Promise<ZegoError> {
  const problem = (await answer.json().catch(() => ({}))) as Partial<Problem> & { title?: string; detail?: string };
  return new ZegoError({ ...problem, code: problem.code ?? Code.UNAVAILABLE, message: problem.message ?? problem.detail ?? problem.title ?? `the server answered ${answer.status}` });
}
