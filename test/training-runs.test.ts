// Whole runs: frozen and slower parts, the best epoch by any figure, classes in balance, samples
// that come later, logs, the search for a learning rate, and the thread's other work meanwhile.
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ConfigError, DtypeError, openBackend, random, ShapeError } from "fiducial/engine";
import {
  adam,
  augmented,
  balanced,
  balancedWeights,
  binaryCrossEntropy,
  constant,
  crossEntropy,
  csvLog,
  evaluate,
  f1,
  findLearningRate,
  fit,
  jsonLinesLog,
  loadTraining,
  meanSquaredError,
  mixup,
  nn,
  samplesFrom,
  saveTraining,
  segmentation,
  sgd,
  subsetOf,
  tensorBoardLog,
  textLog,
  together,
  topK,
  type Dataset,
  type Epoch,
  type FitOptions,
  type Listener,
  type Network,
  type Optimizer,
  type TrainingState,
} from "fiducial/learning";

const backend = await openBackend("wasm", { threads: 1 });
const three = await openBackend("wasm", { threads: 3 });
/**
 * Images of noise with a bright row that says the class, of which the first is the most frequent.
 */
function stripes(
  length: number,
  options: { size?: number; channels?: number; rare?: boolean } = {},
): Dataset {
  const { size = 8, channels = 1, rare = false } = options;
  const classOf = (i: number): number => (rare ? (i % 10 === 0 ? 1 : i % 10 === 5 ? 2 : 0) : i % 3);
  return {
    length,
    inputShape: [channels, size, size],
    targetShape: [3],
    read(i, x, t) {
      const rng = random(7).fork(i);
      for (let k = 0; k < x.length; k++) x[k] = 0.4 * (rng.uniform() - 0.5);
      for (let c = 0; c < channels; c++)
        for (let j = 0; j < size; j++) x[(c * size + 2 * classOf(i) + 1) * size + j] += 0.5;
      t.fill(0)[classOf(i)] = 1;
    },
  };
}
const small = (channels = 1, size = 8): Network =>
  nn.sequential({
    input: [channels, size, size],
    seed: 1,
    layers: [
      nn.conv2d({ outChannels: 4, kernelSize: 3 }),
      nn.batchNorm2d(),
      nn.relu(),
      nn.residual({
        body: [nn.conv2d({ outChannels: 4, kernelSize: 3, padding: 1 }), nn.batchNorm2d()],
      }),
      nn.dropout({ probability: 0.2, seed: 3 }),
      nn.flatten(),
      nn.linear({ outFeatures: 3 }),
    ],
  });
const base = {
  data: stripes(48),
  loss: crossEntropy(),
  optimizer: sgd({ learningRate: 0.05, momentum: 0.9, weightDecay: 0.01 }) as Optimizer,
  epochs: 2,
  batchSize: 8,
  seed: 0,
  backend,
} satisfies FitOptions;
const changed = (before: Network, after: Network): string[] =>
  [...before.parameters].flatMap(([name, { data }]) =>
    data.some((v, i) => v !== after.parameters.get(name)!.data[i]) ? [name] : [],
  );

describe("groups of parameters", () => {
  it("frozen ones stay as they are, their batch norm's statistics too, and the others learn", async () => {
    const network = small();
    const groups = [{ of: ["0.conv2d", "1.batchNorm2d", "3.residual"], frozen: true }];
    const trained = await fit(network, { ...base, groups });
    expect(changed(network, trained)).toEqual(["6.linear.weight", "6.linear.bias"]);
    expect(changed(network, await fit(network, base)).length).toBe(network.parameters.size);
  });
  it("frozen layers do as in prediction: training the head is training it on what the rest predicts", async () => {
    const network = small();
    const groups = [
      { of: ["0.conv2d", "1.batchNorm2d", "3.*", "4.dropout"].slice(0, 3), frozen: true },
    ];
    const still = { ...network, architecture: without(network, "dropout") };
    const renamed = new Map(
      [...network.parameters].map(([name, p]) => [name.replace("6.", "5."), p]),
    );
    const head = { ...still, parameters: renamed };
    const trained = await fit(head, { ...base, groups });
    // the same features, made beforehand
    const features = nn.sequential({
      input: [1, 8, 8],
      seed: 0,
      layers: head.architecture.layers.slice(0, -1),
    });
    const { predict } = await import("fiducial/learning");
    const known: Network = {
      ...features,
      parameters: new Map([...features.parameters.keys()].map((k) => [k, renamed.get(k)!])),
    };
    const inputs = new Float32Array(48 * 64);
    const targets = new Float32Array(48 * 3);
    for (let i = 0; i < 48; i++)
      base.data.read(i, inputs.subarray(64 * i, 64 * i + 64), targets.subarray(3 * i, 3 * i + 3));
    const made = await predict(known, { inputs, count: 48, backend });
    const data = samplesFrom({ inputs: made, inputShape: [144], targets, targetShape: [3] });
    const alone = nn.sequential({ input: [144], seed: 0, layers: [nn.linear({ outFeatures: 3 })] });
    const own = new Map(
      ["weight", "bias"].map((k) => [`0.linear.${k}`, renamed.get(`5.linear.${k}`)!]),
    );
    const want = await fit({ ...alone, parameters: own }, { ...base, data });
    for (const k of ["weight", "bias"])
      want.parameters
        .get(`0.linear.${k}`)!
        .data.forEach((v, i) =>
          expect(trained.parameters.get(`5.linear.${k}`)!.data[i]).toBeCloseTo(v, 5),
        );
  });
  it("a rate of half moves half as far, and decay can spare biases and norms", async () => {
    const network = small();
    const one = {
      ...base,
      epochs: 1,
      data: stripes(8),
      optimizer: sgd({ learningRate: 0.1 }),
      schedule: constant(),
    };
    const whole = await fit(network, one);
    const half = await fit(network, { ...one, groups: [{ of: "6.linear", rate: 0.5 }] });
    const from = network.parameters.get("6.linear.weight")!.data;
    const [a, b] = [whole, half].map((n) => n.parameters.get("6.linear.weight")!.data);
    from.forEach((v, i) => expect(b[i] - v).toBeCloseTo((a[i] - v) / 2, 6));
    const decaying = { ...one, optimizer: sgd({ learningRate: 0.1, weightDecay: 0.5 }) };
    const spared = await fit(network, { ...decaying, decayed: "weights" });
    const plain = changed(whole, spared);
    expect(plain).toEqual([
      "0.conv2d.weight",
      "3.residual.body.0.conv2d.weight",
      "6.linear.weight",
    ]);
  });
  it("names that are none, and what cannot be, are told", async () => {
    const network = small();
    const refused = (groups: FitOptions["groups"], more = {}) =>
      fit(network, { ...base, ...more, groups: groups! });
    await expect(refused([{ of: "0.conv", frozen: true }])).rejects.toThrow(
      /"0.conv".*did you mean 0.conv2d\?/,
    );
    await expect(refused([{ of: "*", frozen: true }])).rejects.toThrow(/every parameter is frozen/);
    await expect(refused([{ of: "*", rate: -1 }])).rejects.toThrow(/rate -1/);
    await expect(refused([{ of: "*", freeze: true } as never])).rejects.toThrow(
      /did you mean frozen\?/,
    );
    const { shares: _, ...old } = sgd({ learningRate: 0.1 });
    await expect(refused([{ of: "0.conv2d", rate: 0.1 }], { optimizer: old })).rejects.toThrow(
      /knows no rates/,
    );
    await expect(fit(network, { ...base, decayed: "weight" as never })).rejects.toThrow(
      /"all" or "weights"/,
    );
    await expect(fit(network, { ...base, shedule: constant() } as never)).rejects.toThrow(
      /did you mean schedule\?/,
    );
  });
});
function without(network: Network, kind: string): Network["architecture"] {
  const { input, layers } = network.architecture;
  return { input, layers: layers.filter((layer) => layer.kind !== kind) };
}

describe("the best epoch", () => {
  const validation = stripes(20);
  it("is returned by the figure that is watched, and a run that goes on knows it", async () => {
    const epochs: Epoch[] = [];
    const seen: Network[] = [];
    const states: TrainingState[] = [];
    const options: FitOptions = {
      ...base,
      // too fast, so that some epoch before the last is the best
      optimizer: sgd({ learningRate: 0.6, momentum: 0.9 }),
      epochs: 5,
      validation,
      metrics: [f1(), topK(2)],
      monitor: "f1",
      keepBest: true,
      checkpointEvery: 3,
    };
    const on: Listener = {
      epoch: async (e, current) => {
        epochs.push(e);
        seen.push(await current());
      },
      checkpoint: (s) => {
        states.push(loadTraining(saveTraining(s)));
      },
    };
    const trained = await fit(small(), { ...options, on });
    const scores = epochs.map((e) => e.validation!.metrics!.f1);
    const best = scores.indexOf(Math.max(...scores));
    expect(trained.provenance.bestEpoch).toBe(best + 1);
    expect(trained.parameters).toEqual(seen[best].parameters);
    expect(states.length).toBeGreaterThan(3);
    for (const resume of states)
      expect((await fit(small(), { ...options, resume })).parameters).toEqual(trained.parameters);
  });
  it("needs something to watch, by its name", async () => {
    await expect(fit(small(), { ...base, keepBest: true })).rejects.toThrow(/give validation data/);
    const watched = { ...base, validation, metrics: [f1()] };
    await expect(fit(small(), { ...watched, monitor: "F1" })).rejects.toThrow(/did you mean f1\?/);
    await expect(
      fit(small(), { ...watched, metrics: [{ ...f1(), name: "loss" }] }),
    ).rejects.toThrow(/is there already/);
  });
});

describe("all that is random", () => {
  const everything = (length: number): Dataset =>
    mixup(
      augmented(balanced(stripes(length, { size: 12, channels: 3, rare: true }), { seed: 4 }), {
        crop: { size: [8, 8], area: [0.3, 1] },
        flip: true,
        rotate: 10,
        noise: 0.05,
        brightness: 0.2,
        contrast: 0.2,
        saturation: 0.2,
        hue: 0.1,
        cutout: 3,
        seed: 5,
      }),
      { alpha: 0.4, seed: 6 },
    );
  const options = {
    ...base,
    data: everything(40),
    validation: undefined,
    epochs: 3,
    checkpointEvery: 4,
  };
  const { validation: _, ...run } = options;
  it("gives the same bits on any number of threads, and when a run goes on", async () => {
    const states: TrainingState[] = [];
    const checkpoint = (s: TrainingState): void => {
      states.push(loadTraining(saveTraining(s)));
    };
    const whole = await fit(small(3), { ...run, on: { checkpoint } });
    expect((await fit(small(3), { ...run, backend: three })).parameters).toEqual(whole.parameters);
    expect(states.length).toBeGreaterThan(2);
    for (const resume of states)
      expect((await fit(small(3), { ...run, resume })).parameters).toEqual(whole.parameters);
  });
  it("and a run with other options does not go on from it", async () => {
    const states: TrainingState[] = [];
    await fit(small(3), { ...run, on: { checkpoint: (s) => void states.push(s) } });
    const other = {
      ...run,
      data: mixup(run.data.varied!.from, { alpha: 0.5, seed: 6 }),
      resume: states[0],
    };
    await expect(fit(small(3), other)).rejects.toThrow(/mixup 0.4 and should go on with 0.5/);
  });
});

describe("classes in balance", () => {
  const rare = stripes(100, { rare: true });
  const classesIn = (data: Dataset, epoch: number): number[] => {
    const [x, t] = [new Float32Array(64), new Float32Array(3)];
    return Array.from({ length: data.length }, (_, i) => {
      data.read(i, x, t, epoch);
      return t.indexOf(1);
    });
  };
  it("come equally often, the frequent one's samples all in turn", () => {
    const data = balanced(rare, { seed: 1 });
    for (const epoch of [0, 1, 7]) {
      const found = classesIn(data, epoch);
      const counts = [0, 1, 2].map((c) => found.filter((f) => f === c).length);
      expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
    }
    expect(classesIn(data, 3)).toEqual(classesIn(balanced(rare, { seed: 1 }), 3));
  });
  it("or weigh as much: scikit-learn's formula", () => {
    expect(balancedWeights(rare)).toEqual([100 / (3 * 80), 100 / 30, 100 / 30]);
    expect(() => balancedWeights(rare, { classes: 4 })).toThrow(/no sample is of class 3/);
    expect(() => balanced({ ...rare, targetShape: [3, 2] }, { seed: 1 })).toThrow(/no one class/);
  });
});

describe("samples in memory", () => {
  it("read integers, and are checked", async () => {
    const inputs = Uint8Array.from({ length: 24 }, (_, i) => i);
    const data = samplesFrom({ inputs, inputShape: [2, 3], targets: Int32Array.of(0, 1, 2, 1) });
    expect([data.length, data.targetShape]).toEqual([4, []]);
    const [x, t] = [new Float32Array(6), new Float32Array(1)];
    subsetOf(data, [3, 0]).read(0, x, t);
    expect([...x, ...t]).toEqual([18, 19, 20, 21, 22, 23, 1]);
    expect(() => samplesFrom({ inputs, inputShape: [5], targets: [0] })).toThrow(ShapeError);
    expect(() => samplesFrom({ inputs, inputShape: [6], targets: [0, 1] })).toThrow(
      /4 inputs .* and 2 numbers/,
    );
    const wide = BigInt64Array.of(0n, 1n, 2n, 1n) as never;
    expect(() => samplesFrom({ inputs, inputShape: [6], targets: wide })).toThrow(DtypeError);
    expect(() => subsetOf(data, [4])).toThrow(/no sample 4 among 4/);
  });
  it("targets that are none of the loss's are refused before the first step, by their index", async () => {
    const network = nn.sequential({ input: [2], seed: 0, layers: [nn.linear({ outFeatures: 3 })] });
    const given = (targets: number[], targetShape: number[]): Dataset =>
      samplesFrom({ inputs: new Float32Array(8), inputShape: [2], targets, targetShape });
    const tried = (data: Dataset, loss: FitOptions["loss"]) =>
      fit(network, { ...base, batchSize: 2, data, loss });
    await expect(tried(given([0, 1, 3, 2], []), crossEntropy())).rejects.toThrow(
      /sample 2 of the training data has the class 3, and there are classes 0 to 2/,
    );
    await expect(tried(given(Array(12).fill(1.5), [3]), binaryCrossEntropy())).rejects.toThrow(
      /the label 1.5/,
    );
    await expect(tried(given([0, 1, 0, 1, 0, 1, 0, 1], [2]), crossEntropy())).rejects.toThrow(
      /\[2×3\], the target \[2×2\]/,
    );
  });
});

describe("samples that come later", () => {
  /** Asked-for samples are there only after a while; one that was not asked for is an error. */
  function late(data: Dataset): Dataset & { asked: number[][]; most: number } {
    const there = new Map<string, true>();
    const made = {
      ...data,
      asked: [] as number[][],
      most: 0,
      async prepare(indices: readonly number[], epoch: number) {
        made.asked.push([...indices]);
        await new Promise((done) => setTimeout(done, 1));
        for (const i of indices) there.set(`${i} ${epoch}`, true);
      },
      read(i: number, x: Float32Array, t: Float32Array, epoch = 0) {
        if (!there.has(`${i} ${epoch}`)) throw new ConfigError(`sample ${i} was not prepared`, {});
        data.read(i, x, t, epoch);
      },
    };
    return made;
  }
  it("give the bits of those that are there, through every change of them", async () => {
    const through = (data: Dataset): Dataset =>
      mixup(
        augmented(balanced(data, { seed: 1, classOf: (i) => i % 3 }), { flip: true, seed: 2 }),
        { seed: 3 },
      );
    const now = await fit(small(), { ...base, data: through(base.data), validation: stripes(9) });
    const data = late(base.data);
    const then = await fit(small(), { ...base, data: through(data), validation: late(stripes(9)) });
    expect(then.parameters).toEqual(now.parameters);
    expect(data.asked.length).toBeGreaterThan(10);
  });
  it("a batch is asked for while the one before is trained on", async () => {
    const data = late(base.data);
    const asked: number[] = [];
    await fit(small(), {
      ...base,
      data,
      epochs: 1,
      on: { step: () => void asked.push(data.asked.length) },
    });
    // one look at all, then each step's own batch and the next one
    expect(asked[0]).toBe(3);
    expect(asked.length).toBe(6);
  });
  it("a failure is that of the run", async () => {
    const data: Dataset = {
      ...base.data,
      prepare: () => Promise.reject(new ConfigError("no such file", {})),
    };
    await expect(fit(small(), { ...base, data })).rejects.toThrow(/no such file/);
  });
});

describe("pictures and their masks", () => {
  const grey = (length: number, value: (i: number, k: number) => number, side = 2) => {
    const prepared: number[] = [];
    return {
      length,
      shape: [1, side, side] as const,
      classes: [""],
      prepared,
      label: () => 0,
      pixels(i: number, out: Float32Array) {
        expect(prepared).toContain(i);
        for (let k = 0; k < out.length; k++) out[k] = value(i, k);
      },
      prepare: async (indices: readonly number[]) => void prepared.push(...indices),
    };
  };
  it("are samples whose targets are 0 and 1, both prepared before they are read", async () => {
    const images = grey(3, (i, k) => (i + k) / 5);
    const masks = grey(3, (i, k) => [0.1, 0.49, 0.5, 1][(i + k) % 4]);
    const data = segmentation(images, masks);
    await data.prepare!([1], 0);
    const [input, target] = [new Float32Array(4), new Float32Array(4)];
    data.read(1, input, target);
    expect([...target]).toEqual([0, 1, 1, 0]);
    expect(input[3]).toBeCloseTo(2 * 0.8 - 1, 6);
    expect([data.inputShape, data.targetShape]).toEqual([
      [1, 2, 2],
      [1, 2, 2],
    ]);
  });
  it("are refused where they are not one to one", () => {
    const images = grey(3, () => 0);
    for (const masks of [grey(2, () => 0), grey(3, () => 0, 3)])
      expect(() => segmentation(images, masks)).toThrow(
        /3 images \[1×2×2\] and . masks .*; give each image a mask of its size/,
      );
  });
});

describe("names of images and their masks", () => {
  const named = (names: readonly string[]) => ({
    length: names.length,
    shape: [1, 2, 2] as const,
    classes: [""],
    label: () => 0,
    name: (i: number) => names[i],
    pixels: (_i: number, out: Float32Array) => void out.fill(0),
  });
  const pair = (images: readonly string[], masks: readonly string[]): Dataset =>
    segmentation(named(images), named(masks));
  it("that tell of the same ones are taken, whatever stands about their numbers", () => {
    for (const [images, masks] of [
      [
        ["1.png", "10.png"],
        ["1_mask.png", "10_mask.png"],
      ],
      [["a/img_001.jpg"], ["b/label001.png"]],
      [["ISIC_0000012.jpg"], ["ISIC_0000012_segmentation.png"]],
      [["scan3.png"], ["scan3_v2.png"]],
      [["3T/scan07.png"], ["masks/07.png"]],
      [
        ["cat.png", "dog.png"],
        ["cat mask.png", "dog mask.png"],
      ],
    ])
      expect(pair(images, masks)).toHaveLength(images.length);
  });
  it("that were sorted apart are refused", () => {
    const ids = ["1", "2", "10"];
    const sorted = (ending: string): string[] => ids.map((id) => id + ending).sort();
    expect(() => pair(sorted(".png"), sorted("_mask.png"))).toThrow(
      /the mask of "1\.png" would be "10_mask\.png", by their order; sort both alike/,
    );
    expect(() => pair(["s1_slice2.png"], ["s1_slice3_mask.png"])).toThrow(/sort both alike/);
  });
});

describe("logs", () => {
  const validation = stripes(9);
  it("are CSV and JSON lines that say every figure", async () => {
    const [csv, json]: [string[], string[]] = [[], []];
    const on = together(
      csvLog((text) => void csv.push(text)),
      jsonLinesLog((text) => void json.push(text), { every: 3 }),
    );
    const mine = { ...f1(), name: 'a "figure", mine' };
    await fit(small(), { ...base, validation, metrics: [mine], on });
    const [head, ...rows] = csv.join("").trimEnd().split("\n");
    expect(head).toBe(
      'epoch,learningRate,trainLoss,trainAccuracy,validationLoss,validationAccuracy,"a ""figure"", mine"',
    );
    expect(rows.length).toBe(2);
    const lines = json
      .join("")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, number>);
    expect(lines.map((line) => line.step ?? `epoch ${line.epoch}`)).toEqual([
      3,
      6,
      "epoch 1",
      9,
      12,
      "epoch 2",
    ]);
    expect(rows[1].split(",").map(Number).slice(0, 6)).toEqual([
      2,
      ...Object.values(lines[5]).slice(1, 6),
    ]);
    expect(() => jsonLinesLog(() => {}, { every: 0.5 })).toThrow(/every 0.5/);
  });
  it("for people are a line an epoch, with the figures that evaluate gives of the network", async () => {
    const lines: string[] = [];
    const on = textLog((line) => void lines.push(line));
    const trained = await fit(small(), { ...base, validation, metrics: [f1()], on });
    const asked = { ...base, data: validation, metrics: [f1()] };
    const { loss, accuracy, metrics } = await evaluate(trained, asked);
    expect(lines.map((line) => line.slice(0, 20))).toEqual([
      "epoch 1: train loss ",
      "epoch 2: train loss ",
    ]);
    const share = `${(100 * accuracy!).toFixed(1)} %`;
    const end = `validation loss ${loss.toFixed(4)}, validation accuracy ${share}, f1 ${metrics!.f1.toFixed(4)}`;
    expect(lines[1].endsWith(end), lines[1]).toBe(true);
    expect(lines[1]).toMatch(/train accuracy \d+\.\d %, validation/);
  });
  it("TensorBoard's event files are those of its own writer, byte for byte", async () => {
    const { hex } = JSON.parse(
      readFileSync(new URL("fixtures/tensorboard_events.json", import.meta.url), "utf8"),
    ) as {
      hex: string;
    };
    const chunks: Uint8Array[] = [];
    const log = tensorBoardLog((bytes) => void chunks.push(bytes), { now: () => 1500 });
    const step = { epoch: 1, epochs: 1, steps: 300 };
    await log.step!({ ...step, step: 1, loss: 0.5, learningRate: 0.125 });
    await log.step!({ ...step, step: 300, loss: 0.25, learningRate: 0 });
    const figures = { learningRate: 0, trainLoss: 0.375, trainAccuracy: 0.75 };
    const facts: Epoch = { epoch: 1, ...figures, validation: { loss: 1.5, metrics: { f1: 0.1 } } };
    await log.epoch!(facts, async () => small());
    expect(Buffer.concat(chunks).toString("hex")).toBe(hex);
  });
});

describe("the search for a learning rate", () => {
  it("finds one that trains, without changing the network, and repeats", async () => {
    const network = small();
    const before = JSON.stringify([...network.parameters.values()].map((p) => [...p.data]));
    const options = {
      ...base,
      optimizer: adam({ learningRate: 1 }),
      from: 1e-5,
      to: 10,
      steps: 60,
    };
    const found = await findLearningRate(network, options);
    expect(JSON.stringify([...network.parameters.values()].map((p) => [...p.data]))).toBe(before);
    expect(found.steepest).toBeGreaterThan(1e-5);
    expect(found.steepest).toBeLessThan(1);
    expect(await findLearningRate(network, { ...options, backend: three })).toEqual(found);
    const losses: number[] = [];
    const on = { epoch: (e: Epoch) => void losses.push(e.trainLoss) };
    await fit(network, {
      ...base,
      optimizer: adam({ learningRate: found.steepest }),
      epochs: 4,
      on,
    });
    expect(losses[3]).toBeLessThan(losses[0] / 2);
    await expect(findLearningRate(network, { ...options, from: 1, to: 0.1 })).rejects.toThrow(
      /must rise/,
    );
  });
});

describe("the thread's other work", () => {
  const data = stripes(600, { size: 32, channels: 3 });
  const wide = nn.sequential({
    input: [3, 32, 32],
    seed: 1,
    layers: [
      nn.conv2d({ outChannels: 16, kernelSize: 3 }),
      nn.relu(),
      nn.conv2d({ outChannels: 16, kernelSize: 3 }),
      nn.relu(),
      nn.globalAvgPool2d(),
      nn.flatten(),
      nn.linear({ outFeatures: 3 }),
    ],
  });
  const options = { ...base, data, loss: crossEntropy(), epochs: 1, batchSize: 200 };
  it("goes on while samples are looked at and steps are taken", async () => {
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    const begun = performance.now();
    await fit(wide, options);
    clearInterval(timer);
    // a pause every 30 ms at least, where the machine is quiet; a tenth of that is sure
    expect(turns).toBeGreaterThan((performance.now() - begun) / 300);
  });
  it("a signal ends a run with its reason, also while samples are looked at", async () => {
    for (const after of [0, 40]) {
      const stop = new AbortController();
      setTimeout(() => stop.abort(new ConfigError("enough", {})), after);
      await expect(fit(wide, { ...options, epochs: 50, signal: stop.signal })).rejects.toThrow(
        "enough",
      );
    }
  });
});
it("regression has no accuracy, and labels have", async () => {
  const network = nn.sequential({ input: [2], seed: 0, layers: [nn.linear({ outFeatures: 2 })] });
  const data = samplesFrom({
    inputs: [1, 0, 0, 1, 1, 1, 0, 0],
    inputShape: [2],
    targets: [1, 0, 0, 1, 1, 1, 0, 0],
    targetShape: [2],
  });
  const told: Epoch[] = [];
  const options = {
    ...base,
    data,
    batchSize: 4,
    epochs: 60,
    optimizer: adam({ learningRate: 0.3 }),
    validation: data,
  };
  await fit(network, {
    ...options,
    loss: binaryCrossEntropy(),
    on: { epoch: (e) => void told.push(e) },
  });
  expect(told.at(-1)).toMatchObject({ trainAccuracy: 1, validation: { accuracy: 1 } });
  await fit(network, {
    ...options,
    loss: meanSquaredError(),
    on: { epoch: (e) => void told.push(e) },
  });
  expect(told.at(-1)!.trainAccuracy).toBeUndefined();
});
