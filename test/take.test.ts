// Cells named by indices: any axis, any order, often or never, and so many that code for each of
// them would have no end.
import { describe, expect, it } from "vitest";
import {
  arithmetic,
  gradients,
  GraphBuilder,
  openBackend,
  ops,
  permutation,
  random,
  sizeOf,
  type Backend,
} from "fiducial/engine";

const rng = random(7);
const numbers = (n: number): Float64Array =>
  Float64Array.from({ length: n }, () => 0.5 + Math.round(8 * rng.normal()));

/** y = x at the indices, and the derivatives of Σ w·y by x. */
async function run(
  backend: Backend,
  { shape, axis, indices }: { shape: readonly number[]; axis: number; indices: readonly number[] },
  { x, w }: { x: Float64Array; w: Float64Array },
): Promise<{ y: number[]; dx: number[] }> {
  const b = new GraphBuilder(ops);
  const input = b.input("x", shape);
  const y = b.emit("take", { x: input }, { axis, indices });
  const { mul, sum } = arithmetic(b);
  b.output("y", y);
  b.output("dx", gradients(b, sum(mul(y, b.input("w", y.shape))), [input])[0]);
  const out = await (await backend.compile(b)).execute({ x, w });
  return { y: Array.from(out.y), dx: Array.from(out.dx) };
}

describe("take", () => {
  it("gives and sums the cells of any indices along any axis, as its definition does", async () => {
    const reference = await openBackend("reference");
    const wasm = await openBackend("wasm");
    for (const shape of [[90], [3, 90], [90, 5], [2, 90, 3]])
      for (const axis of shape.flatMap((n, i) => (n === 90 ? [i] : [])))
        for (const count of [1, 40, 300]) {
          const indices = Array.from({ length: count }, () => rng.integer(90));
          const listed = shape.map((n, i) => (i === axis ? count : n));
          const data = { x: numbers(sizeOf(shape)), w: numbers(sizeOf(listed)) };
          const asked = { shape, axis, indices };
          expect(await run(wasm, asked, data)).toEqual(await run(reference, asked, data));
        }
  });
  it("takes 100,000 cells in an order without rule", async () => {
    const n = 100_000;
    const indices = Array.from(permutation(n, random(1)));
    const data = { x: numbers(n), w: numbers(n) };
    const { y, dx } = await run(await openBackend("wasm"), { shape: [n], axis: 0, indices }, data);
    expect(y).toEqual(indices.map((i) => data.x[i]));
    const wanted = new Array<number>(n);
    indices.forEach((i, k) => {
      wanted[i] = data.w[k];
    });
    expect(dx).toEqual(wanted);
  });
});
