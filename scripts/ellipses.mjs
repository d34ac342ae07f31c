// Ell 50 in small: a FBPConvNet on 50 parallel views of ellipses, which are measured from their
// formulas, beside filtered back-projection and total variation: how accurate they are on ellipses
// that no training has seen, and what is left of that under each other's worst perturbations.
//   node dist/cli/main.js train reconstructor --network fbpconvnet --operator radon --views 50 \
//     --phantoms ellipses --size 96 --noise 0.1 --count 1000 --epochs 6 --out ell50.safetensors
//   node scripts/ellipses.mjs ell50.safetensors [--count 12] [--attacked 2] [--steps 30]
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import {
  analyticEllipses,
  applyOperator,
  besideModel,
  compileObjective,
  filteredBackProjection,
  gaussianNoise,
  inverseProblem,
  loadNetwork,
  magnitude,
  maximum,
  networkReconstructor,
  norm,
  openBackend,
  openOperator,
  projectedAscent,
  psnr,
  random,
  ssim,
  totalVariation,
  trainedOperator,
} from "fiducial";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    count: { type: "string", default: "12" },
    attacked: { type: "string", default: "2" },
    steps: { type: "string", default: "30" },
    threads: { type: "string", default: "1" },
  },
});
const [model] = positionals;
const network = loadNetwork(readFileSync(model), model);
const operator = openOperator(trainedOperator(network));
const { noiseSigma: sigma } = network.trained;
const [, ...shape] = operator.domain;
const backend = await openBackend("wasm", { threads: Number(values.threads) });
const images = analyticEllipses({ shape, count: Number(values.count), seed: 60_000 });
const problem = inverseProblem({ operator, noise: gaussianNoise({ sigma }), images });
const methods = [
  networkReconstructor({ network }),
  totalVariation({ sigma }),
  filteredBackProjection(),
];
const budgets = [0.005, 0.01, 0.02];

const mean = (list) => list.reduce((a, b) => a + b, 0) / list.length;
const distance = (a, b) => norm(Float64Array.from(a, (v, k) => v - b[k]));
const row = (...cells) => console.log(`| ${cells.join(" | ")} |`);
const table = (...heads) => {
  row(...heads);
  console.log(`|${heads.map((_, k) => (k === 0 ? "---|" : "---:|")).join("")}`);
};
const objectives = [];
for (const method of methods)
  objectives.push(await compileObjective(method, problem, "measurement", backend));
const zero = new Float64Array(operator.measured.length);

/** Image i, and y − Ax: its noise, and what its pixels miss of its formula. */
async function sceneOf(i) {
  const x = Float64Array.from(images.image(i));
  const Ax = await applyOperator(operator, "forward", x, backend);
  return { x, noise: besideModel(problem, { image: i, seed: 1, Ax }), y: Ax };
}
const score = ({ x }, made) => psnr(magnitude(x), magnitude(made), maximum(magnitude(x)));

async function accuracy(scenes) {
  console.log(`\n${scenes.length} ellipse phantoms of ${shape.join("×")}, noise ${sigma}`);
  table("method", "PSNR, dB", "SSIM");
  for (const [m, { name }] of methods.entries()) {
    const scores = { psnr: [], ssim: [] };
    for (const scene of scenes) {
      const truth = magnitude(scene.x);
      const made = magnitude(await objectives[m].reconstruct(scene, zero));
      scores.psnr.push(psnr(truth, made, maximum(truth)));
      scores.ssim.push(ssim(truth, made, shape, maximum(truth)));
    }
    row(name, mean(scores.psnr).toFixed(2), mean(scores.ssim).toFixed(4));
  }
}

const measuredNoise = (rng) =>
  Float64Array.from(operator.measured, (there) => there * rng.normal());
/** The r of every budget that takes method m furthest from the truth, each from the one before. */
async function attack(m, scene, seed) {
  const found = [];
  for (const budget of budgets) {
    const rng = random(seed);
    const options = { radius: budget * norm(scene.y), steps: Number(values.steps), restarts: 1 };
    const { r } = await projectedAscent(
      (at) => objectives[m].climb(scene, at, scene.x),
      (made) => distance(made, scene.x),
      () => measuredNoise(rng),
      options,
      found.at(-1),
    );
    found.push(r);
  }
  return found;
}
/** Noise on the measurement of the same norm as r. */
function noiseLike(r, seed) {
  const noise = measuredNoise(random(seed));
  const factor = norm(r) / norm(noise);
  return noise.map((v) => factor * v);
}

async function stability(scenes) {
  const names = methods.map(({ name }) => name);
  console.log(`\nWorst perturbations of the measurement, ${scenes.length} phantoms, PSNR in dB`);
  table("made against", "of ‖y‖", ...names, ...names.map((name) => `noise as large: ${name}`));
  for (const m of [0, 1]) {
    const all = [];
    for (const [i, scene] of scenes.entries()) all.push(await attack(m, scene, i + 1));
    for (const [k, budget] of budgets.entries()) {
      const under = async (other, changed) => {
        const scores = [];
        for (const [i, scene] of scenes.entries())
          scores.push(
            score(scene, await objectives[other].reconstruct(scene, changed(all[i][k], i))),
          );
        return mean(scores).toFixed(2);
      };
      const cells = [];
      for (const other of methods.keys()) cells.push(await under(other, (r) => r));
      for (const other of methods.keys())
        cells.push(await under(other, (r, i) => noiseLike(r, 100 + i)));
      row(names[m], `${100 * budget} %`, ...cells);
    }
  }
}

const scenes = [];
for (let i = 0; i < images.length; i++) scenes.push(await sceneOf(i));
await accuracy(scenes);
await stability(scenes.slice(0, Number(values.attacked)));
await backend.close();
