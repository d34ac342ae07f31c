// Weights as any file has them: arrays of numbers by name.
import { FormatError, type Shape } from "../../engine/index.ts";
import { printable } from "../printable.ts";
import { halfFloat } from "../formats/npy.ts";

export interface StoredTensor {
  readonly shape: Shape;
  /** The type as the file calls it. */
  readonly type: string;
  /** Row-major; nothing is allocated before this is asked for. */
  values(): Float32Array;
}
export type StoredTensors = ReadonlyMap<string, StoredTensor>;

/** Of one network; weights of thousands of millions are not reconstructions of images. */
export const MOST_VALUES: number = 2 ** 30;
export const MOST_TENSORS = 20_000;

/** Throws FormatError for a shape that is none or claims more than `room` values. */
export function checkShape(shape: readonly number[], room: number, what: string): void {
  const right = shape.length <= 32 && shape.every((n) => Number.isSafeInteger(n) && n >= 0);
  const count = shape.reduce((n, d) => n * d, 1);
  if (!right || !(count <= room) || count > MOST_VALUES)
    throw new FormatError(
      `${what}: its shape (${printable(shape.join(", "))}) claims more values than are there, or is none; it is damaged`,
      { what },
    );
}

interface NumberType {
  readonly bytes: number;
  read(view: DataView, at: number): number;
}
/** Little-endian numbers, as PyTorch and safetensors store them. */
export type NumberTypeName =
  | "F64"
  | "F32"
  | "F16"
  | "BF16"
  | "I64"
  | "I32"
  | "I16"
  | "I8"
  | "U8"
  | "BOOL";
export const numberTypes: Readonly<Record<NumberTypeName, NumberType>> = {
  F64: { bytes: 8, read: (v, at) => v.getFloat64(at, true) },
  F32: { bytes: 4, read: (v, at) => v.getFloat32(at, true) },
  F16: { bytes: 2, read: (v, at) => halfFloat(v.getUint16(at, true)) },
  BF16: { bytes: 2, read: (v, at) => bfloat16(v.getUint16(at, true)) },
  I64: { bytes: 8, read: (v, at) => Number(v.getBigInt64(at, true)) },
  I32: { bytes: 4, read: (v, at) => v.getInt32(at, true) },
  I16: { bytes: 2, read: (v, at) => v.getInt16(at, true) },
  I8: { bytes: 1, read: (v, at) => v.getInt8(at) },
  U8: { bytes: 1, read: (v, at) => v.getUint8(at) },
  BOOL: { bytes: 1, read: (v, at) => v.getUint8(at) },
};

const word = new DataView(new ArrayBuffer(4));
/** The upper half of a float32. */
function bfloat16(bits: number): number {
  word.setUint32(0, bits * 65536);
  return word.getFloat32(0);
}
