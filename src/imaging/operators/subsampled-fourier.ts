// Single-coil MR sampling: the centred orthonormal Fourier transform, and the mask.
import { formatShape, ShapeError, type GraphBuilder, type Value } from "../../engine/index.ts";
import type { OperatorDefinition } from "./catalogue.ts";
import { aMask, describeMask, openMask } from "./mask-spec.ts";
import type { Mask } from "./masks.ts";
import type { Frequencies, Operator, Sampling } from "./operator.ts";

export interface CartesianOperator extends Operator {
  readonly sampling: Sampling;
}

/** Of the cells of a Cartesian k-space [H,W], row by row. */
export const gridFrequencies = ([H, W]: readonly [number, number]): Frequencies =>
  Float64Array.from({ length: 2 * H * W }, (_, k) =>
    k % 2 === 0
      ? Math.floor(k / 2 / W) - Math.floor(H / 2)
      : (((k - 1) / 2) % W) - Math.floor(W / 2),
  );

/**
 * A = M·F on complex images [2,H,W]; measurements are the whole k-space [2,H,W] with zeros where
 * nothing was measured. ‖A‖ ≤ 1. Throws ShapeError when an image has another size than the mask.
 */
export function subsampledFourier(options: { mask: Mask }): CartesianOperator {
  const { mask } = options;
  const [H, W] = mask.shape;
  const shape = [2, H, W];
  const sampling = Float32Array.from(mask.data);
  const sampled = (b: GraphBuilder, k: Value): Value =>
    b.emit("mul", { a: k, b: b.constant(sampling, [H, W]) }, {});
  const check = (what: string, v: Value): void => {
    if (v.shape.slice(-3).join() !== shape.join())
      throw new ShapeError(
        `subsampledFourier: the ${what} is ${formatShape(v.shape)}, the mask needs […×2×${H}×${W}]`,
        { shape: v.shape },
      );
  };
  return {
    name: "subsampledFourier",
    domain: shape,
    range: shape,
    measured: Uint8Array.from({ length: 2 * H * W }, (_, k) => mask.data[k % (H * W)]),
    sampling: { mask, under: (other) => subsampledFourier({ mask: other }) },
    spectralDiagonal: mask.data,
    picture: () => mask,
    frequencies: () => gridFrequencies(mask.shape),
    // a projection of a unitary transform
    norm: 1,
    spec: { kind: "subsampledFourier", mask: mask.spec },
    description: { kind: "subsampledFourier", height: H, width: W, ...describeMask(mask) },
    forward(b, x) {
      check("image", x);
      return sampled(b, b.emit("fft2", { x }, { inverse: false }));
    },
    adjoint(b, y) {
      check("measurement", y);
      return b.emit("fft2", { x: sampled(b, y) }, { inverse: true });
    },
  };
}

export const subsampledFourierDefinition: OperatorDefinition<"subsampledFourier"> = {
  fields: { mask: aMask },
  open: ({ mask }, arrays) => subsampledFourier({ mask: openMask(mask, arrays) }),
  samples: [
    {
      mask: {
        kind: "variable-density",
        shape: [12, 16],
        acceleration: 2,
        centerFraction: 0.2,
        power: 2,
        seed: 1,
      },
    },
    { mask: { kind: "random", shape: [9, 14], acceleration: 2, centerFraction: 0.2, seed: 2 } },
    {
      mask: {
        kind: "equispaced-fraction",
        shape: [8, 15],
        acceleration: 2,
        centerFraction: 0.2,
        offset: 1,
      },
    },
    { mask: { kind: "radial", shape: [11, 13], spokes: 3 } },
    {
      mask: {
        kind: "nested",
        of: { kind: "radial", shape: [7, 6], spokes: 2 },
        rate: 0.4,
        seed: 3,
      },
    },
    { mask: { kind: "full", shape: [5, 8] } },
  ],
};
