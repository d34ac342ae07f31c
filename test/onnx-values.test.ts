// What imported networks compute where the conformance suite does not look: derivatives through
// rounding, branches that the input decides, limits to what is computed beforehand.
import { describe, expect, it } from "vitest";
import {
  ConfigError,
  gradients,
  GraphBuilder,
  openBackend,
  ops,
  type Shape,
} from "fiducial/engine";
import { applyOnnx, importOnnx } from "fiducial/learning";
import { graph, model, node, port, tensor } from "./fixtures/onnx.mjs";

const backend = await openBackend("reference");
/** The first output at x, and the gradient of its sum. */
async function slopes(
  file: Uint8Array,
  shape: Shape,
  x: readonly number[],
): Promise<{ y: number[]; dx: number[] }> {
  const b = new GraphBuilder(ops);
  const input = b.input("x", shape);
  const y = applyOnnx(b, importOnnx(file), { x: input }).outputs[0].value();
  const cost = b.emit("sum", { x: y }, { axes: y.shape.map((_, i) => i) });
  b.output("y", y);
  b.output("dx", gradients(b, cost, [input])[0]);
  const out = await (await backend.compile(b)).execute({ x });
  return { y: [...out.y], dx: [...out.dx] };
}
const given = (
  nodes: Uint8Array[],
  tensors: Uint8Array[] = [],
  shape: readonly number[] = [4],
): Uint8Array =>
  model({ opset: 18, inputs: [port("x", shape)], outputs: [port("y", shape)], nodes, tensors });

describe("quantised activations", () => {
  const file = given(
    [
      node("QuantizeLinear", ["x", "s", "z"], ["q"]),
      node("DequantizeLinear", ["q", "s", "z"], ["y"]),
    ],
    [tensor("s", [], [0.5]), tensor("z", [], [128], "uint8")],
  );
  it("are rounded to the even step, with a derivative straight through, and none beyond the range", async () => {
    const { y, dx } = await slopes(file, [4], [0.74, 0.25, 100, -1.3]);
    expect(y).toEqual([0.5, 0, 63.5, -1.5]);
    expect(dx).toEqual([1, 1, 0, 1]);
  });
});

describe("a branch", () => {
  const branch = (op: string): { graph: Uint8Array } => ({
    graph: graph({ nodes: [node(op, ["x"], ["z"])], outputs: [port("z", [4])] }),
  });
  const sum = node("ReduceSum", ["x"], ["sum"], { keepdims: 0 });
  const file = given(
    [
      sum,
      node("Greater", ["sum", "zero"], ["c"]),
      node("If", ["c"], ["y"], { then_branch: branch("Exp"), else_branch: branch("Neg") }),
    ],
    [tensor("zero", [], [0])],
  );
  it("that the input decides is taken, and so is its derivative", async () => {
    const { y, dx } = await slopes(file, [4], [1, 0, 0, 0]);
    expect(y[0]).toBeCloseTo(Math.E, 12);
    expect(dx).toEqual(y);
    expect(await slopes(file, [4], [-1, 0, 0, 0])).toEqual({
      y: [1, -0, -0, -0],
      dx: [-1, -1, -1, -1],
    });
  });
});

describe("many indices without order", () => {
  const n = 40000;
  const order = Array.from({ length: n }, (_, i) => (i * i * 7919 + 13 * i) % n);
  const file = given([node("Gather", ["x", "i"], ["y"])], [tensor("i", [n], order, "int64")], [n]);
  it("are taken on every backend", async () => {
    const wasm = await openBackend("wasm", { threads: 1 });
    const b = new GraphBuilder(ops);
    b.output("y", applyOnnx(b, importOnnx(file), { x: b.input("x", [n]) }).outputs[0].value());
    const { y } = await (await wasm.compile(b)).execute({
      x: Float32Array.from({ length: n }, (_, i) => i),
    });
    expect(Array.from(y)).toEqual(order);
    await wasm.close();
  });
});

describe("nodes in another order", () => {
  const branch = {
    graph: graph({ nodes: [node("Neg", ["late"], ["z"])], outputs: [port("z", [4])] }),
  };
  const file = given(
    [
      node("If", ["yes"], ["y"], { then_branch: branch, else_branch: branch }),
      node("Exp", ["early"], ["late"]),
      node("Add", ["x", "one"], ["early"]),
    ],
    [tensor("yes", [], [1], "bool"), tensor("one", [], [1])],
  );
  it("are put in theirs, graphs inside them seen", async () => {
    expect((await slopes(file, [4], [-1, 0, 1, -2])).y[0]).toBe(-1);
  });
});

describe("ops of Core ML's files", () => {
  it("scale and shift every channel, cut off the rim, and are affine", async () => {
    const nodes = [
      node("ImageScaler", ["x"], ["a"], { scale: { float: 2 }, bias: { floats: [1, -1] } }),
      node("Crop", ["a"], ["b"], { border: [1, 0, 0, 1] }),
      node("Affine", ["b"], ["y"], { alpha: { float: 0.5 }, beta: { float: 3 } }),
    ];
    const file = model({
      opset: 1,
      inputs: [port("x", [1, 2, 2, 2])],
      outputs: [port("y", [1, 2, 1, 1])],
      nodes,
    });
    const { y, dx } = await slopes(file, [1, 2, 2, 2], [1, 2, 3, 4, 5, 6, 7, 8]);
    expect(y).toEqual([0.5 * (2 * 2 + 1) + 3, 0.5 * (2 * 6 - 1) + 3]);
    expect(dx).toEqual([0, 1, 0, 0, 0, 1, 0, 0]);
  });
});

describe("whole numbers", () => {
  const end = "9223372036854775807";
  it("of 64 bits may stand for the end of an axis", async () => {
    const file = given(
      [node("Slice", ["x", "from", "to", "axes", "step"], ["y"])],
      [
        tensor("from", [1], [-1], "int64"),
        tensor("to", [1], [`-${end}`], "int64"),
        tensor("axes", [1], [0], "int64"),
        tensor("step", [1], [-1], "int64"),
      ],
    );
    expect((await slopes(file, [4], [1, 2, 3, 4])).y).toEqual([4, 3, 2, 1]);
  });
  it("of 8 bits begin again, and are divided towards zero", () => {
    const file = model({
      inputs: [port("x", [1])],
      outputs: [port("sum", [1], "uint8"), port("part", [1], "int32")],
      nodes: [node("Add", ["a", "a"], ["sum"]), node("Div", ["b", "c"], ["part"])],
      tensors: [
        tensor("a", [1], [200], "uint8"),
        tensor("b", [1], [-7], "int32"),
        tensor("c", [1], [2], "int32"),
      ],
    });
    const b = new GraphBuilder(ops);
    const { outputs } = applyOnnx(b, importOnnx(file), { x: b.input("x", [1]) });
    expect(outputs.map((y) => [...y.known()!])).toEqual([[144], [-3]]);
  });
});

describe("what would not end is refused at once", () => {
  const list = (name: string, values: readonly (number | string)[]): Uint8Array =>
    tensor(name, [values.length], values, "int64");
  const one = (name: string, value: number): Uint8Array => tensor(name, [], [value], "int64");
  const doubled = Array.from({ length: 40 }, (_, i) =>
    node("Concat", [`v${i}`, `v${i}`], [`v${i + 1}`], { axis: 0 }),
  );
  const cases: Record<string, Uint8Array> = {
    "an array of 10¹² numbers": given(
      [node("Expand", ["x", "s"], ["y"])],
      [list("s", [1e6, 1e6, 4])],
    ),
    "a range without an end": given(
      [node("Range", ["a", "b", "c"], ["r"]), node("Gather", ["x", "r"], ["y"])],
      [one("a", 0), one("b", 1e15), one("c", 1)],
    ),
    "a range that stands still": given(
      [node("Range", ["a", "b", "c"], ["r"]), node("Gather", ["x", "r"], ["y"])],
      [one("a", 0), one("b", 1), one("c", 0)],
    ),
    "a list doubled forty times": given(
      [node("Identity", ["l"], ["v0"]), ...doubled, node("Gather", ["x", "v40"], ["y"])],
      [list("l", [0, 1])],
    ),
    "a pad of 10⁹ cells": given(
      [node("Pad", ["x", "p"], ["y"], { mode: "edge" })],
      [list("p", [1e9, 1e9])],
    ),
    "a window of 10⁹ cells": given(
      [node("MaxPool", ["x"], ["y"], { kernel_shape: [1e9, 1e9] })],
      [],
      [1, 1, 4, 4],
    ),
    "a division by zero that becomes a size": given(
      [node("Div", ["a", "b"], ["s"]), node("Reshape", ["x", "s"], ["y"])],
      [list("a", [4]), list("b", [0])],
    ),
    "10,000 nodes in a row, with an impossible end": given(
      [
        ...Array.from({ length: 10000 }, (_, i) =>
          node("Flatten", [i === 0 ? "x" : `f${i - 1}`], [`f${i}`], { axis: 0 }),
        ),
        node("Reshape", ["f9999", "none"], ["y"]),
      ],
      [list("none", [-1, -1])],
    ),
  };
  for (const [name, file] of Object.entries(cases))
    it(name, () => {
      const begun = process.cpuUsage();
      const b = new GraphBuilder(ops);
      const imported = importOnnx(file);
      const x = b.input("x", imported.inputs[0].shape as number[]);
      expect(() => applyOnnx(b, imported, { x }).outputs[0].value()).toThrow(ConfigError);
      const { user, system } = process.cpuUsage(begun);
      expect((user + system) / 1e6).toBeLessThan(2);
    });
});

describe("weights", () => {
  it("that are not finite are refused by name", () => {
    const file = given([node("Add", ["x", "w"], ["y"])], [tensor("w", [4], [0, Number.NaN, 1, 2])]);
    expect(() => importOnnx(file)).toThrow(/its weights "w" hold values that are not finite/);
  });
  it("may be constants, or be in the graph already", () => {
    const file = given([node("Mul", ["x", "w"], ["y"])], [tensor("w", [4], [1, 2, 3, 4])]);
    const b = new GraphBuilder(ops);
    const imported = importOnnx(file);
    const x = b.input("x", [4]);
    const kinds = (): string[] => b.nodes.map(({ kind }) => kind);
    applyOnnx(b, imported, { x }, { trainable: false }).outputs[0].value();
    expect(kinds()).not.toContain("parameter");
    const { weights } = applyOnnx(b, imported, { x });
    const again = applyOnnx(b, imported, { x }, { weights: (name) => weights.get(name)! });
    again.outputs[0].value();
    expect(kinds().filter((kind) => kind === "parameter")).toHaveLength(1);
  });
});
