// Losses: C = (1/n)ΣC_k over the samples of a batch.
import { arithmetic, ShapeError, formatShape, type GraphBuilder, type Value } from "../../engine/index.ts";

/** A cost to minimise. `target` has the prediction's shape (for classes: one-hot rows). */
export interface Loss {
  readonly name: string;
  /** The targets are one-hot rows, so that accuracy means something. */
  readonly classes?: true;
  apply(b: GraphBuilder, prediction: Value, target: Value): Value;
}
function matching(name: string, prediction: Value, target: Value): void {
  if (prediction.shape.join() !== target.shape.join()) throw new ShapeError(`${name}: the prediction is ${formatShape(prediction.shape)}, the target ${formatShape(target.shape)}; they must be equal`, { prediction: prediction.shape, target: target.shape });
}

/** C = mean (p − t)² over all elements. */
export function meanSquaredError(): Loss {
  return {
    name: "meanSquaredError",
    apply(b, prediction, target) {
      matching("meanSquaredError", prediction, target);
      const { mean, square, sub } = arithmetic(b);
      return mean(square(sub(prediction, target)));
    },
  };
}
/** C = mean |p − t| over all elements. */
export function meanAbsoluteError(): Loss {
  return {
    name: "meanAbsoluteError",
    apply(b, prediction, target) {
      matching("meanAbsoluteError", prediction, target);
      const { mean, sub } = arithmetic(b);
      return mean(b.emit("abs", { x: sub(prediction, target) }, {}));
    },
  };
}
/** C = −(1/n) Σ_k Σ_c t·log softmax(p): classes from logits [N, classes]. */
export function crossEntropy(): Loss {
  return {
    name: "crossEntropy",
    classes: true,
    apply(b, prediction, target) {
      matching("crossEntropy", prediction, target);
      const { mul, sum } = arithmetic(b);
      return mul(sum(mul(target, b.emit("log_softmax", { x: prediction }, {}))), -1 / prediction.shape[0]);
    },
  };
}
