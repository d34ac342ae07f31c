// Figures of other tools that hold for operators as a whole: scikit-image's example of the Radon
// transform, and the settings that ESPIRiT has in SigPy and BART. Those of one operator alone are
// in its own file.
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { GraphBuilder, openBackend, ops, PI, sinCos } from "fiducial/engine";
import { applyOperator, dotTest, espiritPresets, norm, parallelBeam } from "fiducial/imaging";

interface Example {
  readonly image: string;
  readonly sinogram: [detector: number, view: number, value: number][];
  readonly norm: number;
  readonly error: number;
}
const fixture = new URL("fixtures/skimage_radon.json.gz", import.meta.url);
const example = JSON.parse(gunzipSync(readFileSync(fixture)).toString()) as Example;
const n = 160;
const bytes = Uint8Array.from(Buffer.from(example.image, "base64"));
const image = new Float32Array(bytes.buffer);

/**
 * skimage.transform.radon, [view, detector]: the image turned about pixel ⌊n/2⌋ by bilinear
 * interpolation, and its columns summed.
 */
function turnedSums(): Float64Array {
  const middle = n / 2;
  const at = (row: number, column: number): number =>
    row >= 0 && row < n && column >= 0 && column < n ? image[row * n + column] : 0;
  const sinogram = new Float64Array(n * n);
  for (let view = 0; view < n; view++) {
    const [sin, cos] = sinCos((PI * view) / n);
    for (let row = 0; row < n; row++)
      for (let column = 0; column < n; column++) {
        const x = cos * column + sin * row - middle * (cos + sin - 1);
        const y = -sin * column + cos * row - middle * (cos - sin - 1);
        const [i, j] = [Math.floor(y), Math.floor(x)];
        const [p, q] = [y - i, x - j];
        const above = (1 - q) * at(i, j) + q * at(i, j + 1);
        const below = (1 - q) * at(i + 1, j) + q * at(i + 1, j + 1);
        sinogram[view * n + column] += (1 - p) * above + p * below;
      }
  }
  return sinogram;
}

describe("scikit-image's example: the Shepp-Logan phantom of 160², 160 views", () => {
  // its centre, pixel 80, is the middle of 161 pixels, and of 161 detectors
  const whole = n + 1;
  const operator = parallelBeam({ shape: [whole, whole], views: n, detectors: whole, arc: 180 });
  const widened = (values: ArrayLike<number>): Float64Array =>
    Float64Array.from({ length: whole * whole }, (_, k) => {
      const [row, column] = [Math.floor(k / whole), k % whole];
      return row < n && column < n ? values[row * n + column] : 0;
    });
  const sinogram = turnedSums();
  it("has its sinogram", () => {
    for (const [detector, view, value] of example.sinogram)
      expect(sinogram[view * n + detector]).toBeCloseTo(value, 4);
    expect(norm(sinogram) / example.norm).toBeCloseTo(1, 7);
  });
  it("is off by 0.0282741186 after our filtered back-projection, as after its own", async () => {
    const y = new Float64Array(2 * n * whole);
    for (let view = 0; view < n; view++)
      y.set(sinogram.subarray(view * n, (view + 1) * n), view * whole);
    const b = new GraphBuilder(ops);
    b.output("x", operator.initial!(b, b.input("y", [1, ...operator.range])));
    const { x } = await (await (await openBackend("reference")).compile(b)).execute({ y });
    let sum = 0;
    for (let row = 0; row < n; row++)
      for (let column = 0; column < n; column++) {
        // it shows nothing outside its circle
        const inside = (row - n / 2) ** 2 + (column - n / 2) ** 2 <= (n / 2) ** 2;
        sum += ((inside ? x[row * whole + column] : 0) - image[row * n + column]) ** 2;
      }
    expect(example.error).toBeCloseTo(0.0282741186, 10);
    expect(Math.sqrt(sum / (n * n))).toBeCloseTo(example.error, 8);
  }, 60_000);
  it("is measured by Joseph's lines within a per cent of that", async () => {
    const backend = await openBackend("wasm", { threads: 1 });
    const x = new Float64Array(2 * whole * whole);
    x.set(widened(image));
    const y = await applyOperator(operator, "forward", x, backend);
    let [away, all] = [0, 0];
    for (let view = 0; view < n; view++)
      for (let d = 0; d < n; d++) {
        away += (y[view * whole + d] - sinogram[view * n + d]) ** 2;
        all += sinogram[view * n + d] ** 2;
      }
    expect(Math.sqrt(away / all)).toBeLessThan(0.01);
  });
});

it("A* of lines is A's own transpose where scikit-image's misses by 0.7 %", async () => {
  const operator = parallelBeam({ shape: [64, 64], views: 30, detectors: 64, arc: 180 });
  expect(
    await dotTest(operator, { seed: 1, backend: await openBackend("reference") }),
  ).toBeLessThan(1e-15);
});

it("ESPIRiT's presets are SigPy's and BART's settings", () => {
  expect(espiritPresets).toMatchObject({
    sigpy: { calibration: 24, kernel: 6, threshold: 0.02, crop: 0.95 },
    bart: { calibration: 24, kernel: 6, threshold: 0.001, crop: 0.8 },
  });
});
