// Measured k-space for fiducial reconstruct: what is taken of a file, which cells are measured, and
// how its coils become one image.
import { ConfigError, present, ShapeError } from "../engine/index.ts";
import type { MeasuredKspace } from "../data/index.ts";
import {
  magnitude,
  maskFromKspace,
  shifted,
  type Arrays,
  type Operator,
} from "../imaging/index.ts";
import {
  chooseMask,
  describeSampling,
  samplingFrom,
  type imageOptions,
  type Noted,
  type samplingOptions,
} from "./inputs.ts";
import type { Model } from "./models.ts";
import { chooseCartesian, usesMask } from "./operator-inputs.ts";
import type { Values } from "./options.ts";
import { openKspace } from "./volumes.ts";

export interface Scan {
  readonly label: string;
  /** What is reconstructed: one measurement, or one for every coil. */
  readonly y: readonly Float64Array[];
  readonly truth?: Float64Array;
}
export interface Scans {
  readonly operator: Operator;
  /** What its spec names. */
  readonly arrays: Arrays;
  readonly sampling: Noted;
  readonly scans: readonly Scan[];
  /** Rows and columns that a reconstruction is cut to, about its middle. */
  readonly image: readonly [number, number];
}

type Options = Values<typeof samplingOptions> &
  Omit<Values<typeof imageOptions>, "slices"> & {
    readonly slices: readonly number[] | "all" | undefined;
    readonly seed: number;
  };
/** Every coil by itself. */
const EACH = { operator: "single-coil", coils: undefined } as const;
/** Files with more slices give their middle one, unless others are asked for. */
const MOST_SLICES = 8;

function chosenSlices({ slices }: MeasuredKspace, wanted: Options["slices"]): readonly number[] {
  if (wanted && wanted !== "all") return wanted;
  return slices > MOST_SLICES && wanted !== "all"
    ? [Math.floor(slices / 2)]
    : Array.from({ length: slices }, (_, i) => i);
}

/** What the file is, and what is made of it. */
function describe(
  path: string,
  given: MeasuredKspace,
  chosen: readonly number[],
  jointly: boolean,
): string {
  const { format, slices, coils, height, width, image } = given;
  const taken =
    slices > 1 && chosen.length < slices ? ` (slice ${chosen.join(", ")} is taken, --slices)` : "";
  const how = jointly
    ? "reconstructed together, with their maps"
    : "each reconstructed by itself, together the root of their sum of squares";
  const cut = image[0] < height || image[1] < width ? `; images are cut to ${image.join("×")}` : "";
  return [
    `${path}: ${format}, k-space of ${slices} ${slices > 1 ? "slices" : "slice"}${taken}, ${height}×${width}`,
    coils > 1 ? `, ${coils} coils, ${how}` : "",
    cut,
  ].join("");
}

/**
 * Measured k-space, orthonormal, its lowest frequency at ⌊N/2⌋ (or moved there from the corner);
 * what is 0, or far below the rest, counts as not measured unless a mask is given. The network's
 * size is asked for where `fixed` says so.
 */
export async function fromKspace(
  values: Options,
  path: string,
  model: Model,
  fixed: boolean,
): Promise<Scans> {
  if (!usesMask(values))
    throw new ConfigError(
      `--kspace is a Cartesian one; leave out --operator ${values.operator}`,
      {},
    );
  const several = values.operator === "multi-coil";
  const jointly = several && values.coils !== "rss";
  const given = await openKspace(path, {
    as: several ? "coils" : "slices",
    ...present({ variable: values.variable }),
  });
  const { height, width, coils } = given;
  const shape = [height, width] as const;
  const [H, W] = model.shape;
  if (fixed && (height !== H || width !== W))
    throw new ShapeError(
      `${path}: its k-space is ${height}×${width}, the network takes ${H}×${W}; crop or zero-pad it about its centre, or take another --method`,
      { height, width },
    );
  const chosen = chosenSlices(given, values.slices);
  const how = { ...samplingFrom(values), name: `${path} as k-space` };
  const planes = chosen.map((slice) =>
    Array.from({ length: coils }, (_, coil) => given.kspace(slice, coil)),
  );
  const { facts, ...own } = maskFromKspace(planes.flat(), shape, how);
  const { mask: file, sampling, acceleration, centerFraction } = values;
  const masked = [file, sampling, acceleration, centerFraction].some(
    (value) => value !== undefined,
  );
  const { mask, notes } = masked
    ? await chooseMask(values, { ...model, shape })
    : { mask: own, notes: [] };
  const moved = planes.map((set) =>
    how.lowest === "corner" ? set.map((k) => shifted(k, shape)) : set,
  );
  // maps that are found in the k-space are one slice's
  const measuring = jointly ? values : { ...values, ...EACH };
  const { operator, arrays } = await chooseCartesian(
    measuring,
    mask,
    moved.length === 1 ? moved[0] : undefined,
  );
  const measured = (k: Float32Array): Float64Array =>
    Float64Array.from(k, (v, j) => (mask.data[j % (height * width)] ? v : 0));
  const scans = moved.map((set, i): Scan => {
    const label = jointly && given.slices === 1 ? "all coils" : `slice ${chosen[i]}`;
    const y = jointly ? [together(set, operator, path)] : set.map(measured);
    return { label, y, ...present({ truth: referenceOf(given, chosen[i]) }) };
  });
  const said = [
    describe(path, given, chosen, jointly),
    ...given.notes,
    describeSampling(how.name, facts),
    ...notes,
  ];
  return { operator, arrays, sampling: { mask, notes: said }, scans, image: given.image };
}

/** The reconstruction that the file brings, where it is of the image's size. */
function referenceOf(
  { reference, image }: MeasuredKspace,
  slice: number,
): Float64Array | undefined {
  if (!reference || reference.height !== image[0] || reference.width !== image[1]) return undefined;
  const values = reference.slice(slice);
  return reference.complex ? magnitude(values) : Float64Array.from(values, Math.abs);
}

/** The coils' k-spaces as one measurement [2,coils,H,W], zero where nothing is measured. */
function together(
  raw: readonly Float32Array[],
  { measured, range }: Operator,
  path: string,
): Float64Array {
  const [, coils, H, W] = range;
  if (raw.length !== coils)
    throw new ShapeError(
      `${path}: it has the k-space of ${raw.length} coils, --coils says ${coils}; give both alike`,
      { coils: raw.length },
    );
  const [size, half] = [H * W, coils * H * W];
  return Float64Array.from(measured, (there, k) => {
    const place = k % half;
    const map = raw[Math.floor(place / size)];
    return there ? map[(k < half ? 0 : size) + (place % size)] : 0;
  });
}

/**
 * One complex image [2,h,w] of the coils' images [2,H,W], cut to `image` about its middle: a single
 * one as it is, several as the root of the sum of their squares, with no imaginary part.
 */
export function combined(
  images: readonly Float64Array[],
  [H, W]: readonly [number, number],
  [h, w]: readonly [number, number],
): Float64Array {
  if (h > H || w > W)
    throw new ConfigError(`an image of ${h}×${w} cannot be cut out of ${H}×${W}`, {});
  const [top, left] = [Math.floor((H - h) / 2), Math.floor((W - w) / 2)];
  const [whole, size] = [H * W, h * w];
  const out = new Float64Array(2 * size);
  for (let p = 0; p < size; p++) {
    const at = (top + Math.floor(p / w)) * W + left + (p % w);
    if (images.length === 1) [out[p], out[size + p]] = [images[0][at], images[0][whole + at]];
    else out[p] = Math.sqrt(images.reduce((sum, x) => sum + x[at] ** 2 + x[whole + at] ** 2, 0));
  }
  return out;
}
