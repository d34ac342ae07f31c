// Where the classical methods' default λ come from, and what they leave on the table.
//   node scripts/tune-classical.mjs          the table of src/imaging/solvers/tuned.ts, by phantoms
//   node scripts/tune-classical.mjs firenet  one method's
// node scripts/tune-classical.mjs check    the default λ beside the best of a grid, other phantoms
//   node scripts/tune-classical.mjs check FILE…    the same on the middle slices of real volumes
//   node scripts/tune-classical.mjs check firenet 4 FILE…    for one method at one acceleration
// None are phantoms of the training or of an audit. About four minutes each on one core.
import { readFileSync } from "node:fs";
import {
  brainPhantoms,
  firenet,
  gaussianNoise,
  GraphBuilder,
  imagesFrom,
  inverseProblem,
  magnitude,
  maximum,
  measure,
  openBackend,
  ops,
  prepareImage,
  psnr,
  readVolume,
  subsampledFourier,
  totalVariation,
  variableDensityMask,
  waveletSparsity,
} from "fiducial";

const shape = [128, 128];
const size = 2 * shape[0] * shape[1];
const sigmas = [0, 0.003, 0.01, 0.03, 0.06, 0.1];
/** σ over the root mean square of A*y, where λ is written down; straight lines between. */
const nodes = [0, 0.01, 0.035, 0.1, 0.2, 0.4];
const doublings = (first, count) => Array.from({ length: count }, (_, k) => first * 2 ** k);
// its best λ is next to one that smooths everything away
const fine = Array.from({ length: 13 }, (_, k) => 0.004 * Math.SQRT2 ** k);
const methods = {
  totalVariation: { make: totalVariation, lambdas: doublings(0.00125, 11) },
  waveletSparsity: { make: waveletSparsity, lambdas: doublings(0.00125, 11) },
  firenet: { make: firenet, lambdas: fine },
};
const backend = await openBackend("auto");
const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length;
const operatorOf = (acceleration, seed) =>
  subsampledFourier({
    mask: variableDensityMask({ shape, acceleration, centerFraction: 0.08, seed }),
  });

/** All images measured at one noise level, in one batch. */
async function scans(images, operator, sigma) {
  const problem = inverseProblem({ operator, noise: gaussianNoise({ sigma }), images });
  const y = new Float32Array(images.length * size);
  const scales = [];
  for (let i = 0; i < images.length; i++) {
    const measured = await measure(problem, { image: i, seed: 1, backend });
    y.set(measured, i * size);
    scales.push(Math.sqrt(mean(measured.map((v) => v * v))));
  }
  return { sigma, y, scales };
}
async function compile(method, operator, count) {
  const b = new GraphBuilder(ops);
  b.output("x", method.apply(b, b.input("y", [count, ...operator.range]), operator));
  return backend.compile(b);
}
/** The PSNR of every image. */
async function score(plan, y, images) {
  const { x } = await plan.execute({ y });
  return Array.from({ length: images.length }, (_, i) => {
    const truth = magnitude(images.image(i));
    return psnr(truth, magnitude(x.subarray(i * size, (i + 1) * size)), maximum(truth));
  });
}

/** PSNR by noise level, λ and image. */
async function sweep({ make, lambdas }, operator, images, data) {
  const found = data.map(() => []);
  for (const lambda of lambdas) {
    const plan = await compile(make({ lambda }), operator, images.length);
    for (const [k, { y }] of data.entries()) found[k].push(await score(plan, y, images));
  }
  return found;
}
/** Between three of the grid's λ, a parabola over log λ. */
function between(values, lambdas, lambda) {
  const place = Math.log(lambda / lambdas[0]) / Math.log(lambdas[1] / lambdas[0]);
  const middle = Math.min(lambdas.length - 2, Math.max(1, Math.round(place)));
  const [before, here, after] = values.slice(middle - 1, middle + 2);
  const u = Math.min(1, Math.max(-1, place - middle));
  return here + (u * (after - before)) / 2 + (u * u * (after - 2 * here + before)) / 2;
}
function line(r, weights) {
  const k = Math.min(
    nodes.length - 2,
    Math.max(
      0,
      nodes.findLastIndex((node) => node <= r),
    ),
  );
  return weights[k] + ((weights[k + 1] - weights[k]) * (r - nodes[k])) / (nodes[k + 1] - nodes[k]);
}
/** What the weights lose against the best λ of the grid, at every noise level. */
function losses(weights, found, data, lambdas) {
  const clamp = (lambda) => Math.min(lambdas.at(-1), Math.max(lambdas[0], lambda));
  return data.map(({ sigma, scales }, k) => {
    const best = Math.max(...found[k].map(mean));
    const own = scales.map((scale, i) =>
      between(
        found[k].map((values) => values[i]),
        lambdas,
        clamp(line(sigma / scale, weights)),
      ),
    );
    return best - mean(own);
  });
}
/** Weights at the nodes: one after the other up or down, as long as the losses fall. */
function fit(found, data, lambdas) {
  const cost = (weights) =>
    mean(losses(weights, found, data, lambdas).map((loss) => Math.exp(5 * loss)));
  const starts = lambdas.map((lambda) => nodes.map((r) => Math.max(lambda, lambdas.at(-4) * r)));
  let [best, least] = [undefined, Number.POSITIVE_INFINITY];
  for (let weights of starts) {
    for (let step = 2; step > 1.02; step = Math.sqrt(step))
      for (let moved = true; moved; ) {
        moved = false;
        for (let k = 0; k < nodes.length; k++)
          for (const factor of [step, 1 / step]) {
            const next = weights.map((w, i) =>
              i === k ? Math.min(lambdas.at(-1), Math.max(lambdas[0], w * factor)) : w,
            );
            if (cost(next) < cost(weights) - 1e-7) [weights, moved] = [next, true];
          }
      }
    if (cost(weights) < least) [best, least] = [weights, cost(weights)];
  }
  return best;
}

const namedIn = (words) =>
  Object.entries(methods).filter(([name]) => words.length === 0 || words.includes(name));

async function tune(words) {
  const images = brainPhantoms({ shape, count: 12, seed: 40_000 });
  console.log(
    `λ at σ/RMS(A*y) of ${nodes.join(", ")}; dB lost to the best of the grid at σ = ${sigmas.join(", ")}`,
  );
  for (const acceleration of [8, 4, 2]) {
    const operator = operatorOf(acceleration, 1);
    const data = [];
    for (const sigma of sigmas) data.push(await scans(images, operator, sigma));
    for (const [name, method] of namedIn(words)) {
      const found = await sweep(method, operator, images, data);
      const weights = fit(found, data, method.lambdas);
      const lost = losses(weights, found, data, method.lambdas);
      console.log(
        `${name} 1/${acceleration}: ${weights.map((w) => Number(w.toPrecision(2))).join(", ")}; ${lost.map((v) => v.toFixed(2)).join(", ")} dB`,
      );
    }
  }
}

/** Middle slices of volumes, resampled to the phantoms' size. */
async function realImages(files) {
  const images = [];
  for (const file of files) {
    const volume = readVolume(readFileSync(file), file);
    const from = [volume.height, volume.width];
    const slice = volume.slice(Math.floor(volume.slices / 2));
    const { image } = await prepareImage(slice, {
      from,
      to: shape,
      complex: volume.complex,
      backend,
      name: file,
    });
    images.push(image);
  }
  return imagesFrom(images, shape);
}
async function check(words) {
  const files = words.filter((word) => !(word in methods) && !["2", "4", "8"].includes(word));
  const named = namedIn(words.filter((word) => word in methods));
  const rates = [2, 4, 8].filter((rate) => words.includes(String(rate)));
  const images =
    files.length > 0 ? await realImages(files) : brainPhantoms({ shape, count: 6, seed: 50_000 });
  console.log(
    `${images.length} images, another mask\n| method | R | σ | default, dB | best λ | its dB | lost |\n|---|---|---|---|---|---|---|`,
  );
  for (const [name, method] of named)
    for (const acceleration of rates.length > 0 ? rates : [2, 4, 8]) {
      const operator = operatorOf(acceleration, 7);
      const data = [];
      for (const sigma of [0, 0.005, 0.01, 0.02, 0.05, 0.1])
        data.push(await scans(images, operator, sigma));
      const found = await sweep(method, operator, images, data);
      for (const [k, { sigma, y }] of data.entries()) {
        const plan = await compile(method.make({ sigma }), operator, images.length);
        const own = mean(await score(plan, y, images));
        const means = found[k].map(mean);
        const best = Math.max(...means);
        console.log(
          `| ${name} | ${acceleration} | ${sigma} | ${own.toFixed(2)} | ${method.lambdas[means.indexOf(best)]} | ${best.toFixed(2)} | ${(best - own).toFixed(2)} |`,
        );
      }
    }
}

const [mode, ...words] = process.argv.slice(2);
if (mode === "check") await check(words);
else await tune(process.argv.slice(2));
