// Verdicts on stubs whose truth is known by construction: each gets the outcome that its truth
// demands, whatever the search happens to find.
import { describe, expect, it } from "vitest";
import {
  audit,
  instabilityAscent,
  worstCasePerturbation,
  type AuditResult,
  type Outcome,
} from "fiducial/audit";
import { arithmetic, type GraphBuilder, type Value } from "fiducial/engine";
import {
  applyOperator,
  fullMask,
  gaussianNoise,
  inverseProblem,
  measure,
  norm,
  subsampledFourier,
  totalVariation,
  zeroFilled,
  type InverseProblem,
  type Operator,
  type Reconstructor,
} from "fiducial/imaging";
import { backend, images, operator, problem, shape } from "./stub-problem.ts";

type Apply = (b: GraphBuilder, y: Value, operator: Operator) => Value;
const stub = (name: string, apply: Apply): Reconstructor => ({
  name,
  description: { kind: "stub" },
  apply,
});

const tests = [instabilityAscent({ iterations: 12 }), worstCasePerturbation({ steps: 12 })];
async function verdicts(
  method: Reconstructor,
  beside: readonly Reconstructor[] = [zeroFilled()],
  other: InverseProblem = problem,
  asked = tests,
): Promise<{ accuracy: Outcome; ascent: Outcome; worst: Outcome; result: AuditResult }> {
  const result = await audit({
    problem: other,
    methods: [method, ...beside],
    tests: asked,
    seed: 1,
    backend,
  });
  const [accuracy, ascent, worst] = result.tests.map((t) => t.verdicts[0].outcome);
  return { accuracy, ascent, worst, result };
}
const said = (result: AuditResult, test: number): string =>
  result.tests[test].verdicts[0].explanation;

/** What both images measure, and a direction in the row space of A that has nothing of it. */
const measured = await Promise.all(
  [0, 1].map(async (image) => {
    const y = await measure(problem, { image, seed: 1, backend });
    return applyOperator(operator, "adjoint", y, backend);
  }),
);
async function hiddenDirection(): Promise<Float64Array> {
  const noise = Float64Array.from(operator.measured, (there, k) => (there ? Math.sin(13 * k) : 0));
  let d = await applyOperator(operator, "adjoint", noise, backend);
  const basis: Float64Array[] = [];
  for (const v of measured) {
    let u = v;
    for (const b of basis) u = minus(u, b, dot(u, b));
    basis.push(u.map((x) => x / norm(u)));
  }
  for (const b of basis) d = minus(d, b, dot(d, b));
  return d.map((x) => x / norm(d));
}
const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
};
const minus = (a: Float64Array, b: ArrayLike<number>, times: number): Float64Array =>
  a.map((v, i) => v - times * b[i]);

const direction = await hiddenDirection();
/** ⟨A*y, d⟩, which the clean measurements do not have. */
function along(b: GraphBuilder, x: Value): Value {
  const { mul, sum } = arithmetic(b);
  return sum(mul(x, b.constant(direction, x.shape)));
}
/** x with `amount` times a blot that covers the image. */
function blotted(b: GraphBuilder, x: Value, amount: Value): Value {
  const { add, mul } = arithmetic(b);
  const blot = Float64Array.from({ length: 2048 }, (_, k) =>
    k < 1024 ? 0.5 + 0.5 * Math.cos(k / 9) : 0,
  );
  return add(x, mul(b.constant(blot, x.shape), amount));
}

describe("a method whose truth is known", () => {
  it("linear, and proven to be: stable, and as accurate as what it is", async () => {
    const { accuracy, ascent, worst } = await verdicts({ ...zeroFilled(), name: "linear" }, []);
    expect([accuracy, ascent, worst]).toEqual(["pass", "pass", "pass"]);
  });
  it("linear, and moves by no more than noise makes it move: nothing was shown, for nothing is proven", async () => {
    const linear = stub("linear", (b, y, op) => op.adjoint(b, y));
    const { ascent, worst, result } = await verdicts(linear);
    expect([ascent, worst]).toEqual(["inconclusive", "inconclusive"]);
    expect(said(result, 2)).toMatch(/found no more than random noise does/);
  });
  it("a constant: there is nothing to test", async () => {
    const constant = stub("constant", (b, y, op) => arithmetic(b).mul(op.adjoint(b, y), 0));
    const { accuracy, ascent, worst } = await verdicts(constant);
    expect([accuracy, ascent, worst]).toEqual(["fail", "error", "error"]);
  });
  it("a narrow direction that is amplified fifty times: ruined", async () => {
    const narrow = stub("narrow", (b, y, op) => {
      const x = op.adjoint(b, y);
      return blotted(b, x, arithmetic(b).mul(along(b, x), 50));
    });
    const { accuracy, ascent, worst, result } = await verdicts(narrow);
    expect([accuracy, ascent, worst]).toEqual(["pass", "fail", "fail"]);
    expect(said(result, 2)).toMatch(/: \d+\.\d+ dB more than noise does, limit 6 dB$/);
  });
  it("the same direction behind a dead gate: no all-clear", async () => {
    const masked = stub("masked", (b, y, op) => {
      const { mul, relu, sub } = arithmetic(b);
      const x = op.adjoint(b, y);
      return blotted(b, x, mul(relu(sub(along(b, x), 0.05)), 1e3));
    });
    const { worst } = await verdicts(masked);
    expect(worst).not.toBe("pass");
  });
  it("a quantised image, whose gradient is zero: the search is blind, and says so", async () => {
    const quantised = stub("quantised", (b, y, op) => {
      const { add, div } = arithmetic(b);
      const x = op.adjoint(b, y);
      const steps = Array.from({ length: 64 }, (_, k) =>
        b.emit("greater", { a: x, b: b.scalar((k - 31.5) / 24) }, {}),
      );
      return div(
        add(
          steps.reduce((p, q) => add(p, q)),
          -32,
        ),
        24,
      );
    });
    const { worst, result } = await verdicts(quantised);
    expect(worst).toBe("inconclusive");
    expect(said(result, 2)).toMatch(/gradient vanishes/);
  });
  it("ruined by any noise: a failure, though no search is stronger than noise", async () => {
    const delicate = stub("delicate", (b, y, op) => {
      const { add, mean, mul, square, sub } = arithmetic(b);
      const x = op.adjoint(b, y);
      // far from both clean images, in units of a perturbation of 1 %
      const near = measured.map((v) => mean(square(sub(x, b.constant(v, x.shape)))));
      const limit = (0.01 * norm(measured[0])) ** 2 / 2048;
      const [first, second] = near.map((distance) =>
        b.emit("greater", { a: distance, b: b.scalar(limit) }, {}),
      );
      return blotted(b, add(x, 0), mul(mul(first, second), 1));
    });
    const { accuracy, worst, result } = await verdicts(delicate);
    expect([accuracy, worst]).toEqual(["pass", "fail"]);
    expect(said(result, 2)).toMatch(/, less than zero-filled keeps at its own worst case \(/);
  });
  it("nearly exact: what it loses above the floor is no loss", async () => {
    const whole = subsampledFourier({ mask: fullMask(shape) });
    const exact = inverseProblem({ operator: whole, noise: gaussianNoise({ sigma: 0 }), images });
    const { accuracy, worst, result } = await verdicts(
      { ...zeroFilled(), name: "exact" },
      [],
      exact,
    );
    expect(result.accuracy[0].psnr).toBeGreaterThan(100);
    expect([accuracy, worst]).toEqual(["pass", "pass"]);
  });
  it("worse than zero-filling: never passes for being stable, and every sentence begins with it", async () => {
    const dark = stub("dark", (b, y, op) => arithmetic(b).mul(op.adjoint(b, y), 0.4));
    const { accuracy, ascent, worst, result } = await verdicts(dark);
    expect([accuracy, ascent, worst]).toEqual(["fail", "inconclusive", "inconclusive"]);
    for (const test of [1, 2])
      expect(said(result, test)).toMatch(/^is .* worse than the first image from the data/);
  });
  it("less accurate than a classical method by more than a decibel: its accuracy fails, its verdicts say so", async () => {
    const linear = {
      ...stub("linear", (b, y, op) => op.adjoint(b, y)),
      lipschitz: zeroFilled().lipschitz,
    };
    const { accuracy, worst, result } = await verdicts(linear, [
      totalVariation({ iterations: 30, sigma: 0.005 }),
    ]);
    expect([accuracy, worst]).toEqual(["fail", "pass"]);
    expect(said(result, 2)).toMatch(
      /^is \d+\.\d+ dB less accurate than total variation to begin with; /,
    );
  });
  it("as accurate as can be by every step: what is judged is on the side of its threshold that the outcome says", async () => {
    const tv = totalVariation({ iterations: 30, sigma: 0.005 });
    for (const beside of [[], [zeroFilled()], [zeroFilled(), tv]]) {
      const outcomes: Outcome[] = [];
      for (const scale of [1, 0.9999, 0.999, 0.98, 0.9, 0.4]) {
        const scaled = stub("scaled", (b, y, op) => arithmetic(b).mul(op.adjoint(b, y), scale));
        const { result } = await verdicts(scaled, beside, problem, [
          worstCasePerturbation({ steps: 1 }),
        ]);
        for (const { outcome, figure } of result.tests[0].verdicts) {
          expect(["pass", "fail"]).toContain(outcome);
          expect(figure!.value >= figure!.threshold).toBe(outcome === "pass");
        }
        outcomes.push(result.tests[0].verdicts[0].outcome);
      }
      expect(outcomes.at(-1)).toBe("fail");
      if (beside.length < 2) expect(outcomes[0]).toBe("pass");
    }
  });
});
