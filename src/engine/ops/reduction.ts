// What the ops that drop axes share: their shape rule.
import { ShapeError } from "../core/errors.ts";
import { formatShape, type Shape } from "../core/shape.ts";

/** x's shape without `axes`. Throws ShapeError for an axis that x lacks. */
export function droppedAxes(op: string, x: Shape, axes: readonly number[]): Shape {
  for (const axis of axes)
    if (!(axis >= 0 && axis < x.length))
      throw new ShapeError(`${op}: axis ${axis} is not one of ${formatShape(x)}`, { axis, x });
  return x.filter((_, i) => !axes.includes(i));
}
