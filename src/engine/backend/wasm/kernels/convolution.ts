// The three convolutions as matrix products with the image's columns (im2col), a block of output rows at a time.
import type { Shape } from "../../../core/shape.ts";
import type { ConvAttributes } from "../../../graph/catalogue.ts";
import { get, i32, int, s32, v, type Code, type FunctionBuilder, type Local } from "../encoder.ts";
import type { Kernel } from "../kernel.ts";
import { gemm, gemmTransposed } from "./matmul.ts";

/** A block of columns should stay in the second-level cache. */
const BLOCK_BYTES = 384 * 1024;

/** The convolution image [C,H,W] * weights [K,C,R,S] → map [K,P,Q] of one image and one group. */
interface Geometry { C: number; H: number; W: number; K: number; R: number; S: number; P: number; Q: number; taps: number; rows: number; pitch: number; direct: boolean; attrs: ConvAttributes }
function geometry(image: Shape, weights: Shape, map: Shape, attrs: ConvAttributes): Geometry {
  const [, C, H, W] = image;
  const [, Cg, R, S] = weights;
  const [, K, P, Q] = map;
  const taps = Cg * R * S;
  const rows = Math.max(1, Math.min(P, Math.floor(BLOCK_BYTES / (4 * taps * Q))));
  const direct = R === 1 && S === 1 && attrs.stride[0] === 1 && attrs.stride[1] === 1 && attrs.padding[0] === 0 && attrs.padding[1] === 0;
  // an odd number of cache lines between the columns' rows, so that they do not fall into one set
  const pitch = (Math.ceil((rows * Q) / 16) | 1) * 16;
  return { C: C / attrs.groups, H, W, K: K / attrs.groups, R, S, P, Q, taps, rows, pitch, direct, attrs };
}

/** Runs `body` for every image, group and block of rows, with the pointers advanced to them. */
function blocks(f: FunctionBuilder, n: number, g: Geometry, at: { image: Code; weights: Code; map: Code }, body: (p: { image: Local; weights: Local; map: Local }, first: Local, rows: number) => void): void {
  const image = f.local("i32", at.image);
  const map = f.local("i32", at.map);
  f.for(n, () => {
    const weights = f.local("i32", at.weights);
    f.for(g.attrs.groups, () => {
      const block = (first: Local, rows: number): void => body({ image, weights, map: f.local("i32", i32.add(get(map), i32.mul(get(first), int(g.Q * 4)))) }, first, rows);
      if (g.direct) block(f.local("i32", int(0)), g.P);
      else {
        const whole = g.P - (g.P % g.rows);
        f.for(whole, (first) => block(first, g.rows), g.rows);
        if (whole < g.P) block(f.local("i32", int(whole)), g.P - whole);
      }
      f.advance(image, g.C * g.H * g.W * 4);
      f.advance(weights, g.K * g.taps * 4);
      f.advance(map, g.K * g.P * g.Q * 4);
    });
  });
}

/** For each row of the columns and each output row in the block: `visit(image row start, column row start, q from, q to, first image column)`, or `outside` where the image row is padding. */
function columnRows(f: FunctionBuilder, g: Geometry, image: Local, columns: Local, first: Local, rows: number, visit: (row: Local, to: Local, from: number, end: number, left: number) => void, outside: (to: Local) => void): void {
  const { stride, padding, dilation } = g.attrs;
  const plane = f.local("i32", get(image));
  const line = f.local("i32", get(columns));
  f.for(g.C, () => {
    f.for(g.R, (r) => {
      for (let s = 0; s < g.S; s++) {
        const left = s * dilation[1] - padding[1];
        // q with 0 <= q·stride + left < W
        const from = Math.min(g.Q, Math.max(0, Math.ceil(-left / stride[1])));
        const end = Math.max(from, Math.min(g.Q, Math.ceil((g.W - left) / stride[1])));
        const to = f.local("i32", get(line));
        const h = f.local("i32", i32.add(i32.sub(i32.mul(get(first), int(stride[0])), int(padding[0])), i32.mul(get(r), int(dilation[0]))));
        f.for(rows, () => {
          const inside = (): void => visit(f.local("i32", i32.add(get(plane), i32.mul(get(h), int(g.W * 4)))), to, from, end, from * stride[1] + left);
          if (padding[0] === 0) inside();
          else {
            f.if(i32.ltU(get(h), int(g.H)), inside);
            f.if(i32.geU(get(h), int(g.H)), () => outside(to));
          }
          f.advance(to, g.Q * 4);
          f.advance(h, stride[0]);
        });
        f.advance(line, g.pitch * 4);
      }
    });
    f.advance(plane, g.H * g.W * 4);
  });
}
/** Writes zeros four at a time: what runs over is written again later. */
function zeros(f: FunctionBuilder, to: Local, from: number, end: number): void {
  f.for((end - from) * 4, (i) => f.do(v.store(i32.add(get(to), get(i)), v.constant(0), from * 4)), 16);
}

/** columns[c,r,s][p,q] = image[c, p·stride + r·dilation − padding, …], row after row upwards, so that whole vectors may run over. */
function gather(f: FunctionBuilder, g: Geometry, image: Local, columns: Local, first: Local, rows: number): void {
  const step = g.attrs.stride[1];
  columnRows(f, g, image, columns, first, rows, (row, to, from, end, left) => {
    zeros(f, to, 0, from);
    if (step === 1) f.for((end - from) * 4, (i) => f.do(v.store(i32.add(get(to), get(i)), v.load(i32.add(i32.add(get(row), int(left * 4)), get(i))), from * 4)), 16);
    else {
      const source = f.local("i32", i32.add(get(row), int(left * 4)));
      f.for((end - from) * 4, (i) => {
        f.do(s32.store(i32.add(get(to), get(i)), s32.load(get(source)), from * 4));
        f.advance(source, step * 4);
      }, 4);
    }
    zeros(f, to, end, g.Q);
  }, (to) => zeros(f, to, 0, g.Q));
}

/** gather's adjoint: adds the columns back into the image. */
function scatter(f: FunctionBuilder, g: Geometry, image: Local, columns: Local, first: Local, rows: number): void {
  const step = g.attrs.stride[1];
  columnRows(f, g, image, columns, first, rows, (row, to, from, end, left) => {
    const target = f.local("i32", i32.add(get(row), int(left * 4)));
    const whole = step === 1 ? (end - from) - ((end - from) % 4) : 0;
    f.for(whole * 4, (i) => {
      const at = f.local("i32", i32.add(get(target), get(i)));
      f.do(v.store(get(at), v.add(v.load(get(at)), v.load(i32.add(get(to), get(i)), from * 4))));
    }, 16);
    f.advance(target, whole * 4);
    f.for((end - from - whole) * 4, (i) => {
      f.do(s32.store(get(target), s32.add(s32.load(get(target)), s32.load(i32.add(get(to), get(i)), (from + whole) * 4))));
      f.advance(target, step * 4);
    }, 4);
  }, () => {});
}

const columnsBytes = (g: Geometry): number => (g.direct ? 0 : g.taps * g.pitch * 4);

function convolve(f: FunctionBuilder, n: number, g: Geometry, at: { image: Code; weights: Code; map: Code }, columns: Local): void {
  blocks(f, n, g, at, ({ image, weights, map }, first, rows) => {
    if (!g.direct) gather(f, g, image, columns, first, rows);
    gemm(f, [g.K, rows * g.Q, g.taps], { at: get(weights), row: g.taps, inner: 1 }, g.direct ? { at: get(image), inner: g.H * g.W } : { at: get(columns), inner: g.pitch }, { at: get(map), row: g.P * g.Q });
  });
}

export const conv2d: Kernel<"conv2d"> = ({ f, shapes, attrs, input, y, out, scratch }) => {
  const g = geometry(shapes.x, shapes.w, out, attrs);
  convolve(f, out[0], g, { image: get(input.x), weights: get(input.w), map: get(y) }, scratch(columnsBytes(g)));
};

/** to[group][c][k][R−1−r][S−1−s] = w[group][k][c][r][s] */
function flip(f: FunctionBuilder, [K, C, R, S]: Shape, groups: number, w: Local, to: Local): void {
  const from = f.local("i32", get(w));
  const group = f.local("i32", get(to));
  const Kg = K / groups;
  f.for(groups, () => {
    f.for(Kg, (k) => {
      const kernel = f.local("i32", i32.add(get(group), i32.mul(get(k), int(R * S * 4))));
      f.for(C, () => {
        f.for(R * S * 4, (tap) => {
          f.do(s32.store(i32.add(get(kernel), i32.sub(int((R * S - 1) * 4), get(tap))), s32.load(get(from))));
          f.advance(from, 4);
        }, 4);
        f.advance(kernel, Kg * R * S * 4);
      });
    });
    f.advance(group, Kg * C * R * S * 4);
  });
}

export const conv_transpose2d: Kernel<"conv_transpose2d"> = ({ f, shapes, attrs, input, y, out, scratch }) => {
  const { stride, padding, dilation, groups } = attrs;
  const [K, C, R, S] = shapes.w;
  const inverse = [dilation[0] * (R - 1) - padding[0], dilation[1] * (S - 1) - padding[1]] as const;
  if (stride[0] === 1 && stride[1] === 1 && inverse[0] >= 0 && inverse[1] >= 0) {
    // with stride 1 the adjoint is a convolution with the flipped kernels, channels exchanged
    const g = geometry(shapes.x, [C * groups, K / groups, R, S], out, { stride, padding: inverse, dilation, groups });
    const room = scratch(columnsBytes(g) + K * C * R * S * 4);
    const columns = f.local("i32", i32.add(get(room), int(K * C * R * S * 4)));
    flip(f, shapes.w, groups, input.w, room);
    return convolve(f, out[0], g, { image: get(input.x), weights: get(room), map: get(y) }, columns);
  }
  const g = geometry(out, shapes.w, shapes.x, attrs);
  const columns = scratch(columnsBytes(g));
  f.zero(get(y), out.reduce((a, b) => a * b, 4));
  blocks(f, out[0], g, { image: get(y), weights: get(input.w), map: get(input.x) }, ({ image, weights, map }, first, rows) => {
    gemm(f, [g.taps, rows * g.Q, g.K], { at: get(weights), row: 1, inner: g.taps }, { at: get(map), inner: g.P * g.Q }, { at: get(columns), row: g.pitch });
    scatter(f, g, image, columns, first, rows);
  });
};

export const conv2d_weight_grad: Kernel<"conv2d_weight_grad"> = ({ f, shapes, attrs, input, y, out, scratch }) => {
  const g = geometry(shapes.x, out, shapes.dy, attrs);
  const columns = scratch(columnsBytes(g));
  f.zero(get(y), out.reduce((a, b) => a * b, 4));
  blocks(f, shapes.x[0], g, { image: get(input.x), weights: get(y), map: get(input.dy) }, ({ image, weights, map }, first, rows) => {
    if (!g.direct) gather(f, g, image, columns, first, rows);
    gemmTransposed(f, [g.K, g.taps, rows * g.Q], { at: get(map), row: g.P * g.Q }, g.direct ? { at: get(image), row: g.H * g.W } : { at: get(columns), row: g.pitch }, { at: get(weights), row: g.taps }, true);
  });
};
