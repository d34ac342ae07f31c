// How often the intervals of the reports hold the truth, by simulation. What is said to be for 95 %
// must hold in 93 to 97 of 100 cases; intervals of means over fewer than 20 values are said to hold
// in 87 to 99, and must.
//   npm run cover             10⁴ runs of every row; about three minutes
//   npm run cover -- 1000     fewer, a quick look
//   npm run cover -- 1000 means    one part: means, shares or rare
// A share's cover is not simulated but summed over all numbers of successes. Exits with 1 when a
// row lies outside its bounds by more than two standard errors of the simulation.
import {
  brainPhantoms,
  differenceInterval95,
  inverseProblem,
  gaussianNoise,
  log,
  exp,
  magnitude,
  maximum,
  meanInterval95,
  meanShareInterval95,
  measure,
  normalCdf,
  openBackend,
  psnr,
  random,
  reconstruct,
  shareInterval95,
  studentQuantile,
  subsampledFourier,
  subsetSimulation,
  variableDensityMask,
  zeroFilled,
} from "fiducial";

const runs = Number(process.argv[2] ?? 10_000);
let missed = 0;
const percent = (share) => (100 * share).toFixed(1);
const row = (...cells) => console.log(`| ${cells.join(" | ")} |`);
/** What is said of means over fewer than 20 values, and of everything else. */
const [FEW, OTHERS] = [
  [0.87, 0.99],
  [0.93, 0.97],
];
/** A row's cover; one outside the bounds counts. */
function judged(cover, [least, most], count = Number.POSITIVE_INFINITY) {
  const slack = 2 * Math.sqrt((0.95 * 0.05) / count);
  const good = cover >= least - slack && cover <= most + slack;
  if (!good) missed++;
  return `${percent(cover)}${good ? "" : " (missed)"}`;
}

/** PSNR of zero-filled phantoms at two rates: images as an audit has them. */
async function phantomQuality() {
  const shape = [64, 64];
  const backend = await openBackend("auto");
  const images = brainPhantoms({ shape, count: 600, seed: 60_000 });
  const found = [];
  for (const acceleration of [4, 2]) {
    const operator = subsampledFourier({
      mask: variableDensityMask({ shape, acceleration, centerFraction: 0.08, seed: 1 }),
    });
    const problem = inverseProblem({ operator, noise: gaussianNoise({ sigma: 0.01 }), images });
    const values = [];
    for (let i = 0; i < images.length; i++) {
      const truth = magnitude(images.image(i));
      const x = await reconstruct(
        zeroFilled(),
        await measure(problem, { image: i, seed: 1, backend }),
        operator,
        backend,
      );
      values.push(psnr(truth, magnitude(x), maximum(truth)));
    }
    found.push(values);
  }
  return found;
}
const average = (values) => values.reduce((a, b) => a + b, 0) / values.length;
const picked = (values) => [(rng) => values[rng.integer(values.length)], average(values)];
/** A beta variable with whole parameters, as a share of exponentials. */
function beta(rng, a, b) {
  const sum = (n) =>
    Array.from({ length: n }, () => -log(1 - rng.uniform())).reduce((p, q) => p + q, 0);
  const first = sum(a);
  return first / (first + sum(b));
}

function simulate(name, interval, [draw, truth]) {
  for (const n of [3, 5, 10, 20, 50]) {
    const rng = random(1).fork(`${name} ${n}`);
    let [held, given] = [0, 0];
    for (let k = 0; k < runs; k++) {
      const values = Array.from({ length: n }, () => draw(rng));
      const found = interval(values).interval;
      if (found === undefined) continue;
      given++;
      if (found.low <= truth && truth <= found.high) held++;
    }
    row(name, n, given === 0 ? "no interval" : judged(held / given, n < 20 ? FEW : OTHERS, given));
  }
}

async function means() {
  const [quarter, half] = await phantomQuality();
  const gains = half.map((v, i) => v - quarter[i]);
  console.log("Means over images (meanInterval95)\n\n| population | n | cover, % |\n|---|---|---|");
  const populations = {
    normal: [(rng) => rng.normal(), 0],
    "PSNR of phantoms": picked(quarter),
    "mildly skewed (log-normal, 0.25)": [(rng) => exp(0.25 * rng.normal()), exp(0.03125)],
    "skewed (exponential)": [(rng) => -log(1 - rng.uniform()), 1],
    "bimodal, halves": [(rng) => (rng.uniform() < 0.5 ? -2 : 2) + rng.normal(), 0],
    "bimodal, 4 to 1": [(rng) => (rng.uniform() < 0.8 ? 0 : 4) + rng.normal(), 0.8],
  };
  for (const [name, population] of Object.entries(populations))
    simulate(name, meanInterval95, population);
  console.log(
    "\nPaired differences (differenceInterval95)\n\n| population | n | cover, % |\n|---|---|---|",
  );
  const zeros = (values) =>
    differenceInterval95(
      values,
      values.map(() => 0),
    );
  simulate("gain of PSNR by twice the samples, phantoms", zeros, picked(gains));
  console.log(
    "\nMeans of bounded, skewed shares (meanShareInterval95)\n\n| population | n | cover, % |\n|---|---|---|",
  );
  const shares = {
    "beta(8, 2)": [(rng) => beta(rng, 8, 2), 0.8],
    "beta(8, 1)": [(rng) => beta(rng, 8, 1), 8 / 9],
    uniform: [(rng) => rng.uniform(), 0.5],
  };
  for (const [name, population] of Object.entries(shares))
    simulate(name, meanShareInterval95, population);
}

/** Exact cover of shareInterval95 over 1,000 probabilities. */
function shareCover() {
  console.log(
    "\nShares of successes (shareInterval95), exact\n\n| n | mean cover, % | least, % |\n|---|---|---|",
  );
  for (const n of [7, 8, 10, 12, 15, 20, 30, 50, 100]) {
    const intervals = Array.from({ length: n + 1 }, (_, k) => shareInterval95(k, n));
    const covers = Array.from({ length: 1000 }, (_, i) => {
      const p = (i + 0.5) / 1000;
      let [cover, choose] = [0, 1];
      for (const [k, { low, high }] of intervals.entries()) {
        if (low <= p && p <= high) cover += choose * p ** k * (1 - p) ** (n - k);
        choose = (choose * (n - k)) / (k + 1);
      }
      return cover;
    });
    const least = Math.min(...covers);
    if (least < 0.93) missed++;
    row(n, judged(average(covers), OTHERS), percent(least));
  }
}

async function likelihoods() {
  console.log(
    "\nRare events (subsetSimulation)\n\n| event | samples a level | cover, % |\n|---|---|---|",
  );
  const sum = (u) => u.reduce((a, b) => a + b, 0) / Math.sqrt(u.length);
  const events = {
    "linear, 1.3e-3": [sum, 3, normalCdf(-3)],
    "linear, 3.2e-5": [sum, 4, normalCdf(-4)],
    "linear, 2.9e-7": [sum, 5, normalCdf(-5)],
    "radius, 4.5e-5": [(u) => u[0] ** 2 + u[1] ** 2, 20, exp(-10)],
    "two-sided, 6.3e-5": [(u) => Math.abs(sum(u)), 4, 2 * normalCdf(-4)],
    // as an audit asks: not beyond two levels
    "linear, 0.6": [sum, -0.2533471031357997, 0.6, 2],
    "linear, 0.15": [sum, 1.0364333894937898, 0.15, 2],
    "linear, 0.05": [sum, 1.6448536269514722, 0.05, 2],
    "linear, 1e-2": [sum, 2.3263478740408408, 0.01, 2],
    "linear, 1.3e-3, two levels": [sum, 3, normalCdf(-3), 2],
    "linear, 3.2e-5, two levels": [sum, 4, normalCdf(-4), 2],
  };
  for (const [name, [response, threshold, truth, maxLevels = 12]] of Object.entries(events))
    for (const samples of [50, 200, 500]) {
      const repeated = Math.max(50, Math.round(runs / 5));
      let held = 0;
      for (let seed = 0; seed < repeated; seed++) {
        const { low, high } = await subsetSimulation({
          dimension: 10,
          response,
          threshold,
          seed,
          samples,
          maxLevels,
        });
        if (low <= truth && truth <= high) held++;
      }
      row(name, samples, judged(held / repeated, OTHERS, repeated));
    }
}

console.log(
  `${runs} runs (a fifth for rare events); t at 0.975 with 4 degrees of freedom: ${studentQuantile(0.975, 4).toFixed(4)}\n`,
);
const parts = { means, shares: shareCover, rare: likelihoods };
const part = process.argv[3];
for (const [name, print] of Object.entries(parts))
  if (part === undefined || part === name) await print();
if (missed > 0) {
  console.error(`${missed} covers lie outside what is said of them`);
  process.exitCode = 1;
}
