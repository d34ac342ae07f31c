// fiducial reconstruct: images from k-space, or from images whose k-space is simulated first.
import { join } from "node:path";
import { ConfigError, ShapeError } from "../../engine/index.ts";
import { writeNpy, writePng } from "../../data/index.ts";
import {
  gaussianNoise,
  inverseProblem,
  magnitude,
  maskFromKspace,
  maximum,
  measure,
  networkReconstructor,
  openMethod,
  psnr,
  reconstruct,
  shifted,
  ssim,
  type Operator,
} from "../../imaging/index.ts";
import { DONE } from "../errors.ts";
import { checkWritable, writeFiles } from "../files.ts";
import {
  chooseBackend,
  chooseMask,
  chooseMeasuring,
  chooseNoise,
  classicalMethod,
  classicalNames,
  describeSampling,
  imageOptions,
  lambdaOption,
  loadImages,
  loadModel,
  noteSampling,
  samplingFrom,
  samplingOptions,
  type Model,
  type Noted,
} from "../inputs.ts";
import { chooseCartesian, usesMask } from "../operator-inputs.ts";
import { choice, common, text, type Values } from "../options.ts";
import { table } from "../terminal.ts";
import { openVolume } from "../volumes.ts";
import { command, type Command } from "./command.ts";

interface Scan {
  readonly label: string;
  readonly y: Float64Array;
  readonly truth?: Float64Array;
}
interface Scans {
  /** Of the images, H and W. */
  readonly shape: readonly [number, number];
  readonly operator: Operator;
  readonly sampling: Noted;
  readonly scans: readonly Scan[];
}

type Sampling = Values<typeof samplingOptions> & { readonly seed: number };
/**
 * Measured k-space, orthonormal, its lowest frequency at ⌊N/2⌋ (or moved there from the corner);
 * what is 0, or far below the rest, counts as not measured unless a mask is given. A network takes
 * the size that it was trained for, a classical method any.
 */
function fromKspace(values: Sampling, path: string, model: Model, network: boolean): Scans {
  if (!usesMask(values))
    throw new ConfigError(`--kspace is a Cartesian one; leave out --operator ${values.operator}`, {});
  const volume = openVolume(path, { stored: true });
  const { height, width, complex } = volume;
  if (!complex)
    throw new ConfigError(`${path}: its values are real; k-space is complex (an NPY array of complex64)`, {});
  const shape = [height, width] as const;
  if (network && shape.join() !== model.shape.join())
    throw new ShapeError(
      `${path}: its k-space is ${shape.join("×")}, the network takes ${model.shape.join("×")}; crop or zero-pad it about its centre`,
      { height, width },
    );
  const how = { ...samplingFrom(values), name: `${path} as k-space` };
  const slices = Array.from({ length: volume.slices }, (_, i) => volume.slice(i));
  const { facts, ...own } = maskFromKspace(slices, shape, how);
  const { mask: file, sampling, acceleration, centerFraction } = values;
  const given = [file, sampling, acceleration, centerFraction].some((value) => value !== undefined);
  const { mask, notes } = given ? chooseMask(values, { ...model, shape }) : { mask: own, notes: [] };
  const chosen = { mask, notes: [...volume.notes, describeSampling(how.name, facts), ...notes] };
  const raw = how.lowest === "corner" ? slices.map((k) => shifted(k, shape)) : slices;
  const { operator } = chooseCartesian(values, mask, raw);
  if (values.operator === "multi-coil")
    return { shape, operator, sampling: chosen, scans: [{ label: "all coils", y: jointly(raw, operator, path) }] };
  return {
    shape,
    operator,
    sampling: chosen,
    scans: raw.map((k, i) => ({
      label: `slice ${i}`,
      y: Float64Array.from(k, (v, j) => (mask.data[j % mask.data.length] ? v : 0)),
    })),
  };
}

/** The coils' k-spaces as one measurement [2,coils,H,W], zero where nothing is measured. */
function jointly(raw: readonly Float32Array[], { measured, range }: Operator, path: string): Float64Array {
  const [, coils, H, W] = range;
  if (raw.length !== coils)
    throw new ShapeError(`${path}: it has the k-space of ${raw.length} coils, --coils says ${coils}; give both alike`, {
      coils: raw.length,
    });
  const [size, half] = [H * W, coils * H * W];
  return Float64Array.from(measured, (there, k) => {
    const place = k % half;
    const map = raw[Math.floor(place / size)];
    return there ? map[(k < half ? 0 : size) + (place % size)] : 0;
  });
}

export const reconstructCommand: Command = command({
  name: "reconstruct",
  summary: "Reconstructs images from undersampled k-space: a 16-bit PNG each, and one NPY array (complex64) of all.",
  options: {
    kspace: text({
      value: "FILE",
      help: "measured k-space, NPY complex [H,W] or [slices,H,W] (of multi-coil, [coils,H,W]), centred; instead of --images",
    }),
    ...imageOptions,
    model: text({ value: "FILE", help: "checkpoint of the network (the embedded cascade, 128×128)" }),
    method: choice(["network", ...classicalNames], {
      default: "network",
      help: `network, ${classicalNames.join(", ")}`,
    }),
    ...lambdaOption,
    ...samplingOptions,
    out: text({ value: "FOLDER", default: "out", help: "where the images go" }),
    ...common,
  },
  async perform(values, terminal) {
    const { kspace, method: choice, out: folder, seed } = values;
    const backend = await chooseBackend(values, terminal);
    checkWritable(join(folder, "reconstruction.npy"));
    const model = loadModel(values.model);
    if (kspace !== undefined && values.images.length > 0)
      throw new ConfigError("--kspace and --images cannot both be given; images have their k-space simulated", {});
    const simulate = async (): Promise<Scans> => {
      const { operator, sampling } = chooseMeasuring(values, model);
      const { set, labels } = await loadImages(values, model.shape, backend, terminal);
      const problem = inverseProblem({
        operator,
        noise: gaussianNoise({ sigma: chooseNoise(values, model) }),
        images: set,
      });
      const scans: Scan[] = [];
      for (const [i, label] of labels.entries())
        scans.push({ label, y: await measure(problem, { image: i, seed, backend }), truth: magnitude(set.image(i)) });
      return { shape: model.shape, operator, sampling, scans };
    };
    const network = choice === "network";
    const { shape, operator, sampling, scans } =
      kspace === undefined ? await simulate() : fromKspace(values, kspace, model, network);
    noteSampling(sampling, terminal);
    // measured k-space has units of its own, which the model's noise level says nothing about
    const sigma = kspace === undefined || values.noise !== undefined ? chooseNoise(values, model) : undefined;
    const method = network
      ? networkReconstructor({ network: model.network })
      : openMethod(classicalMethod(choice, values, sigma));
    const images: Float64Array[] = [];
    for (const [i, { label, y }] of scans.entries()) {
      await terminal.progress(`${method.name}: ${label}`, i, scans.length);
      images.push(await reconstruct(method, y, operator, backend));
    }
    terminal.finish();
    const magnitudes = images.map((x) => magnitude(x));
    writeFiles([
      ...magnitudes.map((m, i) => ({
        path: join(folder, `reconstruction-${i + 1}.png`),
        content: writePng(m, shape, Math.max(maximum(m), 1e-30)),
      })),
      { path: join(folder, "reconstruction.npy"), content: writeNpy(images, shape) },
    ]);
    const rows = scans.map(({ label, truth }, i) => {
      const score = truth && {
        psnr: psnr(truth, magnitudes[i], maximum(truth)),
        ssim: ssim(truth, magnitudes[i], shape, maximum(truth)),
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
    return DONE;
  },
});
