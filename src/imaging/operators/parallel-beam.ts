// The Radon transform by a parallel beam.
import { ConfigError, PI, sinCos } from "../../engine/index.ts";
import type { OperatorDefinition } from "./catalogue.ts";
import { filteredBackProjectionOf } from "./filtered-back-projection.ts";
import { lineOperator } from "./lines.ts";
import type { Operator } from "./operator.ts";
import { checkSizes } from "./sizes.ts";
import { aNumber, aShape } from "./spec.ts";

export type ParallelBeam = {
  /** [height, width] */
  readonly shape: readonly [number, number];
  readonly views: number;
  readonly detectors: number;
  /** Degrees that the views are spread over, the last of them one step before its end: 180. */
  readonly arc: number;
};

/** Throws ConfigError, naming the operator, for counts that no scanner has. */
export function checkBeam(
  name: string,
  { shape, views, detectors }: Pick<ParallelBeam, "shape" | "views" | "detectors">,
): void {
  const some = (count: number, least: number): boolean =>
    Number.isInteger(count) && count >= least && count <= 1_000_000;
  if (!some(views, 1) || !some(detectors, 2))
    throw new ConfigError(
      `${name}: ${views} views and ${detectors} detectors; give whole numbers, from 1 and from 2 up`,
      { views, detectors },
    );
  checkSizes(name, shape, [views, detectors]);
}

/**
 * y[view, d] = the integral of a complex image [2,H,W] along X·cos θ + Y·sin θ = d − (detectors −
 * 1)/2, θ = arc·view/views, by Joseph's method: [2,views,detectors], in pixels. X and Y count from
 * the image's middle, (N − 1)/2. Its first image is the filtered back-projection. Throws
 * ConfigError for counts or an arc out of range. Source: Joseph 1982; Kak & Slaney 1988.
 */
export function parallelBeam(options: ParallelBeam): Operator {
  const { shape, views, detectors, arc } = options;
  checkBeam("parallelBeam", options);
  if (!(arc > 0 && arc <= 180))
    throw new ConfigError(`parallelBeam: an arc of ${arc} degrees; give one above 0, up to 180`, {
      arc,
    });
  const middle = (detectors - 1) / 2;
  const radians = (arc / 180) * PI;
  const turned = Array.from({ length: views }, (_, view) => sinCos((radians * view) / views));
  const lines = new Float64Array(3 * views * detectors);
  for (let k = 0; k < views * detectors; k++) {
    const [sin, cos] = turned[Math.floor(k / detectors)];
    lines.set([cos, sin, (k % detectors) - middle], 3 * k);
  }
  const counts = [views, detectors] as const;
  return {
    ...lineOperator({ name: "parallelBeam", shape, counts, lines }),
    spec: { kind: "parallelBeam", ...options },
    description: { kind: "parallelBeam", height: shape[0], width: shape[1], views, detectors, arc },
    initial: filteredBackProjectionOf({
      shape,
      counts,
      weight: () => 1,
      seen: (view, X, Y) => {
        const [sin, cos] = turned[view];
        return { at: X * cos + Y * sin + middle, weight: radians / (2 * views) };
      },
    }),
  };
}

export const parallelBeamDefinition: OperatorDefinition<"parallelBeam"> = {
  fields: { shape: aShape, views: aNumber, detectors: aNumber, arc: aNumber },
  open: parallelBeam,
  samples: [
    { shape: [12, 9], views: 7, detectors: 16, arc: 180 },
    { shape: [7, 8], views: 4, detectors: 9, arc: 180 },
    { shape: [8, 8], views: 6, detectors: 13, arc: 120 },
  ],
};
