// How much of a detail comes back.
import { magnitude, maximum, ssim, type Detail } from "../../imaging/index.ts";
import type { DetailScore } from "../schema.ts";
import { meanShareInterval95 } from "../intervals.ts";
import { mean } from "../statistics.ts";
import { scanOf, type Subject } from "./test.ts";

/** A detail of which less than this share is measured is beyond any method. */
export const BEYOND = 0.2;
const LOST = 0.5;
/** Shares of the detail's own contrast; see DetailScore. */
export interface Recovery {
  readonly detail: Detail;
  readonly recovered: number;
  readonly measured: number;
  readonly boxError: number;
  readonly ssim: number;
}

/** What is needed of a subject to look for details. */
export type Looked = Pick<Subject, "clean" | "reconstructAll" | "scan" | "shape">;

/** Puts each detail by itself into the image and asks how much of it comes back. */
export async function lookFor(subject: Looked, details: readonly Detail[]): Promise<Recovery[]> {
  const images = await subject.reconstructAll(details.map((d) => d.z));
  const found: Recovery[] = [];
  for (const [k, x] of images.entries()) found.push(await recoveryOf(subject, details[k], x));
  return found;
}

async function recoveryOf(subject: Looked, detail: Detail, x: Float64Array): Promise<Recovery> {
  const { clean } = subject;
  const scan = scanOf(subject);
  const [H, W] = subject.shape;
  const {
    z,
    box: [top, left, height, width],
  } = detail;
  const spectrum = await scan.spectrum(z);
  let [along, energy, measured, all] = [0, 0, 0, 0];
  for (let k = 0; k < z.length; k++) {
    along += (x[k] - clean[k]) * z[k];
    energy += z[k] ** 2;
  }
  // of all coils
  for (let k = 0; k < spectrum.length; k++) {
    all += spectrum[k] ** 2;
    if (scan.mask.data[k % (H * W)]) measured += spectrum[k] ** 2;
  }
  let error = 0;
  const crop = (values: ArrayLike<number>): Float64Array =>
    Float64Array.from({ length: 2 * height * width }, (_, i) => {
      const [part, inside] = [Math.floor(i / (height * width)), i % (height * width)];
      return values[
        part * H * W + (top + Math.floor(inside / width)) * W + left + (inside % width)
      ];
    });
  const [own, before, added] = [x, clean, z].map(crop);
  const background = crop(scan.x);
  const truth = added.map((v, k) => v + background[k]);
  for (let i = 0; i < own.length; i++) error += (own[i] - before[i] - added[i]) ** 2;
  return {
    detail,
    recovered: along / energy,
    measured: measured / all,
    boxError: Math.sqrt(error / energy),
    ssim: ssim(magnitude(truth), magnitude(own), [height, width], maximum(magnitude(scan.x))),
  };
}

/** The figures of details of one size and contrast. */
export function scoreOf(radius: number, contrast: number, found: readonly Recovery[]): DetailScore {
  const possible = found.filter((f) => f.measured >= BEYOND);
  const values = possible.map((f) => f.recovered);
  const { mean: average, interval } = meanShareInterval95(values);
  return {
    radius,
    contrast,
    placements: found.length,
    recovered: average,
    ...(interval ?? {}),
    shares: values,
    measured: mean(found.map((f) => f.measured)),
    notRecoverable: found.length - possible.length,
    lost: values.filter((v) => v < LOST).length,
    boxError: mean(possible.map((f) => f.boxError)),
    ssim: mean(possible.map((f) => f.ssim)),
  };
}
