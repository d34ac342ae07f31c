// Blocks that change their image for the layers within, and back: its scale, its size; and one that
// does the same several times.
import { arithmetic, formatShape, present, ShapeError, type Value } from "../../engine/index.ts";
import { stack } from "./blocks.ts";
import { crop2d, imagePart, pad2d } from "./image-parts.ts";
import type { Padded, Repeated, Standardized } from "./reconstruction-layers.ts";
import { images, type Apply, type Scope } from "./scope.ts";

/** v, or 1 where it is 0: what a constant image is divided by. */
function orOne({ b }: Scope, v: Value): Value {
  const { add, sub } = arithmetic(b);
  return add(v, sub(1, b.emit("greater", { a: v, b: b.scalar(0) }, {})));
}
/** Throws ShapeError where layers that must keep the shape of their image do not. */
function kept(name: string, x: Value, y: Value): Value {
  if (y.shape.join() === x.shape.join()) return y;
  throw new ShapeError(
    `layer ${name}: its body makes ${formatShape(y.shape)} of ${formatShape(x.shape)}; make it give back what it takes`,
    { name },
  );
}

export const standardized: Apply<Standardized> = (scope, name, x, { body }) => {
  const [N, C, H, W] = images(name, x);
  const { add, div, mean, mul, reshape, sqrt, square, sub, sum } = arithmetic(scope.b);
  const shape = [N, C, 1, 1];
  const middle = reshape(mean(x, [2, 3]), shape);
  const centred = sub(x, middle);
  const variance = mul(reshape(sum(square(centred), [2, 3]), shape), 1 / Math.max(1, H * W - 1));
  const deviation = sqrt(orOne(scope, variance));
  const y = kept(name, x, stack(scope, name, body, div(centred, deviation)));
  return add(mul(y, deviation), middle);
};

/** The largest magnitude of every image, [N]; two channels are a complex one's. */
function peakOf(scope: Scope, name: string, x: Value): Value {
  const [N, C, H, W] = images(name, x);
  const { reshape } = arithmetic(scope.b);
  const complex = C === 2;
  const size = complex
    ? imagePart(scope, name, x, { kind: "magnitude" })
    : scope.b.emit("abs", { x }, {});
  const rows = complex ? H : C * H;
  const whole = { kernel: [rows, W], stride: [rows, W], padding: [0, 0] } as const;
  const flat = reshape(size, [N, 1, rows, W]);
  return reshape(orOne(scope, scope.b.emit("max_pool2d", { x: flat }, whole)), [N]);
}

export const peakScaled: Apply<Standardized> = (scope, name, x, { body }) => {
  const { div, mul, reshape } = arithmetic(scope.b);
  const peak = peakOf(scope, name, x);
  const like = (v: Value): Value => reshape(peak, [v.shape[0], ...v.shape.slice(1).map(() => 1)]);
  const { onLayer, physics } = scope;
  const within: Scope = {
    ...scope,
    ...present({
      physics: physics && { ...physics, y: div(physics.y, like(physics.y)) },
      // reconstructions are told of as the image is, all others as they are
      onLayer:
        onLayer &&
        ((path: string, kind: string, y: Value): void =>
          onLayer(path, kind, kind === "dataConsistency" ? mul(y, like(y)) : y)),
    }),
    apply: (path, v, layer, inner = within) => scope.apply(path, v, layer, inner),
  };
  const y = stack(within, name, body, div(x, like(x)));
  return mul(y, like(y));
};

export const padded: Apply<Padded> = (scope, name, x, { multiple, body }) => {
  const missing = images(name, x)
    .slice(2)
    .map((n) => Math.ceil(n / multiple) * multiple - n);
  const pair = (round: (n: number) => number): [number, number] => [
    round(missing[0] / 2),
    round(missing[1] / 2),
  ];
  const [before, after] = [pair(Math.floor), pair(Math.ceil)];
  const wide = pad2d(scope, name, x, { kind: "pad2d", before, after });
  return crop2d(scope, name, stack(scope, name, body, wide), { kind: "crop2d", before, after });
};

export const repeated: Apply<Repeated> = (scope, name, x, { times, body }) => {
  let y = x;
  for (let k = 0; k < times; k++) y = kept(name, x, stack(scope, name, body, y));
  return y;
};
