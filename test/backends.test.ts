// Every op's samples on every backend against the op's own definition in float64.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  GraphBuilder,
  gradients,
  openBackend,
  ops,
  random,
  sizeOf,
  type OpDef,
  type OpName,
  type Value,
} from "fiducial/engine";

/**
 * Largest error over the largest value: float32 rounding over the samples' sums of up to a few
 * hundred terms.
 */
const TOLERANCE = 1e-5;

function values(n: number, seed: number, positive: boolean): Float32Array {
  const rng = random(seed);
  return Float32Array.from(
    { length: n },
    () => rng.uniform() * (positive ? 1 : 2) + (positive ? 0.5 : -1),
  );
}

describe.each(Object.keys(ops) as OpName[])("wasm %s", (name) => {
  const def = ops[name] as unknown as OpDef<"mul">;
  it.each(def.samples.map((sample, i) => [i, sample] as const))(
    "sample %i agrees with its definition",
    async (_i, sample) => {
      const b = new GraphBuilder(ops);
      const inputs: Record<string, Value> = {};
      const feed: Record<string, Float32Array> = {};
      Object.entries(sample.shapes).forEach(([key, shape], i) => {
        inputs[key] = b.input(key, shape);
        feed[key] = values(sizeOf(shape), 17 * i + 3, sample.positive ?? false);
      });
      b.output("y", b.emit(name, inputs as never, sample.attrs as never));
      expect(await difference(b, feed)).toBeLessThan(TOLERANCE);
    },
  );
});

async function difference(b: GraphBuilder, feed: Record<string, Float32Array>): Promise<number> {
  const [want, got] = await Promise.all(
    (["reference", "wasm"] as const).map(async (backend) =>
      (await (await openBackend(backend)).compile(b)).execute(feed),
    ),
  );
  let worst = 0;
  for (const [name, y] of Object.entries(want)) {
    expect(got[name].length).toBe(y.length);
    let top = 1e-30;
    for (const v of y) top = Math.max(top, Math.abs(v));
    for (let i = 0; i < y.length; i++)
      worst = Math.max(
        worst,
        Number.isFinite(got[name][i])
          ? Math.abs(y[i] - got[name][i]) / top
          : Number.POSITIVE_INFINITY,
      );
  }
  return worst;
}

describe("wasm, random shapes", () => {
  const unit = { min: 0, max: 1, maxExcluded: true, noNaN: true };
  const small = (min: number, max: number): fc.Arbitrary<number> => fc.integer({ min, max });
  type Pair = readonly [number, number];
  /** The largest error of a convolution of `x` by `w` and of its two gradients. */
  const convolutionError = async (
    x: readonly number[],
    w: readonly number[],
    attrs: { stride: Pair; padding: Pair; dilation: Pair; groups: number },
  ): Promise<number> => {
    const b = new GraphBuilder(ops);
    const [image, weights] = [b.input("x", x), b.input("w", w)];
    const y = b.emit("conv2d", { x: image, w: weights }, attrs);
    const dy = b.input("dy", y.shape);
    const products = b.emit("mul", { a: y, b: dy }, {});
    const cost = b.emit("sum", { x: products }, { axes: [0, 1, 2, 3] });
    b.output("y", y);
    gradients(b, cost, [image, weights]).forEach((g, i) => b.output(`d${i}`, g));
    return difference(b, {
      x: values(sizeOf(x), 1, false),
      w: values(sizeOf(w), 2, false),
      dy: values(sizeOf(y.shape), 3, false),
    });
  };
  const one: Pair = [1, 1];
  it("convolution and both its gradients agree with their definition", async () => {
    const cases = fc.record({
      n: small(1, 2),
      groups: small(1, 2),
      c: small(1, 5),
      k: small(1, 6),
      h: small(1, 14),
      w: small(1, 14),
      r: small(1, 4),
      s: small(1, 4),
      stride: fc.tuple(small(1, 3), small(1, 3)),
      padding: fc.tuple(small(0, 3), small(0, 3)),
      dilation: fc.tuple(small(1, 2), small(1, 2)),
    });
    await fc.assert(
      fc.asyncProperty(
        cases,
        async ({ n, groups, c, k, h, w, r, s, stride, padding, dilation }) => {
          fc.pre(
            h + 2 * padding[0] > dilation[0] * (r - 1) &&
              w + 2 * padding[1] > dilation[1] * (s - 1),
          );
          const [x, weights] = [
            [n, c * groups, h, w],
            [k * groups, c, r, s],
          ];
          const attrs = { stride, padding, dilation, groups };
          expect(await convolutionError(x, weights, attrs)).toBeLessThan(TOLERANCE);
        },
      ),
      { numRuns: 80, seed: 1 },
    );
  }, 30_000);
  type Ranges = Record<"n" | "c" | "k" | "h" | "w" | "padding", fc.Arbitrary<number>>;
  /** Winograd's form of r × r kernels and its gradients agree with the definition. */
  const winogradAgrees = (
    r: number,
    { padding, ...sizes }: Ranges,
    runs: { numRuns: number; seed: number },
  ): Promise<void> =>
    fc.assert(
      fc.asyncProperty(
        fc.record({ ...sizes, padding: fc.tuple(padding, padding) }),
        async ({ n, c, k, h, w, padding: pads }) => {
          const attrs = { stride: one, padding: pads, dilation: one, groups: 1 };
          expect(await convolutionError([n, c, h, w], [k, c, r, r], attrs)).toBeLessThan(TOLERANCE);
        },
      ),
      runs,
    );
  it.each([3, 5])(
    "Winograd's form of kernels of %i and its gradients agree with the definition for any size",
    (r) => {
      const [channels, size] = [small(6, 21), small(8, 19)];
      const ranges = { n: small(1, 3), c: channels, k: channels, h: size, w: size };
      return winogradAgrees(r, { ...ranges, padding: small(0, 4) }, { numRuns: 25, seed: 4 });
    },
    30_000,
  );
  it.each([3, 5])(
    "kernels of %i: weights' gradients of so many tiles that every thread has rounds of its own",
    (r) => {
      const channels = small(6, 13);
      // at least four rounds of 256 tiles of 4 × 4
      const ranges = {
        n: small(2, 4),
        c: channels,
        k: channels,
        h: small(81, 99),
        w: small(84, 99),
      };
      return winogradAgrees(r, { ...ranges, padding: small(0, 3) }, { numRuns: 2, seed: 7 });
    },
    60_000,
  );
  it("large weights, kept once for a convolution and its gradient, give the bits of those that are turned first", async () => {
    for (const [K, C, h, w] of [
      [344, 360, 8, 8],
      [256, 512, 5, 11],
    ]) {
      const attrs = { stride: one, padding: one, dilation: one, groups: 1 };
      const dyShape = [2, K, h, w];
      const given = { dy: values(sizeOf(dyShape), 3, false) };
      const gradientWith = async (convolved: boolean): Promise<Float32Array> => {
        const b = new GraphBuilder(ops);
        const weights = b.parameter("w", [K, C, 3, 3], values(K * C * 9, 2, false));
        const transposed = { ...attrs, outputPadding: [0, 0] as const };
        b.output(
          "dx",
          b.emit("conv_transpose2d", { x: b.input("dy", dyShape), w: weights }, transposed),
        );
        if (convolved) {
          const x = b.constant(values(C * h * w, 1, false), [1, C, h, w]);
          b.output("y", b.emit("conv2d", { x, w: weights }, attrs));
        }
        const wasm = await openBackend("wasm", { threads: 1 });
        const plan = await wasm.compile(b);
        const packings = plan.steps.filter((step) => step.name === "winograd weights");
        expect(packings).toHaveLength(1);
        return (await plan.execute(given)).dx as Float32Array;
      };
      expect(await gradientWith(true)).toEqual(await gradientWith(false));
    }
  }, 30_000);
  it("the direct form of many maps and channels agrees with the definition for any size", async () => {
    const cases = fc.record({
      n: small(1, 2),
      groups: small(1, 2),
      c: small(11, 70),
      k: small(15, 27),
      h: small(7, 17),
      w: small(7, 19),
      r: small(1, 4),
      s: small(1, 2),
      stride: fc.tuple(small(1, 3), small(1, 3)),
      padding: fc.tuple(small(0, 2), small(0, 2)),
      dilation: fc.tuple(small(1, 2), small(1, 2)),
    });
    await fc.assert(
      fc.asyncProperty(cases, async ({ n, groups, c, k, h, w, r, s, ...attrs }) => {
        const [x, weights] = [
          [n, c * groups, h, w],
          [k * groups, c, r, s],
        ];
        expect(await convolutionError(x, weights, { ...attrs, groups })).toBeLessThan(TOLERANCE);
      }),
      { numRuns: 30, seed: 5 },
    );
  }, 30_000);
  it("the direct form agrees with the definition where taps are summed in parts, and maps shared out", async () => {
    const cases = fc.record({
      n: small(1, 2),
      groups: small(1, 2),
      c: small(130, 260),
      k: fc.constantFrom(15, 18, 64, 128),
      h: small(4, 9),
      w: small(4, 21),
      r: small(2, 4),
      stride: fc.tuple(small(2, 3), small(1, 3)),
      padding: fc.tuple(small(0, 2), small(0, 2)),
    });
    await fc.assert(
      fc.asyncProperty(cases, async ({ n, groups, c, k, h, w, r, ...attrs }) => {
        const [x, weights] = [
          [n, c * groups, h, w],
          [k * groups, c, r, 4],
        ];
        const all = { ...attrs, dilation: one, groups };
        expect(await convolutionError(x, weights, all)).toBeLessThan(TOLERANCE);
      }),
      { numRuns: 8, seed: 12 },
    );
  }, 120_000);
  it("kernels that tile the image, and their adjoints, agree with the definition for any size", async () => {
    const cases = fc.record({
      n: small(1, 3),
      groups: small(1, 2),
      c: small(1, 9),
      k: small(1, 21),
      rows: small(1, 9),
      columns: small(1, 19),
      r: small(1, 3),
    });
    await fc.assert(
      fc.asyncProperty(cases, async ({ n, groups, c, k, rows, columns, r }) => {
        const attrs = { stride: [r, 2], padding: [0, 0], dilation: one, groups } as const;
        const [x, w] = [
          [n, c * groups, rows * r, columns * 2],
          [k * groups, c, r, 2],
        ];
        expect(await convolutionError(x, w, attrs)).toBeLessThan(TOLERANCE);
      }),
      { numRuns: 30, seed: 6 },
    );
  }, 30_000);
  it("a convolution of many rows and channels, in several blocks, agrees with its definition", async () => {
    for (const [channels, size, r] of [
      [24, 61, 3],
      [8, 70, 7],
      [40, 33, 1],
    ]) {
      const b = new GraphBuilder(ops);
      const x = b.input("x", [1, channels, size, size]);
      const w = b.input("w", [10, channels, r, r]);
      const y = b.emit(
        "conv2d",
        { x, w },
        { stride: [1, 1], padding: [r >> 1, r >> 1], dilation: [1, 1], groups: 1 },
      );
      b.output("y", y);
      gradients(
        b,
        b.emit("sum", { x: b.emit("mul", { a: y, b: y }, {}) }, { axes: [0, 1, 2, 3] }),
        [x, w],
      ).forEach((g, i) => b.output(`d${i}`, g));
      expect(
        await difference(b, {
          x: values(sizeOf(x.shape), 1, false),
          w: values(sizeOf(w.shape), 2, false),
        }),
      ).toBeLessThan(TOLERANCE);
    }
  }, 30_000);
  it("fft2 agrees with its definition for any size", async () => {
    await fc.assert(
      fc.asyncProperty(small(1, 40), small(1, 40), fc.boolean(), async (h, w, inverse) => {
        const b = new GraphBuilder(ops);
        b.output("y", b.emit("fft2", { x: b.input("x", [2, h, w]) }, { inverse }));
        expect(await difference(b, { x: values(2 * h * w, h, false) })).toBeLessThan(TOLERANCE);
      }),
      { numRuns: 60, seed: 2 },
    );
  });
  it("fft2 agrees with its definition for columns in whole blocks of sixteen, and for what is left", async () => {
    // an odd and an even number of stages, Bluestein's form, lines of one element
    for (const h of [1, 4, 8, 15, 67])
      for (const w of [15, 16, 17, 20, 35, 48]) {
        const b = new GraphBuilder(ops);
        b.output("y", b.emit("fft2", { x: b.input("x", [2, 2, h, w]) }, { inverse: false }));
        expect(await difference(b, { x: values(4 * h * w, h + w, false) })).toBeLessThan(TOLERANCE);
      }
  });
  it("fft2 agrees with its definition for lines that are read and written without a copy", async () => {
    // two to five stages, with and without each odd radix and a last one of 2
    const lengths = [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 240, 256, 320, 336];
    for (const n of lengths)
      for (const [h, w] of [
        [n, 16],
        [n, 22],
        [3, n],
      ])
        for (const inverse of [false, true]) {
          const b = new GraphBuilder(ops);
          b.output("y", b.emit("fft2", { x: b.input("x", [2, h, w]) }, { inverse }));
          expect(await difference(b, { x: values(2 * h * w, n, false) })).toBeLessThan(TOLERANCE);
        }
  }, 30_000);
  it("fft2 agrees with its definition for lengths with a large prime, by Bluestein's convolution", async () => {
    for (const [h, w] of [
      [67, 5],
      [3, 134],
      [127, 71],
      [1, 211],
    ])
      for (const inverse of [false, true]) {
        const b = new GraphBuilder(ops);
        b.output("y", b.emit("fft2", { x: b.input("x", [2, h, w]) }, { inverse }));
        expect(await difference(b, { x: values(2 * h * w, h, false) })).toBeLessThan(TOLERANCE);
      }
  });
  it("sums agree with their definition over any axes, one after the other and side by side", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(small(1, 9), { minLength: 1, maxLength: 4 }),
        fc.constantFrom(1, 3, 4, 254, 257, 600),
        small(1, 31),
        async (head, last, which) => {
          const shape = [...head, last];
          const axes = shape.flatMap((_, axis) => ((which >> axis) & 1 ? [axis] : []));
          const b = new GraphBuilder(ops);
          b.output("y", b.emit("sum", { x: b.input("x", shape) }, { axes }));
          expect(await difference(b, { x: values(sizeOf(shape), which, false) })).toBeLessThan(
            TOLERANCE,
          );
        },
      ),
      { numRuns: 80, seed: 4 },
    );
  });
  it("sums of two have the bits of float64's rounded once, signs of zeros and ends of the range too", async () => {
    const special = [0, -0, 1e-45, -1e-45, 2 ** -126, 3.4e38, -3.4e38, 1, -1, 2 ** 24, 2 ** 25 + 4];
    const pairs = special.flatMap((x) => special.map((y) => [x, y] as const));
    for (const n of [pairs.length, 400]) {
      const [p, q] = [values(n, 1, false), values(n, 2, false)].map((drawn, part) =>
        drawn.map((v, i) => (n === pairs.length ? pairs[i][part] : v * 2 ** (i % 60))),
      );
      const b = new GraphBuilder(ops);
      b.output("y", b.emit("sum", { x: b.input("x", [2, n]) }, { axes: [0] }));
      const wasm = await openBackend("wasm", { threads: 1 });
      const { y } = await (await wasm.compile(b)).execute({ x: Float32Array.of(...p, ...q) });
      const want = Float32Array.from(p, (x, i) => 0 + x + q[i]);
      expect([...y].findIndex((v, i) => !Object.is(v, want[i]))).toBe(-1);
    }
  });
  it("expressions of few ops and of many agree with their definition for any length", async () => {
    const cases = fc.record({
      outer: small(1, 3),
      n: small(1, 150),
      ops: fc.constantFrom(1, 2, 6, 7, 20),
      broadcast: fc.constantFrom("none", "rows", "columns", "number"),
    });
    await fc.assert(
      fc.asyncProperty(cases, async ({ outer, n, ops: count, broadcast }) => {
        const other = { none: [outer, n], rows: [1, n], columns: [outer, 1], number: [1, 1] };
        const shape = other[broadcast as keyof typeof other];
        const b = new GraphBuilder(ops);
        const [x, y] = [b.input("x", [outer, n]), b.input("y", shape)];
        let value = b.emit("mul", { a: x, b: y }, {});
        for (let i = 1; i < count; i++)
          value = b.emit(i % 2 === 0 ? "add" : "sub", { a: value, b: y }, {});
        b.output("value", value);
        const given = { x: values(outer * n, n, false), y: values(sizeOf(shape), count, false) };
        expect(await difference(b, given)).toBeLessThan(TOLERANCE);
      }),
      { numRuns: 80, seed: 7 },
    );
  });
  it("pieces of any length are moved whole, and nothing beside them", async () => {
    const cases = fc.record({ rows: small(1, 4), n: small(2, 700), at: fc.double(unit) });
    await fc.assert(
      fc.asyncProperty(cases, async ({ rows, n, at }) => {
        const first = 1 + Math.floor(at * (n - 1));
        const b = new GraphBuilder(ops);
        const x = b.input("x", [rows, n]);
        const slice = (start: number, end: number): Value =>
          b.emit("slice", { x }, { start: [0, start], end: [rows, end] });
        const [left, right] = [slice(0, first), slice(first, n)];
        b.output("turned", b.emit("concat", { a: right, b: left }, { axis: 1 }));
        b.output("rolled", b.emit("roll", { x }, { axis: 1, shift: first }));
        b.output("padded", b.emit("pad", { x: left }, { before: [1, 2], after: [0, n] }));
        expect(await difference(b, { x: values(rows * n, n, false) })).toBe(0);
      }),
      { numRuns: 60, seed: 8 },
    );
  });
  it("strided convolutions agree with their definition for any width and padding", async () => {
    const cases = fc.record({
      c: small(1, 3),
      k: small(1, 5),
      w: small(3, 45),
      s: small(1, 3),
      stride: small(2, 3),
      padding: small(0, 4),
    });
    await fc.assert(
      fc.asyncProperty(cases, async ({ c, k, w, s, stride, padding }) => {
        const attrs = { stride: [stride, stride], padding: [0, padding], dilation: one } as const;
        const error = await convolutionError([1, c, 5, w], [k, c, 2, s], { ...attrs, groups: 1 });
        expect(error).toBeLessThan(TOLERANCE);
      }),
      { numRuns: 60, seed: 9 },
    );
  });
  it("strided adjoints agree with their definition for any size, with what is fused behind them", async () => {
    const cases = fc.record({
      n: small(1, 2),
      groups: small(1, 2),
      // few, so many that their taps are summed in parts, and maps enough to be shared out
      channels: fc.oneof(
        fc.record({ c: small(1, 20), k: small(1, 20) }),
        fc.record({ c: small(15, 40), k: small(60, 300) }),
        fc.record({ c: fc.constantFrom(64, 128), k: small(1, 40) }),
      ),
      rows: small(1, 9),
      columns: small(1, 21),
      r: small(1, 5),
      s: small(1, 5),
      stride: fc.tuple(small(1, 5), small(1, 4)),
      dilation: fc.constantFrom(...[one, one, one, [2, 1], [3, 2]]),
      padding: fc.tuple(small(0, 4), small(0, 4)),
      more: fc.tuple(small(0, 3), small(0, 3)),
    });
    await fc.assert(
      fc.asyncProperty(
        cases,
        async ({ n, groups, channels: { c, k }, rows, columns, ...given }) => {
          const { r, s, stride, dilation, more } = given;
          const spans = [r, s].map((taps, axis) => (taps - 1) * dilation[axis] + 1);
          const padding = given.padding.map((p, axis) => Math.min(p, spans[axis] - 1));
          const outputPadding = more.map((p, axis) => Math.min(p, stride[axis] - 1));
          const isThere = [rows, columns].every(
            (size, axis) => (size - 1) * stride[axis] + spans[axis] > 2 * padding[axis],
          );
          fc.pre(isThere);
          const b = new GraphBuilder(ops);
          const [x, w] = [b.input("x", [n, k * groups, rows, columns]), [k * groups, c, r, s]];
          const attrs = { stride, padding, dilation, groups, outputPadding };
          const inputs = { x, w: b.input("w", w) };
          const y = b.emit("conv_transpose2d", inputs, attrs as never);
          const shift = b.input("shift", [1, c * groups, 1, 1]);
          b.output("y", b.emit("relu", { x: b.emit("add", { a: y, b: shift }, {}) }, {}));
          const feed = {
            x: values(sizeOf(x.shape), 1, false),
            w: values(sizeOf(w), 2, false),
            shift: values(c * groups, 3, false),
          };
          expect(await difference(b, feed)).toBeLessThan(TOLERANCE);
        },
      ),
      { numRuns: 80, seed: 11 },
    );
  }, 60_000);
  it("matmul agrees with its definition", async () => {
    await fc.assert(
      fc.asyncProperty(
        small(1, 20),
        small(1, 20),
        small(1, 20),
        fc.boolean(),
        fc.boolean(),
        async (m, n, k, transposeA, transposeB) => {
          const b = new GraphBuilder(ops);
          b.output(
            "y",
            b.emit(
              "matmul",
              {
                a: b.input("a", transposeA ? [k, m] : [m, k]),
                b: b.input("b", transposeB ? [n, k] : [k, n]),
              },
              { transposeA, transposeB },
            ),
          );
          expect(
            await difference(b, { a: values(m * k, 1, false), b: values(n * k, 2, false) }),
          ).toBeLessThan(TOLERANCE);
        },
      ),
      { numRuns: 60, seed: 3 },
    );
  });
});
