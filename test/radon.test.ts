// Line integrals: Joseph's coefficients, the ramp, filtered back-projection, and the sinograms of
// ellipses, against independent figures.
import { describe, expect, it } from "vitest";
import { GraphBuilder, openBackend, ops, PI, sinCos } from "fiducial/engine";
import {
  applyOperator,
  fanBeam,
  measureEllipses,
  norm,
  parallelBeam,
  ramp,
  rasterOf,
  type Ellipse,
  type Operator,
} from "fiducial/imaging";

const backend = await openBackend("reference");
const fast = await openBackend("wasm", { threads: 1 });
const sinogram = (operator: Operator, image: ArrayLike<number>): Promise<Float64Array> =>
  applyOperator(
    operator,
    "forward",
    Float64Array.from({ length: 2 * image.length }, (_, k) => image[k] ?? 0),
    backend,
  );
async function firstImage(
  operator: Operator,
  y: ArrayLike<number>,
  on = backend,
): Promise<Float64Array> {
  const b = new GraphBuilder(ops);
  b.output("x", operator.initial!(b, b.input("y", [1, ...operator.range])));
  return Float64Array.from((await (await on.compile(b)).execute({ y })).x);
}
const ellipse: Ellipse = {
  row: 63.5 + 7,
  column: 63.5 + 10,
  a: 30,
  b: 18,
  turned: [0, 1],
  value: 1,
};
const image = rasterOf([ellipse], [128, 128]);
/** Over the pixels within `radius` of the ellipse's centre. */
const within = (radius: number, values: ArrayLike<number>): number[] =>
  Array.from({ length: 128 * 128 }, (_, k) => k)
    .filter(
      (k) =>
        (Math.floor(k / 128) - ellipse.row) ** 2 + ((k % 128) - ellipse.column) ** 2 < radius ** 2,
    )
    .map((k) => values[k]);
const mean = (values: readonly number[]): number =>
  values.reduce((sum, v) => sum + v, 0) / values.length;
const rmse = (found: ArrayLike<number>): number =>
  Math.sqrt(mean(Array.from(image, (v, k) => (found[k] - v) ** 2)));

describe("a parallel beam", () => {
  it.each([
    [0, [0, 28, 32, 36, 40, 0]],
    [30, [7.194434164, 28.9679368559, 36.5931516382, 41.9264849716, 19.6999876635, 2.2136720505]],
    // at 45° a line crosses every row; the second runs through 9f, 13(1 − f) and 14f with
    // f = 3 − 3/√2: √2·(13 + 10f) = 43√2 − 30
    [
      45,
      [
        8.5391052434,
        43 * Math.SQRT2 - 30,
        44.0832611207,
        35.0832611207,
        14.3553390593,
        2.627416998,
      ],
    ],
    [90, [0, 58, 42, 26, 10, 0]],
    [120, [8.8546882018, 40.3538290725, 49.9264849716, 28.5931516382, 8.3140954469, 0.5534180126]],
  ])("has Joseph's integrals of 1 … 16 at %i°", async (degrees, want) => {
    const operator = parallelBeam({ shape: [4, 4], views: 180, detectors: 6, arc: 180 });
    const y = await sinogram(
      operator,
      Float64Array.from({ length: 16 }, (_, k) => k + 1),
    );
    want.forEach((v, d) => {
      expect(y[6 * degrees + d]).toBeCloseTo(v, 9);
    });
  });
  it("is filtered by Kak & Slaney's ramp", () => {
    for (const [n, first, second, quarter, half] of [
      [8, 0.049683628256, 0.245262591889, 0.5, 0.950316371744],
      [64, 0.006330515403, 0.030512608549, 0.5, 0.993669484597],
      [1024, 0.00039578537, 0.001906909443, 0.5, 0.99960421463],
    ]) {
      const at = (k: number): number => {
        let sum = ramp(0);
        for (let j = 1; j <= n / 2; j++)
          sum += (j === n / 2 ? 1 : 2) * ramp(j) * sinCos((2 * PI * j * k) / n)[1];
        return sum;
      };
      expect(at(0)).toBeCloseTo(first, 11);
      expect(at(1)).toBeCloseTo(second, 11);
      expect(at(n / 4)).toBeCloseTo(quarter, 11);
      expect(at(n / 2)).toBeCloseTo(half, 11);
    }
  });
  it("measures an ellipse as its formula says, and shows it again by filtered back-projection", async () => {
    const operator = parallelBeam({ shape: [128, 128], views: 180, detectors: 128, arc: 180 });
    const y = measureEllipses([ellipse], operator);
    expect(norm(y)).toBeCloseTo(3442.8161459947, 8);
    expect(y.slice(0, 128).reduce((sum, v) => sum + v, 0)).toBeCloseTo(1697.58942128, 7);
    const found = await firstImage(operator, y);
    expect(mean(within(10, found))).toBeCloseTo(0.99987473, 8);
    expect(rmse(found)).toBeCloseTo(0.01823073, 8);
    // pixels are not the object: their sinogram is another one
    const crime = await sinogram(operator, image);
    const away = norm(crime.map((v, k) => v - y[k])) / norm(y);
    expect(away).toBeGreaterThan(1e-3);
    expect(away).toBeLessThan(0.02);
  });
  it("refuses counts and arcs that no scanner has", () => {
    const options = { shape: [8, 8], views: 4, detectors: 8, arc: 180 } as const;
    expect(() => parallelBeam({ ...options, views: 0 })).toThrow(/0 views and 8 detectors/);
    expect(() => parallelBeam({ ...options, detectors: 1.5 })).toThrow(/1.5 detectors/);
    expect(() => parallelBeam({ ...options, views: 1e5, detectors: 1e5 })).toThrow(
      /8×8 pixels and 100000×100000 samples are too many/,
    );
    expect(() => parallelBeam({ ...options, shape: [1e6, 1e6] })).toThrow(/too many; at most/);
    expect(() => parallelBeam({ ...options, arc: 270 })).toThrow(/an arc of 270 degrees/);
  });
});

describe("a fan beam", () => {
  it("far away is a parallel beam", async () => {
    const fan = fanBeam({ shape: [16, 16], views: 8, detectors: 20, source: 1e7, detector: 0 });
    const beam = parallelBeam({ shape: [16, 16], views: 4, detectors: 20, arc: 180 });
    const x = Float64Array.from({ length: 256 }, (_, k) => ((k * 37) % 11) + k / 64);
    const [y, want] = [await sinogram(fan, x), await sinogram(beam, x)];
    for (let k = 0; k < 80; k++) expect(y[k]).toBeCloseTo(want[k], 3);
  });
  it.each([0, 200])(
    "shows an ellipse by weighted filtered back-projection, detector at %i",
    async (detector) => {
      const detectors = detector === 0 ? 150 : 290;
      const operator = fanBeam({ shape: [128, 128], views: 360, detectors, source: 200, detector });
      const found = await firstImage(operator, measureEllipses([ellipse], operator), fast);
      expect(mean(within(10, found))).toBeCloseTo(1, 2);
      expect(rmse(found)).toBeLessThan(0.025);
    },
  );
  it("refuses a source inside the image", () => {
    const options = { shape: [16, 16], views: 8, detectors: 20, source: 11, detector: 0 } as const;
    expect(() => fanBeam(options)).toThrow(
      /the source is at 11.*outside the image \(above 11\.3\)/,
    );
  });
});

it("has the same bits on any number of threads", async () => {
  const operator = parallelBeam({ shape: [64, 64], views: 40, detectors: 92, arc: 180 });
  const x = Float64Array.from({ length: 2 * 64 * 64 }, (_, k) => ((k * 37) % 101) / 101);
  const y = await applyOperator(operator, "forward", x, fast);
  const more = await openBackend("wasm", { threads: 3 });
  expect(await applyOperator(operator, "forward", x, more)).toEqual(y);
  expect(await applyOperator(operator, "adjoint", y, more)).toEqual(
    await applyOperator(operator, "adjoint", y, fast),
  );
  await more.close();
});
