// The search of a ball against what is known: linear methods' singular values, a climb written out
// on host arrays, methods without gradients, and the laws that hold for every method.
import { describe, expect, it } from "vitest";
import {
  arithmetic,
  GraphBuilder,
  openBackend,
  ops,
  random,
  type Backend,
  type Value,
} from "fiducial/engine";
import { nn } from "fiducial/learning";
import {
  brainPhantoms,
  gaussianNoise,
  inverseProblem,
  networkReconstructor,
  norm,
  subsampledFourier,
  totalVariation,
  variableDensityMask,
  zeroFilled,
  type Reconstructor,
} from "fiducial/imaging";
import {
  compileObjective,
  compileSearchStep,
  localLipschitz,
  search,
  searchSteps,
  type Domain,
  type Found,
  type Goal,
  type Searched,
  type SearchOptions,
} from "fiducial/audit";

const reference = await openBackend("reference");
const wasm = await openBackend("wasm");
const size = 8;
const cells = size * size;
const shape = [size, size] as const;
const operator = subsampledFourier({
  mask: variableDensityMask({ shape, acceleration: 2, centerFraction: 0.25, seed: 1 }),
});
const problem = inverseProblem({
  operator,
  noise: gaussianNoise({ sigma: 0.01 }),
  images: brainPhantoms({ shape, count: 1, seed: 5 }),
});
const mask = operator.sampling.mask.data;
const scene = { x: problem.images.image(0), noise: problem.draw(1, 0) };

/** f(y) = F⁻¹(w·y): the singular values of f are w where something is measured. */
const weights = Float32Array.from({ length: cells }, (_, k) =>
  mask[k] ? 0.5 + ((7 * k) % 13) / 13 : 0,
);
weights[mask.indexOf(1)] = 2;
const linear: Reconstructor = {
  ...zeroFilled(),
  name: "linear",
  apply: (b, y) => operator.adjoint(b, arithmetic(b).mul(y, b.constant(weights, [size, size]))),
};
const unet = networkReconstructor({
  network: nn.unet({
    inChannels: 2,
    outChannels: 2,
    baseChannels: 3,
    depth: 1,
    seed: 2,
    size: shape,
    residual: true,
  }),
});
const variation = totalVariation({ lambda: 0.05, iterations: 8 });

function drawing(domain: Domain, seed: number): () => Promise<Float64Array> {
  const rng = random(seed);
  return async () => {
    const e = Float64Array.from({ length: 2 * cells }, (_, k) =>
      mask[k % cells] ? rng.normal() : 0,
    );
    const zero = await compileObjective(zeroFilled(), problem, "measurement", reference);
    return domain === "image" ? zero.asImage(e) : e;
  };
}
interface Setting {
  readonly domain?: Domain;
  readonly ball?: "l2" | "linf";
  readonly backend?: Backend;
  readonly goals?: readonly Goal[];
  /** The largest change is what is judged, and not a second figure. */
  readonly change?: true;
  readonly seed?: number;
}
async function open(
  method: Reconstructor,
  setting: Setting = {},
): Promise<Searched & { ticks: () => number }> {
  const { domain = "measurement", ball = "l2", backend = reference, seed = 3 } = setting;
  const objective = await compileObjective(method, problem, domain, backend);
  const clean = await objective.reconstruct(scene, new Float64Array(2 * cells));
  let ticks = 0;
  return {
    step: await compileSearchStep(method, problem, { domain, ball }, backend),
    scene,
    goals: setting.goals ?? [
      ...(setting.change ? [] : [{ name: "harm", p: scene.x, magnitudes: true }]),
      { name: "change", p: clean },
    ],
    random: drawing(domain, seed),
    tick: async () => {
      ticks++;
    },
    ticks: () => ticks,
  };
}
const run = async (
  method: Reconstructor,
  setting: Setting,
  options: SearchOptions,
): Promise<Found[]> => search(await open(method, setting), options);
const cellSizes = (r: Float64Array): number[] =>
  Array.from({ length: cells }, (_, k) => Math.hypot(r[k], r[cells + k]));

describe("a linear method's worst case is known", () => {
  for (const domain of ["image", "measurement"] as const)
    it(`ℓ2, ${domain} domain: the change is σ_max times the radius, in every ball`, async () => {
      const found = await run(linear, { domain, change: true }, { radii: [0.01, 0.3], steps: 60 });
      for (const { radius, goals } of found) {
        expect(goals[0].value / radius).toBeGreaterThan(0.99 * 2);
        expect(goals[0].value / radius).toBeLessThanOrEqual(2 * (1 + 1e-9));
      }
    });
  it("ℓ∞: every measured cell at the radius moves the image by radius·‖w‖", async () => {
    const [{ goals }] = await run(linear, { ball: "linf" }, { radii: [0.1] });
    expect(goals[1].value).toBeGreaterThan(0.999 * 0.1 * norm(Float64Array.from(weights)));
    expect(goals[1].value).toBeLessThanOrEqual(0.1 * norm(Float64Array.from(weights)) * (1 + 1e-9));
  });
  it("towards a target that is within reach: it is reached, whatever the target's phase", async () => {
    const objective = await compileObjective(linear, problem, "measurement", reference);
    const r = (await drawing("measurement", 8)()).map((v) => 0.01 * v);
    const p = await objective.reconstruct(scene, r);
    const goals = [{ name: "target", p, towards: true }];
    const [{ goals: found }] = await run(linear, { goals }, { radii: [2 * norm(r)], steps: 200 });
    expect(found[0].value).toBeLessThan(0.05 * found[0].before);
    const curve = [...found[0].curve];
    expect(curve).toEqual([...curve].sort((a, b) => b - a));
  });
});

describe("what holds for every method", () => {
  const settings = [linear, unet, variation].flatMap((method) =>
    (["image", "measurement"] as const).flatMap((domain) =>
      (["l2", "linf"] as const).map((ball) => ({ method, domain, ball })),
    ),
  );
  for (const { method, domain, ball } of settings)
    it(`${method.name}, ${domain}, ${ball}: in the ball, as measured anew, never less than its starts`, async () => {
      const searched = await open(method, { domain, ball });
      const radii = ball === "l2" ? [0.05, 0.5] : [0.01, 0.05];
      const found = await search(searched, { radii, steps: 10 });
      const objective = await compileObjective(method, problem, domain, reference);
      for (const [i, { radius, goals }] of found.entries())
        for (const [g, { r, value, before, tried, curve }] of goals.entries()) {
          expect(ball === "l2" ? norm(r) : Math.max(...cellSizes(r))).toBeLessThanOrEqual(
            radius * (1 + 1e-9),
          );
          if (domain === "measurement")
            expect(cellSizes(r).every((v, k) => mask[k] === 1 || v === 0)).toBe(true);
          const x = await objective.reconstruct(scene, r);
          const { p, magnitudes } = searched.goals[g];
          const [a, b] = magnitudes ? [x, p].map((v) => cellSizes(Float64Array.from(v))) : [x, p];
          const anew = norm(Float64Array.from(a, (v, k) => v - b[k]));
          // |x̂| is rounded off by a millionth of the image at 0
          expect(Math.abs(value / anew - 1)).toBeLessThan(magnitudes ? 1e-4 : 1e-9);
          expect(value).toBeGreaterThanOrEqual(Math.max(before, ...tried.map((t) => t.value)));
          expect(value).toBe(curve.at(-1));
          expect([...curve]).toEqual([...curve].sort((p, q) => p - q));
          if (i > 0) expect(value).toBeGreaterThan(found[i - 1].goals[g].value);
        }
      const counted = found.reduce((n, f) => n + f.gradients, 0);
      expect(searched.ticks()).toBe(counted);
      expect(counted).toBeLessThanOrEqual(
        searchSteps({ goals: 2, starts: 0 }, { radii, steps: 10 }),
      );
    });
  it("the same bits for one, two and three threads, and twice", async () => {
    const bits: string[] = [];
    for (const threads of [1, 2, 3, 3]) {
      const backend = await openBackend("wasm", { threads });
      bits.push(JSON.stringify(await run(unet, { backend }, { radii: [0.05, 0.5], steps: 10 })));
      await backend.close();
    }
    expect(new Set(bits).size).toBe(1);
  });
  it("float32 finds what float64 finds", async () => {
    const options = { radii: [0.5], steps: 20 };
    const [[single], [double]] = [
      await run(variation, { backend: wasm }, options),
      await run(variation, {}, options),
    ];
    expect(Math.abs(single.goals[0].value / double.goals[0].value - 1)).toBeLessThan(0.01);
    expect(norm(single.goals[0].r)).toBeLessThanOrEqual(0.5 * (1 + 1e-6));
  });
  it("says when it was cut off, and when it was not", async () => {
    const seen = async (steps: number): Promise<boolean> =>
      (await run(linear, { change: true }, { radii: [0.1], steps, trial: 0, semifinal: 0 }))[0]
        .goals[0].rising;
    expect(await seen(2)).toBe(true);
    expect(await seen(100)).toBe(false);
  });
});

describe("one step", () => {
  it("is APGD's, written out on host arrays, restart and momentum included", async () => {
    const { step, goals, random: draw } = await open(variation);
    const objective = await compileObjective(variation, problem, "measurement", reference);
    const [radius, momentum, stepSize] = [0.4, 0.75, 0.3];
    const into = (v: Float64Array): Float64Array => v.map((x) => x * Math.min(1, radius / norm(v)));
    const start = into(await draw());
    await step.begin(scene, goals[1], start);
    let [r, before] = [start, start];
    let best = { value: -1, r, gradient: r };
    for (let k = 0; k < 12; k++) {
      const restart = k === 5 || k === 9;
      const seen = await step.advance(radius, { stepSize, momentum, restart });
      const { x, gradient } = await objective.climb(scene, r, goals[1].p);
      const value = norm(x.map((v, i) => v - goals[1].p[i]));
      expect(Math.abs(seen.value / value - 1)).toBeLessThan(1e-9);
      expect(Math.abs(seen.length / norm(r) - 1)).toBeLessThan(1e-9);
      expect(Math.abs(seen.slope / (2 * norm(gradient)) - 1)).toBeLessThan(1e-6);
      if (value > best.value) best = { value, r, gradient };
      const [from, rest, along] = restart ? [best.r, best.r, best.gradient] : [r, before, gradient];
      const moved = into(from.map((v, i) => v + (stepSize * along[i]) / norm(along)));
      r = into(from.map((v, i) => v + momentum * (moved[i] - v) + (1 - momentum) * (v - rest[i])));
      before = from;
    }
    expect(norm((await step.best()).map((v, i) => v - best.r[i]))).toBeLessThan(1e-9);
  });
  it("radii that do not increase are refused", async () => {
    for (const radii of [[], [0], [0.2, 0.1], [Number.NaN]])
      await expect(run(linear, {}, { radii })).rejects.toThrow(/must be positive and increase/);
  });
  it("a reconstruction that is not finite ends the search and says where", async () => {
    const broken: Reconstructor = {
      ...linear,
      apply: (b, y) =>
        b.emit("log", { x: b.emit("neg", { x: b.emit("abs", { x: y }, {}) }, {}) }, {}),
    };
    const searched = await open(linear);
    const step = await compileSearchStep(broken, problem, { domain: "measurement" }, reference);
    await expect(search({ ...searched, step }, { radii: [0.1] })).rejects.toThrow(
      /not finite at step 1/,
    );
  });
});

describe("a method without gradients", () => {
  /** A jump by a whole detail where y is moved by more than `at` along a known direction. */
  const jump = (at: number): Reconstructor => ({
    ...linear,
    name: "jump",
    apply(b, y) {
      const { add, mul, reshape, sub, sum } = arithmetic(b);
      const key = Float32Array.from({ length: 2 * cells }, (_, k) =>
        k === mask.indexOf(1) ? 1 : 0,
      );
      const level = sum(mul(y, b.constant(key, [1, 2, size, size])), [1, 2, 3]);
      const gate = b.emit("greater", { a: sub(level, b.scalar(known)), b: b.scalar(at) }, {});
      const detail = b.constant(new Float32Array(2 * cells).fill(0.5), [1, 2, size, size]);
      return add(
        mul(reshape(gate, [y.shape[0], 1, 1, 1]), detail),
        b.constant(new Float32Array(1).fill(0.1), [1]),
      );
    },
  });
  let known = 0;
  it("is reported as one, and probes show whether it moves at all", async () => {
    const b = new GraphBuilder(ops);
    b.output("y", operator.forward(b, b.input("x", [1, 2, size, size])));
    const { y } = await (await reference.compile(b)).execute({ x: scene.x });
    known = y[mask.indexOf(1)] + scene.noise[mask.indexOf(1)];
    const radius = 0.02 * norm(Float64Array.from(y));
    for (const [at, moves] of [
      [0.9 * radius, false],
      [1e-3 * radius, true],
    ] as const) {
      const [{ goals }] = await run(jump(at), { seed: 1 }, { radii: [radius], steps: 5 });
      for (const { vanishing, probes, before } of goals) {
        expect(vanishing).toBe(true);
        expect(probes.map((p) => p.length / radius)).toEqual([1, 4, 16]);
        if (moves) expect(probes.some((p) => Math.abs(p.value - before) > 0.1)).toBe(true);
      }
      // a random point of the ball that moves it is what is found
      if (!moves) expect(goals[1].value).toBe(0);
    }
  });
  it("a search of changes alone, without starts, is not blind: it draws one", async () => {
    const searched = await open(linear);
    const [{ goals }] = await search(
      { ...searched, goals: [searched.goals[1]] },
      { radii: [0.1], steps: 5, randomStarts: 0 },
    );
    expect(goals[0].vanishing).toBe(false);
    expect(goals[0].value).toBeGreaterThan(0.1);
  });
  it("every other method has them", async () => {
    for (const method of [linear, unet, variation])
      for (const { vanishing } of (await run(method, {}, { radii: [1e-4], steps: 3 }))[0].goals)
        expect(vanishing).toBe(false);
  });
});

describe("the local Lipschitz constant", () => {
  const at = async (
    method: Reconstructor,
    steps: number,
  ): Promise<Awaited<ReturnType<typeof localLipschitz>>> => {
    const objective = await compileObjective(method, problem, "measurement", reference);
    const p = await objective.reconstruct(scene, new Float64Array(2 * cells));
    const start = await drawing("measurement", 4)();
    return localLipschitz((r) => objective.climb(scene, r, p), start, { radius: 1e-4, steps });
  };
  it("is the largest singular value, with its vector, where power iteration is still far away", async () => {
    // 2 beside 1.98: power iteration needs hundreds of steps to tell them apart
    const second = weights[mask.lastIndexOf(1)];
    weights[mask.lastIndexOf(1)] = 1.98;
    const { sigma, vector, residual, settled, steps } = await at(linear, 40);
    weights[mask.lastIndexOf(1)] = second;
    expect(Math.abs(sigma / 2 - 1)).toBeLessThan(1e-3);
    expect(settled).toBe(true);
    expect(steps).toBeLessThan(40);
    expect(Math.abs(norm(vector) - 1)).toBeLessThan(1e-9);
    // σ²(1 ± residual) holds a squared singular value
    const nearest = Math.min(...[...weights].map((w) => Math.abs(w * w - sigma * sigma)));
    expect(nearest).toBeLessThanOrEqual(residual * sigma * sigma + 1e-6);
  });
  it("says when it was cut off", async () => {
    const { settled, residual, steps } = await at(linear, 4);
    expect(settled).toBe(false);
    expect(residual).toBeGreaterThan(0.01);
    expect(steps).toBe(4);
    expect((await at(linear, 1)).sigma).toBeGreaterThan(0.5);
  });
  it("of a method that never moves is 0", async () => {
    const still = { ...linear, apply: (b: GraphBuilder, y: Value) => arithmetic(b).mul(y, 0) };
    expect(await at(still, 10)).toMatchObject({ sigma: 0, residual: 0, settled: true });
  });
  it("small balls are searched from its vector: no search finds more than σ, and this one finds it", async () => {
    for (const method of [linear, unet, variation]) {
      const { sigma, vector } = await at(method, 60);
      const searched = { ...(await open(method)), starts: [{ kind: "singular", r: vector }] };
      const [{ goals }] = await search(searched, { radii: [1e-4], steps: 5 });
      expect(goals[1].value / 1e-4 / sigma).toBeGreaterThan(0.98);
      expect(goals[1].value / 1e-4 / sigma).toBeLessThan(1.02);
    }
  });
});
