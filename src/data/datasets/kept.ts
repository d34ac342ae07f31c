// Images that are kept once they were made: drawn, decoded or computed only once.
import { ConfigError } from "../../engine/index.ts";
import type { LabelledImages } from "./labelled.ts";

/** 256 MiB. */
export const MOST_KEPT: number = 2 ** 28;

/**
 * The same images, each made once and then kept, as long as all of them take at most `bytes` (four
 * for a value), 256 MiB unless given; those beyond are made anew each time.
 */
export function keptImages<T extends LabelledImages>(
  images: T,
  options: { bytes?: number } = {},
): T {
  const { bytes = MOST_KEPT } = options;
  if (!(bytes >= 0))
    throw new ConfigError(`keptImages: bytes ${bytes} must be a number from 0 up`, { bytes });
  const [C, H, W] = images.shape;
  const most = Math.floor(bytes / (4 * C * H * W));
  const kept = new Map<number, Float32Array>();
  return {
    ...images,
    pixels(i: number, out: Float32Array) {
      const known = kept.get(i);
      if (known) return out.set(known);
      images.pixels(i, out);
      if (kept.size < most) kept.set(i, out.slice());
    },
  };
}
