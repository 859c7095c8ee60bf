/** The package as an application installs it: built anew, packed, and unpacked into a node_modules of its own. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Of the checkout: tests are bundled elsewhere, and npm runs them from here. */
export const ROOT = process.cwd();
export const NAME = "zego-express-engine-webrtc";

export interface Application {
  /** Folder that has the package in its node_modules. */
  folder: string;
  /** Folder of the package. */
  sdk: string;
  remove(): void;
}

export function installPackage(): Application {
  const folder = mkdtempSync(join(tmpdir(), "parlour-application-"));
  execFileSync(process.execPath, ["scripts/build.mjs", join(folder, "dist")], { cwd: ROOT, stdio: "inherit" });
  const sdk = join(folder, "node_modules", NAME);
  mkdirSync(sdk, { recursive: true });
  execFileSync("tar", ["-xzf", join(folder, "dist", `${NAME}-3.12.0.tgz`), "-C", sdk, "--strip-components=1"]);
  return { folder, sdk, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
