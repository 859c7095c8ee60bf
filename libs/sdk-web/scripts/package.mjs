/** Writes the package around the built modules: its declarations, its manifest, the vendor's paths, and the stubs of its modules of effects. */
import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { build } from "esbuild";

/** The vendor's paths of types, and the module of ours that has their names. `default`: the class that is the path's default export. */
export const TYPE_PATHS = {
  "sdk/code/zh/ZegoExpressEntity.web": { types: "entities/index" },
  "sdk/code/zh/ZegoExpressEntity.rtm": { types: "entities/rtm" },
  "sdk/code/zh/ZegoVoiceChangerEntity.web": { types: "entities/voice" },
  "sdk/code/zh/ZegoMixStreamEntity": { types: "entities/mixing" },
  "sdk/code/zh/ZegoRangeAudioEntity.web": { types: "entities/range-audio" },
  "sdk/code/zh/ZegoCopyrightedMusicEntity.web": { types: "entities/copyrighted-music" },
  "sdk/code/zh/ZegoBackgroundProcessEntity.web": { types: "entities/effects" },
  "sdk/code/zh/ZegoStreamCompositorEntity.web": { types: "entities/compositor" },
  "sdk/src/common/zego.entity.web": { types: "entities/index" },
  "sdk/src/common/zego.entity": { types: "entities/devices" },
  "sdk/code/zh/ZegoLocalStream.web": { types: "capture/local-stream", default: "ZegoLocalStream" },
  "sdk/code/zh/ZegoStreamView.web": { types: "view/stream-view", named: "ZegoStreamView" },
  "sdk/code/zh/zego.client.web": { types: "index", named: "ZegoExpressEngine, WebRTCUtil" },
  "sdk/code/zh/ZegoAudioEffectPlayer.web": { types: "not-offered", named: "" },
  "sdk/code/zh/ZegoCopyrightedMusic.web": { types: "not-offered", named: "" },
  "sdk/code/zh/ZegoExpressDataChannel.web": { types: "not-offered", named: "" },
  "sdk/code/zh/ZegoExpressRangeAudio.web": { types: "not-offered", named: "" },
  "sdk/code/zh/ZegoStreamCompositor.web": { types: "not-offered", named: "" },
};

/** The vendor's modules for `ZegoExpressEngine.use`, by path. */
const MODULES = {
  "voice-changer": "VoiceChanger",
  "background-process": "BackgroundProcess",
  aidenoise: "AiDenoise",
  "stream-compositor": "StreamCompositor",
  "copyrighted-music": "CopyrightedMusic",
  "esm/audio-mix": "AudioMix",
  "esm/beauty-effect": "BeautyEffect",
  "esm/mix-stream": "MixStream",
  "esm/range-audio": "RangeAudio",
  "esm/stream-cdn": "StreamCDN",
};

const MODERN = "zego-express-engine-webrtc.mjs";
const ES2017 = "zego-express-engine-webrtc.es2017.js";

export async function writePackage({ root, folder, version, script }) {
  const write = (path, text) => {
    mkdirSync(dirname(`${folder}/${path}`), { recursive: true });
    writeFileSync(`${folder}/${path}`, text);
  };
  const up = (path, target) => {
    const way = relative(dirname(path), target);
    return way.startsWith(".") ? way : `./${way}`;
  };

  emitTypes(root, join(folder, "types"));
  write("index.d.ts", 'export * from "./types/index";\n');
  for (const [path, { types, named, default: name }] of Object.entries(TYPE_PATHS)) {
    write(`${path}.d.ts`, `export * from "${up(path, `types/${types}`)}";\n${name ? `export { ${name} as default } from "${up(path, `types/${types}`)}";\n` : ""}`);
    if (types.startsWith("entities/")) {
      const entry = { entryPoints: [`${root}src/${types}.ts`], bundle: true, target: "es2017", charset: "utf8", logLevel: "warning" };
      await build({ ...entry, format: "cjs", outfile: `${folder}/${path}.js` });
      await build({ ...entry, format: "esm", outfile: `${folder}/${path}.mjs` });
    } else {
      const names = name ? `${name}, ${name} as default` : named;
      write(`${path}.mjs`, names ? `export { ${names} } from "${up(path, MODERN)}";\n` : "export {};\n");
      write(`${path}.js`, names ? `var sdk = require("${up(path, script)}");\nmodule.exports = { ${name ? `${name}: sdk.${name}, default: sdk.${name}` : named.split(", ").map((one) => `${one}: sdk.${one}`).join(", ")} };\nObject.defineProperty(module.exports, "__esModule", { value: true });\n` : "module.exports = {};\n");
    }
  }
  for (const [path, name] of Object.entries(MODULES)) {
    const value = `{ type: ${JSON.stringify(name)}, install: function () {} }`;
    write(`${path}/index.d.ts`, `/** Accepted by \`ZegoExpressEngine.use\`; nothing comes of it. */\nexport declare const ${name}: { readonly type: string; install(...engine: any[]): void };\n`);
    write(`${path}/index.js`, `exports.${name} = ${value};\n`);
    write(`${path}/index.mjs`, `export const ${name} = ${value};\n`);
  }
  write("esm/index.d.ts", 'export * from "../index";\n');
  write("esm/index.mjs", `export * from "../${MODERN}";\n`);
  write("esm/index.js", `export * from "../${ES2017}";\n`);
  write("package.json", `${JSON.stringify(manifest(root, version, script), null, 2)}\n`);
  copyFileSync(`${root}README.md`, `${folder}/README.md`);
  copyFileSync(`${root}../../LICENSE`, `${folder}/LICENSE`);
}

/** A private member of a class, with its comment: a page may type what it likes as the class that has the public ones. */
const PRIVATE = /(?:\n *\/\*\*(?:(?!\*\/)[^])*\*\/)?\n *private [^\n]*/g;

/** Emits the declarations of the SDK's modules and removes what pages cannot reach: private members, and modules behind none of the paths. */
export function emitTypes(root, folder) {
  execFileSync(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", join(root, "tsconfig.package.json"), "--outDir", folder], { stdio: "inherit" });
  nameTypes(join(folder, "index.d.ts"));
  const reached = new Set(Object.values(TYPE_PATHS).map(({ types }) => join(folder, `${types}.d.ts`)));
  for (const file of reached) {
    const text = readFileSync(file, "utf8").replace(PRIVATE, "");
    writeFileSync(file, text);
    for (const [, from] of text.matchAll(/^(?:import|export) [^;]*? from "(\..+)";$/gm)) reached.add(declarationOf(file, from));
  }
  const emitted = readdirSync(folder, { recursive: true }).map((name) => join(folder, name));
  for (const file of emitted) if (file.endsWith(".d.ts") && !reached.has(file)) rmSync(file);
}

/** The file of declarations that a module is imported from. */
function declarationOf(file, from) {
  const path = join(dirname(file), from);
  return existsSync(`${path}.d.ts`) ? `${path}.d.ts` : `${path}/index.d.ts`;
}

/** Replaces `export type *`, which compilers before 5.0 do not know, by the names that it stands for; returns the names of the whole module. */
function nameTypes(file) {
  const text = readFileSync(file, "utf8");
  const declared = text.matchAll(/^export (?:declare )?(?:class|const|enum|interface|type) (\w+)|^export (?:type )?\{ (.+) \}/gm);
  const names = new Set([...declared].flatMap(([, name, list]) => name ?? list.split(", ")));
  const expanded = text.replace(/^export (type )?\* from "(.+)";$/gm, (line, typesAlone, from) => {
    const added = nameTypes(declarationOf(file, from)).filter((name) => !names.has(name));
    for (const name of added) names.add(name);
    return typesAlone ? `export type { ${added.join(", ")} } from "${from}";` : line;
  });
  writeFileSync(file, expanded);
  return [...names];
}

function manifest(root, version, script) {
  const { description, license } = JSON.parse(readFileSync(`${root}package.json`, "utf8"));
  const module = (path) => ({ types: `./${path}/index.d.ts`, import: `./${path}/index.mjs`, require: `./${path}/index.js` });
  return {
    name: "zego-express-engine-webrtc",
    version,
    description,
    license,
    private: true,
    main: `./${script}`,
    module: `./${ES2017}`,
    types: "./index.d.ts",
    sideEffects: false,
    exports: {
      ".": { types: "./index.d.ts", import: `./${MODERN}`, require: `./${script}` },
      "./esm": { types: "./esm/index.d.ts", import: "./esm/index.mjs", require: `./${script}` },
      ...Object.fromEntries(Object.keys(MODULES).map((path) => [`./${path}`, module(path)])),
      "./sdk/*": { types: "./sdk/*.d.ts", import: "./sdk/*.mjs", require: "./sdk/*.js" },
      "./package.json": "./package.json",
      "./*": "./*",
    },
  };
}
