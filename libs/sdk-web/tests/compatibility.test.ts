import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { ZegoExpressEngine } from "../src/engine";
import { EVENT_NAMES } from "../src/emitter";
import { NOT_OFFERED, OBJECTS } from "../src/inert-methods";
import { ROOT } from "./built";

interface List {
  notOffered: { what: string; names: string[] }[];
  different: Record<string, string>;
  neverCalled: Record<string, string>;
  unreadOptions: Record<string, string[]>;
  types: Record<string, string>;
  added: Record<string, string>;
}

interface Compared {
  names: Record<string, string[]>;
  options: Record<string, string[]>;
  differences: Record<string, "missing" | "added" | "other type">;
}

/** Scripts are imported as they are: they look for the compiler beside themselves. */
const script = (name: string) => import(pathToFileURL(join(ROOT, "scripts", name)).href);
const text = (path: string) => readFileSync(join(ROOT, path), "utf8");
const list = createRequire(import.meta.url)(join(ROOT, "compatibility.json")) as List;
const { compareTypes } = (await script("vendor-types.mjs")) as { compareTypes(root: string): Compared };
const compared = compareTypes(ROOT);

const ofKind = (kind: string) => Object.keys(compared.differences).filter((name) => compared.differences[name] === kind).sort();

/** The SDK without its declarations. */
function source(): string {
  const files = readdirSync(join(ROOT, "src"), { recursive: true }).map(String);
  return files.filter((name) => name.endsWith(".ts") && !/^(entities|not-offered|inert-methods|emitter)/.test(name)).map((name) => text(`src/${name}`)).join("\n");
}

test("declarations differ from the vendor's as compatibility.json says, and in nothing else", () => {
  assert.deepEqual(ofKind("missing"), []);
  assert.deepEqual(ofKind("added"), Object.keys(list.added).sort());
  assert.deepEqual(ofKind("other type"), Object.keys(list.types).sort());
});

test("each name of the vendor's engine can be called, and is listed once at most", () => {
  const engine = new ZegoExpressEngine(1, "") as unknown as Record<string, unknown>;
  for (const name of compared.names.ZegoExpressEngine!) assert.notEqual(engine[name], undefined, name);
  const statics = ZegoExpressEngine as unknown as Record<string, unknown>;
  for (const name of compared.names["ZegoExpressEngine (static)"]!) assert.notEqual(statics[name], undefined, name);
  const listed = [...list.notOffered.flatMap(({ names }) => names), ...Object.keys(list.different)];
  assert.equal(new Set(listed).size, listed.length);
  const known = [...compared.names.ZegoExpressEngine!, ...compared.names["ZegoExpressEngine (static)"]!];
  assert.deepEqual(listed.filter((name) => !known.includes(name)), []);
});

test("what is not offered is what the SDK declines", () => {
  const statics = ["use", "setGeoFence", "setCloudProxyConfig"];
  assert.deepEqual(list.notOffered.flatMap(({ names }) => names).sort(), [...Object.values(NOT_OFFERED).flat(), ...Object.keys(OBJECTS), ...statics].sort());
});

test("events that are never called are those that nothing emits", () => {
  const code = source();
  assert.deepEqual(EVENT_NAMES.filter((name) => !code.includes(`"${name}"`)).sort(), Object.keys(list.neverCalled).sort());
});

test("options without an effect are those that nothing reads", () => {
  const code = source();
  for (const [name, fields] of Object.entries(compared.options)) {
    assert.deepEqual(fields.filter((field) => !new RegExp(`\\b${field}\\b`).test(code)), [...list.unreadOptions[name]!].sort(), name);
  }
});

test("the page of the reference is that of the list", async () => {
  const { compatibilityPage, codesOf } = await script("compatibility.mjs");
  const page = readFileSync(join(ROOT, "../../docs/reference/compatibility.md"), "utf8");
  assert.equal(page, compatibilityPage(list, compared, codesOf(`${ROOT}/`)), "run `make docs`");
});
