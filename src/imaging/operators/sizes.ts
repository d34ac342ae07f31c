// What sizes an operator's values have, and what sizes no operator has.
import {
  ConfigError,
  formatShape,
  ShapeError,
  type Shape,
  type Value,
} from "../../engine/index.ts";

/** Pixels of an image, and cells of a measurement. */
const MOST_PIXELS = 2 ** 26;
const MOST_CELLS = 10_000_000;

/** Before anything is allocated: throws ConfigError for more pixels or cells than fit a memory. */
export function checkSizes(operator: string, shape: Shape, counts: Shape): void {
  const product = (of: Shape): number => of.reduce((n, size) => n * size, 1);
  if (product(shape) > MOST_PIXELS || product(counts) > MOST_CELLS)
    throw new ConfigError(
      `${operator}: ${shape.join("×")} pixels and ${counts.join("×")} samples are too many; at most ${MOST_PIXELS} and ${MOST_CELLS}`,
      { shape, counts },
    );
}

/** Holds the axes behind the batch to `own`. Throws ShapeError. */
export function checkValue(operator: string, what: string, v: Value, own: Shape): void {
  if (v.shape.slice(1).join() !== own.join())
    throw new ShapeError(
      `${operator}: the ${what} is ${formatShape(v.shape)}, not [N×${own.join("×")}]`,
      { shape: v.shape },
    );
}
