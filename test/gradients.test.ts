// Every op's gradient against central differences, and its gradient's gradient, on the float64
// reference.
import { describe, expect, it } from "vitest";
import {
  GraphBuilder,
  gradients,
  openBackend,
  ops,
  random,
  sizeOf,
  type OpDef,
  type OpName,
  type Plan,
  type Value,
} from "fiducial/engine";

const STEP = 1e-5;
/**
 * Relative error of a derivative by central differences of step 1e-5 in float64: h² truncation and
 * rounding/h both stay near 1e-9.
 */
const TOLERANCE = 1e-6;

function values(n: number, seed: number, positive: boolean): Float64Array {
  const rng = random(seed);
  // kept off 0, where abs, sign and relu have their kink
  return Float64Array.from({ length: n }, () => {
    const u = rng.uniform();
    return positive ? 0.5 + u : (rng.uniform() < 0.5 ? -1 : 1) * (0.05 + 0.95 * u);
  });
}

async function worstError(
  plan: Plan,
  feed: Record<string, Float64Array>,
  names: readonly string[],
): Promise<number> {
  const analytic = await plan.execute(feed);
  let worst = 0;
  for (const name of names) {
    const x = feed[name];
    let top = 1e-3;
    for (const g of analytic[`d${name}`]) top = Math.max(top, Math.abs(g));
    for (let i = 0; i < x.length; i += Math.max(1, Math.floor(x.length / 12))) {
      const before = x[i];
      x[i] = before + STEP;
      const up = (await plan.execute(feed)).cost[0];
      x[i] = before - STEP;
      const down = (await plan.execute(feed)).cost[0];
      x[i] = before;
      worst = Math.max(worst, Math.abs((up - down) / (2 * STEP) - analytic[`d${name}`][i]) / top);
    }
  }
  return worst;
}

function weighted(b: GraphBuilder, y: Value, seed: number): Value {
  const w = b.constant(values(sizeOf(y.shape), seed, true), y.shape);
  return b.emit(
    "sum",
    { x: b.emit("mul", { a: y, b: w }, {}) },
    { axes: y.shape.map((_, i) => i) },
  );
}

describe.each(Object.keys(ops) as OpName[])("%s", (name) => {
  const def = ops[name] as unknown as OpDef<"mul">;
  it.each(def.samples.map((sample, i) => [i, sample] as const))(
    "sample %i: first and second derivatives agree with central differences",
    async (_i, sample) => {
      const backend = await openBackend("reference");
      for (const order of [1, 2]) {
        const b = new GraphBuilder(ops);
        const inputs: Record<string, Value> = {};
        const feed: Record<string, Float64Array> = {};
        Object.entries(sample.shapes).forEach(([key, shape], i) => {
          inputs[key] = b.input(key, shape);
          feed[key] = values(sizeOf(shape), 17 * i + 3, sample.positive ?? false);
        });
        const names = Object.keys(inputs);
        let cost = weighted(b, b.emit(name, inputs as never, sample.attrs as never), 99);
        if (order === 2) {
          const first = gradients(b, cost, Object.values(inputs));
          cost = first
            .map((g, i) => weighted(b, g, 200 + i))
            .reduce((s, c) => b.emit("add", { a: s, b: c }, {}));
        }
        b.output("cost", cost);
        gradients(b, cost, Object.values(inputs)).forEach((g, i) => b.output(`d${names[i]}`, g));
        expect(await worstError(await backend.compile(b), feed, names)).toBeLessThan(TOLERANCE);
      }
    },
    60_000,
  );
});
