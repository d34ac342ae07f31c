// Parallel imaging: every coil sees the image through its own sensitivity.
import {
  arithmetic,
  formatShape,
  ShapeError,
  sizeOf,
  type GraphBuilder,
  type Value,
} from "../../engine/index.ts";
import type { OperatorDefinition } from "./catalogue.ts";
import { largestSensitivity, openCoils, someCoils, type Coils } from "./coils.ts";
import { aMask, describeMask, openMask } from "./mask-spec.ts";
import type { Mask } from "./masks.ts";
import type { CartesianOperator } from "./subsampled-fourier.ts";

/**
 * y_c = M F (S_c x) of complex images [2,H,W], for every coil c: [2,coils,H,W], real parts first,
 * zeros where nothing is measured; A* = Σ_c conj(S_c) F* M y_c. ‖A‖ ≤ max √Σ|S_c|², which is 1 for
 * birdcageCoils. Throws ShapeError when the maps are of another size than the mask. Source:
 * Pruessmann et al. 1999.
 */
export function multiCoilFourier(options: { mask: Mask; coils: Coils }): CartesianOperator {
  const { mask, coils } = options;
  const [C, , H, W] = coils.shape;
  if (H !== mask.shape[0] || W !== mask.shape[1])
    throw new ShapeError(
      `multiCoilFourier: the coils' maps are ${H}×${W}, the mask is ${mask.shape.join("×")}; give maps of its size`,
      { coils: coils.shape, mask: mask.shape },
    );
  const domain = [2, H, W];
  const range = [2, C, H, W];
  return {
    name: "multiCoilFourier",
    domain,
    range,
    measured: Uint8Array.from({ length: sizeOf(range) }, (_, k) => mask.data[k % (H * W)]),
    sampling: { mask, under: (other) => multiCoilFourier({ mask: other, coils }) },
    coils,
    picture: () => mask,
    norm: largestSensitivity(coils),
    spec: { kind: "multiCoilFourier", mask: mask.spec, coils: coils.spec },
    description: {
      kind: "multiCoilFourier",
      height: H,
      width: W,
      coils: C,
      ...describeMask(mask),
      ...described(coils),
    },
    ...maps(mask, coils),
  };
}

function check(what: string, v: Value, own: readonly number[]): void {
  if (v.shape.slice(1).join() !== own.join())
    throw new ShapeError(
      `multiCoilFourier: the ${what} is ${formatShape(v.shape)}, not [N×${own.join("×")}]`,
      { shape: v.shape },
    );
}

/** The sensitivities' real or imaginary parts, [coils,H,W]. */
function partOf({ data, shape: [C, , H, W] }: Coils, which: 0 | 1): Float64Array {
  const cells = H * W;
  return Float64Array.from({ length: C * cells }, (_, k) => {
    const coil = Math.floor(k / cells);
    return data[(2 * coil + which) * cells + (k % cells)];
  });
}

/** A and A*. */
function maps(mask: Mask, coils: Coils): Pick<CartesianOperator, "forward" | "adjoint"> {
  const [C, , H, W] = coils.shape;
  const cells = Float32Array.from(mask.data);
  const [real, imaginary] = [partOf(coils, 0), partOf(coils, 1)];
  const sampled = (b: GraphBuilder, k: Value): Value =>
    b.emit("mul", { a: k, b: b.constant(cells, [H, W]) }, {});
  const sensitivities = (b: GraphBuilder): Value[] =>
    [real, imaginary].map((part) => b.constant(part, [C, H, W]));
  return {
    forward(b, x) {
      check("image", x, [2, H, W]);
      const { add, concat, mul, reshape, slice, sub } = arithmetic(b);
      const N = x.shape[0];
      const [re, im] = [slice(x, 1, 0, 1), slice(x, 1, 1, 2)];
      const [sr, si] = sensitivities(b);
      const plane = (v: Value): Value => reshape(v, [N, C, 1, H, W]);
      const seen = [sub(mul(re, sr), mul(im, si)), add(mul(re, si), mul(im, sr))].map(plane);
      const k = sampled(b, b.emit("fft2", { x: concat(seen, 2) }, { inverse: false }));
      return concat(
        [0, 1].map((which) => reshape(slice(k, 2, which, which + 1), [N, 1, C, H, W])),
        1,
      );
    },
    adjoint(b, y) {
      check("measurement", y, [2, C, H, W]);
      const { add, concat, mul, reshape, slice, sub, sum } = arithmetic(b);
      const N = y.shape[0];
      const planes = [0, 1].map((which) => reshape(slice(y, 1, which, which + 1), [N, C, 1, H, W]));
      const images = b.emit("fft2", { x: sampled(b, concat(planes, 2)) }, { inverse: true });
      const [re, im] = [0, 1].map((which) =>
        reshape(slice(images, 2, which, which + 1), [N, C, H, W]),
      );
      const [sr, si] = sensitivities(b);
      const joined = [add(mul(re, sr), mul(im, si)), sub(mul(im, sr), mul(re, si))];
      return concat(
        joined.map((v) => reshape(sum(v, [1]), [N, 1, H, W])),
        1,
      );
    },
  };
}

/** The coils as flat facts, for a result file. */
function described({ spec }: Coils): Record<string, string | number> {
  return spec.kind === "birdcage"
    ? { coilKind: spec.kind, coilRadius: spec.radius }
    : { coilKind: spec.kind, coilsSha256: spec.sha256 };
}

export const multiCoilFourierDefinition: OperatorDefinition<"multiCoilFourier"> = {
  fields: { mask: aMask, coils: someCoils },
  open: ({ mask, coils }, arrays) => {
    const opened = openMask(mask, arrays);
    return multiCoilFourier({ mask: opened, coils: openCoils(coils, opened.shape, arrays) });
  },
  samples: [
    {
      mask: { kind: "random", shape: [9, 14], acceleration: 2, centerFraction: 0.2, seed: 2 },
      coils: { kind: "birdcage", coils: 4, radius: 1.5 },
    },
    {
      mask: { kind: "radial", shape: [8, 11], spokes: 4 },
      coils: { kind: "birdcage", coils: 3, radius: 1.2 },
    },
    { mask: { kind: "full", shape: [6, 7] }, coils: { kind: "birdcage", coils: 1, radius: 2 } },
  ],
};
