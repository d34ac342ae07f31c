// The inverse problem and the methods that a section asks for, made as the command line makes them,
// so that it finds the same numbers.
import { ConfigError, type Backend } from "fiducial/engine";
import {
  brainPhantoms,
  describeMask,
  equispacedMask,
  gaussianNoise,
  inverseProblem,
  maskFrom,
  misfit,
  networkReconstructor,
  openMask,
  randomMask,
  subsampledFourier,
  totalVariation,
  trainedOperator,
  variableDensityMask,
  waveletSparsity,
  zeroFilled,
  type CartesianOperator,
  type ImageSet,
  type InverseProblem,
  type Mask,
  type Reconstructor,
} from "fiducial/imaging";
import { quickly } from "../engine.ts";
import { columnsOf, type MaskAsked, type MethodName, type ProblemAsked } from "./asked.ts";
import { networkAt } from "./networks.ts";
import { scanAt } from "./scan.ts";

/** The command line's phantoms begin here, far from the seeds of any training. */
export const HELD_OUT_SEED = 20_000;
/** Share of the columns that is always measured, about the centre, unless it is said. */
const CENTRE = 0.08;

function drawnMask({ columns }: MaskAsked, size: number): Mask {
  const measured = columnsOf(columns, size);
  if (!measured) throw new ConfigError(`“${columns}” says no columns; write them as in 0-3,60-68`);
  if (!measured.some(Boolean))
    throw new ConfigError("This mask measures nothing: mark at least one column.");
  const cells = Uint8Array.from({ length: size * size }, (_, k) => (measured[k % size] ? 1 : 0));
  return maskFrom(cells, [size, size], [size, size], { lowest: "centre" });
}
/** The mask of the embedded networks, or another one. Throws ConfigError for one without a cell. */
export async function maskOf({ mask, size, seed, network }: ProblemAsked): Promise<Mask> {
  const { kind, rate: acceleration } = mask;
  const shape: [number, number] = [size, size];
  const columns = { shape, acceleration, centerFraction: CENTRE };
  switch (kind) {
    case "own": {
      const trained = trainedOperator(await networkAt(network, size));
      if (trained && "mask" in trained) return openMask(trained.mask);
      return variableDensityMask({ shape, acceleration: 4, centerFraction: CENTRE, seed: 1 });
    }
    case "centre":
      return equispacedMask({ shape, acceleration, centerFraction: 1 / acceleration, offset: 0 });
    case "variable-density":
      return variableDensityMask({ ...columns, seed });
    case "random":
      return randomMask({ ...columns, seed });
    case "equispaced":
      return equispacedMask({ ...columns, offset: 0 });
    case "full":
      return equispacedMask({ shape, acceleration: 1, centerFraction: 1, offset: 0 });
    case "drawn":
      return drawnMask(mask, size);
  }
}
export const shareOf = (mask: Mask): number => Number(describeMask(mask).sampledFraction);

export async function methodOf(
  name: MethodName,
  { size, noise: sigma }: ProblemAsked,
): Promise<Reconstructor> {
  if (name === "tv") return totalVariation({ sigma });
  if (name === "wavelet") return waveletSparsity({ sigma });
  if (name === "zero") return zeroFilled();
  return networkReconstructor({ network: await networkAt(name, size) });
}

export interface Opened {
  readonly backend: Backend;
  readonly images: ImageSet;
  readonly operator: CartesianOperator;
  readonly problem: InverseProblem;
  readonly mask: Mask;
}
/** The problem on `count` images, one of the visitor's or generated ones. */
export async function openProblem(asked: ProblemAsked, count = 1): Promise<Opened> {
  const { size, image, noise, seed } = asked;
  const backend = await quickly();
  const mask = await maskOf(asked);
  const generated = { shape: [size, size] as const, count, seed: HELD_OUT_SEED + seed };
  const images = image === "own" ? await scanAt(size, backend) : brainPhantoms(generated);
  const operator = subsampledFourier({ mask });
  const problem = inverseProblem({ operator, noise: gaussianNoise({ sigma: noise }), images });
  return { backend, images, operator, problem, mask };
}
/** Methods by their names; throws ConfigError for one that was made for another operator. */
export async function openMethods(
  names: readonly MethodName[],
  asked: ProblemAsked,
  { operator }: Opened,
): Promise<Reconstructor[]> {
  const methods: Reconstructor[] = [];
  for (const name of names) {
    const method = await methodOf(name, asked);
    const strange = misfit(method, operator);
    if (strange !== undefined) throw new ConfigError(`${strange}.`);
    methods.push(method);
  }
  return methods;
}
