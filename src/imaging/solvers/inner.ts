// The inner product of every image of a batch.
import { arithmetic, type GraphBuilder, type Value } from "../../engine/index.ts";

/**
 * ⟨p, q⟩ of every image [N,…], as [N,1,…]; never exactly 0, so that a search that has ended divides
 * by something.
 */
export function inner(b: GraphBuilder, p: Value, q: Value): Value {
  const { add, mul, reshape, sum } = arithmetic(b);
  const axes = p.shape.map((_, i) => i).slice(1);
  return reshape(add(sum(mul(p, q), axes), 1e-20), [p.shape[0], ...axes.map(() => 1)]);
}
