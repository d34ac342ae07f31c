// Every layer against PyTorch's outputs, gradients and running statistics, and against central
// differences.
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  gradients,
  GraphBuilder,
  openBackend,
  ops,
  random,
  sizeOf,
  type Value,
} from "fiducial/engine";
import {
  adam,
  applyNetwork,
  crossEntropy,
  fit,
  nn,
  saveNetwork,
  type Dataset,
  type Network,
} from "fiducial/learning";

interface Case {
  layers: nn.Layer[];
  input: number[];
  training: boolean;
  every: number;
  output: number[];
  inputGradient: number[];
  cost: number;
  gradients: Record<string, number[]>;
  buffers: Record<string, number[]>;
}
const { cases } = JSON.parse(
  readFileSync(new URL("fixtures/pytorch_layers.json", import.meta.url), "utf8"),
) as {
  cases: Record<string, Case>;
};
/** Uniform in [−1, 1) from a hash of place and phase, as in fixtures/pytorch_layers.py. */
function wave(count: number, phase: number): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => {
    let z = (Math.imul(i, 0x9e3779b1) + Math.round(1000 * phase)) | 0;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return ((z ^ (z >>> 15)) >>> 8) / 2 ** 23 - 1;
  });
}
const f = Math.fround;
const conv = (outChannels: number): nn.Layer =>
  nn.conv2d({ outChannels, kernelSize: 3, padding: "same" });
/** Layers that PyTorch has none of. */
const ours: Record<string, Pick<Case, "layers" | "input" | "training">> = {
  piecewiseLinear: {
    layers: [nn.piecewiseLinear({ knots: 9 })],
    input: [2, 3, 4, 5],
    training: false,
  },
  "piecewiseLinear, elsewhere": {
    layers: [nn.piecewiseLinear({ knots: 4, from: 0, to: 3, outside: -0.5 })],
    input: [1, 2, 5, 3],
    training: false,
  },
  "scale, learned": {
    layers: [nn.scale({ factor: 2, learned: true })],
    input: [2, 3, 2, 2],
    training: false,
  },
  eachChannel: {
    layers: [nn.eachChannel({ layers: [conv(4), nn.piecewiseLinear({ knots: 5 }), conv(1)] })],
    input: [2, 2, 5, 4],
    training: false,
  },
  "graph, subtract": {
    layers: [
      nn.graph({
        nodes: [
          { name: "a", from: ["x"], layers: [conv(3)] },
          { name: "b", from: ["x", "a"], join: "subtract" },
        ],
      }),
    ],
    input: [1, 3, 4, 4],
    training: false,
  },
};

/** The formula of fixtures/pytorch_layers.py. */
function fixtureNetwork({ layers, input }: Pick<Case, "layers" | "input">): Network {
  const network = nn.sequential({ input: input.slice(1), seed: 0, layers });
  const parameters = new Map(
    [...network.parameters].map(([name, { shape }]) => {
      const running = /running(Mean|Variance)$/.exec(name)?.[1];
      const s = wave(sizeOf(shape), running ? 1 : name.length + 0.1 * name.charCodeAt(0));
      const weight = name.endsWith(".weight") && !/norm|prelu/i.test(name);
      const scale =
        running === "Variance" || (name.endsWith(".weight") && !weight && !name.includes("prelu"));
      const factor = f(weight ? sizeOf(shape.slice(1)) ** -0.5 : 0.3);
      return [name, { shape, data: s.map((v) => (scale ? f(1 + f(factor * v)) : f(factor * v))) }];
    }),
  );
  return { ...network, parameters };
}
/**
 * Cost and all gradients. Dropout's random numbers are each library's own, so no case trains with
 * it.
 */
function graphOf(
  network: Network,
  { input, training }: Pick<Case, "input" | "training">,
): { b: GraphBuilder; wrt: [string, Value][] } {
  const b = new GraphBuilder(ops);
  const x = b.input("x", input);
  const { y, parameters } = applyNetwork(b, network, x, { training });
  const cost = b.emit(
    "sum",
    { x: b.emit("mul", { a: y, b: b.constant(wave(sizeOf(y.shape), 1.5), y.shape) }, {}) },
    { axes: y.shape.map((_, i) => i) },
  );
  b.output("y", y);
  b.output("cost", cost);
  const wrt: [string, Value][] = [["x", x], ...parameters];
  gradients(
    b,
    cost,
    wrt.map(([, v]) => v),
  ).forEach((g, i) => b.output(`d ${wrt[i][0]}`, g));
  return { b, wrt };
}
/**
 * Largest difference over the largest value, or over `floor` where all values are smaller: a bias
 * before a batch norm has gradient 0 but for rounding.
 */
const worst = (want: readonly number[], got: ArrayLike<number>, floor = 1e-6): number => {
  let [error, top] = [0, floor];
  want.forEach((w, i) => {
    error = Math.max(error, Math.abs(w - got[i]));
    top = Math.max(top, Math.abs(w));
  });
  return error / top;
};

describe("layers agree with PyTorch to 1e-4, on every backend", () => {
  for (const [name, c] of Object.entries(cases))
    it(name, async () => {
      const network = fixtureNetwork(c);
      const some = (v: ArrayLike<number>): number[] =>
        Array.from(v).filter((_, i) => i % c.every === 0);
      // whole networks, of layers that are all here by themselves, cost the plain loops ten seconds
      const backends = c.every === 1 ? (["reference", "wasm"] as const) : (["wasm"] as const);
      for (const backend of backends) {
        const plan = await (await openBackend(backend)).compile(graphOf(network, c).b);
        const out = await plan.execute({ x: wave(sizeOf(c.input), 0.5).map((v) => 2 * v) });
        expect(worst(c.output, some(out.y)), `${backend} output`).toBeLessThan(1e-4);
        expect(worst(c.inputGradient, some(out["d x"])), `${backend} input gradient`).toBeLessThan(
          1e-4,
        );
        expect(Object.keys(c.gradients).sort()).toEqual(
          [...network.parameters.keys()].filter((k) => !k.includes("running")).sort(),
        );
        const floor = 1e-3 * Math.max(1e-3, ...Object.values(c.gradients).flat().map(Math.abs));
        for (const [key, want] of Object.entries(c.gradients))
          expect(worst(want, some(out[`d ${key}`]), floor), `${backend} ${key}`).toBeLessThan(1e-4);
        if (c.training)
          for (const [key, want] of Object.entries(c.buffers))
            expect(worst(want, some(await plan.read(key))), `${backend} ${key}`).toBeLessThan(1e-4);
      }
    });
});

describe("gradients agree with central differences to 1e-6, on the reference", () => {
  const small = Object.entries(cases).filter(([, c]) => c.every === 1);
  for (const [name, c] of [...small, ...Object.entries(ours)])
    it(name, async () => {
      const network = fixtureNetwork(c);
      const { b, wrt } = graphOf(network, c);
      const plan = await (await openBackend("reference")).compile(b);
      const rng = random(1);
      // off the lattice of the fixture's numbers, away from kinks; batch norm's statistics are
      // put back before every run
      const start = new Map<string, Float64Array>(
        wrt.map(([key, v]) => [
          key,
          Float64Array.from(
            { length: sizeOf(v.shape) },
            () => (key === "x" ? 2 : 0.7) * rng.normal(),
          ),
        ]),
      );
      const direction = new Map(
        wrt.map(([key, v]) => [
          key,
          Float64Array.from({ length: sizeOf(v.shape) }, () => rng.normal()),
        ]),
      );
      const at = async (t: number): Promise<Record<string, ArrayLike<number>>> => {
        const moved = (key: string): Float64Array =>
          start.get(key)!.map((v, i) => v + t * direction.get(key)![i]);
        for (const [key] of wrt) if (key !== "x") await plan.write(key, moved(key));
        return plan.execute({ x: moved("x") });
      };
      const h = 1e-5;
      const cost = async (t: number): Promise<number> => (await at(t)).cost[0];
      const near = (await cost(h)) - (await cost(-h));
      const far = (await cost(2 * h)) - (await cost(-2 * h));
      const difference = (8 * near - far) / (12 * h);
      const out = await at(0);
      let [slope, scale] = [0, 0];
      for (const [key] of wrt)
        direction.get(key)!.forEach((d, i) => {
          slope += d * out[`d ${key}`][i];
          scale += Math.abs(d * out[`d ${key}`][i]);
        });
      expect(Math.abs(slope - difference) / scale).toBeLessThan(1e-6);
    });
});

describe("networks", () => {
  it("ResNet-20 and the small VGG are the fixtures' layers; ResNet-18 has PyTorch's 11,689,512 parameters", () => {
    expect(nn.resnet20({ seed: 0 }).architecture.layers).toEqual(cases["ResNet-20"].layers);
    expect(nn.smallVgg({ seed: 0 }).architecture.layers).toEqual(cases["small VGG"].layers);
    const count = (network: Network): number =>
      [...network.parameters].reduce(
        (n, [name, p]) => n + (name.includes("running") ? 0 : p.data.length),
        0,
      );
    expect(count(nn.resnet18({ seed: 0, input: [3, 64, 64] }))).toBe(11689512);
  });
  it("ResNet-20 trains on CIFAR-shaped images with falling loss; its running statistics are saved and used", async () => {
    const data: Dataset = {
      length: 16,
      inputShape: [3, 32, 32],
      targetShape: [10],
      read: (i, x, t) => {
        for (let k = 0; k < x.length; k++)
          x[k] = Math.sin((k % 32) * (0.2 + 0.3 * (i % 2))) + 0.1 * Math.sin(i + k);
        t.fill(0);
        t[i % 2] = 1;
      },
    };
    const losses: number[] = [];
    const trained = await fit(nn.resnet20({ seed: 1 }), {
      data,
      loss: crossEntropy(),
      optimizer: adam({ learningRate: 1e-3 }),
      epochs: 4,
      batchSize: 8,
      seed: 0,
      backend: await openBackend("wasm"),
      validation: data,
      on: {
        epoch: (e) => {
          losses.push(e.trainLoss);
        },
      },
    });
    expect(losses.at(-1)).toBeLessThan(losses[0] / 2);
    const running = [...trained.parameters].filter(([name]) => name.endsWith("runningMean"));
    expect(running).toHaveLength(21);
    for (const [, p] of running) expect(p.data.some((v) => v !== 0)).toBe(true);
    expect(saveNetwork(trained).length).toBeGreaterThan(270000 * 4);
  });
  it("dropout drops in training, other elements every step, and nothing in evaluation", async () => {
    const network = nn.sequential({
      input: [1000],
      seed: 0,
      layers: [nn.dropout({ probability: 0.25 })],
    });
    const ones = new Float32Array(1000).fill(1);
    for (const backend of ["reference", "wasm"] as const) {
      const run = async (training: boolean): Promise<() => Promise<ArrayLike<number>>> => {
        const b = new GraphBuilder(ops);
        b.output("y", applyNetwork(b, network, b.input("x", [1, 1000]), { training }).y);
        const plan = await (await openBackend(backend)).compile(b);
        return async () => (await plan.execute({ x: ones })).y;
      };
      const train = await run(true);
      const [first, second] = [Array.from(await train()), Array.from(await train())];
      expect(second).not.toEqual(first);
      expect(first.filter((v) => v === 0).length / 1000).toBeCloseTo(0.25, 1);
      expect(first.every((v) => v === 0 || Math.abs(v - 4 / 3) < 1e-6)).toBe(true);
      expect(Array.from(await (await run(false))())).toEqual(Array.from(ones));
    }
  });
  it("a wrong block fails when it is built, naming the layer, both shapes and the mend", () => {
    const build =
      (layers: nn.Layer[], input = [3, 8, 8]): (() => Network) =>
      () =>
        nn.sequential({ input, seed: 0, layers });
    expect(
      build([nn.residual({ body: [nn.conv2d({ outChannels: 5, kernelSize: 3, padding: 1 })] })]),
    ).toThrow(
      /layer 0\.residual: its body and its shortcut have shapes \[1×5×8×8\] and \[1×3×8×8\].*1×1 convolution/,
    );
    expect(build([nn.branches({ branches: [[], [nn.maxPool2d({ kernelSize: 2 })]] })])).toThrow(
      /\[1×3×8×8\] and \[1×3×4×4\] cannot be joined/,
    );
    expect(build([nn.graph({ nodes: [{ name: "a", from: ["b"] }] })])).toThrow(
      /comes from "b", which is not before it/,
    );
    expect(build([nn.groupNorm({ groups: 2 })])).toThrow(
      /3 channels .* do not divide into 2 groups/,
    );
    expect(build([nn.pixelShuffle({ scale: 2 })])).toThrow(/no multiple of 2² = 4/);
    expect(
      build([nn.conv2d({ outChannels: 1, kernelSize: 3, padding: 8, paddingMode: "reflect" })]),
    ).toThrow(/padding 8 with mode "reflect"/);
    expect(build([nn.upsample({ scale: 65536, mode: "nearest" })])).toThrow(
      /an axis of 524288 cells/,
    );
    expect(build([{ kind: "Conv2D" } as never])).toThrow(
      /there is no layer "Conv2D": did you mean conv2d/,
    );
  });
  it("lays out nothing for an axis that no image has", () => {
    const pads = (["reflect", "replicate", "circular"] as const).map((paddingMode) =>
      nn.conv2d({ outChannels: 1, kernelSize: 3, padding: 1, paddingMode }),
    );
    const each = [
      ...pads,
      nn.conv2d({ outChannels: 1, kernelSize: 2, padding: "same", paddingMode: "replicate" }),
      nn.maxPool2d({ kernelSize: 5, stride: 4, ceilMode: true }),
      nn.avgPool2d({ kernelSize: 5, stride: 4, ceilMode: true }),
      nn.avgPool2d({ kernelSize: 3, padding: 1, countIncludePad: false }),
      nn.adaptiveMaxPool2d({ outputSize: [3, 3] }),
      nn.adaptiveAvgPool2d({ outputSize: [3, 3] }),
      nn.upsample({ scale: 2, mode: "nearest" }),
      nn.upsample({ scale: 2, mode: "bilinear" }),
    ];
    for (const layer of each)
      for (const input of [
        [1, 8, 2 ** 31],
        [1, 2 ** 40, 8],
        [1, 65537, 65537],
      ])
        expect(() => nn.sequential({ input, layers: [layer], seed: 1 }), layer.kind).toThrow(
          /an axis of \d+ cells/,
        );
    const deep = [
      nn.conv3d({ outChannels: 1, kernelSize: 3 }),
      nn.maxPool3d({ kernelSize: 2 }),
      nn.avgPool3d({ kernelSize: 2, padding: "same" }),
    ];
    for (const layer of deep)
      for (const input of [
        [1, 2 ** 31, 8, 8],
        [1, 8, 2 ** 40, 8],
        [1, 8, 8, 65537],
      ])
        expect(() => nn.sequential({ input, layers: [layer], seed: 1 }), layer.kind).toThrow(
          /an axis of \d+ cells/,
        );
    const tall = nn.conv3d({ outChannels: 1, kernelSize: [30000, 1, 1], padding: "same" });
    expect(() => nn.sequential({ input: [1, 60000, 1, 1], layers: [tall], seed: 1 })).toThrow(
      /an axis of \d+ cells/,
    );
    const lines = [
      nn.conv1d({ outChannels: 1, kernelSize: 2, padding: "same" }),
      nn.maxPool1d({ kernelSize: 2 }),
      nn.avgPool1d({ kernelSize: 3, padding: "same" }),
    ];
    for (const layer of lines)
      expect(
        () => nn.sequential({ input: [1, 2 ** 31], layers: [layer], seed: 1 }),
        layer.kind,
      ).toThrow(/an axis of 2147483648 cells; it may have at most 1048576$/);
    const grown = [
      nn.unflatten({ shape: [1, 2, 2 ** 31] }),
      nn.upsample({ scale: 2, mode: "nearest" }),
    ];
    expect(() => nn.sequential({ input: [2 ** 32], layers: grown, seed: 1 })).toThrow(
      /an axis of 2147483648 cells/,
    );
    // as wide and as high as they may be: still nothing for every cell of the plane
    const largest = nn.avgPool2d({ kernelSize: 3, stride: 1, padding: 1, countIncludePad: false });
    const volume = nn.avgPool3d({ kernelSize: [2, 1, 1], padding: "same" });
    expect(
      nn.sequential({ input: [1, 2, 65536, 65536], layers: [volume], seed: 1 }).parameters.size,
    ).toBe(0);
    expect(
      nn.sequential({ input: [1, 65536, 65536], layers: [largest], seed: 1 }).parameters.size,
    ).toBe(0);
  });
});
