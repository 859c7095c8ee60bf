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

const VENDOR = "./node_modules/vendor-sdk/sdk/code/zh";

/** Pairs of ours and the vendor's, by the name under which differences are listed. */
const PAIRS = {
  ZegoExpressEngine: ["ours.ZegoExpressEngine", "vendor.ZegoExpressEngine"],
  "ZegoExpressEngine (static)": ["typeof ours.ZegoExpressEngine", "typeof vendor.ZegoExpressEngine"],
  ZegoLocalStream: ["ours.ZegoLocalStream", "VendorLocalStream"],
  ZegoStreamView: ["ours.ZegoStreamView", "VendorView"],
  ZegoEvent: ["OurEvent", "VendorEvent"],
  WebRTCUtil: ["typeof ours.WebRTCUtil", "typeof vendor.WebRTCUtil"],
};

/** The vendor's modules that have types alone, and ours that stand in their place. */
const ENTITIES = Object.entries(TYPE_PATHS).flatMap(([path, { types }]) => (path.startsWith("sdk/code/zh/") && types.startsWith("entities/") ? [[basename(path), types]] : []));

/** A module that names what is compared; ours is declared in the folder `types`. */
const source = (types) => `
import * as ours from "${types}/index";
import * as vendor from "${VENDOR}/zego.client.web";
import VendorLocalStream from "${VENDOR}/ZegoLocalStream.web";
import { ZegoStreamView as VendorView } from "${VENDOR}/ZegoStreamView.web";
import { ZegoEvent as VendorEvent } from "${VENDOR}/ZegoExpressEntity.web";
import type { ZegoEvent as OurEvent } from "${types}/entities/events";
${ENTITIES.map(([path, module], index) => `import * as o${index} from "${types}/${module}"; import * as v${index} from "${VENDOR}/${path}";`).join("\n")}
export type Pairs = {
${Object.entries(PAIRS).map(([name, [ours, vendor]]) => `  "${name}": [${ours}, ${vendor}];`).join("\n")}
};
`;

/** Options of calls, whose fields are compared with what the SDK reads. */
const OPTIONS = ["ZegoWebPublishOption", "ZegoWebPlayOption"];

/** `names`: the vendor's public names of each class. `options`: the fields of options. `differences`: what is missing, added, or of another type, by its whole name. */
export function compareTypes(root) {
  const types = mkdtempSync(join(tmpdir(), "parlour-types-"));
  try {
    emitTypes(root, types);
    return compare(program(root, source(types)));
  } finally {
    rmSync(types, { recursive: true });
  }
}

function compare({ checker, file }) {
  const names = {};
  const differences = {};
  const note = (kind, list) => {
    for (const name of list) differences[name] = kind;
  };
  const pairs = file.statements.find((statement) => ts.isTypeAliasDeclaration(statement)).type.members;
  for (const { name, type } of pairs) {
    const [ours, vendor] = type.elements.map((element) => checker.getTypeAtLocation(element));
    const whole = (member) => `${name.text}.${member}`;
    names[name.text] = members(vendor);
    const mine = members(ours);
    const typeOf = (owner, member) => checker.getTypeOfSymbolAtLocation(owner.getProperty(member), type);
    const fits = (member) => checker.isTypeAssignableTo(typeOf(ours, member), typeOf(vendor, member));
    note("missing", names[name.text].filter((member) => !mine.includes(member)).map(whole));
    note("added", mine.filter((member) => !names[name.text].includes(member)).map(whole));
    note("other type", names[name.text].filter((member) => mine.includes(member) && !fits(member)).map(whole));
  }
  ENTITIES.forEach(([path], index) => {
    const exported = (prefix) => new Map(checker.getExportsOfModule(moduleOf(checker, file, prefix + index)).map((symbol) => [symbol.getName(), resolved(checker, symbol)]));
    const ours = exported("o");
    for (const [name, symbol] of exported("v")) {
      const own = ours.get(name);
      if (!own) note("missing", [`${path}: ${name}`]);
      else note("missing", fields(checker, symbol).filter((field) => !fields(checker, own).includes(field)).map((field) => `${path}: ${name}.${field}`));
    }
  });
  const web = new Map(checker.getExportsOfModule(moduleOf(checker, file, "v0")).map((symbol) => [symbol.getName(), symbol]));
  const options = Object.fromEntries(OPTIONS.map((name) => [name, fields(checker, resolved(checker, web.get(name))).sort()]));
  return { names, options, differences };
}

function program(root, text) {
  const entry = join(root, "vendor-types.ts");
  const options = {
    strict: true,
    target: ts.ScriptTarget.ES2020,
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.NodeJs,
    lib: ["lib.es2020.d.ts", "lib.dom.d.ts", "lib.dom.iterable.d.ts"],
    types: [],
    skipLibCheck: true,
    noEmit: true,
  };
  const host = ts.createCompilerHost(options);
  const { fileExists, getSourceFile } = host;
  host.fileExists = (name) => name === entry || fileExists.call(host, name);
  host.getSourceFile = (name, ...rest) => (name === entry ? ts.createSourceFile(name, text, ts.ScriptTarget.ES2020, true) : getSourceFile.call(host, name, ...rest));
  const made = ts.createProgram([entry], options, host);
  const file = made.getSourceFile(entry);
  const faults = made.getSemanticDiagnostics(file).map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n"));
  if (faults.length) throw new Error(faults.join("\n"));
  return { checker: made.getTypeChecker(), file };
}

function moduleOf(checker, file, alias) {
  const [named] = file.statements.filter((statement) => ts.isImportDeclaration(statement) && statement.importClause.namedBindings?.name?.text === alias);
  return checker.getSymbolAtLocation(named.moduleSpecifier);
}

function resolved(checker, symbol) {
  return symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
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
