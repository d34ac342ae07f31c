// The safetensors container: float32 tensors by name, and text metadata. Source:
// huggingface/safetensors.
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import {
  float32Bytes,
  FormatError,
  parseJson,
  quoted,
  sizeOf,
  type Bytes,
} from "../../engine/index.ts";
import type { Parameter } from "../nn/network.ts";

export interface TensorFile {
  readonly tensors: ReadonlyMap<string, Parameter>;
  readonly metadata: Readonly<Record<string, string>>;
  /** Of the tensors' bytes alone, which the first two formats carry, and of everything. */
  readonly dataHash: () => string;
  readonly contentHash: () => string;
}

/** Name, type, shape and place of every tensor, and the metadata, in whatever order. */
type Entries = Readonly<Record<string, unknown>>;
/** SHA-256 of everything in a file but itself: names, shapes, metadata and the tensors' bytes. */
export function contentHash(
  metadata: Readonly<Record<string, string>>,
  entries: Entries,
  data: Uint8Array,
): string {
  const { sha256: _, ...rest } = metadata;
  const sorted = (of: object): unknown => Object.entries(of).sort(([a], [b]) => (a < b ? -1 : 1));
  const text = JSON.stringify([sorted(rest), sorted(entries)]);
  return bytesToHex(sha256.create().update(new TextEncoder().encode(text)).update(data).digest());
}

/**
 * Tensors in the order of their names, so that equal content gives equal bytes; to `metadata` the
 * hash of all the content is added.
 */
export function writeTensors(
  tensors: ReadonlyMap<string, Parameter>,
  metadata: Readonly<Record<string, string>>,
): Bytes {
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
  const hashed = { ...metadata, sha256: contentHash(metadata, header, data) };
  const bytes = new TextEncoder().encode(JSON.stringify({ __metadata__: hashed, ...header }));
  // the header is padded with spaces to a multiple of 8
  const length = Math.ceil(bytes.length / 8) * 8;
  const file = new Uint8Array(8 + length + data.length).fill(32, 0, 8 + length);
  new DataView(file.buffer).setBigUint64(0, BigInt(length), true);
  file.set(bytes, 8);
  file.set(data, 8 + length);
  return file;
}

interface TensorEntry {
  readonly shape: readonly number[];
  readonly from: number;
  readonly to: number;
}
const isWhole = (v: unknown): v is number => Number.isSafeInteger(v) && (v as number) >= 0;
/** The entry of a tensor in the header, or undefined where it is none of float32. */
function tensorEntry(value: unknown): TensorEntry | undefined {
  const { dtype, shape, data_offsets: place } = (value ?? {}) as Record<string, unknown>;
  if (dtype !== "F32" || !Array.isArray(shape) || !shape.every(isWhole)) return undefined;
  if (!Array.isArray(place) || place.length !== 2 || !place.every(isWhole)) return undefined;
  const [from, to] = place;
  return to - from === 4 * sizeOf(shape) ? { shape, from, to } : undefined;
}
const isText = (v: unknown): boolean => typeof v === "string";
const isObject = (v: unknown): v is object =>
  typeof v === "object" && v !== null && !Array.isArray(v);

/**
 * Throws FormatError that says what is wrong: not a safetensors file, cut short, another type, two
 * tensors in one place, or bytes too many. `name` is the file's, for the message.
 */
export function readTensors(bytes: Uint8Array, name: string): TensorFile {
  const fail = (what: string): never => {
    throw new FormatError(`${name}: ${what}`, { name });
  };
  const remedy = "it is damaged or not a safetensors file";
  if (bytes.length < 8) fail(`${bytes.length} bytes are too few for a safetensors file`);
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  if (length > bytes.length - 8)
    fail(
      `its header claims ${length} bytes and the file has ${bytes.length}: it is cut short or not a safetensors file`,
    );
  const header = parseJson(bytes.subarray(8, 8 + length), `${name}: its header`, remedy);
  if (!isObject(header)) return fail(`its header is no object; ${remedy}`);
  const { __metadata__: metadata = {}, ...entries } = header as Entries & {
    __metadata__?: Record<string, string>;
  };
  if (!isObject(metadata) || !Object.values(metadata).every(isText))
    fail(`its metadata are no texts; ${remedy}`);
  const data = bytes.subarray(8 + length);
  const tensors = new Map<string, Parameter>();
  // one after the other, as the format demands: a byte belongs to one tensor
  let expected = 0;
  const places = Object.entries(entries).map(([key, value]) => {
    const entry = tensorEntry(value);
    return {
      key,
      ...(entry ??
        fail(`tensor ${quoted(key)} is not float32 or its size does not match its shape`)),
    };
  });
  for (const { key, shape, from, to } of places.sort((a, b) => a.from - b.from || a.to - b.to)) {
    if (to > data.length)
      fail(
        `tensor ${quoted(key)} ends at byte ${to} and there are ${data.length}: the file is cut short`,
      );
    if (from !== expected)
      fail(`tensor ${quoted(key)} begins at byte ${from}, and the one before ends at ${expected}`);
    expected = to;
    const view = new DataView(data.buffer, data.byteOffset + from, to - from);
    const values = new Float32Array(sizeOf(shape));
    for (let i = 0; i < values.length; i++) values[i] = view.getFloat32(4 * i, true);
    tensors.set(key, { shape, data: values });
  }
  if (data.length !== expected)
    fail(`${data.length - expected} bytes too many after its last tensor`);
  return {
    tensors,
    metadata,
    dataHash: () => bytesToHex(sha256(data)),
    contentHash: () => contentHash(metadata, entries, data),
  };
}
