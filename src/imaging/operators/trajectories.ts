// Where off the grid k-space is sampled: every kind of trajectory as plain data.
import { ConfigError, FormatError, formatShape, PI, sinCos } from "../../engine/index.ts";
import type { Frequencies } from "./operator.ts";
import { checkSizes } from "./sizes.ts";
import {
  aHash,
  aNumber,
  arrayHash,
  arrayOf,
  checkSpec,
  type Arrays,
  type Check,
  type Kinds,
} from "./spec.ts";

export interface TrajectoryKinds {
  /** Lines through the centre, each 111.25° (the golden angle) on from the last. */
  radial: { readonly spokes: number; readonly samples: number };
  /** Archimedean arms from the centre, evenly turned, of `turns` turns each. */
  spiral: { readonly arms: number; readonly samples: number; readonly turns: number };
  /** An array [readouts,samples,2], down and across in cycles per field of view, by its hash. */
  file: { readonly sha256: string };
}
export type TrajectorySpec = {
  [K in keyof TrajectoryKinds]: { readonly kind: K } & TrajectoryKinds[K];
}[keyof TrajectoryKinds];

const kinds: Kinds = {
  radial: { spokes: aNumber, samples: aNumber },
  spiral: { arms: aNumber, samples: aNumber, turns: aNumber },
  file: { sha256: aHash },
};
/** Throws FormatError for a value that is no TrajectorySpec. */
export const aTrajectory: Check = (value, where) => checkSpec(value, where, kinds);

export interface Trajectory {
  readonly counts: readonly [readouts: number, samples: number];
  readonly frequencies: Frequencies;
}
type Size = readonly [height: number, width: number];

/** π(√5 − 1)/2. Source: Winkelmann, Schaeffter, Koehler, Eggers, Doessel, IEEE TMI 2007. */
export const GOLDEN_ANGLE: number = (PI * (Math.sqrt(5) - 1)) / 2;

/** `at` gives distance from the centre (in cycles per pixel) and angle of sample s of a readout. */
function polar(
  [H, W]: Size,
  counts: readonly [number, number],
  at: (readout: number, sample: number) => readonly [distance: number, angle: number],
): Trajectory {
  const [readouts, samples] = counts;
  const frequencies = new Float64Array(2 * readouts * samples);
  for (let k = 0; k < readouts * samples; k++) {
    const [distance, angle] = at(Math.floor(k / samples), k % samples);
    const [sin, cos] = sinCos(angle);
    frequencies.set([H * distance * sin, W * distance * cos], 2 * k);
  }
  return { counts, frequencies };
}

/** An array [readouts,samples,2] as a spec, and the array by its hash. */
export function trajectoryFrom(
  values: ArrayLike<number>,
  shape: readonly number[],
): { readonly spec: TrajectorySpec; readonly arrays: Arrays } {
  const sha256 = arrayHash(values);
  return {
    spec: { kind: "file", sha256 },
    arrays: new Map([[sha256, { shape, data: Float32Array.from(values) }]]),
  };
}

function fromFile(shape: Size, hash: string, arrays: Arrays): Trajectory {
  const { shape: given, data } = arrayOf(arrays, hash, "trajectory");
  const [readouts, samples, axes] = given;
  if (given.length !== 3 || axes !== 2)
    throw new FormatError(
      `trajectory: it is ${formatShape(given)}; give [readouts×samples×2], down and across`,
      { shape: given },
    );
  checkSizes("trajectory", shape, [readouts, samples]);
  const frequencies = Float64Array.from(data);
  const beyond = frequencies.findIndex((v, k) => !(Math.abs(v) <= shape[k % 2] / 2));
  if (beyond >= 0)
    throw new FormatError(
      `trajectory: sample ${Math.floor(beyond / 2)} is at ${frequencies[beyond]} cycles per field of view; ${shape.join("×")} pixels have those from ${-shape[beyond % 2] / 2} to ${shape[beyond % 2] / 2}`,
      { beyond },
    );
  return { counts: [readouts, samples], frequencies };
}

/**
 * The samples of a trajectory. Throws ConfigError for counts out of range, FormatError for an array
 * that is not given, has another shape, or leaves what the pixels hold.
 */
export function openTrajectory(
  spec: TrajectorySpec,
  shape: Size,
  arrays: Arrays = new Map(),
): Trajectory {
  if (spec.kind === "file") return fromFile(shape, spec.sha256, arrays);
  const { kind, ...counts } = spec;
  const bad = Object.entries(counts).find(
    ([name, v]) => !(v > 0 && v <= 1e6 && (name === "turns" || Number.isInteger(v))),
  );
  if (bad)
    throw new ConfigError(`trajectory: ${kind} with ${bad[1]} ${bad[0]}; give a number from 1 up`, {
      spec,
    });
  const { samples } = spec;
  checkSizes("trajectory", shape, [spec.kind === "radial" ? spec.spokes : spec.arms, samples]);
  if (spec.kind === "radial")
    return polar(shape, [spec.spokes, samples], (spoke, s) => [
      (s - Math.floor(samples / 2)) / samples,
      spoke * GOLDEN_ANGLE,
    ]);
  const { arms, turns } = spec;
  return polar(shape, [arms, samples], (arm, s) => [
    s / (2 * samples),
    2 * PI * ((turns * s) / samples + arm / arms),
  ]);
}
