// Every family of reconstruction networks against PyTorch's outputs and gradients, against central
// differences, and against the sizes and figures that its publication has.
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  gradients,
  GraphBuilder,
  openBackend,
  ops,
  random,
  sizeOf,
  type Value,
} from "fiducial/engine";
import { applyNetwork, nn, type Network, type Physics } from "fiducial/learning";
import * as imaging from "fiducial/imaging";
import {
  coilsFrom,
  maskFrom,
  multiCoilFourier,
  subsampledFourier,
  type Operator,
} from "fiducial/imaging";

interface Case {
  shape: [number, number];
  coils: number;
  columns: number[];
  output: number[];
  measurementGradient: number[];
  parameters: { shape: number[]; kind: Kind; gradient?: number[] }[];
}
type Kind = "weight" | "scale" | "shift" | "number";
const { cases, daganLoss } = JSON.parse(
  readFileSync(new URL("fixtures/pytorch_families.json", import.meta.url), "utf8"),
) as {
  cases: Record<string, Case>;
  daganLoss: { loss: number; gradient: number[] };
};

/** Uniform in [−1, 1) from a hash of place and phase, as in fixtures/pytorch_families.py. */
function wave(count: number, phase: number): Float64Array {
  return Float64Array.from({ length: count }, (_, i) => {
    let z = (Math.imul(i, 0x9e3779b1) + Math.round(1000 * phase)) | 0;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return ((z ^ (z >>> 15)) >>> 8) / 2 ** 23 - 1;
  });
}

/** Two maps by a formula, their squares adding up to 1. */
function twoCoils([H, W]: readonly [number, number]): Float64Array {
  const maps = new Float64Array(4 * H * W);
  for (let i = 0; i < H; i++)
    for (let j = 0; j < W; j++) {
      const c = Math.cos((2 * Math.PI * j) / W);
      const sizes = [1 + 0.5 * c, 1 - 0.5 * c];
      const phases = [0.2 * i, -0.1 * j];
      for (const k of [0, 1]) {
        const size = sizes[k] / Math.hypot(...sizes);
        maps[2 * k * H * W + i * W + j] = size * Math.cos(phases[k]);
        maps[(2 * k + 1) * H * W + i * W + j] = size * Math.sin(phases[k]);
      }
    }
  return maps;
}
function operatorOf({
  shape,
  coils,
  columns,
}: Pick<Case, "shape" | "coils" | "columns">): Operator {
  const [H, W] = shape;
  const data = Uint8Array.from({ length: H * W }, (_, k) => (columns.includes(k % W) ? 1 : 0));
  const mask = maskFrom(data, shape);
  if (coils === 1) return subsampledFourier({ mask });
  return multiCoilFourier({ mask, coils: coilsFrom(twoCoils(shape), [coils, 2, H, W]) });
}

const size = (name: string): [number, number] => cases[name].shape;
/** The fixtures' small members. */
const networks: Record<string, () => Network> = {
  deepCascade: () =>
    imaging.deepCascade({
      size: size("deepCascade"),
      cascades: 2,
      convolutions: 3,
      channels: 4,
      seed: 1,
    }),
  fbpConvNet: () =>
    imaging.fbpConvNet({
      size: size("fbpConvNet"),
      baseChannels: 4,
      levels: 2,
      channels: 2,
      seed: 1,
    }),
  dagan: () => imaging.dagan({ size: size("dagan"), baseChannels: 3, depth: 4, seed: 1 }),
  automap: () => {
    const { measured } = operatorOf(cases.automap);
    return imaging.automap({
      size: size("automap")[0],
      measured,
      hidden: 20,
      channels: 3,
      seed: 1,
    });
  },
  variationalNetwork: () =>
    imaging.variationalNetwork({
      size: size("variationalNetwork"),
      stages: 2,
      filters: 3,
      kernelSize: 5,
      knots: 7,
      seed: 1,
    }),
  fastMriUnet: () =>
    imaging.fastMriUnet({ size: size("fastMriUnet"), channels: 3, pools: 2, seed: 1 }),
  e2eVarNet: () =>
    imaging.varNet({ size: size("e2eVarNet"), cascades: 2, channels: 3, pools: 2, seed: 1 }),
  e2eVarNetCoils: () => {
    const { measured } = operatorOf(cases.e2eVarNetCoils);
    const columns = imaging.calibrationColumns(measured, size("e2eVarNetCoils"));
    return imaging.varNet({
      size: size("e2eVarNetCoils"),
      cascades: 2,
      channels: 3,
      pools: 2,
      sensitivity: { columns, channels: 2, pools: 2 },
      seed: 1,
    });
  },
  modl: () =>
    imaging.modl({ size: size("modl"), iterations: 2, convolutions: 3, channels: 4, seed: 1 }),
  istaNet: () => imaging.istaNet({ size: size("istaNet"), phases: 2, channels: 4, seed: 1 }),
};

/** Its k-th parameter as the fixture's k-th. */
function withFormula(network: Network, { parameters: wanted }: Case): Network {
  const byKind: Record<Kind, (s: number, fan: number) => number> = {
    weight: (s, fan) => s * fan ** -0.5,
    scale: (s) => 1 + 0.3 * s,
    shift: (s) => 0.3 * s,
    number: (s) => 0.2 * (1 + 0.3 * s),
  };
  const parameters = new Map(
    [...network.parameters].map(([name, { shape }], k) => {
      const fan = sizeOf(shape.slice(1));
      const data = Float32Array.from(wave(sizeOf(shape), 1 + k), (s) =>
        byKind[wanted[k].kind](s, fan),
      );
      return [name, { shape, data }];
    }),
  );
  return { ...network, parameters };
}
/** x̂, a linear functional of it, and its gradients by y and every parameter. */
function graphOf(name: string, network: Network): { b: GraphBuilder; wrt: [string, Value][] } {
  const b = new GraphBuilder(ops);
  const operator = operatorOf(cases[name]);
  const y = b.input("measurement", [1, ...operator.range]);
  const adjoint = (v: Value): Value => operator.adjoint(b, v);
  const physics: Physics = { y, forward: (x) => operator.forward(b, x), adjoint };
  const input = name === "automap" ? y : adjoint(y);
  const { y: x, parameters } = applyNetwork(b, network, input, { physics });
  const functional = b.constant(wave(sizeOf(x.shape), 0.25), x.shape);
  const cost = b.emit(
    "sum",
    { x: b.emit("mul", { a: x, b: functional }, {}) },
    { axes: [0, 1, 2, 3] },
  );
  b.output("x", x);
  b.output("cost", cost);
  const wrt: [string, Value][] = [["measurement", y], ...parameters];
  const values = wrt.map(([, v]) => v);
  gradients(b, cost, values).forEach((g, i) => b.output(`d ${wrt[i][0]}`, g));
  return { b, wrt };
}
function measurementOf(name: string): Float64Array {
  const { measured } = operatorOf(cases[name]);
  return wave(measured.length, 0.5).map((v, k) => v * measured[k]);
}
const some = (values: ArrayLike<number>): number[] => {
  const step = Math.max(1, Math.ceil(values.length / 48));
  return Array.from(values).filter((_, i) => i % step === 0);
};
const worst = (want: readonly number[], got: readonly number[], floor: number): number => {
  expect(got.length).toBe(want.length);
  const top = Math.max(floor, ...want.map(Math.abs));
  return Math.max(...want.map((w, i) => Math.abs(w - got[i]))) / top;
};

describe("families agree with PyTorch to 1e-4, forward and gradients, on every backend", () => {
  for (const [name, c] of Object.entries(cases))
    it(name, async () => {
      const fresh = networks[name]();
      const shapes = (list: Iterable<{ shape: readonly number[] }>): string[] =>
        Array.from(list, ({ shape }) => shape.join("×") || "1");
      expect(shapes(fresh.parameters.values())).toEqual(shapes(c.parameters));
      const network = withFormula(fresh, c);
      const { measured } = operatorOf(c);
      const wanted = [...network.parameters.keys()].map(
        (key, k) => [key, c.parameters[k].gradient] as const,
      );
      const top = Math.max(...c.parameters.flatMap(({ gradient = [] }) => gradient.map(Math.abs)));
      // a bias that data consistency or a norm takes back has gradient 0 but for rounding
      const floorOf = (gradient: readonly number[]): number =>
        gradient.every((g) => Math.abs(g) < 1e-9 * top) ? 1e-2 * top : 1e-3 * top;
      for (const backend of ["reference", "wasm"] as const) {
        const plan = await (await openBackend(backend)).compile(graphOf(name, network).b);
        const out = await plan.execute({ measurement: measurementOf(name) });
        expect(worst(c.output, some(out.x), 0), `${backend} output`).toBeLessThan(1e-4);
        const slope = Float64Array.from(out["d measurement"], (v, k) => v * measured[k]);
        expect(worst(c.measurementGradient, some(slope), 0), `${backend} measurement`).toBeLessThan(
          1e-4,
        );
        for (const [key, gradient] of wanted)
          if (gradient)
            expect(
              worst(gradient, some(out[`d ${key}`]), floorOf(gradient)),
              `${backend} ${key}`,
            ).toBeLessThan(1e-4);
      }
    });
});

it("DAGAN's loss is PyTorch's, of the two terms that it has here", async () => {
  const b = new GraphBuilder(ops);
  const shape = [2, 1, 6, 8];
  const real = (name: string): Value => b.input(name, shape);
  const complex = (x: Value): Value =>
    b.emit("pad", { x }, { before: [0, 0, 0, 0], after: [0, 1, 0, 0] });
  const [x, t] = [real("x"), real("t")];
  const loss = imaging.daganLoss().apply(b, complex(x), complex(t));
  b.output("loss", loss);
  b.output("gradient", gradients(b, loss, [x])[0]);
  const [xs, ts] = [2, 3].map((phase) => wave(sizeOf(shape), phase).map(Math.abs));
  const out = await (await (await openBackend("reference")).compile(b)).execute({ x: xs, t: ts });
  expect(Math.abs(out.loss[0] / daganLoss.loss - 1)).toBeLessThan(1e-6);
  expect(worst(daganLoss.gradient, some(out.gradient), 0)).toBeLessThan(1e-4);
});

describe("families' gradients agree with central differences to 1e-6, on the reference", () => {
  for (const name of Object.keys(cases))
    it(name, async () => {
      const { b, wrt } = graphOf(name, withFormula(networks[name](), cases[name]));
      const plan = await (await openBackend("reference")).compile(b);
      const rng = random(3);
      const there = measurementOf(name);
      const { measured } = operatorOf(cases[name]);
      const along = new Map(
        wrt.map(([key, v]) => {
          const draw = (_: unknown, k: number): number =>
            rng.normal() * (key === "measurement" ? measured[k] : 0.1);
          return [key, Float64Array.from({ length: sizeOf(v.shape) }, draw)] as const;
        }),
      );
      const start = new Map<string, Float64Array>();
      for (const [key] of wrt.slice(1)) start.set(key, Float64Array.from(await plan.read(key)));
      const at = async (t: number): Promise<Record<string, ArrayLike<number>>> => {
        const moved = (key: string, from: Float64Array): Float64Array =>
          from.map((v, i) => v + t * along.get(key)![i]);
        for (const [key, from] of start) await plan.write(key, moved(key, from));
        return plan.execute({ measurement: moved("measurement", there) });
      };
      // so short that hardly a ReLU of thousands changes sides on the way
      const h = 1e-7;
      const cost = async (t: number): Promise<number> => (await at(t)).cost[0];
      const near = (await cost(h)) - (await cost(-h));
      const far = (await cost(2 * h)) - (await cost(-2 * h));
      const difference = (8 * near - far) / (12 * h);
      const out = await at(0);
      let [slope, scale] = [0, 0];
      for (const [key] of wrt)
        along.get(key)!.forEach((d, i) => {
          slope += d * out[`d ${key}`][i];
          scale += Math.abs(d * out[`d ${key}`][i]);
        });
      expect(Math.abs(slope - difference) / scale).toBeLessThan(1e-6);
    });
});

describe("layers of reconstruction networks", () => {
  const build =
    (layers: nn.Layer[], input = [2, 8, 8]): (() => Network) =>
    () =>
      nn.sequential({ input, seed: 0, layers });
  const runOn = async (
    layers: nn.Layer[],
    input: number[],
    x: ArrayLike<number>,
  ): Promise<number[]> => {
    const b = new GraphBuilder(ops);
    const network = nn.sequential({ input, seed: 0, layers });
    b.output("y", applyNetwork(b, network, b.input("x", [1, ...input]), {}).y);
    const plan = await (await openBackend("reference")).compile(b);
    return Array.from((await plan.execute({ x })).y);
  };
  it("a wrong one fails when it is built, naming the layer and what it takes", () => {
    const none = [0, 0] as const;
    expect(build([nn.magnitude()], [3, 8, 8])).toThrow(
      /layer 0\.magnitude: .*\[1×3×8×8\].* 2 channels/,
    );
    expect(build([nn.complexImage()])).toThrow(/takes images of 1 channel$/);
    expect(build([nn.flatten(), nn.gather({ indices: [128] })])).toThrow(
      /places below their number; 128 is given/,
    );
    expect(build([nn.gather({ indices: [0] })])).toThrow(/takes \[N×features\]/);
    expect(build([nn.crop2d({ before: none, after: [8, 0] })])).toThrow(/nothing is left/);
    expect(build([nn.pad2d({ before: [9, 0], after: none, mode: "symmetric" })])).toThrow(
      /padding 9 with mode "symmetric" needs an image larger/,
    );
    expect(build([nn.fieldOfExperts({ filters: 2, kernelSize: 4 })])).toThrow(
      /kernelSize 4 must be odd/,
    );
    const wider = nn.conv2d({ outChannels: 3, kernelSize: 1 });
    expect(build([nn.standardized([wider])])).toThrow(/its body makes \[1×3×8×8\] of \[1×2×8×8\]/);
    expect(build([nn.repeated({ times: 2, body: [wider] })])).toThrow(
      /make it give back what it takes/,
    );
    expect(build([nn.kSpaceCascades({ cascades: [[wider]] })])).toThrow(
      /cascade 0 changes its image's shape/,
    );
    expect(build([nn.radialBasis({ knots: 1 })])).toThrow(
      /knots must be a whole number from 2 to 1024, it is 1/,
    );
    expect(build([{ kind: "pad2d", before: [1, 1] } as never])).toThrow(/lacks its option "after"/);
  });
  it("one that needs a measurement says so where there is none", () => {
    for (const layer of [
      nn.dataConsistency(),
      nn.conjugateGradient(),
      nn.kSpaceCascades({ cascades: [] }),
    ]) {
      const b = new GraphBuilder(ops);
      const network = build([layer])();
      expect(() => applyNetwork(b, network, b.input("x", [1, 2, 8, 8]))).toThrow(
        /needs a measurement/,
      );
    }
  });
  it("an empty or constant image stays what it is at unit peak and standardised, without a division by 0", async () => {
    const scaled = [
      nn.peakScaled([nn.affine({ scale: 1 })]),
      nn.standardized([nn.affine({ scale: 1 })]),
    ];
    for (const value of [0, 3]) {
      const x = new Array<number>(32).fill(value);
      for (const v of await runOn(scaled, [2, 4, 4], x)) expect(v).toBeCloseTo(value, 12);
    }
  });
  it("symmetric padding repeats the edge, and cropping undoes it", async () => {
    const around = { before: [0, 2], after: [0, 1] } as const;
    const line = [1, 2, 3];
    const pad = nn.pad2d({ ...around, mode: "symmetric" });
    expect(await runOn([pad], [1, 1, 3], line)).toEqual([2, 1, 1, 2, 3, 3]);
    expect(await runOn([pad, nn.crop2d(around)], [1, 1, 3], line)).toEqual(line);
  });
  it("layers that are applied again share their weights, and move their running statistics each time", async () => {
    const body = [
      nn.batchNorm2d({ affine: false, momentum: 0.5 }),
      nn.affine({ scale: 2, shift: 1 }),
    ];
    const network = nn.sequential({
      input: [1, 2, 2],
      seed: 0,
      layers: [nn.repeated({ times: 2, body })],
    });
    expect([...network.parameters.keys()]).toHaveLength(2);
    const b = new GraphBuilder(ops);
    b.output("y", applyNetwork(b, network, b.input("x", [1, 1, 2, 2]), { training: true }).y);
    const plan = await (await openBackend("reference")).compile(b);
    await plan.execute({ x: [2, 4, 6, 8] });
    // the means that it sees are 5, then 1: from 0 halfway to 5, and from there halfway to 1
    const [mean] = await plan.read(
      [...network.parameters.keys()].find((name) => name.endsWith("runningMean"))!,
    );
    expect(mean).toBeCloseTo(0.5 * 2.5 + 0.5 * 1, 6);
  });
  it("maps are found in as many columns as are measured without a gap on both sides of the middle", () => {
    const measured = (columns: readonly number[], W: number): Float64Array =>
      Float64Array.from({ length: 4 * W }, (_, k) => (columns.includes(k % W) ? 1 : 0));
    expect(imaging.calibrationColumns(measured([6, 7, 8, 9, 10, 11, 12], 18), [4, 18])).toBe(6);
    expect(imaging.calibrationColumns(measured([0, 8, 9, 10], 18), [4, 18])).toBe(2);
    expect(imaging.calibrationColumns(measured([0, 3], 18), [4, 18])).toBe(1);
    const all = Array.from({ length: 7 }, (_, k) => k);
    expect(imaging.calibrationColumns(measured(all, 7), [4, 7])).toBe(6);
  });
  it("a network that finds the coils' maps never asks for the operator's", async () => {
    const name = "e2eVarNetCoils";
    const operator = operatorOf(cases[name]);
    const b = new GraphBuilder(ops);
    const y = b.input("y", [1, ...operator.range]);
    const never = (): Value => {
      throw new Error("the operator was asked for");
    };
    const x = b.input("x", [1, ...operator.domain]);
    const network = withFormula(networks[name](), cases[name]);
    b.output(
      "x",
      applyNetwork(b, network, x, { physics: { y, forward: never, adjoint: never } }).y,
    );
    const plan = await (await openBackend("reference")).compile(b);
    const out = await plan.execute({
      y: measurementOf(name),
      x: new Float64Array(sizeOf(operator.domain)),
    });
    expect(worst(cases[name].output, some(out.x), 0)).toBeLessThan(1e-4);
  });
  it("k-space of coils that are refined by nothing keeps what was measured", async () => {
    const c = cases.e2eVarNet;
    const operator = operatorOf(c);
    const nothing = [nn.affine({ scale: 0 })];
    const network = nn.sequential({
      input: operator.domain,
      seed: 0,
      layers: [nn.kSpaceCascades({ cascades: [nothing, nothing] })],
    });
    const b = new GraphBuilder(ops);
    const y = b.input("y", [1, ...operator.range]);
    const adjoint = (v: Value): Value => operator.adjoint(b, v);
    const physics: Physics = { y, forward: (x) => operator.forward(b, x), adjoint };
    const initial = adjoint(y);
    b.output("given", initial);
    b.output("x", applyNetwork(b, network, initial, { physics }).y);
    const out = await (await (await openBackend("reference")).compile(b)).execute({
      y: measurementOf("e2eVarNet"),
    });
    out.given.forEach((v, k) => expect(out.x[k]).toBeCloseTo(v, 12));
  });
});
