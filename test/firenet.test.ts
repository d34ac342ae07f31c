// FIRENET: its frame, and that it nears the minimum of its square-root LASSO geometrically, in
// float64, and its perturbations stay small.
import { describe, expect, it } from "vitest";
import {
  arithmetic,
  ConfigError,
  GraphBuilder,
  openBackend,
  ops,
  random,
  type Value,
} from "fiducial/engine";
import {
  brainPhantoms,
  firenet,
  gaussianNoise,
  haarAdjoint,
  haarDetails,
  inverseProblem,
  maskFrom,
  measure,
  norm,
  reconstruct,
  restartedPrimalDual,
  subsampledFourier,
  variableDensityMask,
  zeroFilled,
} from "fiducial/imaging";

const shape = [16, 16] as const;
const backend = await openBackend("reference");
const mask = variableDensityMask({ shape, acceleration: 2, centerFraction: 0.2, seed: 2 });
const operator = subsampledFourier({ mask });
const problem = inverseProblem({
  operator,
  noise: gaussianNoise({ sigma: 0.05 }),
  images: brainPhantoms({ shape, count: 1, seed: 3 }),
});
const y = await measure(problem, { image: 0, seed: 1, backend });

/** λ·½·Σ|details of the finest scale| + ‖Ax − y‖ at unit scale. */
const lambda = 0.01;
const b = new GraphBuilder(ops);
const f = arithmetic(b);
const image = b.input("x", [1, 2, 16, 16]);
b.output(
  "misfit",
  f.sqrt(
    f.sum(
      f.square(f.sub(operator.forward(b, image), b.constant(Float64Array.from(y), [1, 2, 16, 16]))),
    ),
  ),
);
const plan = await backend.compile(b);
async function cost(x: Float64Array, scale: number): Promise<number> {
  let details = 0;
  for (let r = 0; r < 16; r++)
    for (let c = 0; c < 16; c++) {
      const at = (part: number, i: number, j: number): number =>
        x[part * 256 + ((r + i) % 16) * 16 + ((c + j) % 16)];
      const three = [
        [1, -1, -1],
        [-1, 1, -1],
        [-1, -1, 1],
      ].flatMap(([p, q, s]) =>
        [0, 1].map(
          (part) =>
            (at(part, 0, 0) + p * at(part, 0, 1) + q * at(part, 1, 0) + s * at(part, 1, 1)) / 4,
        ),
      );
      details += Math.hypot(...three) / 2;
    }
  return (lambda * details + (await plan.execute({ x })).misfit[0]) / scale;
}

describe("the undecimated Haar frame", () => {
  const draw = (size: number, seed: number): Float64Array => {
    const rng = random(seed);
    return Float64Array.from({ length: size }, () => rng.normal());
  };
  const inner = (p: ArrayLike<number>, q: ArrayLike<number>): number =>
    Array.from(p).reduce((sum, v, k) => sum + v * q[k], 0);
  /** Every detail of x [1,1,H,W], scale by scale. */
  async function detailsOf(
    x: Float64Array,
    [H, W]: readonly number[],
    levels: number,
  ): Promise<Float64Array[]> {
    const b = new GraphBuilder(ops);
    const details = haarDetails(b, b.input("x", [1, 1, H, W]), levels).flat();
    for (const [k, v] of details.entries()) b.output(`d${k}`, v);
    const found = await (await backend.compile(b)).execute({ x });
    return details.map((_, k) => Float64Array.from(found[`d${k}`]));
  }
  /** Σ_j 2^−j Σ |details of scale j|, |·| over the three of a pixel. */
  const weighted = (details: Float64Array[]): number => {
    let sum = 0;
    for (let k = 0; k < details.length; k += 3)
      for (const place of details[k].keys())
        sum += Math.hypot(...details.slice(k, k + 3).map((v) => v[place])) / 2 ** (k / 3 + 1);
    return sum;
  };
  it.each([
    [8, 8, 3],
    [7, 10, 3],
    [5, 3, 2],
  ])("of %i×%i pixels and %i scales has an exact adjoint, and is tight", async (H, W, levels) => {
    const x = draw(H * W, 1);
    const d = Array.from({ length: 3 * levels }, (_, k) => draw(H * W, 2 + k));
    const b = new GraphBuilder(ops);
    const parts = d.map((values) => b.constant(values, [1, 1, H, W]));
    const triples = Array.from(
      { length: levels },
      (_, j) => [parts[3 * j], parts[3 * j + 1], parts[3 * j + 2]] as const,
    );
    b.output("x", haarAdjoint(b, triples));
    const { x: back } = await (await backend.compile(b)).execute({});
    const details = await detailsOf(x, [H, W], levels);
    const left = details.reduce((sum, v, k) => sum + inner(v, d[k]), 0);
    const sizes =
      details.reduce((sum, v) => sum + inner(v, v), 0) * d.reduce((sum, v) => sum + inner(v, v), 0);
    expect(Math.abs(left - inner(x, back)) / Math.sqrt(sizes)).toBeLessThan(1e-12);

    const side = 2 ** levels;
    const coarse = Float64Array.from({ length: H * W }, (_, k) => {
      let sum = 0;
      for (let i = 0; i < side; i++)
        for (let j = 0; j < side; j++)
          sum += x[((Math.floor(k / W) + i) % H) * W + (((k % W) + j) % W)];
      return sum / side ** 2;
    });
    const all = details.reduce((sum, v) => sum + inner(v, v), inner(coarse, coarse));
    expect(Math.abs(all / inner(x, x) - 1)).toBeLessThan(1e-12);
  });
  it("moves with the image", async () => {
    const x = draw(56, 1);
    const moved = Float64Array.from(
      { length: 56 },
      (_, k) => x[((Math.floor(k / 8) + 2) % 7) * 8 + (((k % 8) + 5) % 8)],
    );
    const [of, other] = [await detailsOf(x, [7, 8], 2), await detailsOf(moved, [7, 8], 2)];
    for (const [k, v] of of.entries())
      other[k].forEach((w, at) => {
        expect(w).toBe(v[((Math.floor(at / 8) + 2) % 7) * 8 + (((at % 8) + 5) % 8)]);
      });
  });
  it("weighted by 2^−j costs what the orthonormal transform costs on the mean over its grids", async () => {
    const n = 8;
    const x = draw(n * n, 5);
    /** Σ |three details| of the orthonormal transform on the grid that begins at (r, c). */
    const orthonormal = (r: number, c: number): number => {
      let [size, sum] = [n, 0];
      let image = Float64Array.from(
        { length: n * n },
        (_, k) => x[((Math.floor(k / n) + r) % n) * n + (((k % n) + c) % n)],
      );
      for (let j = 0; j < 3; j++) {
        const half = size / 2;
        const next = new Float64Array(half * half);
        for (const place of next.keys()) {
          const at = 2 * Math.floor(place / half) * size + 2 * (place % half);
          const [p, q, s, t] = [image[at], image[at + 1], image[at + size], image[at + size + 1]];
          next[place] = (p + q + s + t) / 2;
          sum += Math.hypot(p - q + s - t, p + q - s - t, p - q - s + t) / 2;
        }
        [image, size] = [next, half];
      }
      return sum;
    };
    let mean = 0;
    for (let r = 0; r < n; r++) for (let c = 0; c < n; c++) mean += orthonormal(r, c) / n ** 2;
    expect(weighted(await detailsOf(x, [n, n], 3)) / mean).toBeCloseTo(1, 12);
  });
});

describe("FIRENET", () => {
  const at = (outer: number, inner = 40): Promise<Float64Array> =>
    reconstruct(firenet({ lambda, outer, inner, levels: 1 }), y, operator, backend);
  it("comes nearer to the minimum of its cost with every restart, by a factor on the mean", async () => {
    const scale = Math.sqrt(
      (await reconstruct(zeroFilled(), y, operator, backend)).reduce((s, v) => s + v * v, 0) / 512,
    );
    const best = await cost(await at(10, 60), scale);
    const gaps: number[] = [];
    for (const outer of [1, 2, 3, 5]) gaps.push((await cost(await at(outer), scale)) - best);
    for (let n = 1; n < gaps.length; n++) expect(gaps[n]).toBeLessThan(gaps[n - 1]);
    // e⁻¹ at every one of four restarts, less what the remaining gap of the best one leaves
    expect(gaps[3] / gaps[0]).toBeLessThan(Math.exp(-3));
    expect(gaps[3]).toBeGreaterThan(-1e-9);
  });
  it("is bounded where data are all there: it answers noise by about as much", async () => {
    const full = subsampledFourier({ mask: maskFrom(new Uint8Array(256).fill(1), shape) });
    const method = firenet();
    const clean = await measure(
      inverseProblem({
        operator: full,
        noise: gaussianNoise({ sigma: 0 }),
        images: problem.images,
      }),
      { image: 0, seed: 1, backend },
    );
    const noisy = clean.map((v, k) => v + 0.01 * Math.sin(7 * k));
    const before = await reconstruct(method, clean, full, backend);
    const after = await reconstruct(method, noisy, full, backend);
    expect(
      norm(after.map((v, k) => v - before[k])) / norm(noisy.map((v, k) => v - clean[k])),
    ).toBeLessThan(1.5);
  });
  it.each([
    [1, 10],
    [3, 20],
    [6, 30],
  ])(
    "ends at 1.5·10⁻ᴷ from both minimisers that an input known to 2⁻ⁿ may mean, K = %i, n = %i",
    async (K, n) => {
      const a = 1.5;
      const height = (3 * 10 ** -K * a) / Math.SQRT2;
      const matrix = Float64Array.from({ length: 63 }, (_, k) =>
        k < 2 ? a : k % 21 >= 2 && Math.floor(k / 21) === (k % 21) - 1 ? 0.1 : 0,
      );
      const b = new GraphBuilder(ops);
      const { mul, relu, sub } = arithmetic(b);
      const A = b.constant(matrix, [3, 21]);
      const times = (v: Value, transposeB: boolean): Value =>
        b.emit("matmul", { a: v, b: A }, { transposeA: false, transposeB });
      const soft = (z: Value, t: number): Value =>
        mul(b.emit("sign", { x: z }, {}), relu(sub(b.emit("abs", { x: z }, {}), t)));
      b.output(
        "z",
        restartedPrimalDual(b, b.input("y", [1, 3]), {
          forward: (z) => times(z, true),
          adjoint: (v) => times(v, false),
          shrink: soft,
          outer: 18,
          inner: 20,
          delta: 1e-15,
          operatorNorm: Math.SQRT2 * (a + 2 ** -n),
        }),
      );
      const { z } = await (await backend.compile(b)).execute({ y: [height, 0, 0] });
      for (const which of [0, 1]) {
        const truth = Float64Array.from({ length: 21 }, (_, k) =>
          k === which ? height / (a + 2 ** -n) : 0,
        );
        expect(norm(truth.map((v, k) => v - z[k])) / (1.5 * 10 ** -K)).toBeCloseTo(1, 2);
      }
    },
  );
  it("refuses counts that are none", () => {
    expect(() => firenet({ inner: 0 })).toThrow(ConfigError);
  });
});
