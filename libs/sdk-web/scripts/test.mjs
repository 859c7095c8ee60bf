/** Bundles each test file for node and runs all of them with node's own runner. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const tests = fileURLToPath(new URL("../tests/", import.meta.url));
const wanted = process.argv[2] ?? "";
const files = readdirSync(tests).filter((name) => name.endsWith(".test.ts") && name.includes(wanted));
// Beside node_modules, where what is not bundled is found.
const out = mkdtempSync(join(tests, "../node_modules/.parlour-tests-"));
try {
  await build({
    entryPoints: files.map((name) => join(tests, name)),
    outdir: out,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node18",
    external: ["esbuild", "acorn"],
    sourcemap: "inline",
    logLevel: "warning",
  });
  const built = readdirSync(out).map((name) => join(out, name));
  const run = spawnSync(process.execPath, ["--enable-source-maps", "--test", ...built], { stdio: "inherit" });
  process.exitCode = run.status ?? 1;
} finally {
  rmSync(out, { recursive: true, force: true });
}
