// Normalisations: y = (x − mean)/√(variance + ε) over some axes, then scaled and shifted.
import {
  arithmetic,
  formatShape,
  ShapeError,
  sizeOf,
  type Shape,
  type Value,
} from "../../engine/index.ts";
import type { BatchNorm, GroupNorm, InstanceNorm2d, LayerNorm } from "./layers.ts";
import { images, type Apply, type Scope } from "./scope.ts";

function scaled(
  { b, parameter }: Scope,
  name: string,
  x: Value,
  shape: Shape,
  affine: boolean,
): Value {
  if (!affine) return x;
  const { add, mul } = arithmetic(b);
  return add(
    mul(x, parameter(`${name}.weight`, shape, 1, 1)),
    parameter(`${name}.bias`, shape, 1, 0),
  );
}

export const instanceNorm2d: Apply<InstanceNorm2d> = (
  scope,
  name,
  x,
  { epsilon = 1e-5, affine = false },
) => {
  const [, C] = images(name, x);
  return scaled(
    scope,
    name,
    scope.b.emit("normalize", { x }, { axes: [2, 3], epsilon }),
    [C, 1, 1],
    affine,
  );
};

const ranks = { batchNorm1d: [2, 3], batchNorm2d: [4], batchNorm3d: [5] } as const;
/** Throws ShapeError for an input of another number of axes than the layer takes. */
function checkRank(name: string, x: Value, kind: BatchNorm["kind"]): void {
  if (kind === "batchNorm2d") images(name, x);
  else if (!(ranks[kind] as readonly number[]).includes(x.shape.length))
    throw new ShapeError(
      `layer ${name}: its input is ${formatShape(x.shape)}, ${kind} takes ${ranks[kind].join(" or ")} axes, [N×C×…]`,
      { name, shape: x.shape },
    );
}

export const batchNorm: Apply<BatchNorm> = (
  scope,
  name,
  x,
  { kind, epsilon = 1e-5, momentum = 0.1, affine = true },
) => {
  checkRank(name, x, kind);
  const { b, training, statistics, buffer } = scope;
  const { add, div, mean, mul, reshape, sqrt, square, sub } = arithmetic(b);
  const [, C, ...cells] = x.shape;
  const shape = [C, ...cells.map(() => 1)];
  const axes = x.shape.map((_, axis) => axis).filter((axis) => axis !== 1);
  const [runningMean, runningVariance] = [
    buffer(`${name}.runningMean`, shape, 0),
    buffer(`${name}.runningVariance`, shape, 1),
  ];
  if (statistics === "running")
    return scaled(
      scope,
      name,
      div(sub(x, runningMean), sqrt(add(runningVariance, epsilon))),
      shape,
      affine,
    );
  const count = sizeOf(x.shape) / C;
  if (count < 2)
    throw new ShapeError(
      `layer ${name}: one value per channel has no variance; make the batch or the image larger than ${formatShape(x.shape)}`,
      { name, shape: x.shape },
    );
  const y = scaled(scope, name, b.emit("normalize", { x }, { axes, epsilon }), shape, affine);
  if (!training) return y;
  const batchMean = reshape(mean(x, axes), shape);
  const batchVariance = reshape(mean(square(sub(x, batchMean)), axes), shape);
  // from its next value on: a layer that is applied several times moves it several times
  const move = (running: Value, now: Value, share: number): void =>
    b.update(running, add(mul(b.next(running), 1 - momentum), mul(now, share)));
  move(runningMean, batchMean, momentum);
  // the running variance is the unbiased one, as in PyTorch
  move(runningVariance, batchVariance, (momentum * count) / (count - 1));
  return y;
};

export const groupNorm: Apply<GroupNorm> = (
  scope,
  name,
  x,
  { groups, epsilon = 1e-5, affine = true },
) => {
  const [N, C, H, W] = images(name, x);
  if (C % groups !== 0)
    throw new ShapeError(
      `layer ${name}: ${C} channels of its input ${formatShape(x.shape)} do not divide into ${groups} groups`,
      { name, shape: x.shape },
    );
  const { reshape } = arithmetic(scope.b);
  const y = scope.b.emit(
    "normalize",
    { x: reshape(x, [N, groups, C / groups, H, W]) },
    { axes: [2, 3, 4], epsilon },
  );
  return scaled(scope, name, reshape(y, x.shape), [C, 1, 1], affine);
};

export const layerNorm: Apply<LayerNorm> = (scope, name, x, { epsilon = 1e-5, affine = true }) => {
  const own = x.shape.slice(1);
  return scaled(
    scope,
    name,
    scope.b.emit("normalize", { x }, { axes: own.map((_, i) => i + 1), epsilon }),
    own,
    affine,
  );
};
