// safetensors files of any maker: their tensors by name. Fiducial's own: learning's checkpoint.
// Source: huggingface/safetensors.
import { FormatError, parseJson, quoted, UnsupportedOpError } from "../../engine/index.ts";
import { printable } from "../printable.ts";
import {
  checkShape,
  MOST_TENSORS,
  numberTypes,
  type NumberTypeName,
  type StoredTensor,
} from "./tensor.ts";

const isType = (v: unknown): v is NumberTypeName =>
  typeof v === "string" && Object.hasOwn(numberTypes, v);
const isCounts = (v: unknown): v is number[] =>
  Array.isArray(v) && v.every((n) => Number.isSafeInteger(n) && n >= 0);

function tensorOf(entry: unknown, data: Uint8Array, what: string): StoredTensor {
  const { dtype, shape, data_offsets: place } = (entry ?? {}) as Record<string, unknown>;
  if (!isType(dtype))
    throw new UnsupportedOpError(
      `${what}: its type is ${quoted(dtype)}; ${Object.keys(numberTypes).join(", ")} are read`,
      { dtype },
    );
  if (!isCounts(shape) || !isCounts(place) || place.length !== 2)
    throw new FormatError(`${what}: its shape or its place is none; it is damaged`, {});
  const [from, to] = place;
  const { bytes: size, read } = numberTypes[dtype];
  if (!(from <= to && to <= data.length))
    throw new FormatError(
      `${what}: it ends at byte ${to} and there are ${data.length}: the file is cut short`,
      {},
    );
  checkShape(shape, (to - from) / size, what);
  const count = shape.reduce((n, d) => n * d, 1);
  const view = new DataView(data.buffer, data.byteOffset + from, to - from);
  return {
    shape,
    type: dtype,
    values: () => Float32Array.from({ length: count }, (_, i) => read(view, i * size)),
  };
}

/** Throws FormatError when it is damaged, UnsupportedOpError for numbers of another type. */
export function safetensors(bytes: Uint8Array, name: string): Map<string, StoredTensor> {
  const fail = (what: string): never => {
    throw new FormatError(`${name}: ${what}`, { name });
  };
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  if (length > bytes.length - 8) fail("its header is cut short");
  const text = new TextDecoder().decode(bytes.subarray(8, 8 + length));
  const header = parseJson(text, `${name}: its header`, "it is damaged or not a safetensors file");
  if (typeof header !== "object" || header === null || Array.isArray(header))
    return fail("its header is no object");
  const entries = Object.entries(header).filter(([key]) => key !== "__metadata__");
  if (entries.length > MOST_TENSORS)
    fail(`it has ${entries.length} tensors, more than any network that is read`);
  const data = bytes.subarray(8 + length);
  return new Map(
    entries.map(([key, entry]) => [key, tensorOf(entry, data, `${name}, ${printable(key)}`)]),
  );
}
