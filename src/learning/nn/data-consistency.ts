// Layers that know the measurement: what was measured put back, least squares, k-space refined.
import { arithmetic, ConfigError, ShapeError, type Value } from "../../engine/index.ts";
import { stack } from "./blocks.ts";
import { cascadesOfCoils } from "./coil-cascades.ts";
import type {
  ConjugateGradient,
  DataConsistency,
  KSpaceCascades,
} from "./reconstruction-layers.ts";
import type { Apply, Physics, Scope } from "./scope.ts";

function physicsOf({ physics }: Scope, name: string): Physics {
  if (physics) return physics;
  throw new ConfigError(
    `layer ${name}: it needs a measurement and its operator; apply the network by networkReconstructor`,
    { name },
  );
}

export const dataConsistency: Apply<DataConsistency> = (scope, name, x, options) => {
  const { step = 1, learned = false, nonNegative = false } = options;
  const { adjoint, forward, y } = physicsOf(scope, name);
  const { add, mul, relu, sub } = arithmetic(scope.b);
  const residual = adjoint(sub(y, forward(x)));
  if (!learned) return add(x, step === 1 ? residual : mul(residual, step));
  const weight = scope.parameter(`${name}.step`, [], 1, step);
  return add(x, mul(residual, nonNegative ? relu(weight) : weight));
};

export const conjugateGradient: Apply<ConjugateGradient> = (scope, name, z, options) => {
  const { iterations = 10, tolerance = 1e-10, weight = 0.05 } = options;
  const { adjoint, forward, y } = physicsOf(scope, name);
  const { add, div, mul, reshape, sub, sum } = arithmetic(scope.b);
  const lambda = scope.parameter(`${name}.lambda`, [], 1, weight);
  const normal = (x: Value): Value => add(adjoint(forward(x)), mul(x, lambda));
  /** One number per image. */
  const inner = (p: Value, q: Value): Value => {
    const axes = p.shape.map((_, i) => i).slice(1);
    return reshape(sum(mul(p, q), axes), [p.shape[0], ...axes.map(() => 1)]);
  };
  let residual = add(adjoint(y), mul(z, lambda));
  let direction = residual;
  let x = mul(residual, 0);
  let energy = inner(residual, residual);
  for (let k = 0; k < iterations; k++) {
    // an image that is done stays as it is, and divides by 1
    const going = scope.b.emit("greater", { a: energy, b: scope.b.scalar(tolerance) }, {});
    const done = sub(1, going);
    const image = normal(direction);
    const length = div(mul(energy, going), add(mul(inner(direction, image), going), done));
    x = add(x, mul(direction, length));
    residual = sub(residual, mul(image, length));
    const next = inner(residual, residual);
    direction = add(residual, mul(direction, div(next, add(mul(energy, going), done))));
    energy = next;
  }
  return x;
};

// With k = y − M·E·p − (1 − M)·E·q, p and q images, one cascade makes p ← (1 − η)p + body(E*k) and
// q ← q + body(E*k), for M·k = y − A·p; and E*k = A*y − q + A*A(q − p), where E*E = 1.
export const kSpaceCascades: Apply<KSpaceCascades> = (scope, name, x, options) => {
  const { cascades, step = 1, sensitivities } = options;
  const { adjoint, forward, y } = physicsOf(scope, name);
  if (sensitivities) return cascadesOfCoils(scope, name, y, options);
  const { add, mul, sub } = arithmetic(scope.b);
  const given = adjoint(y);
  let image = given;
  let [measured, others] = [mul(x, 0), mul(x, 0)];
  for (const [k, layers] of cascades.entries()) {
    const refined = stack(scope, `${name}.${k}`, layers, image);
    if (refined.shape.join() !== image.shape.join())
      throw new ShapeError(
        `layer ${name}: cascade ${k} changes its image's shape; make its last layer's channels 2`,
        { name },
      );
    const weight = scope.parameter(`${name}.${k}.step`, [], 1, step);
    measured = add(sub(measured, mul(measured, weight)), refined);
    others = add(others, refined);
    image = add(sub(given, others), adjoint(forward(sub(others, measured))));
  }
  return image;
};
