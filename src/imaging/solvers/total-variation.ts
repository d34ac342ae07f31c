// Total variation by ADMM, unrolled in the graph: a classical method that is attacked with exact
// gradients like any network.
import { arithmetic, ConfigError, PI, sinCos, type GraphBuilder, type Value } from "../../engine/index.ts";
import type { subsampledFourier } from "../operators/subsampled-fourier.ts";
import { atUnitScale, type Reconstructor } from "../reconstructor.ts";
import { tunedWeight } from "./tuned.ts";

/**
 * x̂ = argmin ½‖Ax − y‖² + λ‖∇x‖₂,₁ at unit image scale: isotropic total variation over the complex
 * image, periodic differences, `iterations` of ADMM with penalty ρ, each solving its quadratic step
 * exactly in k-space. Without λ, the one tuned for noise of deviation `sigma` in y. Throws ConfigError for a λ, ρ or count that is not positive. Source: Rudin,
 * Osher, Fatemi 1992; Goldstein & Osher 2009.
 */
export function totalVariation(options: {
  operator: ReturnType<typeof subsampledFourier>;
  lambda?: number;
  sigma?: number;
  iterations?: number;
  rho?: number;
}): Reconstructor {
  const { operator, sigma, iterations = 60 } = options;
  const tuned = options.lambda === undefined ? tunedWeight("totalVariation", operator, sigma) : undefined;
  const lambda = options.lambda ?? tuned!.lambda;
  const { rho = 5 * lambda } = options;
  if (!(lambda > 0) || !(rho > 0) || !(iterations >= 1))
    throw new ConfigError(
      `totalVariation: lambda ${lambda}, rho ${rho} and iterations ${iterations} must be positive`,
      { lambda, rho, iterations },
    );
  const [, H, W] = operator.domain;
  // (M + ρ·symbol of ∇*∇)⁻¹ in centred k-space: 4 sin²(πk/n) along each axis
  const symbol = (n: number): Float64Array =>
    Float64Array.from({ length: n }, (_, i) => 4 * sinCos((PI * (i - Math.floor(n / 2))) / n)[0] ** 2);
  const [vertical, horizontal] = [symbol(H), symbol(W)];
  const inverse = Float32Array.from(
    { length: H * W },
    (_, i) => 1 / Math.max(1e-9, operator.mask.data[i] + rho * (vertical[Math.floor(i / W)] + horizontal[i % W])),
  );
  const solve = (b: GraphBuilder, y: Value, initial: Value): Value => {
    const { add, div, mul, relu, reshape, roll, sqrt, square, sub, sum } = arithmetic(b);
    const difference = (x: Value, axis: number): Value => sub(roll(x, axis, -1), x);
    const adjointDifference = (gx: Value, gy: Value): Value => add(sub(roll(gx, 2, 1), gx), sub(roll(gy, 3, 1), gy));
    const weights = b.constant(inverse, [H, W]);
    const data = b.emit("fft2", { x: operator.adjoint(b, y) }, { inverse: false });
    const [N] = y.shape;
    let x = initial;
    let z: Value[] | undefined;
    let u: Value[] | undefined;
    for (let k = 0; k < iterations; k++) {
      if (z && u) {
        const right = b.emit(
          "fft2",
          { x: mul(adjointDifference(sub(z[0], u[0]), sub(z[1], u[1])), rho) },
          { inverse: false },
        );
        x = b.emit("fft2", { x: mul(add(data, right), weights) }, { inverse: true });
      }
      const before = u;
      const g = [2, 3].map((axis, i) => (before ? add(difference(x, axis), before[i]) : difference(x, axis)));
      const length = sqrt(add(add(sum(square(g[0]), [1]), sum(square(g[1]), [1])), 1e-12));
      const shrink = reshape(relu(sub(1, div(b.scalar(lambda / rho), length))), [N, 1, H, W]);
      z = g.map((v) => mul(v, shrink));
      u = g.map((v, i) => sub(v, z![i]));
    }
    return x;
  };
  return {
    name: "total variation",
    operator,
    on: (other) => totalVariation({ ...options, operator: other }),
    description: {
      kind: "totalVariation",
      ...(tuned && sigma !== undefined ? { tunedFor: sigma } : {}),
      lambda,
      iterations,
      rho,
    },
    apply: (b, y) => atUnitScale(operator, b, y, (scaled, initial) => solve(b, scaled, initial), tuned?.ratio),
  };
}
