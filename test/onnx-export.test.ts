// ONNX files of every op and network, run by ONNX Runtime and held to the engine's own definitions.
import { InferenceSession, Tensor } from "onnxruntime-web";
import { describe, expect, it } from "vitest";
import { GraphBuilder, openBackend, ops, random, sizeOf, type OpDef, type OpName, type Value } from "fiducial/engine";
import { exportGraph, type OnnxFile, type OnnxOptions } from "fiducial/learning";

/** Largest error over the largest value. */
const TOLERANCE = 1e-5;
type Feed = Record<string, { data: Float32Array; shape: readonly number[] }>;

const facts = { name: "test", documentation: "", metadata: {} };
function values(n: number, seed: number, positive: boolean): Float32Array {
  const rng = random(seed);
  return Float32Array.from({ length: n }, () => rng.uniform() * (positive ? 1 : 2) + (positive ? 0.5 : -1));
}
async function runtime({ bytes }: OnnxFile, feed: Feed): Promise<Record<string, Float32Array>> {
  const session = await InferenceSession.create(bytes, { logSeverityLevel: 3 });
  const tensors = Object.entries(feed).map(([name, { data, shape }]) => [name, new Tensor("float32", data, shape)]);
  const out = await session.run(Object.fromEntries(tensors));
  await session.release();
  return Object.fromEntries(Object.entries(out).map(([name, { data }]) => [name, data as Float32Array]));
}
async function reference(b: GraphBuilder, feed: Feed): Promise<Record<string, ArrayLike<number>>> {
  const plan = await (await openBackend("reference")).compile(b);
  return plan.execute(Object.fromEntries(Object.entries(feed).map(([name, { data }]) => [name, data])));
}
function worst(want: ArrayLike<number>, got: ArrayLike<number>): number {
  expect(got.length).toBe(want.length);
  let [top, error] = [1e-30, 0];
  for (let i = 0; i < want.length; i++) {
    top = Math.max(top, Math.abs(want[i]));
    const difference = Math.abs(want[i] - got[i]);
    error = Math.max(error, Number.isFinite(difference) ? difference : Number.POSITIVE_INFINITY);
  }
  return error / top;
}
type Sample = OpDef<"mul">["samples"][number];
function sampleGraph(op: OpName, { shapes, attrs }: Sample): GraphBuilder {
  const b = new GraphBuilder(ops);
  const inputs: Record<string, Value> = {};
  for (const [name, shape] of Object.entries(shapes)) inputs[name] = b.input(name, shape);
  b.output("y", b.emit(op, inputs as never, attrs as never));
  return b;
}
function sampleFeed({ shapes, positive = false }: Sample): Feed {
  const drawn = Object.entries(shapes).map(([name, shape], i) => {
    return [name, { data: values(sizeOf(shape), 17 * i + 3, positive), shape }];
  });
  return Object.fromEntries(drawn);
}

const backward = ["relu_grad", "take_grad", "lookup_grad", "conv2d_weight_grad", "normalize_grad", "random_uniform"];
backward.push("max_pool2d_grad", "max_pool2d_gather", "avg_pool2d_grad");
const names = Object.keys(ops) as OpName[];
const samplesOf = (op: OpName): readonly Sample[] => (ops[op] as unknown as OpDef<"mul">).samples;

describe.each(names.filter((op) => !backward.includes(op)))("%s in ONNX Runtime", (op) => {
  it.each(samplesOf(op).map((sample, i) => [i, sample] as const))("sample %i is its definition", async (_i, sample) => {
    const b = sampleGraph(op, sample);
    const feed = sampleFeed(sample);
    const want = await reference(b, feed);
    const each: OnnxOptions["dft"][] = op === "fft2" ? ["matrix", "op"] : ["matrix"];
    for (const dft of each) {
      const file = exportGraph(() => b, { ...facts, batch: 1, dft: dft! });
      expect(worst(want.y, (await runtime(file, feed)).y), dft).toBeLessThan(TOLERANCE);
    }
  });
});
it("refuses ops of gradients and of training, each by its name", () => {
  for (const op of backward as OpName[]) {
    const b = sampleGraph(op, samplesOf(op)[0]);
    expect(() => exportGraph(() => b, facts)).toThrow(new RegExp(`${op} \\((a gradient|training)\\); only what`));
  }
});
