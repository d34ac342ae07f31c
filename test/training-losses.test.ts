// Losses over classes, labels and masks against PyTorch and central differences; groups of
// parameters and schedules against PyTorch's.
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { arithmetic, gradients, GraphBuilder, openBackend, ops } from "fiducial/engine";
import {
  adam,
  adamW,
  binaryCrossEntropy,
  binaryFocal,
  constant,
  cosine,
  crossEntropy,
  dice,
  exponentialDecay,
  focal,
  klDivergence,
  meanSquaredError,
  polynomialDecay,
  rmsprop,
  sgd,
  warmUp,
  weightedSum,
  type Loss,
  type Optimizer,
  type Schedule,
} from "fiducial/learning";

interface Recorded {
  shape: number[];
  p: number[];
  targetShape: number[];
  t: number[];
  value: number;
  gradient: number[];
}
const fixture = JSON.parse(
  readFileSync(new URL("fixtures/pytorch_losses.json", import.meta.url), "utf8"),
) as {
  losses: Record<string, Recorded>;
  optimizers: Record<string, number[][]>;
  schedules: Record<string, number[]>;
};
const numbers = (n: number, k: number): number[] =>
  Array.from({ length: n }, (_, i) => ((i * 37 + k * 11) % 101) / 50 - 1);
const backend = await openBackend("reference");
const ones = [1, 2, 0.5];
const four = [1, 2, 0.5, 3];

const losses: Record<string, Loss> = {
  "crossEntropy of pixels": crossEntropy(),
  "crossEntropy of pixels, shares": crossEntropy(),
  "crossEntropy without a class": crossEntropy({ ignored: 255 }),
  "crossEntropy without a class, weighted and smoothed": crossEntropy({
    ignored: 255,
    classWeights: ones,
    labelSmoothing: 0.2,
  }),
  binaryCrossEntropy: binaryCrossEntropy(),
  "binaryCrossEntropy weighted": binaryCrossEntropy({ positiveWeight: 3 }),
  "binaryCrossEntropy weighted by label": binaryCrossEntropy({ positiveWeight: four }),
  "binaryCrossEntropy of masks": binaryCrossEntropy({ positiveWeight: ones }),
  "binaryCrossEntropy at 0": binaryCrossEntropy(),
  "binaryCrossEntropy far out": binaryCrossEntropy(),
  klDivergence: klDivergence(),
  "klDivergence of one": klDivergence(),
  focal: focal(),
  "focal 3.5 weighted": focal({ gamma: 3.5, classWeights: four }),
  "focal of pixels": focal({ gamma: 1 }),
  binaryFocal: binaryFocal(),
  "binaryFocal 0 0.5": binaryFocal({ gamma: 0, alpha: 0.5 }),
  "dice over labels": dice(),
  "dice over classes": dice({ over: "classes", smooth: 0.5 }),
  weightedSum: weightedSum([
    [1, crossEntropy()],
    [0.5, dice({ over: "classes" })],
  ]),
};
/** The cost, and its gradient, of logits. */
async function opened(loss: Loss, { shape, targetShape, t }: Recorded) {
  const b = new GraphBuilder(ops);
  const x = b.input("p", shape);
  const cost = loss.apply(b, x, b.input("t", targetShape));
  b.output("cost", cost);
  b.output("gradient", gradients(b, cost, [x])[0]);
  const plan = await backend.compile(b);
  return (p: number[]) => plan.execute({ p, t });
}

describe("losses agree with PyTorch", () => {
  it("are all in the fixture", () =>
    expect(Object.keys(losses)).toEqual(Object.keys(fixture.losses)));
  for (const [name, loss] of Object.entries(losses))
    it(name, async () => {
      const recorded = fixture.losses[name];
      const run = await opened(loss, recorded);
      const out = await run(recorded.p);
      expect(out.cost[0]).toBeCloseTo(recorded.value, 9);
      recorded.gradient.forEach((g, i) => expect(out.gradient[i]).toBeCloseTo(g, 9));
    });
});

describe("losses' gradients agree with central differences", () => {
  for (const [name, loss] of Object.entries(losses))
    it(name, async () => {
      const recorded = fixture.losses[name];
      const run = await opened(loss, recorded);
      const { gradient } = await run(recorded.p);
      const direction = numbers(recorded.p.length, 9);
      const at = async (h: number): Promise<number> =>
        (await run(recorded.p.map((v, i) => v + h * direction[i]))).cost[0];
      const h = 1e-4;
      const difference =
        (8 * ((await at(h)) - (await at(-h))) - (await at(2 * h)) + (await at(-2 * h))) / (12 * h);
      const along = direction.reduce((s, d, i) => s + d * gradient[i], 0);
      const size = direction.reduce((s, d, i) => s + Math.abs(d * gradient[i]), 0);
      expect(Math.abs(along - difference)).toBeLessThan(1e-6 * size);
    });
});

describe("losses refuse what they cannot read", () => {
  const apply = (loss: Loss, p: number[], t: number[]) => () => {
    const b = new GraphBuilder(ops);
    loss.apply(b, b.input("p", p), b.input("t", t));
  };
  it("targets of another shape, by both shapes", () => {
    expect(apply(crossEntropy(), [2, 3, 4, 4], [2, 4])).toThrow(
      /prediction is \[2×3×4×4\], the target \[2×4\]/,
    );
    expect(apply(binaryCrossEntropy(), [2, 3], [2, 2])).toThrow(
      /binaryCrossEntropy: the prediction/,
    );
    expect(apply(dice(), [2, 3], [2, 3])).toThrow(/takes logits of pixels/);
  });
  it("weights of another number of classes", () => {
    expect(apply(crossEntropy({ classWeights: [1, 2] }), [2, 3], [2])).toThrow(
      /2 class weights for 3 classes/,
    );
    expect(apply(binaryCrossEntropy({ positiveWeight: [1, 2] }), [2, 3], [2, 3])).toThrow(
      /2 class weights for 3/,
    );
  });
  it("options out of range, and sums of losses that read other targets", () => {
    expect(() => focal({ gamma: 0.5 })).toThrow(/gamma 0.5 must be 0, or from 1/);
    expect(() => binaryFocal({ alpha: 2 })).toThrow(/alpha 2/);
    expect(() => binaryCrossEntropy({ positiveWeight: -1 })).toThrow(/positiveWeight -1/);
    expect(() => dice({ smooth: 0 })).toThrow(/smooth 0/);
    const mixed = [[1, crossEntropy()] as const, [1, meanSquaredError()] as const];
    expect(() => weightedSum(mixed)).toThrow(/targets of different kinds/);
  });
});

describe("groups of parameters take PyTorch's steps", () => {
  const cases: Record<string, Optimizer> = {
    sgd: sgd({ learningRate: 0.01, momentum: 0.9, weightDecay: 0.1 }),
    adam: adam({ learningRate: 0.01, weightDecay: 0.1 }),
    adamW: adamW({ learningRate: 0.01, weightDecay: 0.1 }),
    rmsprop: rmsprop({ learningRate: 0.01, weightDecay: 0.1 }),
  };
  it("are all in the fixture", () =>
    expect(Object.keys(cases)).toEqual(Object.keys(fixture.optimizers)));
  for (const [name, optimizer] of Object.entries(cases))
    it(name, async () => {
      const b = new GraphBuilder(ops);
      const { add, mul, square, sub, sum } = arithmetic(b);
      const w = b.parameter("w", [5], new Float32Array(5));
      const v = b.parameter("v", [5], new Float32Array(5));
      const first = mul(
        square(sub(w, b.constant(numbers(5, 7), [5]))),
        b.constant([1, 2, 3, 4, 5], [5]),
      );
      const cost = sum(add(first, square(add(v, mul(w, b.constant(numbers(5, 2), [5]))))));
      const both = new Map([
        ["w", w],
        ["v", v],
      ]);
      const shares = (key: string) => (key === "w" ? { rate: 2, decay: 3 } : { rate: 1, decay: 0 });
      const rate = b.scalar(optimizer.options.learningRate);
      optimizer.apply(b, both, gradients(b, cost, [w, v]), rate, shares);
      const plan = await backend.compile(b);
      await plan.write("w", numbers(5, 3));
      await plan.write("v", numbers(5, 4));
      for (let k = 0; k < 10; k++) await plan.execute();
      for (const [i, key] of ["w", "v"].entries())
        (await plan.read(key)).forEach((value, j) =>
          expect(value).toBeCloseTo(fixture.optimizers[name][i][j], 6),
        );
    });
});

describe("schedules are PyTorch's", () => {
  const cases: Record<string, Schedule> = {
    "cosine restarted twice": cosine({ restarts: 2 }),
    "cosine restarted evenly": cosine({ restarts: 3, growth: 1 }),
    "warmed up": warmUp(constant(), { steps: 10, from: 0.25 }),
    exponential: exponentialDecay({ factor: 0.9 }),
    polynomial: polynomialDecay({ power: 0.9 }),
  };
  it("are all in the fixture", () =>
    expect(Object.keys(cases)).toEqual(Object.keys(fixture.schedules)));
  for (const [name, schedule] of Object.entries(cases))
    it(name, () => {
      const rates = fixture.schedules[name];
      rates.forEach((rate, k) => expect(schedule.factor(k, rates.length)).toBeCloseTo(rate, 9));
    });
  it("a warm-up is followed by the whole of the other schedule", () => {
    const warmed = warmUp(cosine(), { steps: 5 });
    expect(warmed.factor(5, 25)).toBe(1);
    expect(warmed.factor(15, 25)).toBeCloseTo(0.5, 12);
    expect(() => warmUp(cosine(), { steps: 0 })).toThrow(/whole number from 1/);
  });
});
