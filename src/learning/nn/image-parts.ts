// Layers that put numbers elsewhere: parts of complex images, edges, some of the features.
import {
  arithmetic,
  formatShape,
  ShapeError,
  type GraphBuilder,
  type Value,
} from "../../engine/index.ts";
import { padAxis } from "./convolutions.ts";
import type { Affine, Crop2d, Gather, ImageParts, Pad2d } from "./reconstruction-layers.ts";
import { images, type Apply } from "./scope.ts";

/** Beside a square, so that the magnitude of 0 has a gradient. */
const LEAST_SQUARE = 1e-20;

/** Throws ShapeError for an image of another number of channels. */
function channels(name: string, x: Value, wanted: number): void {
  const found = images(name, x)[1];
  if (found !== wanted)
    throw new ShapeError(
      `layer ${name}: its input is ${formatShape(x.shape)}, it takes images of ${wanted} channel${wanted > 1 ? "s" : ""}`,
      { name, shape: x.shape },
    );
}

const parts: Readonly<
  Record<ImageParts["kind"], (b: GraphBuilder, name: string, x: Value) => Value>
> = {
  magnitude(b, name, x) {
    channels(name, x, 2);
    const { add, reshape, sqrt, square, sum } = arithmetic(b);
    const [N, , H, W] = x.shape;
    return reshape(sqrt(add(sum(square(x), [1]), LEAST_SQUARE)), [N, 1, H, W]);
  },
  realPart(b, name, x) {
    channels(name, x, 2);
    return arithmetic(b).slice(x, 1, 0, 1);
  },
  complexImage(b, name, x) {
    channels(name, x, 1);
    return b.emit("pad", { x }, { before: [0, 0, 0, 0], after: [0, 1, 0, 0] });
  },
  transposeImage(b, name, x) {
    images(name, x);
    return b.emit("transpose", { x }, { permutation: [0, 1, 3, 2] });
  },
  zeroMean(b, _name, x) {
    const { mean, reshape, sub } = arithmetic(b);
    const own = x.shape.map((_, i) => i).slice(1);
    return sub(x, reshape(mean(x, own), [x.shape[0], ...own.map(() => 1)]));
  },
};
export const imagePart: Apply<ImageParts> = ({ b }, name, x, { kind }) => parts[kind](b, name, x);

export const affine: Apply<Affine> = ({ b }, _name, x, { scale = 1, shift = 0 }) => {
  const { add, mul } = arithmetic(b);
  const scaled = scale === 1 ? x : mul(x, scale);
  return shift === 0 ? scaled : add(scaled, shift);
};

export const gather: Apply<Gather> = ({ b }, name, x, { indices }) => {
  const [, features] = x.shape;
  const outside = indices.find((i) => i >= features);
  if (x.shape.length !== 2 || indices.length === 0 || outside !== undefined)
    throw new ShapeError(
      `layer ${name}: its input is ${formatShape(x.shape)}, it takes [N×features] and places below their number; ${outside ?? "none"} is given`,
      { name, shape: x.shape },
    );
  return b.emit("take", { x }, { axis: 1, indices });
};

export const pad2d: Apply<Pad2d> = ({ b }, name, x, { before, after, mode = "zeros" }) => {
  images(name, x);
  if (mode === "zeros")
    return b.emit("pad", { x }, { before: [0, 0, ...before], after: [0, 0, ...after] });
  const tall = padAxis(b, x, 2, before[0], after[0], mode, name);
  return padAxis(b, tall, 3, before[1], after[1], mode, name);
};

export const crop2d: Apply<Crop2d> = ({ b }, name, x, { before, after }) => {
  const [, , H, W] = images(name, x);
  const [bottom, right] = [H - after[0], W - after[1]];
  if (bottom <= before[0] || right <= before[1])
    throw new ShapeError(`layer ${name}: nothing is left of its input ${formatShape(x.shape)}`, {
      name,
      shape: x.shape,
    });
  const { slice } = arithmetic(b);
  return slice(slice(x, 2, before[0], bottom), 3, before[1], right);
};
