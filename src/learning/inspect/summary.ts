// What a network is made of: layers, shapes, parameters, operations, and how much of the image one
// output cell sees.
import {
  GraphBuilder,
  ops,
  sizeOf,
  type OpDef,
  type OpName,
  type Shape,
} from "../../engine/index.ts";
import { applyNetwork, type Network } from "../nn/network.ts";
import { identityPhysics } from "../nn/scope.ts";
import { fieldsAlong, type Seen } from "./fields.ts";

export interface LayerSummary {
  readonly name: string;
  readonly kind: string;
  readonly shape: Shape;
  readonly parameters: number;
  readonly flops: number;
  /**
   * Side, in input pixels, of the square that a cell of this layer sees through convolutions, pools
   * and changes of size, no more than the image itself; Infinity once it is flattened.
   */
  readonly receptiveField: number;
}
/** True where the layer also depends on every pixel through its channels' mean and variance. */
export interface NetworkSummary {
  readonly layers: readonly LayerSummary[];
  readonly parameters: number;
  readonly flops: number;
  readonly receptiveField: number;
  readonly dependsOnWholeImage: boolean;
}

/** The most that one cell sees along an axis. */
function widest(seen: Seen): number {
  if (seen === "all") return Number.POSITIVE_INFINITY;
  return seen.low.reduce((most, low, i) => Math.max(most, seen.high[i] - low + 1), 0);
}

/** Summary for one sample. Operations count multiplications and additions, for a batch of one. */
export function summarize(network: Network): NetworkSummary {
  const b = new GraphBuilder(ops);
  const x = b.input("x", [1, ...network.architecture.input]);
  const marks: {
    name: string;
    kind: string;
    id: number;
    shape: Shape;
    from: number;
    to: number;
  }[] = [];
  let from = 0;
  applyNetwork(b, network, x, {
    physics: identityPhysics(x),
    onLayer: (name, kind, y) => {
      marks.push({ name, kind, id: y.id, shape: y.shape, from, to: b.nodes.length });
      from = b.nodes.length;
    },
  });
  const flops = new Map<number, number>();
  for (const node of b.nodes) {
    if (node.kind !== "op") continue;
    const def = ops[node.op] as unknown as OpDef<OpName>;
    const shapes = Object.fromEntries(
      Object.entries(node.inputs).map(([k, id]) => [k, b.nodes[id].shape]),
    );
    flops.set(node.id, def.flops?.(shapes as never, node.attrs as never, node.shape) ?? 0);
  }
  const fields = ([0, 1] as const).map((axis) => fieldsAlong(b, x, axis, { statistics: false }));
  const fieldOf = (id: number): number =>
    Math.max(...fields.map((along) => widest(along.get(id) ?? "all")));
  const layers = marks.map(({ name, kind, id, shape, from: start, to }) => ({
    name,
    kind,
    shape: shape.slice(1),
    parameters: b.nodes
      .slice(start, to)
      .reduce((n, node) => n + (node.kind === "parameter" ? sizeOf(node.shape) : 0), 0),
    flops: b.nodes.slice(start, to).reduce((n, node) => n + (flops.get(node.id) ?? 0), 0),
    receptiveField: fieldOf(id),
  }));
  return {
    layers,
    parameters: layers.reduce((n, l) => n + l.parameters, 0),
    flops: layers.reduce((n, l) => n + l.flops, 0),
    receptiveField: layers.at(-1)?.receptiveField ?? 1,
    dependsOnWholeImage: b.nodes.some(
      (n) => n.kind === "op" && (n.op === "normalize" || n.op === "matmul"),
    ),
  };
}
