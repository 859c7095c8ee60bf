/** Writes docs/reference/compatibility.md to the standard output, from compatibility.json and the declarations of the vendor's package. */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";
import { compareTypes } from "./vendor-types.mjs";

export function compatibilityPage(list, { names }, codes) {
  const groups = list.notOffered.flatMap((group) => group.names);
  const engine = [...names.ZegoExpressEngine, ...names["ZegoExpressEngine (static)"]];
  const whole = engine.filter((name) => !groups.includes(name) && !(name in list.different));
  const events = names.ZegoEvent.filter((name) => !(name in list.neverCalled));
  return `# Compatibility

What the browser SDK has of the vendor's web SDK 3.12.0. Written by \`make docs\` from \`libs/sdk-web/compatibility.json\`; tests compare that list with the declarations of the vendor's package and with the SDK. How to move an application: [how-to](../how-to/move-an-application.md).

Every public name of the vendor's declarations exists here: ${engine.length} of the engine, ${names.ZegoLocalStream.length} of \`ZegoLocalStream\`, ${names.ZegoStreamView.length} of \`ZegoStreamView\`, ${names.ZegoEvent.length} events. Of the engine's, ${whole.length} are offered, ${Object.keys(list.different).length} are offered and differ, ${groups.length} are not offered. Of the events, ${Object.keys(list.neverCalled).length} are never called.

## Offered

${quoted(whole)}

All of \`ZegoLocalStream\` and \`ZegoStreamView\`; \`zegoStream\` is reserved and undefined.

Events: ${quoted(events)}

## Offered, with a difference

${table("name", "difference", list.different)}

## Not offered

A name that is not offered can be called. It answers in the kind of the vendor's answer and does nothing: a promise rejects with \`errorCode\` 9000020, a boolean is \`false\`, an object has the vendor's methods, which answer so too. The console says so once.

| what | names |
|---|---|
${list.notOffered.map(({ what, names: each }) => `| ${what} | ${quoted(each)} |`).join("\n")}

## Events that are never called

${table("event", "why, or what to use", list.neverCalled)}

## Options without an effect

They are accepted. ${Object.entries(list.unreadOptions).map(([name, fields]) => `Of \`${name}\`: ${quoted(fields)}.`).join(" ")} Of streams: \`autoCapture\`, \`autoPlay\`, \`captureView\`, \`view\`, \`multiplacePreview\`, \`startBitrate\`, \`minBitrate\`, \`keyFrameInterval\`, \`sourceID\`, \`captureElement\`. Of views: \`clearLastFrame\`.

## Types that differ

A declaration of ours cannot take the place of the vendor's in these; applications that use them compile.

${table("name", "why", list.types)}

Beyond the vendor's: ${Object.entries(list.added).map(([name, why]) => `\`${name}\` (${lower(why)})`).join(", ")}.

## Codes of the SDK

These the SDK raises itself or acts on; those that a server answers with are [another page](codes.md).

| code | meaning |
|---|---|
${codes.map(([name, number]) => `| ${number} | ${name.toLowerCase().replaceAll("_", " ")} |`).join("\n")}
`;
}

/** Names and numbers of the codes that the sources use, by name or by the contract's bounds of texts. */
export function codesOf(root) {
  const folder = `${root}src/`;
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"));
  const source = files.map((name) => readFileSync(folder + name, "utf8")).join("\n");
  const numbers = [...source.matchAll(/^ {2}([A-Z_]+): (\d{7}),/gm)].map(([, name, number]) => [name, Number(number)]);
  const bounds = new Set([...source.matchAll(/\b(?:empty|long|characters): (\d{7})/g)].map(([, number]) => Number(number)));
  const used = numbers.filter(([name, number]) => new RegExp(`\\bCode\\.${name}\\b`).test(source) || bounds.has(number));
  return used.sort(([, one], [, other]) => one - other);
}

function quoted(names) {
  return names.map((name) => `\`${name}\``).join(", ");
}

function lower(sentence) {
  return sentence[0].toLowerCase() + sentence.slice(1).replace(/\.$/, "");
}

function table(left, right, rows) {
  return [`| ${left} | ${right} |`, "|---|---|", ...Object.entries(rows).map(([name, text]) => `| \`${name}\` | ${text} |`)].join("\n");
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const root = fileURLToPath(new URL("..", import.meta.url));
  const text = (path) => readFileSync(root + path, "utf8");
  process.stdout.write(compatibilityPage(JSON.parse(text("compatibility.json")), compareTypes(root), codesOf(root)));
}
