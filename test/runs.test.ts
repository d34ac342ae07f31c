// A training run from its beginning to its end: what is checked before it, what it keeps, what it
// gives back, and what a stopped one may go on with.
import { describe, expect, it } from "vitest";
import { arithmetic, openBackend, type Backend, type Plan } from "fiducial/engine";
import {
  adam,
  applyNetwork,
  augmented,
  constant,
  crossEntropy,
  fit,
  huber,
  loadTraining,
  meanSquaredError,
  nn,
  saveTraining,
  sgd,
  type Dataset,
  type FitOptions,
  type Forward,
  type Network,
  type Parameter,
  type TrainingState,
} from "fiducial/learning";
import { brainPhantoms, fitReconstructor, gaussianNoise, inverseProblem } from "fiducial/imaging";
import { subsampledFourier, variableDensityMask } from "fiducial/imaging";

const backend = await openBackend("wasm");
/** 12 points of two classes; `bend` moves one of them. */
const points = (bend = 0): Dataset => ({
  length: 12,
  inputShape: [1, 3, 3],
  targetShape: [2],
  read: (i, x, t) => {
    for (let k = 0; k < 9; k++) x[k] = Math.sin(1 + i * 9 + k) + (i === 5 ? bend : 0);
    t.set([i % 2, 1 - (i % 2)]);
  },
});
const classifier = (layers: nn.Layer[] = []): Network =>
  nn.sequential({
    input: [1, 3, 3],
    seed: 1,
    layers: [
      nn.conv2d({ outChannels: 2, kernelSize: 2 }),
      ...layers,
      nn.flatten(),
      nn.linear({ outFeatures: 2 }),
    ],
  });
const options: FitOptions = {
  data: points(),
  loss: crossEntropy(),
  optimizer: adam({ learningRate: 0.01 }),
  epochs: 3,
  batchSize: 3,
  seed: 0,
  backend,
};
const parametersOf = (network: Network): number[] =>
  [...network.parameters.values()].flatMap((p) => [...p.data]);
async function statesOf(
  network: Network,
  given: FitOptions,
  forward?: Forward,
): Promise<TrainingState[]> {
  const states: TrainingState[] = [];
  await fit(
    network,
    { ...given, checkpointEvery: 1, on: { checkpoint: (s) => void states.push(s) } },
    forward,
  );
  return states;
}

describe("early stopping", () => {
  /** y = w·x with w from 1 to what is trained, by full steps; validation wants another w. */
  const line = (w: number): Dataset => ({
    length: 2,
    inputShape: [1],
    targetShape: [1],
    read: (i, x, t) => {
      x[0] = 1 + i;
      t[0] = w * (1 + i);
    },
  });
  const network = nn.sequential({
    input: [1],
    seed: 1,
    layers: [nn.linear({ outFeatures: 1, bias: false })],
  });
  const run: FitOptions = {
    data: line(4),
    validation: line(1),
    loss: meanSquaredError(),
    optimizer: sgd({ learningRate: 0.02 }),
    schedule: constant(),
    epochs: 40,
    batchSize: 2,
    seed: 0,
    backend,
    earlyStopping: { patience: 4 },
  };
  it("gives back the weights of the lowest validation loss, stopped early or not, resumed or not", async () => {
    for (const epochs of [40, 15]) {
      const seen: { epoch: number; loss: number }[] = [];
      const states: TrainingState[] = [];
      const trained = await fit(network, {
        ...run,
        epochs,
        on: {
          epoch: (e) => void seen.push({ epoch: e.epoch, loss: e.validation!.loss }),
          checkpoint: (s) => void states.push(s),
        },
      });
      const best = seen.reduce((p, q) => (q.loss < p.loss ? q : p));
      expect(best.epoch).toBeGreaterThan(1);
      expect(best.epoch).toBeLessThan(seen.at(-1)!.epoch);
      expect(trained.provenance.bestEpoch).toBe(best.epoch);
      // the weight itself gives that loss: mean of (w − 1)²x² over x = 1, 2
      const [w] = parametersOf(trained);
      expect(2.5 * (w - 1) ** 2).toBeCloseTo(best.loss, 5);
      for (const state of states) {
        const reloaded = loadTraining(saveTraining(state));
        const resumed = await fit(network, { ...run, epochs, resume: reloaded });
        expect(parametersOf(resumed)).toEqual(parametersOf(trained));
        expect(resumed.provenance.bestEpoch).toBe(best.epoch);
      }
    }
  });
});

describe("before the first step", () => {
  const refused = async (
    given: Partial<FitOptions>,
    message: RegExp,
    network = classifier(),
  ): Promise<void> => {
    let steps = 0;
    await expect(
      fit(network, { ...options, ...given, on: { step: () => void steps++ } }),
    ).rejects.toThrow(message);
    expect(steps).toBe(0);
  };
  const withTarget = (...rows: number[]): Dataset => ({
    ...points(),
    targetShape: rows.length === 1 ? [] : [rows.length],
    read: (i, x, t) => {
      points().read(i, x, new Float32Array(2));
      t.set(i === 7 ? rows : rows.length === 1 ? [0] : [1, ...rows.slice(1).fill(0)]);
    },
  });
  it("training and validation data are looked at alike: shapes, sizes, values, targets", async () => {
    for (const [name, key] of [
      ["training", "data"],
      ["validation", "validation"],
    ] as const) {
      const bad = (message: string): RegExp =>
        new RegExp(`sample 7 of the ${name} data has ${message}`);
      await refused(
        { [key]: withTarget(0, 0) },
        bad("the target \\[0, 0\\], which is no distribution over 2 classes"),
      );
      await refused(
        { [key]: withTarget(0.5, 0.6) },
        bad("the target \\[0.5, 0.6\\], which is no distribution"),
      );
      await refused(
        { [key]: withTarget(2, -1) },
        bad("the target \\[2, -1\\], which is no distribution"),
      );
      const broken = {
        ...points(),
        read: (i: number, x: Float32Array, t: Float32Array) => points(0).read(i, x, t),
      };
      const nan: Dataset = {
        ...broken,
        read: (i, x, t) => {
          points().read(i, x, t);
          if (i === 7) x[4] = Number.NaN;
        },
      };
      await refused({ [key]: nan }, bad("the value NaN"));
      const whole = key === "data" ? {} : { data: withTarget(1) };
      for (const label of [2, -1, 0.5])
        await refused(
          { ...whole, [key]: withTarget(label) },
          bad(`the class ${label}, and there are classes 0 to 1`),
        );
    }
    await refused({ validation: { ...points(), length: 0 } }, /no validation samples/);
    await refused(
      { validation: { ...points(), inputShape: [1, 4, 4] } },
      /validation samples are \[1×4×4\].*\[1×3×3\]/,
    );
    await refused(
      { validation: { ...points(), targetShape: [3] } },
      /validation samples are .* targets \[3\]/,
    );
    await refused({ earlyStopping: { patience: 1 } }, /give validation data/);
    await refused({ checkpointEvery: 0 }, /checkpointEvery 0 must be a whole number/);
  });
  it("shares that add up to 1 are taken, and classes by number give the bits of one-hot rows", async () => {
    await fit(classifier(), { ...options, data: withTarget(0.25, 0.75), epochs: 1 });
    const numbered = (targetShape: readonly number[]): Dataset => ({
      ...points(),
      targetShape,
      read: (i, x, t) => {
        points().read(i, x, new Float32Array(2));
        t[0] = 1 - (i % 2);
      },
    });
    const losses = [
      crossEntropy(),
      crossEntropy({ labelSmoothing: 0.1 }),
      crossEntropy({ labelSmoothing: 0.2, classWeights: [1, 3] }),
    ];
    for (const loss of losses)
      for (const targetShape of [[], [1]]) {
        const outcomes: unknown[] = [];
        for (const data of [points(), numbered(targetShape)]) {
          const epochs: unknown[] = [];
          const given = {
            ...options,
            loss,
            data,
            validation: data,
            on: { epoch: (e: unknown) => void epochs.push(e) },
          };
          outcomes.push({ weights: parametersOf(await fit(classifier(), given)), epochs });
        }
        expect(outcomes[1]).toEqual(outcomes[0]);
      }
  });
});

describe("a Forward of one's own", () => {
  it("is what validation runs, with running statistics and nothing dropped", async () => {
    const network = classifier([nn.batchNorm2d(), nn.dropout({ probability: 0.5 })]);
    const uses: boolean[] = [];
    const doubled: Forward = (b, net, x, _target, use) => {
      uses.push(use.training);
      return applyNetwork(b, net, arithmetic(b).mul(x, 2), use);
    };
    const twice: Dataset = {
      ...points(),
      read: (i, x, t) => {
        points().read(i, x, t);
        for (let k = 0; k < x.length; k++) x[k] *= 2;
      },
    };
    const losses: number[][] = [];
    for (const [data, forward] of [[points(), doubled] as const, [twice] as const]) {
      const own: number[] = [];
      const on = {
        epoch: (e: { validation?: { loss: number } }) => void own.push(e.validation!.loss),
      };
      await fit(network, { ...options, data, validation: data, on }, forward);
      losses.push(own);
    }
    expect(losses[0]).toEqual(losses[1]);
    expect(uses).toEqual([true, false]);
  });
  it("may not learn a parameter that would be lost", async () => {
    const scaled =
      (returned: boolean): Forward =>
      (b, net, x, _target, use) => {
        const scale = b.parameter("scale", [], Float32Array.of(1));
        const { y, parameters } = applyNetwork(b, net, arithmetic(b).mul(x, scale), use);
        return {
          y,
          parameters: returned ? new Map([...parameters, ["scale", scale]]) : parameters,
        };
      };
    await expect(fit(classifier(), options, scaled(true))).rejects.toThrow(
      /learns "scale", which the network does not/,
    );
    await expect(fit(classifier(), options, scaled(false))).rejects.toThrow(
      /parameter "scale" and returns none of it/,
    );
  });
});

describe("a layer's options", () => {
  const samples: readonly nn.Layer[] = [
    nn.conv2d({ outChannels: 1, kernelSize: 1 }),
    nn.convTranspose2d({ outChannels: 1, kernelSize: 1 }),
    nn.maxPool2d({ kernelSize: 1 }),
    nn.avgPool2d({ kernelSize: 1 }),
    nn.globalAvgPool2d(),
    nn.globalMaxPool2d(),
    nn.upsample({ scale: 2, mode: "nearest" }),
    nn.pixelShuffle({ scale: 1 }),
    nn.instanceNorm2d(),
    nn.batchNorm2d(),
    nn.groupNorm({ groups: 1 }),
    nn.layerNorm(),
    nn.relu(),
    nn.sigmoid(),
    nn.tanh(),
    nn.silu(),
    nn.hardSigmoid(),
    nn.hardSwish(),
    nn.hardTanh(),
    nn.leakyRelu(),
    nn.prelu(),
    nn.elu(),
    nn.gelu(),
    nn.softplus(),
    nn.softmax(),
    nn.dropout({ probability: 0.1 }),
    nn.flatten(),
    nn.unetBlock({ outChannels: 1, baseChannels: 1, depth: 1 }),
    nn.residual({ body: [] }),
    nn.branches({ branches: [[]] }),
    nn.graph({ nodes: [{ name: "a", from: ["x"] }] }),
  ];
  const build =
    (layer: object): (() => Network) =>
    () =>
      nn.sequential({ input: [1, 4, 4], seed: 0, layers: [layer as nn.Layer] });
  for (const layer of samples)
    it(`${layer.kind}: one that it has not is refused by name, at any depth`, () => {
      expect(build(layer)).not.toThrow();
      const wrong = { ...layer, wrongOption: 2 };
      const message = new RegExp(`layer 0\\.${layer.kind} has no option "wrongOption": it has `);
      expect(build(wrong)).toThrow(message);
      expect(build(nn.residual({ body: [wrong], shortcut: [layer] }))).toThrow(
        /has no option "wrongOption"/,
      );
    });
  it("the nearest one is named", () => {
    const conv = { kind: "conv2d", outChannels: 1, kernelSize: 1 };
    expect(build({ ...conv, strides: 2 })).toThrow(/no option "strides": did you mean stride\?/);
    expect(build({ ...conv, kernel_size: 2 })).toThrow(/did you mean kernelSize\?/);
    expect(build({ kind: "dropout", probabilty: 0.5 })).toThrow(/did you mean probability\?/);
    expect(build({ kind: "Conv2D" })).toThrow(/there is no layer "Conv2D": did you mean conv2d\?/);
    expect(build({ kind: "graph", nodes: [{ name: "a", form: ["x"], from: ["x"] }] })).toThrow(
      /node "a" has no option "form": did you mean from\?/,
    );
  });
});

describe("resuming", () => {
  const change = { shift: 1, seed: 0 };
  const network = classifier([nn.dropout({ probability: 0.2 })]);
  const run: FitOptions = {
    ...options,
    data: augmented(points(), change),
    validation: points(),
    earlyStopping: { patience: 9 },
    settings: { precision: "reproducible" },
  };
  it("ends with the bits of a run never stopped, from any state", async () => {
    const whole = await fit(network, run);
    const states = await statesOf(network, run);
    expect(states).toHaveLength(11);
    for (const state of states) {
      const resumed = await fit(network, { ...run, resume: loadTraining(saveTraining(state)) });
      expect(parametersOf(resumed)).toEqual(parametersOf(whole));
    }
  });
  it("refuses whatever would change the bits, naming it", async () => {
    const [state] = await statesOf(network, run);
    const others: Record<string, [Partial<FitOptions>, RegExp]> = {
      "another picture": [
        { data: augmented(points(1e-3), change) },
        /started with data \w+ and should go on with \w+;/,
      ],
      "another label": [
        {
          data: augmented(
            { ...points(), read: (i, x, t) => points().read(i === 3 ? 1 : i, x, t) },
            change,
          ),
        },
        /with data/,
      ],
      "another test picture": [{ validation: points(1e-3) }, /with validation/],
      "no augmentation": [{ data: points() }, /with shift 1 and should go on with unset/],
      shift: [
        { data: augmented(points(), { ...change, shift: 2 }) },
        /with shift 1 and should go on with 2;/,
      ],
      flip: [
        { data: augmented(points(), { ...change, flip: true }) },
        /with flip 0 and should go on with 1;/,
      ],
      "two of them": [
        { data: augmented(points(), { ...change, rotate: 5, noise: 0.5 }) },
        /with rotate 0 and should go on with 5, with jitter 0 and should go on with 0\.5;/,
      ],
      "augmentation's seed": [
        { data: augmented(points(), { ...change, seed: 2 }) },
        /with augmentationSeed/,
      ],
      seed: [{ seed: 5 }, /with seed 0 and should go on with 5/],
      epochs: [{ epochs: 4 }, /with epochs/],
      batch: [{ batchSize: 4 }, /with batchSize/],
      accumulate: [{ accumulate: 2 }, /with accumulate unset/],
      rate: [{ optimizer: adam({ learningRate: 0.02 }) }, /with optimizer/],
      schedule: [{ schedule: constant() }, /with schedule/],
      loss: [{ loss: crossEntropy({ labelSmoothing: 0.1 }) }, /with loss/],
      average: [{ averageDecay: 0.9 }, /with averageDecay/],
      patience: [{ earlyStopping: { patience: 8 } }, /with earlyStopping 9/],
      plateau: [{ plateau: { patience: 1, factor: 0.5 } }, /with plateau/],
      backend: [
        { backend: await openBackend("reference") },
        /with backend wasm and should go on with reference/,
      ],
      precision: [
        { settings: { precision: "fast" } },
        /with precision reproducible and should go on with fast/,
      ],
    };
    for (const [name, [given, message]] of Object.entries(others))
      await expect(fit(network, { ...run, ...given, resume: state }), name).rejects.toThrow(
        message,
      );
    const other = classifier([nn.dropout({ probability: 0.3 })]);
    await expect(fit(other, { ...run, resume: state })).rejects.toThrow(/another architecture/);
  });
  it("a reconstructor's run, too: noise, jitter and masks go on where they were", async () => {
    const shape = [16, 16] as const;
    const problem = (noise: number, seed = 1): ReturnType<typeof inverseProblem> =>
      inverseProblem({
        operator: subsampledFourier({
          mask: variableDensityMask({ shape, acceleration: 3, centerFraction: 0.2, seed }),
        }),
        noise: gaussianNoise({ sigma: noise }),
        images: brainPhantoms({ shape, count: 6, seed: 3 }),
      });
    const unet = nn.unet({
      inChannels: 2,
      outChannels: 2,
      baseChannels: 2,
      depth: 1,
      seed: 1,
      size: shape,
    });
    const given = {
      problem: problem(0.02),
      jitter: 0.05,
      rates: [0.2, 0.4],
      loss: huber(),
      optimizer: adam({ learningRate: 0.01 }),
      epochs: 2,
      batchSize: 2,
      seed: 5,
      backend,
    };
    const states: TrainingState[] = [];
    const whole = await fitReconstructor(unet, {
      ...given,
      checkpointEvery: 1,
      on: { checkpoint: (s) => void states.push(s) },
    });
    expect(states).toHaveLength(5);
    for (const state of states) {
      const resumed = await fitReconstructor(unet, {
        ...given,
        resume: loadTraining(saveTraining(state)),
      });
      expect(parametersOf(resumed)).toEqual(parametersOf(whole));
      expect(resumed.provenance).toEqual(whole.provenance);
    }
    const [resume] = states;
    for (const [other, message] of [
      [{ problem: problem(0.03) }, /with noise 0\.02 and should go on with 0\.03/],
      [{ problem: problem(0.02, 2) }, /with operator .*should go on with/],
      [{ jitter: 0 }, /with jitter/],
      [{ smoothing: 0.1 }, /with smoothing/],
      [{ rates: [0.2] }, /with rates 0\.2, 0\.4 and should go on with 0\.2/],
      [{ adversarial: { relativeBudget: 0.01, steps: 1 } }, /with adversarialBudget unset/],
      [{ form: { dataConsistency: true } }, /with form/],
    ] as const)
      await expect(fitReconstructor(unet, { ...given, ...other, resume })).rejects.toThrow(message);
  });
});

describe("a reconstructor with frozen layers", () => {
  const shape = [16, 16] as const;
  const mask = variableDensityMask({ shape, acceleration: 3, centerFraction: 0.2, seed: 1 });
  const problem = inverseProblem({
    operator: subsampledFourier({ mask }),
    noise: gaussianNoise({ sigma: 0.02 }),
    images: brainPhantoms({ shape, count: 4, seed: 3 }),
  });
  const network = nn.sequential({
    input: [2, ...shape],
    seed: 1,
    layers: [
      nn.conv2d({ outChannels: 4, kernelSize: 3, padding: "same" }),
      nn.batchNorm2d(),
      nn.relu(),
      nn.conv2d({ outChannels: 2, kernelSize: 3, padding: "same" }),
    ],
  });
  const changed = async (options: object): Promise<string[]> => {
    const trained = await fitReconstructor(network, {
      ...{ problem, loss: huber(), optimizer: adam({ learningRate: 0.01 }) },
      ...{ epochs: 1, batchSize: 2, seed: 5, backend, ...options },
    });
    const isOther = (name: string, { data }: Parameter): boolean =>
      data.some((v, i) => v !== network.parameters.get(name)!.data[i]);
    return [...trained.parameters].filter(([name, p]) => isOther(name, p)).map(([name]) => name);
  };
  const groups = [{ of: ["0.conv2d", "1.batchNorm2d"], frozen: true }];
  const head = ["3.conv2d.weight", "3.conv2d.bias"];
  for (const [way, options] of Object.entries({
    plainly: {},
    "unrolled, with images between": { form: { iterations: 2 }, betweenWeight: 0.5 },
    "against an adversary": { adversarial: { relativeBudget: 0.01, steps: 1 } },
  }))
    it(`leaves their weights and running statistics as they are, trained ${way}`, async () => {
      expect(await changed({ ...options, groups })).toEqual(head);
      // and they do change otherwise
      expect((await changed(options)).length).toBeGreaterThan(6);
    });
});

it("weights and the optimiser's values stay in the plan; only the loss and the outputs are read at every step", async () => {
  const read: string[] = [];
  const given: string[][] = [];
  const watching: Backend = {
    ...backend,
    compile: async (graph) => {
      const plan = await backend.compile(graph);
      const spy: Plan = {
        ...plan,
        execute: async (inputs, more) => {
          const out = await plan.execute(inputs, more);
          given.push(Object.keys(out));
          return out;
        },
        read: (name) => {
          read.push(name);
          return plan.read(name);
        },
        write: () => {
          throw new Error("nothing is written");
        },
      };
      return spy;
    },
  };
  let readInSteps = 0;
  const network = classifier();
  await fit(network, {
    ...options,
    backend: watching,
    on: {
      step: () => {
        readInSteps = read.length;
      },
    },
  });
  expect(readInSteps).toBe(0);
  expect(read.sort()).toEqual([...network.parameters.keys()].sort());
  expect(given).toEqual(Array.from({ length: 12 }, () => ["loss", "y"]));
});

it("the small VGG begins near ln(classes), and its first steps at the usual rate stay there", async () => {
  const classes = 10;
  const pictures: Dataset = {
    length: 48,
    inputShape: [3, 32, 32],
    targetShape: [],
    read: (i, x, t) => {
      for (let k = 0; k < x.length; k++) x[k] = Math.sin(k * (0.1 + 0.05 * (i % classes)) + i);
      t[0] = i % classes;
    },
  };
  const losses: number[] = [];
  await fit(nn.smallVgg({ classes, seed: 1 }), {
    ...options,
    data: pictures,
    batchSize: 16,
    epochs: 2,
    optimizer: adam({ learningRate: 0.002 }),
    on: { step: (p) => void losses.push(p.loss) },
  });
  expect(losses[0]).toBeLessThan(1.6 * Math.log(classes));
  expect(Math.max(...losses)).toBeLessThan(2 * Math.log(classes));
});
