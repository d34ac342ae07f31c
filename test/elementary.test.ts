// Elementary functions where formulas break: beside C at 0, ±∞ and the ends of float32, in units of
// the last place over their range, and the slopes that a chain rule by itself would make NaN.
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  arithmetic,
  exp,
  gradients,
  GraphBuilder,
  log,
  openBackend,
  ops,
  pow,
  random,
  sinCos,
  tanh,
  type OpName,
  type Value,
} from "fiducial/engine";

const backends = { reference: await openBackend("reference"), wasm: await openBackend("wasm") };
type Feed = Record<string, ArrayLike<number>>;
type Numbers = ArrayLike<number>;

/** The op's value on vectors of one length. */
async function evaluate(backend: "reference" | "wasm", op: OpName, feed: Feed): Promise<Numbers> {
  const b = new GraphBuilder(ops);
  const inputs = Object.fromEntries(
    Object.entries(feed).map(([name, x]) => [name, b.input(name, [x.length])]),
  );
  b.output("y", b.emit(op, inputs as never, {} as never));
  return (await (await backends[backend].compile(b)).execute(feed)).y;
}

describe("the values of C", () => {
  const table = JSON.parse(readFileSync(new URL("fixtures/c_math.json", import.meta.url), "utf8"));
  const named: Record<string, number> = { inf: Infinity, "-inf": -Infinity, nan: NaN, "-nan": NaN };
  const numbers = (name: string): number[] =>
    table[name].map((text: string) => named[text] ?? Number(text));
  const points = numbers("points");
  const n = points.length;
  const pairs = { a: points.flatMap((a) => points.map(() => a)), b: points.flatMap(() => points) };
  const binary: readonly string[] = ["div", "pow"];
  /** Largest angle whose sine has digits. */
  const LARGEST_ANGLE = 1e6;

  for (const op of Object.keys(table).slice(2) as OpName[])
    for (const backend of ["reference", "wasm"] as const)
      it(`${op} on ${backend}`, async () => {
        const feed: Feed = binary.includes(op) ? pairs : { x: points };
        const y = Float32Array.from(await evaluate(backend, op, feed));
        const want = numbers(op);
        expect(y.length).toBe(binary.includes(op) ? n * n : n);
        want.forEach((w, i) => {
          const at = Object.values(feed).map((x) => x[i]);
          if (
            (op === "sin" || op === "cos") &&
            Math.abs(at[0]) > LARGEST_ANGLE &&
            Number.isFinite(at[0])
          ) {
            expect(Math.abs(y[i])).toBeLessThanOrEqual(1);
            return;
          }
          const close = Math.abs(y[i] - w) <= 4e-7 * Math.abs(w) + 1.2e-38;
          expect(Object.is(y[i], w) || close, `${op}(${at}) is ${y[i]}, not ${w}`).toBe(true);
          // 1/−0 is −∞
          if (w === 0 && binary.includes(op))
            expect(Object.is(y[i], w), `sign of ${op}(${at})`).toBe(true);
        });
      });
});

/** π/2 as a whole number of 2^−BITS, by Machin's formula. */
const BITS = 400n;
function halfPi(): bigint {
  const arctangent = (n: bigint): bigint => {
    let term = (1n << (BITS + 20n)) / n;
    let sum = term;
    for (let k = 3n, sign = -1n; term > 0n; k += 2n, sign = -sign) {
      term /= n * n;
      sum += (sign * term) / k;
    }
    return sum;
  };
  return (8n * arctangent(5n) - 2n * arctangent(239n)) >> 20n;
}
/** sin x and cos x of a float32 number, reduced without rounding. */
function exactSinCos(x: number, quarter: bigint): readonly [number, number] {
  const whole = BigInt(x * 2 ** 149) << (BITS - 149n);
  const k = (whole + (whole < 0n ? -quarter : quarter) / 2n) / quarter;
  const [s, c] = sinCos(Number((whole - k * quarter) >> (BITS - 200n)) / 2 ** 200);
  return (
    [
      [s, c],
      [c, -s],
      [-s, -c],
      [-c, s],
    ] as const
  )[Number(((k % 4n) + 4n) % 4n)];
}

describe("units in the last place, in float32", () => {
  const N = 20_000;
  const rng = random(7);
  /** Of both signs, all magnitudes between the two alike. */
  const spread = (from: number, to: number): Float32Array =>
    Float32Array.from(
      { length: N },
      () => (rng.uniform() < 0.5 ? -1 : 1) * from * exp(rng.uniform() * log(to / from)),
    );
  /** Of the last place of `of`, subnormal numbers having the smallest normal one's. */
  const unit = (of: number): number =>
    2 ** (Math.floor(Math.log2(Math.max(Math.abs(of), 2 ** -126))) - 23);
  function worst(got: Numbers, want: (i: number) => number): number {
    let most = 0;
    for (let i = 0; i < got.length; i++) {
      const w = want(i);
      const error = Math.fround(w) === got[i] ? 0 : Math.abs(got[i] - w) / unit(w);
      most = Math.max(most, Number.isNaN(error) ? Infinity : error);
    }
    return most;
  }

  it("tanh: at most 2, and never beyond 1", async () => {
    for (const [from, to] of [
      [1e-30, 1e-3],
      [1e-3, 1],
      [0.5, 0.7],
      [1, 20],
    ]) {
      const x = spread(from, to);
      const y = await evaluate("wasm", "tanh", { x });
      expect(worst(y, (i) => tanh(x[i]))).toBeLessThan(2);
      expect(Math.max(...Array.from(y, Math.abs))).toBeLessThanOrEqual(1);
    }
  });
  it("sin and cos: at most 2 for |x| up to 1e6, next to their zeros too", async () => {
    const quarter = halfPi();
    for (const [from, to] of [
      [1e-30, 1],
      [1, 100],
      [100, 1e4],
      [1e4, 1e6],
    ]) {
      // every other one as near a multiple of π/2 as float32 comes
      const x = spread(from, to).map((v, i) =>
        i % 2 ? v : Math.round(v / (Math.PI / 2)) * (Math.PI / 2),
      );
      const exact = Array.from(x, (v) => exactSinCos(v, quarter));
      expect(worst(await evaluate("wasm", "sin", { x }), (i) => exact[i][0])).toBeLessThan(2);
      expect(worst(await evaluate("wasm", "cos", { x }), (i) => exact[i][1])).toBeLessThan(2);
    }
  });
  it("pow: at most 1, as large as float32 goes, and whole numbers exactly", async () => {
    for (const [base, power] of [
      [2, 100],
      [1e37, 3],
      [1e-37, 3],
    ]) {
      const a = spread(1 / base, base).map(Math.abs);
      const b = spread(power / 1e4, power);
      const y = await evaluate("wasm", "pow", { a, b });
      expect(worst(y, (i) => pow(a[i], b[i]))).toBeLessThan(1);
    }
    const a = Array.from({ length: 31 * 7 }, (_, i) => (i % 31) - 15);
    const b = a.map((_, i) => Math.floor(i / 31));
    const power = (x: number, k: number): number =>
      Array.from({ length: k }, () => x).reduce((p, q) => p * q, 1);
    expect(Array.from(await evaluate("wasm", "pow", { a, b }))).toEqual(
      a.map((x, i) => power(x, b[i])),
    );
  });
});

describe("slopes", () => {
  /** Derivatives of Σ y, and of Σ of those, at the points of `feed`. */
  async function slopes(
    backend: "reference" | "wasm",
    feed: Feed,
    make: (b: GraphBuilder, inputs: Record<string, Value>) => Value,
  ): Promise<Record<string, number[]>> {
    const b = new GraphBuilder(ops);
    const names = Object.keys(feed);
    const inputs = Object.fromEntries(
      names.map((name) => [name, b.input(name, [feed[name].length])]),
    );
    const { add, sum } = arithmetic(b);
    const y = make(b, inputs);
    b.output("y", y);
    const wrt = Object.values(inputs);
    const first = gradients(b, sum(y), wrt);
    const second = gradients(b, first.map((g) => sum(g)).reduce(add), wrt);
    names.forEach((name, i) => {
      b.output(`d ${name}`, first[i]);
      b.output(`dd ${name}`, second[i]);
    });
    const out = await (await backends[backend].compile(b)).execute(feed);
    return Object.fromEntries(Object.entries(out).map(([name, x]) => [name, Array.from(x)]));
  }

  for (const backend of ["reference", "wasm"] as const) {
    it(`pow's are finite at 0 and for negative bases with whole powers, on ${backend}`, async () => {
      const a = [0, 0, 0, 0, -2, -2, -0, 3];
      const b = [0, 1, 2, 3, 3, 2, 2, 0];
      const emit = (g: GraphBuilder, { a, b }: Record<string, Value>): Value =>
        g.emit("pow", { a, b }, {});
      const out = await slopes(backend, { a, b }, emit);
      expect(out.y).toEqual([1, 0, 0, 0, -8, 4, 0, 1]);
      expect(out["d a"].map((v) => v + 0)).toEqual([0, 1, 0, 0, 12, -4, 0, 0]);
      const logarithm = out["d b"].map((v) => v + 0);
      expect(logarithm.slice(0, 4)).toEqual([0, 0, 0, 0]);
      // no logarithm of a negative number
      expect(logarithm.slice(4, 6)).toEqual([NaN, NaN]);
      expect(logarithm[7]).toBeCloseTo(1.0986123, 6);
      const constant = await slopes(backend, { a }, (g, { a }) =>
        g.emit("pow", { a, b: g.constant(b, [8]) }, {}),
      );
      expect(constant["dd a"].map((v) => v + 0)).toEqual([0, 0, 2, 0, -12, 2, 2, 0]);
    });

    it(`select takes nothing of the other branch, not even NaN, on ${backend}`, async () => {
      const feed = {
        condition: [1, 0, -0, NaN, -3, 0],
        a: [1, NaN, Infinity, 4, 5, 6],
        b: [NaN, 2, 3, NaN, -Infinity, 7],
      };
      // named in another order than the catalogue does
      const out = await slopes(backend, feed, (g, { condition, a, b }) =>
        g.emit("mul", { b: g.scalar(3), a: g.emit("select", { b, a, condition }, {}) }, {}),
      );
      expect(out.y).toEqual([3, 6, 9, 12, 15, 21]);
      expect(out["d a"]).toEqual([3, 0, 0, 3, 3, 0]);
      expect(out["d b"]).toEqual([0, 3, 3, 0, 0, 3]);
      expect(out["d condition"]).toEqual([0, 0, 0, 0, 0, 0]);
      for (const name of ["a", "b", "condition"])
        expect(out[`dd ${name}`]).toEqual([0, 0, 0, 0, 0, 0]);
    });

    it(`select's broadcast branches are summed over what took them, on ${backend}`, async () => {
      const g = new GraphBuilder(ops);
      const condition = g.input("condition", [2, 3]);
      const [a, b] = [g.input("a", [1, 3]), g.input("b", [])];
      const y = g.emit("select", { condition, a, b }, {});
      g.output("y", y);
      gradients(g, arithmetic(g).sum(y), [a, b]).forEach((v, i) =>
        g.output(i === 0 ? "da" : "db", v),
      );
      const plan = await backends[backend].compile(g);
      const out = await plan.execute({ condition: [1, 0, 0, 1, 0, 1], a: [5, 6, 7], b: [8] });
      expect([out.y, out.da, out.db].map((x) => [...x])).toEqual([
        [5, 8, 8, 5, 8, 7],
        [2, 0, 1],
        [3],
      ]);
    });

    it(`minimum and equal at ties, signs and NaN, on ${backend}`, async () => {
      const feed = { a: [1, 2, -1, NaN, 0, Infinity], b: [2, 2, -3, 1, -0, Infinity] };
      const least = await slopes(backend, feed, (g, { a, b }) => g.emit("minimum", { b, a }, {}));
      expect(least.y.map((v) => v + 0)).toEqual([1, 2, -3, NaN, 0, Infinity]);
      expect(least["d a"]).toEqual([1, 0, 0, 0, 0, 0]);
      expect(least["d b"]).toEqual([0, 1, 1, 1, 1, 1]);
      const same = await slopes(backend, feed, (g, { a, b }) => g.emit("equal", { a, b }, {}));
      expect(same.y).toEqual([0, 1, 0, 0, 1, 1]);
      expect(same["d a"]).toEqual([0, 0, 0, 0, 0, 0]);
    });

    it(`an op's inputs go by their names, in whatever order they are given, on ${backend}`, async () => {
      const feed = { a: [7, -1], b: [2, 4] };
      const make =
        (swapped: boolean) =>
        (g: GraphBuilder, { a, b }: Record<string, Value>) =>
          (["sub", "div", "pow", "greater"] as const)
            .map((op) => g.emit(op, swapped ? { b, a } : { a, b }, {}))
            .reduce((p, q) => g.emit("add", { a: p, b: q }, {}));
      expect(await slopes(backend, feed, make(true))).toEqual(
        await slopes(backend, feed, make(false)),
      );
    });
  }
});
