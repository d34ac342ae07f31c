// Networks that PyTorch exported, put to use by recipes: the same reconstructions as PyTorch's own.
// The files and the numbers: fixtures/onnx/torch_networks.py.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import {
  arithmetic,
  gradients,
  GraphBuilder,
  openBackend,
  ops,
  random,
  type Graph,
} from "fiducial/engine";
import { exportGraph, type OnnxRecipe } from "fiducial/learning";
import {
  birdcageCoils,
  importedNetwork,
  maskFrom,
  multiCoilFourier,
  networkReconstructor,
  reconstruct,
  subsampledFourier,
  variableDensityMask,
  zeroFilled,
} from "fiducial/imaging";

const folder = fileURLToPath(new URL("fixtures/onnx/", import.meta.url));
const bytesOf = (file: string): Uint8Array => readFileSync(`${folder}${file}`);
const torch = JSON.parse(readFileSync(`${folder}networks.json`, "utf8")) as Record<
  string,
  number[]
>;
const [H, W] = torch.size;
const operator = subsampledFourier({
  mask: maskFrom(torch.mask, [H, W], [H, W], { lowest: "centre", name: "mask" }),
});

const readBeside = (path: string): Uint8Array | undefined => {
  try {
    return bytesOf(path);
  } catch {
    return undefined;
  }
};
const opened = (name: string, recipe?: OnnxRecipe) =>
  importedNetwork({ bytes: bytesOf(name), name, recipe, readBeside });

/** The largest difference from PyTorch's, as a share of its largest value. */
async function difference(name: string, wanted: string, recipe?: OnnxRecipe): Promise<number> {
  const { network } = opened(name, recipe);
  const method = networkReconstructor({ network });
  const x = await reconstruct(method, torch.measurement, operator, await openBackend("wasm"));
  const want = torch[wanted];
  expect(x).toHaveLength(want.length);
  const most = Math.max(...want.map(Math.abs));
  return Math.max(...want.map((v, i) => Math.abs(x[i] - v))) / most;
}

const unet: OnnxRecipe = {
  inputs: { image: { is: "image", parts: "magnitude" } },
  output: { parts: "magnitude" },
  standardized: true,
  clamp: 6,
  scale: "none",
};

const threeInputs: OnnxRecipe = {
  inputs: {
    image: { is: "image" },
    kspace: { is: "measurement" },
    mask: { is: "mask", layout: "N1HW" },
  },
  scale: "none",
};
const corner: OnnxRecipe = {
  inputs: {
    kspace: {
      is: "measurement",
      layout: "NHWC",
      lowestFrequency: "corner",
      normalization: "unnormalised",
    },
  },
  output: { layout: "NHWC" },
  scale: "none",
};

describe("PyTorch's networks by recipes", () => {
  it.each(["unet-legacy.onnx", "unet-dynamo.onnx"])(
    "%s: fastMRI's U-Net on standardised magnitudes",
    async (file) => {
      expect(await difference(file, "unet", unet)).toBeLessThan(1e-4);
    },
  );
  it("a file of dynamic axes takes the recipe's size", async () => {
    expect(await difference("unet-dynamic.onnx", "unet", { ...unet, size: [H, W] })).toBeLessThan(
      1e-4,
    );
  });
  it("a VarNet of two blocks in files of their own", async () => {
    const recipe: OnnxRecipe = {
      inputs: { image: { is: "image" } },
      unrolled: "kspace",
      blocks: ["varnet-1.onnx"],
      steps: [0.8, 1.1],
      scale: "none",
    };
    expect(await difference("varnet-0.onnx", "varnet", recipe)).toBeLessThan(1e-4);
  });
  it("image, k-space and mask, with Fourier transforms inside", async () => {
    expect(await difference("cascade-dft.onnx", "cascade", threeInputs)).toBeLessThan(1e-4);
  });
  it("k-space in numpy's convention, channels last", async () => {
    expect(await difference("corner.onnx", "corner", corner)).toBeLessThan(1e-4);
  });
  it.each([
    ["a standardised magnitude with its phase", "unet-legacy.onnx", unet],
    ["three inputs", "cascade-dft.onnx", threeInputs],
    ["uncentred k-space", "corner.onnx", corner],
  ])(
    "%s: its derivative along a direction is that of central differences",
    async (_, file, recipe) => {
      const { network } = opened(file, { ...recipe, scale: "rms" });
      const b = new GraphBuilder(ops);
      const y = b.input("y", [1, 2, H, W]);
      const { mul, sum } = arithmetic(b);
      const x = networkReconstructor({ network }).apply(b, y, operator);
      const weights = b.input("weights", [1, 2, H, W]);
      const value = sum(mul(x, weights), [0, 1, 2, 3]);
      b.output("value", value);
      b.output("slope", gradients(b, value, [y])[0]);
      const plan = await (await openBackend("reference")).compile(b);
      const rng = random(4);
      const draw = (): Float64Array => Float64Array.from({ length: 2 * H * W }, () => rng.normal());
      const [direction, chosen, step] = [draw(), draw(), 1e-6];
      const at = async (t: number) =>
        plan.execute({ y: torch.measurement.map((v, i) => v + t * direction[i]), weights: chosen });
      const { slope } = await at(0);
      const [ahead, behind] = [(await at(step)).value[0], (await at(-step)).value[0]];
      const along = direction.reduce((total, v, i) => total + v * slope[i], 0);
      expect(Math.abs(along - (ahead - behind) / (2 * step)) / Math.abs(along)).toBeLessThan(1e-4);
    },
  );
  it("weights in a file beside it", async () => {
    const recipe: OnnxRecipe = { inputs: { image: { is: "image" } }, scale: "none" };
    expect(await difference("external.onnx", "external", recipe)).toBeLessThan(1e-4);
  });
});

describe("a graph of several coils", () => {
  const coils = 3;
  const multi = multiCoilFourier({
    mask: variableDensityMask({ shape: [8, 10], acceleration: 2, centerFraction: 0.3, seed: 1 }),
    coils: birdcageCoils({ shape: [8, 10], coils }),
  });
  /** Noise level × Σ conj(S_c)·F*(mask·y_c), coils and cells in fastMRI's order. */
  function adjointGraph(): Graph {
    const b = new GraphBuilder(ops);
    const { add, concat, mul, reshape, slice, sub, sum } = arithmetic(b);
    const fast = [1, coils, 8, 10, 2];
    const planes = (name: string) =>
      b.emit("transpose", { x: b.input(name, fast) }, { permutation: [0, 1, 4, 2, 3] });
    const seen = b.emit(
      "fft2",
      { x: mul(planes("kspace"), b.input("mask", [1, 1, 1, 1, 10])) },
      { inverse: true },
    );
    const maps = planes("sens_maps");
    const [[xr, xi], [sr, si]] = [seen, maps].map((v) => [0, 1].map((k) => slice(v, 2, k, k + 1)));
    const joined = [add(mul(xr, sr), mul(xi, si)), sub(mul(xi, sr), mul(xr, si))];
    const image = concat(
      joined.map((v) => reshape(sum(v, [1]), [1, 1, 8, 10])),
      1,
    );
    b.output("image", mul(image, reshape(b.input("sigma", [1]), [1, 1, 1, 1])));
    return b;
  }
  const recipe: OnnxRecipe = {
    inputs: {
      kspace: { is: "measurement", layout: "NKHWC" },
      mask: { is: "mask", layout: "N111W" },
      sens_maps: { is: "coilMaps" },
      sigma: { is: "noiseLevel", value: 0.5 },
    },
    scale: "none",
    size: [8, 10],
  };
  const { bytes } = exportGraph(adjointGraph, {
    batch: 1,
    name: "adjoint",
    documentation: "",
    metadata: {},
  });
  const { network } = importedNetwork({ bytes, name: "adjoint.onnx", recipe });

  it("is given k-space, lines, maps and noise level in its own order of axes", async () => {
    const backend = await openBackend("reference");
    const rng = random(2);
    const y = Float64Array.from(multi.measured, (there) => there * rng.normal());
    const x = await reconstruct(networkReconstructor({ network }), y, multi, backend);
    const want = await reconstruct(zeroFilled(), y, multi, backend);
    const most = Math.max(...want.map(Math.abs));
    expect(Math.max(...want.map((v, i) => Math.abs(x[i] - 0.5 * v)))).toBeLessThan(1e-6 * most);
  });
  it("refuses another number of coils, and none", async () => {
    const one = subsampledFourier({ mask: multi.sampling.mask });
    const method = networkReconstructor({ network });
    await expect(
      reconstruct(method, new Float64Array(160), one, await openBackend("reference")),
    ).rejects.toThrow(/it is for 3 coils, the operator has 1/);
  });
});
