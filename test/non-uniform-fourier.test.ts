// Fourier samples off the grid against the sum itself: fixture, error table, A*A as a convolution,
// density compensation.
import { describe, expect, it } from "vitest";
import { GraphBuilder, openBackend, ops, PI, sinCos } from "fiducial/engine";
import {
  analyticEllipses,
  applyOperator,
  arrayHash,
  dotTest,
  magnitude,
  nonUniformFourier,
  norm,
  normalOf,
  openTrajectory,
  psnr,
  type Operator,
} from "fiducial/imaging";

const N = 64;
const backend = await openBackend("reference");
const trajectory = { kind: "radial", spokes: 40, samples: 128 } as const;
const { frequencies } = openTrajectory(trajectory, [N, N]);
const M = frequencies.length / 2;

/** (1 + ½ sin(2πi/16) + ¼ cos(2πj/8)) in a disc, with a phase that rises. */
const image = new Float64Array(2 * N * N);
for (let i = 0; i < N; i++)
  for (let j = 0; j < N; j++) {
    if ((i - 31) ** 2 + (j - 33) ** 2 >= 26 ** 2) continue;
    const value = 1 + 0.5 * sinCos((2 * PI * i) / 16)[0] + 0.25 * sinCos((2 * PI * j) / 8)[1];
    const [sin, cos] = sinCos(0.02 * (i - j));
    image[i * N + j] = value * cos;
    image[N * N + i * N + j] = value * sin;
  }

/** e^(∓2πi k·n/N) of one axis for every sample, n from −N/2. */
function phases(axis: 0 | 1, sign: number): { re: Float64Array; im: Float64Array } {
  const [re, im] = [new Float64Array(M * N), new Float64Array(M * N)];
  for (let m = 0; m < M; m++)
    for (let n = 0; n < N; n++)
      [im[m * N + n], re[m * N + n]] = sinCos(
        (sign * 2 * PI * frequencies[2 * m + axis] * (n - N / 2)) / N,
      );
  return { re, im };
}
/** N⁻¹ ΣΣ x e^(−2πi k·n/N) */
function sum(x: ArrayLike<number>): Float64Array {
  const [down, across] = [phases(0, -1), phases(1, -1)];
  const y = new Float64Array(2 * M);
  for (let m = 0; m < M; m++)
    for (let i = 0; i < N; i++) {
      let [re, im] = [0, 0];
      for (let j = 0; j < N; j++) {
        const [a, b] = [x[i * N + j], x[N * N + i * N + j]];
        const [c, d] = [across.re[m * N + j], across.im[m * N + j]];
        re += a * c - b * d;
        im += a * d + b * c;
      }
      const [c, d] = [down.re[m * N + i], down.im[m * N + i]];
      y[m] += (re * c - im * d) / N;
      y[M + m] += (re * d + im * c) / N;
    }
  return y;
}
/** N⁻¹ Σ y e^(2πi k·n/N) */
function adjointSum(y: ArrayLike<number>): Float64Array {
  const [down, across] = [phases(0, 1), phases(1, 1)];
  const x = new Float64Array(2 * N * N);
  for (let m = 0; m < M; m++)
    for (let i = 0; i < N; i++) {
      const [c, d] = [down.re[m * N + i] / N, down.im[m * N + i] / N];
      const [re, im] = [y[m] * c - y[M + m] * d, y[m] * d + y[M + m] * c];
      for (let j = 0; j < N; j++) {
        const [e, f] = [across.re[m * N + j], across.im[m * N + j]];
        x[i * N + j] += re * e - im * f;
        x[N * N + i * N + j] += re * f + im * e;
      }
    }
  return x;
}
const away = (a: ArrayLike<number>, b: Float64Array): number =>
  norm(b.map((v, k) => v - a[k])) / norm(b);
const y = sum(image);
async function firstImage(operator: Operator, of: ArrayLike<number>): Promise<Float64Array> {
  const b = new GraphBuilder(ops);
  b.output("x", operator.initial!(b, b.input("y", [1, ...operator.range])));
  return Float64Array.from((await (await backend.compile(b)).execute({ y: of })).x);
}

describe("samples off the grid", () => {
  it("are where the golden angle puts them, and have the sum's values", () => {
    expect(norm(y)).toBeCloseTo(331.8885421484, 8);
    for (const [m, re, im] of [
      [0, 0.3396421407, -0.0011744971],
      [64, 30.8459238111, -0.89962967],
      [100, -0.0329383558, -0.1490920619],
    ]) {
      expect(y[m]).toBeCloseTo(re, 8);
      expect(y[M + m]).toBeCloseTo(im, 8);
    }
  });
  it("lie on spokes 111.246117975° apart", () => {
    // the last sample of the first spoke is at (0, 31.5), and of the second on its own line
    const [down, across] = frequencies.slice(2 * 255, 2 * 256);
    const degrees = (Math.atan2(down, across) * 180) / Math.PI;
    expect(degrees).toBeCloseTo(111.246117975, 9);
    expect([...frequencies.slice(2 * 127, 2 * 128)]).toEqual([0, 31.5]);
  });
  // relative errors: of the norm, of the largest value; the dot test does not depend on the kernel
  it.each([
    [
      1.25,
      [1.28e-2, 1.622e-3, 2.377e-4, 4.776e-5, 6.999e-6, 1.18e-6],
      [2.317e-2, 2.19e-3, 3.216e-4, 6.565e-5, 8.357e-6, 1.805e-6],
    ],
    [
      1.5,
      [5.874e-3, 7.402e-4, 8.908e-5, 9.794e-6, 1.155e-6, 1.381e-7],
      [1.366e-2, 1.095e-3, 1.281e-4, 1.43e-5, 1.526e-6, 1.883e-7],
    ],
    [
      2,
      [3.939e-3, 2.353e-4, 2.964e-5, 1.943e-6, 1.88e-7, 1.795e-8],
      [7.297e-3, 3.167e-4, 4.277e-5, 2.447e-6, 2.521e-7, 2.114e-8],
    ],
  ])(
    "are as near the sum as the kernel allows, on a grid %f times as fine",
    async (oversampling, errors, largest) => {
      const top = (v: Float64Array): number => magnitude(v).reduce((p, q) => Math.max(p, q), 0);
      for (const [i, want] of errors.entries()) {
        const operator = nonUniformFourier({
          shape: [N, N],
          trajectory,
          oversampling,
          width: 3 + i,
        });
        const found = await applyOperator(operator, "forward", image, backend);
        // the table's last digit
        expect(Math.abs(away(found, y) / want - 1)).toBeLessThan(1e-3);
        expect(Math.abs(top(found.map((v, k) => v - y[k])) / top(y) / largest[i] - 1)).toBeLessThan(
          1e-3,
        );
        expect(await dotTest(operator, { seed: 1, backend })).toBeLessThan(2e-16);
      }
    },
    60_000,
  );
  it("have the norm that power iteration finds", async () => {
    const { times } = normalOf([N, N], frequencies, 16);
    let v = { re: new Float64Array(N * N).fill(1), im: new Float64Array(N * N) };
    let length = 0;
    for (let k = 0; k < 200; k++) {
      const next = times(v);
      const before = Math.hypot(norm(v.re), norm(v.im));
      length = Math.hypot(norm(next.re), norm(next.im)) / before;
      v = { re: next.re.map((a) => a / length), im: next.im.map((a) => a / length) };
    }
    expect(length).toBeCloseTo(77.28622752, 7);
    // what the operator states lies 0.1 % above
    const { norm: stated } = nonUniformFourier({ shape: [N, N], trajectory });
    expect(stated! ** 2 / length).toBeGreaterThan(1);
    expect(stated! ** 2 / length).toBeLessThan(1.003);
  });
  it.each([
    [6, 3e-6],
    [16, 3e-15],
  ])("make A*A a convolution, whose kernel %i cells make as near as %f", (width, bound) => {
    const part = (which: 0 | 1): Float64Array => image.slice(which * N * N, (which + 1) * N * N);
    const { re, im } = normalOf([N, N], frequencies, width).times({ re: part(0), im: part(1) });
    expect(away([...re, ...im], adjointSum(y))).toBeLessThan(bound);
  });
  it.each([
    // SigPy's defaults, and BART's, which are ours
    [1.25, 4, 1.8497e-3],
    [2, 6, 1.907e-6],
  ])("gridded forth and back, σ %f and %i cells, are %f off", async (oversampling, width, want) => {
    const operator = nonUniformFourier({ shape: [N, N], trajectory, oversampling, width });
    const back = await applyOperator(
      operator,
      "adjoint",
      await applyOperator(operator, "forward", image, backend),
      backend,
    );
    expect(Math.abs(away(back, adjointSum(y)) / want - 1)).toBeLessThan(1e-3);
  });
  it.each([
    { kind: "radial", spokes: 101, samples: 128 } as const,
    { kind: "spiral", arms: 16, samples: 400, turns: 4 } as const,
  ])("show an object again by density-compensated gridding: $kind", async (dense) => {
    const operator = nonUniformFourier({ shape: [N, N], trajectory: dense });
    const objects = analyticEllipses({ shape: [N, N], count: 1, seed: 3 });
    const truth = magnitude(objects.image(0));
    const found = magnitude(await firstImage(operator, objects.measurement(0, operator)));
    const scale =
      found.reduce((s, v, k) => s + v * truth[k], 0) / truth.reduce((s, v) => s + v * v, 0);
    expect(scale).toBeGreaterThan(0.97);
    expect(scale).toBeLessThan(1.03);
    expect(psnr(truth, found, 1)).toBeGreaterThan(25);
  });
  it("can be named by an array, which must fit the pixels", () => {
    const data = Float32Array.from([0, 0, 3.5, -4, 1, 2]);
    const file = { kind: "file", sha256: arrayHash(data) } as const;
    const given = (shape: readonly number[], values = data) =>
      new Map([[file.sha256, { shape, data: values }]]);
    expect(openTrajectory(file, [8, 8], given([1, 3, 2])).counts).toEqual([1, 3]);
    expect(() => openTrajectory(file, [8, 8])).toThrow(
      /trajectory: the array with SHA-256 .* is not given/,
    );
    expect(() => openTrajectory(file, [8, 8], given([3, 2]))).toThrow(
      /it is \[3×2\]; give \[readouts×samples×2\]/,
    );
    expect(() => openTrajectory(file, [8, 6], given([1, 3, 2]))).toThrow(
      /sample 1 is at -4 .* from -3 to 3/,
    );
    expect(() => openTrajectory({ ...trajectory, spokes: 0 }, [8, 8])).toThrow(
      /radial with 0 spokes/,
    );
    expect(() => openTrajectory({ ...trajectory, spokes: 1e6, samples: 1e6 }, [8, 8])).toThrow(
      /samples are too many/,
    );
    expect(() => nonUniformFourier({ shape: [8, 8], trajectory, width: 1 })).toThrow(
      /width 1; give/,
    );
  });
});
