import assert from "node:assert/strict";
import { test } from "node:test";
import { at, settle, type Sent } from "./fake-gateway";
import { FakePeer, installPeers, UNREADABLE } from "./fake-peer";
import { closePage, FakeStream, FakeTrack, openPage, type Page } from "./page";

let transports = 0;

async function inRoom(): Promise<Page> {
  const page = openPage();
  installPeers();
  const negotiated = (frame: Sent) => ({ transportID: frame.transportID ?? `t${++transports}`, sdp: "answer" });
  Object.assign(page.gateway.answers, { publish: negotiated, play: negotiated, restartIce: negotiated, stopPlay: () => ({}), stopPublish: () => ({}) });
  await page.login();
  await settle();
  return page;
}

const media = (...kinds: ("audio" | "video")[]) => new FakeStream(kinds.map((kind) => new FakeTrack(kind))) as unknown as MediaStream;
const camera = () => media("audio", "video");
const states = (page: Page, name: string) => page.heard.filter(([heard]) => heard === name).map(([, info]) => {
  const { streamID, state, errorCode } = info as { streamID: string; state: string; errorCode: number };
  return `${streamID} ${state}${errorCode ? ` ${errorCode}` : ""}`;
});
const sent = (page: Page, t: string) => page.gateway.sockets.flatMap((socket) => socket.sent).filter((frame) => frame.t === t);
const removed = (seq: number, streamID: string, code: number) => ({ t: "ev", roomID: "r", pos: at(seq), seq, at: 1e15, type: "stream.removed.v1", data: { streamID, code }, user: { userID: "me", userName: "Me" } });

test("startPublishingStream answers at once, and says by its event what was wrong", async () => {
  const page = openPage();
  installPeers();
  const { zg } = page;
  assert.equal(zg.startPublishingStream("s", camera()), false, "not logged in");
  await page.login();
  assert.equal(zg.startPublishingStream("", camera()), false);
  assert.equal(zg.startPublishingStream("a b", camera()), false);
  assert.equal(zg.startPublishingStream("x".repeat(257), camera()), false);
  assert.equal(zg.startPublishingStream("s", {} as MediaStream), false);
  assert.equal(zg.startPublishingStream("s", camera(), { extraInfo: "ä".repeat(513) }), false);
  assert.equal(zg.startPublishingStream("s", camera(), { videoCodec: "H265" }), false);
  const codes = page.heard.filter(([name]) => name === "publisherStateUpdate").map(([, info]) => (info as { errorCode: number }).errorCode);
  assert.deepEqual(codes, [1000002, 1000015, 1000016, 1000014, 1000018, 1003051, 9000008]);
  closePage(page);
});

test("publishing: requesting, then publishing; the frame carries offer, m-lines and codec", async () => {
  const page = await inRoom();
  assert.equal(page.zg.startPublishingStream("s1", camera(), { extraInfo: "info" }), true);
  await settle();
  assert.deepEqual(states(page, "publisherStateUpdate"), ["s1 PUBLISH_REQUESTING", "s1 PUBLISHING"]);
  const [frame] = sent(page, "publish");
  assert.deepEqual([frame!.streamID, frame!.sdp, frame!.media, frame!.codec, frame!.extraInfo, frame!.transportID], ["s1", "offer 1", { audioMid: "0", videoMid: "1" }, "VP8", "info", undefined]);
  assert.equal(page.zg.startPublishingStream("s1", camera()), false);
  assert.equal(states(page, "publisherStateUpdate").at(-1), "s1 PUBLISHING 1103056", "what is published stays so");
  closePage(page);
});

test("more streams share the peer connection, one negotiation at a time", async () => {
  const page = await inRoom();
  page.zg.startPublishingStream("s1", camera());
  page.zg.startPublishingStream("s2", media("audio"));
  await settle();
  const frames = sent(page, "publish");
  assert.deepEqual(frames.map((frame) => frame.media), [{ audioMid: "0", videoMid: "1" }, { audioMid: "2" }]);
  assert.equal(frames[1]!.transportID, `t${transports}`);
  assert.deepEqual([frames[0]!.sdp, frames[1]!.sdp], ["offer 1", "offer 2"]);
  closePage(page);
});

test("a refused publish is final: NO_PUBLISH with the server's code; the next one works", async () => {
  const page = await inRoom();
  const agree = page.gateway.answers.publish!;
  page.gateway.answers.publish = () => page.gateway.refuse(1003028, "the stream exists");
  page.zg.startPublishingStream("s1", camera());
  await settle();
  page.gateway.answers.publish = agree;
  page.zg.startPublishingStream("s2", camera());
  await settle();
  assert.deepEqual(states(page, "publisherStateUpdate"), ["s1 PUBLISH_REQUESTING", "s1 NO_PUBLISH 1003028", "s2 PUBLISH_REQUESTING", "s2 PUBLISHING"]);
  closePage(page);
});

test("an answer that the browser cannot apply ends the stream with a code of its own", async () => {
  const page = await inRoom();
  const unreadable = () => ({ transportID: "t", sdp: UNREADABLE });
  Object.assign(page.gateway.answers, { publish: unreadable, play: unreadable });
  page.zg.startPublishingStream("s1", camera());
  await settle();
  assert.deepEqual(states(page, "publisherStateUpdate"), ["s1 PUBLISH_REQUESTING", "s1 NO_PUBLISH 1103025"]);
  await page.zg.startPlayingStream("s2");
  await settle();
  assert.equal(states(page, "playerStateUpdate").at(-1), "s2 NO_PLAY 1104025");
  assert.deepEqual([sent(page, "stopPublish").length, sent(page, "stopPlay").length], [1, 1], "the relay took both in");
  closePage(page);
});

test("a relay that is away is tried again", async () => {
  const page = await inRoom();
  const agree = page.gateway.answers.publish!;
  page.gateway.answers.publish = () => page.gateway.refuse(9000009);
  page.zg.startPublishingStream("s1", camera());
  await settle();
  page.gateway.answers.publish = agree;
  await page.pass(500);
  assert.deepEqual(states(page, "publisherStateUpdate"), ["s1 PUBLISH_REQUESTING", "s1 PUBLISHING"]);
  closePage(page);
});

test("a publish that was under way when the connection broke is repeated with its id", async () => {
  const page = await inRoom();
  const agree = page.gateway.answers.publish!;
  page.gateway.answers.publish = () => undefined;
  page.zg.startPublishingStream("s1", camera());
  await settle();
  page.gateway.answers.publish = agree;
  page.gateway.socket.break();
  await page.pass(400);
  const [first, second] = sent(page, "publish");
  assert.equal(first!.id, second!.id);
  assert.equal(states(page, "publisherStateUpdate").at(-1), "s1 PUBLISHING");
  closePage(page);
});

test("a stream that the server lost is published anew, one that it removed is not", async () => {
  const page = await inRoom();
  page.zg.startPublishingStream("s1", camera());
  await settle();
  page.gateway.socket.say(removed(5, "s1", 5));
  await settle();
  assert.deepEqual(states(page, "publisherStateUpdate").slice(1), ["s1 PUBLISHING", "s1 PUBLISH_REQUESTING 1000017", "s1 PUBLISHING"]);
  page.gateway.socket.say(removed(6, "s1", 6));
  assert.equal(states(page, "publisherStateUpdate").at(-1), "s1 NO_PUBLISH 1103040");
  closePage(page);
});

test("playing resolves with a real stream; twice is refused; what is not there rejects", async () => {
  const page = await inRoom();
  const stream = await page.zg.startPlayingStream("s1");
  assert.ok(stream instanceof MediaStream);
  assert.deepEqual(stream.getTracks().map(({ kind }) => kind), ["audio", "video"]);
  await settle();
  assert.deepEqual(states(page, "playerStateUpdate"), ["s1 PLAY_REQUESTING", "s1 PLAYING"]);
  await assert.rejects(page.zg.startPlayingStream("s1"), { errorCode: 1104032 });
  page.gateway.answers.play = () => page.gateway.refuse(1004002, "no such stream");
  await assert.rejects(page.zg.startPlayingStream("s2"), { errorCode: 1004002 });
  assert.equal(states(page, "playerStateUpdate").at(-1), "s2 NO_PLAY 1004002");
  closePage(page);
});

test("the peer connection and its offer are made while the login is under way, and used by the first play", async () => {
  const page = openPage();
  installPeers();
  page.gateway.answers.play = () => ({ transportID: "t", sdp: "answer" });
  page.gateway.open = false;
  const login = page.login();
  await settle();
  assert.equal(FakePeer.all.length, 1);
  assert.equal(FakePeer.last.localDescription!.sdp, "offer 1");
  page.gateway.socket.accept();
  await login;
  await page.zg.startPlayingStream("s1");
  assert.equal(sent(page, "play")[0]!.sdp, "offer 1");
  assert.equal(FakePeer.all.length, 1);
  closePage(page);
});

test("m-lines are recycled, and an ended stream's view does not show the next one", async () => {
  const page = await inRoom();
  const first = await page.zg.startPlayingStream("s1");
  await settle();
  assert.equal(page.zg.stopPlayingStream("s1"), true);
  assert.equal(page.zg.stopPlayingStream("s1"), false);
  const second = await page.zg.startPlayingStream("s2");
  assert.deepEqual(first.getTracks(), []);
  assert.equal(second.getTracks().length, 2);
  assert.deepEqual(sent(page, "play").map((frame) => frame.media), [{ audioMid: "0", videoMid: "1" }, { audioMid: "0", videoMid: "1" }]);
  assert.equal(FakePeer.last.transceivers.length, 2);
  closePage(page);
});

test("a voice takes no m-line for video, and a muted kind is offered inactive while its track stays", async () => {
  const page = await inRoom();
  page.gateway.socket.say({ t: "ev", roomID: "r", pos: at(5), seq: 5, at: 1e15, type: "stream.added.v1", data: { streamID: "v", hasAudio: true, hasVideo: false }, user: { userID: "ann", userName: "" } });
  await page.zg.startPlayingStream("v");
  assert.deepEqual(sent(page, "play")[0]!.media, { audioMid: "0" });
  assert.equal(FakePeer.last.transceivers[1]!.direction, "inactive");
  const stream = await page.zg.startPlayingStream("s");
  assert.equal(await page.zg.mutePlayStreamVideo("s", true), true);
  assert.deepEqual(sent(page, "play").at(-1)!.media, { audioMid: "2" });
  assert.equal(stream.getVideoTracks().length, 1);
  assert.equal(await page.zg.mutePlayStreamVideo("s", false), true);
  assert.deepEqual(sent(page, "play").at(-1)!.media, { audioMid: "2", videoMid: "1" });
  assert.equal(await page.zg.mutePlayStreamAudio("nothing", true), false);
  closePage(page);
});

test("a transport that the relay lost is made anew, with all that it carried", async () => {
  const page = await inRoom();
  const stream = await page.zg.startPlayingStream("s1");
  await settle();
  const [before] = stream.getVideoTracks();
  page.gateway.socket.say({ t: "media", roomID: "r", streamID: "s1", state: "gone", transportID: `t${transports}` });
  await settle();
  assert.deepEqual(states(page, "playerStateUpdate"), ["s1 PLAY_REQUESTING", "s1 PLAYING", "s1 PLAY_REQUESTING 1004020", "s1 PLAYING"]);
  assert.equal(sent(page, "play").at(-1)!.transportID, undefined);
  assert.notEqual(stream.getVideoTracks()[0], before, "the page's stream holds the new track");
  assert.equal(stream.getTracks().length, 2);
  closePage(page);
});

test("a broken connection is restarted, and not made anew if that helps", async () => {
  const page = await inRoom();
  await page.zg.startPlayingStream("s1");
  await settle();
  const peers = FakePeer.all.length;
  FakePeer.last.become("disconnected");
  await page.pass(600);
  assert.equal(sent(page, "restartIce").length, 1);
  assert.equal(FakePeer.all.length, peers);
  assert.equal(states(page, "playerStateUpdate").at(-1), "s1 PLAYING");
  closePage(page);
});

test("media that cannot be restored ends when the retry window is over", async () => {
  const page = await inRoom();
  await page.zg.startPlayingStream("s1");
  await settle();
  page.gateway.answers.play = page.gateway.answers.restartIce = () => page.gateway.refuse(9000009);
  FakePeer.last.become("failed");
  for (let minute = 0; minute < 6; minute++) await page.pass(60_000);
  assert.deepEqual(states(page, "playerStateUpdate").slice(-2), ["s1 PLAY_REQUESTING 1004020", "s1 NO_PLAY 1104031"]);
  closePage(page);
});

test("logging out ends publishing and playing before LOGOUT is told, and closes the connections", async () => {
  const page = await inRoom();
  page.zg.startPublishingStream("s1", camera());
  await page.zg.startPlayingStream("s2");
  await settle();
  await page.zg.logoutRoom("r");
  const last = page.heard.slice(-3).map(([name, a, b]) => (name === "roomStateChanged" ? b : (a as { state: string }).state));
  assert.deepEqual(last, ["NO_PUBLISH", "NO_PLAY", "LOGOUT"]);
  assert.ok(FakePeer.all.every(({ connectionState }) => connectionState === "closed"));
  closePage(page);
});

test("a kick ends a play that was still asked for", async () => {
  const page = await inRoom();
  page.gateway.answers.play = () => undefined;
  const playing = page.zg.startPlayingStream("s1");
  const refused = assert.rejects(playing, { errorCode: 1004020 });
  await settle();
  page.gateway.socket.say({ t: "end", roomID: "r", code: 1002050, reason: "" });
  await refused;
  closePage(page);
});

test("mutes: the microphone for all, and for what is published later", async () => {
  const page = await inRoom();
  const stream = camera();
  page.zg.startPublishingStream("s1", stream);
  assert.equal(page.zg.muteMicrophone(true), true);
  assert.equal(page.zg.isMicrophoneMuted(), true);
  assert.equal(stream.getAudioTracks()[0]!.enabled, false);
  const later = camera();
  page.zg.startPublishingStream("s2", later);
  assert.equal(later.getAudioTracks()[0]!.enabled, false);
  page.zg.mutePublishStreamAudio(stream, true);
  page.zg.muteMicrophone(false);
  assert.deepEqual([stream, later].map((each) => each.getAudioTracks()[0]!.enabled), [false, true]);
  closePage(page);
});

test("destroyEngine leaves the room, and says nothing of it to the page any more", async () => {
  const page = await inRoom();
  await page.zg.destroyEngine();
  assert.ok(page.gateway.socket.closed);
  await assert.rejects(page.login(), { errorCode: 9000021 });
  closePage(page);
});

test("a stream on another relay node gets a peer connection beside, and later ones of that node use it", async () => {
  const page = await inRoom();
  const nodes: Record<string, string> = { a1: "A", b1: "B", b2: "B" };
  const where = new Map<string, string>();
  page.gateway.answers.play = ({ streamID, transportID }) => {
    const node = nodes[streamID as string]!;
    if (transportID && where.get(transportID) !== node) return page.gateway.refuse(9000011, "the stream is on another relay node");
    const known = transportID ?? `on-${node}`;
    where.set(known, node);
    return { transportID: known, sdp: "answer" };
  };
  for (const streamID of ["a1", "b1", "b2"]) {
    const stream = await page.zg.startPlayingStream(streamID);
    assert.equal(stream.getTracks().length, 2);
    await settle();
  }
  assert.deepEqual(sent(page, "play").map((frame) => `${frame.streamID} ${frame.transportID ?? "new"}`), ["a1 new", "b1 on-A", "b1 new", "b2 on-A", "b2 on-B"]);
  const playing = states(page, "playerStateUpdate").filter((state) => state.includes("PLAYING"));
  assert.deepEqual(playing, ["a1 PLAYING", "b1 PLAYING", "b2 PLAYING"]);
  assert.equal(page.zg.stopPlayingStream("b1"), true);
  await page.zg.logoutRoom();
  assert.ok(FakePeer.all.every(({ connectionState }) => connectionState === "closed"));
  closePage(page);
});
