// Random numbers inside a plan: a hash of seed, counter and place, the same on every backend.
import { mix } from "../core/random.ts";
import { sizeOf } from "../core/shape.ts";
import type { OpDef } from "../graph/ir.ts";

/**
 * Uniform numbers in [0, 1), 24 bits each, other ones for every whole value of the scalar
 * `counter`. Gradient zero.
 */
export const random_uniform: OpDef<"random_uniform"> = {
  infer: (_inputs, { shape }) => shape,
  gradient: () => ({}),
  reference: ({ counter }, { seed }, out) => {
    const base = mix(Math.trunc(counter.data[0]) ^ mix(seed));
    for (let i = 0; i < out.length; i++)
      out[i] = (mix(Math.imul(4 * i, 0x9e3779b1) + base) >>> 8) / 2 ** 24;
  },
  flops: (_shapes, _attrs, out) => 8 * sizeOf(out),
  samples: [
    { shapes: { counter: [] }, attrs: { shape: [3, 7], seed: 5 } },
    { shapes: { counter: [] }, attrs: { shape: [4], seed: -1 } },
  ],
};
