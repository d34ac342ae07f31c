// Pooling kernels: one loop over cells, one over the window; padding is skipped, not read. Windows
// of 2 × 2 go four at a time.
import { sizeOf, type Shape } from "../../../core/shape.ts";
import type { PoolAttributes } from "../../../graph/catalogue.ts";
import type { FunctionBuilder } from "../encoder/function.ts";
import { i32, s32, v, type Code, type Local, type Operand } from "../encoder/instructions.ts";
import { passOver, type Kernel, type KernelContext, type Pass } from "../kernel.ts";
import { storeLanes } from "./vectors.ts";

/**
 * One pass: for every pooled cell `cell(pass, pooled offset, window)`; `window(visit)` visits the
 * byte offsets of x inside the window. Planes are shared out in chunks.
 */
function cells<Inputs extends string>(
  k: KernelContext<Inputs, PoolAttributes>,
  x: Shape,
  y: Shape,
  cell: (
    p: Pass<Inputs, PoolAttributes>,
    at: Local,
    window: (visit: (offset: Local) => void) => void,
  ) => void,
  zero = 0,
): void {
  const { kernel, stride, padding, after = padding, dilation = [1, 1] } = k.attrs;
  const [H, W] = [x[2], x[3]];
  const padded = [...padding, ...after].some((n) => n > 0);
  const step = (i: Local, axis: 0 | 1): Operand =>
    dilation[axis] === 1 ? i : i32.mul(i, dilation[axis]);
  const planes = x[0] * x[1];
  if (sizeOf(y) === 0) return;
  passOver(k, planes, y[2] * y[3] * kernel[0] * kernel[1], (p, from, end) => {
    const { f } = p;
    const at = f.i32(i32.mul(from, y[2] * y[3] * 4));
    const plane = f.i32(i32.mul(from, H * W * 4));
    f.range(from, end, 1, () => {
      if (zero > 0) f.zero(i32.add(p.y, plane), zero);
      f.for(y[2], (row) =>
        f.for(y[3], (column) => {
          const top = f.i32(i32.sub(i32.mul(row, stride[0]), padding[0]));
          const left = f.i32(i32.sub(i32.mul(column, stride[1]), padding[1]));
          cell(p, at, (visit) =>
            f.for(kernel[0], (r) =>
              f.for(kernel[1], (s) => {
                const h = f.i32(i32.add(top, step(r, 0)));
                const w = f.i32(i32.add(left, step(s, 1)));
                const inside = (): void =>
                  visit(f.i32(i32.add(plane, i32.mul(i32.add(i32.mul(h, W), w), 4))));
                // below 0 is a huge unsigned number
                if (padded) f.if(i32.and(i32.ltU(h, H), i32.ltU(w, W)), inside);
                else inside();
              }),
            ),
          );
          f.advance(at, 4);
        }),
      );
      f.advance(plane, H * W * 4);
    });
  });
}

/** Leaves in a local the byte offset of the window's first largest value. */
function argmax(
  f: FunctionBuilder,
  x: Local,
  window: (visit: (offset: Local) => void) => void,
): Local {
  const best = f.f32(Number.NEGATIVE_INFINITY);
  const place = f.i32(-1);
  window((offset) => {
    const value = f.f32(s32.load(i32.add(x, offset)));
    const take = (): void => {
      f.set(best, value);
      f.set(place, offset);
    };
    f.if(s32.gt(value, best), take);
    f.if(i32.eqz(i32.ne(place, -1)), take);
  });
  return place;
}
const plus = (base: Local, offset: Local): Code => i32.add(base, offset);

/**
 * Windows of 2 × 2 that do not overlap, four cells at a time: `four(pass, offset of the cells,
 * offsets of the two rows of x, cells that count)`.
 */
function pairs<Inputs extends string>(
  k: KernelContext<Inputs, PoolAttributes>,
  x: Shape,
  y: Shape,
  four: (
    p: Pass<Inputs, PoolAttributes>,
    at: Local,
    upper: Local,
    lower: Local,
    lanes: number,
  ) => void,
  zero = false,
): void {
  const [, , H, W] = x;
  const [, , P, Q] = y;
  const planes = x[0] * x[1];
  if (sizeOf(y) === 0) return;
  passOver(k, planes, H * W, (p, from, end) => {
    const { f } = p;
    const at = f.i32(i32.mul(from, P * Q * 4));
    const plane = f.i32(i32.mul(from, H * W * 4));
    f.range(from, end, 1, () => {
      const upper = f.i32(plane);
      const lower = f.i32(i32.add(plane, W * 4));
      // what no window covers
      if (zero && (H > 2 * P || W > 2 * Q)) f.zero(i32.add(p.y, plane), H * W * 4);
      f.for(P, () => {
        f.for(
          Q - (Q % 4),
          () => {
            four(p, at, upper, lower, 4);
            f.advance(at, 16);
            f.advance(upper, 32);
            f.advance(lower, 32);
          },
          4,
        );
        if (Q % 4 > 0) {
          four(p, at, upper, lower, Q % 4);
          f.advance(at, (Q % 4) * 4);
          f.advance(upper, (Q % 4) * 8);
          f.advance(lower, (Q % 4) * 8);
        }
        f.advance(upper, (2 * W - 2 * Q) * 4);
        f.advance(lower, (2 * W - 2 * Q) * 4);
      });
      f.advance(plane, H * W * 4);
    });
  });
}
const isPairs = ({
  kernel,
  stride,
  padding,
  after = padding,
  dilation = [1, 1],
}: PoolAttributes): boolean =>
  [...kernel, ...stride].every((n) => n === 2) &&
  [...padding, ...after].every((n) => n === 0) &&
  dilation.every((n) => n === 1);
/** Left and right corner of four windows along a row. */
function corners(f: FunctionBuilder, row: Operand): readonly [Local, Local] {
  const [a, b] = [f.v128(v.load(row)), f.v128(v.load(row, 16))];
  return [f.v128(v.shuffle(a, b, [0, 2, 4, 6])), f.v128(v.shuffle(a, b, [1, 3, 5, 7]))];
}
/**
 * For four windows: masks of which corner is the first largest, in the order of the corners; the
 * last takes what is left.
 */
function winners(f: FunctionBuilder, x: Local, upper: Local, lower: Local): Local[] {
  const all = [...corners(f, plus(x, upper)), ...corners(f, plus(x, lower))];
  const best = f.v128(v.max(v.max(all[0], all[1]), v.max(all[2], all[3])));
  const free = f.v128(v.eq(0, 0));
  return all.map((corner, i) => {
    const mask = f.v128(i === 3 ? free : v.and(free, v.eq(corner, best)));
    f.set(free, v.andNot(free, mask));
    return mask;
  });
}

export const max_pool2d: Kernel<"max_pool2d"> = (k) => {
  if (!isPairs(k.attrs))
    return cells(k, k.shapes.x, k.out, ({ f, input, y }, at, window) =>
      f.do(s32.store(plus(y, at), s32.load(plus(input.x, argmax(f, input.x, window))))),
    );
  pairs(k, k.shapes.x, k.out, ({ f, input, y }, at, upper, lower, lanes) => {
    const [[a, b], [c, d]] = [corners(f, plus(input.x, upper)), corners(f, plus(input.x, lower))];
    storeLanes(f, plus(y, at), f.v128(v.max(v.max(a, b), v.max(c, d))), lanes);
  });
};

export const max_pool2d_gather: Kernel<"max_pool2d_gather"> = (k) =>
  cells(k, k.shapes.x, k.out, ({ f, input, y }, at, window) =>
    f.do(s32.store(plus(y, at), s32.load(plus(input.u, argmax(f, input.x, window))))),
  );

export const max_pool2d_grad: Kernel<"max_pool2d_grad"> = (k) => {
  const [, , H, W] = k.out;
  if (!isPairs(k.attrs)) {
    return cells(
      k,
      k.shapes.x,
      k.shapes.dy,
      ({ f, input, y }, at, window) => {
        const place = argmax(f, input.x, window);
        f.do(
          s32.store(
            plus(y, place),
            s32.add(s32.load(plus(y, place)), s32.load(plus(input.dy, at))),
          ),
        );
      },
      H * W * 4,
    );
  }
  pairs(
    k,
    k.shapes.x,
    k.shapes.dy,
    ({ f, input, y }, at, upper, lower, lanes) => {
      const masks = winners(f, input.x, upper, lower);
      const dy = f.v128(v.load(plus(input.dy, at)));
      [upper, lower].forEach((row, r) => {
        const [left, right] = [
          f.v128(v.and(dy, masks[2 * r])),
          f.v128(v.and(dy, masks[2 * r + 1])),
        ];
        storeLanes(
          f,
          plus(y, row),
          f.v128(v.shuffle(left, right, [0, 4, 1, 5])),
          Math.min(4, lanes * 2),
        );
        if (lanes > 2)
          storeLanes(
            f,
            plus(y, row),
            f.v128(v.shuffle(left, right, [2, 6, 3, 7])),
            lanes * 2 - 4,
            16,
          );
      });
    },
    true,
  );
};

export const avg_pool2d: Kernel<"avg_pool2d"> = (k) =>
  cells(k, k.shapes.x, k.out, ({ f, input, y }, at, window) => {
    const total = f.f32(0);
    window((offset) => f.set(total, s32.add(total, s32.load(plus(input.x, offset)))));
    f.do(s32.store(plus(y, at), s32.div(total, k.attrs.kernel[0] * k.attrs.kernel[1])));
  });

export const avg_pool2d_grad: Kernel<"avg_pool2d_grad"> = (k) => {
  const [, , H, W] = k.out;
  cells(
    k,
    k.out,
    k.shapes.dy,
    ({ f, input, y }, at, window) => {
      const share = f.f32(
        s32.div(s32.load(plus(input.dy, at)), k.attrs.kernel[0] * k.attrs.kernel[1]),
      );
      window((offset) =>
        f.do(s32.store(plus(y, offset), s32.add(s32.load(plus(y, offset)), share))),
      );
    },
    H * W * 4,
  );
};
