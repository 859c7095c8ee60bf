import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ROOT } from "./built";
import { settle } from "./fake-gateway";

/** An element of a page as far as scripts touch it when they start. */
class FakeElement {
  value = "";
  textContent = "";
  className = "";
  hidden = false;
  disabled = false;
  childElementCount = 0;
  readonly dataset = {};
  readonly classList = { toggle: () => false };
  append(): void {}
  prepend(): void {}
  replaceChildren(): void {}
  addEventListener(): void {}
}

const KINDS = { input: "HTMLInputElement", select: "HTMLSelectElement", button: "HTMLButtonElement", a: "HTMLAnchorElement", form: "HTMLFormElement" } as const;
const CLASSES: Record<string, typeof FakeElement> = { HTMLElement: FakeElement, ...Object.fromEntries(Object.values(KINDS).map((name) => [name, class extends FakeElement {}])) };

/** The elements of a page's HTML by their ids. */
function elementsOf(html: string): Map<string, FakeElement> {
  const found = [...html.matchAll(/<(\w+)\b[^>]*?\sid="([^"]+)"/g)];
  return new Map(found.map(([, tag, id]) => [id!, new (CLASSES[KINDS[tag as keyof typeof KINDS] ?? "HTMLElement"]!)()]));
}

/** Opens a page without a server: requests fail, and nothing is stored. */
function openHtml(path: string, query: string): Map<string, FakeElement> {
  const elements = elementsOf(readFileSync(join(ROOT, "pages", path), "utf8"));
  const document = {
    getElementById: (id: string) => elements.get(id) ?? null,
    querySelector: (selector: string) => elements.get(selector.slice(1)) ?? null,
    createElement: () => new FakeElement(),
    activeElement: null,
  };
  const location = new URL(`http://a.example/${path}${query}`);
  const sessionStorage = { getItem: () => null, setItem: () => undefined };
  const fetch = () => Promise.reject(new Error("no server"));
  Object.assign(globalThis, { document, location, sessionStorage, fetch, setInterval: () => 0, ...CLASSES });
  return elements;
}

const PAGES: [path: string, query: string, start: () => Promise<unknown>, handlers: [id: string, handler: string][]][] = [
  ["index.html", "", () => import("../pages/index.js"), [["copy", "onclick"]]],
  ["history.html", "?room=r", () => import("../pages/history.js"), [["search", "onsubmit"], ["more", "onclick"]]],
  ["detect.html", "", () => import("../pages/detect.js"), [["check", "onclick"]]],
  ["debug.html", "?replay=x&room=r", () => Promise.all([import("../pages/debug.js"), import("../pages/debug-replay.js")]), [["entry", "onsubmit"], ["publish", "onclick"], ["replay-entry", "onsubmit"], ["replay-slider", "oninput"]]],
  ["demo/video.html", "?room=r", () => import("../pages/demo/video.js"), [["entry", "onsubmit"], ["screen", "onclick"], ["camera", "onclick"], ["microphone", "onclick"], ["send-command", "onclick"]]],
  ["demo/voice.html", "?room=r", () => import("../pages/demo/voice.js"), [["entry", "onsubmit"], ["microphone", "onclick"], ["logout", "onclick"]]],
];

for (const [path, query, start, handlers] of PAGES) {
  test(`the script of ${path} finds its elements and takes their events`, async () => {
    const elements = openHtml(path, query);
    await start();
    await settle();
    for (const [id, handler] of handlers) assert.equal(typeof (elements.get(id) as unknown as Record<string, unknown>)[handler], "function", `${id}.${handler}`);
    if (elements.has("room") && path !== "debug.html") assert.equal(elements.get("room")!.value, "r");
  });
}

test("each id that the pages' scripts name is one of a page, in an element of its kind", () => {
  const kinds: Record<string, string | undefined> = { field: "HTMLInputElement", select: "HTMLSelectElement", button: "HTMLButtonElement", link: "HTMLAnchorElement" };
  for (const [path] of PAGES) {
    const html = readFileSync(join(ROOT, "pages", path), "utf8");
    const elements = elementsOf(html);
    assert.ok(elements.has("top") && elements.has("state") && elements.has("main"), `${path} has no header`);
    for (const [, script] of html.matchAll(/src="\/assets\/([^"]+)"/g)) {
      const source = readFileSync(join(ROOT, "pages", script!), "utf8");
      for (const [, helper, id] of source.matchAll(/\b(field|select|button|link|box)\("([\w-]+)"\)/g)) {
        assert.ok(elements.has(id!), `${path} has no ${id}`);
        assert.ok(helper === "box" || elements.get(id!) instanceof CLASSES[kinds[helper!]!]!, `${path}: ${id} is no ${helper}`);
      }
    }
  }
});
