// The scale law: f(s·y) = s·f(y), whatever the scanner's units.
import { describe, expect, it } from "vitest";
import {
  arithmetic,
  gradients,
  GraphBuilder,
  openBackend,
  ops,
  random,
  type Value,
} from "fiducial/engine";
import { nn } from "fiducial/learning";
import {
  networkReconstructor,
  reconstruct,
  subsampledFourier,
  totalVariation,
  variableDensityMask,
  zeroFilled,
} from "fiducial/imaging";
// its body is of no method in the public face
// biome-ignore lint/style/noRestrictedImports: see above
import { atUnitScale } from "../dist/imaging/reconstructor.js";

const backends = [await openBackend("reference"), await openBackend("wasm")];
const shape = [16, 16] as const;
const operator = subsampledFourier({
  mask: variableDensityMask({ shape, acceleration: 3, centerFraction: 0.2, seed: 1 }),
});
const rng = random(4);
const y = Float64Array.from({ length: 2 * 256 }, (_, i) => operator.measured[i] * rng.normal());
const scales = Array.from({ length: 13 }, (_, k) => 10 ** (2 * k - 12));
const difference = (p: ArrayLike<number>, q: ArrayLike<number>, s: number): number => {
  let [error, size] = [0, 0];
  for (let i = 0; i < p.length; i++) {
    error += (p[i] / s - q[i]) ** 2;
    size += q[i] ** 2;
  }
  return Math.sqrt(error / size);
};

describe("f(s·y) = s·f(y) for s from 1e-12 to 1e12", () => {
  const network = nn.unet({
    inChannels: 2,
    outChannels: 2,
    baseChannels: 4,
    depth: 2,
    seed: 1,
    size: shape,
    residual: true,
  });
  const methods = {
    "zero-filled": zeroFilled(),
    "U-Net": networkReconstructor({ network }),
    "unrolled U-Net": networkReconstructor({
      network,
      form: { iterations: 2, dataConsistency: true },
    }),
    "total variation": totalVariation(),
  };
  for (const [name, method] of Object.entries(methods))
    it(name, async () => {
      for (const backend of backends) {
        const one = await reconstruct(method, y, operator, backend);
        const tolerance = backend.name === "reference" ? 1e-12 : 1e-4;
        for (const s of scales) {
          const scaled = await reconstruct(
            method,
            y.map((v) => s * v),
            operator,
            backend,
          );
          expect(difference(scaled, one, s), `${backend.name} at ${s}`).toBeLessThan(tolerance);
        }
      }
    });
});

describe("atUnitScale", () => {
  /** Something that is not linear. */
  const graph = (n: number): GraphBuilder => {
    const b = new GraphBuilder(ops);
    const { add, square, sum } = arithmetic(b);
    const input = b.input("y", [n, 2, ...shape]);
    const body = (at: Value, initial: Value): Value => add(add(square(initial), at), 1);
    const x = atUnitScale(operator, b, input, body);
    b.output("x", x);
    b.output("gradient", gradients(b, sum(square(x)), [input])[0]);
    return b;
  };
  it("is exact for powers of two over float32's range, value and gradient", async () => {
    for (const backend of backends) {
      const plan = await backend.compile(graph(1));
      const one = await plan.execute({ y });
      for (const k of [-100, -70, -40, -30, -1, 1, 30, 40, 60]) {
        const s = 2 ** k;
        const out = await plan.execute({ y: y.map((v) => s * v) });
        expect(Array.from(out.x, (v) => v / s)).toEqual(Array.from(one.x));
        // beyond, the squared cost leaves float32, not the scale
        if (Math.abs(k) <= 40)
          expect(difference(out.gradient, one.gradient, s)).toBeLessThan(
            backend.name === "wasm" ? 1e-6 : 1e-14,
          );
      }
    }
  });
  it("of nothing gives nothing, with a finite gradient, beside samples that are something", async () => {
    for (const backend of backends) {
      const batch = new Float64Array(3 * y.length);
      batch.set(y, 0);
      batch.set(
        y.map((v) => 1e-20 * v),
        2 * y.length,
      );
      const out = await (await backend.compile(graph(3))).execute({ y: batch });
      expect(out.gradient.every(Number.isFinite)).toBe(true);
      expect(Array.from(out.x.subarray(y.length, 2 * y.length)).every((v) => v === 0)).toBe(true);
      expect(
        difference(out.x.subarray(2 * y.length), out.x.subarray(0, y.length), 1e-20),
      ).toBeLessThan(1e-5);
    }
  });
});
