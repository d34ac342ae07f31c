// Scans that are unlike what a network was trained on: said before anything else is made of them.
import { brainPhantoms, compareKinds, describeKind, type ImageKind, type ImageSet } from "../imaging/index.ts";
import type { Network } from "../learning/index.ts";

/** Training images that are made again to see what they are like. */
const SAMPLE = 100;

/** What a network's training images are like, where it says how they were generated. */
function kindsOf({ trained, provenance }: Network, shape: readonly [number, number]): ImageKind[] {
  if (trained?.images !== "brainPhantoms" || Math.min(...shape) < 32) return [];
  const seed = Number(provenance.imageSeed ?? 0);
  const shares = Number(provenance.mosaics ?? 0) > 0 ? [0, 1] : [0];
  return shares.map((mosaics) => describeKind(brainPhantoms({ shape, count: SAMPLE, seed, mosaics })));
}

/** By image: how it is unlike the training images, in words; undefined where it is alike. */
export function unlikeTraining(network: Network, set: ImageSet): (string | undefined)[] {
  const kinds = kindsOf(network, set.shape);
  return Array.from({ length: set.length }, (_, i) => {
    if (kinds.length === 0) return undefined;
    const { alike, verdict } = compareKinds(set.image(i), set.shape, kinds);
    return alike ? undefined : verdict;
  });
}
