// Parts of a set: some of its images, or a share held out.
import { ConfigError, permutation, random } from "../../engine/index.ts";
import type { LabelledImages } from "./labelled.ts";

/** Some images of a set by their indices, in this order. */
export function imagesOf<T extends LabelledImages>(images: T, indices: readonly number[]): T {
  const { prepare } = images;
  const bad = indices.find((i) => !(Number.isInteger(i) && i >= 0 && i < images.length));
  if (bad !== undefined)
    throw new ConfigError(`imagesOf: there is no image ${bad} among ${images.length}`, { bad });
  async function prepared(own: readonly number[]): Promise<void> {
    const theirs = own.map((i) => indices[i]);
    await prepare?.call(images, theirs);
  }
  return {
    ...images,
    length: indices.length,
    label: (i: number) => images.label(indices[i]),
    pixels: (i: number, out: Float32Array) => images.pixels(indices[i], out),
    ...(prepare && { prepare: prepared }),
  };
}

export interface SplitChoice {
  /** Share that is held out, above 0 and below 1; 0.1 unless given. */
  readonly heldOut?: number;
  readonly seed: number;
  /** The same share of every class, to one image; true unless given. */
  readonly stratified?: boolean;
}
/**
 * Two parts without an image in common, drawn by the seed alone: what is trained on, and what is
 * held out. Throws ConfigError for a share that leaves one of them empty.
 */
export function splitImages<T extends LabelledImages>(
  images: T,
  options: SplitChoice,
): { train: T; heldOut: T } {
  const { heldOut: share = 0.1, seed, stratified = true } = options;
  if (!(share > 0 && share < 1))
    throw new ConfigError(`splitImages: heldOut ${share} must be between 0 and 1`, {
      heldOut: share,
    });
  const order = permutation(images.length, random(seed).fork("split"));
  const groups = new Map<number, number[]>();
  for (const i of order) {
    const key = stratified ? images.label(i) : 0;
    groups.set(key, [...(groups.get(key) ?? []), i]);
  }
  const chosen = new Set<number>();
  let [wanted, taken] = [0, 0];
  // the rest of a class's share goes to the next one, so that all together have the share
  for (const key of [...groups.keys()].sort((a, b) => a - b)) {
    const group = groups.get(key)!;
    wanted += share * group.length;
    const count = Math.min(group.length, Math.round(wanted - taken));
    for (const i of group.slice(0, count)) chosen.add(i);
    taken += count;
  }
  if (taken === 0 || taken === images.length)
    throw new ConfigError(
      `splitImages: ${share} of ${images.length} images leaves one part empty`,
      { share },
    );
  const part = (held: boolean): T =>
    imagesOf(
      images,
      order.filter((i) => chosen.has(i) === held),
    );
  return { train: part(false), heldOut: part(true) };
}
