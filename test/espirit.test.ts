// ESPIRiT: a scan of the SigPy tutorial against independent figures, and coils that are known.
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { openBackend } from "fiducial/engine";
import {
  applyOperator,
  birdcageCoils,
  brainPhantoms,
  espirit,
  espiritPresets,
  fullMask,
  magnitude,
  multiCoilFourier,
  subsampledFourier,
} from "fiducial/imaging";

const data =
  process.env.FIDUCIAL_DATA ?? fileURLToPath(new URL("../../shared/data", import.meta.url));
const scan = `${data}/kspace/sigpy-mri-tutorial/cartesian_ksp.npy`;
const there = existsSync(scan);
if (!there)
  console.warn(`Skipped: ESPIRiT of a real scan, because ${scan} is not there (FIDUCIAL_DATA)`);
const [C, H, W] = [8, 230, 180];

/** complex64 [8,230,180] as [2,8,230,180] */
function kspace(): Float32Array {
  const bytes = readFileSync(scan);
  const header = 10 + bytes.readUInt16LE(8);
  const pairs = new Float32Array(
    bytes.buffer.slice(bytes.byteOffset + header, bytes.byteOffset + header + 8 * C * H * W),
  );
  return Float32Array.from(
    { length: pairs.length },
    (_, k) => pairs[2 * (k % (C * H * W)) + Math.floor(k / (C * H * W))],
  );
}
const share = (values: ArrayLike<number>, above: number): number =>
  Array.from(values).filter((v) => v > above).length / values.length;
const median = (values: Float64Array): number => {
  const sorted = values.slice().sort();
  return (sorted[sorted.length / 2 - 1] + sorted[sorted.length / 2]) / 2;
};

describe.skipIf(!there)("a real scan", async () => {
  const y = there ? kspace() : new Float32Array();
  const { coils, eigenvalues, singularValues } = there
    ? await espirit(y, [2, C, H, W])
    : { coils: undefined, eigenvalues: new Float64Array(), singularValues: new Float64Array() };
  it("has the singular values of the calibration matrix", () => {
    expect(singularValues).toHaveLength(288);
    [1, 0.9510412, 0.9157096, 0.8569134, 0.8214248, 0.80334514].forEach((v, k) => {
      expect(singularValues[k]).toBeCloseTo(v, 6);
    });
    expect(singularValues.filter((v) => v > 0.02)).toHaveLength(61);
    expect(singularValues.filter((v) => v > 0.001)).toHaveLength(252);
  });
  it("has the eigenvalues and maps of SigPy's settings", () => {
    const at = 115 * W + 90;
    expect(eigenvalues.reduce((p, q) => Math.max(p, q), 0)).toBeCloseTo(0.9999626, 6);
    expect(median(eigenvalues)).toBeCloseTo(0.9993476, 6);
    expect(share(eigenvalues, 0.95)).toBeCloseTo(0.712681, 6);
    expect(share(eigenvalues, 0.8)).toBeCloseTo(0.838672, 5);
    expect(eigenvalues[at]).toBeCloseTo(0.99987465, 6);
    [0.26523, 0.31372, 0.31868, 0.31105, 0.4002, 0.43391, 0.46385, 0.26332].forEach((v, c) => {
      const [re, im] = [0, 1].map((part) => coils!.data[(2 * c + part) * H * W + at]);
      expect(Math.hypot(re, im)).toBeCloseTo(v, 5);
      if (c === 0) expect(im).toBeCloseTo(0, 6);
    });
  });
  it("combines its coils to nearly all of their root sum of squares", async () => {
    const backend = await openBackend("wasm", { threads: 1 });
    const operator = multiCoilFourier({ mask: fullMask([H, W]), coils: coils! });
    const combined = magnitude(await applyOperator(operator, "adjoint", y, backend));
    const squares = new Float64Array(H * W);
    const one = subsampledFourier({ mask: fullMask([H, W]) });
    for (let c = 0; c < C; c++) {
      const of = [0, 1].flatMap((part) => [
        ...y.subarray((part * C + c) * H * W, (part * C + c + 1) * H * W),
      ]);
      magnitude(await applyOperator(one, "adjoint", of, backend)).forEach((v, k) => {
        squares[k] += v * v;
      });
    }
    const inside = [...squares.keys()].filter((k) => eigenvalues[k] > 0.95);
    const sum = (of: (k: number) => number): number => inside.reduce((s, k) => s + of(k), 0);
    expect(Math.sqrt(sum((k) => combined[k] ** 2) / sum((k) => squares[k]))).toBeCloseTo(
      0.9928213,
      7,
    );
  });
});

describe("known coils", async () => {
  const shape = [48, 40] as const;
  const known = birdcageCoils({ shape, coils: 4 });
  const backend = await openBackend("wasm", { threads: 1 });
  const image = brainPhantoms({ shape, count: 1, seed: 3 }).image(0);
  const operator = multiCoilFourier({ mask: fullMask(shape), coils: known });
  const y = await applyOperator(operator, "forward", image, backend);
  it.each([
    ["sigpy", 20, 5],
    ["bart", 20, 5],
    // fewer blocks than they are long
    ["sigpy", 12, 6],
  ] as const)(
    "are found again where there is signal, by %s's settings, %i and %i",
    async (preset, calibration, kernel) => {
      const { coils, eigenvalues } = await espirit(y, operator.range, {
        ...espiritPresets[preset],
        calibration,
        kernel,
      });
      const size = shape[0] * shape[1];
      const bright = magnitude(image);
      let worst = 0;
      for (let k = 0; k < size; k++) {
        if (!(bright[k] > 0.2 && eigenvalues[k] > 0.95)) continue;
        let [a, b] = [0, 0];
        for (let c = 0; c < 4; c++) {
          const [p, q] = [2 * c * size + k, (2 * c + 1) * size + k];
          a += coils.data[p] * known.data[p] + coils.data[q] * known.data[q];
          b += coils.data[p] * known.data[q] - coils.data[q] * known.data[p];
        }
        worst = Math.max(worst, 1 - Math.hypot(a, b));
      }
      expect(eigenvalues.filter((v) => v > 0.95).length).toBeGreaterThan(size / 4);
      expect(worst).toBeLessThan(0.03);
    },
  );
  it("are refused where the middle is not measured, or settings do not fit", async () => {
    const holes = y.slice();
    for (let c = 0; c < 8; c++) holes[c * 1920 + 24 * 40 + 21] = 0;
    const settings = { ...espiritPresets.sigpy, calibration: 20, kernel: 5 };
    await expect(espirit(holes, operator.range, settings)).rejects.toThrow(
      /the middle 20×20 of k-space is not measured/,
    );
    await expect(espirit(y, operator.range, { ...settings, calibration: 41 })).rejects.toThrow(
      /calibration of 41/,
    );
    await expect(espirit(y, operator.range, { ...settings, crop: 1 })).rejects.toThrow(
      /crop 1 must be/,
    );
    await expect(espirit(y, [2, 4, 48, 41], settings)).rejects.toThrow(/are not k-space/);
    await expect(espirit(y, [4, 48, 40], settings)).rejects.toThrow(/not \[2×coils/);
  });
});
