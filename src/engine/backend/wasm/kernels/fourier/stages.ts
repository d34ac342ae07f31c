// A mixed-radix Stockham transform: stages from one view of the lines' elements to another.
import { rootsOfUnity } from "../../../../ops/fft2.ts";
import type { FunctionBuilder } from "../../encoder/function.ts";
import { address, i32, v, type Local, type Operand } from "../../encoder/instructions.ts";
import { butterfly, product, rootsOf, type Pair, type Roots } from "./butterflies.ts";

/**
 * The factors of n, in the order in which they are taken: a 4 first, odd ones, and the other even
 * ones last, whose results go to the fewest places at once.
 */
export function radices(n: number): number[] {
  const [fours, rest] = takeAll(4, n);
  const [twos, odd] = takeAll(2, rest);
  const others: number[] = [];
  let left = odd;
  for (let p = 3; left > 1; p += 2) {
    const [found, after] = takeAll(p, left);
    others.push(...found);
    left = after;
  }
  const even = [...fours, ...twos];
  return [...even.slice(0, 1), ...others, ...even.slice(1)];
}
/** All factors p of n, and what is left of it. */
function takeAll(p: number, n: number): [found: number[], rest: number] {
  const found: number[] = [];
  let rest = n;
  while (rest % p === 0) {
    found.push(p);
    rest /= p;
  }
  return [found, rest];
}

/** Above this radix a butterfly would be too much code: the definition, in a loop. */
export const LARGEST_BUTTERFLY = 7;

/** Where the elements of lines lie, in bytes. */
export interface View {
  /** Element 0's real part. */
  readonly at: Local;
  /** From one element to the next. */
  readonly stride: number;
  /** From the real part to the imaginary one. */
  readonly plane: number;
}
/** A buffer of four lines side by side: an element is four real parts, then four imaginary ones. */
export const fourLines = (at: Local): View => ({ at, stride: 32, plane: 16 });

/** Keeps constant numbers; gives their address. */
export type Table = (values: Float32Array) => number;

/** What of a transform is left: length n, s times over; and the radix that is taken next. */
export interface Stage {
  readonly n: number;
  readonly s: number;
  readonly r: number;
  readonly inverse: boolean;
}
/** How a stage goes over its elements. */
export interface Manner {
  /** Elements of a line in a vector, which otherwise holds one element of each of four lines. */
  readonly wide?: number;
  /** Groups of lines that are done alike, `from` and `to` bytes from one to the next. */
  readonly groups?: { readonly count: number; readonly from: number; readonly to: number };
  /** For a first stage of even radix: element j lies at place (j + n/2) mod n. */
  readonly turnedIn?: boolean;
  /** For a last stage of even radix: so does what comes out. */
  readonly turnedOut?: boolean;
  /** What comes out, times this. */
  readonly scale?: number;
}

/** All stages of a transform of length n, in order. */
export function stagesOf(n: number, inverse: boolean): Stage[] {
  let s = 1;
  return radices(n).map((r) => {
    const stage = { n: n / s, s, r, inverse };
    s *= r;
    return stage;
  });
}

/** w^{pu}: cosine and sine for every p and u. */
export function twiddles({ n, inverse }: Stage): (p: number, u: number) => [number, number] {
  const [cos, sin] = rootsOfUnity(n);
  const sign = inverse ? 1 : -1;
  return (p, u) => [cos[(p * u) % n], sign * sin[(p * u) % n]];
}
function twiddleTable(stage: Stage): Float32Array {
  const { n, r } = stage;
  const m = n / r;
  const w = twiddles(stage);
  const values = new Float32Array(m * r * 2);
  for (let p = 0; p < m; p++) for (let u = 0; u < r; u++) values.set(w(p, u), (p * r + u) * 2);
  return values;
}

/** A complex number in all lanes. */
const splatted = (f: FunctionBuilder, at: Operand, offset: number): Pair => ({
  re: f.v128(v.loadSplat(at, offset)),
  im: f.v128(v.loadSplat(at, offset + 4)),
});
const scaled = (f: FunctionBuilder, { re, im }: Pair, scale: number): Pair => ({
  re: f.v128(v.mul(re, scale)),
  im: f.v128(v.mul(im, scale)),
});
function writePair(f: FunctionBuilder, at: Operand, { re, im }: Pair, plane: number): void {
  const target = f.i32(at);
  f.do(v.store(target, re));
  f.do(v.store(target, im, plane));
}

/** One Stockham stage: to[q + s(r·p + u)] = w^{pu}·Σ_t from[q + s(p + t·m)]·ω^{tu}. */
export function runStage(
  f: FunctionBuilder,
  stage: Stage,
  views: readonly [View, View],
  table: Table,
  manner: Manner = {},
): void {
  const { n, s, r, inverse } = stage;
  const [from, to] = views;
  const { turnedIn = false, turnedOut = false, scale } = manner;
  const m = n / r;
  const roots = rootsOf(r, inverse);
  const part = (t: number, turned: boolean): number => (turned ? (t + r / 2) % r : t);
  const w = f.i32(table(twiddleTable(stage)));
  const [source, target] = [f.i32(from.at), f.i32(to.at)];
  const element = (a: Local, y: Local, turns: readonly Pair[]): void => {
    const x = Array.from({ length: r }, (_, t): Pair => {
      const at = part(t, turnedIn) * m * s * from.stride;
      return { re: f.v128(v.load(a, at)), im: f.v128(v.load(a, at + from.plane)) };
    });
    butterfly(f, x, roots, (u, z) => {
      const turned = u > 0 && turns.length > 0 ? product(f, z, turns[u - 1]) : z;
      const out = scale === undefined ? turned : scaled(f, turned, scale);
      writePair(f, i32.add(y, part(u, turnedOut) * s * to.stride), out, to.plane);
    });
  };
  f.for(m, () => {
    // the same for all elements
    const turns = m === 1 ? [] : Array.from({ length: r - 1 }, (_, u) => splatted(f, w, 8 * u + 8));
    overElements(f, [source, target], { s, views, manner }, (a, y) => element(a, y, turns));
    f.advance(w, r * 8);
    f.advance(source, s * from.stride);
    f.advance(target, r * s * to.stride);
  });
}

/** Every vector of s elements, in every group of lines. */
function overElements(
  f: FunctionBuilder,
  [source, target]: readonly [Local, Local],
  { s, views, manner }: { s: number; views: readonly [View, View]; manner: Manner },
  body: (a: Local, y: Local) => void,
): void {
  const [from, to] = views;
  const { wide = 1, groups = { count: 1, from: 0, to: 0 } } = manner;
  const [a, y] = [f.i32(source), f.i32(target)];
  f.for(s / wide, () => {
    const [here, there] = [f.i32(a), f.i32(y)];
    f.for(groups.count, () => {
      body(here, there);
      f.advance(here, groups.from);
      f.advance(there, groups.to);
    });
    f.advance(a, wide * from.stride);
    f.advance(y, wide * to.stride);
  });
}

/** A stage of a large prime, between buffers of four lines: the definition, in loops. */
function runLongStage(
  f: FunctionBuilder,
  stage: Stage,
  [from, to]: readonly [Local, Local],
  table: Table,
): void {
  const { n, s, r, inverse } = stage;
  const m = n / r;
  const w = f.i32(table(twiddleTable(stage)));
  const rootsAt = table(rootTable(rootsOf(r, inverse)));
  const [source, target] = [f.i32(from), f.i32(to)];
  f.for(m, () => {
    const element = (q: Local): void => {
      const [a, y] = [f.i32(i32.add(source, q)), f.i32(i32.add(target, q))];
      longButterfly(f, a, { r, stride: m * s * 32, rootsAt }, (u, z) => {
        const out = m > 1 ? product(f, z, splatted(f, i32.add(w, u), 0)) : z;
        writePair(f, address(y, [u, s * 4]), out, 16);
      });
    };
    f.for(s * 32, element, 32);
    f.advance(w, r * 8);
    f.advance(source, s * 32);
    f.advance(target, r * s * 32);
  });
}

const rootTable = ({ r, cosR, sinR, sign }: Roots): Float32Array =>
  Float32Array.from({ length: 2 * r }, (_, i) =>
    i % 2 === 0 ? cosR[i >> 1] : sign * sinR[i >> 1],
  );

/** A large prime: the definition, with the root's index u·t mod r (here times 8) stepped along. */
function longButterfly(
  f: FunctionBuilder,
  from: Local,
  { r, stride, rootsAt }: { r: number; stride: number; rootsAt: number },
  take: (u: Local, y: Pair) => void,
): void {
  const output = (u: Local): void => {
    const [re, im] = [f.v128(0), f.v128(0)];
    const index = f.i32(0);
    const x = f.i32(from);
    f.for(r, () => {
      const c = f.v128(v.loadSplat(index, rootsAt));
      const d = f.v128(v.loadSplat(index, rootsAt + 4));
      const [xr, xi] = [f.v128(v.load(x)), f.v128(v.load(x, 16))];
      f.set(re, v.add(re, v.sub(v.mul(xr, c), v.mul(xi, d))));
      f.set(im, v.add(im, v.add(v.mul(xr, d), v.mul(xi, c))));
      f.advance(x, stride);
      f.set(index, i32.add(index, u));
      f.if(i32.geU(index, r * 8), () => f.advance(index, -r * 8));
    });
    take(u, { re, im });
  };
  f.for(r * 8, output, 8);
}

/** All stages between two buffers of four lines; gives the one that holds the result. */
export function runStages(
  f: FunctionBuilder,
  stages: readonly Stage[],
  buffers: readonly [Local, Local],
  table: Table,
): Local {
  let [a, b] = buffers;
  for (const stage of stages) {
    if (stage.r > LARGEST_BUTTERFLY) runLongStage(f, stage, [a, b], table);
    else runStage(f, stage, [fourLines(a), fourLines(b)], table);
    [a, b] = [b, a];
  }
  return a;
}
