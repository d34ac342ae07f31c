// Losses and optimisers against PyTorch and skimage; schedules; averaged weights.
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { arithmetic, gradients, GraphBuilder, openBackend, ops } from "fiducial/engine";
import {
  adam,
  adamW,
  augmented,
  clipped,
  constant,
  cosine,
  crossEntropy,
  fit,
  huber,
  meanAbsoluteError,
  meanSquaredError,
  nn,
  oneCycle,
  rmsprop,
  sgd,
  smoothFall,
  stepDecay,
  structuralDissimilarity,
  type Dataset,
  type Loss,
  type Optimizer,
  type TrainingState,
} from "fiducial/learning";

const fixture = JSON.parse(
  readFileSync(new URL("fixtures/pytorch_training.json", import.meta.url), "utf8"),
) as {
  losses: Record<string, { value: number; gradient?: number[] }>;
  optimizers: Record<string, number[]>;
};
const numbers = (n: number, k: number): number[] =>
  Array.from({ length: n }, (_, i) => ((i * 37 + k * 11) % 101) / 50 - 1);
const backend = await openBackend("reference");

describe("losses agree with PyTorch, and 1 − SSIM with skimage", () => {
  const target = [0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 1];
  const logits = { shape: [3, 4], p: numbers(12, 1).map((v) => 3 * v), t: target };
  const images = {
    shape: [2, 1, 9, 9],
    p: numbers(162, 2).map((v) => 0.5 + 0.4 * v),
    t: numbers(162, 5).map((v) => 0.5 + 0.4 * v),
  };
  const cases: Record<string, [Loss, typeof logits]> = {
    crossEntropy: [crossEntropy(), logits],
    smoothed: [crossEntropy({ labelSmoothing: 0.1 }), logits],
    weighted: [crossEntropy({ classWeights: [1, 2, 0.5, 3] }), logits],
    "smoothed and weighted": [
      crossEntropy({ classWeights: [1, 2, 0.5, 3], labelSmoothing: 0.2 }),
      logits,
    ],
    meanSquaredError: [meanSquaredError(), logits],
    meanAbsoluteError: [meanAbsoluteError(), logits],
    huber: [huber({ delta: 0.7 }), logits],
    structuralDissimilarity: [structuralDissimilarity({ range: 1 }), images],
  };
  it("are all in the fixture", () =>
    expect(Object.keys(cases)).toEqual(Object.keys(fixture.losses)));
  for (const [name, [loss, { shape, p, t }]] of Object.entries(cases))
    it(name, async () => {
      const b = new GraphBuilder(ops);
      const x = b.input("p", shape);
      const cost = loss.apply(b, x, b.input("t", shape));
      b.output("cost", cost);
      b.output("gradient", gradients(b, cost, [x])[0]);
      const plan = await backend.compile(b);
      const out = await plan.execute({ p, t });
      expect(out.cost[0]).toBeCloseTo(fixture.losses[name].value, 9);
      fixture.losses[name].gradient?.forEach((g, i) => expect(out.gradient[i]).toBeCloseTo(g, 9));
      const direction = numbers(p.length, 9);
      const at = async (h: number): Promise<number> =>
        (await plan.execute({ p: p.map((v, i) => v + h * direction[i]), t })).cost[0];
      const h = 1e-5;
      const near = (await at(h)) - (await at(-h));
      const far = (await at(2 * h)) - (await at(-2 * h));
      const difference = (8 * near - far) / (12 * h);
      expect(
        Math.abs(direction.reduce((s, d, i) => s + d * out.gradient[i], 0) - difference),
      ).toBeLessThan(1e-6 * direction.reduce((s, d, i) => s + Math.abs(d * out.gradient[i]), 0));
    });
});

describe("optimisers take PyTorch's steps", () => {
  const cases: Record<string, Optimizer> = {
    sgd: sgd({ learningRate: 0.01 }),
    momentum: sgd({ learningRate: 0.01, momentum: 0.9, weightDecay: 0.1 }),
    nesterov: sgd({ learningRate: 0.01, momentum: 0.9, nesterov: true }),
    adam: adam({ learningRate: 0.05, weightDecay: 0.1 }),
    adamW: adamW({ learningRate: 0.05, weightDecay: 0.1 }),
    rmsprop: rmsprop({ learningRate: 0.05 }),
    "rmsprop with momentum": rmsprop({ learningRate: 0.02, momentum: 0.9, weightDecay: 0.1 }),
    "rmsprop, centred": rmsprop({ learningRate: 0.02, centered: true }),
    "rmsprop, both": rmsprop({ learningRate: 0.02, alpha: 0.9, momentum: 0.5, centered: true }),
    clipped: clipped(sgd({ learningRate: 0.05 }), { maxNorm: 1 }),
  };
  it("are all in the fixture", () =>
    expect(Object.keys(cases)).toEqual(Object.keys(fixture.optimizers)));
  for (const [name, optimizer] of Object.entries(cases))
    it(name, async () => {
      const b = new GraphBuilder(ops);
      const { mul, square, sub, sum } = arithmetic(b);
      const w = b.parameter("w", [5], Float32Array.from(numbers(5, 3)));
      const cost = sum(
        mul(square(sub(w, b.constant(numbers(5, 7), [5]))), b.constant([1, 2, 3, 4, 5], [5])),
      );
      optimizer.apply(
        b,
        new Map([["w", w]]),
        gradients(b, cost, [w]),
        b.scalar(optimizer.options.learningRate),
      );
      const plan = await backend.compile(b);
      await plan.write("w", numbers(5, 3));
      for (let k = 0; k < 10; k++) await plan.execute();
      (await plan.read("w")).forEach((v, i) =>
        expect(v).toBeCloseTo(fixture.optimizers[name][i], 7),
      );
    });
  it("centred RMSprop stays finite where the gradient never changes", async () => {
    const single = await openBackend("wasm", { threads: 1 });
    const b = new GraphBuilder(ops);
    const { mul, sum } = arithmetic(b);
    const w = b.parameter("w", [64], new Float32Array(64));
    const slopes = Float32Array.from({ length: 64 }, (_, i) => 0.1 + i / 7);
    const cost = sum(mul(w, b.constant(slopes, [64])));
    const optimizer = rmsprop({ learningRate: 1e-6, alpha: 0.5, centered: true });
    const own = gradients(b, cost, [w]);
    optimizer.apply(b, new Map([["w", w]]), own, b.scalar(1e-6));
    const plan = await single.compile(b);
    for (let k = 0; k < 100; k++) await plan.execute();
    expect([...(await plan.read("w"))].every(Number.isFinite)).toBe(true);
  });
  it("refuses options that make no sense", () => {
    expect(() => sgd({ learningRate: 0.1, nesterov: true })).toThrow(/nesterov needs a momentum/);
    expect(() => adam({ learningRate: -1 })).toThrow(/learningRate -1 .* must be positive/);
    expect(() => rmsprop({ learningRate: 1, momentum: 1 })).toThrow(/momentum 1 in \[0, 1\)/);
    expect(() => crossEntropy({ labelSmoothing: 1 })).toThrow(/in \[0, 1\)/);
  });
});

describe("training", () => {
  it("schedules go where they say", () => {
    const ends = (s: ReturnType<typeof constant>): number[] =>
      [0, 50, 99].map((k) => Number(s.factor(k, 100).toFixed(3)));
    expect(ends(constant())).toEqual([1, 1, 1]);
    expect(ends(smoothFall())).toEqual([1, 0.5, 0]);
    expect(ends(stepDecay({ every: 30, factor: 0.5 }))).toEqual([1, 0.5, 0.125]);
    expect(ends(cosine())).toEqual([1, 0.5, 0]);
    expect(cosine({ warmup: 0.1 }).factor(0, 100)).toBeCloseTo(1 / 11, 12);
    expect(oneCycle().factor(0, 100)).toBeCloseTo(0.04, 12);
    expect(oneCycle().factor(29, 100)).toBeCloseTo(1, 12);
  });
  it("early stopping ends, and plateau lowers the rate, where the validation loss stops falling; resuming changes neither", async () => {
    // the validation wants the opposite of what is trained, so its loss rises from the start
    const set = (sign: number): Dataset => ({
      length: 4,
      inputShape: [1],
      targetShape: [1],
      read: (i, x, t) => {
        x[0] = 1 + i;
        t[0] = sign * (1 + i);
      },
    });
    const network = nn.sequential({ input: [1], seed: 1, layers: [nn.linear({ outFeatures: 1 })] });
    const options = {
      data: set(1),
      validation: set(-1),
      loss: meanSquaredError(),
      optimizer: sgd({ learningRate: 0.01 }),
      schedule: constant(),
      epochs: 10,
      batchSize: 2,
      seed: 0,
      backend: await openBackend("wasm"),
      plateau: { patience: 2, factor: 0.5 },
      earlyStopping: { patience: 5 },
    };
    const rates: number[] = [];
    const states: TrainingState[] = [];
    const whole = await fit(network, {
      ...options,
      checkpointEvery: 1,
      on: {
        epoch: (e) => {
          rates.push(e.learningRate);
        },
        checkpoint: (s) => {
          states.push(s);
        },
      },
    });
    expect(rates).toEqual([0.01, 0.01, 0.01, 0.005, 0.005, 0.0025]);
    for (const state of states)
      expect((await fit(network, { ...options, resume: state })).parameters).toEqual(
        whole.parameters,
      );
    await expect(
      fit(network, {
        data: set(1),
        loss: meanSquaredError(),
        optimizer: sgd({ learningRate: 0.1 }),
        epochs: 1,
        batchSize: 1,
        seed: 0,
        backend,
        earlyStopping: { patience: 1 },
      }),
    ).rejects.toThrow(/give validation data/);
  });
  it("accumulated gradients are those of one large batch, with any optimiser", async () => {
    const data: Dataset = {
      length: 16,
      inputShape: [3],
      targetShape: [2],
      read: (i, x, t) => {
        x.set([Math.sin(i), Math.cos(2 * i), i / 16]);
        t.set([i % 2, 1 - (i % 2)]);
      },
    };
    const network = nn.sequential({
      input: [3],
      seed: 1,
      layers: [nn.linear({ outFeatures: 4 }), nn.tanh(), nn.linear({ outFeatures: 2 })],
    });
    for (const optimizer of [
      adam({ learningRate: 0.05 }),
      clipped(sgd({ learningRate: 0.2, momentum: 0.9 }), { maxNorm: 0.1 }),
    ]) {
      const options = { data, loss: crossEntropy(), optimizer, epochs: 3, seed: 0, backend };
      const [whole, parts] = [
        await fit(network, { ...options, batchSize: 8 }),
        await fit(network, { ...options, batchSize: 2, accumulate: 4 }),
      ];
      for (const [name, { data: w }] of whole.parameters)
        parts.parameters.get(name)!.data.forEach((v, i) => expect(v).toBeCloseTo(w[i], 6));
    }
    await expect(
      fit(network, {
        data,
        loss: crossEntropy(),
        optimizer: adam({ learningRate: 0.1 }),
        epochs: 1,
        seed: 0,
        backend,
        batchSize: 8,
        accumulate: 3,
      }),
    ).rejects.toThrow(/batch size 8, 3 of which make an update, is larger than the set of 16/);
  });
  it("augmentation repeats with its seed, moves what it says, and leaves labels alone", () => {
    const data: Dataset = {
      length: 1,
      inputShape: [1, 9, 9],
      targetShape: [1],
      read: (_i, x, t) => {
        x.fill(0);
        x[4 * 9 + 6] = 1;
        t[0] = 7;
      },
    };
    const read = (options: Parameters<typeof augmented>[1], epoch: number): Float32Array => {
      const [x, t] = [new Float32Array(81), new Float32Array(1)];
      augmented(data, options).read(0, x, t, epoch);
      expect(t[0]).toBe(7);
      return x;
    };
    expect(read({ rotate: 90, scale: 0.5, noise: 0.1, shift: 2, seed: 1 }, 3)).toEqual(
      read({ rotate: 90, scale: 0.5, noise: 0.1, shift: 2, seed: 1 }, 3),
    );
    expect(read({ rotate: 90, seed: 1 }, 0)).not.toEqual(read({ rotate: 90, seed: 1 }, 1));
    const places = new Set(
      Array.from({ length: 40 }, (_, e) => read({ flip: true, seed: 1 }, e).indexOf(1)),
    );
    expect([...places].sort()).toEqual([4 * 9 + 2, 4 * 9 + 6]);
    const shifted = new Set(
      Array.from({ length: 200 }, (_, e) => read({ shift: 1, seed: 1 }, e).indexOf(1)),
    );
    expect(shifted.size).toBe(9);
    // turning keeps the distance from the middle, scaling stays within its range
    for (let e = 0; e < 20; e++) {
      const radius = (x: Float32Array): number => {
        let [m, r] = [0, 0];
        x.forEach((v, i) => {
          m += v;
          r += v * Math.hypot(Math.floor(i / 9) - 4, (i % 9) - 4);
        });
        return r / m;
      };
      expect(radius(read({ rotate: 180, seed: 1 }, e))).toBeCloseTo(2, 0);
      const scaled = radius(read({ scale: 0.5, seed: 1 }, e));
      // between 2/1.5 and 2·1.5, to half a pixel
      expect(scaled).toBeGreaterThan(2 / 1.5 - 0.5);
      expect(scaled).toBeLessThan(3.5);
    }
  });
  it("averaged weights are the moving average, and resuming keeps it", async () => {
    const data: Dataset = {
      length: 6,
      inputShape: [2],
      targetShape: [1],
      read: (i, x, t) => {
        x.set([i / 6, 1 - i / 3]);
        t[0] = i % 2;
      },
    };
    const network = nn.sequential({ input: [2], seed: 1, layers: [nn.linear({ outFeatures: 1 })] });
    const options = {
      data,
      loss: meanSquaredError(),
      optimizer: sgd({ learningRate: 0.2 }),
      schedule: constant(),
      epochs: 3,
      batchSize: 2,
      seed: 0,
      backend,
    };
    const path: number[][] = [];
    const states: TrainingState[] = [];
    await fit(network, {
      ...options,
      checkpointEvery: 1,
      on: {
        checkpoint: (s) => {
          path.push([...s.network.parameters.get("0.linear.weight")!.data]);
          states.push(s);
        },
      },
    });
    const last = await fit(network, options);
    path.push([...last.parameters.get("0.linear.weight")!.data]);
    let want = [...network.parameters.get("0.linear.weight")!.data];
    for (const w of path) want = want.map((v, i) => 0.9 * v + 0.1 * w[i]);
    const averagedStates: typeof states = [];
    const averaged = await fit(network, {
      ...options,
      averageDecay: 0.9,
      checkpointEvery: 4,
      on: {
        checkpoint: (s) => {
          averagedStates.push(s);
        },
      },
    });
    averaged.parameters
      .get("0.linear.weight")!
      .data.forEach((v, i) => expect(v).toBeCloseTo(want[i], 5));
    const resumed = await fit(network, {
      ...options,
      averageDecay: 0.9,
      resume: averagedStates[0],
    });
    resumed.parameters
      .get("0.linear.weight")!
      .data.forEach((v, i) => expect(v).toBeCloseTo(want[i], 5));
    await expect(fit(network, { ...options, resume: averagedStates[0] })).rejects.toThrow(
      /started with averageDecay 0\.9/,
    );
  });
});
