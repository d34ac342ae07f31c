// How often is a verdict wrong? Methods drawn at random whose truth is known by construction, each
// with the one outcome that would be false: a pass where harm is known, a failure where it is
// excluded. Prints a table; fails where one in a hundred is wrong.
// node scripts/stub-verdicts.mjs [COUNT, 200] [SEED, 1]
import {
  arithmetic,
  audit,
  brainPhantoms,
  fullMask,
  gaussianNoise,
  GraphBuilder,
  inverseProblem,
  norm,
  openBackend,
  ops,
  random,
  subsampledFourier,
  variableDensityMask,
  worstCasePerturbation,
  zeroFilled,
} from "fiducial";

const [count = 200, seed = 1] = process.argv.slice(2).map(Number);
const size = 24;
const shape = [size, size];
const cells = size * size;
const budget = 0.02;
const backend = await openBackend("wasm", { threads: 1 });
const between = (rng, a, b) => a + (b - a) * rng.uniform();
const stub = (name, apply, more = {}) => ({ name, description: { kind: "stub" }, apply, ...more });

/** One image, a mask and noise, drawn. */
function problemOf(rng, whole = false) {
  const acceleration = between(rng, 1.5, 4);
  const mask = variableDensityMask({
    shape,
    acceleration,
    centerFraction: 0.15,
    seed: rng.integer(1e6),
  });
  return inverseProblem({
    operator: subsampledFourier({ mask: whole ? fullMask(shape) : mask }),
    noise: gaussianNoise({ sigma: whole ? between(rng, 0, 1e-6) : between(rng, 0.001, 0.02) }),
    images: brainPhantoms({ shape, count: 1, seed: rng.integer(1e6) }),
  });
}
/** A smooth blot that covers the image, times `amount`, added to x. */
function blotted(b, x, amount) {
  const { add, mul } = arithmetic(b);
  const blot = Float32Array.from({ length: 2 * cells }, (_, k) =>
    k < cells ? 0.5 + 0.5 * Math.cos(k / 9) : 0,
  );
  return add(x, mul(b.constant(blot, x.shape), amount));
}
/** A direction of norm 1 in the measured cells. */
function directionIn({ operator }, rng) {
  const d = Float64Array.from(operator.measured, (there) => (there ? rng.normal() : 0));
  const length = norm(d);
  return d.map((v) => v / length);
}
const along = (b, y, d) => arithmetic(b).sum(arithmetic(b).mul(y, b.constant(d, y.shape)));

const kinds = {
  /**
   * Zero-filling cut to where the object is: gains at most 1 and the better image, so no
   * perturbation of 2 % doubles the error's norm. It has to pass, and no doubt is left.
   */
  "zero-filling cut to the object": (rng) => {
    const problem = problemOf(rng);
    const x = problem.images.image(0);
    const support = Float32Array.from({ length: cells }, (_, k) =>
      x[k] === 0 && x[cells + k] === 0 ? 0 : 1,
    );
    const apply = (b, y, op) => arithmetic(b).mul(op.adjoint(b, y), b.constant(support, shape));
    const lipschitz = () => ({ bound: 1, why: "a projection of the adjoint" });
    return {
      problem,
      method: stub("cut", apply, { lipschitz }),
      wrong: ["fail", "inconclusive", "error"],
    };
  },
  /** Gains of 0.9 to 1 do no harm under attack, and the image is worse than zero-filling's. */
  "linear, gains of 0.9 to 1": (rng) => {
    const gain = Float32Array.from({ length: cells }, () => between(rng, 0.9, 1));
    const apply = (b, y, op) => op.adjoint(b, arithmetic(b).mul(y, b.constant(gain, shape)));
    const lipschitz = () => ({ bound: 1, why: "its largest gain" });
    return {
      problem: problemOf(rng),
      method: stub("linear", apply, { lipschitz }),
      wrong: ["pass", "fail", "error"],
    };
  },
  /** A direction that is amplified so much that 2 % of it costs far more than 6 dB. */
  "a direction amplified 100 to 1000 times": (rng) => {
    const problem = problemOf(rng);
    const d = directionIn(problem, rng);
    const gain = between(rng, 100, 1000);
    return { problem, method: narrow(problem, d, gain), wrong: ["pass", "error"] };
  },
  /** The same behind a gate that is shut around the clean measurement, with gradient zero. */
  "a direction behind a dead gate": (rng) => {
    const problem = problemOf(rng);
    const d = directionIn(problem, rng);
    const method = gated(problem, d, between(rng, 1e3, 1e4));
    return { problem, method, wrong: ["pass", "error"] };
  },
  quantised: (rng) => {
    const levels = 16 + rng.integer(48);
    const apply = (b, y, op) => {
      const { add, div } = arithmetic(b);
      const x = op.adjoint(b, y);
      const steps = Array.from({ length: levels }, (_, k) =>
        b.emit("greater", { a: x, b: b.scalar((2 * (k + 0.5)) / levels - 1) }, {}),
      );
      return div(
        add(
          steps.reduce((p, q) => add(p, q)),
          -levels / 2,
        ),
        levels / 2,
      );
    };
    return { problem: problemOf(rng), method: stub("quantised", apply), wrong: ["pass", "error"] };
  },
  "worse than zero-filling": (rng) => {
    const gain = between(rng, 0.1, 0.5);
    const apply = (b, y, op) => arithmetic(b).mul(op.adjoint(b, y), gain);
    return {
      problem: problemOf(rng),
      method: stub("dark", apply),
      wrong: ["pass", "fail", "error"],
    };
  },
  "nearly exact": (rng) => ({
    problem: problemOf(rng, true),
    method: { ...zeroFilled(), name: "exact" },
    wrong: ["fail", "inconclusive", "error"],
  }),
  constant: (rng) => ({
    problem: problemOf(rng),
    method: stub("constant", (b, y, op) => arithmetic(b).mul(op.adjoint(b, y), 0)),
    wrong: ["pass", "fail", "inconclusive"],
  }),
};

/** What the clean measurement has along d, so that the method is at rest there. */
async function restOf(problem, d) {
  const { operator, images } = problem;
  const b = new GraphBuilder(ops);
  b.output("y", operator.forward(b, b.input("x", [1, ...operator.domain])));
  const { y } = await (await backend.compile(b)).execute({ x: images.image(0) });
  const noise = problem.draw(1, 0);
  return y.reduce((sum, v, k) => sum + (v + noise[k]) * d[k], 0);
}
const narrow = (problem, d, gain) => ({
  prepare: async () => {
    const rest = await restOf(problem, d);
    return stub("narrow", (b, y, op) => {
      const { mul, sub } = arithmetic(b);
      return blotted(b, op.adjoint(b, y), mul(sub(along(b, y, d), rest), gain));
    });
  },
});
const gated = (problem, d, gain) => ({
  prepare: async () => {
    const rest = await restOf(problem, d);
    return stub("gated", (b, y, op) => {
      const { mul, relu, sub } = arithmetic(b);
      return blotted(b, op.adjoint(b, y), mul(relu(sub(sub(along(b, y, d), rest), 0.01)), gain));
    });
  },
});

const tally = new Map();
for (let i = 0; i < count; i++) {
  const names = Object.keys(kinds);
  const name = names[i % names.length];
  const { problem, method, wrong } = kinds[name](random(seed).fork(`stub ${i}`));
  const own = method.prepare ? await method.prepare() : method;
  const tests = [worstCasePerturbation({ relativeBudgets: [budget], steps: 15 })];
  const methods = own.name === "exact" ? [own] : [own, zeroFilled()];
  const { tests: records } = await audit({ problem, methods, tests, seed: 1, backend });
  const { outcome, explanation } = records[1].verdicts[0];
  const counts = tally.get(name) ?? {
    problems: 0,
    wrong: 0,
    pass: 0,
    fail: 0,
    inconclusive: 0,
    error: 0,
  };
  counts.problems++;
  counts[outcome]++;
  if (wrong.includes(outcome)) {
    counts.wrong++;
    console.error(`wrong, problem ${i}: ${name}: ${outcome}: ${explanation}`);
  }
  tally.set(name, counts);
  if (process.stderr.isTTY) process.stderr.write(`\r${i + 1} of ${count}`);
}
const columns = ["problems", "pass", "fail", "inconclusive", "error", "wrong"];
console.log(`| method | ${columns.join(" | ")} |\n|---|${columns.map(() => "---:|").join("")}`);
for (const [name, counts] of tally)
  console.log(`| ${name} | ${columns.map((c) => counts[c]).join(" | ")} |`);
const wrong = [...tally.values()].reduce((sum, c) => sum + c.wrong, 0);
console.log(`\n${wrong} of ${count} verdicts are wrong.`);
if (wrong > count / 100) process.exitCode = 1;
