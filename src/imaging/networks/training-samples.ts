// What a reconstruction network trains on: images that are cut, mirrored, measured with one mask or
// another, and noisy, anew every epoch. The training itself: fit-reconstructor.ts.
import {
  arithmetic,
  ConfigError,
  random,
  sizeOf,
  type GraphBuilder,
  type Random,
  type Shape,
  type Value,
} from "../../engine/index.ts";
import type { Dataset, Settings } from "../../learning/index.ts";
import { openMask, type MaskSpec } from "../operators/mask-spec.ts";
import { fullMask, nestedMasks, type Mask } from "../operators/masks.ts";
import type { Operator, Sampling } from "../operators/operator.ts";
import type { ImageSet } from "../phantoms/brain.ts";
import type { InverseProblem } from "../problem.ts";

/** Families of masks that training at several rates draws from. */
const FAMILIES = 8;

export interface SampleOptions {
  readonly problem: InverseProblem;
  readonly alsoOn?: readonly InverseProblem[];
  readonly seed: number;
  readonly jitter?: number;
  readonly smoothing?: number;
  readonly rates?: readonly number[];
  readonly otherMasks?: number;
  readonly crop?: number;
}
/** What was measured of a batch, and how: y at the images' own scale. */
export interface Measured {
  readonly operator: Operator;
  readonly y: Value;
  /** The images. */
  readonly truth: Value;
}
export interface Samples {
  readonly data: Dataset;
  /** Of the problem, and of each that is trained on beside it. */
  measured(b: GraphBuilder, input: Value): readonly Measured[];
}

/** The masks that are drawn from; undefined where there is the problem's alone. */
function masksOf({
  problem,
  rates,
  otherMasks,
  crop,
  seed,
}: SampleOptions): readonly Mask[] | undefined {
  const { sampling } = problem.operator;
  if (!sampling) return undefined;
  const { mask } = sampling;
  if (rates)
    return Array.from({ length: FAMILIES }, (_, k) =>
      nestedMasks(mask, { rates, seed: seed + k }),
    ).flat();
  if (otherMasks !== undefined) {
    const others = Array.from({ length: otherMasks }, (_, k) => otherDraw(mask, k + 1));
    // as often the problem's own as all others together
    return [...others, ...others.map(() => mask)];
  }
  return crop === undefined ? undefined : [mask];
}
/** The mask that another seed gives. Throws ConfigError for one that is not drawn. */
function otherDraw({ spec }: Mask, k: number): Mask {
  if (!("seed" in spec))
    throw new ConfigError(
      `fitReconstructor: a mask of kind ${spec.kind} has no other draws; leave otherMasks out`,
      {},
    );
  return openMask({ ...spec, seed: spec.seed + k } as MaskSpec);
}

/** Throws ConfigError unless rows can be taken out of images under each mask. */
function checkCrop(rows: number, masks: readonly Mask[]): void {
  for (const {
    data,
    shape: [H, W],
  } of masks) {
    const columns = data.every((v, k) => v === data[k % W]);
    if (columns && Number.isInteger(rows) && rows >= 1 && rows <= H) continue;
    throw new ConfigError(
      `fitReconstructor: crop ${rows} needs a mask of whole columns and a whole number of rows from 1 to ${H}`,
      { crop: rows },
    );
  }
}

/** y ↦ y ⊙ mask in k-space, for a mask that is a value of the graph, one for each image. */
function masked({ under }: Sampling, shape: Mask["shape"], mask: Value): Operator {
  const whole = under(fullMask(shape));
  return {
    ...whole,
    forward: (b, x) => b.emit("mul", { a: whole.forward(b, x), b: mask }, {}),
    adjoint: (b, y) => whole.adjoint(b, b.emit("mul", { a: y, b: mask }, {})),
  };
}
/** A mask's shape [1,H,W] with as many axes as the range's. */
const broadcastable = (mask: Shape, range: Shape): Shape => [
  ...range.slice(mask.length).map(() => 1),
  ...mask,
];

/** Rows of a complex image from a random place, mirrored or not. */
function cut(
  image: Float32Array,
  [H, W]: readonly [number, number],
  rows: number,
  rng: Random,
): Float32Array {
  const top = rng.integer(H - rows + 1);
  const [upsideDown, mirrored] = [rng.uniform() < 0.5, rng.uniform() < 0.5];
  const out = new Float32Array(2 * rows * W);
  for (let part = 0; part < 2; part++)
    for (let i = 0; i < rows; i++) {
      const from = (part * H + top + (upsideDown ? rows - 1 - i : i)) * W;
      const line = image.subarray(from, from + W);
      out.set(mirrored ? line.slice().reverse() : line, (part * rows + i) * W);
    }
  return out;
}

/** The same images, made once each, when they are first asked for. */
export function kept(images: ImageSet): ImageSet {
  const known = new Map<number, Float32Array>();
  return {
    ...images,
    image(i) {
      const image = known.get(i) ?? images.image(i);
      known.set(i, image);
      return image;
    },
  };
}

/** One problem's part of every sample. */
interface Part {
  /** Values of it in a sample's input. */
  readonly size: number;
  readonly domain: Shape;
  /** Writes image i, its noise and its mask, and gives the image. */
  write(i: number, rng: Random, input: Float32Array): Float32Array;
  /** `from` is where it begins in the input. */
  measured(b: GraphBuilder, input: Value, from: number): Measured;
}
/** Throws ConfigError for what the problem's masks do not allow. */
function partOf(options: SampleOptions): Part {
  const { problem, jitter = 0, smoothing = 0, crop } = options;
  const { operator, images, noise } = problem;
  const masks = masksOf(options);
  if (crop !== undefined) checkCrop(crop, masks ?? []);
  const { sampling } = operator;
  const [height, width] = operator.domain.slice(-2);
  const shape = [crop ?? height, width] as const;
  const varying = masks && sampling?.under(fullMask(shape));
  const { domain, range } = varying ?? operator;
  const [size, noisySize, maskSize] = [sizeOf(domain), sizeOf(range), masks ? shape[0] * width : 0];
  return {
    size: size + noisySize + maskSize,
    domain,
    write(i, rng, input) {
      const whole = images.image(i);
      const image = crop === undefined ? whole : cut(whole, [height, width], crop, rng.fork("cut"));
      input.set(image);
      const draw = rng.fork("noise");
      const extra = jitter > 0 ? jitter * draw.uniform() : 0;
      const sigma = Math.sqrt(noise.sigma ** 2 + extra ** 2 + smoothing ** 2);
      for (let k = 0; k < noisySize; k++) input[size + k] = sigma * draw.normal();
      if (!masks) return image;
      const drawn = masks[rng.fork("mask").integer(masks.length)].data;
      input.set(drawn.subarray(0, maskSize), size + noisySize);
      return image;
    },
    measured(b, input, from) {
      const { add, mul, reshape, slice } = arithmetic(b);
      const part = (at: number, of: Shape): Value =>
        reshape(slice(input, 1, from + at, from + at + sizeOf(of)), [input.shape[0], ...of]);
      const truth = part(0, domain);
      const drawn = part(size, range);
      if (!masks || !sampling)
        return { operator, truth, y: problem.sampled(b, add(operator.forward(b, truth), drawn)) };
      const mask = part(size + noisySize, broadcastable([1, ...shape], range));
      const own = masked(sampling, shape, mask);
      return { operator: own, truth, y: mul(add(own.forward(b, truth), drawn), mask) };
    },
  };
}

/**
 * Image, noise and, where it changes, the mask travel together in one input, one problem behind the
 * other; the target is the first one's image. What happens to image i in an epoch depends on the
 * seed, the epoch and i alone; of problems beside the first an image is drawn. `by` is what a run
 * that goes on must have alike. Throws ConfigError for what the masks do not allow.
 */
export function trainingSamples(options: SampleOptions, by: Settings): Samples {
  const { problem, alsoOn = [], seed } = options;
  const { operator, images } = problem;
  const first = partOf(options);
  const others = alsoOn.map((other) => partOf({ ...options, problem: other }));
  const starts = others.map((_, k) =>
    others.slice(0, k).reduce((n, { size }) => n + size, first.size),
  );
  const pictures: Dataset = {
    length: images.length,
    inputShape: [0],
    targetShape: operator.domain,
    read: (i, _input, target) => target.set(images.image(i)),
  };
  const data: Dataset = {
    length: images.length,
    varied: { from: pictures, by },
    inputShape: [others.reduce((n, { size }) => n + size, first.size)],
    targetShape: first.domain,
    read(i, input, target, epoch = 0) {
      const rng = random(seed).fork(`epoch ${epoch}`).fork(i);
      target.set(first.write(i, rng, input));
      for (const [k, other] of others.entries()) {
        const own = rng.fork(`problem ${k + 1}`);
        other.write(own.integer(alsoOn[k].images.length), own, input.subarray(starts[k]));
      }
    },
  };
  return {
    data,
    measured: (b, input) => [
      first.measured(b, input, 0),
      ...others.map((other, k) => other.measured(b, input, starts[k])),
    ],
  };
}
