// Pooling kernels: one loop over cells, one over the window; padding is skipped, not read. Windows
// of 2 × 2 go four at a time.
import { sizeOf, type Shape } from "../../../core/shape.ts";
import type { PoolAttributes } from "../../../graph/catalogue.ts";
import { f32, get, i32, int, s32, v, type Code, type FunctionBuilder, type Local } from "../encoder.ts";
import { passOver, type Kernel, type KernelContext, type Pass } from "../kernel.ts";
import { storeLanes } from "./elementwise.ts";

/**
 * One pass: for every pooled cell `cell(pass, pooled offset, window)`; `window(visit)` visits the
 * byte offsets of x inside the window. Planes are shared out in chunks.
 */
function cells<Inputs extends string>(
  k: KernelContext<Inputs, PoolAttributes>,
  x: Shape,
  y: Shape,
  cell: (p: Pass<Inputs, PoolAttributes>, at: Local, window: (visit: (offset: Local) => void) => void) => void,
  zero = 0,
): void {
  const { kernel, stride, padding } = k.attrs;
  const [H, W] = [x[2], x[3]];
  const padded = padding[0] > 0 || padding[1] > 0;
  const planes = x[0] * x[1];
  if (sizeOf(y) === 0) return;
  passOver(k, planes, y[2] * y[3] * kernel[0] * kernel[1], (p, from, end) => {
    const { f } = p;
    const at = f.local("i32", i32.mul(get(from), int(y[2] * y[3] * 4)));
    const plane = f.local("i32", i32.mul(get(from), int(H * W * 4)));
    f.range(get(from), get(end), 1, () => {
      if (zero > 0) f.zero(i32.add(get(p.y), get(plane)), zero);
      f.for(y[2], (row) =>
        f.for(y[3], (column) => {
          const top = f.local("i32", i32.sub(i32.mul(get(row), int(stride[0])), int(padding[0])));
          const left = f.local("i32", i32.sub(i32.mul(get(column), int(stride[1])), int(padding[1])));
          cell(p, at, (visit) =>
            f.for(kernel[0], (r) =>
              f.for(kernel[1], (s) => {
                const h = f.local("i32", i32.add(get(top), get(r)));
                const w = f.local("i32", i32.add(get(left), get(s)));
                const inside = (): void =>
                  visit(f.local("i32", i32.add(get(plane), i32.mul(i32.add(i32.mul(get(h), int(W)), get(w)), int(4)))));
                // below 0 is a huge unsigned number
                if (padded) f.if(i32.and(i32.ltU(get(h), int(H)), i32.ltU(get(w), int(W))), inside);
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
function argmax(f: FunctionBuilder, x: Local, window: (visit: (offset: Local) => void) => void): Local {
  const best = f.local("f32", f32(Number.NEGATIVE_INFINITY));
  const place = f.local("i32", int(-1));
  window((offset) => {
    const value = f.local("f32", s32.load(i32.add(get(x), get(offset))));
    const take = (): void => {
      f.set(best, get(value));
      f.set(place, get(offset));
    };
    f.if(s32.gt(get(value), get(best)), take);
    f.if(i32.eqz(i32.ne(get(place), int(-1))), take);
  });
  return place;
}
const plus = (base: Local, offset: Local): Code => i32.add(get(base), get(offset));

/**
 * Windows of 2 × 2 that do not overlap, four cells at a time: `four(pass, offset of the cells,
 * offsets of the two rows of x, cells that count)`.
 */
function pairs<Inputs extends string>(
  k: KernelContext<Inputs, PoolAttributes>,
  x: Shape,
  y: Shape,
  four: (p: Pass<Inputs, PoolAttributes>, at: Local, upper: Local, lower: Local, lanes: number) => void,
  zero = false,
): void {
  const [, , H, W] = x;
  const [, , P, Q] = y;
  const planes = x[0] * x[1];
  if (sizeOf(y) === 0) return;
  passOver(k, planes, H * W, (p, from, end) => {
    const { f } = p;
    const at = f.local("i32", i32.mul(get(from), int(P * Q * 4)));
    const plane = f.local("i32", i32.mul(get(from), int(H * W * 4)));
    f.range(get(from), get(end), 1, () => {
      const upper = f.local("i32", get(plane));
      const lower = f.local("i32", i32.add(get(plane), int(W * 4)));
      // what no window covers
      if (zero && (H > 2 * P || W > 2 * Q)) f.zero(i32.add(get(p.y), get(plane)), H * W * 4);
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
const isPairs = ({ kernel, stride, padding }: PoolAttributes): boolean =>
  [...kernel, ...stride].every((n) => n === 2) && padding.every((n) => n === 0);
/** Left and right corner of four windows along a row. */
function corners(f: FunctionBuilder, row: Code): readonly [Local, Local] {
  const [a, b] = [f.local("v128", v.load(row)), f.local("v128", v.load(row, 16))];
  return [
    f.local("v128", v.shuffle(get(a), get(b), [0, 2, 4, 6])),
    f.local("v128", v.shuffle(get(a), get(b), [1, 3, 5, 7])),
  ];
}
/**
 * For four windows: masks of which corner is the first largest, in the order of the corners; the
 * last takes what is left.
 */
function winners(f: FunctionBuilder, x: Local, upper: Local, lower: Local): Local[] {
  const all = [...corners(f, plus(x, upper)), ...corners(f, plus(x, lower))];
  const best = f.local("v128", v.max(v.max(get(all[0]), get(all[1])), v.max(get(all[2]), get(all[3]))));
  const free = f.local("v128", v.eq(v.constant(0), v.constant(0)));
  return all.map((corner, i) => {
    const mask = f.local("v128", i === 3 ? get(free) : v.and(get(free), v.eq(get(corner), get(best))));
    f.set(free, v.andNot(get(free), get(mask)));
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
    storeLanes(f, plus(y, at), f.local("v128", v.max(v.max(get(a), get(b)), v.max(get(c), get(d)))), lanes);
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
        f.do(s32.store(plus(y, place), s32.add(s32.load(plus(y, place)), s32.load(plus(input.dy, at)))));
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
      const dy = f.local("v128", v.load(plus(input.dy, at)));
      [upper, lower].forEach((row, r) => {
        const [left, right] = [
          f.local("v128", v.and(get(dy), get(masks[2 * r]))),
          f.local("v128", v.and(get(dy), get(masks[2 * r + 1]))),
        ];
        storeLanes(
          f,
          plus(y, row),
          f.local("v128", v.shuffle(get(left), get(right), [0, 4, 1, 5])),
          Math.min(4, lanes * 2),
        );
        if (lanes > 2)
          storeLanes(
            f,
            plus(y, row),
            f.local("v128", v.shuffle(get(left), get(right), [2, 6, 3, 7])),
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
    const total = f.local("f32", f32(0));
    window((offset) => f.set(total, s32.add(get(total), s32.load(plus(input.x, offset)))));
    f.do(s32.store(plus(y, at), s32.div(get(total), f32(k.attrs.kernel[0] * k.attrs.kernel[1]))));
  });

export const avg_pool2d_grad: Kernel<"avg_pool2d_grad"> = (k) => {
  const [, , H, W] = k.out;
  cells(
    k,
    k.out,
    k.shapes.dy,
    ({ f, input, y }, at, window) => {
      const share = f.local("f32", s32.div(s32.load(plus(input.dy, at)), f32(k.attrs.kernel[0] * k.attrs.kernel[1])));
      window((offset) => f.do(s32.store(plus(y, offset), s32.add(s32.load(plus(y, offset)), get(share)))));
    },
    H * W * 4,
  );
};
