// y = (x − mean)/√(variance + ε): instance, batch and layer normalisation without their affine
// part.
import { sizeOf } from "../core/shape.ts";
import type { OpDef } from "../graph/ir.ts";
import { checkNormalize, groupsOf, normalizeCases, statistics } from "./normalization.ts";

/**
 * y = (x − mean)/√(variance + ε), over `axes`: [2,3] is instance norm, [0,2,3] batch norm. Throws
 * ShapeError for axes that x lacks.
 */
export const normalize: OpDef<"normalize"> = {
  cheap: true,
  infer: ({ x }, attrs) => {
    checkNormalize("normalize", x, attrs);
    return x;
  },
  gradient: (b, dy, { x }, attrs) => ({ x: b.emit("normalize_grad", { dy, x }, attrs) }),
  reference: ({ x }, { axes, epsilon }, out) => {
    for (const group of groupsOf(x.shape, axes)) {
      const [mean, scale] = statistics(x, group, epsilon);
      for (const i of group) out[i] = (x.data[i] - mean) * scale;
    }
  },
  flops: (_shapes, _attrs, out) => 6 * sizeOf(out),
  samples: normalizeCases.map(({ x, attrs }) => ({ shapes: { x }, attrs })),
};
