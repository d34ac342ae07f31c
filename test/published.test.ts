// Published weights: what their recipes make of them, against values computed apart from this
// project (PyTorch and numpy) from the networks' published sources.
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { openBackend } from "fiducial/engine";
import { loadTensors, openHdf5 } from "fiducial/data";
import { networkFromRecipe, parseRecipe, type Network } from "fiducial/learning";
import {
  applyOperator,
  magnitude,
  maskFrom,
  maximum,
  networkReconstructor,
  psnr,
  reconstruct,
  subsampledFourier,
  zeroFilled,
  type CartesianOperator,
  type Reconstructor,
} from "fiducial/imaging";

const root = fileURLToPath(new URL("..", import.meta.url));
const data = process.env.FIDUCIAL_DATA ?? `${root}../shared/data`;
const models = `${data}/models`;
const there = existsSync(models);
if (!there)
  console.log(`published weights are not at ${models} (FIDUCIAL_DATA): their tests are skipped`);

const recipe = (name: string) =>
  parseRecipe(readFileSync(`${root}weights/recipes/${name}.json`), name);
async function opened(name: string, file: string): Promise<Network> {
  const path = `${models}/${file}`;
  return networkFromRecipe(recipe(name), await loadTensors(readFileSync(path), file), file);
}
interface Case {
  readonly image: Float64Array;
  readonly operator: CartesianOperator;
}
async function through(method: Reconstructor, { image, operator }: Case): Promise<Float64Array> {
  const backend = await openBackend("wasm");
  const y = await applyOperator(operator, "forward", image, backend);
  return reconstruct(method, y, operator, backend);
}

/** The image and the mask of formulas, 64×64; the mask's lowest frequency is in the corner. */
function formula(): Case {
  const N = 64;
  const image = new Float64Array(2 * N * N);
  const cells = new Float64Array(N * N);
  const rows = new Set([0, 1, 2, 3, 61, 62, 63, 7, 12, 18, 23, 29, 35, 41, 46, 52]);
  for (let i = 0; i < N; i++)
    for (let j = 0; j < N; j++) {
      const g =
        0.5 + 0.25 * Math.sin((2 * Math.PI * i) / 16) + 0.25 * Math.cos((2 * Math.PI * j) / 8);
      image[i * N + j] = (i - 32) ** 2 + (j - 32) ** 2 < 576 ? g : 0;
      cells[i * N + j] = rows.has(i) ? 1 : 0;
    }
  const mask = maskFrom(cells, [N, N], [N, N], { lowest: "corner", name: "the fixture's mask" });
  return { image, operator: subsampledFourier({ mask }) };
}
/** Of complex images, over the largest magnitude. */
function complexPsnr(truth: ArrayLike<number>, x: ArrayLike<number>): number {
  const cells = truth.length / 2;
  let error = 0;
  for (let k = 0; k < truth.length; k++) error += (x[k] - truth[k]) ** 2 / cells;
  return 10 * Math.log10(maximum(magnitude(truth as Float64Array)) ** 2 / error);
}
/** Drawn by the published code's law at 256 lines, 8 of them in the centre, by numpy's seed 1. */
const thirdOfLines = [
  0, 1, 2, 3, 5, 7, 9, 10, 11, 12, 15, 18, 19, 20, 21, 22, 23, 25, 27, 29, 35, 36, 38, 39, 41, 45,
  59, 60, 67, 72, 75, 79, 83, 85, 95, 103, 106, 109, 113, 121, 128, 138, 139, 144, 150, 157, 159,
  177, 179, 181, 184, 186, 187, 199, 202, 203, 205, 210, 211, 215, 218, 219, 220, 224, 228, 230,
  231, 232, 233, 234, 235, 238, 239, 242, 243, 244, 245, 247, 248, 249, 251, 252, 253, 254, 255,
];
const total = (x: ArrayLike<number>): number => Array.from(x).reduce((sum, v) => sum + v, 0);

describe.skipIf(!there)("D5C5, npz", () => {
  it("is the published cascade: 17.8644 → 19.6999 dB, and its values", async () => {
    const fixture = formula();
    const network = await opened("deep-cascade", "dc-cnn-d5c5/d5_c5.npz");
    const [zero, x] = [
      await through(zeroFilled(), fixture),
      await through(networkReconstructor({ network }), fixture),
    ];
    expect(Math.abs(complexPsnr(fixture.image, zero) - 17.8644)).toBeLessThan(0.0005);
    expect(Math.abs(complexPsnr(fixture.image, x) - 19.6999)).toBeLessThan(0.0005);
    const at = (i: number, j: number): number[] => [x[i * 64 + j], x[4096 + i * 64 + j]];
    for (const [got, want] of [
      [at(32, 32), [0.74936, 0.00828]],
      [at(10, 40), [0.43816, -0.01523]],
    ])
      got.forEach((v, k) => expect(Math.abs(v - want[k])).toBeLessThan(1e-5));
    expect(total(magnitude(x))).toBeCloseTo(939.446, 2);
    expect(Math.sqrt(total(x.map((v) => v * v)))).toBeCloseTo(22.3082, 3);
  });
  it("with its kernels flipped is the other network that the fixture names", async () => {
    const name = "deep-cascade";
    const plain = recipe(name);
    const weights = Object.fromEntries(
      Object.entries(plain.weights).map(([pattern, from]) => [
        pattern,
        pattern.endsWith("weight") ? { from: from as string, flip: [2, 3] } : from,
      ]),
    );
    const path = `${models}/dc-cnn-d5c5/d5_c5.npz`;
    const network = networkFromRecipe(
      { ...plain, weights },
      await loadTensors(readFileSync(path), name),
      name,
    );
    const fixture = formula();
    const x = await through(networkReconstructor({ network }), fixture);
    expect(Math.abs(complexPsnr(fixture.image, x) - 19.4104)).toBeLessThan(0.0005);
    expect(total(magnitude(x))).toBeCloseTo(942.679, 2);
    expect(Math.sqrt(total(x.map((v) => v * v)))).toBeCloseTo(22.2983, 3);
    const at = (i: number, j: number): number[] => [x[i * 64 + j], x[4096 + i * 64 + j]];
    for (const [got, want] of [
      [at(32, 32), [0.74957, -0.00066]],
      [at(10, 40), [0.43178, 0.00127]],
    ])
      got.forEach((v, k) => expect(Math.abs(v - want[k])).toBeLessThan(1e-5));
  });
  it("knows one scale: on a head of peak 1 it gains 9.3 dB, on others less", async () => {
    const N = 256;
    // the file's own rows, as its axes lie in it
    const voxels = gunzipSync(readFileSync(`${data}/mr/nifti/brainchop/t1_crop.nii.gz`)).subarray(
      352,
    );
    const slice = Float64Array.from(voxels.subarray(128 * N * N, 129 * N * N));
    const rows = new Set(thirdOfLines);
    const cells = Float64Array.from({ length: N * N }, (_, k) =>
      rows.has(Math.floor(k / N)) ? 1 : 0,
    );
    const mask = maskFrom(cells, [N, N], [N, N], {
      lowest: "corner",
      name: "a third of the lines",
    });
    const network = await opened("deep-cascade", "dc-cnn-d5c5/d5_c5.npz");
    const method = networkReconstructor({ network });
    for (const [peak, after] of [
      [0.1, 25.476],
      [0.3, 30.307],
      [1, 33.618],
      [3, 27.704],
      [10, 23.079],
    ]) {
      const top = maximum(slice) / peak;
      const image = Float64Array.from({ length: 2 * N * N }, (_, k) =>
        k < N * N ? slice[k] / top : 0,
      );
      const fixture = { image, operator: subsampledFourier({ mask }) };
      expect(complexPsnr(image, await through(zeroFilled(), fixture))).toBeCloseTo(24.284, 2);
      expect(Math.abs(complexPsnr(image, await through(method, fixture)) - after)).toBeLessThan(
        0.002,
      );
    }
  }, 120_000);
});

describe.skipIf(!there)("ADMM-CSNet, MATLAB 7.3", () => {
  it("is the published network on its own brain: 29.2093 → 36.2605 dB, and its values", async () => {
    const own = `${models}/admm-csnet`;
    const [N, cells] = [256, 256 * 256];
    const numbers = async (file: string): Promise<Float64Array> => {
      const bytes = readFileSync(`${own}/${file}`);
      const read = (await openHdf5(bytes, file)).read((r) => {
        const [key] = r.names.filter((k) => !k.startsWith("#"));
        const node = r.child(key);
        return node?.kind === "dataset" ? node.numbers() : new Float64Array(0);
      });
      return read;
    };
    const [brain, sampled] = [
      await numbers("Brain_cdata1.mat"),
      await numbers("mask-1D-Cartesian-0.3.mat"),
    ];
    // MATLAB's first axis is the fastest
    const turned = (k: number): number => (k % N) * N + Math.floor(k / N);
    const image = new Float64Array(2 * cells);
    for (let k = 0; k < cells; k++)
      for (const c of [0, 1]) image[c * cells + k] = brain[2 * turned(k) + c];
    const mask = maskFrom(
      sampled.map((_, k) => sampled[turned(k)]),
      [N, N],
      [N, N],
      { lowest: "centre", name: "its mask" },
    );
    const fixture = { image, operator: subsampledFourier({ mask }) };
    const network = await opened("admm-csnet", "admm-csnet/NET-1D-Cartesian-0.3-complex-S10.mat");
    const [zero, x] = [
      await through(zeroFilled(), fixture),
      await through(networkReconstructor({ network }), fixture),
    ];
    const truth = magnitude(image);
    const score = (of: Float64Array): number => psnr(truth, magnitude(of), maximum(truth));
    expect(Math.abs(score(zero) - 29.2093)).toBeLessThan(0.0005);
    expect(Math.abs(score(x) - 36.2605)).toBeLessThan(0.005);
    const away = (of: Float64Array): number =>
      Math.sqrt(total(of.map((v, k) => (v - image[k]) ** 2)) / total(image.map((v) => v * v)));
    expect(away(zero)).toBeCloseTo(0.26629, 5);
    expect(away(x)).toBeCloseTo(0.129994, 5);
    const { parameters } = network;
    expect(total([...parameters.values()].map((p) => p.data.length))).toBe(194_591);
    expect(x[128 * N + 128]).toBeCloseTo(0.0232133, 5);
    expect(x[cells + 128 * N + 128]).toBeCloseTo(0.006139, 5);
    expect(Math.abs(total(magnitude(x)) - 7891.7122)).toBeLessThan(0.05);
  }, 60_000);
});
