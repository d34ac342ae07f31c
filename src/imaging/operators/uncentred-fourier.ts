// Single-coil MR sampling in the layout of numpy.fft.fft2: the lowest frequency in the corner.
import { arithmetic, type GraphBuilder, type Value } from "../../engine/index.ts";
import type { OperatorDefinition } from "./catalogue.ts";
import { aMask, describeMask, openMask } from "./mask-spec.ts";
import type { Mask } from "./masks.ts";
import type { Operator } from "./operator.ts";
import { checkValue } from "./sizes.ts";
import { subsampledFourier } from "./subsampled-fourier.ts";

/**
 * y = M·fft2(x, norm = "ortho") of complex images [2,H,W], nothing shifted: the lowest frequency is
 * at (0, 0) of y, and pixel (0, 0) is the origin. The mask is given as every mask is, its lowest
 * frequency at (⌊H/2⌋, ⌊W/2⌋). Measurements differ from subsampledFourier's of the same mask by
 * their order and their phases alone, A*A not at all; tests that look at k-space do not know this
 * layout, so it has no `sampling`. Throws ShapeError when an image has another size than the mask.
 */
export function uncentredFourier(options: { mask: Mask }): Operator {
  const { mask } = options;
  const [H, W] = mask.shape;
  const centred = subsampledFourier({ mask });
  const halves = [Math.floor(H / 2), Math.floor(W / 2)];
  /** From the corner to the middle, or back. */
  const moved = (b: GraphBuilder, v: Value, sign: 1 | -1): Value => {
    const { roll } = arithmetic(b);
    return roll(
      roll(v, v.shape.length - 2, sign * halves[0]),
      v.shape.length - 1,
      sign * halves[1],
    );
  };
  const check = (what: string, v: Value): void =>
    checkValue("uncentredFourier", what, v, centred.domain);
  return {
    name: "uncentredFourier",
    domain: centred.domain,
    range: centred.range,
    measured: Uint8Array.from({ length: 2 * H * W }, (_, k) => {
      const [i, j] = [Math.floor(k / W) % H, k % W];
      return mask.data[((i + halves[0]) % H) * W + ((j + halves[1]) % W)];
    }),
    // the origin of the image is a phase in k-space, which A*A does not see
    spectralDiagonal: mask.data,
    picture: () => mask,
    norm: 1,
    spec: { kind: "uncentredFourier", mask: mask.spec },
    description: { kind: "uncentredFourier", height: H, width: W, ...describeMask(mask) },
    forward(b, x) {
      check("image", x);
      return moved(b, centred.forward(b, moved(b, x, 1)), -1);
    },
    adjoint(b, y) {
      check("measurement", y);
      return moved(b, centred.adjoint(b, moved(b, y, 1)), -1);
    },
  };
}

export const uncentredFourierDefinition: OperatorDefinition<"uncentredFourier"> = {
  fields: { mask: aMask },
  open: ({ mask }, arrays) => uncentredFourier({ mask: openMask(mask, arrays) }),
  samples: [
    { mask: { kind: "random", shape: [9, 14], acceleration: 2, centerFraction: 0.2, seed: 2 } },
    { mask: { kind: "radial", shape: [8, 11], spokes: 3 } },
  ],
};
