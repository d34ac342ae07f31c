// A checkpoint is one safetensors file: parameters, and in its metadata the architecture, the provenance and a checksum.
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { FormatError, sizeOf } from "../../engine/index.ts";
import { layerKinds } from "../nn/apply.ts";
import { sequential, type Architecture, type Network, type Parameter, type Provenance } from "../nn/network.ts";

const FORMAT = "fiducial-network-1";

/** The file's bytes. Names are in order, so that equal networks give equal bytes. Source: the safetensors format, huggingface/safetensors. */
export function saveNetwork(network: Network): Uint8Array<ArrayBuffer> {
  const header: Record<string, unknown> = {};
  let end = 0;
  const names = [...network.parameters.keys()].sort();
  for (const name of names) {
    const { shape } = network.parameters.get(name)!;
    header[name] = { dtype: "F32", shape, data_offsets: [end, end + 4 * sizeOf(shape)] };
    end += 4 * sizeOf(shape);
  }
  const data = new Uint8Array(end);
  const view = new DataView(data.buffer);
  let at = 0;
  for (const name of names) for (const value of network.parameters.get(name)!.data) { view.setFloat32(at, value, true); at += 4; }
  const metadata = { format: FORMAT, architecture: JSON.stringify(network.architecture), provenance: JSON.stringify(network.provenance), sha256: bytesToHex(sha256(data)) };
  let text = JSON.stringify({ __metadata__: metadata, ...header });
  const bytes = new TextEncoder().encode(text);
  text = " ".repeat((8 - (bytes.length % 8)) % 8);
  const head = new Uint8Array(8 + bytes.length + text.length).fill(32);
  new DataView(head.buffer).setBigUint64(0, BigInt(bytes.length + text.length), true);
  head.set(bytes, 8);
  const file = new Uint8Array(head.length + data.length);
  file.set(head);
  file.set(data, head.length);
  return file;
}

/** Reads a checkpoint. Throws FormatError that says what is wrong: not a safetensors file, cut short, damaged, of a later version, or with parameters that its architecture does not have. `name` is the file's, for the message. */
export function loadNetwork(bytes: Uint8Array, name = "checkpoint"): Network {
  const fail = (what: string): never => { throw new FormatError(`${name}: ${what}`, { name }); };
  if (bytes.length < 8) fail(`${bytes.length} bytes are too few for a safetensors file`);
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  if (length > bytes.length - 8) fail(`its header claims ${length} bytes and the file has ${bytes.length}: it is cut short or not a safetensors file`);
  let header: Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }> & { __metadata__?: Record<string, string> };
  try {
    header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(8, 8 + length)));
  } catch {
    return fail("its header is not JSON: it is damaged or not a safetensors file");
  }
  const { __metadata__: metadata, ...entries } = header;
  if (metadata?.format === undefined) return fail("it is a safetensors file without Fiducial's metadata; only networks saved by Fiducial carry their architecture");
  if (metadata.format !== FORMAT) fail(`its format is "${metadata.format}" and this version reads "${FORMAT}"; use the version of Fiducial that wrote it, or a later one`);
  const data = bytes.subarray(8 + length);
  const parameters = new Map<string, Parameter>();
  let expected = 0;
  for (const [key, entry] of Object.entries(entries)) {
    const { dtype, shape, data_offsets: [from, to] = [Number.NaN, Number.NaN] } = entry as { dtype: string; shape: number[]; data_offsets: [number, number] };
    if (dtype !== "F32" || !Array.isArray(shape) || !(from >= 0 && to - from === 4 * sizeOf(shape))) fail(`tensor "${key}" is not float32 or its size does not match its shape`);
    if (to > data.length) fail(`tensor "${key}" ends at byte ${to} and there are ${data.length}: the file is cut short`);
    expected = Math.max(expected, to);
    const view = new DataView(data.buffer, data.byteOffset + from, to - from);
    parameters.set(key, { shape, data: Float32Array.from({ length: sizeOf(shape) }, (_, i) => view.getFloat32(4 * i, true)) });
  }
  if (data.length !== expected) fail(`${data.length - expected} bytes too many after its last tensor`);
  if (bytesToHex(sha256(data)) !== metadata.sha256) fail("its checksum does not match its weights: the file is damaged, fetch it again");
  let architecture: Architecture;
  let provenance: Provenance;
  try {
    architecture = JSON.parse(metadata.architecture);
    provenance = JSON.parse(metadata.provenance);
  } catch {
    return fail("its architecture is not JSON: it is damaged");
  }
  const unknown = architecture.layers?.find((l) => !layerKinds.includes(l.kind));
  if (unknown) fail(`it has a layer "${unknown.kind}" that this version does not know; it knows ${layerKinds.join(", ")}`);
  const fresh = sequential({ input: architecture.input, layers: architecture.layers, seed: 0 });
  for (const [key, p] of fresh.parameters) {
    const have = parameters.get(key);
    if (have?.shape.join() !== p.shape.join()) fail(`its architecture needs "${key}" of ${p.shape.join("×")}, the file has ${have ? have.shape.join("×") : "none"}: weights of another architecture`);
  }
  const extra = [...parameters.keys()].find((key) => !fresh.parameters.has(key));
  if (extra !== undefined) fail(`it has a tensor "${extra}" that its architecture does not use: weights of another architecture`);
  return { architecture, parameters, provenance };
}
