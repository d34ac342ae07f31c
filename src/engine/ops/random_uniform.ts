// Random numbers inside a plan: a hash of seed, counter and place, the same on every backend.
import { sizeOf } from "../core/shape.ts";
import type { OpDef } from "../graph/ir.ts";

/** A well-mixed 32-bit number from another. Source: C. Wellons's hash-prospector. */
export function mix(h: number): number {
  let z = h | 0;
  z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
  z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
  return z ^ (z >>> 15);
}

/** Uniform numbers in [0, 1), 24 bits each, other ones for every whole value of the scalar `counter`. Gradient zero. */
export const random_uniform: OpDef<"random_uniform"> = {
  infer: (_inputs, { shape }) => shape,
  gradient: () => ({}),
  reference: ({ counter }, { seed }, out) => {
    const base = mix(Math.trunc(counter.data[0]) ^ mix(seed));
    for (let i = 0; i < out.length; i++) out[i] = (mix(Math.imul(4 * i, 0x9e3779b1) + base) >>> 8) / 2 ** 24;
  },
  flops: (_shapes, _attrs, out) => 8 * sizeOf(out),
  samples: [
    { shapes: { counter: [] }, attrs: { shape: [3, 7], seed: 5 } },
    { shapes: { counter: [] }, attrs: { shape: [4], seed: -1 } },
  ],
};
