// Networks that PyTorch exported, put to use by recipes: the same reconstructions as PyTorch's own.
// The files and the numbers: fixtures/onnx/torch_networks.py.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { openBackend } from "fiducial/engine";
import type { OnnxRecipe } from "fiducial/learning";
import { importedNetwork, maskFrom, networkReconstructor, reconstruct, subsampledFourier } from "fiducial/imaging";

const folder = fileURLToPath(new URL("fixtures/onnx/", import.meta.url));
const bytesOf = (file: string): Uint8Array => readFileSync(`${folder}${file}`);
const torch = JSON.parse(readFileSync(`${folder}networks.json`, "utf8")) as Record<string, number[]>;
const [H, W] = torch.size;
const operator = subsampledFourier({ mask: maskFrom(torch.mask, [H, W], [H, W], { lowest: "centre", name: "mask" }) });

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

describe("PyTorch's networks by recipes", () => {
  it.each(["unet-legacy.onnx", "unet-dynamo.onnx"])("%s: fastMRI's U-Net on standardised magnitudes", async (file) => {
    expect(await difference(file, "unet", unet)).toBeLessThan(1e-4);
  });
  it("a file of dynamic axes takes the recipe's size", async () => {
    expect(await difference("unet-dynamic.onnx", "unet", { ...unet, size: [H, W] })).toBeLessThan(1e-4);
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
    const recipe: OnnxRecipe = {
      inputs: { image: { is: "image" }, kspace: { is: "measurement" }, mask: { is: "mask", layout: "N1HW" } },
      scale: "none",
    };
    expect(await difference("cascade-dft.onnx", "cascade", recipe)).toBeLessThan(1e-4);
  });
  it("k-space in numpy's convention, channels last", async () => {
    const recipe: OnnxRecipe = {
      inputs: {
        kspace: { is: "measurement", layout: "NHWC", lowestFrequency: "corner", normalization: "unnormalised" },
      },
      output: { layout: "NHWC" },
      scale: "none",
    };
    expect(await difference("corner.onnx", "corner", recipe)).toBeLessThan(1e-4);
  });
  it("weights in a file beside it", async () => {
    const recipe: OnnxRecipe = { inputs: { image: { is: "image" } }, scale: "none" };
    expect(await difference("external.onnx", "external", recipe)).toBeLessThan(1e-4);
  });
});
