import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { parse } from "acorn";
import { build } from "esbuild";
import { installPackage, NAME, ROOT } from "./built";

const application = installPackage();
after(application.remove);
const manifest = JSON.parse(readFileSync(join(application.sdk, "package.json"), "utf8"));
const text = (path: string) => readFileSync(join(application.sdk, path), "utf8");

/** Everything that can be imported, and a name that it gives. */
const ENTRIES = {
  "": "ZegoExpressEngine",
  "/esm": "ZegoExpressEngine",
  "/voice-changer": "VoiceChanger",
  "/background-process": "BackgroundProcess",
  "/aidenoise": "AiDenoise",
  "/stream-compositor": "StreamCompositor",
  "/copyrighted-music": "CopyrightedMusic",
  "/esm/audio-mix": "AudioMix",
  "/esm/beauty-effect": "BeautyEffect",
  "/esm/mix-stream": "MixStream",
  "/esm/range-audio": "RangeAudio",
  "/esm/stream-cdn": "StreamCDN",
  "/sdk/code/zh/ZegoLocalStream.web": "default",
  "/sdk/code/zh/ZegoStreamView.web": "ZegoStreamView",
  "/sdk/code/zh/ZegoExpressEntity.web": "ZegoStreamUpdateType",
  "/sdk/code/zh/ZegoExpressEntity.rtm": "ZegoRoomStateChangedReason",
  "/sdk/code/zh/ZegoVoiceChangerEntity.web": "AiDenoiseMode",
  "/sdk/src/common/zego.entity.web": "QualityGrade",
};

function node(code: string, type: "module" | "commonjs"): string {
  return execFileSync(process.execPath, [`--input-type=${type}`, "-e", code], { cwd: application.folder, encoding: "utf8" });
}

test("the files for old bundlers are of 2017, and none has import.meta", () => {
  parse(text(manifest.main), { ecmaVersion: 2017, sourceType: "script" });
  parse(text(manifest.module), { ecmaVersion: 2017, sourceType: "module" });
  for (const path of ["voice-changer/index.js", "sdk/code/zh/ZegoExpressEntity.web.js", "esm/index.js"]) parse(text(path), { ecmaVersion: 2017, sourceType: "module" });
  for (const path of [manifest.main, manifest.module, manifest.exports["."].import]) assert.doesNotMatch(text(path), /import\.meta/);
});

test("every entry can be imported and required, without a window", () => {
  for (const [path, name] of Object.entries(ENTRIES)) {
    const asked = JSON.stringify(NAME + path);
    assert.notEqual(node(`import * as all from ${asked}; console.log(typeof all[${JSON.stringify(name)}])`, "module").trim(), "undefined", path);
    assert.notEqual(node(`console.log(typeof require(${asked})[${JSON.stringify(name)}])`, "commonjs").trim(), "undefined", path);
  }
});

test("the declarations have no private member, and no module that pages cannot reach", () => {
  const files = readdirSync(join(application.sdk, "types"), { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".d.ts"));
  for (const name of files) assert.doesNotMatch(text(`types/${name}`), /^ +(?:private|protected) |@internal/m, name);
  assert.ok(files.includes("capture/local-stream.d.ts") && !files.some((name) => /^(?:room|signalling|negotiation)/.test(name)), files.join());
});

test("a module of effects can be given to use(), and a deep path gives the class of the package", () => {
  const code = `
    import { ZegoExpressEngine, ZegoLocalStream } from "${NAME}";
    import { VoiceChanger } from "${NAME}/voice-changer";
    import Deep from "${NAME}/sdk/code/zh/ZegoLocalStream.web";
    ZegoExpressEngine.presetLogConfig({ logLevel: "disable" });
    ZegoExpressEngine.use(VoiceChanger);
    console.log(VoiceChanger.type, Deep === ZegoLocalStream);`;
  assert.equal(node(code, "module").trim(), "VoiceChanger true");
});

test("an AMD loader gets the module, and the address is the script's", () => {
  const code = `
    const { readFileSync } = require("node:fs");
    globalThis.document = { currentScript: { src: "https://gateway.test/sdk/script.js" } };
    globalThis.location = { origin: "https://page.test" };
    let factory;
    globalThis.define = Object.assign((_names, given) => { factory = given; }, { amd: true });
    new Function(readFileSync(${JSON.stringify(join(application.sdk, manifest.main))}, "utf8"))();
    globalThis.document.currentScript = null;
    const { ZegoExpressEngine } = factory();
    globalThis.WebSocket = function (address) { console.log(address); process.exit(); };
    new ZegoExpressEngine(1, "").loginRoom("r", "04t", { userID: "u" });`;
  assert.equal(node(code, "commonjs").trim(), "wss://gateway.test/ws");
});

test("a consumer is bundled in every form without a warning", async () => {
  const consumer = join(application.folder, "consumer.js");
  writeFileSync(consumer, `import { ZegoExpressEngine } from "${NAME}"; import { AiDenoise } from "${NAME}/aidenoise"; ZegoExpressEngine.use(AiDenoise);`);
  for (const format of ["iife", "cjs", "esm"] as const) {
    const { warnings } = await build({ entryPoints: [consumer], bundle: true, write: false, format, logLevel: "silent" });
    assert.deepEqual(warnings, [], format);
  }
});

const COMPILERS = {
  // The oldest that public applications of the vendor's package are pinned to, with what they are configured with.
  "typescript-4.5": ["--moduleResolution", "node"],
  typescript: ["--moduleResolution", "bundler"],
};

for (const [compiler, options] of Object.entries(COMPILERS)) {
  test(`an application typed with the vendor's names compiles: ${compiler}`, () => {
    copyFileSync(join(ROOT, "tests/typed/application.txt"), join(application.folder, "application.ts"));
    const flags = ["--noEmit", "--strict", "--module", "esnext", "--target", "es2020", "--lib", "es2020,dom,dom.iterable", "--skipLibCheck", "false", ...options];
    const tsc = join(ROOT, "node_modules", compiler, "bin/tsc");
    const run = spawnSync(process.execPath, [tsc, ...flags, "application.ts"], { cwd: application.folder, encoding: "utf8" });
    assert.equal(run.stdout + run.stderr, "");
  });
}
