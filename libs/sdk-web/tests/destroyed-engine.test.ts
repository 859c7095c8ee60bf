import assert from "node:assert/strict";
import { test } from "node:test";
import { FALSE_METHODS, REJECTING_METHODS, UNCHANGED_METHODS, VOID_METHODS } from "../src/destroyed-engine";
import { ZegoExpressEngine } from "../src/engine";
import { FALSE, REJECTING, VOID } from "../src/not-offered/methods";
import { OBJECTS } from "../src/not-offered/objects";
import { closePage, FakeStream, openPage } from "./page";

type Loose = Record<string, (...args: unknown[]) => unknown>;

/** Methods that only this module's classes call. */
const PRIVATE = ["constructor", "room", "roomOfStream", "reportPublishError", "logoutOfNothing", "screenEnded", "muteAll"];

function methods(): string[] {
  const names: string[] = [];
  for (let at = ZegoExpressEngine.prototype as object; at !== Object.prototype; at = Object.getPrototypeOf(at) as object) {
    names.push(...Object.getOwnPropertyNames(at).filter((name) => typeof Object.getOwnPropertyDescriptor(at, name)!.value === "function"));
  }
  return [...new Set(names)].filter((name) => !PRIVATE.includes(name)).sort();
}

test("each method has its answer of a destroyed engine", () => {
  const notOffered = [...REJECTING, ...FALSE, ...VOID, ...Object.keys(OBJECTS)];
  assert.deepEqual([...notOffered, ...REJECTING_METHODS, ...FALSE_METHODS, ...VOID_METHODS, ...UNCHANGED_METHODS].sort(), methods());
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
  for (const name of REJECTING_METHODS) {
    void engine[name]!();
    await assert.rejects(engine[name]!() as Promise<unknown>, { errorCode: 9000021, message: new RegExp(`^${name}: `) });
  }
  await new Promise((resolve) => setImmediate(resolve));
  process.off("unhandledRejection", hear);
  assert.deepEqual(unhandled, []);
  for (const name of FALSE_METHODS) assert.equal(engine[name]!("roomStateChanged", () => undefined), false, name);
  for (const name of VOID_METHODS) assert.equal(engine[name]!(true), undefined, name);
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
