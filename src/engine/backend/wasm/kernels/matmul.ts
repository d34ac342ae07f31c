// Matrix products in tiles that stay in registers; the convolutions are made of them too.
import { get, i32, int, s32, v, type Code, type FunctionBuilder, type Local } from "../encoder.ts";
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
  tile: (start: Code, size: number) => void,
): void {
  const whole = n - (n % size);
  f.for(whole * bytes, (i) => tile(get(i), size), size * bytes);
  if (whole < n) tile(int(whole * bytes), n - whole);
}
const plus = (p: Code, q: Code): Code => i32.add(p, q);

/**
 * c[i,j] = Σ_p a[i,p]·b[p,j], or += with `accumulate`. Strides in elements; b and c are contiguous
 * along j. Tiles of 4 × 8.
 */
export function gemm(
  f: FunctionBuilder,
  [m, n, k]: readonly [number, number, number],
  a: { at: Code; row: number; inner: number },
  b: { at: Code; inner: number },
  c: { at: Code; row: number },
  accumulate = false,
): void {
  const [a0, b0, c0] = [a, b, c].map((x) => f.local("i32", x.at));
  tiles(f, n, 8, 4, (column, width) => {
    tiles(f, m, 4, 1, (row, height) => {
      const pa = f.local("i32", plus(get(a0), i32.mul(row, int(a.row * 4))));
      const pb = f.local("i32", plus(get(b0), column));
      const pc = f.local("i32", plus(plus(get(c0), column), i32.mul(row, int(c.row * 4))));
      const vectors = Math.ceil(width / 4);
      const sums: Local[][] = Array.from({ length: height }, () =>
        Array.from({ length: vectors }, () => f.local("v128", v.constant(0))),
      );
      f.for(k, () => {
        const right = Array.from({ length: vectors }, (_, j) => f.local("v128", v.load(get(pb), j * 16)));
        for (let i = 0; i < height; i++) {
          const left = f.local("v128", v.loadSplat(get(pa), i * a.row * 4));
          right.forEach((r, j) => f.mulAdd(sums[i][j], get(left), get(r)));
        }
        f.advance(pa, a.inner * 4);
        f.advance(pb, b.inner * 4);
      });
      sums.forEach((vectorsOfRow, i) =>
        vectorsOfRow.forEach((sum, j) => {
          const offset = i * c.row * 4 + j * 16;
          if (accumulate) f.set(sum, v.add(v.load(get(pc), offset), get(sum)));
          const lanes = Math.min(4, width - j * 4);
          if (lanes === 4) f.do(v.store(get(pc), get(sum), offset));
          else for (let lane = 0; lane < lanes; lane++) f.do(v.storeLane(get(pc), get(sum), lane, offset + lane * 4));
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
  a: { at: Code; row: number },
  b: { at: Code; row: number },
  c: { at: Code; row: number },
  accumulate = false,
): void {
  const [a0, b0, c0] = [a, b, c].map((x) => f.local("i32", x.at));
  const whole = k - (k % 4);
  tiles(f, m, 4, 1, (row, height) => {
    tiles(f, n, 2, 1, (column, width) => {
      const pa = f.local("i32", plus(get(a0), i32.mul(row, int(a.row * 4))));
      const pb = f.local("i32", plus(get(b0), i32.mul(column, int(b.row * 4))));
      const pc = f.local("i32", plus(get(c0), i32.mul(plus(i32.mul(row, int(c.row)), column), int(4))));
      const sums: Local[][] = Array.from({ length: height }, () =>
        Array.from({ length: width }, () => f.local("v128", v.constant(0))),
      );
      const step = (lanes: number): void => {
        const masked = (x: Code): Code => (lanes === 4 ? x : v.firstLanes(x, lanes));
        const right = Array.from({ length: width }, (_, j) => f.local("v128", masked(v.load(get(pb), j * b.row * 4))));
        for (let i = 0; i < height; i++) {
          const left = f.local("v128", masked(v.load(get(pa), i * a.row * 4)));
          right.forEach((r, j) => f.mulAdd(sums[i][j], get(left), get(r)));
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
            s32.add(v.lane(get(sum), 0), v.lane(get(sum), 1)),
            s32.add(v.lane(get(sum), 2), v.lane(get(sum), 3)),
          );
          f.do(s32.store(get(pc), accumulate ? s32.add(s32.load(get(pc), offset), total) : total, offset));
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
      const to = f.local("i32", get(turned));
      f.for(
        k * 4,
        (p) => {
          const from = f.local("i32", plus(get(input.b), get(p)));
          f.for(n, () => {
            f.do(s32.store(get(to), s32.load(get(from))));
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
    const first = f.local("i32", i32.mul(get(chunk), int(per)));
    const rows = (count: number): void => {
      const c = { at: plus(get(y), i32.mul(get(first), int(n * 4))), row: n };
      const a = attrs.transposeA
        ? { at: plus(get(input.a), i32.mul(get(first), int(4))), row: 1, inner: m }
        : { at: plus(get(input.a), i32.mul(get(first), int(k * 4))), row: k, inner: 1 };
      if (attrs.transposeB && !turn) gemmTransposed(f, [count, n, k], a, { at: get(input.b), row: k }, c);
      else gemm(f, [count, n, k], a, { at: turn ? get(turned) : get(input.b), inner: n }, c);
    };
    const whole = m - (m % per);
    if (whole > 0) f.if(i32.ltU(get(first), int(whole)), () => rows(per));
    if (whole < m) f.if(i32.geU(get(first), int(whole)), () => rows(m - whole));
  });
};
