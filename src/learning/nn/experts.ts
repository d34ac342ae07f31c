// Learned penalties: their filters, and the functions that are the penalties' derivatives.
import { arithmetic, ConfigError, type Value } from "../../engine/index.ts";
import { crop2d, pad2d } from "./image-parts.ts";
import type { FieldOfExperts, RadialBasis, SoftThreshold } from "./reconstruction-layers.ts";
import { images, type Apply, type Scope } from "./scope.ts";

/** Of optox's act_rbf: about 1/√2π, so that w = slope·μ makes φ(x) ≈ slope·x. */
const GAUSSIAN = 0.4;
const KNOTS = 31;
const SLOPE = 0.04;
/** Beside a norm's square, so that its root has a gradient. */
const LEAST_SQUARE = 1e-20;

export const radialBasis: Apply<RadialBasis> = (
  { b, parameter },
  name,
  x,
  { knots = KNOTS, slope = SLOPE },
) => {
  const [, C] = images(name, x);
  const { add, mul, reshape, slice, square, sub } = arithmetic(b);
  const distance = 2 / (knots - 1);
  const centres = Array.from({ length: knots }, (_, j) => -1 + j * distance);
  const weights = parameter(
    `${name}.weight`,
    [C, knots],
    knots,
    centres.map((mu) => slope * mu),
  );
  const terms = centres.map((mu, j) => {
    const exponent = mul(square(sub(x, mu)), -1 / (2 * distance ** 2));
    return mul(b.emit("exp", { x: exponent }, {}), reshape(slice(weights, 1, j, j + 1), [C, 1, 1]));
  });
  return mul(terms.reduce(add), GAUSSIAN);
};

/** Filters [filters, channels, k, k] of mean 0 on every channel, and of norm at most 1. */
function constrained({ b }: Scope, w: Value): Value {
  const { add, div, mean, reshape, sqrt, square, sub, sum } = arithmetic(b);
  const [F, C] = w.shape;
  const centred = sub(w, reshape(mean(w, [2, 3]), [F, C, 1, 1]));
  const length = sqrt(add(sum(square(centred), [1, 2, 3]), LEAST_SQUARE));
  const over = b.emit("maximum", { a: length, b: b.scalar(1) }, {});
  return div(centred, reshape(over, [F, 1, 1, 1]));
}

export const fieldOfExperts: Apply<FieldOfExperts> = (scope, name, x, options) => {
  const { filters, kernelSize: k, ...basis } = options;
  const [, C] = images(name, x);
  if (k % 2 === 0)
    throw new ConfigError(`layer ${name}: kernelSize ${k} must be odd, a kernel has a middle`, {
      name,
    });
  const { b } = scope;
  const w = constrained(scope, scope.parameter(`${name}.weight`, [filters, C, k, k], C * k * k));
  const around = [k, k] as const;
  const wide = pad2d(scope, name, x, {
    kind: "pad2d",
    before: around,
    after: around,
    mode: "symmetric",
  });
  const half = (k - 1) / 2;
  const attributes = {
    stride: [1, 1],
    padding: [half, half],
    dilation: [1, 1],
    groups: 1,
  } as const;
  const seen = b.emit("conv2d", { x: wide, w }, attributes);
  const answers = scope.apply(`${name}.activation`, seen, { ...basis, kind: "radialBasis" });
  const back = b.emit(
    "conv_transpose2d",
    { x: answers, w },
    { ...attributes, outputPadding: [0, 0] },
  );
  const cropped = crop2d(scope, name, back, { kind: "crop2d", before: around, after: around });
  return arithmetic(b).mul(cropped, -1 / filters);
};

export const softThreshold: Apply<SoftThreshold> = (
  { b, parameter },
  name,
  x,
  { initial = 0.01 },
) => {
  const { mul, relu, sub } = arithmetic(b);
  const threshold = parameter(`${name}.threshold`, [1], 1, initial);
  return mul(b.emit("sign", { x }, {}), relu(sub(b.emit("abs", { x }, {}), threshold)));
};
