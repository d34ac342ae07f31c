// Least squares by conjugate gradients, unrolled in the graph: for several coils, iterative SENSE.
import { arithmetic, ConfigError, type GraphBuilder, type Value } from "../../engine/index.ts";
import type { Operator } from "../operators/operator.ts";
import { inner } from "./inner.ts";
import { atUnitScale, type Reconstructor } from "../reconstructor.ts";

/**
 * x̂ ≈ argmin ½‖Ax − y‖² + (μ/2)‖x‖² at unit image scale, by `iterations` of conjugate gradients
 * from 0; stopping early regularises, too. For one coil this is zero-filling over 1 + μ. Throws
 * ConfigError for a μ or count that is not positive. Source: Hestenes & Stiefel 1952; Pruessmann et
 * al. 2001.
 */
export function conjugateGradient(
  options: { mu?: number; iterations?: number } = {},
): Reconstructor {
  const { mu = 0.01, iterations = 10 } = options;
  if (!(mu > 0) || !(iterations >= 1))
    throw new ConfigError(
      `conjugateGradient: mu ${mu} and iterations ${iterations} must be positive`,
      { mu, iterations },
    );
  return {
    name: "conjugate gradient",
    classical: true,
    description: { kind: "conjugateGradient", mu, iterations },
    apply: (b, y, operator) =>
      atUnitScale(operator, b, y, (scaled) => solve(b, scaled, operator, mu, iterations)),
  };
}

function solve(
  b: GraphBuilder,
  y: Value,
  operator: Operator,
  mu: number,
  iterations: number,
): Value {
  const { add, div, mul, sub } = arithmetic(b);
  const normal = (x: Value): Value => add(operator.adjoint(b, operator.forward(b, x)), mul(x, mu));
  let residual = operator.adjoint(b, y);
  let x = mul(residual, 0);
  let direction = residual;
  let energy = inner(b, residual, residual);
  for (let k = 0; k < iterations; k++) {
    const image = normal(direction);
    const length = div(energy, inner(b, direction, image));
    x = add(x, mul(direction, length));
    residual = sub(residual, mul(image, length));
    const next = inner(b, residual, residual);
    direction = add(residual, mul(direction, div(next, energy)));
    energy = next;
  }
  return x;
}
