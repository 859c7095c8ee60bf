import assert from "node:assert/strict";
import { test } from "node:test";
import { settle } from "./fake-gateway";
import { BEGIN_MS, FakeRecord, placeOf, ROOM_UID, type Line } from "./fake-record";
import { closePage, openPage, type Page } from "./page";

const CALL: Line[] = [
  [0, "room.opened.v1"],
  [0, "room.user_joined.v1", "ann"],
  [1, "room.user_joined.v1", "bob"],
  [2, "stream.added.v1", "ann", { streamID: "cam", node: "n", transportID: "t" }],
  [2, ""],
  [3, "stream.mutes_changed.v1", "ann", { streamID: "cam", audioMuted: true, videoMuted: false }],
  [4, "im.broadcast_sent.v1", "bob", { text: "hello" }],
  [5, "im.command_sent.v1", "ann", { text: "wave", to: [] }],
  [6, "room.extra_info_changed.v1", "ann", { key: "k", value: "v" }],
  [7, "stream.updated.v1", "ann", { streamID: "cam", extraInfo: "new", node: "n", transportID: "t" }],
  [8, "stream.removed.v1", "ann", { streamID: "cam", code: 4 }],
  [8, "room.user_kicked.v1", "ann", { code: 1002055 }],
  [10, "room.user_left.v1", "bob", { reason: "logout" }],
  [10, "room.closed.v1", "", { reason: "empty" }],
];
const ROOM_STATES = new Set(["roomStateChanged", "roomOnlineUserCountUpdate"]);

function opened(lines: Line[] = CALL): { page: Page; record: FakeRecord; names: () => unknown[] } {
  const page = openPage();
  const record = new FakeRecord(lines);
  globalThis.fetch = record.fetch as typeof fetch;
  const names = () => page.heard.map(([name, , update]) => (update === "ADD" || update === "DELETE" ? `${name} ${update}` : name));
  return { page, record, names };
}

test("a replay calls back what the live call did, in its order", async () => {
  const live = opened();
  live.page.gateway.answers.login = () => ({ sessionID: "s", serverTime: Date.now(), position: placeOf(0), users: [], streams: [], extraInfo: [] });
  await live.page.login();
  await settle();
  for (const frame of live.record.frames("r").slice(0, -1)) live.page.gateway.socket.say(frame);
  const happened = live.page.heard.filter(([name]) => !ROOM_STATES.has(String(name)));
  closePage(live.page);

  const again = opened();
  const replay = await again.page.zg.replayRoom("r", { token: "jwt", speed: 10 });
  await again.page.pass(1_100);
  assert.equal(replay.state, "ENDED");
  assert.ok(happened.length > 9);
  assert.deepEqual(again.page.heard, happened);
  assert.deepEqual([replay.users, replay.streams], [[], []]);
  closePage(again.page);
});

test("the record is read page by page, with the token in a header", async () => {
  const { page, record } = opened();
  record.pageSize = 5;
  await page.zg.replayRoom("a.room/1", { token: "jwt", from: ROOM_UID });
  assert.deepEqual(record.asked.map(({ url }) => url.searchParams.get("after")), [placeOf(0), placeOf(5), placeOf(10)]);
  const { url, token } = record.asked[0]!;
  assert.deepEqual([url.origin, url.pathname, token, url.search.includes("jwt")], ["http://gw", "/v1/rooms/a=2Eroom=2F1/events", "Bearer jwt", false]);
  closePage(page);
});

test("intervals are those of the record, divided by the speed; a pause holds, also across a change of speed", async () => {
  const { page, names } = opened();
  const replay = await page.zg.replayRoom("r", { token: "jwt" });
  await page.pass(500);
  assert.deepEqual(names(), ["roomUserUpdate ADD"]);
  await page.pass(600);
  assert.equal(names().length, 2);
  replay.pause();
  await page.pass(60_000);
  assert.deepEqual([names().length, replay.state, replay.time - BEGIN_MS], [2, "PAUSED", 1_100]);
  replay.setSpeed(4);
  replay.resume();
  await page.pass(225);
  assert.equal(names().at(-1), "roomStreamUpdate ADD");
  replay.stop();
  const before = page.heard.length;
  await page.pass(60_000);
  assert.equal(page.heard.length, before, "nothing after stop");
  assert.throws(() => replay.seek(0), { errorCode: 1100001 });
  closePage(page);
});

test("a jump is told as the difference; messages on the way are not", async () => {
  const { page, names } = opened();
  const replay = await page.zg.replayRoom("r", { token: "jwt", from: 7, paused: true });
  assert.deepEqual(names(), ["roomStreamUpdate ADD", "remoteMicStatusUpdate", "roomUserUpdate ADD"]);
  assert.deepEqual(replay.messages, [{ kind: "broadcast", fromUser: { userID: "bob", userName: "BOB" }, message: "hello", sendTime: BEGIN_MS + 4_000 }]);
  assert.deepEqual(replay.streams.map(({ streamID, audioMuted }) => [streamID, audioMuted]), [["cam", true]]);
  page.heard.length = 0;
  replay.seek(new Date(BEGIN_MS + 1_500));
  assert.deepEqual([names(), replay.seq, replay.time, replay.messages], [["roomStreamUpdate DELETE"], 3, BEGIN_MS + 1_500, []]);
  page.heard.length = 0;
  replay.seek(placeOf(10));
  assert.deepEqual(names(), ["roomStreamUpdate ADD", "remoteMicStatusUpdate", "roomExtraInfoUpdate"]);
  page.heard.length = 0;
  replay.resume();
  await page.pass(1_100);
  assert.deepEqual(names(), ["roomStreamUpdate DELETE", "roomUserUpdate DELETE"], "playing goes on from there");
  assert.throws(() => replay.seek(placeOf(1, "0190a1b2-0000-7000-8000-000000000002")), { errorCode: 1100001 });
  closePage(page);
});

test("from and to bound it; at its end it can begin again", async () => {
  const { page } = opened();
  const states: unknown[] = [];
  page.zg.on("parlourReplay", (_roomID, { state, seq }) => states.push(`${state} ${seq}`));
  const replay = await page.zg.replayRoom("r", { token: "jwt", from: new Date(BEGIN_MS + 1_000), to: 4, speed: 1000 });
  await page.pass(100);
  assert.deepEqual(states, ["PAUSED 3", "PLAYING 3", "ENDED 4"]);
  assert.deepEqual(replay.range, { fromSeq: 0, toSeq: 4, fromTime: BEGIN_MS, toTime: BEGIN_MS + 2_000 });
  replay.resume();
  await page.pass(100);
  assert.deepEqual(states.slice(3), ["PLAYING 0", "ENDED 4"]);
  closePage(page);
});

test("a reader who saw only the end, and people who were erased", async () => {
  const erased = { userID: "", userName: "" };
  const { page } = opened([[0, ""], [1, ""], [5, "room.user_joined.v1", "ann", erased], [6, "room.user_joined.v1", "bob", { ...erased }], [7, "room.user_left.v1", "ann"]]);
  const replay = await page.zg.replayRoom("r", { token: "jwt", from: 4, paused: true });
  assert.equal(replay.range.fromTime, BEGIN_MS + 5_000);
  assert.deepEqual(replay.users.map(({ userID }) => userID), ["erased-a-ann", "erased-a-bob"]);
  replay.seek(5);
  assert.deepEqual(replay.users.map(({ userID }) => userID), ["erased-a-bob"]);
  closePage(page);
});

test("a callback may pause; the end of the engine is the end of its replays", async () => {
  const { page, names } = opened();
  let replay: Awaited<ReturnType<Page["zg"]["replayRoom"]>>;
  page.zg.on("roomStreamUpdate", () => replay.pause());
  replay = await page.zg.replayRoom("r", { token: "jwt", speed: 1000 });
  await page.pass(1_000);
  assert.deepEqual([replay.seq, names().at(-1)], [4, "roomStreamUpdate ADD"]);
  await page.zg.destroyEngine();
  assert.equal(replay.state, "STOPPED");
  closePage(page);
});

test("what cannot be replayed is refused by name, and changes nothing", async () => {
  const { page, record } = opened();
  const { zg } = page;
  await assert.rejects(zg.replayRoom("r"), { errorCode: 1100001 }, "no token");
  await assert.rejects(zg.replayRoom("", { token: "jwt" }), { errorCode: 1002011 });
  for (const from of [-1, 1.5, "yesterday", new Date(NaN)]) await assert.rejects(zg.replayRoom("r", { token: "jwt", from }), { errorCode: 1100001 });
  for (const speed of [0, -1, 1001, NaN]) await assert.rejects(zg.replayRoom("r", { token: "jwt", speed }), { errorCode: 1100001 });
  record.refusals = [[403, { code: 9000002, title: "there is no such room for this token" }]];
  await assert.rejects(zg.replayRoom("r", { token: "jwt" }), { errorCode: 9000002 });
  await assert.rejects(zg.replayRoom("r", { token: "jwt", from: ROOM_UID, to: placeOf(3, "0190a1b2-0000-7000-8000-000000000002") }), { errorCode: 1100001 });
  globalThis.fetch = () => Promise.reject(new TypeError("offline"));
  await assert.rejects(zg.replayRoom("r", { token: "jwt" }), { errorCode: 1000017 });
  assert.deepEqual(page.heard, []);
  closePage(page);
});

test("a break in the chain is not played over; a server that is busy is asked again", async () => {
  const { page, record } = opened();
  record.breakAt = 7;
  await assert.rejects(page.zg.replayRoom("r", { token: "jwt" }), { errorCode: 9000010 });
  record.breakAt = 0;
  record.refusals = [[429, { code: 9000004 }]];
  const started = page.zg.replayRoom("r", { token: "jwt" });
  await page.pass(1_100);
  assert.equal((await started).state, "PLAYING");
  closePage(page);
});
