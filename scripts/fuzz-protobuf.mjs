// ONNX files with one to three of their fields changed, whose lengths are right, so that what reads
// nodes, shapes and tensors sees damage, too, and not the reader of fields alone.
import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

/** The fields that are messages, by onnx.proto. */
const schema = {
  model: { 7: "graph", 8: "opset" },
  graph: { 1: "node", 5: "tensor", 11: "port", 12: "port" },
  node: { 5: "attribute" },
  attribute: { 5: "tensor", 6: "graph" },
  port: { 2: "type" },
  type: { 1: "tensorType" },
  tensorType: { 2: "shape" },
  shape: { 1: "size" },
};
const wholes = [
  0n,
  1n,
  2n,
  3n,
  7n,
  8n,
  16n,
  64n,
  255n,
  65536n,
  2n ** 31n - 1n,
  2n ** 32n,
  2n ** 62n,
  -1n,
  -2n,
  -64n,
];
const floats = [0, 1, -1, 0.5, 1e-38, 1e38, -1e38, Number.NaN, Number.POSITIVE_INFINITY];
const pick = (list, rng) => list[rng.integer(list.length)];

function parsed(bytes, kind) {
  const reader = new BinaryReader(bytes);
  const fields = [];
  while (reader.pos < reader.len) {
    const [number, type] = reader.tag();
    const inner = schema[kind]?.[number];
    if (type === WireType.Varint) fields.push({ number, whole: BigInt(reader.int64()) });
    else if (type === WireType.Bit32) fields.push({ number, float: reader.float() });
    else if (type === WireType.Bit64) fields.push({ number, double: reader.double() });
    else if (inner) fields.push({ number, kind: inner, fields: parsed(reader.bytes(), inner) });
    else fields.push({ number, bytes: reader.bytes() });
  }
  return fields;
}
function encoded(fields) {
  const writer = new BinaryWriter();
  for (const { number, whole, float, double, bytes, fields: inner } of fields)
    if (whole !== undefined) writer.tag(number, WireType.Varint).int64(BigInt.asIntN(64, whole));
    else if (float !== undefined) writer.tag(number, WireType.Bit32).float(float);
    else if (double !== undefined) writer.tag(number, WireType.Bit64).double(double);
    else writer.tag(number, WireType.LengthDelimited).bytes(bytes ?? encoded(inner));
  return writer.finish();
}
/** Every list of fields there is, and what kind of message it makes. */
function lists(fields, found = []) {
  found.push(fields);
  for (const field of fields) if (field.fields) lists(field.fields, found);
  return found;
}
function otherBytes(bytes, all, rng) {
  const way = rng.integer(4);
  if (way === 0) return pick(all, rng);
  if (way === 1) return bytes.subarray(0, rng.integer(bytes.length + 1));
  const copy = Uint8Array.from(bytes);
  if (copy.length > 0) copy[rng.integer(copy.length)] ^= 1 << rng.integer(8);
  return copy;
}
function changeOne(root, rng) {
  const places = lists(root).filter((list) => list.length > 0);
  const list = pick(places, rng);
  const at = rng.integer(list.length);
  const field = list[at];
  const way = rng.integer(8);
  if (way === 0) list.splice(at, 1);
  else if (way === 1) list.push(structuredClone(field));
  else if (way === 2)
    list.splice(rng.integer(list.length), 0, structuredClone(pick(pick(places, rng), rng)));
  else if (field.whole !== undefined) field.whole = pick(wholes, rng);
  else if (field.float !== undefined) field.float = pick(floats, rng);
  else if (field.bytes) {
    const all = places.flatMap((fields) => fields.flatMap(({ bytes }) => bytes ?? []));
    field.bytes = otherBytes(field.bytes, all, rng);
  } else if (field.fields?.length > 0) field.fields.splice(rng.integer(field.fields.length), 1);
}

/** The file with some of its fields others. */
export function changedOnnx(bytes, rng) {
  const root = parsed(bytes, "model");
  for (let n = rng.integer(3) ? 1 : 1 + rng.integer(3); n > 0; n--) changeOne(root, rng);
  return encoded(root);
}
