// The direct inversion that an operator brings, as a method.
import type { Reconstructor } from "../reconstructor.ts";

/**
 * The operator's own first image where that is more than A*y: for line integrals, filtered
 * back-projection; for Fourier samples off the grid, gridding with density compensation. Linear.
 * Source: Kak & Slaney 1988.
 */
export function filteredBackProjection(): Reconstructor {
  return {
    name: "filtered back-projection",
    classical: true,
    description: { kind: "filteredBackProjection" },
    requires: ["initial"],
    apply: (b, y, operator) => operator.initial!(b, y),
  };
}
