// Sparse wavelet coefficients by FISTA, unrolled in the graph.
import {
  arithmetic,
  ConfigError,
  formatShape,
  ShapeError,
  type GraphBuilder,
  type Value,
} from "../../engine/index.ts";
import type { Operator } from "../operators/operator.ts";
import { atUnitScale, type Reconstructor } from "../reconstructor.ts";
import { describeWeight, weightFor, withUnits, type WeightOptions } from "./tuned.ts";

const r3 = Math.sqrt(3);
/** Low-pass filters of orthonormal wavelets. Source: Daubechies 1988. */
const lowPass: Readonly<Record<"haar" | "db2", readonly number[]>> = {
  haar: [1, 1].map((v) => v / Math.SQRT2),
  db2: [1 + r3, 3 + r3, 3 - r3, 1 - r3].map((v) => v / (4 * Math.SQRT2)),
};
export type Wavelet = keyof typeof lowPass;

/** Four kernels [4,1,L,L]: both passes along both axes, the first low along both. */
function kernelsOf(wavelet: Wavelet): { kernels: Float64Array; size: number } {
  const low = lowPass[wavelet];
  const high = low.map((_, i) => (i % 2 === 0 ? 1 : -1) * low[low.length - 1 - i]);
  const pairs = [
    [low, low],
    [low, high],
    [high, low],
    [high, high],
  ];
  return {
    kernels: Float64Array.from(pairs.flatMap(([v, h]) => v.flatMap((a) => h.map((b) => a * b)))),
    size: low.length,
  };
}
/** Columns or rows of a period, and as many of the next as a kernel reaches past the last step. */
const wrap = (n: number, size: number): number[] =>
  Array.from({ length: n + size - 2 }, (_, i) => i % n);
/** A kernel of two cells, in steps of two, never reaches into the next period. */
const reachesOn = (size: number): boolean => size > 2;

/**
 * One level of the periodic, orthonormal transform of images [N,1,H,W]: [N,4,H/2,W/2], the coarse
 * image first. H and W must be even.
 */
function analysis(b: GraphBuilder, x: Value, wavelet: Wavelet): Value {
  const { kernels, size } = kernelsOf(wavelet);
  const [, , H, W] = x.shape;
  const wrapped = (image: Value, axis: number, n: number): Value =>
    b.emit("take", { x: image }, { axis, indices: wrap(n, size) });
  return b.emit(
    "conv2d",
    {
      x: reachesOn(size) ? wrapped(wrapped(x, 2, H), 3, W) : x,
      w: b.constant(kernels, [4, 1, size, size]),
    },
    { stride: [2, 2], padding: [0, 0], dilation: [1, 1], groups: 1 },
  );
}
/** Its adjoint, which is its inverse. */
function synthesis(b: GraphBuilder, c: Value, wavelet: Wavelet): Value {
  const { kernels, size } = kernelsOf(wavelet);
  const [, , h, w] = c.shape;
  const wide = b.emit(
    "conv_transpose2d",
    { x: c, w: b.constant(kernels, [4, 1, size, size]) },
    { stride: [2, 2], padding: [0, 0], dilation: [1, 1], groups: 1, outputPadding: [0, 0] },
  );
  const folded = (image: Value, axis: number, n: number): Value =>
    b.emit("take_grad", { dy: image }, { axis, indices: wrap(n, size), size: n });
  return reachesOn(size) ? folded(folded(wide, 3, 2 * w), 2, 2 * h) : wide;
}

/**
 * Replaces every detail coefficient c by c·max(0, 1 − t/|c|), |c| over real and imaginary part; the
 * coarsest image is left as it is. x [N,2,H,W]. This is the proximal map of t·Σ|details|.
 */
export function shrinkDetails(
  b: GraphBuilder,
  x: Value,
  options: { threshold: number; wavelet: Wavelet; levels: number },
): Value {
  const { threshold, wavelet, levels } = options;
  const [N, C, H, W] = x.shape;
  if (C !== 2 || H % 2 ** levels !== 0 || W % 2 ** levels !== 0)
    throw new ShapeError(
      `shrinkDetails: ${levels} levels need complex images whose sizes are multiples of ${2 ** levels}, got ${formatShape(x.shape)}`,
      { shape: x.shape },
    );
  const { add, div, mul, relu, reshape, slice, sqrt, square, sub, sum, concat } = arithmetic(b);
  const level = (image: Value, depth: number): Value => {
    const coefficients = analysis(b, image, wavelet);
    const [, , h, w] = coefficients.shape;
    const coarse = slice(coefficients, 1, 0, 1);
    const pairs = reshape(slice(coefficients, 1, 1, 4), [N, 2, 3 * h * w]);
    const size = sqrt(add(sum(square(pairs), [1]), 1e-12));
    const shrunk = mul(
      pairs,
      reshape(relu(sub(1, div(b.scalar(threshold), size))), [N, 1, 3 * h * w]),
    );
    const next = depth + 1 < levels ? level(coarse, depth + 1) : coarse;
    return synthesis(b, concat([next, reshape(shrunk, [2 * N, 3, h, w])], 1), wavelet);
  };
  return reshape(level(reshape(x, [2 * N, 1, H, W]), 0), x.shape);
}

type WaveletSparsity = WeightOptions & {
  readonly iterations: number;
  readonly wavelet: Wavelet;
  readonly levels: number;
  readonly spin: boolean;
};

/** Of measurements whose units make them so many times as large. */
function inUnits(options: WaveletSparsity, units: number): Reconstructor {
  const { iterations, wavelet, levels, spin } = options;
  const solve = (
    b: GraphBuilder,
    y: Value,
    initial: Value,
    operator: Operator,
    weight: number,
  ): Value => {
    const { add, mul, roll, sub } = arithmetic(b);
    const step = 1 / (operator.norm ?? 1) ** 2;
    const scaled = (v: Value): Value => (step === 1 ? v : mul(v, step));
    const data = operator.adjoint(b, y);
    /**
     * Shrinks on a grid moved by (down, right), so that its blocks never lie twice in one place.
     */
    const shrink = (image: Value, down: number, right: number): Value => {
      const options = { threshold: step * weight, wavelet, levels };
      if (down === 0 && right === 0) return shrinkDetails(b, image, options);
      return roll(
        roll(shrinkDetails(b, roll(roll(image, 2, down), 3, right), options), 2, -down),
        3,
        -right,
      );
    };
    const period = spin ? 2 ** levels : 1;
    let [x, ahead, t] = [initial, initial, 1];
    for (let k = 0; k < iterations; k++) {
      const gradient = sub(operator.adjoint(b, operator.forward(b, ahead)), data);
      const next = shrink(sub(ahead, scaled(gradient)), (3 * k) % period, (5 * k) % period);
      const tNext = (1 + Math.sqrt(1 + 4 * t * t)) / 2;
      ahead = add(next, mul(sub(next, x), (t - 1) / tNext));
      [x, t] = [next, tNext];
    }
    return x;
  };
  return {
    name: "wavelet sparsity",
    classical: true,
    description: {
      kind: "waveletSparsity",
      ...describeWeight(options),
      iterations,
      wavelet,
      levels,
      spin,
    },
    requires: ["norm"],
    ...withUnits(inUnits, options, units),
    apply(b, y, operator) {
      const weight = weightFor("waveletSparsity", operator, options, units);
      const body = (scaled: Value, initial: Value): Value =>
        solve(b, scaled, initial, operator, weight.lambda);
      return atUnitScale(operator, b, y, body, weight.ratio);
    },
  };
}

/**
 * x̂ = argmin ½‖Ax − y‖² + λ·Σ|details of x| at unit image scale, by `iterations` of FISTA with
 * step 1/‖A‖², over an orthonormal periodic wavelet transform. With `spin` (default) every
 * iteration moves the transform's grid, which removes its blocks but makes x̂ an approximation to
 * the translation-invariant problem, no longer the minimiser of one cost. Throws ConfigError for a
 * λ or count that is not positive, ShapeError for image sizes that `levels` halvings do not divide.
 * Source: Beck & Teboulle 2009; Lustig, Donoho, Pauly 2007; Coifman & Donoho 1995 for the moving
 * grid.
 */
export function waveletSparsity(
  options: {
    lambda?: number;
    sigma?: number;
    iterations?: number;
    wavelet?: Wavelet;
    levels?: number;
    spin?: boolean;
  } = {},
): Reconstructor {
  const { lambda, sigma, iterations = 60, wavelet = "haar", levels = 4, spin = true } = options;
  if (!((lambda ?? 1) > 0) || !((sigma ?? 0) >= 0) || !(iterations >= 1) || !(levels >= 1))
    throw new ConfigError(
      `waveletSparsity: lambda ${lambda}, iterations ${iterations} and levels ${levels} must be positive, sigma ${sigma} not negative`,
      { lambda, iterations, levels, sigma },
    );
  return inUnits({ ...options, iterations, wavelet, levels, spin }, 1);
}
