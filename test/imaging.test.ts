// Operators, masks, metrics, phantoms and solvers, against the field's fixtures and laws.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { openBackend, random } from "fiducial/engine";
import {
  applyOperator,
  birdcageCoils,
  brainPhantoms,
  conjugateGradient,
  dotTest,
  equispacedMask,
  firenet,
  magnitude,
  maskFrom,
  multiCoilFourier,
  norm,
  nmse,
  psnr,
  radialMask,
  randomMask,
  reconstruct,
  sheppLogan,
  shrinkDetails,
  ssim,
  ssimGaussian,
  subsampledFourier,
  totalVariation,
  variableDensityMask,
  waveletSparsity,
  zeroFilled,
  type Mask,
  type Operator,
  type Reconstructor,
} from "fiducial/imaging";

describe("masks", () => {
  it("equispaced-fraction reproduces fastMRI's lines for W = 372, R = 4, .08, offset 4", () => {
    const mask = equispacedMask({
      shape: [2, 372],
      acceleration: 4,
      centerFraction: 0.08,
      offset: 4,
    });
    const lines = [...mask.data.subarray(372)].flatMap((v, i) => (v ? [i] : []));
    expect(mask.step).toBeCloseTo(5.428571, 6);
    expect(lines.slice(0, 6)).toEqual([4, 9, 15, 20, 26, 31]);
    expect(lines.length).toBe(92);
    expect(lines.filter((i) => i >= 171 && i < 201).length).toBe(30);
  });
  it("random samples the centre and about W/R columns; variable density exactly round(W/R)", () => {
    let total = 0;
    for (let seed = 0; seed < 200; seed++) {
      const { data } = randomMask({ shape: [1, 320], acceleration: 4, centerFraction: 0.08, seed });
      expect(data.subarray(147, 173).every((v) => v === 1)).toBe(true);
      total += data.reduce((s, v) => s + v, 0);
    }
    expect(Math.abs(total / 200 - 80)).toBeLessThan(1.5);
    const { data } = variableDensityMask({
      shape: [1, 128],
      acceleration: 4,
      centerFraction: 0.08,
      seed: 3,
    });
    expect(data.reduce((s, v) => s + v, 0)).toBe(32);
  });
  it("are whole columns, radial spokes pass through DC, and repeat with their seed", () => {
    const options = { shape: [20, 64], acceleration: 4, centerFraction: 0.1, seed: 9 } as const;
    const mask = variableDensityMask(options);
    for (let i = 1; i < 20; i++)
      expect(mask.data.subarray(i * 64, i * 64 + 64)).toEqual(mask.data.subarray(0, 64));
    expect(variableDensityMask(options)).toEqual(mask);
    expect(radialMask({ shape: [33, 64], spokes: 5 }).data[16 * 64 + 32]).toBe(1);
  });
  it("say what is wrong with impossible options and files", () => {
    expect(() =>
      randomMask({ shape: [8, 100], acceleration: 20, centerFraction: 0.08, seed: 0 }),
    ).toThrow(/centre alone is 8 of 100/);
    expect(() => maskFrom(new Float32Array(64), [8, 8], [16, 16])).toThrow(
      /8×8, the images are 16×16/,
    );
    expect(() => maskFrom(new Float32Array(64), [8, 8])).toThrow(/samples nothing/);
  });
});

describe("subsampledFourier", () => {
  it("passes the dot test to 1e-12 and never enlarges, for odd and even sizes and every mask", async () => {
    const backend = await openBackend("reference");
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 2, max: 19 }),
        fc.integer({ min: 2, max: 19 }),
        fc.integer({ min: 0, max: 1000 }),
        async (h, w, seed) => {
          const rng = random(seed);
          const masks: Mask[] = [
            maskFrom(
              Float32Array.from({ length: h * w }, (_, i) =>
                i === 0 || rng.uniform() < 0.4 ? 1 : 0,
              ),
              [h, w],
            ),
            radialMask({ shape: [h, w], spokes: 3 }),
            randomMask({ shape: [h, w], acceleration: 2, centerFraction: 0.1, seed }),
            variableDensityMask({ shape: [h, w], acceleration: 2, centerFraction: 0.1, seed }),
          ];
          for (const mask of masks) {
            const operator = subsampledFourier({ mask });
            const error = await dotTest(operator, { seed, backend });
            // an empty random mask measures nothing: 0/0
            if (mask.data.includes(1)) expect(error).toBeLessThan(1e-12);
            const x = Float64Array.from({ length: 2 * h * w }, () => rng.normal());
            expect(norm(await applyOperator(operator, "forward", x, backend))).toBeLessThanOrEqual(
              norm(x) * (1 + 1e-12),
            );
          }
        },
      ),
      { numRuns: 25, seed: 4 },
    );
  });
});

describe("metrics", () => {
  // the fixture: N = 64, three slices g = (s+1)(.5 + .25 sin(2πi/16) + .25 cos(2πj/8)), p = g +
  // .05(s+1) sin(2π(i+2j)/5)
  const N = 64;
  const make = (error: number): Float64Array =>
    Float64Array.from({ length: 3 * N * N }, (_, k) => {
      const [s, i, j] = [Math.floor(k / (N * N)), Math.floor(k / N) % N, k % N];
      return (
        (s + 1) *
        (0.5 +
          0.25 * Math.sin((2 * Math.PI * i) / 16) +
          0.25 * Math.cos((2 * Math.PI * j) / 8) +
          error * Math.sin((2 * Math.PI * (i + 2 * j)) / 5))
      );
    });
  const [g, p] = [make(0), make(0.05)];
  const slices = (x: Float64Array): Float64Array[] =>
    [0, 1, 2].map((s) => x.subarray(s * N * N, (s + 1) * N * N));
  const top = Math.max(...g);
  const mean = (f: (a: Float64Array, b: Float64Array) => number): number =>
    slices(g).reduce((s, a, i) => s + f(a, slices(p)[i]), 0) / 3;
  it.each([
    ["NMSE", () => nmse(g, p), 0.0039996982],
    ["PSNR of the volume", () => psnr(g, p), 31.8835848145],
    ["mean PSNR of slices", () => mean((a, b) => psnr(a, b)), 29.0312275297],
    ["SSIM, the volume's maximum", () => mean((a, b) => ssim(a, b, [N, N], top)), 0.9863935738],
    ["SSIM, each slice's maximum", () => mean((a, b) => ssim(a, b, [N, N])), 0.9859792663],
    [
      "Gaussian SSIM of slice 0",
      () => ssimGaussian(slices(g)[0], slices(p)[0], [N, N], top),
      0.9828923245,
    ],
  ])("%s agrees with skimage and fastMRI", (_name, measure, want) =>
    expect(measure()).toBeCloseTo(want, 9),
  );
});

describe("phantoms", () => {
  it("Shepp–Logan has the known values in its parts", () => {
    for (const [contrast, grey, left] of [
      ["modified", 0.2, 0],
      ["original", 0.02, 0],
    ] as const) {
      const image = sheppLogan({ size: 256, contrast });
      expect(Math.max(...image)).toBe(1);
      expect(image[0]).toBe(0);
      expect(image[200 * 256 + 128]).toBeCloseTo(grey, 6);
      expect(image[128 * 256 + 100]).toBeCloseTo(left, 6);
    }
  });
  it("brain phantoms repeat with their seed, differ from one another, and have a phase", () => {
    const set = brainPhantoms({ shape: [48, 40], count: 3, seed: 5 });
    expect(set.image(1)).toEqual(brainPhantoms({ shape: [48, 40], count: 99, seed: 5 }).image(1));
    expect(set.image(0)).not.toEqual(set.image(1));
    const m = magnitude(set.image(2));
    expect(Math.max(...m)).toBeLessThanOrEqual(1 + 1e-6);
    expect(norm(set.image(2).subarray(48 * 40))).toBeGreaterThan(0);
  });
});

describe("solvers", () => {
  const N = 64;
  const mask = variableDensityMask({
    shape: [N, N],
    acceleration: 3,
    centerFraction: 0.1,
    seed: 2,
  });
  const operator = subsampledFourier({ mask });
  it("total variation beats zero-filling by 3 dB on a phantom, at any intensity", async () => {
    const backend = await openBackend("wasm");
    const x = brainPhantoms({ shape: [N, N], count: 1, seed: 8 }).image(0);
    const y = await applyOperator(operator, "forward", x, backend);
    const tv = totalVariation({ lambda: 0.01 });
    const quality = async (method: typeof tv, scale: number): Promise<number> =>
      psnr(
        magnitude(x),
        magnitude(
          (
            await reconstruct(
              method,
              y.map((v) => v * scale),
              operator,
              backend,
            )
          ).map((v) => v / scale),
        ),
      );
    const plain = await quality(zeroFilled(), 1);
    expect(await quality(tv, 1)).toBeGreaterThan(plain + 3);
    expect(await quality(tv, 250)).toBeCloseTo(await quality(tv, 1), 2);
  });
  it("total variation without the k-space step ends at the same minimiser", async () => {
    const backend = await openBackend("reference");
    const small = subsampledFourier({ mask: radialMask({ shape: [16, 16], spokes: 7 }) });
    const x = brainPhantoms({ shape: [16, 16], count: 1, seed: 8 }).image(0);
    const y = await applyOperator(small, "forward", x, backend);
    const { spectralDiagonal: _, ...general } = small;
    const method = totalVariation({ lambda: 0.05, iterations: 400, rho: 0.5 });
    const [exact, other] = [
      await reconstruct(method, y, small, backend),
      await reconstruct(method, y, general, backend),
    ];
    expect(norm(other.map((v, k) => v - exact[k])) / norm(exact)).toBeLessThan(1e-3);
    const few = await reconstruct(
      totalVariation({ lambda: 0.05, iterations: 3, rho: 0.5 }),
      y,
      general,
      backend,
    );
    expect(norm(few.map((v, k) => v - exact[k])) / norm(exact)).toBeGreaterThan(1e-2);
  });
  it("on several coils every method beats zero-filling, which beats one coil's", async () => {
    const backend = await openBackend("wasm");
    const x = brainPhantoms({ shape: [N, N], count: 1, seed: 8 }).image(0);
    const coils = multiCoilFourier({ mask, coils: birdcageCoils({ shape: [N, N], coils: 4 }) });
    const quality = async (method: Reconstructor, op: Operator): Promise<number> => {
      const y = await applyOperator(op, "forward", x, backend);
      return psnr(magnitude(x), magnitude(await reconstruct(method, y, op, backend)));
    };
    const plain = await quality(zeroFilled(), coils);
    expect(plain).toBeGreaterThan(await quality(zeroFilled(), operator));
    for (const method of [
      totalVariation({ lambda: 0.01 }),
      waveletSparsity({ lambda: 0.01 }),
      firenet(),
      conjugateGradient(),
    ])
      expect(await quality(method, coils)).toBeGreaterThan(plain + 1);
  });
  it("conjugate gradients solve the normal equations, at any intensity", async () => {
    const backend = await openBackend("reference");
    const shape = [12, 10] as const;
    const op = multiCoilFourier({
      mask: radialMask({ shape, spokes: 5 }),
      coils: birdcageCoils({ shape, coils: 3 }),
    });
    const x = brainPhantoms({ shape: [16, 16], count: 1, seed: 8 })
      .image(0)
      .slice(0, 240);
    const y = await applyOperator(op, "forward", x, backend);
    const right = await applyOperator(op, "adjoint", y, backend);
    for (const iterations of [3, 60]) {
      const z = await reconstruct(conjugateGradient({ mu: 0.05, iterations }), y, op, backend);
      const Az = await applyOperator(op, "forward", z, backend);
      const left = (await applyOperator(op, "adjoint", Az, backend)).map((v, k) => v + 0.05 * z[k]);
      const error = norm(left.map((v, k) => v - right[k])) / norm(right);
      if (iterations === 3) expect(error).toBeGreaterThan(1e-3);
      else expect(error).toBeLessThan(1e-8);
    }
    expect(() => conjugateGradient({ mu: 0 })).toThrow(/mu 0/);
  });
  it("total variation converges to the minimiser: more iterations never end higher, and the last steps barely move", async () => {
    const backend = await openBackend("reference");
    const small = subsampledFourier({ mask: radialMask({ shape: [16, 16], spokes: 7 }) });
    const x = brainPhantoms({ shape: [16, 16], count: 1, seed: 8 }).image(0);
    const y = await applyOperator(small, "forward", x, backend);
    const scale = norm(await applyOperator(small, "adjoint", y, backend)) / Math.sqrt(512);
    const lambda = 0.05;
    const cost = async (z: Float64Array): Promise<number> => {
      const residual = await applyOperator(small, "forward", z, backend);
      let tv = 0;
      for (let i = 0; i < 16; i++)
        for (let j = 0; j < 16; j++) {
          const at = (di: number, dj: number, part: number): number =>
            z[part * 256 + ((i + di) % 16) * 16 + ((j + dj) % 16)];
          tv += Math.hypot(
            at(1, 0, 0) - at(0, 0, 0),
            at(0, 1, 0) - at(0, 0, 0),
            at(1, 0, 1) - at(0, 0, 1),
            at(0, 1, 1) - at(0, 0, 1),
          );
        }
      return 0.5 * norm(residual.map((v, i) => v - y[i])) ** 2 + lambda * scale * tv;
    };
    const solve = (iterations: number): Promise<Float64Array> =>
      reconstruct(totalVariation({ lambda, iterations, rho: 0.5 }), y, small, backend);
    const [long, longer] = [await solve(300), await solve(600)];
    expect(norm(long.map((v, i) => v - longer[i])) / norm(longer)).toBeLessThan(1e-3);
    const best = await cost(longer);
    const rng = random(3);
    for (let k = 0; k < 20; k++) {
      const step = Float64Array.from({ length: 512 }, () => rng.normal());
      for (const size of [1e-2, 1e-1])
        expect(
          await cost(longer.map((v, i) => v + (size * scale * step[i]) / norm(step))),
        ).toBeGreaterThan(best);
    }
    expect(await cost(await solve(10))).toBeGreaterThanOrEqual(best);
  }, 60_000);
});

describe("wavelet sparsity", () => {
  it("with nothing to shrink is the identity: the transform is orthonormal, for both wavelets", async () => {
    const { GraphBuilder, ops } = await import("fiducial/engine");
    const reference = await openBackend("reference");
    for (const wavelet of ["haar", "db2"] as const) {
      const run = async (threshold: number, x: Float64Array): Promise<ArrayLike<number>> => {
        const b = new GraphBuilder(ops);
        b.output(
          "y",
          shrinkDetails(b, b.input("x", [1, 2, 16, 8]), { threshold, wavelet, levels: 2 }),
        );
        return (await (await reference.compile(b)).execute({ x })).y;
      };
      const rng = random(4);
      const x = Float64Array.from({ length: 256 }, () => rng.normal());
      (await Promise.resolve(run(0, x)).then((y) => Array.from(y))).forEach((v, i) =>
        expect(v).toBeCloseTo(x[i], 9),
      );
      // everything shrunk leaves the coarse image: constants pass, and nothing grows
      const flat = new Float64Array(256).fill(2);
      Array.from(await run(1e6, flat)).forEach((v) => expect(v).toBeCloseTo(2, 9));
      expect(norm(Float64Array.from(await run(1e6, x)))).toBeLessThan(norm(x));
      const same = Array.from(await run(0.3, x));
      const twice = norm(Float64Array.from(same));
      expect(twice).toBeLessThan(norm(x));
    }
  });
  it("beats zero-filling by more than 1 dB, and on a grid that stays where it is converges", async () => {
    const shape = [32, 32] as const;
    const operator = subsampledFourier({
      mask: variableDensityMask({ shape, acceleration: 2, centerFraction: 0.2, seed: 1 }),
    });
    const backend = await openBackend("wasm");
    const x = brainPhantoms({ shape, count: 1, seed: 3 }).image(0);
    const y = await applyOperator(operator, "forward", x, backend);
    const truth = magnitude(x);
    const score = async (iterations: number, spin: boolean): Promise<number> =>
      psnr(
        truth,
        magnitude(
          await reconstruct(
            waveletSparsity({ lambda: 0.01, iterations, spin }),
            y,
            operator,
            backend,
          ),
        ),
        1,
      );
    expect(await score(60, true)).toBeGreaterThan(
      psnr(truth, magnitude(await reconstruct(zeroFilled(), y, operator, backend)), 1) + 1,
    );
    expect(Math.abs((await score(200, false)) - (await score(300, false)))).toBeLessThan(0.02);
    expect(() => waveletSparsity({ lambda: 0 })).toThrow(/must be positive/);
  });
});
