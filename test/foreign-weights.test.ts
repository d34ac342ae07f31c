// Somebody's weights in our networks and ours in PyTorch's names and shapes; a backbone with
// another head.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { drawnShapes, loadTensors, readTensors, type LabelledImages } from "fiducial/data";
import { FormatError, openBackend, random } from "fiducial/engine";
import {
  describeWeights,
  featuresOf,
  loadNetwork,
  loadWeights,
  nn,
  predict,
  preparedFor,
  resnet18Names,
  saveNetwork,
  saveStateDict,
  stateDict,
  type Dataset,
  type GivenTensors,
  type NameMap,
  type Network,
} from "fiducial/learning";

const backend = await openBackend("wasm");
const fixture = (name: string): Uint8Array =>
  readFileSync(new URL(`fixtures/${name}`, import.meta.url));
const { input, output } = JSON.parse(
  new TextDecoder().decode(fixture("pytorch_state_dict.json")),
) as {
  input: number[];
  output: number[];
};
/** The network of fixtures/pytorch_state_dict.py. */
const small = nn.sequential({
  input: [3, 8, 8],
  seed: 5,
  layers: [
    nn.conv2d({ outChannels: 8, kernelSize: 3, stride: 2, padding: 1, bias: false }),
    nn.batchNorm2d(),
    nn.relu(),
    nn.depthwiseConv2d({ kernelSize: [3, 1], padding: [1, 0] }),
    nn.convTranspose2d({ outChannels: 6, kernelSize: 3, stride: 2, outputPadding: 1, groups: 2 }),
    nn.prelu(),
    nn.selfAttention2d({ heads: 2 }),
    nn.globalAvgPool2d(),
    nn.flatten(),
    nn.linear({ outFeatures: 4 }),
  ],
});
const names: NameMap = {
  "0.conv2d": "stem.0",
  "1.batchNorm2d": "stem.1",
  "3.depthwiseConv2d": "depthwise",
  "4.convTranspose2d": "up",
  "5.prelu": "act",
  "6.selfAttention2d": "attention",
  "9.linear": "head",
};
const file = "pytorch_state_dict.pth";
const theirs = await loadTensors(fixture(file), file);
const tensorsOf = (network: Network, map?: NameMap): GivenTensors =>
  new Map(
    [...stateDict(network, map ? { names: map } : {})].map(([name, { shape, data }]) => [
      name,
      { shape, values: () => data },
    ]),
  );

describe("a state dict of PyTorch", () => {
  it("makes the network give PyTorch's output, and everything matches", async () => {
    const { network, report } = loadWeights(small, theirs, { names, file });
    expect(report.matched).toHaveLength(small.parameters.size);
    expect([report.missing, report.misshapen, report.unused]).toEqual([[], [], []]);
    const y = await predict(network, { inputs: input, count: 4, backend });
    output.forEach((v, i) => expect(y[i]).toBeCloseTo(v, 5));
    expect(describeWeights(report)).toBe(
      `${small.parameters.size} of ${small.parameters.size} parameters matched`,
    );
    expect(network.provenance.weights).toBe(file);
  });
  it("is exported again with its own names, shapes and numbers, as safetensors", () => {
    const { network } = loadWeights(small, theirs, { names });
    const written = readTensors(saveStateDict(network, { names }), "out.safetensors");
    const counters = [...theirs.keys()].filter((name) => name.endsWith("num_batches_tracked"));
    expect([...written.keys()].sort()).toEqual(
      [...theirs.keys()].filter((name) => !counters.includes(name)).sort(),
    );
    for (const [name, tensor] of written) {
      expect(tensor.shape, name).toEqual(theirs.get(name)!.shape);
      expect(tensor.values(), name).toEqual(theirs.get(name)!.values());
    }
  });
  it("that does not fit is refused with everything that does not, and what was meant", () => {
    const mistyped = { ...names, "9.linear": "haed" };
    const other = nn.sequential({
      input: [3, 8, 8],
      seed: 5,
      layers: [...small.architecture.layers.slice(0, 9), nn.linear({ outFeatures: 7 })],
    });
    const refusal = (network: Network, map: NameMap): string => {
      try {
        loadWeights(network, theirs, { names: map, file });
      } catch (error) {
        expect(error).toBeInstanceOf(FormatError);
        return (error as Error).message;
      }
      return "";
    };
    expect(refusal(small, mistyped)).toMatch(
      /missing: "haed\.weight", for "9\.linear\.weight" of 4×6 \(did you mean head\.weight\?\).*unused: "head\.weight" of 4×6/,
    );
    expect(refusal(other, names)).toMatch(
      /shape: "head\.weight" is 4×6, "9\.linear\.weight" takes 7×6/,
    );
    expect(refusal(small, {})).toMatch(
      /nothing is named for "0\.conv2d\.weight".*the file has "stem\.0\.weight"/,
    );
    const { network, report } = loadWeights(other, theirs, { names, partial: true });
    expect(report.misshapen.map(({ name }) => name)).toEqual(["9.linear.weight", "9.linear.bias"]);
    expect(network.parameters.get("9.linear.weight")).toEqual(
      other.parameters.get("9.linear.weight"),
    );
    expect(describeWeights(report).split("\n")).toHaveLength(3);
    const bad = new Map(
      [...theirs].map(([name, t]) => [name, { ...t, values: () => t.values().fill(Number.NaN) }]),
    );
    expect(() => loadWeights(small, bad, { names })).toThrow(
      /"stem\.0\.weight" holds values that are not finite/,
    );
  });
  it("of nn.Sequential needs no names; a prefix stands before every one", () => {
    const network = nn.sequential({ input: [3, 8, 8], seed: 9, layers: small.architecture.layers });
    const given = new Map([...tensorsOf(network)].map(([name, t]) => [`state_dict.${name}`, t]));
    const { network: loaded } = loadWeights(small, given, { prefix: "state_dict." });
    expect([...loaded.parameters.values()].map((p) => p.data)).toEqual(
      [...network.parameters.values()].map((p) => p.data),
    );
    expect([...tensorsOf(network).keys()].slice(0, 6)).toEqual([
      "0.weight",
      "1.running_mean",
      "1.running_var",
      "1.weight",
      "1.bias",
      "3.weight",
    ]);
  });
});

describe("torchvision's ResNet-18", () => {
  it("is nn.resnet18 by resnet18Names: its 102 names, each with its shape", () => {
    const norm = (name: string, n: number): [string, string][] =>
      ["weight", "bias", "running_mean", "running_var"].map((key) => [`${name}.${key}`, String(n)]);
    const wanted: [string, string][] = [["conv1.weight", "64,3,7,7"], ...norm("bn1", 64)];
    [64, 128, 256, 512].forEach((n, stage) => {
      for (const block of [0, 1]) {
        const at = `layer${stage + 1}.${block}`;
        const before = block === 1 || stage === 0 ? n : n / 2;
        wanted.push([`${at}.conv1.weight`, `${n},${before},3,3`], ...norm(`${at}.bn1`, n));
        wanted.push([`${at}.conv2.weight`, `${n},${n},3,3`], ...norm(`${at}.bn2`, n));
        if (before !== n)
          wanted.push(
            [`${at}.downsample.0.weight`, `${n},${before},1,1`],
            ...norm(`${at}.downsample.1`, n),
          );
      }
    });
    wanted.push(["fc.weight", "1000,512"], ["fc.bias", "1000"]);
    const found = [
      ...stateDict(nn.resnet18({ seed: 0, input: [3, 64, 64] }), { names: resnet18Names }),
    ];
    expect(found.map(([name, { shape }]) => [name, shape.join()]).sort()).toEqual(wanted.sort());
  });
});

describe("a backbone and a head", () => {
  const whole = nn.lenet5({ seed: 2, classes: 10 });
  const draw = (count: number): Float32Array => {
    const rng = random(3);
    return Float32Array.from({ length: count }, () => rng.normal());
  };
  it("cut from a network and chained again are the network", async () => {
    const { layers } = whole.architecture;
    const backbone = nn.firstLayers(whole, "10.relu");
    expect(backbone.architecture.layers).toEqual(layers.slice(0, 11));
    const head = nn.sequential({ input: [84], seed: 0, layers: layers.slice(11) });
    const last = new Map(
      ["weight", "bias"].map((key) => [
        `0.linear.${key}`,
        whole.parameters.get(`11.linear.${key}`)!,
      ]),
    );
    const again = nn.chained([backbone, { ...head, parameters: last }]);
    expect(again.architecture).toEqual(whole.architecture);
    expect([...again.parameters].sort()).toEqual([...whole.parameters].sort());
    const inputs = draw(784 * 3);
    expect(await predict(again, { inputs, backend })).toEqual(
      await predict(whole, { inputs, backend }),
    );
    expect(loadNetwork(saveNetwork(again)).architecture).toEqual(whole.architecture);
  });
  it("features are what the backbone gives, beside the same targets", async () => {
    const inputs = draw(784 * 5);
    const data: Dataset = {
      length: 5,
      inputShape: [1, 28, 28],
      targetShape: [2],
      read(i, x, t) {
        x.set(inputs.subarray(784 * i, 784 * (i + 1)));
        t.set([i, -i]);
      },
    };
    const backbone = nn.firstLayers(whole, 10);
    const features = await featuresOf(backbone, data, { backend, batch: 2 });
    expect([features.length, features.inputShape, features.targetShape]).toEqual([5, [84], [2]]);
    const [x, t] = [new Float32Array(84), new Float32Array(2)];
    features.read(4, x, t);
    expect([...t]).toEqual([4, -4]);
    const wanted = await predict(backbone, { inputs: inputs.subarray(784 * 4), count: 1, backend });
    wanted.forEach((v, i) => expect(x[i]).toBeCloseTo(v, 5));
  });
  it("features of pictures that come later are those of pictures that are there", async () => {
    const there = drawnShapes({ count: 5, seed: 3, size: 28 });
    const decoded = new Set<number>();
    const later: LabelledImages = {
      ...there,
      async prepare(indices) {
        for (const i of indices) decoded.add(i);
      },
      pixels(i, out) {
        if (!decoded.has(i)) throw new Error(`picture ${i} is not decoded`);
        there.pixels(i, out);
      },
    };
    const backbone = nn.firstLayers(whole, 10);
    const of = async (images: LabelledImages): Promise<Float32Array[]> => {
      const features = await featuresOf(backbone, preparedFor(backbone, images), {
        backend,
        batch: 2,
      });
      return Array.from({ length: 5 }, (_, i) => {
        const out = new Float32Array(84);
        features.read(i, out, new Float32Array(there.classes.length));
        return out;
      });
    };
    expect(await of(later)).toEqual(await of(there));
  });
  it("that do not fit are refused", () => {
    expect(() => nn.firstLayers(whole, "10.rel")).toThrow(
      /no layer "10\.rel": did you mean 10\.relu\?/,
    );
    expect(() => nn.firstLayers(whole, 13)).toThrow(/no 13 layers/);
    const head = nn.sequential({ input: [85], seed: 0, layers: [nn.relu()] });
    expect(() => nn.chained([nn.firstLayers(whole, 10), head])).toThrow(
      /gives \[84\] and the next one takes \[85\]/,
    );
  });
});

describe("docs/transfer-learning.md", () => {
  it("works as written", () => {
    const page = readFileSync(new URL("../docs/transfer-learning.md", import.meta.url), "utf8");
    const folder = mkdtempSync(
      join(fileURLToPath(new URL("../dist", import.meta.url)), "transfer-"),
    );
    try {
      // stands for what PyTorch has trained
      const resnet = nn.resnet18({ seed: 1, input: [3, 64, 64] });
      writeFileSync(
        join(folder, "resnet18.safetensors"),
        saveStateDict(resnet, { names: resnet18Names }),
      );
      writeFileSync(join(folder, "example.js"), /```ts\n([\s\S]*?)```/.exec(page)![1]);
      const { status, stdout, stderr } = spawnSync(process.execPath, ["example.js"], {
        cwd: folder,
        encoding: "utf8",
      });
      expect(stderr).toBe("");
      expect(status).toBe(0);
      expect(stdout).toMatch(
        /^102 of 102 parameters matched\n\[\n? *\{ *\n? *name: '(circle|square|triangle|cross|star)'/,
      );
      const { trained, architecture } = loadNetwork(
        readFileSync(join(folder, "shapes.safetensors")),
      );
      expect(trained?.classes).toHaveLength(5);
      expect(trained?.preprocessing?.resize).toBe(64);
      expect(architecture.layers).toHaveLength(23);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
