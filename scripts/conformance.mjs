// The conformance suite of ONNX (onnx/onnx, onnx/backend/test/data; folders of several releases
// beside one another): every case of it read, computed and compared, and what fails counted by its
// reason. `npm run conformance -- FOLDER`; `--only TEXT` takes the cases whose path has it,
// `--gradients` holds derivatives to central differences, `--write` renews the list of gaps,
// `--sample FILE.zip` keeps small cases of every op for the tests (FOLDER may be such an archive).
// Exits with 1 where the gaps are other than the list's.
import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { zipSync } from "fflate";
import { openBackend } from "fiducial";
import { casesIn, setsOf } from "./conformance-cases.mjs";
import { checkGradients } from "./conformance-gradients.mjs";
import { runCase } from "./conformance-run.mjs";

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: "string", default: "" },
    gradients: { type: "boolean", default: false },
    write: { type: "boolean", default: false },
    sample: { type: "string" },
    verbose: { type: "boolean", default: false },
  },
});
const [folder] = positionals;
if (folder === undefined) {
  console.error(
    "npm run conformance -- FOLDER: the folder of the suite, onnx/backend/test/data of onnx/onnx",
  );
  process.exit(2);
}
const GAPS = new URL("./conformance-gaps.json", import.meta.url);
const TOLERANCE = 1e-6;

const counts = new Map();
const reasons = new Map();
/** By a name that does not depend on which releases are there. */
const gaps = new Map();
const seen = new Set();
const sample = new Map();
const derivatives = { compared: 0, incomparable: 0, wrong: 0, worst: 0 };

const nameOf = ({ path, read, print }) =>
  `${path.split("/").slice(-2).join("/")}, opset ${read.opset}, ${print.slice(0, 8)}`;
function count(one, sets, fault) {
  for (const set of sets) {
    const { passed = 0, all = 0 } = counts.get(set) ?? {};
    counts.set(set, { passed: passed + (fault === undefined ? 1 : 0), all: all + 1 });
  }
  if (!sets.includes("outside")) seen.add(nameOf(one));
  if (fault === undefined) return;
  if (!sets.includes("outside")) gaps.set(nameOf(one), fault.slice(0, 140));
  const kind = `${sets.at(-1)}: ${fault.replace(/"[^"]*"|\[[^\]]*\]|-?\d[\d.e+-]*/g, "·").slice(0, 110)}`;
  reasons.set(kind, [...(reasons.get(kind) ?? []), one.path]);
  if (options.verbose) console.log(`${one.path}: ${fault}`);
}
async function differentiate(one) {
  const error = await checkGradients(one);
  if (error === undefined) {
    derivatives.incomparable++;
    return;
  }
  derivatives.compared++;
  derivatives.worst = Math.max(derivatives.worst, error);
  if (error <= TOLERANCE) return;
  derivatives.wrong++;
  console.log(`${one.path}: derivatives are off by ${error.toExponential(1)}`);
}
/** The smallest case of every op and version is kept. */
function propose(one) {
  const key = [...new Set(one.read.graph.nodes.map(({ op }) => op))].sort().join() + one.read.opset;
  const files = one.content();
  const size = Object.values(files).reduce((n, bytes) => n + bytes.length, 0);
  if (size < 6000 && size < (sample.get(key)?.size ?? Number.POSITIVE_INFINITY))
    sample.set(key, { files, size });
}
function keepSample(file) {
  const files = Object.assign({}, ...[...sample.values()].map((one) => one.files));
  writeFileSync(file, zipSync(files, { level: 9, mtime: "1980-01-02" }));
  console.log(`${sample.size} cases in ${file}`);
}
function report() {
  for (const [kind, paths] of [...reasons].sort((a, b) => b[1].length - a[1].length))
    console.log(`${String(paths.length).padStart(5)}  ${kind}  (${paths[0]})`);
  for (const [set, { passed, all }] of [...counts].sort())
    console.log(`${set.padEnd(20)} ${passed} of ${all}, ${((100 * passed) / all).toFixed(2)} %`);
  const { compared, wrong, worst, incomparable } = derivatives;
  if (options.gradients)
    console.log(
      `derivatives of ${compared} cases beside central differences: ${wrong} are off, the worst by ` +
        `${worst.toExponential(1)}; ${incomparable} have none to compare`,
    );
}
/** What fails and should not, and what no longer does. */
function changes() {
  const expected = JSON.parse(readFileSync(GAPS, "utf8"));
  const fresh = [...gaps]
    .filter(([name]) => !(name in expected))
    .map(([name, fault]) => `new gap: ${name}: ${fault}`);
  const closed = Object.keys(expected).filter((name) => seen.has(name) && !gaps.has(name));
  return [...fresh, ...closed.map((name) => `closed, strike it off: ${name}`)];
}

const backend = await openBackend("wasm", { threads: 1 });
for (const one of casesIn(folder)) {
  if (!one.path.includes(options.only)) continue;
  const sets = setsOf(one);
  const fault = await runCase(one, backend);
  count(one, sets, fault);
  if (fault !== undefined || sets.includes("outside") || sets.includes("expanded")) continue;
  if (options.sample) propose(one);
  // rounding in quantised networks has a straight-through derivative on purpose
  const isRounded = one.read.graph.nodes.some(({ op }) => /Quantize|QLinear/.test(op));
  if (options.gradients && !isRounded) await differentiate(one);
}
await backend.close();

if (options.sample) keepSample(options.sample);
report();
const sorted = Object.fromEntries([...gaps].sort(([a], [b]) => (a < b ? -1 : 1)));
if (options.write) writeFileSync(GAPS, `${JSON.stringify(sorted, null, 1)}\n`);
const changed = changes();
for (const line of changed) console.log(line);
if (changed.length > 0 || derivatives.wrong > 0) process.exitCode = 1;
