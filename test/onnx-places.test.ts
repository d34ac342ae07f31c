// Places that an imported network computes: numbers gathered by them and images sampled at them, in
// ONNX Runtime beside the engine, with their derivatives.
import { describe, expect, it } from "vitest";
import {
  ConfigError,
  gradients,
  GraphBuilder,
  openBackend,
  ops,
  type Shape,
} from "fiducial/engine";
import { applyOnnx, importOnnx, type OnnxModel } from "fiducial/learning";
import { imported, runtime, values, worst, type Feed } from "./onnx-runtime.ts";
import { model, node, port, tensor } from "./fixtures/onnx.mjs";

const sizes = (shape: Shape): number => shape.reduce((a, b) => a * b, 1);
/** Indices from −n to n − 1, as a network makes them of floats in [−1, 1). */
const indices = (n: number): Uint8Array[] => [
  node("Mul", ["at", "n"], ["wide"]),
  node("Floor", ["wide"], ["down"]),
  node("Cast", ["down"], ["i"], { to: 7 }),
  tensor("n", [], [n]),
];
interface Case {
  readonly op: string;
  readonly x: Shape;
  readonly at: Shape;
  readonly y: Shape;
  readonly n: number;
  readonly attributes?: Record<string, unknown>;
}
const gathers: Record<string, Case> = {
  "a line by images": { op: "Gather", x: [7], at: [2, 3], y: [2, 3], n: 7 },
  "rows of a matrix": { op: "Gather", x: [5, 3], at: [4], y: [4, 3], n: 5 },
  "an axis between others": {
    op: "Gather",
    x: [2, 5, 3],
    at: [4, 2],
    y: [2, 4, 2, 3],
    n: 5,
    attributes: { axis: 1 },
  },
  "one place of every axis": {
    op: "Gather",
    x: [2, 5],
    at: [],
    y: [2],
    n: 5,
    attributes: { axis: 1 },
  },
  "each its own": {
    op: "GatherElements",
    x: [3, 4],
    at: [2, 4],
    y: [2, 4],
    n: 3,
    attributes: { axis: 0 },
  },
  "each its own along the last": {
    op: "GatherElements",
    x: [3, 4],
    at: [3, 6],
    y: [3, 6],
    n: 4,
    attributes: { axis: 1 },
  },
  "cells by their axes": { op: "GatherND", x: [3, 3], at: [5, 2], y: [5], n: 3 },
  "parts by the first axis": { op: "GatherND", x: [4, 2, 3], at: [5, 1], y: [5, 2, 3], n: 4 },
  "parts in each of a batch": {
    op: "GatherND",
    x: [2, 4, 3],
    at: [2, 5, 1],
    y: [2, 5, 3],
    n: 4,
    attributes: { batch_dims: 1 },
  },
};
function gathering({ op, x, at, y, n, attributes = {} }: Case): Uint8Array {
  const [mul, floor, cast, count] = indices(n);
  return model({
    opset: 17,
    inputs: [port("x", [...x]), port("at", [...at])],
    outputs: [port("y", [...y])],
    nodes: [mul, floor, cast, node(op, ["x", "i"], ["y"], attributes)],
    tensors: [count],
  });
}
const feedOf = (x: Shape, at: Shape): Feed => ({
  x: { data: values(sizes(x), 1), shape: x },
  at: { data: values(sizes(at), 2), shape: at },
});

const backend = await openBackend("reference");
type Cost = (
  feed: Readonly<Record<string, ArrayLike<number>>>,
) => Promise<Record<string, ArrayLike<number>>>;
/** A weighted sum of what the file gives, and its gradients to all inputs. */
async function costOf(file: OnnxModel, feed: Feed): Promise<Cost> {
  const b = new GraphBuilder(ops);
  const inputs = Object.entries(feed).map(
    ([name, { shape }]) => [name, b.input(name, shape)] as const,
  );
  const y = applyOnnx(b, file, Object.fromEntries(inputs)).outputs[0].value();
  const weighted = b.emit("mul", { a: y, b: b.constant(values(sizes(y.shape), 3), y.shape) }, {});
  const cost = b.emit("sum", { x: weighted }, { axes: y.shape.map((_, i) => i) });
  b.output("cost", cost);
  const wanted = inputs.map(([, value]) => value);
  gradients(b, cost, wanted).forEach((gradient, i) => b.output(`d ${inputs[i][0]}`, gradient));
  const plan = await backend.compile(b);
  return (given) => plan.execute(given as Record<string, Float64Array>);
}
/** Along a random direction of each input: gradient beside central differences, over the cost. */
async function derivativeError(file: Uint8Array, feed: Feed): Promise<number> {
  const cost = await costOf(importOnnx(file), feed);
  const start = Object.fromEntries(
    Object.entries(feed).map(([name, { data }]) => [name, Float64Array.from(data)]),
  );
  const own = await cost(start);
  const step = 1e-6;
  let worstOf = 0;
  for (const name of Object.keys(feed)) {
    const direction = values(start[name].length, 7);
    const moved = (by: number): Record<string, Float64Array> => ({
      ...start,
      [name]: start[name].map((v, k) => v + by * direction[k]),
    });
    const [up, down] = [await cost(moved(step)), await cost(moved(-step))];
    const slope = Array.from(own[`d ${name}`]).reduce((sum, v, k) => sum + v * direction[k], 0);
    worstOf = Math.max(worstOf, Math.abs(slope - (up.cost[0] - down.cost[0]) / (2 * step)));
  }
  return worstOf / Math.abs(own.cost[0]);
}

describe("numbers gathered at computed places", () => {
  it.each(Object.entries(gathers))("%s", async (_name, one) => {
    const [file, feed] = [gathering(one), feedOf(one.x, one.at)];
    expect(worst((await runtime(file, feed)).y, await imported(file, feed))).toBe(0);
    expect(await derivativeError(file, feed)).toBeLessThan(1e-8);
  });
  it("of a table too long for float32 to count are refused", () => {
    const file = gathering({ op: "Gather", x: [2 ** 24 + 1], at: [2], y: [2], n: 3 });
    const b = new GraphBuilder(ops);
    const inputs = { x: b.input("x", [2 ** 24 + 1]), at: b.input("at", [2]) };
    expect(() => applyOnnx(b, importOnnx(file), inputs)).toThrow(ConfigError);
  });
});

const manners = ["bilinear", "nearest", "bicubic"].flatMap((mode) =>
  ["zeros", "border", "reflection"].flatMap((padding_mode) =>
    [0, 1].map((align_corners) => ({ mode, padding_mode, align_corners })),
  ),
);
describe("images sampled at computed places", () => {
  const [x, at] = [[2, 3, 5, 4] as const, [2, 4, 3, 2] as const];
  it.each(manners)("$mode, $padding_mode, align_corners $align_corners", async (attributes) => {
    // beyond the image on every side
    const file = model({
      opset: 16,
      inputs: [port("x", [...x]), port("at", [...at])],
      outputs: [port("y", [2, 3, 4, 3])],
      nodes: [
        node("Mul", ["at", "two"], ["places"]),
        node("GridSample", ["x", "places"], ["y"], attributes),
      ],
      tensors: [tensor("two", [], [2.3])],
    });
    const feed = feedOf(x, at);
    expect(worst((await runtime(file, feed)).y, await imported(file, feed))).toBeLessThan(2e-6);
    expect(await derivativeError(file, feed)).toBeLessThan(1e-6);
  });
});
