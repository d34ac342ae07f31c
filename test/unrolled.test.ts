// The layers of unrolled networks against their definitions in plain float64 loops.
import { describe, expect, it } from "vitest";
import { gradients, GraphBuilder, openBackend, ops, random, ShapeError } from "fiducial/engine";
import { applyNetwork, nn, type Network } from "fiducial/learning";
import {
  networkReconstructor,
  reconstruct,
  subsampledFourier,
  variableDensityMask,
} from "fiducial/imaging";

const normal = (n: number, scale: number, seed: number): Float32Array => {
  const rng = random(seed);
  return Float32Array.from({ length: n }, () => scale * rng.normal());
};
function withParameters(
  network: Network,
  make: (name: string, n: number) => Float32Array,
): Network {
  const parameters = new Map(
    [...network.parameters].map(([name, p]) => [name, { ...p, data: make(name, p.data.length) }]),
  );
  return { ...network, parameters };
}

describe("piecewiseLinear", () => {
  const [channels, knots, plane] = [3, 11, 25];
  const layers = [nn.piecewiseLinear({ knots })];
  const network = nn.sequential({ input: [channels, 5, 5], seed: 0, layers });
  const values = normal(channels * knots, 1, 1);
  const drawn = withParameters(network, () => values);
  const x = normal(2 * channels * plane, 0.8, 2);
  x.set([-1, 1, -1.5, 1.5, 0, 0.2]);
  const run = async (backend: "reference" | "wasm", which: Network) => {
    const b = new GraphBuilder(ops);
    const input = b.input("x", [2, channels, 5, 5]);
    const { y } = applyNetwork(b, which, input);
    b.output("y", y);
    const cost = b.emit("sum", { x: y }, { axes: [0, 1, 2, 3] });
    b.output("dx", gradients(b, cost, [input])[0]);
    return (await (await openBackend(backend)).compile(b)).execute({ x });
  };
  /** The source's formula: straight on outside, on the line between two knots within. */
  const defined = (v: number, c: number): [value: number, slope: number] => {
    const at = (k: number): number => values[c * knots + k];
    const k = Math.floor((v + 1) / 0.2);
    if (k < 0) return [v + 1 + at(0), 1];
    if (k >= knots - 1) return [v - 1 + at(knots - 1), 1];
    const slope = (at(k + 1) - at(k)) / 0.2;
    return [at(k) + slope * (v - (-1 + 0.2 * k)), slope];
  };
  it("is its formula, and so is its slope, on every backend", async () => {
    for (const backend of ["reference", "wasm"] as const) {
      const out = await run(backend, drawn);
      x.forEach((v, i) => {
        const [value, slope] = defined(v, Math.floor(i / plane) % channels);
        expect(out.y[i]).toBeCloseTo(value, 5);
        // at a knot either side is right
        if (i > 5) expect(out.dx[i]).toBeCloseTo(slope, 4);
      });
    }
  });
  it("begins as the identity", async () => {
    const { y } = await run("wasm", network);
    x.forEach((v, i) => expect(y[i]).toBeCloseTo(v, 5));
  });
  it("refuses knots that make no line", () => {
    for (const options of [{ knots: 1 }, { knots: 5, from: 1, to: 1 }])
      expect(() =>
        nn.sequential({ input: [1, 2, 2], seed: 0, layers: [nn.piecewiseLinear(options)] }),
      ).toThrow(/0\.piecewiseLinear: its \d knots .* make no line/);
  });
});

describe("proximalStep", () => {
  const shape = [16, 16] as const;
  const operator = subsampledFourier({
    mask: variableDensityMask({ shape, acceleration: 3, centerFraction: 0.1, seed: 1 }),
  });
  const y = normal(512, 1, 3).map((v, i) => (operator.measured[i] ? v : 0));
  const measuredOf = async (x: ArrayLike<number>): Promise<Float64Array> => {
    const b = new GraphBuilder(ops);
    b.output("k", operator.forward(b, b.input("x", [1, 2, ...shape])));
    return Float64Array.from(
      (await (await (await openBackend("reference")).compile(b)).execute({ x })).k,
    );
  };
  const through = async (layers: nn.Layer[]): Promise<Float64Array> => {
    const network = nn.sequential({ input: [2, ...shape], seed: 0, layers });
    return reconstruct(
      networkReconstructor({ network }),
      y,
      operator,
      await openBackend("reference"),
    );
  };
  it("leaves (y + ρ Fz)/(1 + ρ) where it was measured", async () => {
    // z = A*y/2, so Fz = y/2
    const x = await through([
      nn.scale({ factor: 0.5 }),
      nn.proximalStep({ rho: 0.25, learned: true }),
    ]);
    const k = await measuredOf(x);
    y.forEach((v, i) => expect(k[i]).toBeCloseTo((v + 0.25 * (v / 2)) / 1.25, 10));
  });
  it("with ρ = 1/v is noisy data consistency, and with 0 the hard one", async () => {
    const v = 4;
    const [soft, same, hard, none] = await Promise.all([
      through([nn.scale({ factor: 0.3 }), nn.proximalStep({ rho: 1 / v })]),
      through([nn.scale({ factor: 0.3 }), nn.dataConsistency({ step: v / (1 + v) })]),
      through([nn.scale({ factor: 0.3 }), nn.dataConsistency()]),
      through([nn.scale({ factor: 0.3 }), nn.proximalStep({ rho: 0 })]),
    ]);
    soft.forEach((value, i) => expect(value).toBeCloseTo(same[i], 12));
    hard.forEach((value, i) => expect(value).toBeCloseTo(none[i], 12));
  });
});

it("a table that has not a row for every channel is refused", () => {
  const b = new GraphBuilder(ops);
  const [x, table] = [b.input("x", [1, 2, 3, 3]), b.input("table", [3, 4])];
  expect(() => b.emit("lookup", { x, table }, { low: 0, step: 1 })).toThrow(ShapeError);
  expect(() => b.emit("lookup", { x, table: b.input("t", [2, 4]) }, { low: 0, step: 0 })).toThrow(
    /positive/,
  );
});
