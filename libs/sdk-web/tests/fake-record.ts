/** A record of one call for tests, answered page by page where the SDK fetches it. */

export const ROOM_UID = "0190a1b2-0000-7000-8000-000000000001";
export const BEGIN_MS = 1_700_000_000_000;
const GENESIS = "0".repeat(64);
const hashOf = (seq: number) => (seq ? seq.toString(16).padStart(64, "a") : GENESIS);
export const placeOf = (seq: number, roomUID = ROOM_UID) => `${roomUID}.${seq}.${hashOf(seq).slice(0, 16)}`;

/** One entry: seconds after the beginning, type, user, data; no type: not for this reader. */
export type Line = [seconds: number, type: string, userID?: string, data?: object];

export class FakeRecord {
  readonly asked: { url: URL; token: string }[] = [];
  pageSize = 5_000;
  /** Statuses to answer first, with their problem. */
  refusals: [status: number, problem: object][] = [];
  breakAt = 0;

  constructor(readonly lines: readonly Line[]) {}

  readonly fetch = async (address: string, { headers }: { headers: Record<string, string> }): Promise<Response> => {
    const url = new URL(address);
    this.asked.push({ url, token: headers.authorization! });
    const refused = this.refusals.shift();
    if (refused) return new Response(JSON.stringify(refused[1]), { status: refused[0] });
    const from = Number((url.searchParams.get("after") || ".0.").split(".")[1]);
    const page = this.lines.slice(from, from + this.pageSize).map((line, index) => this.view(line, from + index + 1));
    const last = from + page.length;
    const events = page.filter(({ type }) => type);
    const skipped = page.filter(({ type }) => !type).map(({ seq }) => ({ from: seq, to: seq, pos: placeOf(seq) }));
    return new Response(JSON.stringify({ events, skipped, next: placeOf(last), more: last < this.lines.length }));
  };

  /** The same events as the gateway sends them to a live client. */
  frames(roomID: string): object[] {
    return this.lines.map((line, index) => {
      const seq = index + 1;
      const { at, type, data, userID, prev } = this.view(line, seq);
      if (!type) return { t: "skip", roomID, from: seq, to: seq, pos: placeOf(seq) };
      const user = userID ? { user: { userID, userName: userID.toUpperCase() } } : {};
      return { t: "ev", roomID, pos: placeOf(seq), seq, prev: prev.slice(0, 16), at, type, data, ...user };
    });
  }

  private view([seconds, type, userID, data]: Line, seq: number) {
    const joined = type === "room.user_joined.v1" ? { actor: `a-${userID}`, userID, userName: userID!.toUpperCase() } : {};
    const at = (BEGIN_MS + seconds * 1000) * 1000;
    const prev = seq === this.breakAt ? "f".repeat(64) : hashOf(seq - 1);
    return { roomUID: ROOM_UID, seq, at, type, prev, hash: hashOf(seq), data: { ...joined, ...data }, ...(userID ? { actor: `a-${userID}`, userID } : {}) };
  }
}
