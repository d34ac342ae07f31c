// y = the nearest whole number, of two as near the even one. Gradient zero.
import { roundHalfEven } from "../core/math.ts";
import { sizeOf } from "../core/shape.ts";
import type { ElementwiseDef } from "../graph/ir.ts";
import { unarySamples } from "./broadcast.ts";

/** y = the nearest whole number, of two as near the even one (ONNX, PyTorch). Gradient zero. */
export const round: ElementwiseDef<"round"> = {
  elementwise: true,
  infer: ({ x }) => x,
  gradient: () => ({}),
  reference: ({ x }, _attrs, out) =>
    x.data.forEach((v, i) => {
      out[i] = roundHalfEven(v);
    }),
  flops: (_shapes, _attrs, out) => sizeOf(out),
  samples: unarySamples,
};
