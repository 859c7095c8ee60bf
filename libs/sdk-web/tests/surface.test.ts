import assert from "node:assert/strict";
import { test } from "node:test";
import { ZegoExpressEngine } from "../src/engine";
import { REJECTING, STATIC_THROWING, THROWING } from "../src/not-offered";
import * as published from "../src/public";
import { closePage, openPage } from "./page";

const NAMES = [
  "on", "off", "setDebugVerbose", "checkSystemRequirements", "loginRoom", "logoutRoom", "createZegoStream", "destroyStream", "startPublishingStream",
  "stopPublishingStream", "startPlayingStream", "stopPlayingStream", "createRemoteStreamView", "setEffectsBeauty", "destroyEngine", "renewToken",
  "getVersion", "createStream", "enumDevices", "getCameras", "getMicrophones", "getSpeakers", "setLogConfig", "mutePublishStreamVideo",
  "mutePublishStreamAudio", "muteMicrophone", "isMicrophoneMuted", "useVideoDevice", "useAudioDevice", "enableVideoCaptureDevice", "mutePlayStreamAudio",
  "mutePlayStreamVideo", "muteAllPlayAudioStreams", "muteAllPlayVideoStreams", "sendBroadcastMessage", "sendBarrageMessage", "sendCustomCommand",
  "setSoundLevelDelegate", "setVideoConfig", "setAudioConfig", "setStreamExtraInfo", "replayRoom", "setRoomExtraInfo", "replaceTrack", "addTrack", "removeTrack",
  "updatePublishingStream", "createLocalStreamView", "useFrontCamera", "useAudioOutputDevice", "enableMultiRoom", "switchRoom",
  "getPublishingStreamQuality", "getPlayingStreamQuality", "setRoomScenario",
];

test("every name that pages call is there", () => {
  const engine = new ZegoExpressEngine(1, "") as unknown as Record<string, unknown>;
  for (const name of [...NAMES, ...REJECTING, ...THROWING]) assert.equal(typeof engine[name], "function", name);
  for (const name of [...STATIC_THROWING, "setEngineOptions", "presetLogConfig"]) assert.equal(typeof (ZegoExpressEngine as unknown as Record<string, unknown>)[name], "function", name);
  assert.equal(engine.getVersion instanceof Function && ZegoExpressEngine.version, "3.12.0");
});

test("what is not offered says so by its name", async () => {
  const engine = new ZegoExpressEngine(1, "") as unknown as Record<string, () => unknown>;
  for (const name of REJECTING) await assert.rejects(engine[name]!() as Promise<unknown>, { errorCode: 9000020, message: new RegExp(name) });
  for (const name of THROWING) assert.throws(() => engine[name]!(), { errorCode: 9000020, message: new RegExp(name) });
  for (const name of STATIC_THROWING) assert.throws(() => (ZegoExpressEngine as unknown as Record<string, () => unknown>)[name]!(), new RegExp(name));
});

test("the exports, and the reasons as pages compare them", () => {
  assert.deepEqual(Object.keys(published).sort(), ["WebRTCUtil", "ZegoError", "ZegoExpressEngine", "ZegoLocalStream", "ZegoRoomStateChangedReason", "ZegoStreamView"]);
  assert.equal(published.ZegoRoomStateChangedReason.LoginFailed, "LOGIN_FAILED");
});

test("an appID that is no number is refused by the constructor; 0 is a blank that pages come with", () => {
  assert.throws(() => new ZegoExpressEngine("1" as unknown as number, ""), { errorCode: 1001004 });
  assert.throws(() => new ZegoExpressEngine(NaN, ""), { errorCode: 1001004 });
  assert.ok(new ZegoExpressEngine(0, ""));
});

test("messages: their answers, and their limits before anything is sent", async () => {
  const page = openPage();
  const { zg } = page;
  await assert.rejects(zg.sendBroadcastMessage("r", "hi"), { errorCode: 1009005 });
  await page.login();
  assert.deepEqual(await zg.sendBroadcastMessage("r", "hi"), { errorCode: 0, messageID: 7, extendedData: "" });
  assert.deepEqual(await zg.sendBarrageMessage("r", "hi"), { errorCode: 0, messageID: "8", extendedData: "" });
  page.gateway.answers.command = () => ({ absent: ["gone"] });
  assert.deepEqual(await zg.sendCustomCommand("r", "go", ["gone", "ann"]), { errorCode: 0, extendedData: '{"absent":["gone"]}' });
  const before = page.gateway.socket.sent.length;
  await assert.rejects(zg.sendBroadcastMessage("r", ""), { errorCode: 1009001 });
  await assert.rejects(zg.sendBarrageMessage("r", "ü".repeat(513)), { errorCode: 1009002 });
  await assert.rejects(zg.sendCustomCommand("r", "go", ["bad user"]), { errorCode: 1002006 });
  await assert.rejects(zg.setRoomExtraInfo("r", "far too long a key", ""), { errorCode: 1002015 });
  await assert.rejects(zg.setRoomExtraInfo("r", "k", "v".repeat(128)), { errorCode: 1002016 });
  await assert.rejects(zg.setRoomExtraInfo("nowhere", "k", "v"), { errorCode: 1002014 });
  await assert.rejects(zg.setStreamExtraInfo("s", "x"), { errorCode: 1103040 });
  assert.equal(page.gateway.socket.sent.length, before);
  closePage(page);
});

test("an engine asks Vue not to make it reactive", () => {
  assert.equal((new ZegoExpressEngine(1, "") as unknown as { __v_skip: boolean }).__v_skip, true);
});
