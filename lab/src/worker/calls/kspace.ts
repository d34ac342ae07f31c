// Section 11: what a mask measures of an image, and what each method makes of that.
import { writePng } from "fiducial/data";
import { FiducialError } from "fiducial/engine";
import {
  applyOperator,
  fullMask,
  magnitude,
  maximum,
  measure,
  misfit,
  psnr,
  reconstruct,
  ssim,
  subsampledFourier,
} from "fiducial/imaging";
import type { MethodName, ProblemAsked } from "../break/asked.ts";
import { maskOf, methodOf, openProblem, shareOf } from "../break/problem.ts";
import type { Context } from "../protocol.ts";
import { giveWay } from "../samples.ts";

/** Magnitude images [H,W]. */
type Plane = Float64Array;
export interface Reconstructed {
  readonly method: MethodName;
  readonly name: string;
  readonly x: Plane;
  /** |x̂ − x| of the complex images. */
  readonly error: Plane;
  readonly psnr: number;
  readonly ssim: number;
}
/** A method that could not, and why. */
export interface Refused {
  readonly method: MethodName;
  readonly why: string;
}
export interface Sampled {
  readonly truth: Plane;
  /** log(1 + |k|/mean |k|) of the whole k-space. */
  readonly kspace: Plane;
  /** Which columns are measured. */
  readonly columns: readonly boolean[];
  readonly share: number;
  readonly made: readonly Reconstructed[];
  readonly refused: readonly Refused[];
}

/** |x − truth|; a search asks for it several times a second. */
export function errorOf(x: ArrayLike<number>, truth: ArrayLike<number>): Plane {
  const difference = new Float64Array(x.length);
  for (let k = 0; k < x.length; k++) difference[k] = x[k] - truth[k];
  return magnitude(difference);
}
function logarithms(k: Plane): Plane {
  const mean = k.reduce((sum, v) => sum + v, 0) / k.length;
  return k.map((v) => Math.log(1 + v / mean));
}

/** Every method's image of one measurement, each sent on when it is there. */
export async function sampleKspace(
  { problem: asked, methods }: { problem: ProblemAsked; methods: readonly MethodName[] },
  { signal }: Context,
): Promise<Sampled> {
  const { problem, operator, images, mask, backend } = await openProblem(asked);
  const { size } = asked;
  const x = images.image(0);
  const truth = magnitude(x);
  const range = maximum(truth);
  const whole = subsampledFourier({ mask: fullMask([size, size]) });
  const kspace = logarithms(magnitude(await applyOperator(whole, "forward", x, backend)));
  const y = await measure(problem, { image: 0, seed: asked.seed, backend });
  const made: Reconstructed[] = [];
  const refused: Refused[] = [];
  for (const name of methods) {
    await giveWay();
    signal.throwIfAborted();
    try {
      const method = await methodOf(name, asked);
      const strange = misfit(method, operator);
      if (strange !== undefined) {
        refused.push({ method: name, why: strange });
        continue;
      }
      const answer = await reconstruct(method, y, operator, backend);
      const m = magnitude(answer);
      const figures = { psnr: psnr(truth, m, range), ssim: ssim(truth, m, [size, size], range) };
      made.push({ method: name, name: method.name, x: m, error: errorOf(answer, x), ...figures });
    } catch (error) {
      if (!(error instanceof FiducialError)) throw error;
      refused.push({ method: name, why: error.message });
    }
  }
  const columns = Array.from({ length: size }, (_, k) => mask.data[k] === 1);
  return { truth, kspace, columns, share: shareOf(mask), made, refused };
}

/** The mask as a picture for the command line, white where it measures. */
export async function maskFile(asked: ProblemAsked): Promise<Uint8Array> {
  const { data, shape } = await maskOf(asked);
  return writePng(data, shape, 1);
}
