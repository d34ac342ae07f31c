// Whole networks as ONNX files: every layer, every family, the networks of the package, operators
// of other kinds, and the command, in ONNX Runtime beside the engine.
import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { GraphBuilder, openBackend, ops, random, sizeOf } from "fiducial/engine";
import {
  applyNetwork,
  exportNetwork,
  loadNetwork,
  nn,
  saveNetwork,
  type Network,
} from "fiducial/learning";
import * as imaging from "fiducial/imaging";
import {
  exportReconstructor,
  needsMeasurement,
  networkReconstructor,
  type Operator,
} from "fiducial/imaging";
import {
  contents,
  counted,
  engine,
  imported,
  runtime,
  values,
  worst,
  type Feed,
} from "./onnx-runtime.ts";
import { at, fiducial, file, model, network as small, refused } from "./program.ts";

const TOLERANCE = 1e-5;
const size = [24, 24] as const;
const mask = (shape: readonly [number, number]): imaging.Mask =>
  imaging.variableDensityMask({ shape, acceleration: 4, centerFraction: 0.08, seed: 1 });
const operator = imaging.subsampledFourier({ mask: mask(size) });

/** What training leaves nowhere: biases of 0, scales of 1, statistics of nothing. */
function moved(fresh: Network): Network {
  const rng = random(9);
  const shifted = (v: number): number =>
    v * (1 + 0.3 * (2 * rng.uniform() - 1)) + (v === 0 ? 0.1 * rng.uniform() : 0);
  const parameters = new Map(
    [...fresh.parameters].map(([name, { shape, data }]) => {
      const flat = data.every((v) => v === data[0]);
      return [name, { shape, data: flat ? data.map(shifted) : data }];
    }),
  );
  return { ...fresh, parameters };
}
/** Measurements of phantoms, with some noise. */
async function measured(by: Operator, count: number): Promise<Float32Array> {
  const [, H, W] = by.domain;
  const images = imaging.brainPhantoms({ shape: [H, W], count, seed: 5 });
  const problem = imaging.inverseProblem({
    operator: by,
    noise: imaging.gaussianNoise({ sigma: 0.01 }),
    images,
  });
  const backend = await openBackend("wasm", { threads: 1 });
  const each = Array.from({ length: count }, (_, image) =>
    imaging.measure(problem, { image, seed: 1, backend }),
  );
  return Float32Array.from((await Promise.all(each)).flatMap((y) => [...y]));
}
interface Compared {
  network: Network;
  by: Operator;
  from: "measurement" | "image";
  images?: number;
  backend?: "reference" | "wasm";
}
/**
 * The file's reconstruction, in ONNX Runtime and imported again, beside networkReconstructor's,
 * over its largest value.
 */
async function error({
  network,
  by,
  from,
  images = 1,
  backend = "reference",
}: Compared): Promise<number> {
  const y = await measured(by, images);
  const b = new GraphBuilder(ops);
  const input = b.input("measurement", [images, ...by.range]);
  b.output("zero_filled", by.initial ? by.initial(b, input) : by.adjoint(b, input));
  b.output("reconstruction", networkReconstructor({ network }).apply(b, input, by));
  const want = await engine(b, { measurement: { data: y, shape: input.shape } }, backend);
  const { bytes, fixedBatch } = exportReconstructor({
    network,
    from: from === "image" ? "image" : { measurement: by },
  });
  expect(fixedBatch).toBeUndefined();
  const image = { data: Float32Array.from(want.zero_filled), shape: [images, ...by.domain] };
  const feed: Feed =
    from === "image" ? { zero_filled: image } : { measurement: { data: y, shape: input.shape } };
  const theirs = worst(want.reconstruction, (await runtime(bytes, feed)).reconstruction);
  return Math.max(theirs, worst(want.reconstruction, await imported(bytes, feed)));
}

const { cases } = JSON.parse(
  readFileSync(new URL("fixtures/pytorch_layers.json", import.meta.url), "utf8"),
) as {
  cases: Record<string, { layers: nn.Layer[]; input: number[] }>;
};
const ours: typeof cases = {
  piecewiseLinear: { layers: [nn.piecewiseLinear({ knots: 9 })], input: [2, 3, 4, 5] },
  scale: { layers: [nn.scale({ factor: 2, learned: true })], input: [2, 3, 2, 2] },
  dropout: { layers: [nn.dropout({ probability: 0.5 })], input: [2, 6] },
  eachChannel: {
    layers: [
      nn.eachChannel({ layers: [nn.conv2d({ outChannels: 1, kernelSize: 3, padding: 1 })] }),
    ],
    input: [2, 2, 5, 4],
  },
};
// attention's products are groups of a convolution, as many as images; layers-onnx.test.ts has it
const free = Object.entries({ ...cases, ...ours }).filter(
  ([name]) => !name.startsWith("selfAttention2d"),
);
describe("layers, for any number of images", () => {
  for (const [name, { layers, input }] of free)
    it(name, async () => {
      const network = moved(nn.sequential({ input: input.slice(1), seed: 2, layers }));
      const { bytes, fixedBatch } = exportNetwork(network);
      expect(fixedBatch).toBeUndefined();
      const b = new GraphBuilder(ops);
      b.output("output", applyNetwork(b, network, b.input("input", input)).y);
      const feed: Feed = { input: { data: values(sizeOf(input), 4), shape: input } };
      // whole networks, of layers that are all here by themselves, cost the plain loops ten seconds
      const many =
        [...network.parameters.values()].reduce((n, { data }) => n + data.length, 0) > 1e5;
      const want = await engine(b, feed, many ? "wasm" : "reference");
      expect(worst(want.output, (await runtime(bytes, feed)).output)).toBeLessThan(TOLERANCE);
      expect(worst(want.output, await imported(bytes, feed))).toBeLessThan(TOLERANCE);
    });
});

describe("layers that ONNX has one node for", () => {
  const single: Record<string, nn.Layer> = {
    Conv: nn.conv2d({ outChannels: 3, kernelSize: 3, padding: "same", stride: 2 }),
    ConvTranspose: nn.convTranspose2d({ outChannels: 2, kernelSize: 2, stride: 2 }),
    BatchNormalization: nn.batchNorm2d(),
    InstanceNormalization: nn.instanceNorm2d({ affine: true }),
    LayerNormalization: nn.layerNorm(),
    LeakyRelu: nn.leakyRelu(),
    PRelu: nn.prelu(),
    Elu: nn.elu({ alpha: 0.7 }),
    Tanh: nn.tanh(),
    Clip: nn.hardTanh(),
    MaxPool: nn.maxPool2d({ kernelSize: 2 }),
    GlobalMaxPool: nn.maxPool2d({ kernelSize: 8 }),
    GlobalAveragePool: nn.avgPool2d({ kernelSize: 8 }),
    Softmax: nn.softmax(),
  };
  for (const [op, layer] of Object.entries(single))
    it(`${layer.kind}: ${op}`, async () => {
      const network = moved(nn.sequential({ input: [3, 8, 8], seed: 2, layers: [layer] }));
      const { bytes } = exportNetwork(network);
      expect(counted(contents(bytes))).toEqual({ [op]: 1 });
      const b = new GraphBuilder(ops);
      b.output("output", applyNetwork(b, network, b.input("input", [2, 3, 8, 8])).y);
      const feed: Feed = { input: { data: values(384, 4), shape: [2, 3, 8, 8] } };
      expect(
        worst((await engine(b, feed)).output, (await runtime(bytes, feed)).output),
      ).toBeLessThan(TOLERANCE);
    });
});

describe("families, with all of their physics", () => {
  for (const [name, { build, form }] of Object.entries(imaging.reconstructionNetworks))
    it(name, async () => {
      // MoDL's 50 steps of conjugate gradients lose more than that to float32, in the engine, too
      const fresh =
        name === "modl" ? imaging.modl({ size, iterations: 2, channels: 16, seed: 3 }) : undefined;
      const network = moved(fresh ?? build({ size, seed: 3, measured: operator.measured }));
      const trained = { ...network, trained: { form } };
      expect(
        await error({ network: trained, by: operator, from: "measurement", images: 2 }),
      ).toBeLessThan(TOLERANCE);
      if (needsMeasurement(trained) === undefined)
        expect(
          await error({ network: trained, by: operator, from: "image", images: 2 }),
        ).toBeLessThan(TOLERANCE);
    });
});

describe("forms and operators", () => {
  const unet = moved(
    nn.unet({ inChannels: 2, outChannels: 2, baseChannels: 4, depth: 2, seed: 1, size }),
  );
  const forms: Record<string, Network["trained"]> = {
    unrolled: { form: { input: "image", iterations: 3, dataConsistency: true } },
    "unrolled, of a noise level": {
      form: { input: "image", iterations: 2, dataConsistency: true, noiseLevel: 3 },
    },
    "at the peak's scale": {
      form: { input: "image", iterations: 1, dataConsistency: false, scale: "peak" },
    },
    "at its own scale": {
      form: { input: "image", iterations: 1, dataConsistency: false, scale: "none" },
    },
    "smoothed over noise": { smoothing: 0.05 },
    "of k-space with its corner first": {
      form: {
        input: "measurement",
        iterations: 1,
        dataConsistency: true,
        lowestFrequency: "corner",
      },
    },
  };
  for (const [name, trained] of Object.entries(forms))
    it(name, async () => {
      const network = { ...unet, trained: trained! };
      expect(await error({ network, by: operator, from: "measurement", images: 2 })).toBeLessThan(
        TOLERANCE,
      );
    });
  const odd = [21, 26] as const;
  const cascade = (shape: readonly [number, number]): Network =>
    moved(imaging.deepCascade({ size: shape, cascades: 2, convolutions: 2, channels: 6, seed: 1 }));
  const others: Record<string, Operator> = {
    "odd sizes": imaging.subsampledFourier({ mask: mask(odd) }),
    "several coils": imaging.multiCoilFourier({
      mask: mask(size),
      coils: imaging.birdcageCoils({ shape: size, coils: 3 }),
    }),
    "the lowest frequency in the corner": imaging.uncentredFourier({ mask: mask(size) }),
    "line integrals": imaging.parallelBeam({ shape: size, views: 12, detectors: 35, arc: 180 }),
    "off the grid": imaging.nonUniformFourier({
      shape: size,
      trajectory: { kind: "radial", spokes: 12, samples: 48 },
    }),
  };
  for (const [name, by] of Object.entries(others))
    it(name, async () => {
      const network = cascade([by.domain[1], by.domain[2]]);
      expect(await error({ network, by, from: "measurement" })).toBeLessThan(TOLERANCE);
    });
});

const packaged = (name: string): Network =>
  loadNetwork(readFileSync(new URL(`../weights/${name}.safetensors`, import.meta.url)), name);
describe("the networks of the package", () => {
  const by = imaging.subsampledFourier({ mask: mask([128, 128]) });
  it("the cascade, from the measurement", async () => {
    const network = packaged("cascade-128");
    expect(await error({ network, by, from: "measurement", backend: "wasm" })).toBeLessThan(
      TOLERANCE,
    );
  });
  it("the U-Net, from the measurement and from the image", async () => {
    const network = packaged("unet-128");
    for (const from of ["measurement", "image"] as const)
      expect(await error({ network, by, from, backend: "wasm" })).toBeLessThan(TOLERANCE);
  });
  it("one node for a convolution with its bias, and none for nothing", () => {
    const { bytes } = exportNetwork(packaged("unet-128"));
    expect(counted(contents(bytes))).toEqual({
      Conv: 15,
      Relu: 14,
      MaxPool: 3,
      ConvTranspose: 3,
      Concat: 3,
      Add: 1,
    });
  });
  it("fastMRI's U-Net has a node for every norm and slope, as PyTorch's export has", () => {
    const layers = [nn.fastMriUnetBlock({ outChannels: 1, baseChannels: 4, pools: 3 })];
    const { bytes } = exportNetwork(nn.sequential({ input: [1, 32, 32], seed: 0, layers }));
    expect(counted(contents(bytes))).toEqual({
      ...{
        Conv: 15,
        InstanceNormalization: 17,
        LeakyRelu: 17,
        AveragePool: 3,
        ConvTranspose: 3,
        Concat: 3,
      },
    });
  });
  it("keeps the weights' names, each once", () => {
    const network = packaged("cascade-128");
    const { initializers } = contents(
      exportReconstructor({ network, from: { measurement: by } }).bytes,
    );
    expect(new Set(initializers).size).toBe(initializers.length);
    expect(initializers).toEqual(expect.arrayContaining([...network.parameters.keys()]));
  });
});

describe("what a file says", () => {
  const secret: Network = {
    ...small,
    name: "mine",
    provenance: {
      ...{ epochs: 3, source: "https://example.org/paper", weights: "patient-7.safetensors" },
      ...{ data: "/home/someone/scans", images: "C:\\scans", loss: "../x", who: "someone" },
    },
  };
  it("input, scale, operator and provenance, and no file, folder or person", () => {
    const { bytes } = exportReconstructor({ network: secret, from: "image" });
    const { metadata } = contents(bytes);
    expect(metadata).toMatchObject({
      name: "mine",
      "provenance.epochs": "3",
      "provenance.source": "https://example.org/paper",
      noiseSigma: "0.01",
    });
    expect(metadata.input).toMatch(/^complex image: real and imaginary part as two channels; A\*y/);
    expect(metadata.scale).toMatch(/root mean square/);
    expect(JSON.stringify(metadata)).not.toMatch(/patient|someone|scans|\.\.\//);
  });
  it("the operator as plain data, which opens again", () => {
    const trained = { form: { input: "image", iterations: 2, dataConsistency: true } } as const;
    const network = { ...packaged("unet-128"), trained };
    const by = imaging.subsampledFourier({ mask: mask([128, 128]) });
    const { metadata } = contents(
      exportReconstructor({ network, from: { measurement: by } }).bytes,
    );
    expect(imaging.parseOperatorSpec(JSON.parse(metadata.operator), "it")).toEqual(by.spec);
  });
  it("refuses an image where the measurement is needed, and an operator of another size", () => {
    const network = packaged("cascade-128");
    expect(() => exportReconstructor({ network, from: "image" })).toThrow(
      /deep cascade compares its image with the measurement; export it from that/,
    );
    const wide = imaging.subsampledFourier({ mask: mask([127, 129]) });
    const { from, ...unet } = { from: { measurement: wide }, network: packaged("unet-128") };
    expect(() => exportReconstructor({ ...unet, from })).toThrow(
      /cannot take the operator's images/,
    );
    const layers = [nn.dataConsistency()];
    expect(() => exportNetwork(nn.sequential({ input: [2, 8, 8], seed: 0, layers }))).toThrow(
      /needs a measurement/,
    );
  });
});

describe("fiducial export", () => {
  const run = (...args: string[]): ReturnType<typeof fiducial> => fiducial(["export", ...args]);
  it("writes a network of the package by its name, and any by its file", async () => {
    const named = run("--model", "unet-128", "--out", at("u.onnx"), "--json");
    expect(named.status, named.err).toBe(0);
    const said = JSON.parse(named.out);
    expect(said).toMatchObject({
      inputs: [{ name: "zero_filled", shape: ["batch", 2, 128, 128] }],
    });
    expect(readFileSync(at("u.onnx")).length).toBe(said.bytes);
    const own = run(
      "--model",
      model,
      "--out",
      at("s.onnx"),
      "--from",
      "measurement",
      "--batch",
      "2",
      "--dft",
      "op",
    );
    expect(own.status, own.err).toBe(0);
    expect(own.out).toMatch(/measurement +2×2×16×16/);
    const counts = counted(contents(readFileSync(at("s.onnx"))));
    expect(counts.DFT).toBe(2);
  });
  it("a classifier from its own input, with its classes", () => {
    const layers = [nn.flatten(), nn.linear({ outFeatures: 2 })];
    const network = nn.sequential({ input: [1, 4, 4], seed: 0, layers });
    const path = file(
      "c.safetensors",
      saveNetwork({ ...network, trained: { classes: ["cat", "dog"] } }),
    );
    const done = run("--model", path, "--out", at("c.onnx"), "--json");
    expect(JSON.parse(done.out)).toMatchObject({
      nodes: 2,
      outputs: [{ name: "output", shape: ["batch", 2] }],
    });
    expect(contents(readFileSync(at("c.onnx"))).metadata.classes).toBe('["cat","dog"]');
    refused(
      run("--model", path, "--from", "image"),
      /--from image: the network is no reconstruction/,
    );
    refused(
      run("--model", path, "--sampling", "radial"),
      /--sampling: the network is no reconstruction/,
    );
  });
  it("refuses bad input in one line, and writes nothing", () => {
    const out = at("none.onnx");
    const refusals: [string[], RegExp][] = [
      [["--model", at("missing")], /cannot read it: there is no such file/],
      [["--from", "image"], /--from image: the network compares its image with the measurement/],
      [["--model", "unet-128", "--mask", "m.npy"], /--mask: an image alone is measured by nothing/],
      [["--batch", "0"], /--batch 0: give any, or a whole number/],
      [["--model", model, "--size", "17"], /cannot take images of \[2×17×17\]/],
      [["--dft", "fast"], /--dft fast: it is one of matrix, op/],
      [["--from", "image", "--operator", "radon", "--model", model], /--operator: an image alone/],
    ];
    for (const [args, why] of refusals) refused(run(...args, "--out", out), why);
    expect(existsSync(out)).toBe(false);
  });
});
