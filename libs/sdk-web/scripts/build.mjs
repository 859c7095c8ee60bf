/**
 * Builds dist/, or the folder given: the script and the module that gateways serve, and the package for bundlers (package/ and its tarball).
 * The package has the vendor's paths: existing applications import types and modules of effects from them.
 */
import { execFileSync } from "node:child_process";
import { copyFileSync, readFileSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { writePackage } from "./package.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const at = (path) => root + path;
const out = process.argv[2] ?? at("dist");
const { version } = JSON.parse(readFileSync(at("package.json"), "utf8"));
const script = `ZegoExpressWebRTC-${version}.js`;
const module = "zego-express-engine-webrtc.mjs";

/** Turns esbuild's CommonJS into UMD: AMD, CommonJS, or globals of the page. The script's address is only known while it is run, before an AMD loader calls. */
const UMD_HEAD = `/* Parlour web SDK ${version}, Apache-2.0 */
(function (root, script, factory) {
  if (typeof define === "function" && define.amd) define([], function () { return factory(script); });
  else if (typeof module === "object" && module.exports) module.exports = factory(script);
  else { var api = factory(script); for (var name in api.globals) root[name] = api.globals[name]; }
})(typeof globalThis !== "undefined" ? globalThis : this, typeof document === "object" && document.currentScript ? document.currentScript.src : "", function (parlourScript) {
var module = { exports: {} }, exports = module.exports;`;
const UMD_FOOT = "return module.exports;\n});";

/** What the oldest bundlers in use can parse (webpack 4), and what browsers and bundlers of today read. */
const OLD = "es2017";
const PRESENT = "es2020";
const shared = { bundle: true, sourcemap: true, minify: true, keepNames: true, logLevel: "warning", charset: "utf8" };

rmSync(out, { recursive: true, force: true });
await Promise.all([
  build({ ...shared, target: OLD, entryPoints: [at("src/umd.ts")], outfile: `${out}/${script}`, format: "cjs", banner: { js: UMD_HEAD }, footer: { js: UMD_FOOT } }),
  build({ ...shared, target: PRESENT, entryPoints: [at("src/served.ts")], outfile: `${out}/${module}`, format: "esm" }),
  build({ ...shared, target: PRESENT, entryPoints: [at("src/index.ts")], outfile: `${out}/package/${module}`, format: "esm" }),
  build({ ...shared, target: OLD, entryPoints: [at("src/index.ts")], outfile: `${out}/package/zego-express-engine-webrtc.es2017.js`, format: "esm" }),
]);
for (const name of [script, `${script}.map`]) copyFileSync(`${out}/${name}`, `${out}/package/${name}`);
await writePackage({ root, folder: `${out}/package`, version, script });
execFileSync("npm", ["pack", "--silent", "--pack-destination", out], { cwd: `${out}/package`, stdio: ["ignore", "ignore", "inherit"] });
