// An ONNX file's bytes → plain data. Field numbers: onnx/onnx.proto.
import { FormatError, quoted } from "../../engine/index.ts";
import type {
  Attribute,
  OnnxFile,
  OnnxGraph,
  OnnxNode,
  OnnxTensor,
  Port,
  Size,
  Unread,
} from "./model.ts";
import { ordered } from "./order.ts";
import {
  elementType,
  openTensor,
  typeName,
  type ReadExternal,
  type StoredTensor,
} from "./tensors.ts";
import { readMessage, type Field, type Readers } from "./wire.ts";

export interface ReadOnnxOptions {
  /** The file's name, for messages. */
  readonly name?: string | undefined;
  /**
   * Gives the bytes of a file beside the model by its path relative to the model's folder, where
   * large weights may be; undefined where there is none. Paths that leave the folder are refused
   * before it is asked.
   */
  readonly readExternal?: ReadExternal | undefined;
}
const MOST_NODES = 50_000;
interface Source {
  readonly name: string;
  readonly readExternal: ReadExternal | undefined;
}

function readEntry(field: Field, into: Map<string, string>): void {
  let [key, value] = ["", ""];
  field.message({
    1: (f) => {
      key = f.text();
    },
    2: (f) => {
      value = f.text();
    },
  });
  into.set(key, value);
}
/** Fields of TensorProto, by which a file of one tensor is read, too. */
function tensorFields(tensor: StoredTensor): Readers {
  const values = (f: Field): void => {
    tensor.values.push(f.wholes());
  };
  return {
    1: (f) => {
      tensor.dims.push(...f.wholes().subarray(0, 64));
    },
    2: (f) => {
      tensor.code = f.whole();
    },
    4: (f) => {
      tensor.values.push(f.floats());
    },
    5: values,
    7: values,
    8: (f) => {
      tensor.name = f.text();
    },
    9: (f) => {
      tensor.raw = f.bytes();
    },
    10: (f) => {
      tensor.values.push(f.doubles());
    },
    11: values,
    13: (f) => {
      tensor.external ??= new Map();
      readEntry(f, tensor.external);
    },
  };
}
const noTensor = (): StoredTensor => ({ name: "", code: 0, dims: [], values: [] });
function readTensor(field: Field, source: Source): { name: string; tensor: OnnxTensor | Unread } {
  const stored = noTensor();
  field.message(tensorFields(stored));
  return { name: stored.name, tensor: openTensor(stored, source.name, source.readExternal) };
}

function readShape(field: Field): Size[] {
  const shape: Size[] = [];
  const readSize = (f: Field): void => {
    let size: Size;
    f.message({
      1: (v) => {
        size = v.whole();
      },
      2: (v) => {
        size = v.text() || undefined;
      },
    });
    // some exporters write an unknown size as 0 or −1
    shape.push(typeof size === "number" && size < 1 ? undefined : size);
  };
  field.message({ 1: readSize });
  return shape;
}
function readPort(field: Field): Port {
  let port: Port = { name: "" };
  const readTensorType = (f: Field): void => {
    f.message({
      1: (v) => {
        const code = v.whole();
        const type = elementType(code);
        port = { ...port, type, unread: type === undefined ? typeName(code) : undefined };
      },
      2: (v) => {
        port = { ...port, shape: readShape(v) };
      },
    });
  };
  const no = (what: string) => (): void => {
    port = { ...port, unread: what };
  };
  const readType = (f: Field): void =>
    f.message({
      1: readTensorType,
      4: skipped(no("a sequence")),
      5: skipped(no("a map")),
      8: skipped(no("a sparse tensor")),
      9: skipped(no("an optional")),
    });
  field.message({
    1: (f) => {
      port = { ...port, name: f.text() };
    },
    2: readType,
  });
  return port;
}
const skipped =
  (then: () => void) =>
  (f: Field): void => {
    f.bytes();
    then();
  };

function readAttribute(field: Field, source: Source): { name: string; attribute: Attribute } {
  let name = "";
  let attribute: Attribute | undefined;
  const lists = { ints: [] as number[], floats: [] as number[], texts: [] as string[] };
  let code = 0;
  const set = (a: Attribute): void => {
    attribute = a;
  };
  const unread = (what: string) => skipped(() => set({ kind: "unread", value: what }));
  field.message({
    1: (f) => {
      name = f.text();
    },
    2: (f) => set({ kind: "float", value: f.float() }),
    3: (f) => set({ kind: "int", value: f.whole() }),
    4: (f) => set({ kind: "text", value: f.text() }),
    5: (f) => set({ kind: "tensor", value: readTensor(f, source).tensor }),
    6: (f) => set({ kind: "graph", value: readGraph(f, source) }),
    7: (f) => {
      for (const v of f.floats()) lists.floats.push(v);
    },
    8: (f) => {
      for (const v of f.wholes()) lists.ints.push(v);
    },
    9: (f) => {
      lists.texts.push(f.text());
    },
    10: unread("tensors"),
    11: unread("graphs"),
    14: unread("a type"),
    15: unread("types"),
    20: (f) => {
      code = f.whole();
    },
    21: unread("a reference to a function's attribute"),
    22: unread("a sparse tensor"),
    23: unread("sparse tensors"),
  });
  return { name, attribute: attribute ?? listAttribute(lists, code) };
}
/** A list, or the default of the written type, which protobuf leaves out. */
function listAttribute(
  lists: { ints: number[]; floats: number[]; texts: string[] },
  code: number,
): Attribute {
  const { ints, floats, texts } = lists;
  if (code === 6 || floats.length > 0) return { kind: "floats", value: floats };
  if (code === 7 || ints.length > 0) return { kind: "ints", value: ints };
  if (code === 8 || texts.length > 0) return { kind: "texts", value: texts };
  if (code === 1) return { kind: "float", value: 0 };
  if (code === 2) return { kind: "int", value: 0 };
  return { kind: "text", value: "" };
}

function readNode(field: Field, source: Source): OnnxNode {
  const inputs: string[] = [];
  const outputs: string[] = [];
  const attributes = new Map<string, Attribute>();
  let [name, op, domain] = ["", "", ""];
  field.message({
    1: (f) => {
      inputs.push(f.text());
    },
    2: (f) => {
      outputs.push(f.text());
    },
    3: (f) => {
      name = f.text();
    },
    4: (f) => {
      op = f.text();
    },
    5: (f) => {
      const a = readAttribute(f, source);
      attributes.set(a.name, a.attribute);
    },
    7: (f) => {
      domain = f.text();
    },
  });
  return { op, domain: domain === "ai.onnx" ? "" : domain, name, inputs, outputs, attributes };
}

function readGraph(field: Field, source: Source): OnnxGraph {
  const nodes: OnnxNode[] = [];
  const tensors = new Map<string, OnnxTensor | Unread>();
  const inputs: Port[] = [];
  const outputs: Port[] = [];
  let name = "";
  field.message({
    1: (f) => {
      if (nodes.length === MOST_NODES)
        throw new FormatError(
          `${source.name}: it has over ${MOST_NODES} nodes, more than any network`,
          {},
        );
      nodes.push(readNode(f, source));
    },
    2: (f) => {
      name = f.text();
    },
    5: (f) => {
      const t = readTensor(f, source);
      if (tensors.has(t.name))
        throw new FormatError(
          `${source.name}: two tensors are called ${quoted(t.name)}; export it again`,
          {},
        );
      tensors.set(t.name, t.tensor);
    },
    11: (f) => {
      inputs.push(readPort(f));
    },
    12: (f) => {
      outputs.push(readPort(f));
    },
    15: skipped(() => {
      tensors.set(`sparse tensor ${tensors.size}`, { unread: "a sparse tensor" });
    }),
  });
  return ordered({ name, nodes, tensors, inputs, outputs });
}

/**
 * Reads an ONNX file. Throws FormatError that says in one line what is wrong: no protobuf, cut
 * short, nested or long beyond any network, tensors whose numbers are not as many as their shape
 * says, or whose file is not in the model's folder. It computes nothing and judges no op.
 */
export function readOnnx(bytes: Uint8Array, options: ReadOnnxOptions = {}): OnnxFile {
  const source: Source = { name: options.name ?? "model.onnx", readExternal: options.readExternal };
  let graph: OnnxGraph | undefined;
  let [irVersion, opset, producer] = [0, 0, ""];
  const metadata = new Map<string, string>();
  const readOpset = (f: Field): void => {
    let [domain, version] = ["", 0];
    f.message({
      1: (v) => {
        domain = v.text();
      },
      2: (v) => {
        version = v.whole();
      },
    });
    if (domain === "" || domain === "ai.onnx") opset = version;
  };
  readMessage(bytes, source.name, {
    1: (f) => {
      irVersion = f.whole();
    },
    2: (f) => {
      producer = f.text();
    },
    7: (f) => {
      graph = readGraph(f, source);
    },
    8: readOpset,
    14: (f) => readEntry(f, metadata),
  });
  if (graph === undefined)
    throw new FormatError(
      `${source.name}: it has no graph: it is not an ONNX file; export it again`,
      {},
    );
  // before there were versions of opsets, there was the first one
  return { irVersion, opset: opset === 0 ? 1 : opset, producer, metadata, graph };
}

/** Reads a file of one tensor (TensorProto), as the conformance suite keeps them. */
export function readOnnxTensor(
  bytes: Uint8Array,
  name = "tensor.pb",
): OnnxTensor & { readonly name: string } {
  const stored = noTensor();
  readMessage(bytes, name, tensorFields(stored));
  const tensor = openTensor(stored, name);
  if ("unread" in tensor) throw new FormatError(`${name}: ${tensor.unread} is not read`, { name });
  return { ...tensor, name: stored.name };
}
