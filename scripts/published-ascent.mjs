// A short ascent in the image, r₁ < r₂ < r₃ of 1, 3 and 6 % of ‖x‖, against published weights,
// total variation under its own perturbations, and both under each other's. A lower bound of what
// an audit finds, at a fraction of its time. Reads FIDUCIAL_DATA, or ../shared/data.
// node scripts/published-ascent.mjs d5c5|admm [--steps 4]
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { gradients, GraphBuilder, openBackend, ops, random } from "fiducial/engine";
import { loadCellValues, loadTensors, loadVolume } from "fiducial/data";
import { networkFromRecipe, parseRecipe } from "fiducial/learning";
import {
  magnitude,
  maskFrom,
  maximum,
  networkReconstructor,
  openMask,
  psnr,
  subsampledFourier,
  totalVariation,
} from "fiducial/imaging";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { steps: { type: "string", default: "4" } },
});
const root = new URL("..", import.meta.url);
const data = process.env.FIDUCIAL_DATA ?? new URL("../shared/data", root).pathname;
const cases = {
  d5c5: {
    recipe: "deep-cascade",
    weights: "models/dc-cnn-d5c5/d5_c5.npz",
    images: "mr/nifti/brainchop/t1_crop.nii.gz",
    slice: 128,
  },
  admm: {
    recipe: "admm-csnet",
    weights: "models/admm-csnet/NET-1D-Cartesian-0.3-complex-S10.mat",
    images: "models/admm-csnet/Brain_cdata1.mat",
    slice: 0,
    mask: "models/admm-csnet/mask-1D-Cartesian-0.3.mat",
  },
};
const chosen = cases[positionals[0]];
const read = (path) => readFileSync(`${data}/${path}`);
const shape = [256, 256];
const N = shape[0] * shape[1];

const recipe = parseRecipe(
  readFileSync(new URL(`weights/recipes/${chosen.recipe}.json`, root)),
  chosen.recipe,
);
const network = networkFromRecipe(
  recipe,
  await loadTensors(read(chosen.weights), chosen.weights),
  chosen.weights,
);
const volume = await loadVolume(read(chosen.images), chosen.images);
const slice = volume.slice(chosen.slice);
const top = maximum(volume.complex ? magnitude(Float64Array.from(slice)) : slice);
const x = Float32Array.from({ length: 2 * N }, (_, k) => (k < slice.length ? slice[k] / top : 0));
const cells = chosen.mask && (await loadCellValues(read(chosen.mask), chosen.mask));
const mask = cells
  ? maskFrom(cells.values, cells.shape, shape)
  : openMask(network.trained.operator.mask);
const operator = subsampledFourier({ mask });
const backend = await openBackend("wasm", { threads: 1 });
const norm = (v) => Math.sqrt(v.reduce((sum, a) => sum + a * a, 0));
const scaled = (v, to) => {
  const factor = to / (norm(v) || 1);
  return v.map((a) => a * factor);
};

/** x̂ and the gradient of ½‖f(A(x + r)) − x‖² to r. */
async function planOf(method) {
  const b = new GraphBuilder(ops);
  const emit = (op, inputs) => b.emit(op, inputs, {});
  const r = b.input("r", [1, 2, ...shape]);
  const truth = b.constant(x, [1, 2, ...shape]);
  const made = method.apply(b, operator.forward(b, emit("add", { a: truth, b: r })), operator);
  const off = emit("sub", { a: made, b: truth });
  const half = emit("mul", { a: emit("mul", { a: off, b: off }), b: b.scalar(0.5) });
  b.output("x", made);
  b.output("g", gradients(b, b.emit("sum", { x: half }, { axes: [0, 1, 2, 3] }), [r])[0]);
  return backend.compile(b);
}
const truth = magnitude(Float64Array.from(x));
const score = (made) => psnr(truth, magnitude(Float64Array.from(made)), maximum(truth));

/** The strongest r of each norm, each going on from the one before. */
async function ascend(plan) {
  const rng = random(1);
  let r = scaled(
    Float32Array.from({ length: 2 * N }, () => rng.normal()),
    0.01 * norm(x),
  );
  const found = [];
  for (const share of [0.01, 0.03, 0.06]) {
    const size = share * norm(x);
    r = scaled(r, size);
    for (let step = 0; step < Number(values.steps); step++) {
      const g = scaled((await plan.execute({ r })).g, size);
      r = scaled(
        Float32Array.from(r, (v, k) => 0.5 * v + g[k]),
        size,
      );
    }
    found.push({ share, r });
  }
  return found;
}

const methods = [networkReconstructor({ network }), totalVariation({ sigma: 0 })];
const plans = [];
for (const method of methods) plans.push(await planOf(method));
const noise = random(2);
for (const [m, plan] of plans.entries()) {
  const zero = new Float32Array(2 * N);
  console.log(
    `${methods[m].name}: ${score((await plan.execute({ r: zero })).x).toFixed(2)} dB unperturbed`,
  );
  for (const { share, r } of await ascend(plan)) {
    const even = scaled(
      Float32Array.from({ length: 2 * N }, () => noise.normal()),
      norm(r),
    );
    const scores = [];
    for (const other of plans) scores.push(score((await other.execute({ r })).x).toFixed(2));
    const beside = score((await plan.execute({ r: even })).x).toFixed(2);
    console.log(
      `  ${100 * share} % of ‖x‖: ${methods.map((one, k) => `${one.name} ${scores[k]}`).join(", ")} dB; under noise as large: ${beside} dB`,
    );
  }
}
