import assert from "node:assert/strict";
import { test } from "node:test";
import type { StreamEntry, UserRef } from "../src/generated/contract";
import { RoomMirror, type RoomChange } from "../src/room/mirror";
import type { EventFrame, RoomFrame } from "../src/signalling/frames";
import { at } from "./fake-gateway";

const me = { userID: "me", userName: "Me" };
const ann = { userID: "ann", userName: "Ann" };
const stream = (streamID: string, user: UserRef): StreamEntry => ({ streamID, user, extraInfo: "", hasAudio: true, hasVideo: true, codec: "VP8" });

function ev(seq: number, type: string, data: object = {}, user: object = ann, roomUID = "call"): EventFrame {
  return { t: "ev", roomID: "r", pos: at(seq, roomUID), seq, prev: "", at: 1_700_000_000_000_000 + seq, type, data, user } as EventFrame;
}

function fresh(seq = 4): RoomMirror {
  const mirror = new RoomMirror("me");
  mirror.reset({ users: [], streams: [], extraInfo: [] }, at(seq));
  return mirror;
}

function kinds(changes: RoomChange[]): string[] {
  return changes.map((change) => ("update" in change ? `${change.kind} ${change.update}` : change.kind));
}

test("events apply in order, exactly once", () => {
  const mirror = fresh();
  assert.deepEqual(kinds(mirror.apply(ev(5, "room.user_joined.v1"))), ["users ADD"]);
  assert.deepEqual(mirror.apply(ev(5, "room.user_joined.v1")), [], "a duplicate is dropped");
  assert.deepEqual(kinds(mirror.apply(ev(6, "room.user_left.v1"))), ["users DELETE"]);
  assert.equal(mirror.position, at(6));
});

test("a gap asks for the tail once, and nothing is applied", () => {
  const mirror = fresh();
  assert.deepEqual(kinds(mirror.apply(ev(7, "room.user_joined.v1"))), ["gap"]);
  assert.deepEqual(mirror.apply(ev(8, "room.user_left.v1")), []);
  assert.equal(mirror.position, at(4));
  mirror.apply(ev(5, "room.opened.v1"));
  mirror.apply({ t: "live", roomID: "r", pos: at(5) });
  assert.deepEqual(kinds(mirror.apply(ev(9, "room.user_joined.v1"))), ["gap"], "a new gap asks anew");
});

test("a skip moves the position; one that reaches back counts by its end", () => {
  const mirror = fresh();
  assert.deepEqual(mirror.apply({ t: "skip", roomID: "r", from: 5, to: 6, pos: at(6) }), []);
  assert.deepEqual(mirror.apply({ t: "skip", roomID: "r", from: 5, to: 9, pos: at(9) }), []);
  assert.equal(mirror.position, at(9));
  assert.deepEqual(kinds(mirror.apply({ t: "skip", roomID: "r", from: 12, to: 13, pos: at(13) })), ["gap"]);
});

test("a head ahead of us is a gap, one at or behind is not; another call is one", () => {
  const mirror = fresh();
  assert.deepEqual(mirror.apply({ t: "head", roomID: "r", pos: at(4) }), []);
  assert.deepEqual(kinds(mirror.apply({ t: "head", roomID: "r", pos: at(5) })), ["gap"]);
  assert.deepEqual(kinds(fresh().apply(ev(5, "room.user_joined.v1", {}, ann, "next"))), ["gap"]);
});

test("a snapshot is reported as the difference", () => {
  const mirror = fresh();
  mirror.apply(ev(5, "room.user_joined.v1"));
  mirror.apply(ev(6, "stream.added.v1", { streamID: "a1" }));
  const snap: RoomFrame = {
    t: "snap", roomID: "r", pos: at(20), extraInfo: [],
    users: [{ userID: "bob" }, ann], streams: [stream("b1", { userID: "bob" })],
  };
  assert.deepEqual(kinds(mirror.apply(snap)), ["streams DELETE", "streams ADD", "users ADD"]);
  assert.equal(mirror.position, at(20));
});

test("the own user and own streams are never reported, also not in snapshots", () => {
  const mirror = fresh();
  assert.deepEqual(mirror.apply(ev(5, "room.user_joined.v1", {}, me)), []);
  assert.deepEqual(mirror.apply(ev(6, "stream.added.v1", { streamID: "mine" }, me)), []);
  assert.deepEqual(mirror.apply(ev(7, "im.broadcast_sent.v1", { text: "hi" }, me)), []);
  assert.deepEqual(mirror.reset({ users: [me], streams: [stream("mine", me)], extraInfo: [] }, at(9)), []);
});

test("an own stream that the server removed is told, one that was stopped is not", () => {
  const mirror = fresh();
  assert.deepEqual(mirror.apply(ev(5, "stream.removed.v1", { streamID: "mine", code: 1 }, me)), []);
  assert.deepEqual(mirror.apply(ev(6, "stream.removed.v1", { streamID: "mine", code: 6 }, me)), [{ kind: "ownStreamRemoved", streamID: "mine", code: 6 }]);
});

test("extra information and a move of a stream are told apart", () => {
  const mirror = fresh();
  mirror.apply(ev(5, "stream.added.v1", { streamID: "a", extraInfo: "x", node: "n", transportID: "t1" }));
  assert.deepEqual(kinds(mirror.apply(ev(6, "stream.updated.v1", { streamID: "a", extraInfo: "y", node: "n", transportID: "t1" }))), ["streamExtra"]);
  assert.deepEqual(kinds(mirror.apply(ev(7, "stream.updated.v1", { streamID: "a", extraInfo: "y", node: "n", transportID: "t2" }))), ["mediaChanged"]);
});

test("who plays a stream learns that it gained or lost its picture", () => {
  const mirror = fresh();
  const place = { streamID: "a", node: "n", transportID: "t1", hasAudio: true };
  mirror.apply(ev(5, "stream.added.v1", { ...place, hasVideo: false }));
  const gained = mirror.apply(ev(6, "stream.updated.v1", { ...place, hasVideo: true }));
  assert.deepEqual(kinds(gained), ["mediaChanged", "mutes"]);
  assert.deepEqual(gained.flatMap((change) => (change.kind === "mutes" ? change.kinds : [])), ["videoMuted"]);
  assert.deepEqual(kinds(mirror.apply(ev(7, "stream.updated.v1", { ...place, hasVideo: true }))), []);
  assert.deepEqual(kinds(mirror.apply(ev(8, "stream.updated.v1", { ...place, hasVideo: false }))), ["mediaChanged"]);
});

test("messages carry sender, time in milliseconds and id", () => {
  const [change] = fresh().apply(ev(5, "im.broadcast_sent.v1", { text: "hi" }));
  assert.deepEqual(change, { kind: "message", channel: "broadcast", from: ann, text: "hi", sentMs: 1_700_000_000_000, messageID: "5" });
});

test("an event type of the future moves the position and nothing else", () => {
  const mirror = fresh();
  assert.deepEqual(mirror.apply(ev(5, "room.painted.v1", { colour: "red" })), []);
  assert.equal(mirror.position, at(5));
});
