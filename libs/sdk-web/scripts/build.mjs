/** Builds the script for pages (UMD), the module for bundlers (ESM) and the type declarations into dist/. */
import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));
const at = (path) => root + path;

/** Turns esbuild's CommonJS into UMD: AMD, CommonJS, or globals of the page. */
const UMD_HEAD = `/* Parlour web SDK 3.12.0, Apache-2.0 */
(function (root, factory) {
  if (typeof define === "function" && define.amd) define([], factory);
  else if (typeof module === "object" && module.exports) module.exports = factory();
  else { var api = factory(); for (var name in api) root[name] = api[name]; }
})(typeof globalThis !== "undefined" ? globalThis : this, function () {
var module = { exports: {} }, exports = module.exports;`;
const UMD_FOOT = "return module.exports;\n});";

const shared = { bundle: true, target: "es2020", sourcemap: true, minify: true, keepNames: true, logLevel: "warning", charset: "utf8" };

rmSync(at("dist"), { recursive: true, force: true });
await Promise.all([
  build({
    ...shared,
    entryPoints: [at("src/umd.ts")],
    outfile: at("dist/ZegoExpressWebRTC-3.12.0.js"),
    format: "cjs",
    banner: { js: UMD_HEAD },
    footer: { js: UMD_FOOT },
  }),
  build({ ...shared, entryPoints: [at("src/index.ts")], outfile: at("dist/zego-express-engine-webrtc.mjs"), format: "esm" }),
]);
const tsc = fileURLToPath(new URL("../node_modules/typescript/bin/tsc", import.meta.url));
execFileSync(process.execPath, [tsc, "-p", at("tsconfig.json"), "--declaration", "--emitDeclarationOnly", "--outDir", at("dist/types")], {
  stdio: "inherit",
});
