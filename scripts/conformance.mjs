// The conformance suite of ONNX (onnx/onnx, onnx/backend/test/data; folders of several releases
// beside one another): every case of it read, computed and compared, and what fails counted by its
// reason. `npm run conformance -- FOLDER`; `--only TEXT` takes the cases whose path has it,
// `--gradients` holds derivatives to central differences, `--write` renews the list of gaps.
import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { openBackend } from "fiducial";
import { casesIn, setsOf } from "./conformance-cases.mjs";
import { checkGradients } from "./conformance-gradients.mjs";
import { runCase } from "./conformance-run.mjs";

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: "string", default: "" },
    set: { type: "string", default: "" },
    gradients: { type: "boolean", default: false },
    write: { type: "boolean", default: false },
    verbose: { type: "boolean", default: false },
  },
});
const [folder] = positionals;
if (folder === undefined) {
  console.error("npm run conformance -- FOLDER: the folder of the suite, onnx/backend/test/data of onnx/onnx");
  process.exit(2);
}
const GAPS = new URL("./conformance-gaps.json", import.meta.url);

const backend = await openBackend("wasm", { threads: 1 });
const counts = new Map();
const gaps = {};
const reasons = new Map();
let gradients = 0;
let unsmooth = 0;
let worst = 0;
for (const one of casesIn(folder)) {
  if (!one.path.includes(options.only)) continue;
  const sets = setsOf(one);
  if (options.set !== "" && !sets.includes(options.set)) continue;
  const fault = await runCase(one, backend);
  for (const set of sets) {
    const { passed = 0, all = 0 } = counts.get(set) ?? {};
    counts.set(set, { passed: passed + (fault === undefined ? 1 : 0), all: all + 1 });
  }
  if (fault !== undefined) {
    gaps[one.path] = fault;
    const kind = `${sets.at(-1)}: ${fault.replace(/"[^"]*"|\[[^\]]*\]|-?\d[\d.e+-]*/g, "·").slice(0, 110)}`;
    reasons.set(kind, [...(reasons.get(kind) ?? []), one.path]);
    if (options.verbose) console.log(`${one.path}: ${fault}`);
  }
  if (options.gradients && fault === undefined && sets.includes("serious")) {
    const error = await checkGradients(one);
    if (error === undefined) unsmooth++;
    else {
      gradients++;
      worst = Math.max(worst, error);
      if (error > 1e-5) console.log(`${one.path}: derivatives are off by ${error.toExponential(1)}`);
    }
  }
}
await backend.close();

for (const [kind, paths] of [...reasons].sort((a, b) => b[1].length - a[1].length))
  console.log(`${String(paths.length).padStart(5)}  ${kind}  (${paths[0]})`);
for (const [set, { passed, all }] of [...counts].sort())
  console.log(
    `${set.padEnd(24)} ${String(passed).padStart(5)} of ${String(all).padStart(5)}  ${((100 * passed) / all).toFixed(2)} %`,
  );
if (options.gradients)
  console.log(
    `derivatives of ${gradients} cases agree with central differences to ${worst.toExponential(1)}; ${unsmooth} have none to compare`,
  );

const serious = Object.fromEntries(
  Object.entries(gaps)
    .filter(([, fault]) => !fault.startsWith("outside: "))
    .sort(([a], [b]) => (a < b ? -1 : 1)),
);
if (options.only === "" && options.set === "") {
  if (options.write) writeFileSync(GAPS, `${JSON.stringify(serious, null, 1)}\n`);
  const expected = JSON.parse(readFileSync(GAPS, "utf8"));
  const changed = [
    ...Object.keys(serious)
      .filter((path) => !(path in expected))
      .map((path) => `new: ${path}: ${serious[path]}`),
    ...Object.keys(expected)
      .filter((path) => !(path in serious))
      .map((path) => `closed, strike it off: ${path}`),
  ];
  for (const line of changed) console.log(line);
  if (changed.length > 0) process.exitCode = 1;
}
