// Every operator of the catalogue is held to the same laws, from its samples alone; and specs from
// files say what is wrong with them.
import { describe, expect, it } from "vitest";
import {
  arithmetic,
  GraphBuilder,
  gradients,
  openBackend,
  ops,
  random,
  sizeOf,
} from "fiducial/engine";
import {
  applyOperator,
  arrayHash,
  birdcageCoils,
  coilsFrom,
  dotTest,
  lacking,
  maskFrom,
  norm,
  openMask,
  openOperator,
  operators,
  parseOperatorSpec,
  specOfDescription,
  subsampledFourier,
  variableDensityMask,
  type Arrays,
  type Operator,
  type OperatorSpec,
} from "fiducial/imaging";

const backend = await openBackend("reference");
const samples = Object.entries(operators).flatMap(([kind, { samples }]) =>
  samples.map((sample, i) => [`${kind} ${i + 1}`, { kind, ...sample } as OperatorSpec] as const),
);
const draw = (size: number, seed: number): Float64Array => {
  const rng = random(seed);
  return Float64Array.from({ length: size }, () => rng.normal());
};
const distance = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  norm(Float64Array.from(a, (v, k) => v - b[k])) / norm(Float64Array.from(b));

describe("the laws of operators", () => {
  it("the samples have odd and even sizes on both axes of every operator", () => {
    for (const kind of Object.keys(operators)) {
      const own = samples
        .filter(([, spec]) => spec.kind === kind)
        .map(([, spec]) => openOperator(spec).domain);
      for (const axis of [1, 2])
        for (const parity of [0, 1])
          expect(own.some((domain) => domain[axis] % 2 === parity)).toBe(true);
    }
  });
  it.each(samples)(
    "%s: A* is A's adjoint, A is linear, zero where nothing is measured",
    async (_, spec) => {
      const operator = openOperator(spec);
      expect(await dotTest(operator, { seed: 1, backend })).toBeLessThan(1e-12);
      const size = sizeOf(operator.domain);
      const [x, z] = [draw(size, 2), draw(size, 3)];
      const of = (v: ArrayLike<number>): Promise<Float64Array> =>
        applyOperator(operator, "forward", v, backend);
      const [Ax, Az, both] = [
        await of(x),
        await of(z),
        await of(x.map((v, k) => 2 * v - 3 * z[k])),
      ];
      expect(
        distance(
          both,
          Ax.map((v, k) => 2 * v - 3 * Az[k]),
        ),
      ).toBeLessThan(1e-12);
      expect(operator.measured).toHaveLength(sizeOf(operator.range));
      expect(
        operator.measured.every((cell, k) =>
          cell === 1 ? Ax[k] !== 0 : cell === 0 && Ax[k] === 0,
        ),
      ).toBe(true);
    },
  );
  it.each(samples)("%s: its stated norm is a bound that is nearly reached", async (_, spec) => {
    const operator = openOperator(spec);
    let [v, sigma] = [draw(sizeOf(operator.domain), 4), 0];
    for (let k = 0; k < 60; k++) {
      const length = norm(v);
      const Av = await applyOperator(
        operator,
        "forward",
        v.map((x) => x / length),
        backend,
      );
      sigma = norm(Av);
      v = await applyOperator(operator, "adjoint", Av, backend);
    }
    expect(sigma).toBeLessThanOrEqual(operator.norm! * (1 + 1e-12));
    expect(sigma).toBeGreaterThan(0.95 * operator.norm!);
  });
  it.each(samples)(
    "%s: the gradient of ½‖Ax‖² is A*Ax, and its derivative along v is A*Av",
    async (_, spec) => {
      const operator = openOperator(spec);
      const shape = [1, ...operator.domain];
      const b = new GraphBuilder(ops);
      const { mul, square, sum } = arithmetic(b);
      const [x, v] = [b.input("x", shape), b.input("v", shape)];
      const [first] = gradients(b, mul(sum(square(operator.forward(b, x))), 0.5), [x]);
      const [second] = gradients(b, sum(mul(first, v)), [x]);
      b.output("first", first);
      b.output("second", second);
      const at = { x: draw(sizeOf(shape), 5), v: draw(sizeOf(shape), 6) };
      const found = await (await backend.compile(b)).execute(at);
      const normal = async (z: Float64Array): Promise<Float64Array> =>
        applyOperator(
          operator,
          "adjoint",
          await applyOperator(operator, "forward", z, backend),
          backend,
        );
      expect(distance(found.first, await normal(at.x))).toBeLessThan(1e-12);
      expect(distance(found.second, await normal(at.v))).toBeLessThan(1e-12);
    },
  );
  it.each(samples)("%s: its facts hold: spec, diagonal, sampling, picture", async (_, spec) => {
    const operator = openOperator(spec);
    expect(operator.spec).toEqual(spec);
    const again = openOperator(parseOperatorSpec(JSON.parse(JSON.stringify(spec)), "file"));
    const x = draw(sizeOf(operator.domain), 7);
    const y = await applyOperator(operator, "forward", x, backend);
    expect(await applyOperator(again, "forward", x, backend)).toEqual(y);
    expect(lacking(operator, ["norm"])).toBeUndefined();
    const { spectralDiagonal: diagonal, sampling } = operator;
    if (diagonal) {
      const b = new GraphBuilder(ops);
      const k = b.emit("fft2", { x: b.input("x", operator.domain) }, { inverse: false });
      const weights = b.constant(Float64Array.from(diagonal), operator.domain.slice(1));
      b.output(
        "x",
        b.emit("fft2", { x: b.emit("mul", { a: k, b: weights }, {}) }, { inverse: true }),
      );
      const { x: product } = await (await backend.compile(b)).execute({ x });
      expect(distance(product, await applyOperator(operator, "adjoint", y, backend))).toBeLessThan(
        1e-12,
      );
    }
    if (sampling)
      expect(await applyOperator(sampling.under(sampling.mask), "forward", x, backend)).toEqual(y);
    const picture = operator.picture?.();
    expect(Math.max(...Array.from(picture?.data ?? [1]))).toBe(1);
    expect(picture?.data.length).toBe(picture && picture.shape[0] * picture.shape[1]);
  });
});

describe("coils", () => {
  it("of a birdcage have SigPy's values, and Σ|S|² = 1", () => {
    const { data } = birdcageCoils({ shape: [6, 8], coils: 4 });
    // birdcage_maps((4, 6, 8)), normalised
    for (const [c, i, j, re, im] of [
      [0, 0, 0, 0.10070743681384513, -0.25176859203461277],
      [1, 2, 5, 0.052876733979970336, -0.3877627158531157],
      [2, 5, 7, 0.0823609236938921, -0.2779681174668858],
      [3, 3, 4, 0, -0.5],
    ]) {
      expect(data[c * 96 + i * 8 + j]).toBeCloseTo(re, 12);
      expect(data[c * 96 + 48 + i * 8 + j]).toBeCloseTo(im, 12);
    }
    for (let k = 0; k < 48; k++) {
      let sum = 0;
      for (let part = 0; part < 8; part++) sum += data[part * 48 + k] ** 2;
      expect(sum).toBeCloseTo(1, 12);
    }
    expect(() => birdcageCoils({ shape: [6, 8], coils: 0 })).toThrow(/0 coils/);
    expect(() => coilsFrom(new Float32Array(96), [2, 6, 8])).toThrow(/the maps are \[2×6×8\]/);
  });
  it("given as maps are the same operator, and their largest sensitivity is its norm", async () => {
    const { data, shape } = birdcageCoils({ shape: [6, 8], coils: 3 });
    const maps = coilsFrom(
      data.map((v) => 2 * v),
      shape,
    );
    const mask = { kind: "full", shape: [6, 8] } as const;
    const spec = { kind: "multiCoilFourier", mask, coils: maps.spec } as const;
    const operator = openOperator(
      spec,
      new Map([[arrayHash(maps.data), { shape, data: maps.data }]]),
    );
    expect(operator.norm).toBeCloseTo(2, 6);
    const x = draw(96, 1);
    expect(norm(await applyOperator(operator, "forward", x, backend)) / norm(x)).toBeCloseTo(2, 6);
    expect(() => openOperator(spec)).toThrow(/coils: the array with SHA-256 .* is not given/);
  });
});

describe("a lowest frequency in the corner", () => {
  it("has the values of numpy.fft.fft2, norm = ortho", async () => {
    const operator = openOperator({
      kind: "uncentredFourier",
      mask: { kind: "full", shape: [2, 3] },
    });
    const y = await applyOperator(
      operator,
      "forward",
      [1, 2, 3, 4, 5, 6, 0, 0, 0, 0, 0, 0],
      backend,
    );
    // numpy.fft.fft2([[1, 2, 3], [4, 5, 6]], norm="ortho")
    const want = [
      8.573214099741124, -1.2247448713915892, -1.2247448713915892, -3.6742346141747673, 0, 0,
    ];
    want.forEach((v, k) => {
      expect(y[k]).toBeCloseTo(v, 12);
    });
    expect(y[7]).toBeCloseTo(0.7071067811865477, 12);
    expect(y[8]).toBeCloseTo(-0.7071067811865477, 12);
  });
});

describe("specs", () => {
  const mask = {
    kind: "variable-density",
    shape: [8, 8],
    acceleration: 2,
    centerFraction: 0.25,
    power: 2,
    seed: 1,
  };
  const of = (spec: unknown) => (): OperatorSpec => parseOperatorSpec(spec, "audit.json");
  it("say which kind or field this version does not know", () => {
    const kind = "subsampledFourier";
    expect(of({ kind, mask })()).toEqual({ kind, mask });
    expect(of({ kind: "holographic", mask })).toThrow(
      /audit\.json: there is no kind "holographic"; this version knows/,
    );
    expect(of(null)).toThrow(/there is no kind given/);
    expect(of({ kind: "toString" })).toThrow(/there is no kind "toString"/);
    expect(of({ kind, mask, gradients: 1 })).toThrow(
      /subsampledFourier has no field "gradients"; it has mask/,
    );
    expect(of({ kind })).toThrow(/audit\.json\.mask: there is no kind given/);
    expect(of({ kind, mask: { ...mask, kind: "spiral" } })).toThrow(
      /audit\.json\.mask: there is no kind "spiral"/,
    );
    expect(of({ kind, mask: { ...mask, seed: "1" } })).toThrow(
      /audit\.json\.mask\.seed: it must be a number, it is "1"/,
    );
    expect(of({ kind, mask: { ...mask, shape: [8] } })).toThrow(
      /mask\.shape: it must be \[height, width\]/,
    );
  });
  it("name arrays by their hash", () => {
    const cells = Float32Array.from({ length: 12 }, (_, k) => k % 2);
    const given = maskFrom(cells, [3, 4]);
    expect(given.spec).toEqual({ kind: "file", shape: [3, 4], sha256: arrayHash(cells) });
    const arrays: Arrays = new Map([[arrayHash(cells), { shape: [3, 4], data: cells }]]);
    expect(openMask(given.spec, arrays)).toEqual(given);
    expect(() => openMask(given.spec)).toThrow(
      /mask: the array with SHA-256 [0-9a-f]{64} is not given/,
    );
  });
  it("are read from the flat facts of results and of the first checkpoints", () => {
    const open = subsampledFourier({
      mask: variableDensityMask({ shape: [8, 8], acceleration: 2, centerFraction: 0.25, seed: 1 }),
    }) as Operator;
    expect(specOfDescription(JSON.parse(JSON.stringify(open.description)))).toEqual(open.spec);
    expect(
      specOfDescription({ kind: "subsampledFourier", samplingKind: "file", height: 8, width: 8 }),
    ).toBeUndefined();
    expect(specOfDescription({})).toBeUndefined();
  });
});
