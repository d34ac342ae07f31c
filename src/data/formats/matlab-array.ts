// The elements of a MAT-file of version 5: tags, arrays, structures, cells. The file: matlab.ts.
import { FormatError, UnsupportedOpError } from "../../engine/index.ts";
import { MAX_VOXELS } from "../volume.ts";

/** Whose bytes they are, and in which order. */
export interface Place {
  readonly name: string;
  readonly little: boolean;
}
export interface Element {
  readonly type: number;
  readonly bytes: Uint8Array;
}
export interface MatlabArray {
  readonly name: string;
  /** Fastest axis first. */
  readonly shape: readonly number[];
  readonly complex: boolean;
  /** The value at a place in memory; channel 1 is the imaginary part. */
  at(index: number, channel?: 0 | 1): number;
}

export const MATRIX = 14;
const CELL = 1;
const STRUCT = 2;
const OBJECT = 3;
const SPARSE = 5;
/** Of arrays inside arrays. */
const DEEPEST = 32;

const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
function cut(name: string): never {
  throw new FormatError(`${name}: an array in it is cut short or damaged`, { name });
}

/** Elements one after another, up to the end of the bytes. */
export function elementsOf(bytes: Uint8Array, { name, little }: Place): Element[] {
  const view = viewOf(bytes);
  const elements: Element[] = [];
  let at = 0;
  while (at + 8 <= bytes.length) {
    const first = view.getUint32(at, little);
    // up to 4 bytes lie in the tag itself, whose upper half then says how many
    const small = first >>> 16;
    const [type, length] = small
      ? [first & 0xffff, small]
      : [first, view.getUint32(at + 4, little)];
    const start = at + (small ? 4 : 8);
    if (small > 4 || start + length > bytes.length) return cut(name);
    elements.push({ type, bytes: bytes.subarray(start, start + length) });
    // a packed element is not padded
    at = small ? at + 8 : start + (type === 15 ? length : Math.ceil(length / 8) * 8);
  }
  return elements;
}

type Read = (view: DataView, index: number) => number;
function readerOf(
  type: number,
  little: boolean,
): { readonly bytes: number; readonly read: Read } | undefined {
  const readers: Readonly<Record<number, { bytes: number; read: Read }>> = {
    1: { bytes: 1, read: (v, i) => v.getInt8(i) },
    2: { bytes: 1, read: (v, i) => v.getUint8(i) },
    3: { bytes: 2, read: (v, i) => v.getInt16(2 * i, little) },
    4: { bytes: 2, read: (v, i) => v.getUint16(2 * i, little) },
    5: { bytes: 4, read: (v, i) => v.getInt32(4 * i, little) },
    6: { bytes: 4, read: (v, i) => v.getUint32(4 * i, little) },
    7: { bytes: 4, read: (v, i) => v.getFloat32(4 * i, little) },
    9: { bytes: 8, read: (v, i) => v.getFloat64(8 * i, little) },
    12: { bytes: 8, read: (v, i) => Number(v.getBigInt64(8 * i, little)) },
    13: { bytes: 8, read: (v, i) => Number(v.getBigUint64(8 * i, little)) },
  };
  return readers[type];
}

/** The numbers of an element, of which there must be `count`. */
function numbersOf(
  { type, bytes }: Element,
  count: number,
  { name, little }: Place,
): (index: number) => number {
  const reader = readerOf(type, little);
  if (!reader)
    throw new UnsupportedOpError(`${name}: numbers of MATLAB's storage type ${type} are not read`, {
      type,
    });
  if (bytes.length < count * reader.bytes) return cut(name);
  const view = viewOf(bytes);
  return (index) => reader.read(view, index);
}
const textOf = ({ bytes }: Element): string => new TextDecoder().decode(bytes).replace(/\0+$/, "");

/** Field names of a fixed length each, ended by zeros. */
function fieldsOf(length: Element, names: Element, { little }: Place): string[] {
  const size = length.bytes.length >= 4 ? viewOf(length.bytes).getInt32(0, little) : 0;
  if (size < 1) return [];
  return Array.from(
    { length: Math.floor(names.bytes.length / size) },
    (_, i) =>
      textOf({ type: 1, bytes: names.bytes.subarray(i * size, (i + 1) * size) }).split("\0")[0],
  );
}

/**
 * The arrays of numbers in one array: itself, or those inside a structure or a cell. Text, sparse
 * arrays, functions and objects of other kinds are left out. `above` is the name that it has in
 * what it lies in.
 */
export function arraysIn(
  bytes: Uint8Array,
  place: Place,
  above?: string,
  depth = 0,
): MatlabArray[] {
  const { name: file, little } = place;
  if (bytes.length === 0) return [];
  if (depth > DEEPEST)
    throw new FormatError(`${file}: its arrays lie more than ${DEEPEST} deep`, { name: file });
  const elements = elementsOf(bytes, place);
  const [flags, dimensions, own, ...rest] = elements;
  if (flags?.bytes.length === 4 || !own || flags.bytes.length < 8) return opaque(elements, file);
  const word = viewOf(flags.bytes).getUint32(0, little);
  const [kind, complex] = [word & 0xff, (word & 0x800) !== 0];
  const name = above ?? textOf(own);
  const inner = (element: Element | undefined, called: string): MatlabArray[] =>
    element?.type === MATRIX ? arraysIn(element.bytes, place, called, depth + 1) : [];
  if (kind === CELL) return rest.flatMap((element, i) => inner(element, `${name}{${i + 1}}`));
  if (kind === STRUCT || kind === OBJECT) {
    const [length, names, ...values] = kind === OBJECT ? rest.slice(1) : rest;
    if (!length || !names) return cut(file);
    const fields = fieldsOf(length, names, place);
    if (fields.length === 0) return [];
    const several = values.length > fields.length;
    const nameOf = (i: number): string =>
      several ? `${name}(${Math.floor(i / fields.length) + 1})` : name;
    return values.flatMap((element, i) =>
      inner(element, `${nameOf(i)}.${fields[i % fields.length]}`),
    );
  }
  const numeric = kind > SPARSE && kind <= 15;
  return numeric ? numbers({ name, complex, dimensions, parts: rest }, place) : [];
}

/** What MATLAB writes for objects of its newer classes has another form, and no numbers. */
function opaque(elements: readonly Element[], file: string): MatlabArray[] {
  return elements.length > 0 ? [] : cut(file);
}

interface Numbers {
  readonly name: string;
  readonly complex: boolean;
  readonly dimensions: Element;
  readonly parts: readonly Element[];
}
function numbers({ name, complex, dimensions, parts }: Numbers, place: Place): MatlabArray[] {
  const view = viewOf(dimensions.bytes);
  const shape = Array.from({ length: Math.floor(dimensions.bytes.length / 4) }, (_, i) =>
    view.getInt32(4 * i, place.little),
  );
  const count = shape.reduce((n, d) => n * d, 1);
  if (shape.length === 0 || shape.some((d) => d < 0) || count > MAX_VOXELS) return cut(place.name);
  if (count === 0) return [];
  const [real, imaginary] = parts;
  if (!real || (complex && !imaginary)) return cut(place.name);
  const re = numbersOf(real, count, place);
  const im = complex ? numbersOf(imaginary, count, place) : undefined;
  return [
    {
      name,
      shape,
      complex,
      at: (index, channel = 0) => (channel === 1 ? (im?.(index) ?? 0) : re(index)),
    },
  ];
}
