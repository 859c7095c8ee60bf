/**
 * Copies a room's events to a file, one JSON line per event: each once and in order, even if this program or a gateway is killed.
 *
 *     PARLOUR_TOKEN=… node room_follower.mjs FILE ROOM http://gateway …
 *
 * The token is a subscription token: parlour token --subscribe --room ROOM --scope events. A line with `resync` says that the events
 * before it are of another history; GET /v1/rooms/ROOM/state?at=POSITION has the state to continue from. Needs Node 18 and no package.
 */
import { existsSync, openSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";

const [file, room, ...gateways] = process.argv.slice(2);
const WAIT_S = 25;
/** Statuses after which another try, or another gateway, may succeed. */
const RETRYABLE = new Set([408, 429, 500, 502, 503, 504]);
const NO_HASH = "0".repeat(16);

/** Returns the position of the last complete line, and removes a partial line that a crash left behind it. */
function lastPosition() {
  const text = existsSync(file) ? readFileSync(file, "utf8") : "";
  const whole = text.slice(0, text.lastIndexOf("\n") + 1);
  writeFileSync(file, whole);
  return whole ? JSON.parse(whole.trimEnd().split("\n").at(-1)).position : "";
}

/** Encodes a room's id for a path. */
const encoded = (id) => [...Buffer.from(id)].map((byte) => (/[A-Za-z0-9_-]/.test(String.fromCharCode(byte)) ? String.fromCharCode(byte) : `=${byte.toString(16).toUpperCase().padStart(2, "0")}`)).join("");

let gateway = 0;

/** Sends a GET request and returns the answer, at the next gateway if one does not serve it. Ends the program where the token is refused. */
async function get(what, query = {}) {
  for (;;) {
    try {
      const address = `${gateways[gateway % gateways.length]}/v1/rooms/${encoded(room)}/${what}?${new URLSearchParams(query)}`;
      const headers = { Authorization: `Bearer ${process.env.PARLOUR_TOKEN}` };
      const answer = await fetch(address, { headers, signal: AbortSignal.timeout((WAIT_S + 30) * 1000) });
      const body = await answer.json();
      if (answer.ok || answer.status === 409) return { status: answer.status, body };
      if (!RETRYABLE.has(answer.status)) {
        console.error(`refused: ${body.code} ${body.detail ?? body.title}`);
        process.exit(1);
      }
    } catch {
      // no connection, or an answer that was cut off
    }
    gateway += 1;
    await pause(200 + Math.random() * 800);
  }
}

/** Returns a page's events and the ranges outside the token's read scope, in the order of the record. */
function itemsOf(page) {
  const events = page.events.map((event) => ({ event, call: event.roomUID, first: event.seq, seq: event.seq, prev: event.prev.slice(0, 16), hash8: event.hash.slice(0, 16) }));
  const skips = page.skipped.map(({ from, pos }) => {
    const [call, seq, hash8] = pos.split(".");
    return { call, first: from, seq: Number(seq), hash8 };
  });
  return [...events, ...skips].sort((a, b) => (a.call === b.call ? a.seq - b.seq : a.call < b.call ? -1 : 1));
}

/** Throws where an item does not continue the position: an event would be missing. */
function checkContinues(position, item) {
  const [call, seq, hash8] = position.split(".");
  const [before, hash] = call === item.call ? [Number(seq), hash8] : [0, NO_HASH];
  if (item.first !== before + 1 || (item.prev ?? hash) !== hash) throw new Error(`event ${item.first} of ${item.call} does not follow ${position}`);
}

let position = lastPosition();
const lines = openSync(file, "a");
const write = (line) => writeSync(lines, `${JSON.stringify(line)}\n`);
for (;;) {
  const { status, body } = await get("events", { after: position, wait: String(WAIT_S) });
  if (status === 409) {
    const { body: state } = await get("state");
    position = `${state.roomUID}.${state.seq}.${state.hash.slice(0, 16)}`;
    write({ position, resync: "diverged" });
    continue;
  }
  for (const item of itemsOf(body)) {
    checkContinues(position, item);
    position = `${item.call}.${item.seq}.${item.hash8}`;
    if (item.event) write({ position, type: item.event.type, data: item.event.data });
  }
  position = body.next;
}
