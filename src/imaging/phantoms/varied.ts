// What a network is trained on that shall serve for any scan: heads, and images that are like no
// organ, from near and from far.
import { random, type Random } from "../../engine/index.ts";
import { magnitude } from "../metrics.ts";
import { brainPhantoms, type ImageSet } from "./brain.ts";
import { deadLeaves, withoutPhase } from "./dead-leaves.ts";

/** Share of the images that are heads. */
const HEADS = 0.5;
/** Share of those that are mosaics of small slices. */
const MOSAICS = 0.3;
/** Shares of all that are seen from near, a part that fills the image, and from far, within air. */
const NEAR = 0.3;
const FAR = 0.15;
/** How large a side is then of what is drawn, in sides of the image. */
const NEAR_SIDES = [1.3, 2.3] as const;
const FAR_SIDES = [0.25, 0.8] as const;

interface Drawn {
  readonly shape: readonly [number, number];
  readonly count: number;
  readonly seed: number;
}
type Draw = (drawn: Drawn) => ImageSet;

const within = ([least, most]: readonly [number, number], rng: Random): number =>
  least + (most - least) * rng.uniform();

/** In sides of the image: 1 for an image as it is. */
function drawSide(rng: Random): number {
  const kind = rng.uniform();
  if (kind < NEAR) return within(NEAR_SIDES, rng);
  return kind < NEAR + FAR ? within(FAR_SIDES, rng) : 1;
}

/**
 * A part of a larger complex image, or a smaller one in zeros, from a random place: near an edge of
 * the larger never nearer than a quarter of what is left over, where there may be nothing.
 */
function framed(
  image: Float32Array,
  [h, w]: readonly [number, number],
  [H, W]: readonly [number, number],
  rng: Random,
): Float32Array {
  const place = (from: number, to: number): number =>
    Math.round((to - from) * (to < from ? 0.25 + 0.5 * rng.uniform() : rng.uniform()));
  const [top, left] = [place(h, H), place(w, W)];
  const out = new Float32Array(2 * H * W);
  const [first, last] = [Math.max(0, left), Math.min(W, left + w)];
  for (let part = 0; part < 2; part++)
    for (let i = Math.max(0, top); i < Math.min(H, top + h); i++) {
      const row = (part * h + i - top) * w - left;
      out.set(image.subarray(row + first, row + last), (part * H + i) * W + first);
    }
  return out;
}

/** At most 1 in magnitude, and 1 somewhere. */
function scaledToOne(image: Float32Array): Float32Array {
  const most = magnitude(image).reduce((a, b) => Math.max(a, b), 0);
  return most > 0 ? image.map((v) => v / most) : image;
}

/** Image i of what `draw` gives, seen so that its side is so many of the frame's. */
function seen(draw: Draw, drawn: Drawn, i: number, side: number, rng: Random): Float32Array {
  const [H, W] = drawn.shape;
  const shape = [Math.max(8, Math.round(side * H)), Math.max(8, Math.round(side * W))] as const;
  const image = draw({ ...drawn, shape }).image(i);
  return side === 1 ? image : scaledToOne(framed(image, shape, [H, W], rng));
}

const heads: Draw = (drawn) => brainPhantoms({ ...drawn, mosaics: MOSAICS });

/**
 * `count` images, heads (brainPhantoms) and dead leaves mixed, some from near and some from far,
 * half of all without a phase as magnitude images are. Image i depends on the seed and i alone.
 */
export function variedPhantoms(drawn: Drawn): ImageSet {
  const { shape, count, seed } = drawn;
  return {
    length: count,
    shape,
    description: { kind: "variedPhantoms", height: shape[0], width: shape[1], count, seed },
    image(i) {
      const rng = random(seed).fork(`varied ${i}`);
      const isHead = rng.uniform() < HEADS;
      const view = rng.fork("view");
      const image = seen(isHead ? heads : deadLeaves, drawn, i, drawSide(view), view);
      const plain = isHead && rng.uniform() < 0.5;
      return plain ? withoutPhase(magnitude(image)) : image;
    },
  };
}

/** A set whose images are all seen from one distance. */
const from = (draw: Draw, drawn: Drawn, [least, most]: readonly [number, number]): ImageSet => ({
  ...draw(drawn),
  image(i) {
    const view = random(drawn.seed).fork(`view ${i}`);
    return seen(draw, drawn, i, within([least, most], view), view);
  },
});

/** The sets that they are mixed from, each with a phase and without one. */
export function variedParts(drawn: Drawn): readonly ImageSet[] {
  const single: Draw = (of) => brainPhantoms({ ...of, mosaics: 0 });
  const parts = [
    single(drawn),
    from(single, drawn, NEAR_SIDES),
    from(single, drawn, FAR_SIDES),
    brainPhantoms({ ...drawn, mosaics: 1 }),
    deadLeaves(drawn),
  ];
  const plain = parts.map((set) => ({
    ...set,
    image: (i: number) => withoutPhase(magnitude(set.image(i))),
  }));
  return [...parts, ...plain];
}
