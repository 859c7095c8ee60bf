import assert from "node:assert/strict";
import { test } from "node:test";
import { at, settle, type Sent } from "./fake-gateway";
import { installPeers } from "./fake-peer";
import { closePage, FakeStream, FakeTrack, openPage, type Page } from "./page";

const SETTLED_MS = 300;

async function publishing(): Promise<{ page: Page; camera: FakeTrack; stream: MediaStream }> {
  const page = openPage();
  installPeers();
  const negotiated = (frame: Sent) => ({ transportID: frame.transportID ?? "t", sdp: "answer" });
  Object.assign(page.gateway.answers, { publish: negotiated, play: negotiated, mutes: () => ({}), stopPublish: () => ({}) });
  await page.login();
  const camera = new FakeTrack("video");
  const stream = new FakeStream([new FakeTrack("audio"), camera]) as unknown as MediaStream;
  page.zg.startPublishingStream("s", stream);
  await page.pass(SETTLED_MS);
  return { page, camera, stream };
}

const told = (page: Page) => page.gateway.sockets.flatMap(({ sent }) => sent).filter(({ t }) => t === "mutes").map(({ streamID, audio, video }) => [streamID, audio, video]);
const heard = (page: Page) => page.heard.filter(([name]) => String(name).startsWith("remote"));
const ev = (seq: number, type: string, data: object, userID = "ann") => ({ t: "ev", roomID: "r", pos: at(seq), seq, at: 1e15, type, data, user: { userID } });

test("others are told what is muted, once per change; nothing is told of a stream with nothing muted", async () => {
  const { page, stream } = await publishing();
  assert.deepEqual(told(page), []);
  page.zg.mutePublishStreamAudio(stream, true);
  await page.pass(SETTLED_MS);
  page.zg.mutePublishStreamVideo(stream, true);
  await page.pass(SETTLED_MS);
  page.zg.muteMicrophone(true);
  page.zg.mutePublishStreamAudio(stream, true);
  await page.pass(SETTLED_MS);
  assert.deepEqual(told(page), [["s", true, false], ["s", true, true]]);
  closePage(page);
});

test("what is changed and changed back within a moment is not told", async () => {
  const { page, stream } = await publishing();
  for (const mute of [true, false, true, false]) page.zg.mutePublishStreamVideo(stream, mute);
  await page.pass(SETTLED_MS);
  assert.deepEqual(told(page), []);
  closePage(page);
});

test("a camera that is switched off or unplugged counts as muted", async () => {
  const { page, stream, camera } = await publishing();
  await page.zg.enableVideoCaptureDevice(stream, false);
  await page.pass(SETTLED_MS);
  assert.deepEqual(told(page), [["s", false, true]]);
  closePage(page);
  const second = await publishing();
  second.camera.stop();
  second.camera.dispatchEvent(new Event("ended"));
  await second.page.pass(SETTLED_MS);
  assert.deepEqual(told(second.page), [["s", false, true]]);
  closePage(second.page);
  assert.equal(camera.readyState, "ended");
});

test("what was refused for its rate is told again; what was muted before it was published is told at once", async () => {
  const { page, stream } = await publishing();
  const answers = [page.gateway.refuse(9000004), {}];
  page.gateway.answers.mutes = () => answers.shift() ?? {};
  page.zg.mutePublishStreamAudio(stream, true);
  await page.pass(SETTLED_MS);
  await page.pass(1_200);
  assert.deepEqual(told(page), [["s", true, false], ["s", true, false]]);
  page.zg.stopPublishingStream("s");
  page.zg.startPublishingStream("s2", stream);
  await page.pass(SETTLED_MS);
  assert.deepEqual(told(page).at(-1), ["s2", true, false]);
  closePage(page);
});

test("a stream published anew may have been forgotten: its mutes are told again", async () => {
  const { page, stream } = await publishing();
  page.zg.mutePublishStreamAudio(stream, true);
  await page.pass(SETTLED_MS);
  page.gateway.socket.say(ev(5, "stream.removed.v1", { streamID: "s", code: 5 }, "me"));
  await page.pass(SETTLED_MS);
  assert.deepEqual(told(page), [["s", true, false], ["s", true, false]]);
  closePage(page);
});

test("remoteCameraStatusUpdate and remoteMicStatusUpdate: by event, with the lists, and again when the stream plays", async () => {
  const { page } = await publishing();
  const { socket } = page.gateway;
  const mutes = (seq: number, audioMuted: boolean, videoMuted: boolean, userID = "ann") => ev(seq, "stream.mutes_changed.v1", { streamID: userID === "me" ? "s" : "a", audioMuted, videoMuted }, userID);
  socket.say(ev(5, "stream.added.v1", { streamID: "a" }));
  socket.say(mutes(6, false, true));
  socket.say(mutes(7, true, true, "me"));
  socket.say(ev(8, "stream.updated.v1", { streamID: "a", extraInfo: "still muted" }));
  await settle();
  assert.deepEqual(heard(page), [["remoteCameraStatusUpdate", "a", "MUTE"]]);
  await page.zg.startPlayingStream("a");
  await settle();
  assert.deepEqual(heard(page).slice(1), [["remoteCameraStatusUpdate", "a", "MUTE"]]);
  socket.say(mutes(9, true, false));
  assert.deepEqual(heard(page).slice(2), [["remoteCameraStatusUpdate", "a", "OPEN"], ["remoteMicStatusUpdate", "a", "MUTE"]]);
  const muted = (streamID: string) => ({ streamID, user: { userID: "ann" }, audioMuted: true, videoMuted: false });
  socket.say({ t: "snap", roomID: "r", pos: at(20), users: [], streams: [muted("a"), muted("b")], extraInfo: [] });
  assert.deepEqual(heard(page).slice(4), [["remoteMicStatusUpdate", "b", "MUTE"]]);
  closePage(page);
});
