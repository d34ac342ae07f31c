// Published weights: what their recipes make of them, against values computed apart from this
// project (PyTorch and numpy) from the networks' published sources.
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
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
if (!there) console.log(`published weights are not at ${models} (FIDUCIAL_DATA): their tests are skipped`);

const recipe = (name: string) => parseRecipe(readFileSync(`${root}weights/recipes/${name}.json`), name);
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
      const g = 0.5 + 0.25 * Math.sin((2 * Math.PI * i) / 16) + 0.25 * Math.cos((2 * Math.PI * j) / 8);
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
const total = (x: ArrayLike<number>): number => Array.from(x).reduce((sum, v) => sum + v, 0);

describe.skipIf(!there)("D5C5, npz", () => {
  it("is the published cascade: 17.8644 → 19.6999 dB, and its values", async () => {
    const fixture = formula();
    const network = await opened("deep-cascade", "dc-cnn-d5c5/d5_c5.npz");
    const [zero, x] = [await through(zeroFilled(), fixture), await through(networkReconstructor({ network }), fixture)];
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
    const network = networkFromRecipe({ ...plain, weights }, await loadTensors(readFileSync(path), name), name);
    const fixture = formula();
    const x = await through(networkReconstructor({ network }), fixture);
    expect(Math.abs(complexPsnr(fixture.image, x) - 19.4104)).toBeLessThan(0.0005);
    expect(total(magnitude(x))).toBeCloseTo(942.679, 2);
  });
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
    const [brain, sampled] = [await numbers("Brain_cdata1.mat"), await numbers("mask-1D-Cartesian-0.3.mat")];
    // MATLAB's first axis is the fastest
    const turned = (k: number): number => (k % N) * N + Math.floor(k / N);
    const image = new Float64Array(2 * cells);
    for (let k = 0; k < cells; k++) for (const c of [0, 1]) image[c * cells + k] = brain[2 * turned(k) + c];
    const mask = maskFrom(
      sampled.map((_, k) => sampled[turned(k)]),
      [N, N],
      [N, N],
      { lowest: "centre", name: "its mask" },
    );
    const fixture = { image, operator: subsampledFourier({ mask }) };
    const network = await opened("admm-csnet", "admm-csnet/NET-1D-Cartesian-0.3-complex-S10.mat");
    const [zero, x] = [await through(zeroFilled(), fixture), await through(networkReconstructor({ network }), fixture)];
    const truth = magnitude(image);
    const score = (of: Float64Array): number => psnr(truth, magnitude(of), maximum(truth));
    expect(Math.abs(score(zero) - 29.2093)).toBeLessThan(0.0005);
    expect(Math.abs(score(x) - 36.2605)).toBeLessThan(0.005);
    expect(x[128 * N + 128]).toBeCloseTo(0.0232133, 5);
    expect(x[cells + 128 * N + 128]).toBeCloseTo(0.006139, 5);
    expect(Math.abs(total(magnitude(x)) - 7891.7122)).toBeLessThan(0.05);
  }, 60_000);
});
