import assert from "node:assert/strict";
import { test } from "node:test";
import { parseCaptureOptions, type VideoOptions } from "../src/capture/capture-options";
import { withStartBitrate } from "../src/publish/codecs";

function video(options: object): VideoOptions {
  const wish = parseCaptureOptions(options);
  assert.ok(wish.kind !== "custom" && wish.video);
  return wish.video;
}

test("nothing asked means camera and microphone at preset 2", () => {
  const wish = parseCaptureOptions(undefined);
  assert.equal(wish.kind, "camera");
  assert.ok(wish.kind === "camera" && wish.video && wish.audio);
  const { width, height, frameRate, kbps } = wish.video;
  assert.deepEqual([width, height, frameRate, kbps, wish.audio.kbps], [640, 480, 15, 800, 48]);
});

test("presets, nested or flat", () => {
  assert.equal(video({ camera: { video: { quality: 3 } } }).width, 1280);
  assert.equal(video({ camera: { audio: true, video: true, videoQuality: 1 } }).kbps, 300);
  const own = video({ camera: { video: { quality: 4, width: 960, height: 540, frameRate: 24 } }, videoBitrate: 1200 });
  assert.deepEqual([own.width, own.height, own.frameRate, own.kbps], [960, 540, 24, 1200]);
  assert.equal(video({ camera: { video: { width: 800, height: 600 } } }).width, 800, "a size without a quality is a size of one's own");
  assert.equal(video({ camera: { videoQuality: 4, bitrate: 500 } }).kbps, 500);
  assert.equal(video({ camera: {}, videoBitrate: { bitrate: 700, startBitrate: 300 } }).kbps, 700);
});

test("voice alone, and devices by either name", () => {
  const wish = parseCaptureOptions({ camera: { audio: true, video: false } });
  assert.ok(wish.kind === "camera" && wish.video === false && wish.audio);
  assert.equal(video({ camera: { videoInput: "cam" } }).deviceID, "cam");
  assert.equal(video({ camera: { video: { input: "cam" } } }).deviceID, "cam");
});

test("screens: video is on unless it is switched off; true is enough", () => {
  assert.equal(video({ screen: { audio: false, videoQuality: 4 } }).kbps, 1500);
  assert.equal(video({ screen: true }).frameRate, 15);
  assert.equal(video({ screen: { video: { quality: 3 } } }).frameRate, 5);
  const withSound = parseCaptureOptions({ screen: { audio: true } });
  assert.ok(withSound.kind === "screen" && withSound.video && withSound.audio);
});

test("two kinds at once, or none of a camera, are refused", () => {
  assert.throws(() => parseCaptureOptions({ camera: {}, screen: {} }), { errorCode: 1100001 });
  assert.throws(() => parseCaptureOptions({ camera: { audio: false, video: false } }), { errorCode: 1100001 });
  assert.throws(() => parseCaptureOptions({ custom: {} }), { errorCode: 1100001 });
  assert.throws(() => parseCaptureOptions("camera"), { errorCode: 1100001 });
});

test("the start bitrate goes to the codecs of one m-line, and nowhere else", () => {
  const section = (mid: string) => `m=video 9 UDP/TLS/RTP/SAVPF 96 102\r\na=mid:${mid}\r\na=rtpmap:96 VP8/90000\r\na=rtpmap:102 H264/90000\r\na=fmtp:102 packetization-mode=1\r\na=rtpmap:97 rtx/90000\r\n`;
  const amended = withStartBitrate(`v=0\r\n${section("0")}${section("1")}`, "1", 1500);
  assert.ok(amended.startsWith(`v=0\r\n${section("0")}`));
  assert.match(amended, /a=rtpmap:96 VP8\/90000\r\na=fmtp:96 x-google-start-bitrate=1100\r\n/);
  assert.match(amended, /a=fmtp:102 packetization-mode=1;x-google-start-bitrate=1100\r\n/);
  assert.equal(amended.match(/start-bitrate/g)!.length, 2);
});

test("a small wish is begun whole, of a large one a part", () => {
  const started = (kbps: number) => Number(/start-bitrate=(\d+)/.exec(withStartBitrate("v=0\r\nm=video 9 X 96\r\na=mid:0\r\na=rtpmap:96 VP8/90000\r\n", "0", kbps))![1]);
  assert.deepEqual([300, 400, 1000, 1500, 4000].map(started), [400, 500, 1100, 1100, 2500]);
});
