// What a network is trained on that shall serve for any scan: heads, and images that are like no
// organ.
import { random } from "../../engine/index.ts";
import { magnitude } from "../metrics.ts";
import { brainPhantoms, type ImageSet } from "./brain.ts";
import { deadLeaves, withoutPhase } from "./dead-leaves.ts";

/** Share of the images that are heads. */
const HEADS = 0.4;
/** Share of those that are mosaics of small slices. */
const MOSAICS = 0.3;

interface Drawn {
  readonly shape: readonly [number, number];
  readonly count: number;
  readonly seed: number;
}

/**
 * `count` images, heads (brainPhantoms) and dead leaves mixed, half of all without a phase as
 * magnitude images are. Image i depends on the seed and i alone.
 */
export function variedPhantoms(options: Drawn): ImageSet {
  const { shape, count, seed } = options;
  const heads = brainPhantoms({ ...options, mosaics: MOSAICS });
  const leaves = deadLeaves(options);
  return {
    length: count,
    shape,
    description: { kind: "variedPhantoms", height: shape[0], width: shape[1], count, seed },
    image(i) {
      const rng = random(seed).fork(`varied ${i}`);
      if (rng.uniform() >= HEADS) return leaves.image(i);
      const head = heads.image(i);
      return rng.uniform() < 0.5 ? head : withoutPhase(magnitude(head));
    },
  };
}

/** The sets that they are mixed from, each with a phase and without one. */
export function variedParts(options: Drawn): readonly ImageSet[] {
  const parts = [
    brainPhantoms({ ...options, mosaics: 0 }),
    brainPhantoms({ ...options, mosaics: 1 }),
    deadLeaves(options),
  ];
  const plain = parts.map((set) => ({ ...set, image: (i: number) => withoutPhase(magnitude(set.image(i))) }));
  return [...parts, ...plain];
}
