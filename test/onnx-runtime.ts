// ONNX Runtime for the tests of the export, the engine's definitions beside it, and a look into a
// file without this project's own reader.
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { InferenceSession, Tensor } from "onnxruntime-web";
import { expect } from "vitest";
import { GraphBuilder, openBackend, ops, random } from "fiducial/engine";
import { applyOnnx, importOnnx } from "fiducial/learning";

export type Feed = Record<string, { data: Float32Array; shape: readonly number[] }>;

/** Uniform in [−1, 1), or [0.5, 1.5). */
export function values(n: number, seed: number, positive = false): Float32Array {
  const rng = random(seed);
  return Float32Array.from(
    { length: n },
    () => rng.uniform() * (positive ? 1 : 2) + (positive ? 0.5 : -1),
  );
}
export async function runtime(
  bytes: Uint8Array,
  feed: Feed,
): Promise<Record<string, Float32Array>> {
  const session = await InferenceSession.create(bytes, { logSeverityLevel: 3 });
  const tensors = Object.entries(feed).map(([name, { data, shape }]) => [
    name,
    new Tensor("float32", data, shape),
  ]);
  const out = await session.run(Object.fromEntries(tensors));
  await session.release();
  return Object.fromEntries(
    Object.entries(out).map(([name, { data }]) => [name, data as Float32Array]),
  );
}
export async function engine(
  b: GraphBuilder,
  feed: Feed,
  backend: "reference" | "wasm" = "reference",
): Promise<Record<string, ArrayLike<number>>> {
  const plan = await (await openBackend(backend, { convolution: "direct" })).compile(b);
  return plan.execute(
    Object.fromEntries(Object.entries(feed).map(([name, { data }]) => [name, data])),
  );
}
/** The file's first output, imported here. */
export async function imported(bytes: Uint8Array, feed: Feed): Promise<ArrayLike<number>> {
  const b = new GraphBuilder(ops);
  const inputs = Object.entries(feed).map(([name, { shape }]) => [name, b.input(name, shape)]);
  const [y] = applyOnnx(b, importOnnx(bytes), Object.fromEntries(inputs)).outputs;
  b.output("y", y.value());
  return (await engine(b, feed, "wasm")).y;
}
/** Largest error over the largest value. */
export function worst(want: ArrayLike<number>, got: ArrayLike<number>): number {
  expect(got.length).toBe(want.length);
  let [top, error] = [1e-30, 0];
  for (let i = 0; i < want.length; i++) {
    top = Math.max(top, Math.abs(want[i]));
    const difference = Math.abs(want[i] - got[i]);
    error = Math.max(error, Number.isFinite(difference) ? difference : Number.POSITIVE_INFINITY);
  }
  return error / top;
}

/** Of a message, every field of length and content. */
function fields(bytes: Uint8Array): { field: number; bytes: Uint8Array }[] {
  const reader = new BinaryReader(bytes);
  const found: { field: number; bytes: Uint8Array }[] = [];
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (type === WireType.LengthDelimited) found.push({ field, bytes: reader.bytes() });
    else reader.skip(type);
  }
  return found;
}
const only = (message: Uint8Array, wanted: number): Uint8Array[] =>
  fields(message).flatMap(({ field, bytes }) => (field === wanted ? [bytes] : []));
const text = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes);

export interface Contents {
  readonly ops: readonly string[];
  readonly initializers: readonly string[];
  readonly metadata: Readonly<Record<string, string>>;
}
/** By the numbers of onnx.proto. */
export function contents(model: Uint8Array): Contents {
  const [graph] = only(model, 7);
  const pairs = only(model, 14).map((entry) => [text(only(entry, 1)[0]), text(only(entry, 2)[0])]);
  return {
    ops: only(graph, 1).map((node) => text(only(node, 4)[0])),
    initializers: only(graph, 5).map((tensor) => text(only(tensor, 8)[0])),
    metadata: Object.fromEntries(pairs),
  };
}
/** How often each op occurs. */
export function counted({ ops }: Contents): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const op of ops) counts[op] = (counts[op] ?? 0) + 1;
  return counts;
}
