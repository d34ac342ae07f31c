// Pooling as ONNX and PyTorch define it, by plain loops in their words: dilation, sides that are
// padded differently, ceil mode, means over the cells that count, and where each maximum lies.
import { describe, expect, it } from "vitest";
import {
  arithmetic,
  gradients,
  GraphBuilder,
  openBackend,
  ops,
  random,
  type Backend,
  type Catalogue,
  type Value,
} from "fiducial/engine";

type Attributes = Catalogue["max_pool2d"]["attrs"];
type Pair = readonly [number, number];
const backends: Record<string, Backend> = {
  reference: await openBackend("reference"),
  wasm: await openBackend("wasm"),
};

/** A pooling as a file of ONNX says it: pads above, left, below, right. */
interface Pooling {
  readonly kernel: Pair;
  readonly stride: Pair;
  readonly dilation: Pair;
  readonly pads: readonly [number, number, number, number];
  readonly ceil: boolean;
}
/** Windows along an axis of n cells; one that would begin in the far padding is left out. */
function windows(
  n: number,
  axis: 0 | 1,
  { kernel, stride, dilation, pads, ceil }: Pooling,
): number {
  const room = n + pads[axis] + pads[axis + 2] - (dilation[axis] * (kernel[axis] - 1) + 1);
  const count = (ceil ? Math.ceil(room / stride[axis]) : Math.floor(room / stride[axis])) + 1;
  return ceil && (count - 1) * stride[axis] >= n + pads[axis] ? count - 1 : count;
}
/** The same for the engine: what the last window needs is padding behind the image. */
function attributes(size: Pair, pooling: Pooling): Attributes {
  const { kernel, stride, dilation, pads } = pooling;
  const behind = (axis: 0 | 1): number => {
    const reach = dilation[axis] * (kernel[axis] - 1) + 1;
    const end = (windows(size[axis], axis, pooling) - 1) * stride[axis] + reach - pads[axis];
    return Math.max(pads[axis + 2], end - size[axis]);
  };
  return { kernel, stride, dilation, padding: [pads[0], pads[1]], after: [behind(0), behind(1)] };
}

const [N, C, H, W] = [2, 2, 7, 9];
const rng = random(11);
/** Whole numbers, some equal. */
const image = Float64Array.from({ length: N * C * H * W }, () => rng.integer(30) - 15);

const poolings: Pooling[] = [];
for (const kernel of [
  [1, 1],
  [2, 3],
  [3, 2],
  [3, 3],
] as const)
  for (const stride of [
    [1, 1],
    [2, 3],
    [3, 2],
  ] as const)
    for (const dilation of [
      [1, 1],
      [2, 1],
      [1, 3],
    ] as const)
      for (const pads of [
        [0, 0, 0, 0],
        [1, 0, 0, 1],
        [0, 1, 2, 0],
        [1, 1, 1, 1],
      ] as const)
        for (const ceil of [false, true]) {
          const pooling = { kernel, stride, dilation, pads, ceil };
          // padding beyond what a window reaches is no pooling
          const fits = pads.every(
            (p, i) => p < dilation[i % 2] * (kernel[i % 2] - 1) + 1 && p < kernel[i % 2],
          );
          if (fits) poolings.push(pooling);
        }

interface Window {
  /** Cells of the image, as places in it. */
  readonly cells: readonly number[];
  /** Cells of the image and its padding, without what ceil mode adds. */
  readonly padded: number;
}
function* windowsOf(pooling: Pooling): Generator<Window> {
  const { kernel, stride, dilation, pads } = pooling;
  for (let plane = 0; plane < N * C; plane++)
    for (let p = 0; p < windows(H, 0, pooling); p++)
      for (let q = 0; q < windows(W, 1, pooling); q++) {
        const cells: number[] = [];
        let padded = 0;
        for (let r = 0; r < kernel[0]; r++)
          for (let s = 0; s < kernel[1]; s++) {
            const h = p * stride[0] - pads[0] + r * dilation[0];
            const w = q * stride[1] - pads[1] + s * dilation[1];
            if (h < H + pads[2] && w < W + pads[3]) padded++;
            if (h >= 0 && h < H && w >= 0 && w < W) cells.push((plane * H + h) * W + w);
          }
        yield { cells, padded };
      }
}
const firstLargest = (cells: readonly number[]): number =>
  cells.reduce((best, cell) => (image[cell] > image[best] ? cell : best), cells[0]);

/** Means over the cells that count: the engine's means, times a number per row and column. */
function averagePool(b: GraphBuilder, x: Value, pooling: Pooling, countPadding: boolean): Value {
  const { kernel, stride, dilation, pads } = pooling;
  const attrs = attributes([H, W], pooling);
  const shares = ([0, 1] as const).map((axis) => {
    const n = [H, W][axis];
    const [low, high] = countPadding ? [-pads[axis], n + pads[axis + 2]] : [0, n];
    return Array.from({ length: windows(n, axis, pooling) }, (_, p) => {
      const places = Array.from(
        { length: kernel[axis] },
        (_, r) => p * stride[axis] - pads[axis] + r * dilation[axis],
      );
      return kernel[axis] / places.filter((at) => at >= low && at < high).length;
    });
  });
  const { mul } = arithmetic(b);
  const rows = b.constant(shares[0], [shares[0].length, 1]);
  return mul(
    mul(b.emit("avg_pool2d", { x }, attrs), rows),
    b.constant(shares[1], [shares[1].length]),
  );
}

describe.each(Object.entries(backends))("on %s", (_name, backend) => {
  it(`max pooling, its indices and its slope, ${poolings.length} times`, async () => {
    for (const pooling of poolings) {
      const at = JSON.stringify(pooling);
      const b = new GraphBuilder(ops);
      const x = b.input("x", [N, C, H, W]);
      const attrs = attributes([H, W], pooling);
      const y = b.emit("max_pool2d", { x }, attrs);
      expect(y.shape, at).toEqual([N, C, windows(H, 0, pooling), windows(W, 1, pooling)]);
      b.output("y", y);
      // ONNX's second result: the places, counted through all images and channels
      const cells = b.constant(
        image.map((_, i) => i),
        [N, C, H, W],
      );
      b.output("indices", b.emit("max_pool2d_gather", { u: cells, x }, attrs));
      const { mul, sum } = arithmetic(b);
      b.output("dx", gradients(b, sum(mul(y, y)), [x])[0]);
      const out = await (await backend.compile(b)).execute({ x: image });
      const places = [...windowsOf(pooling)].map((w) => firstLargest(w.cells));
      const slope = new Float64Array(image.length);
      for (const place of places) slope[place] += 2 * image[place];
      expect([...out.indices], at).toEqual(places);
      expect(Array.from(out.y), at).toEqual(places.map((place) => image[place]));
      expect(
        Array.from(out.dx, (v) => v + 0),
        at,
      ).toEqual(Array.from(slope, (v) => v + 0));
    }
  }, 60_000);

  it("average pooling over what counts, with the padding and without", async () => {
    for (const pooling of poolings)
      for (const countPadding of [false, true]) {
        const b = new GraphBuilder(ops);
        const y = averagePool(b, b.input("x", [N, C, H, W]), pooling, countPadding);
        b.output("y", y);
        const out = (await (await backend.compile(b)).execute({ x: image })).y;
        const want = [...windowsOf(pooling)].map(
          ({ cells, padded }) =>
            cells.reduce((s, c) => s + image[c], 0) / (countPadding ? padded : cells.length),
        );
        const worst = Math.max(...want.map((w, i) => Math.abs(w - out[i])));
        expect(worst, JSON.stringify({ ...pooling, countPadding })).toBeLessThan(1e-5);
      }
  }, 60_000);
});

describe("a pooling that is none", () => {
  const pool = (attrs: Partial<Attributes>, size: Pair = [5, 5]): (() => Value) => {
    const b = new GraphBuilder(ops);
    const x = b.input("x", [1, 1, ...size]);
    return () =>
      b.emit("max_pool2d", { x }, { kernel: [2, 2], stride: [2, 2], padding: [0, 0], ...attrs });
  };
  it("is refused in one line", () => {
    expect(pool({ padding: [2, 0] })).toThrow(
      /window 0 along axis 2 holds no cell of \[1×1×5×5\]; pad less than \[2,0\]/,
    );
    expect(pool({ after: [0, 4] })).toThrow(/window 3 along axis 3 holds no cell/);
    // between the two cells of a dilated window
    expect(pool({ padding: [1, 1], dilation: [2, 2], stride: [1, 1] }, [1, 1])).toThrow(
      /window 0 along axis 2/,
    );
    expect(pool({ dilation: [0, 1] })).toThrow(/dilation \[0,1\] must be at least 1/);
    expect(pool({ after: [0, -1] })).toThrow(/padding \[0,0\] and \[0,-1\] at least 0/);
    expect(pool({ dilation: [5, 1] })).toThrow(/does not fit into/);
  });
});
