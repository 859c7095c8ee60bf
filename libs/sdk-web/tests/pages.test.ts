import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { readAddress } from "../pages/address.js";
import { duration, errorText, mutedText, nameOf, shortened } from "../pages/format.js";
import { encodeRoom, read, readAll } from "../pages/reader.js";
import { countText, examplePage, serviceHealth, suiteHealth } from "../pages/status.js";
import { axisTicks, lanesOf, qualityMarks, sessionTitle, shareAfterKey, streamTitle, timeRange } from "../pages/timeline-layout.js";
import type { Call, PlaySpan, QualityPoint, SessionSpan, StreamSpan } from "../src/generated/contract";

const LINK = "https://a.example/demo/video";

test("a token is taken from behind the #, or from the query, and stays in neither", () => {
  const link = readAddress(`${LINK}?room=r#token=04ab+c=&x=1`);
  assert.deepEqual([link.token, link.tokenInQuery, link.withoutToken], ["04ab+c=", false, "/demo/video?room=r#x=1"]);
  const old = readAddress(`${LINK}?token=04a%20b&room=r`);
  assert.deepEqual([old.token, old.tokenInQuery, old.withoutToken], ["04a+b", true, "/demo/video?room=r"]);
  const both = readAddress(`${LINK}?token=query#token=fragment`);
  assert.deepEqual([both.token, both.withoutToken, both.query.has("token")], ["fragment", "/demo/video", false]);
  assert.equal(readAddress(LINK).token, undefined);
});

test("a link that names another server is found out, one that names this server is not", () => {
  const foreign = (query: string) => readAddress(`${LINK}?${query}`).foreignServer;
  assert.equal(foreign("server=wss://a.example/ws"), undefined);
  assert.equal(foreign("server=/ws"), undefined);
  assert.equal(foreign("server=wss://b.example/ws"), "wss://b.example/ws");
  assert.equal(foreign("server=wss://a.example/ws&server=https://a.example.evil"), "https://a.example.evil");
  assert.equal(foreign("server=http://[broken"), "http://[broken");
});

test("names, durations and mutes are written for people", () => {
  assert.deepEqual([{ userID: "u", userName: "Ann" }, { userID: "u", userName: "" }, {}].map(nameOf), ["Ann", "u", "erased"]);
  assert.deepEqual([3_400, 245_000, 7_380_000].map(duration), ["3 s", "4 min 5 s", "2 h 3 min"]);
  assert.deepEqual([shortened("abcdef", 6), shortened("abcdefg", 6)], ["abcdef", "abcde…"]);
  assert.deepEqual([{ audioMuted: true, videoMuted: true }, { videoMuted: true }, {}].map(mutedText), [" (microphone and camera muted)", " (camera muted)", ""]);
  assert.deepEqual([new Error("no"), "text"].map(errorText), ["no", "text"]);
});

test("the status of the suite names what is down before what is partly up", () => {
  const service = (name: string, healthy: boolean, missing: number) => ({ name, healthy, replicas: 2, missing });
  assert.deepEqual(serviceHealth(service("im", true, 1)), ["bad", "2 of 3 up"]);
  assert.deepEqual(serviceHealth(service("im", false, 0)), ["bad", "down"]);
  assert.deepEqual(suiteHealth([service("im", true, 0)]), ["good", "all services up"]);
  assert.deepEqual(suiteHealth([service("im", true, 1), service("room", true, 0)]), ["bad", "partly up: im"]);
  assert.deepEqual(suiteHealth([service("im", true, 1), service("room", false, 0)]), ["bad", "down: room"]);
  assert.deepEqual([3, ["a"], undefined].map(countText), ["3", "1", "0"]);
  assert.match(examplePage("https://a.example", 7, "04t"), /src="https:\/\/a\.example\/sdk\/[^]*token = "04t"[^]*new ZegoExpressEngine\(7, ""\)/);
});

const { fetch: realFetch } = globalThis;
afterEach(() => void Object.assign(globalThis, { fetch: realFetch }));

/** A tab with a token, and a server that gives these answers in turn. */
function openTab(...answers: [status: number, body: string][]): string[] {
  const asked: string[] = [];
  const fetch = async (address: string, { headers }: { headers: { authorization: string } }) => {
    asked.push(`${headers.authorization} ${address}`);
    const [status, body] = answers.shift()!;
    return new Response(body, { status });
  };
  const sessionStorage = { getItem: () => "t0" };
  Object.assign(globalThis, { fetch, sessionStorage, document: { querySelector: () => null }, HTMLInputElement: class {} });
  return asked;
}

test("reading leaves empty parameters out, and rejects with the server's own words", async () => {
  const asked = openTab([200, '{"a":1}'], [400, '{"title":"not so","hint":"do this"}'], [502, "<html>"]);
  assert.deepEqual(await read("/v1/calls", { room: "a b", user: "", limit: 5 }), { a: 1 });
  assert.deepEqual(asked, ["Bearer t0 /v1/calls?room=a+b&limit=5"]);
  await assert.rejects(read("/v1/calls"), { message: "not so · do this" });
  await assert.rejects(read("/v1/calls"), { message: "the server answered 502" });
});

test("pages of an answer are put together, up to a number of them", async () => {
  const page = (points: number[], next?: string): [number, string] => [200, JSON.stringify({ call: { room: "r" }, points, next })];
  const asked = openTab(page([1, 2], "c1"), page([3]), page([1], "c1"), page([2], "c2"));
  assert.deepEqual(await readAll("/p", ["points", "none"]), { points: [1, 2, 3], none: [], call: { room: "r" }, cut: false });
  assert.deepEqual(asked, ["Bearer t0 /p", "Bearer t0 /p?cursor=c1"]);
  assert.deepEqual((await readAll("/p", ["points"], 2)).cut, true);
  assert.equal(encodeRoom("a/ä_-9"), "a=2F=C3=A4_-9");
});

const BEGIN = 1_700_000_000_000_000;
const session = (actor: string, more: Partial<SessionSpan> = {}): SessionSpan => ({ sessionID: "s", actor, userID: actor, userName: "", joinedSeq: 1, joinedAt: BEGIN, leftSeq: null, leftAt: null, how: "", reason: "", code: 0, away: 0, awayUs: 0, ...more });
const stream = (actor: string, more: Partial<StreamSpan> = {}): StreamSpan => ({ streamID: "cam", sessionID: "s", actor, userID: actor, addedSeq: 2, addedAt: BEGIN, removedSeq: null, removedAt: null, code: 0, codec: "VP8", hasAudio: true, hasVideo: true, nodes: [], ...more });
const play = (userID: string, startedAt: number): PlaySpan => ({ streamID: "cam", sessionID: "s", actor: userID, userID, byActor: "a", byUserID: "a", startedSeq: 3, startedAt, stoppedSeq: null, stoppedAt: null, reason: "" });
const point = (at: number, more: Partial<QualityPoint> = {}): QualityPoint => ({ at, tookMs: 10_000, streamID: "cam", kind: "video", side: "publisher", sessionID: "s", actor: "a", userID: "ann", node: "n", packets: 1, bitrateBps: 500_000, loss: null, jitterMs: null, rttMs: null, nacks: 0, keyframeRequests: 0, keyframes: 0, ...more });

test("each person has one lane in the order of logins, each of their streams one below it", () => {
  const again = stream("ann", { addedAt: BEGIN + 60e6 });
  const lanes = lanesOf({ sessions: [session("bob"), session("ann"), session("bob")], streams: [stream("ann", { removedAt: BEGIN + 30e6 }), again], plays: [play("bob", BEGIN + 1e6), play("cat", BEGIN + 61e6)] });
  assert.deepEqual(lanes.map(({ name, sessions, streams }) => [name, sessions.length, streams.length]), [["bob", 2, 0], ["ann", 1, 2]]);
  assert.deepEqual(lanes[1]!.streams.map(({ seenBy }) => seenBy.map(({ userID }) => userID)), [["bob"], ["cat"]]);
  assert.match(streamTitle(lanes[1]!.streams[0]!, BEGIN), /^cam: sound and picture \(VP8\), 30 s; seen by bob$/);
  assert.match(sessionTitle(session("ann", { leftAt: BEGIN, how: "kicked", reason: "spam" })), /^ann: .* was put out \(spam\)$/);
  assert.match(sessionTitle(session("ann")), / to now, is still there$/);
});

test("a call that goes on is drawn as far as anything is known of it, and never without a width", () => {
  const call = { startedAt: BEGIN, endedAt: null, at: BEGIN + 5e6 } as Call;
  assert.deepEqual(timeRange(call, []), [BEGIN / 1000, BEGIN / 1000 + 5_000]);
  assert.deepEqual(timeRange(call, [point(BEGIN + 3e6)]), [BEGIN / 1000, BEGIN / 1000 + 13_000]);
  assert.deepEqual(timeRange({ ...call, endedAt: BEGIN }, []), [BEGIN / 1000, BEGIN / 1000 + 1_000]);
});

test("the axis has at most nine marks at round times", () => {
  assert.deepEqual(axisTicks(500, 3_500), [1_000, 2_000, 3_000]);
  for (const seconds of [1, 59, 3_600, 86_400]) assert.ok(axisTicks(0, seconds * 1000).length <= 9, `${seconds} s`);
});

test("a stream's ten seconds are graded by the worst loss of either side, within the stream's own time", () => {
  const ended = stream("ann", { removedAt: BEGIN + 35e6 });
  const points = [point(BEGIN, { loss: 0.01 }), point(BEGIN, { side: "player", userID: "bob", loss: 0.3, kind: "audio" }), point(BEGIN + 10e6, { loss: 0.05 }), point(BEGIN + 30e6), point(BEGIN + 40e6), point(BEGIN, { streamID: "other" })];
  const marks = qualityMarks(ended, points);
  assert.deepEqual(marks.map(({ from, to, grade }) => [(from - BEGIN) / 1e6, (to - BEGIN) / 1e6, grade]), [[0, 10, "bad"], [10, 20, "fair"], [30, 35, "good"]]);
  assert.match(marks[0]!.title, /: 500 kbit\/s, 30\.0 % lost \(audio, player bob\)$/);
  assert.match(marks[2]!.title, /: 500 kbit\/s, no loss seen$/);
});

test("keys move the chosen moment as on a slider, and not beyond the call", () => {
  assert.deepEqual([shareAfterKey(0.5, "ArrowRight"), shareAfterKey(0.05, "PageDown"), shareAfterKey(0.3, "End"), shareAfterKey(0.3, "Home")], [0.51, 0, 1, 0]);
  assert.equal(shareAfterKey(0.5, "a"), undefined);
});
