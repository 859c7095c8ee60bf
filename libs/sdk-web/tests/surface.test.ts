import assert from "node:assert/strict";
import { test } from "node:test";
import { ZegoExpressEngine } from "../src/engine";
import { NOT_OFFERED, OBJECTS } from "../src/inert-methods";
import * as published from "../src/index";
import { setLogLevel } from "../src/logging";
import { closePage, FakeStream, FakeTrack, openPage } from "./page";

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
  for (const name of [...NAMES, ...Object.values(NOT_OFFERED).flat(), ...Object.keys(OBJECTS)]) assert.equal(typeof engine[name], "function", name);
  for (const name of ["use", "setGeoFence", "setCloudProxyConfig", "setLocalProxyConfig", "setEngineOptions", "presetLogConfig"]) assert.equal(typeof (ZegoExpressEngine as unknown as Record<string, unknown>)[name], "function", name);
  assert.equal(engine.getVersion instanceof Function && ZegoExpressEngine.version, "3.12.0");
});

test("what is not offered answers in the vendor's shape", async () => {
  const engine = new ZegoExpressEngine(1, "") as unknown as Record<string, (...args: unknown[]) => unknown>;
  for (const name of NOT_OFFERED.promise) await assert.rejects(engine[name]!() as Promise<unknown>, { errorCode: 9000020, message: new RegExp(name) });
  for (const name of NOT_OFFERED.boolean) assert.equal(engine[name]!(), false, name);
  for (const name of NOT_OFFERED.nothing) assert.equal(engine[name]!(), undefined, name);
  for (const name of Object.keys(OBJECTS)) assert.equal(typeof engine[name]!(), "object", name);
  const channel = engine.createRealTimeSequentialDataManager!("r") as { roomID: string; startBroadcasting(id: string): Promise<boolean>; on(): void };
  assert.deepEqual([channel.roomID, channel.on()], ["r", undefined]);
  await assert.rejects(channel.startBroadcasting("s"), { errorCode: 9000020, message: /createRealTimeSequentialDataManager\(\)\.startBroadcasting/ });
  await assert.rejects(engine.callExperimentalAPI!({ method: "other" }) as Promise<unknown>, { errorCode: 9000020 });
  assert.deepEqual(await engine.callExperimentalAPI!({ method: "onRecvRoomChannelMessage" }), { errorCode: 9000020, extendedData: "" });
});

test("settings before there is an engine never throw, and warn once", (context) => {
  const warn = context.mock.method(console, "warn", () => undefined);
  setLogLevel("warn");
  for (let again = 0; again < 2; again++) {
    ZegoExpressEngine.use({ type: "VoiceChanger", install() {} });
    ZegoExpressEngine.setGeoFence(1, [2]);
    ZegoExpressEngine.setCloudProxyConfig([{ hostName: "proxy.test", port: 443 }], "token", true);
  }
  const lines = warn.mock.calls.map(({ arguments: [line] }) => String(line));
  assert.equal(lines.length, 3, lines.join("\n"));
  assert.match(lines[0]!, /VoiceChanger/);
  setLogLevel("disable");
});

test("a rejection of what is not offered is no unhandled one", async () => {
  const engine = new ZegoExpressEngine(1, "") as unknown as Record<string, () => unknown>;
  const unhandled: unknown[] = [];
  const hear = (reason: unknown) => unhandled.push(reason);
  process.on("unhandledRejection", hear);
  for (const name of NOT_OFFERED.promise) engine[name]!();
  await new Promise((resolve) => setImmediate(resolve));
  process.off("unhandledRejection", hear);
  assert.deepEqual(unhandled, []);
});

test("noise suppression is the browser's, and 1103081 where it has none", async () => {
  const page = openPage();
  const track = Object.assign(new FakeTrack("audio"), { applyConstraints: async () => undefined, getConstraints: () => ({}), getSettings: () => ({ noiseSuppression: true }) });
  const stream = new FakeStream([track]) as unknown as MediaStream;
  assert.equal((await page.zg.enableAiDenoise(stream, true)).errorCode, 0);
  assert.equal((await page.zg.setAiDenoiseMode(stream, 1)).errorCode, 0);
  const silent = new FakeStream() as unknown as MediaStream;
  assert.equal((await page.zg.enableAiDenoise(silent, true)).errorCode, 1103081);
  assert.equal((await page.zg.setAiDenoiseMode(silent, 1)).errorCode, 1103081);
  closePage(page);
});

test("internals that pages reach into do no harm", () => {
  const engine = new ZegoExpressEngine(1, "");
  engine.zegoWebRTC.rtcModules.streamCenter.isPeer = true;
  for (const level of ["debug", "info", "warn", "error", "report"] as const) engine.logger[level]("text");
  assert.equal(engine.on("noSuchEvent" as "roomStateChanged", () => undefined), true);
});

test("what the vendor answers at once is answered at once", () => {
  const engine = new ZegoExpressEngine(1, "");
  assert.equal(engine.getPublishingStreamQuality("s"), null);
  assert.equal(engine.getPlayingStreamQuality("s"), null);
  assert.deepEqual(engine.getNetworkTimeInfo(), { timestamp: 0, maxDeviation: 0 });
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
