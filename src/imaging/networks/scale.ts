// The intensity at which a network is given its images: what it was trained at.
import { arithmetic, type GraphBuilder, type Value } from "../../engine/index.ts";
import type { Operator } from "../operators/operator.ts";
import { atUnitScale } from "../reconstructor.ts";
import { unitScale } from "../unit-scale.ts";

/** Root mean square of A*y, peak of |A*y|, or as it is measured. */
export type NetworkScale = "rms" | "peak" | "none";
export const networkScales: readonly NetworkScale[] = ["rms", "peak", "none"];

type Body = (y: Value, initial: Value) => Value;

/** The largest magnitude of every complex image over `scale` [N], 1 where the image is 0. */
function peakOver(b: GraphBuilder, x: Value, scale: Value, something: Value): Value {
  const { add, div, reshape, sqrt, square, sub, sum } = arithmetic(b);
  const [N, , H, W] = x.shape;
  const even = div(x, reshape(scale, [N, 1, 1, 1]));
  const power = reshape(sum(square(even), [1]), [N, 1, H, W]);
  const whole = { kernel: [H, W], stride: [1, 1], padding: [0, 0] } as const;
  const most = reshape(b.emit("max_pool2d", { x: power }, whole), [N]);
  return sqrt(add(most, sub(1, something)));
}

/** Runs `body` on y and A*y divided by the scale, and multiplies the result back. */
export function atScale(
  scale: NetworkScale,
  operator: Operator,
  b: GraphBuilder,
  y: Value,
  body: Body,
): Value {
  if (scale === "rms") return atUnitScale(operator, b, y, body);
  if (scale === "none")
    return body(y, operator.initial ? operator.initial(b, y) : operator.adjoint(b, y));
  const peak = (_b: GraphBuilder, unit: Value): Value => {
    const initial = operator.initial ? operator.initial(b, y) : operator.adjoint(b, y);
    return peakOver(b, initial, unit, unitScale(b, initial).something);
  };
  return atUnitScale(operator, b, y, body, peak);
}
