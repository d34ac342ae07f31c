// The package's JavaScript in few files, for hundreds of modules take several times as long to
// load: an entry is a file where its module stands, and what entries share, or load once they need
// it, lies in dist/chunks/. npm run build
import { chmodSync, readdirSync, rmSync } from "node:fs";
import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";
import { parseAst } from "rolldown/parseAst";

const source = fileURLToPath(new URL("../src", import.meta.url));
const out = fileURLToPath(new URL("../dist", import.meta.url));

const wings = ["engine", "data", "learning", "imaging", "report", "audit"];
const program = "cli/main";
const entries = ["index", ...wings.map((wing) => `${wing}/index`), program];
/** Inner parts that tests look into: the same modules as the package's, not copies of them. */
const tested = [
  "cli/piece-files",
  "engine/backend/fusion",
  "engine/backend/placement",
  "engine/backend/trial",
  "engine/backend/wasm/calls",
  "engine/backend/wasm/encoder/function",
  "engine/backend/wasm/encoder/instructions",
  "engine/backend/wasm/encoder/module",
  "engine/backend/wasm/pool",
  "imaging/reconstructor",
];
/** Their names are addresses beside the chunk that starts them. */
const workers = [
  "cli/audit-worker",
  "data/datasets/decode-worker",
  "engine/backend/wasm/pool-worker",
];

const input = Object.fromEntries([
  ...[...entries, ...tested].map((name) => [name, `${source}/${name}.ts`]),
  ...workers.map((name) => [`chunks/${name.split("/").at(-1)}`, `${source}/${name}.ts`]),
]);
/** `engine/backend/wasm/backend.ts`, loaded once it is needed: `engine-backend-wasm-backend.js`. */
function chunkName({ facadeModuleId, name }) {
  if (!facadeModuleId) return `chunks/${name}.js`;
  const path = relative(source, facadeModuleId).replace(/\.ts$/, "");
  return `chunks/${path.replaceAll("/", "-")}.js`;
}

/**
 * The engine in three files, though tests look into single modules of it: each file more takes a
 * millisecond to load. A worker of the pool needs the first alone.
 */
const groups = [
  { name: "threads", test: /wasm.(pool-protocol|threads)\.ts$/, priority: 3 },
  {
    name: "engine",
    test: /src.engine.(autodiff|core|graph|ops|backend.(?!open)\w+\.ts)/,
    priority: 2,
  },
  { name: "wasm", test: /engine.backend.wasm.(?!pool-worker)/, priority: 1 },
];

/** What bundlers take for effects, though in this package it has none. */
const seeming = [
  "CallExpression",
  "MemberExpression",
  "NewExpression",
  "SpreadElement",
  "TaggedTemplateExpression",
  "TemplateLiteral",
];
/** The kinds of what is done when `node` is reached; what a function or a class holds is not. */
function* kindsOf(node) {
  if (node === null || typeof node !== "object" || /Function|Class/.test(node.type)) return;
  if (node.type) yield node.type;
  for (const part of Object.values(node)) yield* kindsOf(part);
}
function seemsToAct(value) {
  const kinds = new Set(kindsOf(value));
  // what is waited for is a worker's, and no constant
  return seeming.some((kind) => kinds.has(kind)) && !kinds.has("AwaitExpression");
}
/**
 * Says of every constant of a module that making it has no effect, as `sideEffects: false` says of
 * the module: who bundles the package leaves out what is not used of a file.
 */
const pureConstants = {
  name: "pure constants",
  renderChunk(code) {
    const declared = parseAst(code).body.filter(({ type }) => type === "VariableDeclaration");
    const values = declared.flatMap((node) => node.declarations.map(({ init }) => init));
    let [text, from] = ["", 0];
    for (const { start, end } of values.filter(seemsToAct)) {
      text += `${code.slice(from, start)}/* @__PURE__ */ (() => (${code.slice(start, end)}))()`;
      from = end;
    }
    return text + code.slice(from);
  },
};

// what an earlier build wrote and this one does not would be packed, or imported by a test
for (const name of readdirSync(out, { recursive: true }))
  if (name.endsWith(".js") && !name.startsWith("examples")) rmSync(`${out}/${name}`);
const bundle = await rolldown({
  input,
  external: /^[^./]/,
  platform: "neutral",
  plugins: [pureConstants],
});
await bundle.write({
  dir: out,
  format: "esm",
  chunkFileNames: chunkName,
  codeSplitting: { groups },
  minify: false,
});
await bundle.close();
chmodSync(`${out}/${program}.js`, 0o755);
