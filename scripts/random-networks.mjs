// Random networks against PyTorch: outputs, and gradients to the input and every weight, of both
// backends; the worst errors are printed. Needs a Python with PyTorch.
//   node scripts/random-networks.mjs [--count 200] [--seed 1] [--python /usr/bin/python3]
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import {
  FiducialError,
  gradients,
  GraphBuilder,
  openBackend,
  ops,
  random,
  sizeOf,
} from "fiducial/engine";
import { applyNetwork, nn } from "fiducial/learning";
import { randomInput, randomLayer } from "./random-layers.mjs";

const { values } = parseArgs({
  options: {
    count: { type: "string", default: "200" },
    seed: { type: "string", default: "1" },
    python: { type: "string", default: "/usr/bin/python3" },
  },
});
const MOST_VALUES = 20_000;

/** A stack that fits, and its output's shape; layers that do not fit are drawn again. */
function draw(rng) {
  // of two values a norm makes ±1, whatever they are: gradients of rounding alone
  const [batch, input] = [3 + rng.integer(2), randomInput(rng)];
  const training = rng.integer(2) === 0;
  const wanted = 2 + rng.integer(6);
  let layers = [];
  let shape = [batch, ...input];
  for (let tries = 0; layers.length < wanted && tries < 40; tries++) {
    const next = [...layers, randomLayer(rng, shape.slice(1))];
    try {
      const network = nn.sequential({ input, layers: next, seed: 0 });
      const b = new GraphBuilder(ops);
      const { y } = applyNetwork(b, network, b.input("x", [batch, ...input]), { training });
      if (sizeOf(y.shape) <= MOST_VALUES) [layers, shape] = [next, y.shape];
    } catch (error) {
      if (!(error instanceof FiducialError)) throw error;
    }
  }
  return { layers, input: [batch, ...input], training, shape };
}
/** Weights and statistics that no layer begins with, and an input. */
function filled(rng, { layers, input, training, shape }) {
  const fresh = nn.sequential({ input: input.slice(1), layers, seed: rng.integer(1e9) });
  const moved = (name, v) =>
    Math.fround(name.endsWith("Variance") ? 0.5 + rng.uniform() : v + 0.2 * rng.normal());
  const parameters = new Map(
    [...fresh.parameters].map(([name, p]) => [
      name,
      { ...p, data: p.data.map((v) => moved(name, v)) },
    ]),
  );
  const normals = (count) => Float32Array.from({ length: count }, () => rng.normal());
  const network = { ...fresh, parameters };
  return {
    network,
    layers,
    input,
    training,
    shape,
    x: normals(sizeOf(input)),
    weights: normals(sizeOf(shape)),
  };
}
function graphOf({ network, input, training, weights }) {
  const b = new GraphBuilder(ops);
  const x = b.input("x", input);
  const { y, parameters } = applyNetwork(b, network, x, { training });
  const weighed = b.emit("mul", { a: y, b: b.constant(weights, y.shape) }, {});
  const cost = b.emit("sum", { x: weighed }, { axes: y.shape.map((_, i) => i) });
  b.output("y", y);
  const wrt = [["x", x], ...parameters];
  const all = gradients(
    b,
    cost,
    wrt.map(([, value]) => value),
  );
  all.forEach((g, i) => b.output(`d ${wrt[i][0]}`, g));
  return b;
}

function asked(cases) {
  const folder = mkdtempSync(join(tmpdir(), "fiducial-random-"));
  const [given, answered] = ["cases.json", "answers.json"].map((name) => join(folder, name));
  const plain = cases.map(({ network, layers, input, training, x, weights }) => {
    const parameters = Object.fromEntries(
      [...network.parameters].map(([name, p]) => [name, Array.from(p.data)]),
    );
    return { layers, input, training, parameters, x: Array.from(x), weights: Array.from(weights) };
  });
  try {
    writeFileSync(given, JSON.stringify(plain));
    const script = fileURLToPath(new URL("random-networks.py", import.meta.url));
    const { status, stderr, error } = spawnSync(values.python, [script, given, answered], {
      encoding: "utf8",
    });
    if (status !== 0) throw new Error(`${values.python}: ${error?.message ?? stderr}`);
    return JSON.parse(readFileSync(answered, "utf8"));
  } finally {
    rmSync(folder, { recursive: true });
  }
}
const top = (list) => list.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
/** Largest difference as a share of the largest value, or of `floor`. */
const apart = (want, got, floor) =>
  top(want.map((v, i) => v - got[i])) / Math.max(top(want), floor);

const rng = random(Number(values.seed));
const cases = Array.from({ length: Number(values.count) }, (_, i) =>
  filled(rng.fork(`w${i}`), draw(rng.fork(i))),
);
const { torch, answers, singles } = asked(cases);
const kinds = new Set(JSON.stringify(cases.map(({ layers }) => layers)).match(/(?<="kind":")\w+/g));
const weights = cases.reduce((n, { network }) => n + network.parameters.size, 0);
console.log(
  `${cases.length} networks of ${kinds.size} kinds of layers, ${weights} weights; PyTorch ${torch}`,
);

/** The largest errors of network i's outputs and gradients, beside PyTorch's in float64. */
function errorsOf(i, y, gradientOf) {
  const wanted = answers[i];
  // a bias before a batch norm has gradient 0 but for rounding
  const floor = 1e-3 * Math.max(1e-3, ...Object.values(wanted.gradients).map(top));
  const each = Object.entries(wanted.gradients).map(([key, want]) => ({
    key,
    error: apart(want, gradientOf(key), floor),
  }));
  const worst = each.reduce((most, one) => (one.error <= most.error ? most : one));
  return { outputs: { key: "y", error: apart(wanted.y, y, 1e-6) }, gradients: worst };
}
/** The worst of all networks, printed, and those beyond what they may be. */
function told(name, all, bar) {
  const said = ["outputs", "gradients"].map((what) => {
    const errors = all.map((one) => one[what].error);
    const i = errors.indexOf(Math.max(...errors));
    return `${what} ${errors[i].toExponential(1)} (network ${i}, ${all[i][what].key})`;
  });
  const over = all.flatMap(({ outputs, gradients: g }, i) =>
    outputs.error <= bar(i) && g.error <= bar(i) ? [] : [i],
  );
  console.log(
    `${name}: worst relative error of ${said.join(", of ")}; too far off: ${over.length} networks`,
  );
  for (const i of over)
    console.log(JSON.stringify({ network: i, ...all[i], layers: cases[i].layers }));
  return over.length;
}
const own = singles.map(({ y, gradients: g }, i) => errorsOf(i, y, (key) => g[key]));
told("PyTorch in float32", own, () => Number.POSITIVE_INFINITY);
// a norm of almost equal numbers makes much of rounding: as much as PyTorch's own may be, in
// float32
const bars = { reference: () => 1e-9, wasm: (i) => Math.max(1e-3, 10 * own[i].gradients.error) };
let missed = 0;
for (const [name, bar] of Object.entries(bars)) {
  const backend = await openBackend(name);
  const all = [];
  for (const [i, one] of cases.entries()) {
    const out = await (await backend.compile(graphOf(one))).execute({ x: one.x });
    all.push(errorsOf(i, out.y, (key) => out[`d ${key}`]));
  }
  missed += told(name, all, bar);
  await backend.close();
}
if (missed > 0) process.exitCode = 1;
