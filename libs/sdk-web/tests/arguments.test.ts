import assert from "node:assert/strict";
import { test } from "node:test";
import type { ZegoError } from "../src/errors";
import { settle, type Sent } from "./fake-gateway";
import { installPeers } from "./fake-peer";
import { closePage, FakeStream, FakeTrack, openPage, type Page } from "./page";

const any = (value: unknown) => value as never;
const refusal = (error: ZegoError) => ({ code: error.errorCode, field: error.problem.field, message: error.message });

async function refused(attempt: Promise<unknown>): Promise<{ code: number; field: string | undefined; message: string }> {
  return attempt.then(() => assert.fail("it was taken"), (error) => refusal(error));
}

function camera(): MediaStream {
  const tracks = (["audio", "video"] as const).map((kind) => Object.assign(new FakeTrack(kind), { constraints: {}, getConstraints: () => ({}), getSettings: () => ({}) }));
  for (const track of tracks) Object.assign(track, { applyConstraints: async (constraints: object) => void Object.assign(track.constraints, constraints) });
  return new FakeStream(tracks) as unknown as MediaStream;
}

async function inRoom(): Promise<Page> {
  const page = openPage();
  installPeers();
  let transports = 0;
  const negotiated = (frame: Sent) => ({ transportID: frame.transportID ?? `t${++transports}`, sdp: "answer" });
  Object.assign(page.gateway.answers, { publish: negotiated, play: negotiated });
  await page.login();
  await settle();
  return page;
}

test("an id of another type is called by its type, with the way out", async () => {
  const page = openPage();
  const { zg } = page;
  const user = { userID: "u" };
  const cases: [Promise<unknown>, number, RegExp][] = [
    [zg.loginRoom(any(7), "04t", user), 1002011, /roomID is a number, not a text.*String\(/],
    [zg.loginRoom(any(undefined), "04t", user), 1002011, /roomID is missing/],
    [zg.loginRoom("", "04t", user), 1002011, /roomID is empty/],
    [zg.loginRoom("r", "04t", { userID: any(7) }), 1002005, /userID is a number, not a text.*String\(/],
    [zg.loginRoom("r", "04t", { userID: "u", userName: any(7) }), 1100001, /userName is a number, not a text/],
    [zg.startPlayingStream(any(7)), 1000015, /streamID is a number, not a text.*String\(/],
    [zg.startPlayingStream(any(["s"])), 1000015, /streamID is a list, not a text/],
  ];
  for (const [attempt, code, message] of cases) {
    const error = await refused(attempt);
    assert.equal(error.code, code);
    assert.match(error.message, message);
  }
  await page.login();
  const targets = await refused(zg.sendCustomCommand("r", "go", [any({ userID: "ann" })]));
  assert.deepEqual([targets.code, targets.field], [1002005, "toUserIDList"]);
  assert.match(targets.message, /an entry of toUserIDList is an object.*pass user\.userID/);
  assert.match((await refused(zg.sendBroadcastMessage("r", any({ text: "hi" })))).message, /message is an object, not a text/);
  closePage(page);
});

test("setVideoConfig refuses what is no size, and changes nothing", async () => {
  const page = openPage();
  const stream = camera();
  const { constraints } = stream.getVideoTracks()[0] as unknown as { constraints: object };
  const wrong: [unknown, string][] = [
    [null, "config"], [undefined, "config"], ["720p", "config"],
    [{ width: "x" }, "width"], [{ width: -5 }, "width"], [{ height: 0 }, "height"], [{ frameRate: NaN }, "frameRate"],
    [{ maxBitrate: Infinity }, "maxBitrate"], [{ videoQuality: 9 }, "videoQuality"], [{ width: { ideal: "x" } }, "width"],
  ];
  for (const [config, field] of wrong) {
    const error = await refused(page.zg.setVideoConfig(stream, any(config)));
    assert.deepEqual([error.code, error.field], [1100001, field], JSON.stringify(config));
  }
  assert.deepEqual(constraints, {});
  assert.deepEqual(await page.zg.setVideoConfig(stream, { width: { ideal: 320 }, height: 240 }), { errorCode: 0, extendedData: "" });
  assert.deepEqual(constraints, { width: { ideal: 320 }, height: 240 });
  await page.zg.setVideoConfig(stream, { videoQuality: 3 });
  assert.deepEqual(constraints, { width: 1280, height: 720, frameRate: 20 });
  await page.zg.setVideoConfig(stream, { videoQuality: 4, width: 640 });
  assert.deepEqual(constraints, { width: 640, height: 720, frameRate: 20 });
  closePage(page);
});

test("tracks are exchanged in a MediaStream, by a track", async () => {
  const page = openPage();
  const stream = camera();
  const [track] = stream.getVideoTracks() as [MediaStreamTrack];
  for (const method of ["replaceTrack", "addTrack", "removeTrack"] as const) {
    const noStream = await refused(page.zg[method](any({ stream }), track));
    assert.deepEqual([noStream.code, noStream.field], [1000018, "stream"], method);
    assert.match(noStream.message, /updatePublishingStream/);
    const noTrack = await refused(page.zg[method](stream, any(null)));
    assert.deepEqual([noTrack.code, noTrack.field], [1100001, "track"], method);
  }
  assert.equal(stream.getTracks().length, 2);
  closePage(page);
});

test("a buffer that no browser takes is refused before anything is sent", async () => {
  const page = await inRoom();
  const before = page.gateway.socket.sent.length;
  for (const jitterBufferTarget of [99_999, -1, NaN, any("100")]) {
    const error = await refused(page.zg.startPlayingStream("s", { jitterBufferTarget }));
    assert.deepEqual([error.code, error.field], [1100001, "jitterBufferTarget"]);
  }
  assert.equal(page.gateway.socket.sent.length, before);
  assert.ok(await page.zg.startPlayingStream("s", { jitterBufferTarget: 4000 }));
  closePage(page);
});

test("a mute without a second argument mutes", async () => {
  const page = await inRoom();
  const stream = camera();
  page.zg.startPublishingStream("s", stream);
  assert.ok(page.zg.mutePublishStreamVideo(stream));
  assert.ok(page.zg.mutePublishStreamAudio(stream));
  assert.deepEqual(stream.getTracks().map(({ enabled }) => enabled), [false, false]);
  page.zg.mutePublishStreamVideo(stream, false);
  page.zg.mutePublishStreamAudio(stream, false);
  assert.deepEqual(stream.getTracks().map(({ enabled }) => enabled), [true, true]);
  closePage(page);
});

test("muteAllPlay…Streams holds for streams that are played later, until each is unmuted", async () => {
  const page = await inRoom();
  const media = () => page.gateway.sockets.flatMap(({ sent }) => sent).filter(({ t }) => t === "play").map(({ media }) => Object.keys(media as object).sort().join());
  await page.zg.muteAllPlayVideoStreams(true);
  const stream = await page.zg.startPlayingStream("a");
  assert.equal(stream.getVideoTracks().length, 1, "the track is there for when it comes back");
  await page.zg.mutePlayStreamVideo("a", false);
  await settle();
  assert.deepEqual(media(), ["audioMid", "audioMid,videoMid"]);
  await page.zg.startPlayingStream("b");
  assert.equal(media().at(-1), "audioMid");
  await page.zg.muteAllPlayVideoStreams(false);
  await page.zg.startPlayingStream("c");
  assert.equal(media().at(-1), "audioMid,videoMid");
  closePage(page);
});

test("a stream of which all is muted keeps one line, which is not heard, and is given back", async () => {
  const page = await inRoom();
  const last = () => page.gateway.sockets.flatMap(({ sent }) => sent).filter(({ t }) => t === "play").at(-1)!.media;
  await page.zg.muteAllPlayVideoStreams(true);
  await page.zg.muteAllPlayAudioStreams(true);
  const stream = await page.zg.startPlayingStream("a");
  const enabled = () => stream.getTracks().map((track) => `${track.kind} ${track.enabled}`).sort();
  assert.deepEqual(Object.keys(last() as object), ["audioMid"], "the relay would choose lines by itself otherwise");
  assert.deepEqual(enabled(), ["audio false", "video true"]);
  await page.zg.mutePlayStreamVideo("a", false);
  assert.deepEqual(Object.keys(last() as object), ["videoMid"]);
  await page.zg.mutePlayStreamAudio("a", false);
  assert.deepEqual(Object.keys(last() as object), ["audioMid", "videoMid"]);
  assert.deepEqual(enabled(), ["audio true", "video true"]);
  closePage(page);
});
