// What HDF5's types are, and bytes of them as numbers and text. The file: hdf5.ts.
import { FormatError, UnsupportedOpError } from "../../engine/index.ts";
import { halfFloat } from "./npy.ts";

export interface Hdf5Type {
  readonly kind:
    | "integer"
    | "float"
    | "text"
    | "compound"
    | "array"
    | "reference"
    | "enumeration"
    | "list"
    | "other";
  /** Of one value. */
  readonly bytes: number;
  readonly signed: boolean;
  readonly little: boolean;
  /** Whether a value, or a part of it, is a list or text of any length, kept elsewhere. */
  readonly varying: boolean;
  /** Of compounds. */
  readonly members: readonly Hdf5Member[];
  /** Of the elements of arrays and lists. */
  readonly of?: Hdf5Type;
}
export interface Hdf5Member extends Hdf5Type {
  readonly name: string;
  /** In bytes, from the compound's start. */
  readonly offset: number;
}

/** As h5wasm gives it. */
export interface Metadata {
  readonly type: number;
  readonly size: number;
  readonly signed: boolean;
  readonly littleEndian: boolean;
  readonly vlen: boolean;
  readonly shape: number[] | null;
  readonly total_size: number;
  readonly chunks: number[] | null;
  readonly compound_type?: {
    readonly members: readonly (Metadata & { name: string; offset: number })[];
  };
  readonly array_type?: Metadata;
  readonly vlen_type?: Metadata;
}

/** By H5T_class_t. */
const kinds: Readonly<Record<number, Hdf5Type["kind"]>> = {
  0: "integer",
  1: "float",
  3: "text",
  6: "compound",
  7: "reference",
  8: "enumeration",
  9: "list",
  10: "array",
};

export function typeOf(metadata: Metadata): Hdf5Type {
  const { type, size, signed, littleEndian, vlen, compound_type, array_type, vlen_type } = metadata;
  const kind = kinds[type] ?? "other";
  const members = (compound_type?.members ?? []).map((m) => ({
    ...typeOf(m),
    name: m.name,
    offset: m.offset,
  }));
  const inner = array_type ?? vlen_type;
  const of = inner && typeOf(inner);
  const varying =
    vlen || kind === "list" || members.some((m) => m.varying) || (of?.varying ?? false);
  return {
    kind,
    bytes: size,
    signed,
    little: littleEndian,
    varying,
    members,
    ...(of ? { of } : {}),
  };
}

/** Whether a value is complex: a compound of two floats, as h5py, MATLAB and Julia write them. */
export const isComplex = ({ kind, members }: Hdf5Type): boolean =>
  kind === "compound" && members.length === 2 && members.every((m) => m.kind === "float");

type Read = (view: DataView, at: number) => number;
function reader({ kind, bytes, signed }: Hdf5Type, little: boolean, what: string): Read {
  const code = `${kind === "float" ? "f" : signed ? "i" : "u"}${bytes}`;
  const readers: Readonly<Record<string, Read>> = {
    f2: (v, at) => halfFloat(v.getUint16(at, little)),
    f4: (v, at) => v.getFloat32(at, little),
    f8: (v, at) => v.getFloat64(at, little),
    i1: (v, at) => v.getInt8(at),
    i2: (v, at) => v.getInt16(at, little),
    i4: (v, at) => v.getInt32(at, little),
    i8: (v, at) => Number(v.getBigInt64(at, little)),
    u1: (v, at) => v.getUint8(at),
    u2: (v, at) => v.getUint16(at, little),
    u4: (v, at) => v.getUint32(at, little),
    u8: (v, at) => Number(v.getBigUint64(at, little)),
  };
  const read = ["integer", "float", "enumeration"].includes(kind) ? readers[code] : undefined;
  if (read) return read;
  throw new UnsupportedOpError(
    `${what}: its values are ${kind} of ${bytes} bytes; numbers are needed`,
    { kind, bytes },
  );
}

/** Numbers of the type; a complex one is its real and its imaginary part in turn. */
export function numbersOf(type: Hdf5Type, bytes: Uint8Array, what: string): Float64Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = Math.floor(bytes.length / type.bytes);
  if (!isComplex(type)) {
    // the library turns plain numbers little-endian, and leaves those inside compounds
    const read = reader(type, true, what);
    return Float64Array.from({ length: count }, (_, i) => read(view, i * type.bytes));
  }
  const [real, imaginary] = type.members.map((m) => ({
    at: m.offset,
    read: reader(m, m.little, what),
  }));
  const out = new Float64Array(2 * count);
  for (let i = 0; i < count; i++) {
    out[2 * i] = real.read(view, i * type.bytes + real.at);
    out[2 * i + 1] = imaginary.read(view, i * type.bytes + imaginary.at);
  }
  return out;
}

/** Texts at a place in the library's memory, up to their first zero. */
export function textsOf(
  type: Hdf5Type,
  { HEAPU8: heap }: { readonly HEAPU8: Uint8Array },
  { at, length }: { readonly at: number; readonly length: number },
  what: string,
): string[] {
  if (type.kind !== "text")
    throw new FormatError(`${what}: its values are ${type.kind}; text is needed`, {});
  const decoder = new TextDecoder();
  const upToZero = (bytes: Uint8Array): string => {
    const end = bytes.indexOf(0);
    return decoder.decode(end < 0 ? bytes : bytes.subarray(0, end));
  };
  const places = new DataView(heap.buffer, at, length);
  return Array.from({ length: Math.floor(length / type.bytes) }, (_, i) => {
    if (!type.varying)
      return upToZero(heap.subarray(at + i * type.bytes, at + (i + 1) * type.bytes));
    const start = places.getUint32(i * type.bytes, true);
    return start === 0 ? "" : upToZero(heap.subarray(start));
  });
}
