// A network of an ONNX file among networks of our own: applied at several sizes, trained, saved,
// looked at.
import { afterAll, describe, expect, it } from "vitest";
import { ConfigError, GraphBuilder, openBackend, ops, ShapeError } from "fiducial/engine";
import {
  adam,
  applyNetwork,
  applyOnnx,
  checkGradients,
  fit,
  gradientVector,
  importOnnx,
  loadNetwork,
  meanSquaredError,
  networkFromOnnx,
  nn,
  saveNetwork,
  summarize,
  trace,
  type Network,
} from "fiducial/learning";
import {
  model,
  node,
  port,
  shapeNetwork,
  smallNetwork,
  tensor,
  vectorNetwork,
} from "./fixtures/onnx.mjs";

const backend = await openBackend("wasm", { threads: 1 });
afterAll(() => backend.close());
const ramp = (n: number): Float32Array =>
  Float32Array.from({ length: n }, (_, i) => ((i * 31) % 23) / 11 - 1);

async function run(network: Network, size: readonly number[]): Promise<number[]> {
  const b = new GraphBuilder(ops);
  const x = b.input("x", size);
  b.output("y", applyNetwork(b, network, x).y);
  const out = await (await backend.compile(b)).execute({ x: ramp(size.reduce((p, q) => p * q)) });
  return [...out.y];
}

describe("a file's network", () => {
  const imported = importOnnx(smallNetwork(), { name: "models/small.onnx" });
  const network = networkFromOnnx(imported);
  it("has the weights of its layers as parameters, and running statistics as constants", () => {
    expect([...imported.weights.keys()].sort()).toEqual([
      "b1",
      "scale",
      "shift",
      "slope",
      "w1",
      "w2",
    ]);
    expect([...network.parameters.keys()].sort()[0]).toBe("0.onnx.b1");
    expect(network.architecture.input).toEqual([2, 8, 8]);
    expect(network.provenance).toEqual({ onnx: "small.onnx", producer: "test" });
  });
  it("computes as the same layers of our own do", async () => {
    const own = nn.sequential({
      input: [2, 8, 8],
      seed: 0,
      layers: [
        nn.conv2d({ outChannels: 4, kernelSize: 3, padding: 1 }),
        nn.batchNorm2d({ epsilon: 1e-5 }),
        nn.prelu(),
        nn.maxPool2d({ kernelSize: 2 }),
      ],
    });
    const given = (name: string): Float32Array => {
      const { data } = (imported.weights.get(name) ?? imported.file.graph.tensors.get(name)) as {
        data: Float32Array;
      };
      return Float32Array.from(data);
    };
    const names: Record<string, string> = {
      "0.conv2d.weight": "w1",
      "0.conv2d.bias": "b1",
      "1.batchNorm2d.weight": "scale",
      "1.batchNorm2d.bias": "shift",
      "1.batchNorm2d.runningMean": "mean",
      "1.batchNorm2d.runningVariance": "variance",
      "2.prelu.weight": "slope",
    };
    expect([...own.parameters.keys()].sort()).toEqual(Object.keys(names).sort());
    const parameters = new Map(
      [...own.parameters].map(([name, { shape }]) => [name, { shape, data: given(names[name]) }]),
    );
    const inputs = ramp(128);
    const ours = await trace({ ...own, parameters }, { inputs, backend });
    const theirs = await trace(network, { inputs, backend });
    const pooled = theirs.get("0.onnx.n3")!;
    expect(pooled.shape).toEqual([1, 4, 4, 4]);
    pooled.data.forEach((v, i) => {
      expect(v).toBeCloseTo(ours.get("3.maxPool2d")!.data[i], 5);
    });
  });
  it("runs at another size and batch, as an open file allows", async () => {
    expect(await run(network, [3, 2, 12, 10])).toHaveLength(3 * 2 * 12 * 10);
  });
  it("survives a checkpoint, to the bit", async () => {
    const bytes = saveNetwork(network);
    const loaded = loadNetwork(bytes);
    expect(saveNetwork(loaded)).toEqual(bytes);
    expect(await run(loaded, [1, 2, 8, 8])).toEqual(await run(network, [1, 2, 8, 8]));
  });
  it("is summarised node by node", () => {
    const summary = summarize(network);
    expect(summary.layers.map(({ kind }) => kind).slice(0, 4)).toEqual([
      "Conv",
      "BatchNormalization",
      "PRelu",
      "MaxPool",
    ]);
    expect(summary.parameters).toBe(72 + 4 + 32 + 4 + 4 + 1);
    expect(summary.layers[0]).toMatchObject({
      name: "0.onnx.n0",
      shape: [4, 8, 8],
      parameters: 76,
      receptiveField: 3,
    });
  });
  it("has right derivatives in all its weights", async () => {
    const inputs = ramp(128);
    const options = {
      loss: meanSquaredError(),
      inputs,
      targets: inputs.map((v) => v / 2),
      count: 1,
    };
    const { parameters } = await gradientVector(network, { ...options, backend });
    expect([...parameters.keys()]).toHaveLength(6);
    expect(await checkGradients(network, { ...options, seed: 1 })).toBeLessThan(1e-6);
  });
  it("learns", async () => {
    const data = {
      length: 8,
      inputShape: [2, 8, 8],
      targetShape: [2, 8, 8],
      read: (i: number, input: Float32Array, target: Float32Array): void => {
        input.set(ramp(128).map((v) => v * Math.cos(i)));
        target.set(input.map((v) => v / 2));
      },
    };
    const losses: number[] = [];
    const trained = await fit(network, {
      data,
      loss: meanSquaredError(),
      optimizer: adam({ learningRate: 1e-2 }),
      epochs: 15,
      batchSize: 4,
      seed: 0,
      backend,
      on: {
        epoch: ({ trainLoss }) => {
          losses.push(trainLoss);
        },
      },
    });
    expect(losses.at(-1)!).toBeLessThan(losses[0] / 2);
    expect(trained.parameters.get("0.onnx.w1")!.data).not.toEqual(
      network.parameters.get("0.onnx.w1")!.data,
    );
  });
});

describe("sizes that are computed", () => {
  it("follow the input's", async () => {
    const network = networkFromOnnx(importOnnx(shapeNetwork()), { input: [1, 8, 8] });
    expect(await run(network, [1, 1, 8, 8])).toHaveLength(64);
    expect(await run(network, [2, 1, 6, 10])).toHaveLength(120);
  });
  it("must be said where the file leaves them open", () => {
    expect(() => networkFromOnnx(importOnnx(shapeNetwork()))).toThrow(
      /"x" is declared \[N×1×H×W\]; say/,
    );
  });
});

describe("inputs and outputs", () => {
  const resized = model({
    opset: 18,
    inputs: [port("x", [1, 1, 2, 2]), port("sizes", [4], "int64")],
    outputs: [port("y", [1, 1, "H", "W"])],
    nodes: [node("Resize", ["x", "", "", "sizes"], ["y"], { mode: "nearest" })],
  });
  it("that decide about shapes are fixed at import", () => {
    const b = new GraphBuilder(ops);
    const x = b.input("x", [1, 1, 2, 2]);
    const known = { sizes: { data: [1, 1, 4, 6] } };
    expect(applyOnnx(b, importOnnx(resized, { known }), { x }).outputs[0].shape).toEqual([
      1, 1, 4, 6,
    ]);
    const open = importOnnx(resized);
    expect(open.inputs.map(({ name }) => name)).toEqual(["x", "sizes"]);
    const sizes = b.input("sizes", [4]);
    expect(() => applyOnnx(b, open, { x, sizes })).toThrow(
      /"sizes", has to be known before the network runs/,
    );
    expect(() => importOnnx(resized, { known: { size: { data: [1] } } })).toThrow(
      /no input "size"; it has "x", "sizes"/,
    );
    expect(() => importOnnx(resized, { known: { sizes: { data: [1], shape: [2] } } })).toThrow(
      ConfigError,
    );
  });
  it("of tensors with a default need not be given", () => {
    const file = model({
      opset: 8,
      inputs: [port("x", [2]), port("w", [2])],
      outputs: [port("y", [2])],
      tensors: [tensor("w", [2], [3, 4])],
      nodes: [node("Mul", ["x", "w"], ["y"])],
    });
    expect(importOnnx(file).inputs.map(({ name }) => name)).toEqual(["x"]);
    const fixed = importOnnx(file, { known: { w: { data: [5, 6] } } });
    const b = new GraphBuilder(ops);
    const { weights } = applyOnnx(b, fixed, { x: b.input("x", [2]) });
    expect(weights.size).toBe(0);
  });
  it("more than one are named, where a network has one", () => {
    expect(() => networkFromOnnx(importOnnx(resized))).toThrow(/2 inputs, "x", "sizes"/);
    expect(() => networkFromOnnx(importOnnx(vectorNetwork()), { output: "z" })).toThrow(
      /no output "z"/,
    );
    const chosen = networkFromOnnx(importOnnx(vectorNetwork()), { input: [4], output: "place" });
    expect(chosen.architecture.input).toEqual([4]);
  });
  it("are checked where they do not fit", () => {
    const b = new GraphBuilder(ops);
    const imported = importOnnx(smallNetwork());
    expect(() => applyOnnx(b, imported, {})).toThrow(/input "x" was not given/);
    const wrong = b.input("x", [1, 3, 8, 8]);
    const other = (): unknown => applyOnnx(b, imported, { x: wrong }, { trainable: false });
    expect(other).toThrow(ShapeError);
    expect(other).toThrow(/node "n0" \(Conv\).*given "x" \[1×3×8×8\], "w1" \[4×2×3×3\]/);
  });
  it("half precision is said once", () => {
    expect(importOnnx(vectorNetwork()).notes).toEqual([
      "1 of its tensors are float16; all is computed in float32",
    ]);
  });
});
