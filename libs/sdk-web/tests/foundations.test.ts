import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { ZegoLocalStream } from "../src/capture/local-stream";
import { asZegoError, Code, failure, SDK_CODES, ZegoError } from "../src/errors";
import { Emitter, EVENT_NAMES } from "../src/emitter";
import { SERVER_CODES } from "../src/generated/contract";
import { ZegoExpressEngine } from "../src/engine";
import { gatewayAddresses } from "../src/signalling/address";
import { Backoff, SerialQueue } from "../src/scheduling";
import { setLogLevel } from "../src/logging";
import { FakeStream } from "./page";

setLogLevel("disable");

test("an error carries all five names and JSON in extendedData", () => {
  const error = failure(1002013, "roomID has 200 bytes", { field: "roomID", limit: "128 bytes", hint: "shorten it" });
  assert.ok(error instanceof Error && error instanceof ZegoError);
  const { errorCode, extendedData, code, msg, message } = error;
  assert.deepEqual([errorCode, code, msg], [1002013, 1002013, message]);
  assert.match(message, /roomID has 200 bytes.*128 bytes.*shorten it/);
  assert.deepEqual(JSON.parse(extendedData), { message: "roomID has 200 bytes", field: "roomID", limit: "128 bytes", hint: "shorten it" });
});

test("a foreign fault keeps its text", () => {
  assert.match(asZegoError(new TypeError("boom"), 1).message, /TypeError: boom/);
});

test("handlers run in order, and a fault in one stops none", async () => {
  const events = new Emitter<{ e: (n: number) => unknown }>();
  const seen: string[] = [];
  events.on("e", (n) => seen.push(`first ${n}`));
  events.on("e", () => {
    throw new Error("a page's mistake");
  });
  events.on("e", async () => Promise.reject(new Error("a page's mistake")));
  events.on("e", (n) => seen.push(`last ${n}`));
  events.emit("e", 1);
  await Promise.resolve();
  assert.deepEqual(seen, ["first 1", "last 1"]);
});

test("a handler of an event that there is not is warned of once, and events of the engine are known", (context) => {
  const warn = context.mock.method(console, "warn", () => undefined);
  setLogLevel("warn");
  const engine = new ZegoExpressEngine(1, "");
  for (let again = 0; again < 2; again++) assert.equal(engine.on("roomStreamUpdated" as "roomStreamUpdate", () => undefined), true);
  for (const name of EVENT_NAMES) engine.on(name, () => undefined);
  setLogLevel("disable");
  const lines = warn.mock.calls.map(({ arguments: [line] }) => String(line));
  assert.equal(lines.length, 1, lines.join("\n"));
  assert.match(lines[0]!, /no event "roomStreamUpdated"/);
});

test("the SDK's own codes are raised by it, and are not among the contract's", () => {
  const files = readdirSync("src", { recursive: true }).map(String).filter((name) => name.endsWith(".ts") && name !== "codes.ts");
  const source = files.map((name) => readFileSync(`src/${name}`, "utf8")).join("\n");
  assert.deepEqual(Object.keys(SDK_CODES).filter((name) => !source.includes(`Code.${name}`)), []);
  assert.deepEqual(Object.keys(SDK_CODES).filter((name) => name in SERVER_CODES), []);
  assert.equal(new Set(Object.values(Code)).size, Object.keys(Code).length);
});

test("a local stream warns of an unknown event as the engine does", (context) => {
  Object.assign(globalThis, { MediaStream: FakeStream });
  const warn = context.mock.method(console, "warn", () => undefined);
  setLogLevel("warn");
  const local = new ZegoLocalStream();
  assert.equal(local.on("videoTrackChange" as "videoTrackChanged", () => undefined), true);
  local.on("videoTrackChanged", () => undefined);
  setLogLevel("disable");
  assert.deepEqual(warn.mock.calls.map(({ arguments: [line] }) => String(line).includes('no event "videoTrackChange"')), [true]);
});

test("off removes one handler, or all; bad arguments answer false", () => {
  const events = new Emitter<{ e: () => unknown }>();
  let calls = 0;
  const handler = () => calls++;
  assert.ok(events.on("e", handler));
  events.on("e", handler);
  events.off("e", handler);
  events.emit("e");
  assert.equal(calls, 0);
  events.on("e", handler);
  events.off("e");
  events.emit("e");
  assert.equal(calls, 0);
  assert.equal(events.on("e", undefined as unknown as () => void), false);
  assert.equal(events.on(3 as unknown as "e", handler), false);
});

test("addresses: the own origin for what is none, a list in turn, any path", () => {
  const own = "http://host:8080";
  for (const nothing of ["", null, undefined, "whatever", 5]) assert.deepEqual(gatewayAddresses(nothing, own), ["ws://host:8080/ws"]);
  assert.deepEqual(gatewayAddresses("wss://a.example/accesshub", own), ["wss://a.example/accesshub"]);
  assert.deepEqual(gatewayAddresses("wss://a.example:8443", own), ["wss://a.example:8443/ws"]);
  assert.deepEqual(gatewayAddresses(["ws://a/x", "https://b", "junk", "ws://a/x"], own), ["ws://a/x", "wss://b/ws"]);
  assert.deepEqual(gatewayAddresses("", "https://secure"), ["wss://secure/ws"]);
});

test("the backoff doubles to its limit, within its upper half", (context) => {
  const random = context.mock.method(Math, "random", () => 0);
  const low = new Backoff(300, 12_000);
  assert.deepEqual(Array.from({ length: 8 }, () => low.next()), [150, 300, 600, 1200, 2400, 4800, 6000, 6000]);
  random.mock.mockImplementation(() => 1);
  const high = new Backoff(300, 12_000);
  assert.deepEqual([high.next(), high.next()], [300, 600]);
  high.reset();
  assert.equal(high.next(), 300);
});

test("serial jobs keep their order over a failing one", async () => {
  const serial = new SerialQueue();
  const order: number[] = [];
  const first = serial.run(async () => {
    await Promise.resolve();
    order.push(1);
    throw new Error("one");
  });
  const second = serial.run(async () => order.push(2));
  await assert.rejects(first, /one/);
  await second;
  assert.deepEqual(order, [1, 2]);
});
