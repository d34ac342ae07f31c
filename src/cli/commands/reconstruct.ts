// fiducial reconstruct: images from k-space, or from images whose k-space is simulated first.
import { join } from "node:path";
import { ConfigError, ShapeError } from "../../engine/index.ts";
import { readVolume, writeNpy, writePng } from "../../data/index.ts";
import {
  gaussianNoise,
  inverseProblem,
  magnitude,
  maskFrom,
  maximum,
  measure,
  networkReconstructor,
  psnr,
  reconstruct,
  ssim,
  subsampledFourier,
  type Mask,
} from "../../imaging/index.ts";
import { checkWritable, readFile, writeFiles } from "../files.ts";
import {
  chooseBackend,
  chooseMask,
  chooseNoise,
  classicalMethod,
  classicalNames,
  imageOptions,
  loadImages,
  loadModel,
  type Model,
  samplingOptions,
} from "../inputs.ts";
import { common, type Arguments } from "../options.ts";
import { table, type Terminal } from "../terminal.ts";
import type { Command } from "./command.ts";

interface Scan {
  readonly label: string;
  readonly y: Float64Array;
  readonly truth?: Float64Array;
}
interface Scans {
  readonly mask: Mask;
  readonly scans: readonly Scan[];
}

/**
 * Measured k-space, centred (DC at ⌊N/2⌋) and orthonormal; what is 0 counts as not measured unless
 * a mask is given.
 */
function fromKspace(args: Arguments, path: string, model: Model, terminal: Terminal): Scans {
  const volume = readVolume(readFile(path), path);
  const { slices, height, width, complex } = volume;
  const [H, W] = model.shape;
  if (!complex)
    throw new ConfigError(`${path}: its values are real; k-space is complex (an NPY array of complex64)`, {});
  if (height !== H || width !== W)
    throw new ShapeError(
      `${path}: its k-space is ${height}×${width}, the network takes ${H}×${W}; crop or zero-pad it about its centre`,
      { height, width },
    );
  const raw = Array.from({ length: slices }, (_, i) => volume.slice(i));
  const given = ["mask", "sampling", "acceleration", "center-fraction"].some((name) => args.has(name));
  const size = H * W;
  const mask = given
    ? chooseMask(args, model, terminal)
    : maskFrom(
        Float32Array.from({ length: size }, (_, i) => (raw.some((k) => k[i] !== 0 || k[size + i] !== 0) ? 1 : 0)),
        model.shape,
      );
  return {
    mask,
    scans: raw.map((k, i) => ({
      label: `slice ${i}`,
      y: Float64Array.from(k, (v, j) => (mask.data[j % size] ? v : 0)),
    })),
  };
}

export const reconstructCommand: Command = {
  name: "reconstruct",
  usage: "[options]",
  summary: "Reconstructs images from undersampled k-space: a 16-bit PNG each, and one NPY array (complex64) of all.",
  options: {
    kspace: {
      value: "FILE",
      help: "measured k-space, NPY complex [H,W] or [slices,H,W], centred; instead of --images",
    },
    ...imageOptions,
    model: { value: "FILE", help: "checkpoint of the network (the embedded U-Net, 128×128)" },
    method: { value: "NAME", default: "network", help: "network, total-variation, wavelet or zero-filled" },
    lambda: { value: "L", help: "weight of total variation (the tuned one)" },
    ...samplingOptions,
    out: { value: "FOLDER", default: "out", help: "where the images go" },
    ...common,
  },
  async run(args: Arguments, terminal: Terminal): Promise<number> {
    const backend = await chooseBackend(args, terminal);
    const choice = args.choice("method", ["network", ...classicalNames]);
    const seed = args.integer("seed", 0);
    const folder = args.text("out");
    checkWritable(join(folder, "reconstruction.npy"));
    const model = loadModel(args.optional("model"));
    const kspace = args.optional("kspace");
    if (kspace !== undefined && args.has("images"))
      throw new ConfigError("--kspace and --images cannot both be given; images have their k-space simulated", {});
    const simulate = async (): Promise<Scans> => {
      const mask = chooseMask(args, model, terminal);
      const { set, records } = await loadImages(args, model.shape, backend, terminal);
      const problem = inverseProblem({
        operator: subsampledFourier({ mask }),
        noise: gaussianNoise({ sigma: chooseNoise(args, model) }),
        images: set,
      });
      const scans: Scan[] = [];
      for (const [i, { label }] of records.entries())
        scans.push({ label, y: await measure(problem, { image: i, seed, backend }), truth: magnitude(set.image(i)) });
      return { mask, scans };
    };
    const { mask, scans } = kspace === undefined ? await simulate() : fromKspace(args, kspace, model, terminal);
    const operator = subsampledFourier({ mask });
    // measured k-space has units of its own, which the model's noise level says nothing about
    const sigma = kspace === undefined || args.has("noise") ? chooseNoise(args, model) : undefined;
    const method =
      choice === "network"
        ? networkReconstructor({ network: model.network, operator })
        : classicalMethod(choice, operator, args, sigma);
    const images: Float64Array[] = [];
    for (const [i, { label, y }] of scans.entries()) {
      await terminal.progress(`${method.name}: ${label}`, i, scans.length);
      images.push(await reconstruct(method, y, backend));
    }
    terminal.finish();
    const magnitudes = images.map((x) => magnitude(x));
    writeFiles([
      ...magnitudes.map((m, i) => ({
        path: join(folder, `reconstruction-${i + 1}.png`),
        content: writePng(m, model.shape, Math.max(maximum(m), 1e-30)),
      })),
      { path: join(folder, "reconstruction.npy"), content: writeNpy(images, model.shape) },
    ]);
    const rows = scans.map(({ label, truth }, i) => {
      const score = truth && {
        psnr: psnr(truth, magnitudes[i], maximum(truth)),
        ssim: ssim(truth, magnitudes[i], model.shape, maximum(truth)),
      };
      return { label, file: join(folder, `reconstruction-${i + 1}.png`), maximum: maximum(magnitudes[i]), ...score };
    });
    terminal.print(
      table(
        ["image", "file", "PSNR, dB", "SSIM"],
        rows.map((r) => [r.label, r.file, r.psnr?.toFixed(2) ?? "–", r.ssim?.toFixed(3) ?? "–"]),
      ),
    );
    terminal.json({
      method: method.description,
      operator: operator.description,
      images: rows,
      array: join(folder, "reconstruction.npy"),
    });
    return 0;
  },
};
