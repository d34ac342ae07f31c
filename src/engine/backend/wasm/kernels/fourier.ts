// The 2-D Fourier transform: a mixed-radix Stockham transform of four lines at a time, the shifts
// folded into load and store; Bluestein's for lengths with a large prime.
import { sizeOf } from "../../../core/shape.ts";
import { rootsOfUnity } from "../../../ops/fft2.ts";
import type { FunctionBuilder } from "../encoder/function.ts";
import { i32, v, type Code, type Local, type Operand } from "../encoder/instructions.ts";
import { gatherLanes, transpose4 } from "./vectors.ts";
import { pieces, unitsOf, type Kernel, type Pass } from "../kernel.ts";

function radices(n: number): number[] {
  const found: number[] = [];
  let rest = n;
  for (const p of [4, 2, 3, 5, 7])
    while (rest % p === 0) {
      found.push(p);
      rest /= p;
    }
  for (let p = 11; rest > 1; p += 2)
    while (rest % p === 0) {
      found.push(p);
      rest /= p;
    }
  return found;
}
interface Pair {
  re: Local;
  im: Local;
}
const exact = (x: number): number =>
  Math.abs(x) < 1e-12 ? 0 : Math.abs(x - 1) < 1e-12 ? 1 : Math.abs(x + 1) < 1e-12 ? -1 : x;

/** sum + x·c, or nothing to add */
function addScaled(sum: Operand | undefined, x: Operand, c: number): Operand | undefined {
  if (c === 0) return sum;
  const scaled = Math.abs(c) === 1 ? x : v.mul(x, Math.abs(c));
  if (sum === undefined) return c < 0 ? v.neg(scaled) : scaled;
  return c < 0 ? v.sub(sum, scaled) : v.add(sum, scaled);
}

/**
 * A transform of odd length r: x_t ± x_{r−t} first, so that y_u and y_{r−u} share their products.
 */
function oddButterfly(
  f: FunctionBuilder,
  x: readonly Pair[],
  r: number,
  cosR: Float64Array,
  sinR: Float64Array,
  sign: number,
  store: (u: number, re: Operand, im: Operand) => void,
): void {
  const keep = (c: Operand): Local => f.v128(c);
  const half = (r - 1) / 2;
  const [sums, differences] = [v.add, v.sub].map((op) =>
    Array.from(
      { length: half },
      (_, i): Pair => ({
        re: keep(op(x[i + 1].re, x[r - 1 - i].re)),
        im: keep(op(x[i + 1].im, x[r - 1 - i].im)),
      }),
    ),
  );
  const total = (part: keyof Pair): Operand => sums.reduce((sum: Operand, z) => v.add(sum, z[part]), x[0][part]);
  store(0, total("re"), total("im"));
  for (let u = 1; u <= half; u++) {
    const angle = (t: number): number => (t * u) % r;
    const even = (part: keyof Pair): Local =>
      keep(sums.reduce((sum: Operand, z, i) => v.add(sum, v.mul(z[part], cosR[angle(i + 1)])), x[0][part]));
    const odd = (part: keyof Pair): Local =>
      keep(differences.map((z, i) => v.mul(z[part], sign * sinR[angle(i + 1)])).reduce((sum, c) => v.add(sum, c)));
    const [re, im, oddRe, oddIm] = [even("re"), even("im"), odd("re"), odd("im")];
    store(u, v.sub(re, oddIm), v.add(im, oddRe));
    store(r - u, v.add(re, oddIm), v.sub(im, oddRe));
  }
}

/**
 * One Stockham stage: to[q + s(r·p + u)] = w^{pu}·Σ_t from[q + s(p + t·m)]·ω^{tu}; an element is
 * four re, four im: 32 bytes.
 */
function stage(
  f: FunctionBuilder,
  n: number,
  s: number,
  r: number,
  inverse: boolean,
  from: Local,
  to: Local,
  table: (values: Float32Array) => number,
): void {
  const m = n / r;
  const [cosN, sinN] = rootsOfUnity(n);
  const [cosR, sinR] = rootsOfUnity(r);
  const sign = inverse ? 1 : -1;
  const twiddles = new Float32Array(m * r * 2);
  for (let p = 0; p < m; p++)
    for (let u = 0; u < r; u++) twiddles.set([cosN[(p * u) % n], sign * sinN[(p * u) % n]], (p * r + u) * 2);
  const w = f.i32(table(twiddles));
  const source = f.i32(from);
  const target = f.i32(to);
  const store = (at: Operand, u: Operand, re: Operand, im: Operand): void => {
    const offset = typeof u === "number" ? u * 8 : 0;
    const base = typeof u === "number" ? w : i32.add(w, u);
    const [a, b] = [f.v128(re), f.v128(im)];
    if (u !== 0 && m > 1) {
      const [c, d] = [f.v128(v.loadSplat(base, offset)), f.v128(v.loadSplat(base, offset + 4))];
      f.do(v.store(at, v.sub(v.mul(a, c), v.mul(b, d))));
      f.do(v.store(at, v.add(v.mul(a, d), v.mul(b, c)), 16));
    } else {
      f.do(v.store(at, a));
      f.do(v.store(at, b, 16));
    }
  };
  const roots =
    r > 7
      ? table(Float32Array.from({ length: 2 * r }, (_, i) => (i % 2 === 0 ? cosR[i >> 1] : sign * sinR[i >> 1])))
      : 0;
  f.for(m, () => {
    f.for(
      s * 32,
      (q) => {
        const a = f.i32(i32.add(source, q));
        const y = f.i32(i32.add(target, q));
        if (r <= 7) {
          const x: Pair[] = Array.from({ length: r }, (_, t) => ({
            re: f.v128(v.load(a, t * m * s * 32)),
            im: f.v128(v.load(a, t * m * s * 32 + 16)),
          }));
          if (r === 2 || r === 4)
            for (let u = 0; u < r; u++) {
              let re: Operand | undefined;
              let im: Operand | undefined;
              x.forEach((z, t) => {
                const c = exact(cosR[(t * u) % r]);
                const d = exact(sign * sinR[(t * u) % r]);
                re = addScaled(addScaled(re, z.re, c), z.im, -d);
                im = addScaled(addScaled(im, z.im, c), z.re, d);
              });
              store(i32.add(y, u * s * 32), u, re!, im!);
            }
          else oddButterfly(f, x, r, cosR, sinR, sign, (u, re, im) => store(i32.add(y, u * s * 32), u, re, im));
          return;
        }
        // a large prime: the definition, with the root's index u·t mod r stepped along
        f.for(
          r * 8,
          (u) => {
            const [re, im] = [f.v128(0), f.v128(0)];
            const index = f.i32(0);
            const x = f.i32(a);
            f.for(r, () => {
              const c = f.v128(v.loadSplat(index, roots));
              const d = f.v128(v.loadSplat(index, roots + 4));
              const [xr, xi] = [f.v128(v.load(x)), f.v128(v.load(x, 16))];
              f.set(re, v.add(re, v.sub(v.mul(xr, c), v.mul(xi, d))));
              f.set(im, v.add(im, v.add(v.mul(xr, d), v.mul(xi, c))));
              f.advance(x, m * s * 32);
              f.set(index, i32.add(index, u));
              f.if(i32.geU(index, r * 8), () => f.advance(index, -r * 8));
            });
            store(i32.add(y, i32.mul(u, s * 4)), u, re, im);
          },
          8,
        );
      },
      32,
    );
    f.advance(w, r * 8);
    f.advance(source, s * 32);
    f.advance(target, r * s * 32);
  });
}

/** All stages of a transform of length n; gives the buffer that holds the result. */
function stages(
  f: FunctionBuilder,
  n: number,
  inverse: boolean,
  buffers: readonly [Local, Local],
  table: (values: Float32Array) => number,
): Local {
  let [a, b] = buffers;
  let rest = n;
  for (const r of radices(n)) {
    stage(f, rest, n / rest, r, inverse, a, b, table);
    rest /= r;
    [a, b] = [b, a];
  }
  return a;
}

/** Above this prime the definition takes longer than Bluestein's convolution. */
const LARGEST_PRIME = 61;
const needsBluestein = (n: number): boolean => radices(n).some((r) => r > LARGEST_PRIME);
/** The length that n is transformed through. */
const lengthFor = (n: number): number => (needsBluestein(n) ? 2 ** Math.ceil(Math.log2(2 * n - 1)) : n);

interface Bluestein {
  readonly n: number;
  readonly m: number;
  readonly chirp: Float32Array;
  readonly kernel: Float32Array;
}
/**
 * X_k = c_k Σ_j (x_j c_j) c̄_{k−j} with c_j = e^{∓πij²/n}: a convolution, done by transforms of
 * length m. Source: Bluestein 1970.
 */
function chirps(n: number, inverse: boolean): Bluestein {
  const m = lengthFor(n);
  const sign = inverse ? 1 : -1;
  const [cos2n, sin2n] = rootsOfUnity(2 * n);
  const chirp = new Float32Array(2 * n);
  const [re, im] = [new Float64Array(m), new Float64Array(m)];
  for (let j = 0; j < n; j++) {
    const at = (j * j) % (2 * n);
    chirp.set([cos2n[at], sign * sin2n[at]], 2 * j);
    for (const place of [j, (m - j) % m]) [re[place], im[place]] = [cos2n[at], -sign * sin2n[at]];
  }
  // the kernel's own transform, in float64, with the inverse transform's 1/m
  const [cosM, sinM] = rootsOfUnity(m);
  const kernel = new Float32Array(2 * m);
  for (let k = 0; k < m; k++) {
    let [x, y] = [0, 0];
    for (let j = 0; j < m; j++) {
      const t = (j * k) % m;
      x += re[j] * cosM[t] + im[j] * sinM[t];
      y += im[j] * cosM[t] - re[j] * sinM[t];
    }
    kernel.set([x / m, y / m], 2 * k);
  }
  return { n, m, chirp, kernel };
}
/** buffer[j] *= factors[j] */
function multiply(f: FunctionBuilder, buffer: Local, factors: number, count: number): void {
  const cell = f.i32(buffer);
  const factor = f.i32(factors);
  f.for(count, () => {
    const [re, im] = [f.v128(v.load(cell)), f.v128(v.load(cell, 16))];
    const [c, d] = [f.v128(v.loadSplat(factor)), f.v128(v.loadSplat(factor, 4))];
    f.do(v.store(cell, v.sub(v.mul(re, c), v.mul(im, d))));
    f.do(v.store(cell, v.add(v.mul(re, d), v.mul(im, c)), 16));
    f.advance(cell, 32);
    f.advance(factor, 8);
  });
}
function convolved(
  f: FunctionBuilder,
  { n, m, chirp, kernel }: Bluestein,
  buffers: readonly [Local, Local],
  table: (values: Float32Array) => number,
): Local {
  const c = table(chirp);
  multiply(f, buffers[0], c, n);
  f.zero(i32.add(buffers[0], n * 32), (m - n) * 32);
  const spectrum = stages(f, m, false, buffers, table);
  multiply(f, spectrum, table(kernel), m);
  const result = stages(f, m, true, [spectrum, spectrum === buffers[0] ? buffers[1] : buffers[0]], table);
  multiply(f, result, c, n);
  return result;
}

interface Axis {
  n: number;
  step: number;
  lines: number;
  lineStep: number;
}
/**
 * Transforms `per` groups of four lines of one axis, the chunk's; `from` and `to` point at the real
 * plane, the imaginary one is `plane` bytes further.
 */
function transformAxis(
  f: FunctionBuilder,
  { n, step, lines, lineStep }: Axis,
  plane: number,
  inverse: boolean,
  from: Local,
  to: Local,
  buffers: readonly [Local, Local],
  table: (values: Float32Array) => number,
  chunk: Local,
  per: number,
): void {
  const half = Math.floor(n / 2);
  const scale = 1 / Math.sqrt(n);
  const bluestein = needsBluestein(n) ? chirps(n, inverse) : undefined;
  const group = (offset: Operand, lanes: number): void => {
    const source = f.i32(i32.add(from, offset));
    const target = f.i32(i32.add(to, offset));
    const load = (at: Local, part: number): Code => {
      if (lineStep === 1) return v.load(at, part * plane);
      return gatherLanes(at, lanes, lineStep * 4, part * plane);
    };
    // element j of the transform is element (j + ⌊n/2⌋) mod n of the line, going in and coming out
    const run = (
      count: number,
      first: number,
      shift: number,
      visit: (line: Local, cell: Local) => void,
      visit4: (line: Local, cell: Local) => void,
      line0: Local,
      buffer: Local,
    ): void => {
      const line = f.i32(i32.add(line0, shift * step * 4));
      const cell = f.i32(i32.add(buffer, first * 32));
      // rows go four elements at a time, a square of 4 × 4 turned in registers
      const squares = step === 1 && lanes === 4 ? Math.floor(count / 4) : 0;
      f.for(squares, () => {
        visit4(line, cell);
        f.advance(line, 16);
        f.advance(cell, 128);
      });
      f.for(count - 4 * squares, () => {
        visit(line, cell);
        f.advance(line, step * 4);
        f.advance(cell, 32);
      });
    };
    const into4 = (line: Local, cell: Local): void => {
      for (const part of [0, 1]) {
        transpose4(
          f,
          [0, 1, 2, 3].map((row) => f.v128(v.load(line, part * plane + row * lineStep * 4))),
        ).forEach((x, j) => f.do(v.store(cell, x, j * 32 + part * 16)));
      }
    };
    const outOf4 = (line: Local, cell: Local): void => {
      for (const part of [0, 1]) {
        transpose4(
          f,
          [0, 1, 2, 3].map((j) => f.v128(v.mul(v.load(cell, j * 32 + part * 16), scale))),
        ).forEach((x, row) => f.do(v.store(line, x, part * plane + row * lineStep * 4)));
      }
    };
    const into = (line: Local, cell: Local): void => {
      f.do(v.store(cell, load(line, 0)));
      f.do(v.store(cell, load(line, 1), 16));
    };
    run(n - half, 0, half, into, into4, source, buffers[0]);
    run(half, n - half, 0, into, into4, source, buffers[0]);
    const a = bluestein ? convolved(f, bluestein, buffers, table) : stages(f, n, inverse, buffers, table);
    const outOf = (line: Local, cell: Local): void => {
      for (const part of [0, 1]) {
        const x = f.v128(v.mul(v.load(cell, part * 16), scale));
        if (lineStep === 1 && lanes === 4) f.do(v.store(line, x, part * plane));
        else
          for (let lane = 0; lane < lanes; lane++) f.do(v.storeLane(line, x, lane, part * plane + lane * lineStep * 4));
      }
    };
    run(n - half, 0, half, outOf, outOf4, target, a);
    run(half, n - half, 0, outOf, outOf4, target, a);
  };
  // groups of four lines, shared out in chunks; the last may be smaller
  const groups = Math.ceil(lines / 4);
  const [first, last] = unitsOf(f, chunk, groups, per);
  const whole = Math.floor(lines / 4);
  const wholeLast = groups === whole ? last : f.i32(i32.sub(last, i32.geU(last, groups)));
  f.range(first, wholeLast, 1, (i) => group(i32.mul(i, 4 * lineStep * 4), 4));
  if (groups > whole) f.if(i32.ne(last, wholeLast), () => group(whole * 4 * lineStep * 4, lines - whole * 4));
}

export const fft2: Kernel<"fft2"> = (k) => {
  const [H, W] = k.out.slice(-2);
  const images = sizeOf(k.out) / (2 * H * W);
  const bytes = Math.max(lengthFor(H), lengthFor(W)) * 32;
  const axis = ({ n, step, lines, lineStep }: Axis, from: (p: Pass<"x", { inverse: boolean }>) => Local): void => {
    const groups = Math.ceil(lines / 4);
    const per = Math.ceil(groups / pieces(groups, 16 * n * Math.log2(n)));
    const chunks = Math.ceil(groups / per);
    k.pass(images * chunks, (p) => {
      const { f } = p;
      const room = p.scratch(2 * bytes);
      const buffers = [room, f.i32(i32.add(room, bytes))] as const;
      const image = f.i32(i32.mul(i32.divU(p.chunk, chunks), 2 * H * W * 4));
      const chunk = f.i32(i32.remU(p.chunk, chunks));
      transformAxis(
        f,
        { n, step, lines, lineStep },
        H * W * 4,
        k.attrs.inverse,
        f.i32(i32.add(from(p), image)),
        f.i32(i32.add(p.y, image)),
        buffers,
        p.table,
        chunk,
        per,
      );
    });
  };
  axis({ n: W, step: 1, lines: H, lineStep: W }, (p) => p.input.x);
  axis({ n: H, step: W, lines: W, lineStep: 1 }, (p) => p.y);
};
