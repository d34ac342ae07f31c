// What a loss is, and how those over classes read their targets.
import {
  arithmetic,
  formatShape,
  ShapeError,
  sizeOf,
  type GraphBuilder,
  type Shape,
  type Value,
} from "../../../engine/index.ts";

/**
 * A cost to minimise. `target` has the prediction's shape; for classes its rows are shares that add
 * up to 1, or it has one whole number for every row (for every pixel of [N,C,H,W]), the class's.
 */
export interface Loss {
  readonly name: string;
  /** The targets are classes, so that accuracy means something. */
  readonly classes?: true;
  /** Every number of a target says yes (1), no (0) or how likely, for a logit of its own. */
  readonly labels?: true;
  /** A class's number that counts for nothing, where there is one. */
  readonly ignored?: number;
  apply(b: GraphBuilder, prediction: Value, target: Value): Value;
}

/** Throws ShapeError unless both have one shape. */
export function matching(name: string, prediction: Value, target: Value): void {
  if (prediction.shape.join() !== target.shape.join())
    throw new ShapeError(
      `${name}: the prediction is ${formatShape(prediction.shape)}, the target ${formatShape(target.shape)}; they must be equal`,
      { prediction: prediction.shape, target: target.shape },
    );
}

/** Whether targets of a batch are the numbers of classes and not shares of each. */
export function isNumbered(prediction: Shape, target: Shape): boolean {
  const [n, classes] = prediction;
  return classes > 1 && target[0] === n && sizeOf(target) * classes === sizeOf(prediction);
}

/** [N,C,…] as rows [N·…, C]: one for every sample, or for every pixel. */
export function classRows(b: GraphBuilder, x: Value): Value {
  if (x.shape.length === 2) return x;
  const [n, classes, ...places] = x.shape;
  const axes = x.shape.map((_, i) => i);
  const last = b.emit("transpose", { x }, { permutation: [0, ...axes.slice(2), 1] });
  return arithmetic(b).reshape(last, [n * sizeOf(places), classes]);
}

/** Rows that are 1 at the class and 0 elsewhere; 0 everywhere for a class that there is not. */
function oneHot(b: GraphBuilder, numbers: Value, classes: number): Value {
  const all = b.constant(
    Array.from({ length: classes }, (_, c) => c),
    [classes],
  );
  const column = arithmetic(b).reshape(numbers, [sizeOf(numbers.shape), 1]);
  return b.emit("equal", { a: column, b: all }, {});
}

/** Predictions and targets of a loss over classes as rows of equal shape. Throws ShapeError. */
export function rowsOf(
  b: GraphBuilder,
  name: string,
  prediction: Value,
  target: Value,
): { logits: Value; shares: Value } {
  if (prediction.shape.length < 2)
    throw new ShapeError(
      `${name}: the prediction is ${formatShape(prediction.shape)}; it takes [N×classes]`,
      {},
    );
  const logits = classRows(b, prediction);
  if (isNumbered(prediction.shape, target.shape))
    return { logits, shares: oneHot(b, target, prediction.shape[1]) };
  matching(name, prediction, target);
  return { logits, shares: classRows(b, target) };
}

/** Weights of classes as a constant [C]. Throws ShapeError for another number of them. */
export function weightsOf(
  b: GraphBuilder,
  name: string,
  weights: readonly number[],
  classes: number,
): Value {
  if (weights.length !== classes)
    throw new ShapeError(`${name}: ${weights.length} class weights for ${classes} classes`, {
      classes,
    });
  return b.constant(weights, [classes]);
}
