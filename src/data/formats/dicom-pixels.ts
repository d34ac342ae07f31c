// From a DICOM data set's elements to values: bits, signs, tables, slopes, padding, inversion. The
// file itself: dicom.ts.
import type dicomParser from "dicom-parser";
import { FormatError, UnsupportedOpError } from "../../engine/index.ts";
import { printable } from "../printable.ts";
import { checkSize, volume, type Volume } from "../volume.ts";
import type { Decode } from "./dicom-codecs.ts";
import { framesOf } from "./dicom-frames.ts";
import { frameOrder } from "./dicom-order.ts";

type DataSet = dicomParser.DataSet;
type Fail = (what: string) => never;
/** A function of a whole cell or a stored value. */
type Map1 = (value: number) => number;

/** Where the pixels are and how a cell of them is read. */
interface Cells {
  readonly frames: number;
  readonly height: number;
  readonly width: number;
  /** The cell's bits as they are: a whole number, signed for signed pixels, or a float. */
  cell(index: number): number;
  /** The stored value in it: without overlay bits, its sign extended. */
  stored: Map1;
}

/** How the pixels of a data set are packed. */
export interface Packing {
  readonly little: boolean;
  /** Of compressed ones. */
  readonly frames?: { readonly decode: Decode; readonly pixelsPerByte: number };
}

export function dicomVolume(data: DataSet, packing: Packing, name: string): Volume {
  const fail: Fail = (what) => {
    throw new FormatError(`${name}: ${what}`, { name });
  };
  const photometric = data.string("x00280004") ?? "MONOCHROME2";
  const samples = data.uint16("x00280002") ?? 1;
  if (samples !== 1 || !/^MONOCHROME[12]$/.test(photometric))
    throw new UnsupportedOpError(
      `${name}: its photometric interpretation is ${printable(photometric)} with ${samples} samples a pixel; only grey images are read`,
      { name, photometric },
    );
  const { little } = packing;
  const cells = cellsOf(data, packing, name, fail);
  const { frames, height, width, cell, stored } = cells;
  const padding = paddingOf(data, stored);
  const table = lookUpTable(data, little, fail);
  // frames come one after another: the last one's scale is kept
  let scale = { frame: 0, ...rescale(data, 0, fail) };
  const measured = (k: number, at: number): number | undefined => {
    const bits = cell(at);
    const value = stored(bits);
    if (padding?.(value, bits)) return undefined;
    if (table) return table(value);
    if (scale.frame !== k) scale = { frame: k, ...rescale(data, k, fail) };
    return value * scale.slope + scale.intercept;
  };

  const inverted = photometric === "MONOCHROME1";
  const size = height * width;
  let range: { low: number; high: number } | undefined;
  const extent = (): { low: number; high: number } => {
    range ??= rangeOf(frames, size, measured);
    return range;
  };
  const { order, volumes } = frameOrder(data, frames);
  const moved = order.some((frame, i) => frame !== i);
  const notes = [
    ...(moved ? ["its frames are sorted by their places"] : []),
    ...(inverted ? ["MONOCHROME1: inverted, so that more is brighter"] : []),
    ...(padding ? ["padding takes the smallest value"] : []),
  ];
  const facts = { format: "DICOM", slices: frames, volumes, height, width, complex: false, notes };
  return volume(name, facts, (k, _c, i, j) => {
    const value = measured(order[k], order[k] * size + i * width + j);
    if (!inverted) return value ?? extent().low;
    return value === undefined ? 0 : extent().high - value;
  });
}

/** Over all frames, so that they stay comparable; padding left out. */
function rangeOf(
  frames: number,
  size: number,
  measured: (frame: number, at: number) => number | undefined,
): { low: number; high: number } {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let k = 0; k < frames; k++)
    for (let p = 0; p < size; p++) {
      const value = measured(k, k * size + p);
      if (value === undefined || !Number.isFinite(value)) continue;
      if (value < low) low = value;
      if (value > high) high = value;
    }
  return high < low ? { low: 0, high: 0 } : { low, high };
}

function cellsOf(
  data: DataSet,
  { little, frames: packed }: Packing,
  name: string,
  fail: Fail,
): Cells {
  const { x7fe00010: integers, x7fe00008: floats, x7fe00009: doubles } = data.elements;
  const pixels = integers ?? floats ?? doubles;
  if (pixels === undefined) return fail("it has no pixel data; choose an image object");
  const encapsulated = pixels.encapsulatedPixelData || pixels.hadUndefinedLength;
  if ((encapsulated === true) !== (packed !== undefined))
    throw new UnsupportedOpError(
      `${name}: its pixels are ${packed ? "not " : ""}compressed, though its transfer syntax says otherwise; convert it (gdcmconv --raw)`,
      { name },
    );
  const shape = shapeOf(data, integers ? undefined : floats ? 32 : 64, name, fail);
  const { bits, frames, height, width } = shape;
  const count = frames * height * width;
  if (packed) return packedCells(data, shape, packed, name, fail);
  const there = Math.min(pixels.length, data.byteArray.length - pixels.dataOffset);
  checkSize(name, count, (count * bits) / 8, there);
  const view = new DataView(
    data.byteArray.buffer,
    data.byteArray.byteOffset + pixels.dataOffset,
    there,
  );
  if (!integers) {
    const cell = (i: number): number =>
      floats ? view.getFloat32(4 * i, little) : view.getFloat64(8 * i, little);
    return { ...shape, cell, stored: (v) => v };
  }
  const signed = signedOf(data);
  // bytes in big-endian words: the first pixel of a pair is the word's low byte, the second in file
  const swapped = bits === 8 && !little && pixels.vr === "OW";
  if (swapped && there < count + (count % 2)) fail("its last word of pixels is cut short");
  return {
    ...shape,
    cell: cellReader(view, { bits, signed, little, swapped }),
    stored: storedBits(data, bits, fail),
  };
}

interface Shape {
  readonly frames: number;
  readonly height: number;
  readonly width: number;
  readonly bits: number;
}
/** `floating` is the width of float pixels, whose header does not say it. */
function shapeOf(data: DataSet, floating: number | undefined, name: string, fail: Fail): Shape {
  const [height, width] = [data.uint16("x00280010"), data.uint16("x00280011")];
  const bits = floating ?? data.uint16("x00280100");
  if (!height || !width || !bits) return fail("its rows, columns or bits are missing");
  if (!floating && ![8, 16, 32].includes(bits))
    throw new UnsupportedOpError(`${name}: ${bits} bits a pixel are not read; 8, 16 and 32 are`, {
      name,
      bits,
    });
  const said = data.intString("x00280008") ?? 1;
  if (!(Number.isInteger(said) && said >= 0)) return fail("its number of frames is no number");
  return { frames: Math.max(1, said), height, width, bits };
}

/** Frames are unpacked one at a time, when they are asked for. */
function packedCells(
  data: DataSet,
  shape: Shape,
  { decode, pixelsPerByte }: NonNullable<Packing["frames"]>,
  name: string,
  fail: Fail,
): Cells {
  const { frames, height, width, bits } = shape;
  const size = height * width;
  checkSize(name, frames * size, (frames * size) / pixelsPerByte, data.byteArray.length);
  const packed = framesOf(data, frames, name);
  const signed = signedOf(data);
  let kept: { readonly frame: number; readonly cells: ArrayLike<number> } | undefined;
  const cellsIn = (frame: number): ArrayLike<number> => {
    const bytes = packed[frame];
    checkSize(name, size, size / pixelsPerByte, bytes.length);
    const samples = decode(bytes, { name, height, width, bits });
    if (samples.length < size) fail(`frame ${frame} has too few pixels`);
    return inCells(samples, bits, signed);
  };
  const cell = (i: number): number => {
    const frame = Math.floor(i / size);
    if (kept?.frame !== frame) kept = { frame, cells: cellsIn(frame) };
    return kept.cells[i - frame * size];
  };
  return { frames, height, width, cell, stored: storedBits(data, bits, fail) };
}
/** Samples in cells of so many bits, signed or not, as uncompressed ones are. */
function inCells(samples: ArrayLike<number>, bits: number, signed: boolean): ArrayLike<number> {
  if (bits === 8) return signed ? Int8Array.from(samples) : Uint8Array.from(samples);
  if (bits === 16) return signed ? Int16Array.from(samples) : Uint16Array.from(samples);
  return signed ? Int32Array.from(samples) : Uint32Array.from(samples);
}

function cellReader(
  view: DataView,
  {
    bits,
    signed,
    little,
    swapped,
  }: { bits: number; signed: boolean; little: boolean; swapped: boolean },
): (index: number) => number {
  if (bits === 8) {
    const place = (i: number): number => (swapped ? i ^ 1 : i);
    return signed ? (i) => view.getInt8(place(i)) : (i) => view.getUint8(place(i));
  }
  if (bits === 16)
    return signed ? (i) => view.getInt16(2 * i, little) : (i) => view.getUint16(2 * i, little);
  return signed ? (i) => view.getInt32(4 * i, little) : (i) => view.getUint32(4 * i, little);
}

/** Takes the stored bits out of a cell, whatever lies above and below them. */
function storedBits(data: DataSet, bits: number, fail: Fail): Map1 {
  const stored = data.uint16("x00280101") ?? bits;
  const high = data.uint16("x00280102") ?? stored - 1;
  const signed = signedOf(data);
  if (!(stored >= 1 && stored <= bits && high < bits && high >= stored - 1))
    fail(`its header says ${stored} bits stored up to bit ${high} of ${bits}, which cannot be`);
  const [below, span] = [2 ** (high + 1 - stored), 2 ** stored];
  return (cell) => {
    // arithmetic, not bitwise: a cell may have 32 bits
    const shifted = Math.floor(cell / below);
    const value = shifted - Math.floor(shifted / span) * span;
    return signed && value >= span / 2 ? value - span : value;
  };
}

const signedOf = (data: DataSet): boolean => data.uint16("x00280103") === 1;

/**
 * Whether a value is padding; undefined where nothing is. Padding that the stored bits cannot hold
 * is looked for in the whole cell.
 */
function paddingOf(
  data: DataSet,
  stored: Map1,
): ((value: number, cell: number) => boolean) | undefined {
  const short = (tag: string): number | undefined =>
    signedOf(data) ? data.int16(tag) : data.uint16(tag);
  const integers = data.elements.x7fe00010 !== undefined;
  const first = integers
    ? short("x00280120")
    : (data.float("x00280122") ?? data.double("x00280123"));
  if (first === undefined) return undefined;
  const end = integers ? short("x00280121") : (data.float("x00280124") ?? data.double("x00280125"));
  const [low, high] = [Math.min(first, end ?? first), Math.max(first, end ?? first)];
  const fits = stored(low) === low && stored(high) === high;
  return (value, cell) => (fits ? value >= low && value <= high : cell >= low && cell <= high);
}

/** The Modality LUT as a function of stored values; values outside take its ends. */
function lookUpTable(data: DataSet, little: boolean, fail: Fail): Map1 | undefined {
  const item = data.elements.x00283000?.items?.[0]?.dataSet;
  const values = item?.elements.x00283006;
  if (!item || !values) return undefined;
  const entries = item.uint16("x00283002", 0) || 65536;
  const first = signedOf(data) ? item.int16("x00283002", 1) : item.uint16("x00283002", 1);
  if (first === undefined) return fail("its Modality LUT has no descriptor");
  const there = Math.min(values.length, item.byteArray.length - values.dataOffset);
  const bytes = there < 2 * entries;
  if (there < entries) return fail("its Modality LUT is cut short");
  const view = new DataView(
    item.byteArray.buffer,
    item.byteArray.byteOffset + values.dataOffset,
    there,
  );
  return (value) => {
    const at = Math.min(entries - 1, Math.max(0, value - first));
    return bytes ? view.getUint8(at) : view.getUint16(2 * at, little);
  };
}

/**
 * A frame's slope and intercept: its own functional group's, else the shared one's, else the
 * file's, else 1 and 0.
 */
function rescale(data: DataSet, frame: number, fail: Fail): { slope: number; intercept: number } {
  const transformation = (group: DataSet | undefined): DataSet | undefined =>
    group?.elements.x00289145?.items?.[0]?.dataSet;
  const group = (tag: string, item: number): DataSet | undefined =>
    data.elements[tag]?.items?.[item]?.dataSet;
  const sources = [
    transformation(group("x52009230", frame)),
    transformation(group("x52009229", 0)),
    data,
  ];
  const number = (tag: string, otherwise: number): number => {
    for (const source of sources) {
      const value = source?.floatString(tag);
      if (value === undefined) continue;
      if (!Number.isFinite(value)) return fail("its rescale slope or intercept is no number");
      return value;
    }
    return otherwise;
  };
  return { slope: number("x00281053", 1), intercept: number("x00281052", 0) };
}
