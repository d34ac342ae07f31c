// A graph as JSON, as a checkpoint keeps it beside the weights: `tensors` without numbers are among
// the network's own.
import { ConfigError, quoted, sizeOf } from "../../engine/index.ts";
import {
  isRead,
  type Attribute,
  type ElementType,
  type OnnxGraph,
  type OnnxNode,
  type OnnxTensor,
  type Port,
} from "./model.ts";
import { numbersOf, typeCode } from "./tensors.ts";

/** JSON has no infinities: they are words. */
type PlainNumber = number | string;
export interface PlainTensor {
  readonly type: ElementType;
  readonly shape: readonly number[];
  readonly data?: readonly PlainNumber[];
  /** Without data: whether it is trained. */
  readonly trained?: boolean;
}
export interface PlainNode {
  readonly op: string;
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, PlainAttribute>>;
}
export interface PlainAttribute {
  readonly kind: Exclude<Attribute["kind"], "unread">;
  readonly value: unknown;
}
export interface PlainGraph {
  readonly nodes: readonly PlainNode[];
  readonly tensors: Readonly<Record<string, PlainTensor>>;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

const toPlain = (v: number): PlainNumber => (Number.isFinite(v) ? v : String(v));
const plainTensor = ({ type, shape, data }: OnnxTensor): PlainTensor => ({
  type,
  shape,
  data: Array.from(data as ArrayLike<number>, toPlain),
});
function plainAttribute({ kind, value }: Attribute): PlainAttribute {
  switch (kind) {
    case "tensor":
      return { kind, value: plainTensor(value as OnnxTensor) };
    case "graph":
      return { kind, value: plainGraph(value) };
    case "float":
      return { kind, value: toPlain(value) };
    case "floats":
      return { kind, value: value.map(toPlain) };
    case "unread":
      throw new ConfigError(`an attribute is ${value}, which is not read`, {});
    default:
      return { kind, value };
  }
}
/** `kept` are tensors whose numbers stay out of it, and whether each is trained. */
export function plainGraph(
  graph: OnnxGraph,
  kept: ReadonlyMap<string, boolean> = new Map(),
): PlainGraph {
  const tensors = [...graph.tensors].map(([name, tensor]): [string, PlainTensor] => {
    if (!isRead(tensor))
      throw new ConfigError(`tensor ${quoted(name)} is ${tensor.unread}, which is not read`, {});
    const { type, shape } = tensor;
    const trained = kept.get(name);
    return [name, trained === undefined ? plainTensor(tensor) : { type, shape, trained }];
  });
  return {
    nodes: graph.nodes.map(({ op, name, inputs, outputs, attributes }) => ({
      op,
      name,
      inputs,
      outputs,
      attributes: Object.fromEntries([...attributes].map(([key, a]) => [key, plainAttribute(a)])),
    })),
    tensors: Object.fromEntries(tensors),
    inputs: graph.inputs.map((port) => port.name),
    outputs: graph.outputs.map((port) => port.name),
  };
}

type Json = Readonly<Record<string, unknown>>;
const isObject = (v: unknown): v is Json =>
  typeof v === "object" && v !== null && !Array.isArray(v);
function fail(what: string, value: unknown): never {
  throw new ConfigError(`its graph: ${what} is ${quoted(value)}`, {});
}
function listOf<T>(value: unknown, what: string, read: (item: unknown) => T): T[] {
  return Array.isArray(value) ? value.map(read) : fail(what, value);
}
const textOf = (value: unknown): string =>
  typeof value === "string" ? value : fail("a name", value);
function numberOf(value: unknown): number {
  if (typeof value === "number") return value;
  const isWord = value === "Infinity" || value === "-Infinity" || value === "NaN";
  return isWord ? Number(value) : fail("a number", value);
}
function sizeOfAxis(value: unknown): number {
  return Number.isSafeInteger(value) && (value as number) >= 0
    ? (value as number)
    : fail("a size", value);
}
function typeOf(value: unknown): ElementType {
  return typeof value === "string" && typeCode(value as ElementType) > 0
    ? (value as ElementType)
    : fail("a type", value);
}
function readTensor(value: unknown): OnnxTensor {
  if (!isObject(value)) return fail("a tensor", value);
  const type = typeOf(value.type);
  const shape = listOf(value.shape, "a shape", sizeOfAxis);
  const data = listOf(value.data, "a tensor's numbers", numberOf);
  if (data.length !== sizeOf(shape))
    fail(`a tensor of ${quoted(shape)} with so many numbers`, data.length);
  return { type, shape, data: numbersOf(type, data) };
}
function readAttribute(value: unknown): Attribute {
  if (!isObject(value)) return fail("an attribute", value);
  const { kind, value: given } = value;
  switch (kind) {
    case "int":
    case "float":
      return { kind, value: numberOf(given) };
    case "text":
      return { kind, value: textOf(given) };
    case "ints":
    case "floats":
      return { kind, value: listOf(given, "a list of numbers", numberOf) };
    case "texts":
      return { kind, value: listOf(given, "a list of words", textOf) };
    case "tensor":
      return { kind, value: readTensor(given) };
    case "graph":
      return { kind, value: readPlainGraph(given).graph };
    default:
      return fail("an attribute's kind", kind);
  }
}
function readNode(value: unknown): OnnxNode {
  if (!isObject(value) || !isObject(value.attributes)) return fail("a node", value);
  return {
    op: textOf(value.op),
    domain: "",
    name: textOf(value.name),
    inputs: listOf(value.inputs, "inputs", textOf),
    outputs: listOf(value.outputs, "outputs", textOf),
    attributes: new Map(
      Object.entries(value.attributes).map(([key, a]) => [key, readAttribute(a)]),
    ),
  };
}
/** A tensor of the network's own. */
export interface KeptTensor {
  readonly type: ElementType;
  readonly shape: readonly number[];
  readonly trained: boolean;
}
/** Throws ConfigError that says what of it is no graph. */
export function readPlainGraph(value: unknown): {
  graph: OnnxGraph;
  kept: ReadonlyMap<string, KeptTensor>;
} {
  if (!isObject(value) || !isObject(value.tensors)) return fail("it", value);
  const kept = new Map<string, KeptTensor>();
  const tensors = new Map<string, OnnxTensor>();
  for (const [name, tensor] of Object.entries(value.tensors)) {
    if (isObject(tensor) && tensor.data === undefined)
      kept.set(name, {
        type: typeOf(tensor.type),
        shape: listOf(tensor.shape, "a shape", sizeOfAxis),
        trained: tensor.trained === true,
      });
    else tensors.set(name, readTensor(tensor));
  }
  const port = (name: unknown): Port => ({ name: textOf(name), type: "float32" });
  const graph: OnnxGraph = {
    name: "",
    nodes: listOf(value.nodes, "nodes", readNode),
    tensors,
    // what the network keeps comes in like an input
    inputs: [...listOf(value.inputs, "inputs", port), ...[...kept.keys()].map(port)],
    outputs: listOf(value.outputs, "outputs", port),
  };
  return { graph, kept };
}
