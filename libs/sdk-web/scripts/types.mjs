/** Checks the types of the SDK, of the pages' JavaScript and of the tests, one after the other. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const at = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const failed = ["tsconfig.json", "tsconfig.pages.json", "tests/tsconfig.json"].filter((project) => {
  const { status } = spawnSync(process.execPath, [at("node_modules/typescript/bin/tsc"), "--noEmit", "-p", at(project)], { stdio: "inherit" });
  return status !== 0;
});
process.exitCode = failed.length ? 1 : 0;
