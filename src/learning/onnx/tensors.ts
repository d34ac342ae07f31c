// The numbers of a tensor in a file: one of six fields, or bytes, by element type.
import { FormatError, quoted, sizeOf, type Shape } from "../../engine/index.ts";
import type { ElementType, Numbers, OnnxTensor, Unread } from "./model.ts";

/** By the number of TensorProto.DataType. */
const types: readonly (ElementType | undefined)[] = [
  undefined,
  "float32",
  "uint8",
  "int8",
  "uint16",
  "int16",
  "int32",
  "int64",
  undefined,
  "bool",
  "float16",
  "float64",
  "uint32",
  "uint64",
  undefined,
  undefined,
  "bfloat16",
];
const others: Readonly<Record<number, string>> = {
  8: "string",
  14: "complex64",
  15: "complex128",
  17: "float8e4m3fn",
  18: "float8e4m3fnuz",
  19: "float8e5m2",
  20: "float8e5m2fnuz",
  21: "uint4",
  22: "int4",
  23: "float4e2m1",
  24: "float8e8m0",
  25: "uint2",
  26: "int2",
};
export const elementType = (code: number): ElementType | undefined => types[code];
/** Of a type that is not read. */
export const typeName = (code: number): string => others[code] ?? `element type ${code}`;
/** The code of a type, for Cast's `to`. */
export const typeCode = (type: ElementType): number => types.indexOf(type);

const bytesOf: Readonly<Record<ElementType, number>> = {
  float32: 4,
  float64: 8,
  float16: 2,
  bfloat16: 2,
  int8: 1,
  int16: 2,
  int32: 4,
  int64: 8,
  uint8: 1,
  uint16: 2,
  uint32: 4,
  uint64: 8,
  bool: 1,
};

/** The number that 16 bits of half precision stand for. */
function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
const word = new DataView(new ArrayBuffer(4));
function brainToNumber(bits: number): number {
  word.setUint32(0, bits << 16);
  return word.getFloat32(0);
}

const empty: { readonly [K in ElementType]: (length: number) => Numbers } = {
  float32: (n) => new Float32Array(n),
  float64: (n) => new Float64Array(n),
  float16: (n) => new Float32Array(n),
  bfloat16: (n) => new Float32Array(n),
  int8: (n) => new Int8Array(n),
  int16: (n) => new Int16Array(n),
  int32: (n) => new Int32Array(n),
  int64: (n) => new Float64Array(n),
  uint8: (n) => new Uint8Array(n),
  uint16: (n) => new Uint16Array(n),
  uint32: (n) => new Uint32Array(n),
  uint64: (n) => new Float64Array(n),
  bool: (n) => new Uint8Array(n),
};
const readers: { readonly [K in ElementType]: (view: DataView, at: number) => number } = {
  float32: (v, at) => v.getFloat32(at, true),
  float64: (v, at) => v.getFloat64(at, true),
  float16: (v, at) => halfToNumber(v.getUint16(at, true)),
  bfloat16: (v, at) => brainToNumber(v.getUint16(at, true)),
  int8: (v, at) => v.getInt8(at),
  int16: (v, at) => v.getInt16(at, true),
  int32: (v, at) => v.getInt32(at, true),
  int64: (v, at) => Number(v.getBigInt64(at, true)),
  uint8: (v, at) => v.getUint8(at),
  uint16: (v, at) => v.getUint16(at, true),
  uint32: (v, at) => v.getUint32(at, true),
  uint64: (v, at) => Number(v.getBigUint64(at, true)),
  bool: (v, at) => (v.getUint8(at) === 0 ? 0 : 1),
};
/** An array for numbers of a type, filled from a list of them. */
export function numbersOf(type: ElementType, values: ArrayLike<number>): Numbers {
  const data = empty[type](values.length);
  for (let i = 0; i < values.length; i++) data[i] = values[i];
  return data;
}
function fromBytes(type: ElementType, bytes: Uint8Array, count: number): Numbers {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const data = empty[type](count);
  const step = bytesOf[type];
  for (let i = 0; i < count; i++) data[i] = readers[type](view, i * step);
  return data;
}
/** Half precision in int32_data is bits. */
function fromField(type: ElementType, values: ArrayLike<number>): Numbers {
  if (type === "float16") return Float32Array.from(values, (bits) => halfToNumber(bits & 0xffff));
  if (type === "bfloat16") return Float32Array.from(values, (bits) => brainToNumber(bits & 0xffff));
  return numbersOf(type, values);
}

/** What a TensorProto holds. */
export interface StoredTensor {
  name: string;
  code: number;
  dims: number[];
  /** Of one of the typed fields. */
  values: ArrayLike<number>[];
  raw?: Uint8Array;
  /** Where its bytes are, if in another file. */
  external?: Map<string, string>;
}
/** Bytes of a file beside the model; undefined where there is none. */
export type ReadExternal = (path: string) => Uint8Array | undefined;

function externalBytes(
  tensor: StoredTensor,
  length: number,
  read: ReadExternal | undefined,
  fail: Fail,
): Uint8Array {
  const { external = new Map() } = tensor;
  const location = external.get("location") ?? "";
  const offset = Number(external.get("offset") ?? 0);
  const stored = Number(external.get("length") ?? length);
  if (!read) fail(`its numbers are in ${quoted(location)}, and no other file was given`);
  // a folder above, a drive or a root: never looked at
  const outside =
    location === "" || /^([/\\]|[A-Za-z]:)|(^|[/\\])\.\.([/\\]|$)|[\0]/.test(location);
  if (outside)
    fail(`its numbers should be in ${quoted(location)}, which is not in the model's folder`);
  const file = read!(location);
  if (!file)
    fail(`its numbers are in ${quoted(location)}, which is not there; put it beside the model`);
  const fits =
    Number.isSafeInteger(offset) &&
    offset >= 0 &&
    stored === length &&
    offset + length <= file!.length;
  if (!fits)
    fail(`${quoted(location)} has ${file!.length} bytes and should hold ${length} from ${offset}`);
  return file!.subarray(offset, offset + length);
}
type Fail = (what: string) => never;

/** Throws FormatError where its numbers are not as many as its shape says. Allocates no more. */
export function openTensor(
  tensor: StoredTensor,
  where: string,
  read?: ReadExternal,
): OnnxTensor | Unread {
  const { name, code, dims, values, raw, external } = tensor;
  const fail: Fail = (what) => {
    throw new FormatError(`${where}: tensor ${quoted(name)}: ${what}`, { name });
  };
  const type = elementType(code);
  if (type === undefined) return { unread: typeName(code) };
  const shape: Shape = dims;
  const count = sizeOf(shape);
  if (!dims.every((d) => Number.isSafeInteger(d) && d >= 0) || !Number.isSafeInteger(count))
    fail(`its shape is ${quoted(dims)}, which no array has`);
  const length = count * bytesOf[type];
  const bytes = external ? externalBytes(tensor, length, read, fail) : raw;
  if (bytes) {
    if (bytes.length !== length)
      fail(`its shape ${quoted(dims)} takes ${length} bytes and it has ${bytes.length}`);
    return { type, shape, data: fromBytes(type, bytes, count) };
  }
  const have = values.reduce((n, part) => n + part.length, 0);
  if (have !== count) fail(`its shape ${quoted(dims)} takes ${count} numbers and it has ${have}`);
  if (values.length === 1) return { type, shape, data: fromField(type, values[0]) };
  const all = new Float64Array(count);
  let at = 0;
  for (const part of values) {
    all.set(part, at);
    at += part.length;
  }
  return { type, shape, data: fromField(type, all) };
}
