// The Radon transform by a fan of rays onto a flat detector.
import { ConfigError, PI, sinCos } from "../../engine/index.ts";
import type { OperatorDefinition } from "./catalogue.ts";
import { filteredBackProjectionOf } from "./filtered-back-projection.ts";
import { lineOperator, type Lines } from "./lines.ts";
import type { Operator } from "./operator.ts";
import { checkBeam } from "./parallel-beam.ts";
import { aNumber, aShape } from "./spec.ts";

export type FanBeam = {
  /** [height, width] */
  readonly shape: readonly [number, number];
  /** Over a whole turn. */
  readonly views: number;
  readonly detectors: number;
  /** From the source to the middle of the image, in pixels. */
  readonly source: number;
  /** From the middle of the image to the detector; 0 where its pitch is said at the middle. */
  readonly detector: number;
};
type Geometry = FanBeam & {
  /** sin β and cos β of every view. */
  readonly turned: readonly (readonly [number, number])[];
  readonly middle: number;
  /** The detectors' pitch, seen from the source at the middle of the image. */
  readonly pitch: number;
};

function linesOf({ views, detectors, source, turned, middle, pitch }: Geometry): Lines {
  const lines = new Float64Array(3 * views * detectors);
  for (let k = 0; k < views * detectors; k++) {
    const [sin, cos] = turned[Math.floor(k / detectors)];
    const s = ((k % detectors) - middle) * pitch;
    const length = Math.sqrt(source * source + s * s);
    lines.set(
      [(source * cos + s * sin) / length, (source * sin - s * cos) / length, (s * source) / length],
      3 * k,
    );
  }
  return lines;
}

/** Weighted filtered back-projection. Source: Kak & Slaney 1988, section 3.4.2. */
function firstImage(geometry: Geometry): NonNullable<Operator["initial"]> {
  const { shape, views, detectors, source, turned, middle, pitch } = geometry;
  return filteredBackProjectionOf({
    shape,
    counts: [views, detectors],
    weight: (d) => source / Math.sqrt(source ** 2 + ((d - middle) * pitch) ** 2),
    seen: (view, X, Y) => {
      const [sin, cos] = turned[view];
      const away = (source + Y * cos - X * sin) / source;
      const s = (X * cos + Y * sin) / away;
      return { at: s / pitch + middle, weight: PI / (2 * views * pitch * away ** 2) };
    },
  });
}

/**
 * y[view, d] = the integral of a complex image [2,H,W] along the ray from the source to detector d,
 * by Joseph's method: [2,views,detectors], in pixels. At view β = 2π·view/views the source stands
 * at (X, Y) = source·(sin β, −cos β), and the detectors, of pitch 1, lie along (cos β, sin β). Its
 * first image is the filtered back-projection. Throws ConfigError for counts out of range, and for
 * a source inside the image.
 */
export function fanBeam(options: FanBeam): Operator {
  const { shape, views, detectors, source, detector } = options;
  checkBeam("fanBeam", options);
  const radius = Math.sqrt(shape[0] ** 2 + shape[1] ** 2) / 2;
  if (!(source > radius && source <= 1e9) || !(detector >= 0 && detector <= 1e9))
    throw new ConfigError(
      `fanBeam: the source is at ${source}, the detector at ${detector} from the middle; the source must be outside the image (above ${radius.toFixed(1)}), the detector from 0 on`,
      { source, detector },
    );
  const geometry: Geometry = {
    ...options,
    turned: Array.from({ length: views }, (_, view) => sinCos((2 * PI * view) / views)),
    middle: (detectors - 1) / 2,
    pitch: source / (source + detector),
  };
  const facts = {
    kind: "fanBeam",
    height: shape[0],
    width: shape[1],
    views,
    detectors,
    source,
    detector,
  } as const;
  return {
    ...lineOperator({
      name: "fanBeam",
      shape,
      counts: [views, detectors],
      lines: linesOf(geometry),
    }),
    spec: { kind: "fanBeam", ...options },
    description: facts,
    initial: firstImage(geometry),
  };
}

export const fanBeamDefinition: OperatorDefinition<"fanBeam"> = {
  fields: { shape: aShape, views: aNumber, detectors: aNumber, source: aNumber, detector: aNumber },
  open: fanBeam,
  samples: [
    { shape: [9, 12], views: 8, detectors: 17, source: 30, detector: 0 },
    { shape: [8, 7], views: 5, detectors: 24, source: 12, detector: 12 },
  ],
};
