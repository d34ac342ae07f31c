// The gradient's self-check: kinks do not break it, a wrong gradient does.
import { describe, expect, it } from "vitest";
import { audit, symmetries } from "fiducial/audit";
import { arithmetic, type GraphBuilder, type Value } from "fiducial/engine";
import { totalVariation, waveletSparsity, zeroFilled, type Reconstructor } from "fiducial/imaging";
import { backend, problem } from "./stub-problem.ts";

type Check = Awaited<ReturnType<typeof audit>>["gradientChecks"][number];
/** Every audit checks its methods' gradients, whatever its tests. */
async function check(method: Reconstructor): Promise<Check> {
  const tests = [symmetries({ factors: [2], degrees: [] })];
  const { gradientChecks } = await audit({
    problem,
    methods: [method],
    tests,
    seed: 7,
    backend,
    imageCount: 1,
  });
  return gradientChecks[0];
}
/** x to within a step, in fine stairs: it moves as x does, and its gradient is 0. */
function stairs(b: GraphBuilder, x: Value, step: number): Value {
  const { add, mul, sub } = arithmetic(b);
  const levels = Array.from({ length: Math.ceil(2.4 / step) }, (_, k) => (k + 0.5) * step - 1.2);
  const signs = levels.map((level) => b.emit("sign", { x: sub(x, level) }, {}));
  return mul(
    signs.reduce((a, v) => add(a, v)),
    step / 2,
  );
}
/** The same reconstruction, of whose gradient a share is missing. */
const wrong = (method: Reconstructor, share: number): Reconstructor => ({
  ...method,
  name: "wrong",
  apply(b, y, operator) {
    const { add, mul } = arithmetic(b);
    const x = method.apply(b, y, operator);
    return add(mul(x, 1 - share), mul(stairs(b, x, 0.01), share));
  },
});

describe("the gradient's self-check", () => {
  const methods = [
    zeroFilled(),
    totalVariation({ sigma: 0.005 }),
    waveletSparsity({ sigma: 0.005 }),
    waveletSparsity({ sigma: 0.005, wavelet: "db2" }),
  ];
  for (const [i, method] of methods.entries())
    it(`passes ${method.name} ${i}, thresholds and all`, async () => {
      expect(await check(method)).toMatchObject({ passed: true });
    });
  it("catches a gradient that is wrong by a tenth, with kinks and without", async () => {
    for (const method of [zeroFilled(), waveletSparsity({ sigma: 0.005 })]) {
      const { relativeError, passed } = await check(wrong(method, 0.1));
      expect(passed).toBe(false);
      expect(relativeError).toBeGreaterThan(0.05);
      expect(relativeError).toBeLessThan(0.2);
    }
  });
  it("a gradient of nothing is wrong by the whole", async () => {
    expect((await check(wrong(zeroFilled(), 1))).relativeError).toBeGreaterThan(0.9);
  });
});
