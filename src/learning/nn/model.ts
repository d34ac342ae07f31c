// Networks of several inputs and outputs: a graph whose input is all of them, one behind the other,
// and so is its output. So they are trained, saved and run as any other network.
import {
  ConfigError,
  GraphBuilder,
  ops,
  present,
  ShapeError,
  sizeOf,
  type Shape,
} from "../../engine/index.ts";
import type { Initializer } from "./initializers.ts";
import type { GraphBlock, GraphNode } from "./block-layers.ts";
import { applyNetwork, sequential, type Network } from "./network.ts";
import { checkNames, near } from "./option-types.ts";
import { identityPhysics } from "./scope.ts";

/**
 * A network of named inputs (one sample's shapes, without the batch), nodes as `graph` has them,
 * and the nodes that it gives (the last one unless said). Its input is [N, all inputs], its output
 * [N, all outputs], each row-major, in the order of their names; joinInputs and splitOutputs put
 * them together and take them apart. With one output its shape stays as it is.
 */
export function model(options: {
  inputs: Readonly<Record<string, Shape>>;
  nodes: readonly GraphNode[];
  outputs?: readonly string[];
  seed: number;
  initializer?: Initializer;
}): Network {
  checkNames(
    "model",
    options,
    ["inputs", "nodes", "outputs", "seed", "initializer"],
    ["inputs", "nodes", "seed"],
  );
  const { inputs, nodes, outputs, seed, initializer } = options;
  const input = [Object.values(inputs).reduce((n, shape) => n + sizeOf(shape), 0)];
  const block: GraphBlock = { kind: "graph", inputs, nodes, ...present({ outputs }) };
  return sequential({ input, seed, layers: [block], ...present({ initializer }) });
}

/** The block of a network that `model` made. Throws ConfigError for another. */
function blockOf(network: Network, what: string): GraphBlock {
  const [block, ...more] = network.architecture.layers;
  if (block?.kind === "graph" && more.length === 0) return block;
  throw new ConfigError(`${what}: the network is no nn.model of several inputs or outputs`, {});
}

/**
 * The input of `count` samples from each input's own numbers, [count, …shape] row-major. Throws
 * ConfigError for a name that is wrong or lacks, ShapeError for another number of values.
 */
export function joinInputs(
  network: Network,
  given: Readonly<Record<string, ArrayLike<number>>>,
  count: number,
): Float32Array {
  const { inputs = { x: network.architecture.input } } = blockOf(network, "joinInputs");
  const names = Object.keys(inputs);
  const strange = Object.keys(given).find((name) => !names.includes(name));
  const missing = names.find((name) => !Object.hasOwn(given, name));
  if (strange !== undefined || missing !== undefined) {
    const what =
      strange === undefined ? `input "${missing}" is missing` : `there is no input "${strange}"`;
    const hint = strange === undefined ? "" : near(strange, names);
    throw new ConfigError(`joinInputs: ${what}: ${hint}the network has ${names.join(", ")}`, {
      name: strange,
    });
  }
  const sizes = names.map((name) => sizeOf(inputs[name]));
  const total = sizes.reduce((a, b) => a + b, 0);
  const all = new Float32Array(count * total);
  let at = 0;
  names.forEach((name, k) => {
    const values = given[name];
    if (values.length !== count * sizes[k])
      throw new ShapeError(
        `joinInputs: "${name}" has ${values.length} values; ${count} samples of ${inputs[name].join("×")} have ${count * sizes[k]}`,
        { name },
      );
    for (let i = 0; i < count; i++)
      for (let j = 0; j < sizes[k]; j++) all[i * total + at + j] = values[i * sizes[k] + j];
    at += sizes[k];
  });
  return all;
}

/** One sample's shape of every output of a network that `model` made, in their order. */
export function outputShapes(network: Network): [string, Shape][] {
  const { outputs = [] } = blockOf(network, "splitOutputs");
  const shapes = new Map<string, Shape>();
  const b = new GraphBuilder(ops);
  const x = b.input("x", [1, ...network.architecture.input]);
  const { y } = applyNetwork(b, network, x, {
    trainable: false,
    physics: identityPhysics(x),
    onLayer: (name, kind, value) => {
      if (kind === "output") shapes.set(name.slice(name.indexOf(".", 2) + 1), value.shape.slice(1));
    },
  });
  return outputs.length > 0
    ? outputs.map((name) => [name, shapes.get(name)!])
    : [["y", y.shape.slice(1)]];
}

/** Each output's own numbers of `count` samples, [count, …shape] row-major. */
export function splitOutputs(
  network: Network,
  y: ArrayLike<number>,
  count: number,
): Readonly<Record<string, { readonly shape: Shape; readonly data: Float32Array }>> {
  const shapes = outputShapes(network);
  const total = shapes.reduce((n, [, shape]) => n + sizeOf(shape), 0);
  if (y.length !== count * total)
    throw new ShapeError(
      `splitOutputs: ${y.length} values; ${count} samples have ${count * total}`,
      { count },
    );
  let at = 0;
  return Object.fromEntries(
    shapes.map(([name, shape]) => {
      const size = sizeOf(shape);
      const from = at;
      at += size;
      const value = (i: number): number => y[Math.floor(i / size) * total + from + (i % size)];
      const data = Float32Array.from({ length: count * size }, (_, i) => value(i));
      return [name, { shape: [count, ...shape], data }];
    }),
  );
}
