// The variational network (MRI-VN): gradient steps on a learned penalty and on the measurement.
import { nn, type Network } from "../../learning/index.ts";

export interface VariationalNetworkOptions {
  readonly size: readonly [number, number];
  readonly stages?: number;
  readonly filters?: number;
  /** Odd. */
  readonly kernelSize?: number;
  readonly knots?: number;
}

/**
 * From y and u = A*y, both over max|A*y|: u ← u − (1/filters)·Σ_k Kᵀ_k φ_k(K_k u) − λ·A*(Au − y),
 * `stages` times, each with its own filters, functions and λ ≥ 0. The published network has 10
 * stages of 24 complex filters of 11×11 and 31 Gaussians. Filters are of mean 0 and norm at most 1
 * by construction, where the published training projects them. Source: Hammernik et al. 2018, and
 * the code of its authors.
 */
export function variationalNetworkArchitecture(
  options: VariationalNetworkOptions,
): nn.Architecture {
  const { size, stages = 10, filters = 24, kernelSize = 11, knots = 31 } = options;
  const stage = nn.graph({
    nodes: [
      {
        name: "data",
        from: ["x"],
        layers: [nn.dataConsistency({ step: 1, learned: true, nonNegative: true })],
      },
      { name: "penalty", from: ["x"], layers: [nn.fieldOfExperts({ filters, kernelSize, knots })] },
      { name: "sum", from: ["data", "penalty"], join: "add" },
    ],
  });
  return {
    input: [2, ...size],
    layers: [nn.peakScaled(Array.from({ length: stages }, () => stage))],
  };
}

/** With fresh weights: kernels normal over their size, λ = 1, φ(x) ≈ 0.04·x. */
export function variationalNetwork(
  options: VariationalNetworkOptions & { readonly seed: number },
): Network {
  const { kernelSize = 11, seed } = options;
  const network = nn.sequential({
    ...variationalNetworkArchitecture(options),
    seed,
    initializer: nn.normal({ deviation: 1 / kernelSize }),
  });
  return { ...network, name: "MRI-VN" };
}
