// Blocks: layers made of layers.
import {
  arithmetic,
  ConfigError,
  formatShape,
  ShapeError,
  sizeOf,
  type Value,
} from "../../engine/index.ts";
import type { Branches, EachChannel, GraphBlock, GraphNode, Residual } from "./block-layers.ts";
import type { Layer } from "./layers.ts";
import { near } from "./option-types.ts";
import { images, type Apply, type Scope } from "./scope.ts";

/** What a layer is called by: its kind, or the name of one's own. */
export const kindOf = (layer: Layer): string =>
  layer.kind === "custom" ? layer.layer : layer.kind;

/** Layers one after another, each told of; "" is the network itself. */
export function stack(scope: Scope, name: string, layers: readonly Layer[], x: Value): Value {
  const placed = layers.map((layer, i) => ({
    layer,
    name: `${name && `${name}.`}${i}.${kindOf(layer)}`,
  }));
  let y = x;
  for (let i = 0; i < placed.length; i++) {
    const { name: path, layer } = placed[i];
    const fused = i + 1 < placed.length ? scope.fused?.(placed[i], placed[i + 1]) : undefined;
    y = scope.apply(path, y, fused ?? layer);
    if (fused) i++;
    scope.onLayer?.(path, kindOf(layer), y);
  }
  return y;
}
function sameShapes(name: string, values: readonly Value[], what: string): void {
  const other = values.find((v) => v.shape.join() !== values[0].shape.join());
  if (other)
    throw new ShapeError(
      `layer ${name}: ${what} have shapes ${formatShape(values[0].shape)} and ${formatShape(other.shape)}; make them equal, for example with a 1×1 convolution`,
      { name },
    );
}

export const residual: Apply<Residual> = (scope, name, x, { body, shortcut }) => {
  const y = stack(scope, `${name}.body`, body, x);
  const around = shortcut ? stack(scope, `${name}.shortcut`, shortcut, x) : x;
  sameShapes(name, [y, around], "its body and its shortcut");
  return arithmetic(scope.b).add(y, around);
};

export const branches: Apply<Branches> = (scope, name, x, { branches: all }) => {
  if (all.length === 0) throw new ConfigError(`layer ${name}: it has no branches`, { name });
  return joined(
    scope,
    name,
    all.map((layers, i) => stack(scope, `${name}.${i}`, layers, x)),
    "concatenate",
  );
};

export const eachChannel: Apply<EachChannel> = (scope, name, x, { layers }) => {
  const [N, C, H, W] = images(name, x);
  const { reshape } = arithmetic(scope.b);
  const y = stack(scope, name, layers, reshape(x, [N * C, 1, H, W]));
  const [, made, ...size] = images(name, y);
  return reshape(y, [N, C * made, ...size]);
};

/** Sizes of several values joined cell by cell, those of 1 being repeated. */
function checkBroadcast(name: string, values: readonly Value[]): void {
  const fits = (p: Value, q: Value): boolean =>
    p.shape.length === q.shape.length &&
    p.shape.every((n, i) => n === q.shape[i] || n === 1 || q.shape[i] === 1);
  for (const value of values)
    if (!values.every((other) => fits(value, other)))
      sameShapes(name, [value, values.find((other) => !fits(value, other))!], "its inputs");
}
function joined(
  { b }: Scope,
  name: string,
  values: readonly Value[],
  join: NonNullable<GraphNode["join"]>,
): Value {
  const { concat } = arithmetic(b);
  if (values.length === 1) return values[0];
  if (join !== "concatenate") {
    checkBroadcast(name, values);
    const op = {
      add: "add",
      subtract: "sub",
      multiply: "mul",
      maximum: "maximum",
      minimum: "minimum",
    } as const;
    return values.reduce((p, q) => b.emit(op[join], { a: p, b: q }, {}));
  }
  const bare = (v: Value): string => v.shape.map((n, i) => (i === 1 ? "" : n)).join();
  const other = values.find((v) => bare(v) !== bare(values[0]));
  if (other)
    throw new ShapeError(
      `layer ${name}: ${formatShape(values[0].shape)} and ${formatShape(other.shape)} cannot be joined along the channels; make their other sizes equal`,
      { name },
    );
  return concat(values, 1);
}

/** The value of that name. Throws ConfigError where there is none, saying which there are. */
function find(name: string, values: ReadonlyMap<string, Value>, key: string, who: string): Value {
  const value = values.get(key);
  if (value !== undefined) return value;
  const names = [...values.keys()];
  throw new ConfigError(
    `layer ${name}: ${who} "${key}", which is not before it: ${near(key, names)}there are ${names.join(", ")}`,
    { name },
  );
}
/** The block's input by its name, or each of several, cut out of it. */
function inputsOf(
  { b }: Scope,
  name: string,
  x: Value,
  inputs: GraphBlock["inputs"],
): Map<string, Value> {
  if (!inputs) return new Map([["x", x]]);
  const { reshape, slice } = arithmetic(b);
  const total = Object.values(inputs).reduce((n, shape) => n + sizeOf(shape), 0);
  if (x.shape.length !== 2 || x.shape[1] !== total)
    throw new ShapeError(
      `layer ${name}: its input is ${formatShape(x.shape)}; ${Object.keys(inputs).join(", ")} one behind the other are [N×${total}]`,
      { name, shape: x.shape },
    );
  let at = 0;
  return new Map(
    Object.entries(inputs).map(([key, shape]) => {
      const part = slice(x, 1, at, at + sizeOf(shape));
      at += sizeOf(shape);
      return [key, reshape(part, [x.shape[0], ...shape])];
    }),
  );
}

export const graph: Apply<GraphBlock> = (scope, name, x, { nodes, inputs, outputs }) => {
  const values = inputsOf(scope, name, x, inputs);
  let y = x;
  for (const node of nodes) {
    if (values.has(node.name))
      throw new ConfigError(
        `layer ${name}: two nodes are called "${node.name}"; give each its own name (${[...values.keys()][0]} is the input's)`,
        { name },
      );
    const from = node.from.map((key) => find(name, values, key, `node "${node.name}" comes from`));
    if (from.length === 0 || (from.length > 1 && node.join === undefined))
      throw new ConfigError(
        `layer ${name}: node "${node.name}" has ${from.length} inputs; name one, or say how they join: add, subtract, multiply, maximum, minimum or concatenate`,
        { name },
      );
    const path = `${name}.${node.name}`;
    y = stack(scope, path, node.layers ?? [], joined(scope, path, from, node.join ?? "add"));
    values.set(node.name, y);
  }
  if (!outputs) return y;
  const { concat, reshape } = arithmetic(scope.b);
  const given = outputs.map((key) => find(name, values, key, "its outputs have"));
  outputs.forEach((key, i) => scope.onLayer?.(`${name}.${key}`, "output", given[i]));
  if (given.length === 1) return given[0];
  return concat(
    given.map((v) => reshape(v, [v.shape[0], sizeOf(v.shape.slice(1))])),
    1,
  );
};
