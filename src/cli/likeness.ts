// Scans that are unlike what a network was trained on: said before anything else is made of them.
import {
  brainPhantoms,
  compareKinds,
  describeKind,
  parseKinds,
  type ImageKind,
  type ImageSet,
} from "../imaging/index.ts";
import type { Network } from "../learning/index.ts";

/** Training images that are made again to see what they are like. */
const SAMPLE = 100;
/** Images that show what their kind is like. */
const FEWEST = 50;

/** What a network's training images are like, where it says so, or how they were generated. */
function kindsOf(
  { trained, provenance }: Network,
  shape: readonly [number, number],
): readonly ImageKind[] {
  if (trained?.kinds) return parseKinds(trained.kinds, "the network's training images");
  if (trained?.images !== "brainPhantoms" || Math.min(...shape) < 32) return [];
  const seed = Number(provenance.imageSeed ?? 0);
  const shares = Number(provenance.mosaics ?? 0) > 0 ? [0, 1] : [0];
  return shares.map((mosaics) =>
    describeKind(brainPhantoms({ shape, count: SAMPLE, seed, mosaics })),
  );
}

/** What images are like that a network is to be trained on; nothing of fewer than tell. */
export function kindsOfTraining(sets: readonly ImageSet[]): readonly ImageKind[] {
  return sets.filter(({ length }) => length >= FEWEST).map(describeKind);
}

/** By image: how it is unlike the training images, in words; undefined where it is alike. */
export function unlikeTraining(network: Network, set: ImageSet): (string | undefined)[] {
  const kinds = kindsOf(network, set.shape).filter(
    ({ shape }) => shape.join() === set.shape.join(),
  );
  return Array.from({ length: set.length }, (_, i) => {
    if (kinds.length === 0) return undefined;
    const { alike, verdict } = compareKinds(set.image(i), set.shape, kinds);
    return alike ? undefined : verdict;
  });
}
