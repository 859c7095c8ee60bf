/** What a move to another relay looks like to the page and to the relays. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { settle, type Sent } from "./fake-gateway";
import { FakePeer, installPeers } from "./fake-peer";
import { closePage, FakeStream, FakeTrack, openPage } from "./page";

test("a publisher whose relay is about to stop sends on a new connection before it leaves the old one, and the page is told of nothing", async () => {
  const page = openPage();
  installPeers();
  let transports = 0;
  const negotiated = (frame: Sent) => ({ transportID: frame.transportID ?? `t${++transports}`, sdp: "answer" });
  Object.assign(page.gateway.answers, { publish: negotiated, stopPublish: () => ({}) });
  await page.login();
  await settle();
  page.zg.startPublishingStream("s1", new FakeStream([new FakeTrack("audio"), new FakeTrack("video")]) as unknown as MediaStream);
  await settle();
  const old = FakePeer.last;
  const told = page.heard.length;
  page.gateway.socket.say({ t: "media", roomID: "r", streamID: "", transportID: "t9", state: "move" });
  await settle();
  assert.equal(FakePeer.last, old, "another transport's move is none of its own");
  page.gateway.socket.say({ t: "media", roomID: "r", streamID: "", transportID: "t1", state: "move" });
  await settle();
  const frames = page.gateway.sockets.flatMap((socket) => socket.sent).filter((frame) => frame.t === "publish");
  assert.deepEqual(frames.map((frame) => [frame.streamID, frame.transportID]), [["s1", undefined], ["s1", undefined]]);
  assert.notEqual(FakePeer.last, old);
  assert.deepEqual([old.connectionState, FakePeer.last.connectionState], ["connected", "connected"], "players of the old relay still get the stream");
  page.gateway.socket.say({ t: "media", roomID: "r", streamID: "s1", transportID: "t1", state: "gone" });
  await settle();
  assert.deepEqual([old.connectionState, FakePeer.last.connectionState], ["closed", "connected"], "the relay has stopped");
  assert.equal(page.heard.slice(told).filter(([name]) => name === "publisherStateUpdate").length, 0);
  closePage(page);
});
