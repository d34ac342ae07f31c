// Entries of tables by where numbers lie, and sums of numbers by that: four bins at a time are
// found in registers, entries are read one by one.
import { sizeOf } from "../../../core/shape.ts";
import type { LookupAttributes } from "../../../graph/catalogue.ts";
import type { FunctionBuilder } from "../encoder/function.ts";
import { i32, s32, s64, v, type Code, type Local, type Operand } from "../encoder/instructions.ts";
import { passOver, type Kernel } from "../kernel.ts";
import { storeLanes } from "./vectors.ts";

/** The bytes from a table's row to the entries of four numbers. Counted up to 0, no bin is < 0. */
function offsets(
  f: FunctionBuilder,
  x: Operand,
  bins: number,
  { low, step }: LookupAttributes,
): Local {
  const bin = v.add(v.div(v.sub(x, low), step), 1);
  return f.v128(v.shiftLeft(v.toInt(v.min(v.max(bin, 0), bins - 1)), 2));
}
/** Four numbers at a time from `at` on, then what is left of `count`. */
function fours(f: FunctionBuilder, count: number, at: Local, body: (lanes: number) => void): void {
  const left = count % 4;
  f.for((count - left) / 4, () => {
    body(4);
    f.advance(at, 16);
  });
  if (left === 0) return;
  body(left);
  f.advance(at, left * 4);
}

export const lookup: Kernel<"lookup"> = (k) => {
  const { x, table } = k.shapes;
  const [plane, bins] = [sizeOf(x.slice(2)), table[1]];
  if (sizeOf(x) === 0) return;
  passOver(k, x[0] * x[1], 4 * plane, ({ f, input, y, attrs }, from, end) => {
    const at = f.i32(i32.mul(from, plane * 4));
    f.range(from, end, 1, (unit) => {
      const row = f.i32(i32.add(input.table, i32.mul(i32.remU(unit, x[1]), bins * 4)));
      fours(f, plane, at, (lanes) => {
        const places = offsets(f, v.load(i32.add(input.x, at)), bins, attrs);
        let entries: Code = v.loadSplat(i32.add(row, v.intLane(places, 0)));
        for (let lane = 1; lane < lanes; lane++)
          entries = v.loadLane(i32.add(row, v.intLane(places, lane)), entries, lane);
        storeLanes(f, i32.add(y, at), f.v128(entries), lanes);
      });
    });
  });
};

/** A channel is one thread's; its sums are float64, in the order of the images and their cells. */
export const lookup_grad: Kernel<"lookup_grad"> = (k) => {
  const { x } = k.shapes;
  const [N, C] = x;
  const [plane, bins] = [sizeOf(x.slice(2)), k.attrs.bins];
  if (sizeOf(x) === 0) return k.pass(1, ({ f, y }) => f.zero(y, sizeOf(k.out) * 4));
  passOver(k, C, 4 * N * plane, ({ f, input, y, attrs, scratch }, from, end) => {
    const sums = scratch(bins * 8);
    f.range(from, end, 1, (channel) => {
      f.zero(sums, bins * 8);
      f.for(N, (n) => {
        const at = f.i32(i32.mul(i32.add(i32.mul(n, C), channel), plane * 4));
        fours(f, plane, at, (lanes) => {
          const places = offsets(f, v.load(i32.add(input.x, at)), bins, attrs);
          for (let lane = 0; lane < lanes; lane++) {
            const sum = f.i32(i32.add(sums, i32.mul(v.intLane(places, lane), 2)));
            const more = s64.fromF32(s32.load(i32.add(input.dy, at), lane * 4));
            f.do(s64.store(sum, s64.add(s64.load(sum), more)));
          }
        });
      });
      const to = f.i32(i32.add(y, i32.mul(channel, bins * 4)));
      f.for(bins, (bin) =>
        f.do(
          s32.store(
            i32.add(to, i32.mul(bin, 4)),
            s64.toF32(s64.load(i32.add(sums, i32.mul(bin, 8)))),
          ),
        ),
      );
    });
  });
};
