/**
 * Compares what the package declares with the declarations of the vendor's package: every public name of its classes and events, and every
 * type that its paths export with the names of that type's fields.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { emitTypes, TYPE_PATHS } from "./package.mjs";

// The compiler as a library; newer versions of it have none.
const ts = createRequire(import.meta.url)("typescript-4.5");

/** Classes and events, each with the module of ours and the vendor's that declare it. `isDefault`: the vendor's is the path's default export. */
const CLASSES = [
  { name: "ZegoExpressEngine", ours: "index", vendor: "zego.client.web", withStatic: true },
  { name: "ZegoLocalStream", ours: "capture/local-stream", vendor: "ZegoLocalStream.web", isDefault: true },
  { name: "ZegoStreamView", ours: "view/stream-view", vendor: "ZegoStreamView.web" },
  { name: "ZegoEvent", ours: "entities/events", vendor: "ZegoExpressEntity.web" },
];

/** The vendor's modules that have types alone, and ours that stand in their place. */
const ENTITIES = Object.entries(TYPE_PATHS).flatMap(([path, { types }]) => (path.startsWith("sdk/code/zh/") && types.startsWith("entities/") ? [[basename(path), types]] : []));

const COMPILER_OPTIONS = {
  strict: true,
  target: ts.ScriptTarget.ES2020,
  moduleResolution: ts.ModuleResolutionKind.NodeJs,
  lib: ["lib.es2020.d.ts", "lib.dom.d.ts", "lib.dom.iterable.d.ts"],
  types: [],
};

/** Options of calls, whose fields are compared with what the SDK reads. */
const OPTIONS = ["ZegoWebPublishOption", "ZegoWebPlayOption"];

/** `names`: the vendor's public names of each class. `options`: the fields of options. `differences`: what is missing, added, or of another type, by its whole name. */
export function compareTypes(root) {
  const types = mkdtempSync(join(tmpdir(), "parlour-types-"));
  try {
    emitTypes(root, types);
    return compare(types, join(root, "node_modules/vendor-sdk/sdk/code/zh"));
  } finally {
    rmSync(types, { recursive: true });
  }
}

function compare(ourFolder, vendorFolder) {
  const ours = (module) => `${join(ourFolder, module)}.d.ts`;
  const vendor = (module) => `${join(vendorFolder, module)}.d.ts`;
  const modules = [...CLASSES.map((each) => [each.vendor, each.ours]), ...ENTITIES];
  const program = ts.createProgram(modules.flatMap(([theirs, own]) => [vendor(theirs), ours(own)]), COMPILER_OPTIONS);
  const checker = program.getTypeChecker();
  /** A module's exports by their names. */
  const exportsOf = (path) => {
    const symbols = checker.getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(path)));
    return new Map(symbols.map((symbol) => [symbol.getName(), symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol]));
  };

  const names = {};
  const differences = {};
  const note = (kind, list) => {
    for (const name of list) differences[name] = kind;
  };
  const compareMembers = (name, own, theirs) => {
    names[name] = members(theirs);
    const mine = members(own);
    const typeOf = (owner, member) => checker.getTypeOfSymbolAtLocation(owner.getProperty(member), program.getSourceFile(ours("index")));
    const fits = (member) => checker.isTypeAssignableTo(typeOf(own, member), typeOf(theirs, member));
    note("missing", names[name].filter((member) => !mine.includes(member)).map((member) => `${name}.${member}`));
    note("added", mine.filter((member) => !names[name].includes(member)).map((member) => `${name}.${member}`));
    note("other type", names[name].filter((member) => mine.includes(member) && !fits(member)).map((member) => `${name}.${member}`));
  };
  const valueType = (symbol) => checker.getTypeOfSymbolAtLocation(symbol, symbol.valueDeclaration);
  for (const { name, ours: own, vendor: theirs, withStatic, isDefault } of CLASSES) {
    const pair = [exportsOf(ours(own)).get(name), exportsOf(vendor(theirs)).get(isDefault ? "default" : name)];
    compareMembers(name, ...pair.map(checker.getDeclaredTypeOfSymbol));
    if (withStatic) compareMembers(`${name} (static)`, ...pair.map(valueType));
  }
  compareMembers("WebRTCUtil", ...[ours("index"), vendor("zego.client.web")].map((path) => valueType(exportsOf(path).get("WebRTCUtil"))));
  for (const [path, module] of ENTITIES) {
    const own = exportsOf(ours(module));
    for (const [name, symbol] of exportsOf(vendor(path))) {
      const known = own.has(name) ? fields(checker, own.get(name)) : undefined;
      const missing = known ? fields(checker, symbol).filter((field) => !known.includes(field)).map((field) => `${name}.${field}`) : [name];
      note("missing", missing.map((each) => `${path}: ${each}`));
    }
  }
  const web = exportsOf(vendor("ZegoExpressEntity.web"));
  const options = Object.fromEntries(OPTIONS.map((name) => [name, fields(checker, web.get(name)).sort()]));
  return { names, options, differences };
}

/** Fields of an interface, values of an enumeration. */
function fields(checker, symbol) {
  if (symbol.flags & ts.SymbolFlags.Enum) return [...symbol.exports.keys()];
  return checker.getDeclaredTypeOfSymbol(symbol).getProperties().map((property) => property.getName());
}

function members(type) {
  return type
    .getProperties()
    .filter((property) => property.getName() !== "prototype" && isPublic(property))
    .map((property) => property.getName())
    .sort();
}

function isPublic({ valueDeclaration, declarations }) {
  return !(ts.getCombinedModifierFlags(valueDeclaration ?? declarations[0]) & (ts.ModifierFlags.Private | ts.ModifierFlags.Protected));
}
