// The largest along axes and where it is: any shapes and axes by plain loops, ties, NaN, nothing,
// the same bits on any number of threads; and products, whose slopes hold at 0.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  arithmetic,
  gradients,
  GraphBuilder,
  openBackend,
  ops,
  random,
  sizeOf,
  type Backend,
  type Value,
} from "fiducial/engine";

const backends: Record<string, Backend> = {
  reference: await openBackend("reference"),
  wasm: await openBackend("wasm"),
};
type Make = (b: GraphBuilder, x: Value) => Value;

/** y, and the derivatives of Σ wᵢ·yᵢ with w = 1, 2, 3 … */
async function run(
  backend: Backend,
  shape: readonly number[],
  x: ArrayLike<number>,
  make: Make,
): Promise<Record<string, number[]>> {
  const b = new GraphBuilder(ops);
  const input = b.input("x", shape);
  const y = make(b, input);
  const { mul, sum } = arithmetic(b);
  const weights = b.constant(
    Array.from({ length: sizeOf(y.shape) }, (_, i) => i + 1),
    y.shape,
  );
  b.output("y", y);
  b.output("dx", gradients(b, sum(mul(y, weights)), [input])[0]);
  const out = await (await backend.compile(b)).execute({ x });
  return { y: Array.from(out.y), dx: Array.from(out.dx, (v) => v + 0) };
}
const reduceMax =
  (axes: readonly number[]): Make =>
  (b, x) =>
    b.emit("reduce_max", { x }, { axes });
const argmax =
  (axis: number): Make =>
  (b, x) =>
    b.emit("argmax", { x }, { axis });

/** Cells of x that reduce to each result, in order. */
function groups(shape: readonly number[], axes: readonly number[]): number[][] {
  const kept = shape.map((n, i) => (axes.includes(i) ? 1 : n));
  const found: number[][] = Array.from({ length: sizeOf(kept) }, () => []);
  for (let flat = 0; flat < sizeOf(shape); flat++) {
    let [rest, at, pitch] = [flat, 0, 1];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const index = rest % shape[axis];
      rest = Math.floor(rest / shape[axis]);
      if (!axes.includes(axis)) at += index * pitch;
      pitch *= kept[axis];
    }
    found[at].push(flat);
  }
  return found;
}

const shaped = fc
  .array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 4 })
  .chain((shape) =>
    fc.record({ shape: fc.constant(shape), axes: fc.subarray(shape.map((_, i) => i)) }),
  );
/** Whole numbers, many of them equal. */
const few = (n: number): number[] => {
  const rng = random(n);
  return Array.from({ length: n }, () => rng.integer(5) - 3);
};

describe.each(Object.entries(backends))("on %s", (_name, backend) => {
  it("reduce_max is the largest of its group, and its slope goes to the first that is", async () => {
    const property = fc.asyncProperty(shaped, async ({ shape, axes }) => {
      const x = few(sizeOf(shape));
      const { y, dx } = await run(backend, shape, x, reduceMax(axes));
      const slope = x.map(() => 0);
      const want = groups(shape, axes).map((cells, i) => {
        const top = Math.max(...cells.map((c) => x[c]));
        slope[cells.find((c) => x[c] === top)!] += i + 1;
        return top;
      });
      expect(y).toEqual(want);
      expect(dx).toEqual(slope);
    });
    await fc.assert(property, { numRuns: 80, seed: 1 });
  });

  it("argmax is the first of the largest", async () => {
    const property = fc.asyncProperty(shaped, fc.nat(3), async ({ shape }, at) => {
      const axis = at % shape.length;
      const x = few(sizeOf(shape));
      const { y, dx } = await run(backend, shape, x, argmax(axis));
      const first = groups(shape, [axis]).map((cells) => {
        const values = cells.map((c) => x[c]);
        return values.indexOf(Math.max(...values));
      });
      expect(y).toEqual(first);
      expect(dx).toEqual(x.map(() => 0));
    });
    await fc.assert(property, { numRuns: 80, seed: 2 });
  });

  it("NaN goes through a maximum, is never larger than a number, and all may be −∞", async () => {
    const least = -Infinity;
    const x = [1, NaN, 2, least, least, least, NaN, 1, 2, 5, 4, NaN];
    expect((await run(backend, [4, 3], x, reduceMax([1]))).y).toEqual([NaN, least, NaN, NaN]);
    expect((await run(backend, [4, 3], x, reduceMax([0]))).y).toEqual([NaN, NaN, NaN]);
    expect((await run(backend, [4, 3], x, argmax(1))).y).toEqual([2, 0, 0, 0]);
    expect((await run(backend, [4, 3], x, argmax(0))).y).toEqual([3, 0, 0]);
  });

  it("the maximum of nothing is −∞, and its place an error", async () => {
    expect((await run(backend, [3, 0, 2], [], reduceMax([1]))).y).toEqual(Array(6).fill(-Infinity));
    expect((await run(backend, [0, 4], [], reduceMax([1]))).y).toEqual([]);
    await expect(run(backend, [3, 0], [], argmax(1))).rejects.toThrow(/axis 1 of \[3×0\] is empty/);
    await expect(run(backend, [3, 2], few(6), argmax(2))).rejects.toThrow(
      /argmax: axis 2 is not one of \[3×2\]/,
    );
    await expect(run(backend, [3, 2], few(6), reduceMax([-1]))).rejects.toThrow(
      /reduce_max: axis -1/,
    );
  });

  it("a product has its slopes where one factor is 0, where two are, and of nothing is 1", async () => {
    const product: Make = (b, x) => arithmetic(b).product(x, 1);
    const x = [2, 3, 0, 5, 7, 0, 3, 0, 5, 7, 1, -1, 2, 0.5, 4];
    const { y, dx } = await run(backend, [3, 5], x, product);
    expect(y.map((v) => v + 0)).toEqual([0, 0, -4]);
    expect(dx).toEqual([0, 0, 210, 0, 0, 0, 0, 0, 0, 0, -12, 12, -6, -24, -3]);
    expect((await run(backend, [2, 0], [], product)).y).toEqual([1, 1]);
  });
});

it("threads share the work and change no bit", async () => {
  const rng = random(3);
  const shape = [2, 40, 57, 61];
  const x = Float32Array.from({ length: sizeOf(shape) }, () => rng.uniform() - 0.5);
  const one = await openBackend("wasm", { threads: 1 });
  const three = await openBackend("wasm", { threads: 3 });
  const makes = [
    reduceMax([1]),
    reduceMax([2, 3]),
    reduceMax([0, 1]),
    reduceMax([0, 2]),
    argmax(1),
    argmax(3),
    argmax(0),
  ];
  for (const make of makes) {
    const outputs = await Promise.all(
      [backends.reference, one, three].map(async (backend) => {
        const b = new GraphBuilder(ops);
        b.output("y", make(b, b.input("x", shape)));
        return Array.from((await (await backend.compile(b)).execute({ x })).y);
      }),
    );
    expect(outputs[1]).toEqual(outputs[0]);
    expect(outputs[2]).toEqual(outputs[0]);
  }
  await Promise.all([one.close(), three.close()]);
});
