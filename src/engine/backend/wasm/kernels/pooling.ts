// Pooling kernels: one loop over cells, one over the window; padding is skipped, not read.
import { sizeOf, type Shape } from "../../../core/shape.ts";
import type { PoolAttributes } from "../../../graph/catalogue.ts";
import { f32, get, i32, int, s32, type Code, type FunctionBuilder, type Local } from "../encoder.ts";
import type { Kernel } from "../kernel.ts";

/** For every pooled cell calls `cell(pooled offset, window)`; `window(visit)` visits the byte offsets of x inside the window. */
function cells(f: FunctionBuilder, x: Shape, y: Shape, { kernel, stride, padding }: PoolAttributes, cell: (at: Local, window: (visit: (offset: Local) => void) => void) => void): void {
  const [H, W] = [x[2], x[3]];
  const at = f.local("i32", int(0));
  const plane = f.local("i32", int(0));
  const padded = padding[0] > 0 || padding[1] > 0;
  f.for(x[0] * x[1], () => {
    f.for(y[2], (p) => f.for(y[3], (q) => {
      const top = f.local("i32", i32.sub(i32.mul(get(p), int(stride[0])), int(padding[0])));
      const left = f.local("i32", i32.sub(i32.mul(get(q), int(stride[1])), int(padding[1])));
      cell(at, (visit) => f.for(kernel[0], (r) => f.for(kernel[1], (s) => {
        const h = f.local("i32", i32.add(get(top), get(r)));
        const w = f.local("i32", i32.add(get(left), get(s)));
        const inside = (): void => {
          visit(f.local("i32", i32.add(get(plane), i32.mul(i32.add(i32.mul(get(h), int(W)), get(w)), int(4)))));
        };
        // below 0 is a huge unsigned number
        if (padded) f.if(i32.and(i32.ltU(get(h), int(H)), i32.ltU(get(w), int(W))), inside);
        else inside();
      })));
      f.advance(at, 4);
    }));
    f.advance(plane, H * W * 4);
  });
}

/** Leaves in a local the byte offset of the window's first largest value. */
function argmax(f: FunctionBuilder, x: Local, window: (visit: (offset: Local) => void) => void): Local {
  const best = f.local("f32", f32(Number.NEGATIVE_INFINITY));
  const place = f.local("i32", int(-1));
  window((offset) => {
    const value = f.local("f32", s32.load(i32.add(get(x), get(offset))));
    const take = (): void => { f.set(best, get(value)); f.set(place, get(offset)); };
    f.if(s32.gt(get(value), get(best)), take);
    f.if(i32.eqz(i32.ne(get(place), int(-1))), take);
  });
  return place;
}
const plus = (base: Local, offset: Local): Code => i32.add(get(base), get(offset));

export const max_pool2d: Kernel<"max_pool2d"> = ({ f, shapes, attrs, input, y, out }) =>
  cells(f, shapes.x, out, attrs, (at, window) => f.do(s32.store(plus(y, at), s32.load(plus(input.x, argmax(f, input.x, window))))));

export const max_pool2d_gather: Kernel<"max_pool2d_gather"> = ({ f, shapes, attrs, input, y, out }) =>
  cells(f, shapes.x, out, attrs, (at, window) => f.do(s32.store(plus(y, at), s32.load(plus(input.u, argmax(f, input.x, window))))));

export const max_pool2d_grad: Kernel<"max_pool2d_grad"> = ({ f, shapes, attrs, input, y, out }) => {
  f.zero(get(y), sizeOf(out) * 4);
  cells(f, shapes.x, shapes.dy, attrs, (at, window) => {
    const place = argmax(f, input.x, window);
    f.do(s32.store(plus(y, place), s32.add(s32.load(plus(y, place)), s32.load(plus(input.dy, at)))));
  });
};

export const avg_pool2d: Kernel<"avg_pool2d"> = ({ f, shapes, attrs, input, y, out }) =>
  cells(f, shapes.x, out, attrs, (at, window) => {
    const total = f.local("f32", f32(0));
    window((offset) => f.set(total, s32.add(get(total), s32.load(plus(input.x, offset)))));
    f.do(s32.store(plus(y, at), s32.div(get(total), f32(attrs.kernel[0] * attrs.kernel[1]))));
  });

export const avg_pool2d_grad: Kernel<"avg_pool2d_grad"> = ({ f, shapes, attrs, input, y, out }) => {
  f.zero(get(y), sizeOf(out) * 4);
  cells(f, out, shapes.dy, attrs, (at, window) => {
    const share = f.local("f32", s32.div(s32.load(plus(input.dy, at)), f32(attrs.kernel[0] * attrs.kernel[1])));
    window((offset) => f.do(s32.store(plus(y, offset), s32.add(s32.load(plus(y, offset)), get(share)))));
  });
};
