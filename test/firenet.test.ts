// FIRENET: it nears the minimum of its square-root LASSO geometrically, in float64, and its
// perturbations stay small.
import { describe, expect, it } from "vitest";
import { arithmetic, ConfigError, GraphBuilder, openBackend, ops, type Value } from "fiducial/engine";
import {
  brainPhantoms,
  firenet,
  gaussianNoise,
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

/** λ·Σ|details| + ‖Ax − y‖ at unit scale, with one level of Haar as the method has it. */
const lambda = 0.01;
const b = new GraphBuilder(ops);
const f = arithmetic(b);
const image = b.input("x", [1, 2, 16, 16]);
b.output(
  "misfit",
  f.sqrt(f.sum(f.square(f.sub(operator.forward(b, image), b.constant(Float64Array.from(y), [1, 2, 16, 16]))))),
);
const plan = await backend.compile(b);
async function cost(x: Float64Array, scale: number): Promise<number> {
  let details = 0;
  for (let r = 0; r < 16; r += 2)
    for (let c = 0; c < 16; c += 2) {
      const at = (part: number, i: number, j: number): number => x[part * 256 + (r + i) * 16 + c + j];
      for (const [p, q, s] of [
        [1, -1, -1],
        [-1, 1, -1],
        [-1, -1, 1],
      ])
        details += Math.hypot(
          ...[0, 1].map((part) => (at(part, 0, 0) + p * at(part, 0, 1) + q * at(part, 1, 0) + s * at(part, 1, 1)) / 2),
        );
    }
  return (lambda * details + (await plan.execute({ x })).misfit[0]) / scale;
}

describe("FIRENET", () => {
  const at = (outer: number, inner = 40): Promise<Float64Array> =>
    reconstruct(firenet({ lambda, outer, inner, levels: 1 }), y, operator, backend);
  it("comes nearer to the minimum of its cost with every restart, by a factor on the mean", async () => {
    const scale = Math.sqrt(
      (await reconstruct(zeroFilled(), y, operator, backend)).reduce((s, v) => s + v * v, 0) / 512,
    );
    const best = await cost(await at(14, 200), scale);
    const gaps = await Promise.all([1, 2, 3, 4, 5, 6].map(async (n) => (await cost(await at(n), scale)) - best));
    for (let n = 1; n < gaps.length; n++) expect(gaps[n]).toBeLessThan(gaps[n - 1]);
    // e⁻¹ at every restart, less what float64 and the remaining gap of the best one leave
    expect(gaps[5] / gaps[0]).toBeLessThan(Math.exp(-3));
    expect(gaps[5]).toBeGreaterThan(-1e-9);
  });
  it("is bounded where data are all there: it answers noise by about as much", async () => {
    const full = subsampledFourier({ mask: maskFrom(new Uint8Array(256).fill(1), shape) });
    const method = firenet();
    const clean = await measure(
      inverseProblem({ operator: full, noise: gaussianNoise({ sigma: 0 }), images: problem.images }),
      { image: 0, seed: 1, backend },
    );
    const noisy = clean.map((v, k) => v + 0.01 * Math.sin(7 * k));
    const before = await reconstruct(method, clean, full, backend);
    const after = await reconstruct(method, noisy, full, backend);
    expect(norm(after.map((v, k) => v - before[k])) / norm(noisy.map((v, k) => v - clean[k]))).toBeLessThan(1.5);
  });
  it.each([
    [1, 10],
    [3, 20],
    [6, 30],
  ])("ends at 1.5·10⁻ᴷ from both minimisers that an input known to 2⁻ⁿ may mean, K = %i, n = %i", async (K, n) => {
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
      const truth = Float64Array.from({ length: 21 }, (_, k) => (k === which ? height / (a + 2 ** -n) : 0));
      expect(norm(truth.map((v, k) => v - z[k])) / (1.5 * 10 ** -K)).toBeCloseTo(1, 2);
    }
  });
  it("refuses counts that are none", () => {
    expect(() => firenet({ inner: 0 })).toThrow(ConfigError);
  });
});
