// What shapes are made of, and constants: Shape, Size, Range, Cast and their kin.
import { quoted, sizeOf } from "../../../engine/index.ts";
import type { Call, Family, Val } from "../call.ts";
import { isRead, type ElementType, type OnnxNode } from "../model.ts";
import { elementType, typeName } from "../tensors.ts";
import { converted } from "./arithmetic.ts";

/** More than any axis or list of indices has. */
const MOST = 2 ** 22;

function shapeOf(call: Call): Val {
  const { shape } = call.value(0);
  const clamp = (at: number): number =>
    Math.min(Math.max(at < 0 ? at + shape.length : at, 0), shape.length);
  const [start, end] = [clamp(call.int("start", 0)), clamp(call.int("end", shape.length))];
  const part = shape.slice(start, Math.max(start, end));
  return call.give(call.graph.constant(part, [part.length]), "int64");
}
function range(call: Call): Val {
  const [start, limit, delta] = [call.number(0), call.number(1), call.number(2)];
  const count = Math.max(0, Math.ceil((limit - start) / delta));
  if (!(count <= MOST))
    call.fail(`it counts from ${start} to ${limit} by ${delta}, which does not end`);
  call.graph.spend(count);
  const values = Float64Array.from({ length: count }, (_, i) => start + i * delta);
  return call.give(call.graph.constant(values, [count]));
}
/** Sizes as they may stand in a shape. */
export function sizes(call: Call, numbers: readonly number[]): number[] {
  const wrong = numbers.find((n) => !Number.isSafeInteger(n) || n < 0);
  if (wrong !== undefined) call.fail(`a size would be ${wrong}`);
  return [...numbers];
}
function constantOfShape(call: Call): Val {
  const value = call.tensor("value");
  const shape = sizes(call, call.numbers(0));
  return call.give(call.graph.filled(value ? value.data[0] : 0, shape), value?.type ?? "float32");
}
function constant(call: Call): Val {
  const { attributes } = call.node;
  const list = (values: readonly number[], type: ElementType): Val =>
    call.give(call.graph.constant(values, [values.length]), type);
  const one = (value: number, type: ElementType): Val => call.give(call.graph.scalar(value), type);
  if (attributes.has("value_float")) return one(call.float("value_float"), "float32");
  if (attributes.has("value_int")) return one(call.int("value_int"), "int64");
  if (attributes.has("value_floats")) return list(call.floats("value_floats") ?? [], "float32");
  if (attributes.has("value_ints")) return list(call.ints("value_ints") ?? [], "int64");
  const tensor = call.tensor("value") ?? call.fail("its attribute value is missing");
  return call.give(call.graph.constant(tensor.data, tensor.shape), tensor.type);
}
function refusesConstant(node: OnnxNode): string | undefined {
  const strange = ["sparse_value", "value_string", "value_strings"].find((name) =>
    node.attributes.has(name),
  );
  return strange && `attribute ${strange}`;
}
function targetOf(node: OnnxNode): number | string | undefined {
  const to = node.attributes.get("to");
  return to?.kind === "int" || to?.kind === "text" ? to.value : undefined;
}
/** Before opset 6 the type is named in words. */
const typeOfTarget = (to: number | string | undefined): ElementType | undefined => {
  if (typeof to === "number") return elementType(to);
  const word = (to ?? "").toLowerCase();
  return ({ float: "float32", double: "float64" }[word] ?? (word || undefined)) as
    | ElementType
    | undefined;
};
function refusesCast(node: OnnxNode): string | undefined {
  const to = targetOf(node);
  if (typeof to === "number") return elementType(to) ? undefined : `a cast to ${typeName(to)}`;
  return to === undefined ? "a cast to no type" : undefined;
}
function cast(call: Call): Val {
  const to =
    typeOfTarget(targetOf(call.node)) ?? call.fail(`it casts to ${quoted(targetOf(call.node))}`);
  return converted(call, call.input(0), to);
}
function eyeLike(call: Call): Val {
  const { type, value } = call.input(0);
  if (value.shape.length !== 2) call.fail("its input is no matrix");
  const [rows, columns] = sizes(call, value.shape);
  const k = call.int("k", 0);
  call.graph.spend(rows * columns);
  const data = Float64Array.from({ length: rows * columns }, (_, i) =>
    i % columns === Math.floor(i / columns) + k ? 1 : 0,
  );
  const named = call.node.attributes.has("dtype") ? elementType(call.int("dtype")) : type;
  return call.give(call.graph.constant(data, [rows, columns]), named ?? type);
}
const tensorIsRead = (node: OnnxNode): string | undefined => {
  const value = node.attributes.get("value");
  return value?.kind === "tensor" && !isRead(value.value)
    ? `a tensor of ${value.value.unread}`
    : undefined;
};

export const shapeOps: Family = {
  Shape: { attributes: "start end", run: shapeOf },
  Size: { run: (call) => call.give(call.graph.scalar(sizeOf(call.value(0).shape)), "int64") },
  Range: { run: range },
  ConstantOfShape: { attributes: "value", refuses: tensorIsRead, run: constantOfShape },
  Constant: {
    attributes:
      "value value_float value_floats value_int value_ints value_string value_strings sparse_value",
    refuses: (node) => refusesConstant(node) ?? tensorIsRead(node),
    run: constant,
  },
  Cast: { attributes: "to saturate round_mode", refuses: refusesCast, run: cast },
  CastLike: {
    attributes: "saturate round_mode",
    run: (call) => converted(call, call.input(0), call.input(1).type),
  },
  EyeLike: { attributes: "k dtype", run: eyeLike },
};
