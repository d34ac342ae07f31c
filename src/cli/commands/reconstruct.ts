// fiducial reconstruct: images from k-space, or from images whose k-space is simulated first.
import { ConfigError, type Backend } from "../../engine/index.ts";
import {
  gaussianNoise,
  inverseProblem,
  magnitude,
  maximum,
  measure,
  networkReconstructor,
  openMethod,
  psnr,
  reconstruct,
  ssim,
  type RunProgram,
  type Method,
} from "../../imaging/index.ts";
import { commandOptions } from "../command-words.ts";
import { DONE } from "../errors.ts";
import { checkWritable, writeFiles } from "../files.ts";
import {
  chooseBackend,
  chooseMeasuring,
  chooseNoise,
  classicalMethod,
  classicalNames,
  imageOptions,
  lambdaOption,
  loadImages,
  noteSampling,
  samplingOptions,
} from "../inputs.ts";
import { combined, fromKspace, type Scan, type Scans } from "../measured.ts";
import { loadModel, modelOptions, type Model } from "../models.ts";
import { tellOnnx } from "../onnx-models.ts";
import { choice, common, text, type Values } from "../options.ts";
import { openCommand, questionOf } from "../programs.ts";
import { firstFile, resultFiles } from "../results.ts";
import { table, type Terminal } from "../terminal.ts";
import { command, type Command } from "./command.ts";

const options = {
  kspace: text({
    value: "FILE",
    help: "measured k-space, instead of --images: fastMRI or MRD (HDF5), or complex [H,W] or [slices,H,W] (of multi-coil, [coils,H,W]) as NPY, BART, MATLAB, …",
  }),
  ...imageOptions,
  model: text({ value: "FILE", help: "checkpoint of the network (the embedded cascade, 128×128)" }),
  ...modelOptions,
  method: choice(["network", ...classicalNames], {
    help: `network, ${classicalNames.join(", ")} (network)`,
  }),
  ...commandOptions,
  ...lambdaOption,
  ...samplingOptions,
  out: text({
    value: "FOLDER|FILE",
    default: "out",
    help: "where the images go: a folder, or a file that ends in .nii, .nii.gz, .npy, .dcm or .png",
  }),
  ...common,
} as const;
type Options = Values<typeof options>;

/** Images, or phantoms, measured with noise. */
async function simulated(
  values: Options,
  model: Model,
  backend: Backend,
  terminal: Terminal,
): Promise<Scans> {
  const { operator, arrays, sampling } = await chooseMeasuring(values, model);
  const { set, labels } = await loadImages(values, model.shape, backend, terminal);
  const noise = gaussianNoise({ sigma: chooseNoise(values, model) });
  const problem = inverseProblem({ operator, noise, images: set });
  const scans: Scan[] = [];
  for (const [i, label] of labels.entries()) {
    const y = await measure(problem, { image: i, seed: values.seed, backend });
    scans.push({ label, y: [y], truth: magnitude(set.image(i)) });
  }
  return { operator, arrays, sampling, scans, image: model.shape };
}

/** Every scan's image, one complex image of all its coils. */
async function reconstructed(
  { operator, scans, image }: Scans,
  method: Method,
  backend: Backend,
  terminal: Terminal,
): Promise<Float64Array[]> {
  const steps = scans.reduce((n, { y }) => n + y.length, 0);
  const [, H, W] = operator.domain;
  const images: Float64Array[] = [];
  let done = 0;
  for (const { label, y } of scans) {
    const coils: Float64Array[] = [];
    for (const one of y) {
      const which = y.length > 1 ? `, coil ${coils.length}` : "";
      await terminal.progress(`${method.name}: ${label}${which}`, done++, steps);
      coils.push(await reconstruct(method, one, operator, backend));
    }
    images.push(combined(coils, [H, W], image));
  }
  terminal.finish();
  return images;
}

/** What reconstructs: a program, a classical method, or the network. */
function methodOf(
  values: Options,
  { model, scans, sigma }: { model: Model; scans: Scans; sigma: number | undefined },
): Method {
  const { command, method = "network" } = values;
  if (command !== undefined) {
    const { spec, program } = openCommand(values, command, scans);
    const run: RunProgram = (measurements, operator) =>
      program.ask(questionOf(measurements, operator));
    return openMethod(spec, new Map(), new Map([[spec.sha256, run]]));
  }
  if (method === "network") return networkReconstructor({ network: model.network });
  return openMethod(classicalMethod(method, values, sigma));
}

function scored(
  x: Float64Array,
  { truth }: Scan,
  size: readonly [number, number],
): { psnr?: number; ssim?: number } {
  if (!truth) return {};
  const [found, top] = [magnitude(x), maximum(truth)];
  return { psnr: psnr(truth, found, top), ssim: ssim(truth, found, size, top) };
}

export const reconstructCommand: Command = command({
  name: "reconstruct",
  summary:
    "Reconstructs images from undersampled k-space: a 16-bit PNG each, and one NPY array (complex64) of all; or NIfTI, DICOM.",
  options,
  async perform(values, terminal) {
    const { kspace, command, method: choice, out } = values;
    if (command !== undefined && choice !== undefined)
      throw new ConfigError(
        `--command and --method ${choice} cannot both be given; one of them reconstructs`,
        {},
      );
    const network = command === undefined && (choice ?? "network") === "network";
    const backend = await chooseBackend(values, terminal);
    checkWritable(firstFile(out));
    const model = await loadModel(values);
    if (kspace !== undefined && values.images.length > 0)
      throw new ConfigError(
        "--kspace and --images cannot both be given; images have their k-space simulated",
        {},
      );
    const scans =
      kspace === undefined
        ? await simulated(values, model, backend, terminal)
        : await fromKspace(values, kspace, model, network);
    tellOnnx(model.onnx, values.writeRecipe, terminal);
    noteSampling(scans.sampling, terminal);
    // measured k-space has units of its own, which the model's noise level says nothing about
    const sigma =
      kspace === undefined || values.noise !== undefined ? chooseNoise(values, model) : undefined;
    const method = methodOf(values, { model, scans, sigma });
    const images = await reconstructed(scans, method, backend, terminal);
    const { files, places } = resultFiles(out, images, scans.image);
    writeFiles(files);
    const rows = scans.scans.map((scan, i) => ({
      label: scan.label,
      file: places[i],
      maximum: maximum(magnitude(images[i])),
      ...scored(images[i], scan, scans.image),
    }));
    terminal.print(
      table(
        ["image", "file", "PSNR, dB", "SSIM"],
        rows.map((r) => [r.label, r.file, r.psnr?.toFixed(2) ?? "–", r.ssim?.toFixed(3) ?? "–"]),
      ),
    );
    terminal.json({
      method: method.description,
      operator: scans.operator.description,
      images: rows,
      array: files.at(-1)!.path,
    });
    return DONE;
  },
});
