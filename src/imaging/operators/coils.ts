// Receive coils: their sensitivity maps, given or generated.
import { ConfigError, formatShape, PI, ShapeError, sinCos } from "../../engine/index.ts";
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

export interface CoilKinds {
  /** `coils` loops around the image, at `radius` half fields of view from its middle. */
  birdcage: { readonly coils: number; readonly radius: number };
  /** Maps [coils,2,H,W], by the hash of their values. */
  maps: { readonly sha256: string };
}
export type CoilsSpec = {
  [K in keyof CoilKinds]: { readonly kind: K } & CoilKinds[K];
}[keyof CoilKinds];
/** S_c(x): complex, [coils,2,H,W]. */
export interface Coils {
  readonly shape: readonly [number, number, number, number];
  readonly data: Float64Array;
  readonly spec: CoilsSpec;
}

const kinds: Kinds = { birdcage: { coils: aNumber, radius: aNumber }, maps: { sha256: aHash } };
/** Throws FormatError for a value that is no CoilsSpec. */
export const someCoils: Check = (value, where) => checkSpec(value, where, kinds);

/**
 * Maps of coils on a circle, with the phase of Biot and Savart's law, Σ|S|² = 1 everywhere. Throws
 * ConfigError for less than one coil or a circle inside the image. Source: SigPy, mri/sim.py,
 * birdcage_maps, in one plane.
 */
export function birdcageCoils(options: {
  readonly shape: readonly [number, number];
  readonly coils: number;
  readonly radius?: number;
}): Coils {
  const {
    shape: [H, W],
    coils,
    radius = 1.5,
  } = options;
  if (!Number.isInteger(coils) || coils < 1 || !(radius > 1))
    throw new ConfigError(
      `birdcageCoils: ${coils} coils at a radius of ${radius}; give a whole number from 1 up, and a radius above 1`,
      { coils, radius },
    );
  const size = H * W;
  const data = new Float64Array(coils * 2 * size);
  for (let c = 0; c < coils; c++) {
    const [s, k] = sinCos((2 * PI * c) / coils);
    for (let i = 0; i < size; i++) {
      const across = ((i % W) - W / 2) / (W / 2) - radius * k;
      const down = (Math.floor(i / W) - H / 2) / (H / 2) - radius * s;
      const square = across * across + down * down;
      // exp(i·atan2(across, −down))/distance, turned back by the coil's own angle
      const [re, im] = [-down / square, across / square];
      data[2 * c * size + i] = re * k + im * s;
      data[(2 * c + 1) * size + i] = im * k - re * s;
    }
  }
  const root = sumOfSquares(data, size).map(Math.sqrt);
  const normalised = data.map((v, i) => v / root[i % size]);
  return { shape: [coils, 2, H, W], data: normalised, spec: { kind: "birdcage", coils, radius } };
}

/** Coils from an array of maps [coils,2,H,W]. Throws ShapeError for another shape. */
export function coilsFrom(values: ArrayLike<number>, shape: readonly number[]): Coils {
  const [coils, parts, H, W] = shape;
  if (shape.length !== 4 || parts !== 2 || coils < 1)
    throw new ShapeError(
      `coils: the maps are ${formatShape(shape)}; give [coils×2×height×width], real parts first`,
      { shape },
    );
  const data = Float64Array.from({ length: coils * 2 * H * W }, (_, k) => Math.fround(values[k]));
  return { shape: [coils, 2, H, W], data, spec: { kind: "maps", sha256: arrayHash(data) } };
}

/** Throws what birdcageCoils and coilsFrom throw, FormatError for an array that is not given. */
export function openCoils(
  spec: CoilsSpec,
  shape: readonly [number, number],
  arrays: Arrays,
): Coils {
  if (spec.kind === "birdcage") return birdcageCoils({ ...spec, shape });
  const maps = arrayOf(arrays, spec.sha256, "coils");
  return coilsFrom(maps.data, maps.shape);
}

/** Σ_c |S_c|² of every pixel. */
function sumOfSquares(data: Float64Array, size: number): Float64Array {
  const sum = new Float64Array(size);
  for (let i = 0; i < data.length; i++) sum[i % size] += data[i] * data[i];
  return sum;
}
/** The largest √Σ|S|²: no image is made larger than by this. */
export function largestSensitivity({ data, shape: [, , H, W] }: Coils): number {
  return Math.sqrt(sumOfSquares(data, H * W).reduce((a, b) => Math.max(a, b), 0));
}
