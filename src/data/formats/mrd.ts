// MRD, the ISMRM's raw data: acquisitions in a dataset of HDF5, one a readout, beside a header in
// XML. Cartesian ones are sorted into k-space by their counters.
import { FormatError, UnsupportedOpError } from "../../engine/index.ts";
import { coilsOf, type MeasuredKspace } from "../kspace.ts";
import { printable } from "../printable.ts";
import { MAX_VOXELS, volume } from "../volume.ts";
import { checkRatio } from "./compressed.ts";
import type { Hdf5Dataset, Hdf5Group } from "./hdf5.ts";
import type { Hdf5Member, Hdf5Type } from "./hdf5-types.ts";

export interface Lines {
  readonly data: Hdf5Dataset;
  readonly xml: string;
}

/** A dataset of acquisitions and its header, in the root or in a group of it. */
export function measuredLines(root: Hdf5Group): Lines | undefined {
  const groups = root.names.slice(0, 100).map((name) => root.child(name));
  for (const group of [root, ...groups]) {
    if (group?.kind !== "group") continue;
    const [data, xml] = [group.child("data"), group.child("xml")];
    if (data?.kind !== "dataset" || xml?.kind !== "dataset" || xml.type.kind !== "text") continue;
    if (data.type.members.some((m) => m.name === "head"))
      return { data, xml: xml.texts()[0] ?? "" };
  }
  return undefined;
}

/** What stands between the first tag of that name and its end; "" where there is none. */
export function inside(xml: string, tag: string): string {
  const open = new RegExp(`<(?:\\w+:)?${tag}(?:\\s[^>]*)?>`).exec(xml);
  if (!open) return "";
  const start = open.index + open[0].length;
  const end = xml.slice(start).search(new RegExp(`</(?:\\w+:)?${tag}\\s*>`));
  return end < 0 ? "" : xml.slice(start, start + end);
}
const numberIn = (xml: string, tag: string): number | undefined => {
  const said = inside(xml, tag).trim();
  return said === "" || !Number.isFinite(Number(said)) ? undefined : Number(said);
};
/** x and y of a matrix size or a field of view, where both are more than 0. */
export function sizeIn(xml: string): readonly [number, number] | undefined {
  const [x, y] = [numberIn(xml, "x") ?? 0, numberIn(xml, "y") ?? 0];
  return x > 0 && y > 0 ? [x, y] : undefined;
}

/** What the header says of the first encoding. */
interface Encoding {
  readonly matrix: readonly [number, number] | undefined;
  /** The counter of the line through the lowest frequency. */
  readonly centre: number | undefined;
  /** How much of the encoded field of view the image is, along both axes. */
  readonly share: readonly [number, number];
}
function encodingOf(xml: string, name: string): Encoding {
  const encoding = inside(xml, "encoding");
  const trajectory = inside(encoding, "trajectory").trim().toLowerCase();
  if (!["", "cartesian"].includes(trajectory))
    throw new UnsupportedOpError(
      `${name}: its trajectory is ${printable(trajectory)}; only Cartesian acquisitions are read`,
      { name },
    );
  const [encoded, image] = [inside(encoding, "encodedSpace"), inside(encoding, "reconSpace")];
  const field = (space: string): readonly [number, number] | undefined =>
    sizeIn(inside(space, "fieldOfView_mm"));
  const [whole, part] = [field(encoded), field(image)];
  const limits = inside(inside(encoding, "encodingLimits"), "kspace_encoding_step_1");
  return {
    matrix: sizeIn(inside(encoded, "matrixSize")),
    centre: numberIn(limits, "center"),
    share:
      whole && part ? [Math.min(1, part[0] / whole[0]), Math.min(1, part[1] / whole[1])] : [1, 1],
  };
}

/** What is read of an acquisition's head. */
const counters = ["slice", "contrast", "phase", "repetition", "set"] as const;
interface Line {
  readonly flags: number;
  readonly samples: number;
  readonly channels: number;
  readonly pre: number;
  readonly post: number;
  readonly centre: number;
  readonly space: number;
  readonly step1: number;
  readonly step2: number;
  readonly counters: readonly number[];
  /** Real and imaginary parts in turn, channel after channel. */
  readonly data: Float32Array;
}

type Field = (view: DataView, row: number) => number;
/** Reads a whole number of a member, by its name and those of the compounds around it. */
function field(type: Hdf5Type, path: readonly string[], name: string): Field {
  let [inner, offset]: [Hdf5Type, number] = [type, 0];
  for (const key of path) {
    const member: Hdf5Member | undefined = inner.members.find((m) => m.name === key);
    if (!member)
      throw new FormatError(`${name}: its acquisitions have no ${path.join(".")}`, { name });
    [inner, offset] = [member, offset + member.offset];
  }
  const { bytes, little } = inner;
  // of 64 flags the lower 32 are used
  if (bytes === 8) return (view, row) => view.getUint32(row + offset + (little ? 0 : 4), little);
  if (bytes === 4) return (view, row) => view.getUint32(row + offset, little);
  return (view, row) => view.getUint16(row + offset, little);
}

/** Acquisitions that are read at once. */
const BATCH = 64;
function linesOf({ data }: Lines, name: string, fileBytes: number): Line[] {
  const { type, shape } = data;
  const of = (...path: readonly string[]): Field => field(type, path, name);
  const head = (key: string): Field => of("head", key);
  const fields = {
    flags: head("flags"),
    samples: head("number_of_samples"),
    channels: head("active_channels"),
    pre: head("discard_pre"),
    post: head("discard_post"),
    centre: head("center_sample"),
    space: head("encoding_space_ref"),
    step1: of("head", "idx", "kspace_encode_step_1"),
    step2: of("head", "idx", "kspace_encode_step_2"),
  };
  const idx = counters.map((counter) => of("head", "idx", counter));
  const list = type.members.find((m) => m.name === "data");
  const number = list?.kind === "list" ? list.of : undefined;
  if (!list || number?.kind !== "float" || number.bytes !== 4 || shape.length !== 1)
    throw new FormatError(`${name}: its acquisitions have no list of float32 data`, { name });
  const { little } = number;
  const lines: Line[] = [];
  let total = 0;
  for (let first = 0; first < shape[0]; first += BATCH) {
    const part = { offset: [first], count: [Math.min(BATCH, shape[0] - first)] };
    data.lists(part, (bytes, listAt) => {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      for (let row = 0; row < bytes.length; row += type.bytes) {
        const read = Object.fromEntries(
          Object.entries(fields).map(([key, get]) => [key, get(view, row)]),
        );
        const values = listAt(row + list.offset, 4);
        // many acquisitions may name the same list
        total += values.length;
        checkRatio(name, total, fileBytes);
        const numbers = new DataView(values.buffer, values.byteOffset, values.byteLength);
        const data = Float32Array.from({ length: values.length / 4 }, (_, i) =>
          numbers.getFloat32(4 * i, little),
        );
        lines.push({
          ...(read as Omit<Line, "counters" | "data">),
          counters: idx.map((get) => get(view, row)),
          data,
        });
      }
    });
  }
  return lines;
}

/** Bit n of the flags counts from 1. Source: ismrmrd.h. */
const flag = (n: number): number => 2 ** (n - 1);
const has = (flags: number, bit: number): boolean => Math.floor(flags / bit) % 2 === 1;
const REVERSE = flag(22);
/** Noise, calibration alone, navigators, phase correction, feedback, dummies. */
const others = [19, 20, 23, 24, 26, 27, 28].map(flag);

/** Sorted k-space, [coils,2,H,W] for every image. */
interface Sorted {
  readonly images: readonly Float32Array[];
  readonly coils: number;
  readonly height: number;
  readonly width: number;
}

/** Most bytes of sorted k-space for one of the file: lines that were not measured are zeros. */
const LARGEST_GROWTH = 64;
function sorted(
  lines: readonly Line[],
  { matrix, centre }: Encoding,
  name: string,
  fileBytes: number,
): Sorted {
  const fail = (what: string): never => {
    throw new FormatError(`${name}: ${what}`, { name });
  };
  const { channels: coils, samples } = lines[0];
  if (lines.some((line) => line.channels !== coils))
    fail("its acquisitions have different numbers of coils");
  if (lines.some((line) => line.step2 !== lines[0].step2))
    throw new UnsupportedOpError(
      `${name}: it is encoded in three dimensions; slices of two are read`,
      { name },
    );
  const [height, width] = matrix ?? [
    samples,
    lines.reduce((n, line) => Math.max(n, line.step1 + 1), 1),
  ];
  const keys = lines.map((line) => line.counters.toReversed().join());
  const order = [...new Set(keys)].sort((a, b) =>
    compare(a.split(",").map(Number), b.split(",").map(Number)),
  );
  const size = coils * 2 * height * width;
  const values = order.length * size;
  if (!(coils >= 1 && values <= MAX_VOXELS && 4 * values <= LARGEST_GROWTH * fileBytes + 2 ** 20))
    fail(
      `its header asks for ${order.length} images of ${coils} coils, ${height}×${width}: more than its data`,
    );
  const places = new Map(order.map((key, n) => [key, n]));
  const images = order.map(() => new Float32Array(size));
  const counts = order.map(() => new Uint16Array(width));
  lines.forEach((line, i) => {
    const image = places.get(keys[i])!;
    const column = line.step1 - (centre ?? Math.floor(width / 2)) + Math.floor(width / 2);
    if (column < 0 || column >= width)
      fail(`line ${line.step1} is outside its encoded matrix of ${width} lines`);
    if (line.data.length < 2 * coils * line.samples) fail(`acquisition ${i} is cut short`);
    counts[image][column]++;
    place(line, { into: images[image], coils, height, width, column }, fail);
  });
  // lines that were measured several times are averaged
  images.forEach((image, n) => {
    if (counts[n].some((count) => count > 1))
      for (let p = 0; p < image.length; p++) image[p] /= Math.max(1, counts[n][p % width]);
  });
  return { images, coils, height, width };
}
function compare(a: readonly number[], b: readonly number[]): number {
  const axis = a.findIndex((v, i) => v !== b[i]);
  return axis < 0 ? 0 : a[axis] - b[axis];
}

interface Target {
  readonly into: Float32Array;
  readonly coils: number;
  readonly height: number;
  readonly width: number;
  readonly column: number;
}
/** Adds a readout, its centre at row ⌊H/2⌋. */
function place(
  line: Line,
  { into, coils, height, width, column }: Target,
  fail: (what: string) => never,
): void {
  const { samples, pre, post, flags, data } = line;
  const reversed = has(flags, REVERSE);
  // some writers leave the centre 0: a whole readout has it in its middle
  const centre = line.centre === 0 && samples === height ? Math.floor(samples / 2) : line.centre;
  for (let s = pre; s < samples - post; s++) {
    const row = Math.floor(height / 2) + (reversed ? centre - s : s - centre);
    if (row < 0 || row >= height)
      fail(`sample ${s} of a readout is outside its encoded matrix of ${height} samples`);
    for (let c = 0; c < coils; c++)
      for (let part = 0; part < 2; part++)
        into[((2 * c + part) * height + row) * width + column] +=
          data[2 * (c * samples + s) + part];
  }
}

/**
 * The acquisitions of the first encoding, sorted: readouts down the rows, lines along the columns,
 * the line through the lowest frequency at ⌊W/2⌋; further slices, contrasts, phases, repetitions
 * and sets as slices. `fileBytes` is what the file has. Throws FormatError for what is damaged,
 * UnsupportedOpError for other trajectories and three dimensions. Source: ismrmrd.h, MRD 1.
 */
export function mrdAcquisition(lines: Lines, name: string, fileBytes: number): MeasuredKspace {
  const encoding = encodingOf(lines.xml, name);
  const all = linesOf(lines, name, fileBytes);
  const used = all.filter(
    ({ flags, space }) => space === 0 && !others.some((bit) => has(flags, bit)),
  );
  if (used.length === 0)
    throw new FormatError(`${name}: none of its ${all.length} acquisitions is of an image`, {});
  const { images, coils, height, width } = sorted(used, encoding, name, fileBytes);
  const left = all.length - used.length;
  const notes =
    left > 0
      ? [`${left} of ${all.length} acquisitions (noise, calibration, navigators) are left out`]
      : [];
  const facts = {
    format: "MRD",
    slices: images.length * coils,
    height,
    width,
    complex: true,
    notes,
  };
  const planes = volume(name, facts, (k, part, i, j) => {
    const plane = 2 * (k % coils) + part;
    return images[Math.floor(k / coils)][(plane * height + i) * width + j];
  });
  const { share } = encoding;
  return coilsOf(name, planes, {
    format: "MRD",
    coils,
    image: [Math.max(1, Math.round(height * share[0])), Math.max(1, Math.round(width * share[1]))],
  });
}
