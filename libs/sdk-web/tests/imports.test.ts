import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { test } from "node:test";
import { ROOT } from "./built";

const IMPORT = /(?:\bfrom|\bimport)\s*\(?\s*"(\.[^"]+)"/g;

/** The modules that each module names in an import or export, of types too. */
function importsOf(folder: string, extension: string): Map<string, string[]> {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(extension));
  const modules = new Map(files.map((name) => [resolve(folder, name), [] as string[]]));
  for (const [file, found] of modules) {
    for (const [, target] of readFileSync(file, "utf8").matchAll(IMPORT)) {
      const path = resolve(dirname(file), target!);
      const module = [path, path + extension, join(path, `index${extension}`)].find((candidate) => modules.has(candidate));
      if (module) found.push(module);
    }
  }
  return modules;
}

/** Modules that reach themselves, each with one way on which it does. */
function cycles(modules: Map<string, string[]>): string[] {
  const found: string[] = [];
  for (const start of modules.keys()) {
    const before = new Map<string, string>();
    const waiting = [start];
    while (waiting.length && !before.has(start)) {
      const module = waiting.shift()!;
      for (const target of modules.get(module)!) {
        if (before.has(target)) continue;
        before.set(target, module);
        waiting.push(target);
      }
    }
    if (!before.has(start)) continue;
    const path = [start];
    do path.unshift(before.get(path[0]!)!);
    while (path[0] !== start);
    found.push(path.map((module) => relative(ROOT, module)).join(" → "));
  }
  return found;
}

test("no module of the SDK imports itself by way of others, types included", () => {
  const modules = importsOf(join(ROOT, "src"), ".ts");
  assert.ok(modules.size > 60 && [...modules.values()].flat().length > 200, "the imports were found");
  assert.deepEqual(cycles(modules), []);
});
