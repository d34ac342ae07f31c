// Matrix products in tiles that stay in registers; the convolutions are made of them too.
import type { FunctionBuilder } from "../encoder/function.ts";
import { i32, s32, v, type Code, type Local, type Operand } from "../encoder/instructions.ts";
import { pieces, type Kernel } from "../kernel.ts";

/**
 * Calls `tile(start, size)` for tiles of `size` covering 0 … n: a loop of whole ones, then the
 * rest. `start` is in `bytes` per element.
 */
function tiles(
  f: FunctionBuilder,
  n: number,
  size: number,
  bytes: number,
  tile: (start: Operand, size: number) => void,
): void {
  const whole = n - (n % size);
  f.for(whole * bytes, (i) => tile(i, size), size * bytes);
  if (whole < n) tile(whole * bytes, n - whole);
}
const plus = (p: Operand, q: Operand): Code => i32.add(p, q);

/**
 * c[i,j] = Σ_p a[i,p]·b[p,j], or += with `accumulate`. Strides in elements; b and c are contiguous
 * along j. Tiles of 4 × 8.
 */
export function gemm(
  f: FunctionBuilder,
  [m, n, k]: readonly [number, number, number],
  a: { at: Operand; row: number; inner: number },
  b: { at: Operand; inner: number },
  c: { at: Operand; row: number },
  accumulate = false,
): void {
  const [a0, b0, c0] = [a, b, c].map((x) => f.i32(x.at));
  tiles(f, n, 8, 4, (column, width) => {
    tiles(f, m, 4, 1, (row, height) => {
      const pa = f.i32(plus(a0, i32.mul(row, a.row * 4)));
      const pb = f.i32(plus(b0, column));
      const pc = f.i32(plus(plus(c0, column), i32.mul(row, c.row * 4)));
      const vectors = Math.ceil(width / 4);
      const sums: Local[][] = Array.from({ length: height }, () =>
        Array.from({ length: vectors }, () => f.v128(0)),
      );
      f.for(k, () => {
        const right = Array.from({ length: vectors }, (_, j) => f.v128(v.load(pb, j * 16)));
        for (let i = 0; i < height; i++) {
          const left = f.v128(v.loadSplat(pa, i * a.row * 4));
          right.forEach((r, j) => f.mulAdd(sums[i][j], left, r));
        }
        f.advance(pa, a.inner * 4);
        f.advance(pb, b.inner * 4);
      });
      sums.forEach((vectorsOfRow, i) =>
        vectorsOfRow.forEach((sum, j) => {
          const offset = i * c.row * 4 + j * 16;
          if (accumulate) f.set(sum, v.add(v.load(pc, offset), sum));
          const lanes = Math.min(4, width - j * 4);
          if (lanes === 4) f.do(v.store(pc, sum, offset));
          else
            for (let lane = 0; lane < lanes; lane++)
              f.do(v.storeLane(pc, sum, lane, offset + lane * 4));
        }),
      );
    });
  });
}

/**
 * c[i,j] = Σ_p a[i,p]·b[j,p], or += with `accumulate`; a and b are contiguous along p. Tiles of 4 ×
 * 2, four partial sums each.
 */
export function gemmTransposed(
  f: FunctionBuilder,
  [m, n, k]: readonly [number, number, number],
  a: { at: Operand; row: number },
  b: { at: Operand; row: number },
  c: { at: Operand; row: number },
  accumulate = false,
): void {
  const [a0, b0, c0] = [a, b, c].map((x) => f.i32(x.at));
  const whole = k - (k % 4);
  tiles(f, m, 4, 1, (row, height) => {
    tiles(f, n, 2, 1, (column, width) => {
      const pa = f.i32(plus(a0, i32.mul(row, a.row * 4)));
      const pb = f.i32(plus(b0, i32.mul(column, b.row * 4)));
      const pc = f.i32(plus(c0, i32.mul(plus(i32.mul(row, c.row), column), 4)));
      const sums: Local[][] = Array.from({ length: height }, () =>
        Array.from({ length: width }, () => f.v128(0)),
      );
      const step = (lanes: number): void => {
        const masked = (x: Operand): Operand => (lanes === 4 ? x : v.firstLanes(x, lanes));
        const right = Array.from({ length: width }, (_, j) =>
          f.v128(masked(v.load(pb, j * b.row * 4))),
        );
        for (let i = 0; i < height; i++) {
          const left = f.v128(masked(v.load(pa, i * a.row * 4)));
          right.forEach((r, j) => f.mulAdd(sums[i][j], left, r));
        }
      };
      f.for(
        whole,
        () => {
          step(4);
          f.advance(pa, 16);
          f.advance(pb, 16);
        },
        4,
      );
      if (whole < k) step(k - whole);
      sums.forEach((row, i) =>
        row.forEach((sum, j) => {
          const offset = (i * c.row + j) * 4;
          const total = s32.add(
            s32.add(v.lane(sum, 0), v.lane(sum, 1)),
            s32.add(v.lane(sum, 2), v.lane(sum, 3)),
          );
          f.do(s32.store(pc, accumulate ? s32.add(s32.load(pc, offset), total) : total, offset));
        }),
      );
    });
  });
}

export const matmul: Kernel<"matmul"> = ({ shapes, attrs, out, shared, pass }) => {
  const [m, n] = out;
  const k = shapes.a[attrs.transposeA ? 0 : 1];
  const turn = attrs.transposeA && attrs.transposeB;
  if (m * n === 0) return;
  if (turn) {
    // aᵀ·bᵀ: neither is contiguous the way a tile reads it, so b is turned first
    shared(n * k * 4);
    pass(1, ({ f, input, shared: turned }) => {
      const to = f.i32(turned);
      f.for(
        k * 4,
        (p) => {
          const from = f.i32(plus(input.b, p));
          f.for(n, () => {
            f.do(s32.store(to, s32.load(from)));
            f.advance(to, 4);
            f.advance(from, k * 4);
          });
        },
        4,
      );
    });
  }
  // blocks of whole tiles of rows are shared out
  const tilesDown = Math.ceil(m / 4);
  const per = 4 * Math.ceil(tilesDown / pieces(tilesDown, n * k));
  pass(Math.ceil(m / per), ({ f, input, y, chunk, shared: turned }) => {
    const first = f.i32(i32.mul(chunk, per));
    const rows = (count: number): void => {
      const c = { at: plus(y, i32.mul(first, n * 4)), row: n };
      const a = attrs.transposeA
        ? { at: plus(input.a, i32.mul(first, 4)), row: 1, inner: m }
        : { at: plus(input.a, i32.mul(first, k * 4)), row: k, inner: 1 };
      if (attrs.transposeB && !turn)
        gemmTransposed(f, [count, n, k], a, { at: input.b, row: k }, c);
      else gemm(f, [count, n, k], a, { at: turn ? turned : input.b, inner: n }, c);
    };
    const whole = m - (m % per);
    if (whole > 0) f.if(i32.ltU(first, whole), () => rows(per));
    if (whole < m) f.if(i32.geU(first, whole), () => rows(m - whole));
  });
};
