import assert from "node:assert/strict";
import { test } from "node:test";
import { ZegoExpressEngine } from "../src/engine";
import { NEED_ENGINE, NOT_OFFERED, OBJECTS } from "../src/inert-methods";
import { closePage, FakeStream, openPage } from "./page";

type Loose = Record<string, (...args: unknown[]) => unknown>;

/** Methods that only this module's classes call. */
const PRIVATE = [
  "constructor", "room", "messageRoom", "roomOfStream", "muteAll", "applyAudioMute", "emit", "clear", "switchOn",
  "recapture", "runInTurn", "replaceCaptured", "refresh", "reportMutes", "publications",
];

/** Methods that need no engine, or that end what has ended already: they answer as before. */
const UNCHANGED = [
  "checkAudioTrackIsActive", "checkSystemRequirements", "checkVideoTrackIsActive", "createLocalStreamView", "createRemoteStreamView", "destroyEngine",
  "destroyStream", "enumDevices", "getCameras", "getMicrophones", "getNetworkTimeInfo", "getPlayingStreamQuality", "getPublishingStreamQuality",
  "getSpeakers", "getVersion", "isMicrophoneMuted", "logoutRoom", "off", "setDebugVerbose", "setLogConfig", "stopPlayingStream",
  "stopPublishingStream", "useAudioOutputDevice",
];

function methods(): string[] {
  const names: string[] = [];
  for (let at = ZegoExpressEngine.prototype as object; at !== Object.prototype; at = Object.getPrototypeOf(at) as object) {
    names.push(...Object.getOwnPropertyNames(at).filter((name) => typeof Object.getOwnPropertyDescriptor(at, name)!.value === "function"));
  }
  return [...new Set(names)].filter((name) => !PRIVATE.includes(name)).sort();
}

test("each method has its answer of a destroyed engine", () => {
  const notOffered = [...Object.values(NOT_OFFERED).flat(), ...Object.keys(OBJECTS)];
  assert.deepEqual([...notOffered, ...Object.values(NEED_ENGINE).flat(), ...UNCHANGED].sort(), methods());
});

test("a destroyed engine answers 9000021 in the kind of each method, and does nothing", async () => {
  const page = openPage();
  await page.login();
  await page.zg.destroyEngine();
  const engine = page.zg as unknown as Loose;
  const before = page.gateway.sockets.flatMap(({ sent }) => sent).length;
  const unhandled: unknown[] = [];
  const hear = (reason: unknown) => unhandled.push(reason);
  process.on("unhandledRejection", hear);
  for (const name of NEED_ENGINE.promise) {
    void engine[name]!();
    await assert.rejects(engine[name]!() as Promise<unknown>, { errorCode: 9000021, message: new RegExp(`^${name}: `) });
  }
  await new Promise((resolve) => setImmediate(resolve));
  process.off("unhandledRejection", hear);
  assert.deepEqual(unhandled, []);
  for (const name of NEED_ENGINE.boolean) assert.equal(engine[name]!("roomStateChanged", () => undefined), false, name);
  for (const name of NEED_ENGINE.nothing) assert.equal(engine[name]!(true), undefined, name);
  assert.equal(page.gateway.sockets.flatMap(({ sent }) => sent).length, before);
  closePage(page);
});

test("a page may tidy up after the end of the engine", async () => {
  const page = openPage();
  await page.login();
  await page.zg.destroyEngine();
  const { zg } = page;
  assert.deepEqual([zg.stopPublishingStream("s"), zg.stopPlayingStream("s"), zg.off("roomStateChanged")], [false, false, true]);
  assert.deepEqual([zg.getPublishingStreamQuality("s"), zg.getPlayingStreamQuality("s")], [null, null]);
  zg.destroyStream(new FakeStream() as unknown as MediaStream);
  await zg.logoutRoom("r");
  await zg.logoutRoom();
  await zg.destroyEngine();
  closePage(page);
});
