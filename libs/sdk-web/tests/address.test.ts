import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { ZegoExpressEngine } from "../src/engine";
import { setLogLevel } from "../src/logging";
import { gatewayAddresses } from "../src/signalling/address";

const OWN = "https://own.test";
const addresses = (server: unknown) => gatewayAddresses(server, OWN);
setLogLevel("disable");

afterEach(() => {
  ZegoExpressEngine.setEngineOptions({ server: undefined });
  Reflect.deleteProperty(globalThis, "document");
});

test("a server of the vendor means the own origin: no token goes there", () => {
  const hosts = ["accesshub-wss.zego.im", "webliveroom1-api.zegocloud.com", "webliveroom1-api.imzego.com", "webliveroom1-api.coolzcloud.com", "zego.im", "a.ZEGO.im", "zego.im."];
  for (const host of hosts) assert.deepEqual(addresses(`wss://${host}/ws`), ["wss://own.test/ws"], host);
  assert.deepEqual(addresses(["wss://accesshub-wss.zego.im/accesshub", ""]), ["wss://own.test/ws"]);
  ZegoExpressEngine.setEngineOptions({ server: "wss://zegocloud.com/ws" });
  assert.deepEqual(addresses("wss://zego.im/ws"), ["wss://own.test/ws"], "nor by a setting of the page");
});

test("names that only look like the vendor's are used as they are", () => {
  for (const host of ["zego.example", "zego.mycompany.test", "notzego.im", "zego.im.example"]) assert.deepEqual(addresses(`wss://${host}/ws`), [`wss://${host}/ws`], host);
});

test("of a list, the page's own servers are kept and the rest is passed over", () => {
  assert.deepEqual(addresses(["", "wss://accesshub-wss.zego.im/accesshub", "wss://a.test/x", null, "wss://a.test/x"]), ["wss://a.test/x"]);
});

test("a setting of the page names the server for libraries that cannot", () => {
  ZegoExpressEngine.setEngineOptions({ server: "wss://mine.test" });
  assert.deepEqual(addresses("wss://webliveroom.zego.im/ws"), ["wss://mine.test/ws"]);
});

test("the vendor's switch to a server of one's own, on and off", () => {
  ZegoExpressEngine.setLocalProxyConfig({ accesshubProxy: "mine.test" }, true);
  assert.deepEqual(addresses("wss://webliveroom.zego.im/ws"), ["wss://mine.test/ws"]);
  ZegoExpressEngine.setLocalProxyConfig({ accesshubProxy: "wss://mine.test/gate" }, true);
  assert.deepEqual(addresses(""), ["wss://mine.test/gate"]);
  ZegoExpressEngine.setLocalProxyConfig({ accesshubProxy: "wss://mine.test/gate" }, false);
  assert.deepEqual(addresses(""), ["wss://own.test/ws"]);
  ZegoExpressEngine.setLocalProxyConfig(null as never, true);
  assert.deepEqual(addresses(""), ["wss://own.test/ws"]);
});

test("an attribute in the page names the server", () => {
  const element = { getAttribute: () => "wss://attribute.test/ws" };
  Object.assign(globalThis, { document: { querySelector: (selector: string) => (selector === "[data-parlour-server]" ? element : null) } });
  assert.deepEqual(addresses("wss://webliveroom.zego.im/ws"), ["wss://attribute.test/ws"]);
});
