// The numbers of ops, activations and losses where formulas break: uneven geometry, 0, ±ε, ±1e9,
// offsets; by independent formulas in float64.
import { describe, expect, it } from "vitest";
import {
  arithmetic,
  erf,
  exp,
  gradients,
  GraphBuilder,
  log,
  openBackend,
  ops,
  random,
  sizeOf,
  type Backend,
  type Value,
} from "fiducial/engine";
import {
  applyNetwork,
  crossEntropy,
  huber,
  meanAbsoluteError,
  meanSquaredError,
  nn,
  oneCycle,
  structuralDissimilarity,
  type Loss,
} from "fiducial/learning";

const backends = { reference: await openBackend("reference"), wasm: await openBackend("wasm") };
type Feed = Record<string, ArrayLike<number>>;
async function compute(
  backend: Backend,
  b: GraphBuilder,
  feed: Feed,
): Promise<Record<string, ArrayLike<number>>> {
  return (await backend.compile(b)).execute(feed);
}
function numbers(n: number, seed: number): Float64Array {
  const rng = random(seed);
  // off 0, where ReLUs and maxima have kinks
  return Float64Array.from(
    { length: n },
    () => (rng.uniform() < 0.5 ? -1 : 1) * (0.05 + 0.95 * rng.uniform()),
  );
}

describe("every op with a geometry, over uneven strides, dilations, paddings and groups", () => {
  type Pair = readonly [number, number];
  interface Geometry {
    readonly stride: Pair;
    readonly padding: Pair;
    readonly dilation: Pair;
    readonly kernel: Pair;
    readonly groups: number;
    readonly outputPadding: Pair;
  }
  const strides: readonly Pair[] = [
    [1, 1],
    [2, 1],
    [1, 3],
    [3, 2],
  ];
  const geometries: Geometry[] = strides.flatMap((stride) =>
    (
      [
        [1, 1],
        [1, 2],
        [3, 1],
      ] as const
    ).flatMap((dilation) =>
      (
        [
          { padding: [0, 0], kernel: [1, 2], groups: 1, outputPadding: [0, 0] },
          { padding: [1, 0], kernel: [3, 2], groups: 2, outputPadding: [0, 1] },
          { padding: [0, 2], kernel: [2, 3], groups: 1, outputPadding: [2, 3] },
          { padding: [2, 1], kernel: [3, 3], groups: 2, outputPadding: [4, 1] },
        ] as const
      ).map((rest) => ({ stride, dilation, ...rest })),
    ),
  );

  interface Built {
    readonly b: GraphBuilder;
    readonly inputs: Record<string, Value>;
    readonly y: Value;
  }
  const transposed = ({ kernel, groups, ...attrs }: Geometry): Built => {
    const b = new GraphBuilder(ops);
    const inputs = {
      x: b.input("x", [2, 2 * groups, 4, 5]),
      w: b.input("w", [2 * groups, 3, ...kernel]),
    };
    return { b, inputs, y: b.emit("conv_transpose2d", inputs, { ...attrs, groups }) };
  };
  const forward = ({ kernel, groups, stride, padding, dilation }: Geometry): Built => {
    const b = new GraphBuilder(ops);
    const inputs = {
      x: b.input("x", [2, 2 * groups, 9, 8]),
      w: b.input("w", [3 * groups, 2, ...kernel]),
    };
    return { b, inputs, y: b.emit("conv2d", inputs, { stride, padding, dilation, groups }) };
  };
  /** With fewer outputs than conv2d would have, as behind a transposed convolution. */
  const weightGradient = (g: Geometry): Built => {
    const { kernel, groups, stride, padding, dilation } = g;
    const size = transposed(g).y.shape;
    const b = new GraphBuilder(ops);
    const inputs = {
      x: b.input("x", [2, 2 * groups, size[2], size[3]]),
      dy: b.input("dy", [2, 3 * groups, 4, 5]),
    };
    return {
      b,
      inputs,
      y: b.emit("conv2d_weight_grad", inputs, { kernel, groups, stride, padding, dilation }),
    };
  };
  const pool =
    (op: "max_pool2d" | "avg_pool2d") =>
    ({ kernel, stride, padding }: Geometry): Built => {
      const b = new GraphBuilder(ops);
      const inputs = { x: b.input("x", [2, 3, 9, 8]) };
      const half = padding.map((p, i) => Math.min(p, kernel[i] >> 1)) as unknown as Pair;
      return { b, inputs, y: b.emit(op, inputs, { kernel, stride, padding: half }) };
    };
  const makers: Record<string, (g: Geometry) => Built> = {
    conv2d: forward,
    conv_transpose2d: transposed,
    conv2d_weight_grad: weightGradient,
    max_pool2d: pool("max_pool2d"),
    avg_pool2d: pool("avg_pool2d"),
  };

  /** Values first, then cost, gradients and gradients of the gradients' weighted sum. */
  function differentiated(make: () => Built): { b: GraphBuilder; inputs: Record<string, Value> } {
    const { b, inputs, y } = make();
    const { mul, sum } = arithmetic(b);
    const weighted = (v: Value, seed: number): Value =>
      sum(mul(v, b.constant(numbers(sizeOf(v.shape), seed), v.shape)));
    const wrt = Object.values(inputs);
    // squared, so that the second derivative is none of a linear op's zeros
    const cost = weighted(mul(y, y), 7);
    const first = gradients(b, cost, wrt);
    first.forEach((g, i) => expect(g.shape).toEqual(wrt[i].shape));
    const slope = first.map((g, i) => weighted(g, 20 + i)).reduce(arithmetic(b).add);
    const second = gradients(b, slope, wrt);
    b.output("y", y);
    b.output("cost", cost);
    b.output("slope", slope);
    Object.keys(inputs).forEach((name, i) => {
      b.output(`cost ${name}`, first[i]);
      b.output(`slope ${name}`, second[i]);
    });
    return { b, inputs };
  }

  for (const [op, make] of Object.entries(makers))
    it(`${op}: shapes, and first and second derivatives by central differences; wasm as the reference`, async () => {
      for (const geometry of geometries) {
        const at = JSON.stringify(geometry);
        const { b, inputs } = differentiated(() => make(geometry));
        const plan = await backends.reference.compile(b);
        const feed: Record<string, Float64Array> = {};
        const direction: Record<string, Float64Array> = {};
        Object.entries(inputs).forEach(([name, v], i) => {
          feed[name] = numbers(sizeOf(v.shape), 3 + i);
          direction[name] = numbers(sizeOf(v.shape), 30 + i);
        });
        const moved = (h: number): Feed =>
          Object.fromEntries(
            Object.entries(feed).map(([name, x]) => [
              name,
              x.map((v, i) => v + h * direction[name][i]),
            ]),
          );
        const out = await plan.execute(feed);
        const up = await plan.execute(moved(1e-6));
        const down = await plan.execute(moved(-1e-6));
        for (const what of ["cost", "slope"]) {
          let [expected, scale] = [0, 1e-12];
          for (const name of Object.keys(inputs))
            direction[name].forEach((d, i) => {
              const term = d * out[`${what} ${name}`][i];
              expected += term;
              scale += Math.abs(term);
            });
          const difference = (up[what][0] - down[what][0]) / 2e-6;
          expect(Math.abs(difference - expected) / scale, `${what} of ${at}`).toBeLessThan(1e-6);
        }
        const fast = await compute(backends.wasm, b, feed);
        for (const [name, want] of Object.entries(out)) {
          // cost and slope themselves are sums whose terms cancel
          if (want.length === 1) continue;
          const top = Math.max(1e-6, ...Array.from(want, Math.abs));
          const worst = Math.max(...Array.from(want, (v, i) => Math.abs(v - fast[name][i])));
          expect(worst / top, `wasm ${name} of ${at}`).toBeLessThan(2e-5);
        }
      }
    }, 120_000);
});

describe("every activation at 0, ±ε and ±1e9, value and slopes, on both backends", () => {
  const sigmoid = (x: number): number => (x >= 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x)));
  const tanh = (x: number): number => Math.tanh(x);
  const bell = (x: number): number => exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);
  const below = (x: number): number => Math.min(0, x);
  const clamp = (x: number, low: number, high: number): number => Math.max(low, Math.min(high, x));
  const softplus = (x: number): number => Math.max(0, x) + Math.log1p(exp(-Math.abs(x)));
  const inside = (x: number, a: number): number => (Math.abs(x) < a ? 1 : 0);
  const c = Math.sqrt(2 / Math.PI);
  const inner = (x: number): number => c * (x + 0.044715 * x ** 3);
  const phi = (x: number): number => 0.5 * (1 + erf(x / Math.SQRT2));
  /** f, f′, f″; PyTorch's one-sided choices at kinks. */
  const formulas: Record<string, [nn.Layer, ...((x: number) => number)[]]> = {
    relu: [nn.relu(), (x) => Math.max(0, x), (x) => (x > 0 ? 1 : 0), () => 0],
    leakyRelu: [nn.leakyRelu(), (x) => (x > 0 ? x : 0.01 * x), (x) => (x > 0 ? 1 : 0.01), () => 0],
    sigmoid: [
      nn.sigmoid(),
      sigmoid,
      (x) => sigmoid(x) * sigmoid(-x),
      (x) => sigmoid(x) * sigmoid(-x) * (1 - 2 * sigmoid(x)),
    ],
    tanh: [nn.tanh(), tanh, (x) => 1 - tanh(x) ** 2, (x) => -2 * tanh(x) * (1 - tanh(x) ** 2)],
    silu: [
      nn.silu(),
      (x) => x * sigmoid(x),
      (x) => sigmoid(x) + x * sigmoid(x) * sigmoid(-x),
      (x) => sigmoid(x) * sigmoid(-x) * (2 + x * (1 - 2 * sigmoid(x))),
    ],
    hardSigmoid: [
      nn.hardSigmoid(),
      (x) => clamp(x / 6 + 0.5, 0, 1),
      (x) => inside(x, 3) / 6,
      () => 0,
    ],
    hardTanh: [nn.hardTanh(), (x) => clamp(x, -1, 1), (x) => inside(x, 1), () => 0],
    hardSwish: [
      nn.hardSwish(),
      (x) => x * clamp(x / 6 + 0.5, 0, 1),
      (x) => clamp(x / 6 + 0.5, 0, 1) + (x * inside(x, 3)) / 6,
      (x) => inside(x, 3) / 3,
    ],
    elu: [
      nn.elu(),
      (x) => Math.max(0, x) + Math.expm1(below(x)),
      (x) => exp(below(x)),
      (x) => (x > 0 ? 0 : exp(below(x))),
    ],
    softplus: [nn.softplus(), softplus, sigmoid, (x) => sigmoid(x) * sigmoid(-x)],
    "softplus, beta": [
      nn.softplus({ beta: 3 }),
      (x) => softplus(3 * x) / 3,
      (x) => sigmoid(3 * x),
      (x) => 3 * sigmoid(3 * x) * sigmoid(-3 * x),
    ],
    gelu: [
      nn.gelu(),
      (x) => x * phi(x),
      (x) => phi(x) + x * bell(x),
      (x) => (Math.abs(x) > 1e3 ? 0 : (2 - x * x) * bell(x)),
    ],
    "gelu, tanh": [
      nn.gelu({ approximate: "tanh" }),
      (x) => 0.5 * x * (1 + tanh(inner(x))),
      (x) => {
        const slope = c * (1 + 3 * 0.044715 * x * x);
        return (
          0.5 * (1 + tanh(inner(x))) +
          (Math.abs(x) > 1e3 ? 0 : 0.5 * x * (1 - tanh(inner(x)) ** 2) * slope)
        );
      },
    ],
  };
  const points = [
    0, 1e-30, -1e-30, 1e-6, -1e-6, 1e-3, -1e-3, 0.7, -0.7, 2.5, -2.5, 12, -12, 45, -45, 1e9, -1e9,
  ];

  for (const [name, [layer, ...orders]] of Object.entries(formulas))
    it(name, async () => {
      const n = points.length;
      const network = nn.sequential({ input: [n], seed: 0, layers: [layer] });
      const b = new GraphBuilder(ops);
      const x = b.input("x", [1, n]);
      const { sum } = arithmetic(b);
      let value = applyNetwork(b, network, x).y;
      orders.forEach((_, order) => {
        b.output(String(order), value);
        [value] = gradients(b, sum(value), [x]);
      });
      for (const [kind, backend] of Object.entries(backends)) {
        const out = await compute(backend, b, { x: points });
        const tolerance = kind === "reference" ? 1e-14 : 1e-6;
        orders.forEach((formula, order) =>
          points.forEach((p, i) => {
            // float32 numbers, where the backend's are
            const want = formula(kind === "wasm" ? Math.fround(p) : p);
            const error = Math.abs(out[order][i] - want) / Math.max(1, Math.abs(want));
            expect(
              error,
              `${kind}: derivative ${order} at ${p} is ${out[order][i]}, not ${want}`,
            ).toBeLessThan(tolerance);
          }),
        );
      }
    });

  it("upsampling and pools have float64 constants on the reference", async () => {
    const x = numbers(7 * 5, 4);
    const up = nn.sequential({
      input: [1, 7, 5],
      seed: 0,
      layers: [nn.upsample({ scale: 3, mode: "bilinear" })],
    });
    const b = new GraphBuilder(ops);
    b.output("y", applyNetwork(b, up, b.input("x", [1, 1, 7, 5])).y);
    const { y } = await compute(backends.reference, b, { x });
    const at = (i: number, n: number): [number, number, number] => {
      const place = Math.max(0, (i + 0.5) / 3 - 0.5);
      const low = Math.min(n - 1, Math.floor(place));
      return [low, Math.min(n - 1, low + 1), place - low];
    };
    for (let i = 0; i < 21; i++)
      for (let j = 0; j < 15; j++) {
        const [[r0, r1, f], [c0, c1, g]] = [at(i, 7), at(j, 5)];
        const [top, bottom] = [r0, r1].map((r) => (1 - g) * x[5 * r + c0] + g * x[5 * r + c1]);
        expect(Math.abs(y[15 * i + j] - (1 - f) * top - f * bottom)).toBeLessThan(1e-14);
      }
    const mean = nn.sequential({
      input: [1, 7, 5],
      seed: 0,
      layers: [nn.avgPool2d({ kernelSize: 3, ceilMode: true })],
    });
    const pooled = new GraphBuilder(ops);
    pooled.output("y", applyNetwork(pooled, mean, pooled.input("x", [1, 1, 7, 5])).y);
    const out = (await compute(backends.reference, pooled, { x })).y;
    expect(Math.abs(out[4] - (x[30] + x[31] + x[32]) / 3)).toBeLessThan(1e-15);
  });
});

describe("every loss at 0, ±ε, ±1e9 and with an offset", () => {
  const evaluate = async (
    backend: Backend,
    loss: Loss,
    shape: readonly number[],
    p: ArrayLike<number>,
    t: ArrayLike<number>,
  ): Promise<{ cost: number; gradient: ArrayLike<number> }> => {
    const b = new GraphBuilder(ops);
    const x = b.input("p", shape);
    const cost = loss.apply(b, x, b.input("t", shape));
    b.output("cost", cost);
    b.output("gradient", gradients(b, cost, [x])[0]);
    const out = await compute(backend, b, { p, t });
    return { cost: out.cost[0], gradient: out.gradient };
  };
  const differences = [0, 1e-6, -1e-6, 0.3, -0.3, 1, -1, 2, -2, 1e9, -1e9];
  const pointwise: Record<string, [Loss, (d: number) => number, (d: number) => number]> = {
    meanSquaredError: [meanSquaredError(), (d) => d * d, (d) => 2 * d],
    meanAbsoluteError: [meanAbsoluteError(), Math.abs, Math.sign],
    huber: [
      huber(),
      (d) => (Math.abs(d) <= 1 ? 0.5 * d * d : Math.abs(d) - 0.5),
      (d) => Math.max(-1, Math.min(1, d)),
    ],
    "huber, delta": [
      huber({ delta: 0.5 }),
      (d) => (Math.abs(d) <= 0.5 ? 0.5 * d * d : 0.5 * (Math.abs(d) - 0.25)),
      (d) => Math.max(-0.5, Math.min(0.5, d)),
    ],
  };
  for (const [name, [loss, value, slope]] of Object.entries(pointwise))
    it(name, async () => {
      for (const [kind, backend] of Object.entries(backends))
        for (const d of differences) {
          const { cost, gradient } = await evaluate(backend, loss, [1, 1], [d], [0]);
          const tolerance = kind === "reference" ? 1e-14 : 1e-6;
          for (const [got, want] of [
            [cost, value(d)],
            [gradient[0], slope(d)],
          ])
            expect(Math.abs(got - want), `${kind} at ${d}: ${got}, not ${want}`).toBeLessThan(
              tolerance * Math.max(1e-12, Math.abs(want)),
            );
        }
    });
  it("crossEntropy: −log of the softmax, for logits of 0, ±ε and ±1e9", async () => {
    for (const [kind, backend] of Object.entries(backends))
      for (const logits of [
        [0, 0, 0],
        [1e-6, -1e-6, 0],
        [1e9, -1e9, 0],
        [-1e9, 1e9, 0],
        [3, -1, 2],
      ]) {
        const top = Math.max(...logits);
        const total = logits.reduce((s, v) => s + exp(v - top), 0);
        const { cost, gradient } = await evaluate(
          backend,
          crossEntropy(),
          [1, 3],
          logits,
          [1, 0, 0],
        );
        const want = log(total) - (logits[0] - top);
        const tolerance = kind === "reference" ? 1e-14 : 1e-6;
        expect(Math.abs(cost - want), `${kind} ${logits}`).toBeLessThan(
          tolerance * Math.max(1, want),
        );
        logits.forEach((v, i) =>
          expect(Math.abs(gradient[i] - exp(v - top) / total + (i === 0 ? 1 : 0))).toBeLessThan(
            tolerance,
          ),
        );
      }
  });

  const [H, W] = [9, 8];
  /** 1 − SSIM by its definition, in float64. */
  function dissimilarity(p: ArrayLike<number>, t: ArrayLike<number>, range: number): number {
    const [c1, c2] = [(0.01 * range) ** 2, (0.03 * range) ** 2];
    let [sum, windows] = [0, 0];
    for (let r = 0; r + 7 <= H; r++)
      for (let q = 0; q + 7 <= W; q++) {
        const cells = Array.from(
          { length: 49 },
          (_, i) => (r + Math.floor(i / 7)) * W + q + (i % 7),
        );
        const mean = (x: ArrayLike<number>): number => cells.reduce((s, i) => s + x[i], 0) / 49;
        const [mp, mt] = [mean(p), mean(t)];
        const covariance = (
          x: ArrayLike<number>,
          mx: number,
          y: ArrayLike<number>,
          my: number,
        ): number => cells.reduce((s, i) => s + (x[i] - mx) * (y[i] - my), 0) / 48;
        const [pp, tt, pt] = [
          covariance(p, mp, p, mp),
          covariance(t, mt, t, mt),
          covariance(p, mp, t, mt),
        ];
        sum += ((2 * mp * mt + c1) * (2 * pt + c2)) / ((mp * mp + mt * mt + c1) * (pp + tt + c2));
        windows++;
      }
    return 1 - sum / windows;
  }
  it("structuralDissimilarity keeps its digits at an offset, at any range, and is 0 of two zeros", async () => {
    for (const [offset, range, noise, tolerance] of [
      [0.5, 1, 0.3, 1e-5],
      [100, 1, 0.3, 1e-4],
      [-100, 1, 0.01, 1e-4],
      [0, 1e-9, 0.3, 1e-5],
      [0, 1e9, 0.3, 1e-5],
      [3e4, 1e3, 0.1, 1e-4],
    ]) {
      const t = Float32Array.from(numbers(H * W, 1), (v) => offset + 0.5 * range * v);
      const p = Float32Array.from(numbers(H * W, 2), (v, i) => t[i] + noise * range * v);
      const want = dissimilarity(p, t, range);
      const loss = structuralDissimilarity({ range });
      const shape = [1, 1, H, W];
      const exact = await evaluate(backends.reference, loss, shape, p, t);
      expect(Math.abs(exact.cost - want), `offset ${offset}`).toBeLessThan(1e-9);
      const fast = await evaluate(backends.wasm, loss, shape, p, t);
      expect(Math.abs(fast.cost - want) / want, `offset ${offset}, range ${range}`).toBeLessThan(
        tolerance,
      );
      const top = Math.max(...Array.from(exact.gradient, Math.abs));
      for (let i = 0; i < H * W; i++)
        expect(Math.abs(fast.gradient[i] - exact.gradient[i]) / top).toBeLessThan(10 * tolerance);
    }
    for (const backend of Object.values(backends))
      for (const value of [0, 0.25, 100]) {
        const flat = new Float32Array(H * W).fill(value);
        const { cost, gradient } = await evaluate(
          backend,
          structuralDissimilarity({ range: 1 }),
          [1, 1, H, W],
          flat,
          flat,
        );
        expect(cost).toBe(0);
        expect(Array.from(gradient, Math.abs)).toEqual(Array.from(flat, () => 0));
      }
  });
});

describe('padding "same"', () => {
  /** ONNX's SAME_UPPER: outputs, zeros before. */
  const rule = (n: number, k: number, s: number, d: number): [number, number] => {
    const out = Math.ceil(n / s);
    return [out, Math.floor(Math.max(0, (out - 1) * s + d * (k - 1) + 1 - n) / 2)];
  };
  it("gives ⌈size/stride⌉ outputs for any kernel, stride and dilation, the odd cell of padding at the end", async () => {
    const [h, w] = [7, 10];
    const image = numbers(h * w, 5);
    for (const k of [1, 2, 3, 4, 5])
      for (const stride of [1, 2, 3])
        for (const dilation of [1, 2])
          for (const paddingMode of ["zeros", "replicate"] as const) {
            const layer = nn.conv2d({
              outChannels: 1,
              kernelSize: k,
              stride,
              dilation,
              padding: "same",
              paddingMode,
              bias: false,
            });
            const network = nn.sequential({ input: [1, h, w], seed: 2, layers: [layer] });
            const weights = network.parameters.get("0.conv2d.weight")!.data;
            const b = new GraphBuilder(ops);
            const value = applyNetwork(b, network, b.input("x", [1, 1, h, w])).y;
            b.output("y", value);
            const { y } = await compute(backends.reference, b, { x: image });
            const [[rows, top], [columns, left]] = [
              rule(h, k, stride, dilation),
              rule(w, k, stride, dilation),
            ];
            expect(value.shape).toEqual([1, 1, rows, columns]);
            for (let p = 0; p < rows; p++)
              for (let q = 0; q < columns; q++) {
                let want = 0;
                for (let i = 0; i < k; i++)
                  for (let j = 0; j < k; j++) {
                    const [r, s] = [
                      p * stride - top + i * dilation,
                      q * stride - left + j * dilation,
                    ];
                    const outside = r < 0 || r >= h || s < 0 || s >= w;
                    if (outside && paddingMode === "zeros") continue;
                    const cell =
                      Math.max(0, Math.min(h - 1, r)) * w + Math.max(0, Math.min(w - 1, s));
                    want += weights[k * i + j] * image[cell];
                  }
                expect(y[p * columns + q]).toBeCloseTo(want, 12);
              }
          }
  });
});

it("oneCycle starts at 1/start, is at its top at step peak·steps − 1 and ends at 1/(start·end), as PyTorch's", () => {
  for (const steps of [1, 2, 3, 10, 57, 100]) {
    const schedule = oneCycle({ peak: 0.3, start: 25, end: 1e4 });
    if (steps > 1) expect(schedule.factor(steps - 1, steps)).toBeCloseTo(1 / 25e4, 14);
    for (let step = 0; step < steps; step++) {
      expect(schedule.factor(step, steps)).toBeGreaterThan(0);
      expect(schedule.factor(step, steps)).toBeLessThanOrEqual(1);
    }
  }
  expect(oneCycle().factor(0, 100)).toBeCloseTo(1 / 25, 14);
  expect(oneCycle().factor(29, 100)).toBeCloseTo(1, 14);
  expect(() => oneCycle({ peak: 1 })).toThrow(/peak 1 must be below 1/);
});
