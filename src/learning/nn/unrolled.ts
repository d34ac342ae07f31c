// What unrolled networks are made of beside data consistency: a step with a learned penalty,
// learned factors.
import { arithmetic, ConfigError } from "../../engine/index.ts";
import type { Apply } from "./scope.ts";

/** Of reconstruction networks alone: needs the measurement (Scope.physics). */
export interface ProximalStep {
  readonly kind: "proximalStep";
  /** The penalty's weight, 1 unless given; 0 is hard data consistency. */
  readonly rho?: number;
  /** It is learned, from `rho` on. */
  readonly learned?: boolean;
}
export interface Scale {
  readonly kind: "scale";
  readonly factor?: number;
  /** One factor for all, learned, from `factor` on. */
  readonly learned?: boolean;
}

/**
 * The image x with the least ½‖Ax − y‖² + ρ/2·‖x − z‖², z being the input, where A*A is a
 * projection: z + A*(y − Az)/(1 + ρ); in k-space (y + ρ Fz)/(1 + ρ) where it was measured. Source:
 * Yang et al. 2016 (ADMM-Net's x), Schlemper et al. 2018 (noisy data consistency, ρ = 1/v).
 */
export const proximalStep = (options: Omit<ProximalStep, "kind"> = {}): ProximalStep => ({
  kind: "proximalStep",
  ...options,
});
/** y = factor·x, the factor 1 unless given. */
export const scale = (options: Omit<Scale, "kind"> = {}): Scale => ({ kind: "scale", ...options });

export const applyProximalStep: Apply<ProximalStep> = (
  { b, physics, parameter },
  name,
  z,
  layer,
) => {
  if (!physics)
    throw new ConfigError(
      `layer ${name}: it needs a measurement and its operator; apply the network by networkReconstructor`,
      { name },
    );
  const { rho = 1, learned = false } = layer;
  const { add, div, mul, sub } = arithmetic(b);
  const residual = physics.adjoint(sub(physics.y, physics.forward(z)));
  if (!learned) return add(z, mul(residual, 1 / (1 + rho)));
  return add(z, div(residual, add(parameter(`${name}.rho`, [], 1, rho), 1)));
};

export const applyScale: Apply<Scale> = (
  { b, parameter },
  name,
  x,
  { factor = 1, learned = false },
) => arithmetic(b).mul(x, learned ? parameter(`${name}.factor`, [], 1, factor) : factor);
