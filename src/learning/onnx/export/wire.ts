// An ONNX model as bytes: its messages in protobuf's format, field by field. Source: onnx.proto of
// ONNX 1.12.
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { ConfigError, sizeOf, type Bytes } from "../../../engine/index.ts";
import {
  IR_VERSION,
  OPSET,
  type Attribute,
  type OnnxModel,
  type OnnxNode,
  type Tensor,
  type ValueInfo,
} from "./model.ts";

/** No protobuf message may be longer. */
const MOST_BYTES = 2 ** 31 - 1;

type Writer = BinaryWriter;
function text(w: Writer, field: number, value: string): void {
  w.tag(field, WireType.LengthDelimited).string(value);
}
function whole(w: Writer, field: number, value: number): void {
  w.tag(field, WireType.Varint).int64(value);
}
/** A message within another. */
function part(w: Writer, field: number, write: () => void): void {
  w.tag(field, WireType.LengthDelimited).fork();
  write();
  w.join();
}
function pairs(w: Writer, field: number, entries: Readonly<Record<string, string>>): void {
  for (const [key, value] of Object.entries(entries))
    part(w, field, () => {
      text(w, 1, key);
      text(w, 2, value);
    });
}

/** AttributeProto.type */
const attributeTypes = { float: 1, whole: 2, text: 3, wholes: 7 } as const;

function attribute(w: Writer, name: string, value: Attribute): void {
  const typed = (type: keyof typeof attributeTypes): void => whole(w, 20, attributeTypes[type]);
  text(w, 1, name);
  if (typeof value === "number") {
    whole(w, 3, value);
    typed("whole");
  } else if (typeof value === "string") {
    text(w, 4, value);
    typed("text");
  } else if ("float" in value) {
    w.tag(2, WireType.Bit32).float(value.float);
    typed("float");
  } else {
    for (const one of value) whole(w, 8, one);
    typed("wholes");
  }
}
function node(w: Writer, { op, name, inputs, output, attributes }: OnnxNode): void {
  for (const input of inputs) text(w, 1, input);
  text(w, 2, output);
  text(w, 3, name);
  text(w, 4, op);
  for (const [key, value] of Object.entries(attributes)) part(w, 5, () => attribute(w, key, value));
}

/** TensorProto.data_type, as far as it is written. */
const FLOAT32 = 1;
function dataType({ data }: Tensor): number {
  if (data instanceof Float32Array) return FLOAT32;
  return data instanceof Int32Array ? 6 : 7;
}
/** Little-endian, as every machine that WebAssembly runs on has them. */
function rawBytes({ data }: Tensor): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}
function tensor(w: Writer, given: Tensor): void {
  for (const size of given.shape) whole(w, 1, size);
  whole(w, 2, dataType(given));
  text(w, 8, given.name);
  w.tag(9, WireType.LengthDelimited).bytes(rawBytes(given));
}

function dimension(w: Writer, size: number | string): void {
  if (typeof size === "number") whole(w, 1, size);
  else if (size !== "") text(w, 2, size);
}
function valueInfo(w: Writer, { name, shape }: ValueInfo): void {
  text(w, 1, name);
  const dimensions = (): void => {
    for (const size of shape) part(w, 1, () => dimension(w, size));
  };
  const tensorType = (): void => {
    whole(w, 1, FLOAT32);
    part(w, 2, dimensions);
  };
  part(w, 2, () => part(w, 1, tensorType));
}

function graph(w: Writer, model: OnnxModel): void {
  for (const one of model.nodes) part(w, 1, () => node(w, one));
  text(w, 2, model.name);
  for (const one of model.initializers) part(w, 5, () => tensor(w, one));
  for (const one of model.inputs) part(w, 11, () => valueInfo(w, one));
  for (const one of model.outputs) part(w, 12, () => valueInfo(w, one));
  for (const one of model.values) part(w, 13, () => valueInfo(w, one));
}

/** The file. Throws ConfigError for a model of 2 GiB and more, which no single file may hold. */
export function encodeModel(model: OnnxModel): Bytes {
  const weights = model.initializers.reduce(
    (n, t) => n + t.data.BYTES_PER_ELEMENT * sizeOf(t.shape),
    0,
  );
  // nodes and names take the rest
  if (weights > MOST_BYTES - 2 ** 26)
    throw new ConfigError(
      `export: the weights and constants take ${(weights / 2 ** 30).toFixed(1)} GiB, and one ONNX file holds less than 2; export a smaller network or image`,
      { weights },
    );
  const w = new BinaryWriter();
  whole(w, 1, IR_VERSION);
  text(w, 2, model.producer.name);
  text(w, 3, model.producer.version);
  text(w, 6, model.documentation);
  part(w, 7, () => graph(w, model));
  part(w, 8, () => {
    text(w, 1, "");
    whole(w, 2, OPSET);
  });
  pairs(w, 14, model.metadata);
  return w.finish();
}
