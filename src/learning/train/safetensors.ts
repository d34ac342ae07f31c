// The safetensors container: float32 tensors by name, and text metadata. Source:
// huggingface/safetensors.
import { float32Bytes, FormatError, sizeOf } from "../../engine/index.ts";
import type { Parameter } from "../nn/network.ts";

export interface TensorFile {
  readonly tensors: ReadonlyMap<string, Parameter>;
  readonly metadata: Readonly<Record<string, string>>;
  /** All tensors' bytes, for a checksum. */
  readonly data: Uint8Array;
}

/**
 * Tensors in the order of their names, so that equal content gives equal bytes; `metadata` sees the
 * tensors' bytes.
 */
export function writeTensors(
  tensors: ReadonlyMap<string, Parameter>,
  metadata: (data: Uint8Array) => Record<string, string>,
): Uint8Array<ArrayBuffer> {
  const header: Record<string, unknown> = {};
  let end = 0;
  const names = [...tensors.keys()].sort();
  for (const name of names) {
    const { shape } = tensors.get(name)!;
    header[name] = { dtype: "F32", shape, data_offsets: [end, end + 4 * sizeOf(shape)] };
    end += 4 * sizeOf(shape);
  }
  const data = new Uint8Array(end);
  let at = 0;
  for (const name of names) {
    const bytes = float32Bytes(tensors.get(name)!.data);
    data.set(bytes, at);
    at += bytes.length;
  }
  const bytes = new TextEncoder().encode(JSON.stringify({ __metadata__: metadata(data), ...header }));
  // the header is padded with spaces to a multiple of 8
  const length = Math.ceil(bytes.length / 8) * 8;
  const file = new Uint8Array(8 + length + data.length).fill(32, 0, 8 + length);
  new DataView(file.buffer).setBigUint64(0, BigInt(length), true);
  file.set(bytes, 8);
  file.set(data, 8 + length);
  return file;
}

/**
 * Throws FormatError that says what is wrong: not a safetensors file, cut short, another type, or
 * bytes too many. `name` is the file's, for the message.
 */
export function readTensors(bytes: Uint8Array, name: string): TensorFile {
  const fail = (what: string): never => {
    throw new FormatError(`${name}: ${what}`, { name });
  };
  if (bytes.length < 8) fail(`${bytes.length} bytes are too few for a safetensors file`);
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  if (length > bytes.length - 8)
    fail(
      `its header claims ${length} bytes and the file has ${bytes.length}: it is cut short or not a safetensors file`,
    );
  let header: Record<string, unknown> & { __metadata__?: Record<string, string> };
  try {
    header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(8, 8 + length)));
  } catch {
    return fail("its header is not JSON: it is damaged or not a safetensors file");
  }
  const { __metadata__: metadata = {}, ...entries } = header;
  const data = bytes.subarray(8 + length);
  const tensors = new Map<string, Parameter>();
  let expected = 0;
  for (const [key, entry] of Object.entries(entries)) {
    const {
      dtype,
      shape,
      data_offsets: [from, to] = [Number.NaN, Number.NaN],
    } = entry as { dtype: string; shape: number[]; data_offsets: [number, number] };
    if (dtype !== "F32" || !Array.isArray(shape) || !(from >= 0 && to - from === 4 * sizeOf(shape)))
      fail(`tensor "${key}" is not float32 or its size does not match its shape`);
    if (to > data.length)
      fail(`tensor "${key}" ends at byte ${to} and there are ${data.length}: the file is cut short`);
    expected = Math.max(expected, to);
    const view = new DataView(data.buffer, data.byteOffset + from, to - from);
    tensors.set(key, {
      shape,
      data: Float32Array.from({ length: sizeOf(shape) }, (_, i) => view.getFloat32(4 * i, true)),
    });
  }
  if (data.length !== expected) fail(`${data.length - expected} bytes too many after its last tensor`);
  return { tensors, metadata, data };
}
