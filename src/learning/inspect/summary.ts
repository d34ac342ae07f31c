// What a network is made of: layers, shapes, parameters, operations, and how much of the image one
// output cell sees.
import { GraphBuilder, ops, sizeOf, type Catalogue, type OpDef, type OpName, type Shape } from "../../engine/index.ts";
import { applyNetwork, type Network } from "../nn/network.ts";

export interface LayerSummary {
  readonly name: string;
  readonly kind: string;
  readonly shape: Shape;
  readonly parameters: number;
  readonly flops: number;
  /**
   * Side, in input pixels, of the square that one cell of this layer sees through its convolutions
   * and pools; Infinity once it is flattened.
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

/** Summary for one sample. Operations count multiplications and additions, for a batch of one. */
export function summarize(network: Network): NetworkSummary {
  const b = new GraphBuilder(ops);
  const x = b.input("x", [1, ...network.architecture.input]);
  const marks: { name: string; kind: string; id: number; shape: Shape; from: number; to: number }[] = [];
  let from = 0;
  applyNetwork(b, network, x, {
    onLayer: (name, kind, y) => {
      marks.push({ name, kind, id: y.id, shape: y.shape, from, to: b.nodes.length });
      from = b.nodes.length;
    },
  });
  /** receptive field and step between neighbouring cells, in input pixels */
  const seen = new Map<number, { field: number; step: number }>([[x.id, { field: 1, step: 1 }]]);
  const flops = new Map<number, number>();
  for (const node of b.nodes) {
    if (node.kind !== "op") continue;
    const def = ops[node.op] as unknown as OpDef<OpName>;
    const shapes = Object.fromEntries(Object.entries(node.inputs).map(([k, id]) => [k, b.nodes[id].shape]));
    flops.set(node.id, def.flops?.(shapes as never, node.attrs as never, node.shape) ?? 0);
    const inputs = Object.values(node.inputs).flatMap((id) => seen.get(id) ?? []);
    if (inputs.length === 0) continue;
    let field = Math.max(...inputs.map((i) => i.field));
    let step = Math.min(...inputs.map((i) => i.step));
    if (node.op === "conv2d") {
      const a = node.attrs as Catalogue["conv2d"]["attrs"];
      field += (b.nodes[node.inputs.w].shape[2] - 1) * a.dilation[0] * step;
      step *= a.stride[0];
    } else if (node.op === "conv_transpose2d") {
      const a = node.attrs as Catalogue["conv_transpose2d"]["attrs"];
      field += Math.max(0, Math.ceil(b.nodes[node.inputs.w].shape[2] / a.stride[0]) - 1) * step;
      step /= a.stride[0];
    } else if (node.op === "max_pool2d" || node.op === "avg_pool2d") {
      const a = node.attrs as Catalogue["max_pool2d"]["attrs"];
      field += (a.kernel[0] - 1) * step;
      step *= a.stride[0];
    } else if (node.op === "matmul") field = Number.POSITIVE_INFINITY;
    seen.set(node.id, { field, step });
  }
  const layers = marks.map(({ name, kind, id, shape, from: start, to }) => ({
    name,
    kind,
    shape: shape.slice(1),
    parameters: b.nodes
      .slice(start, to)
      .reduce((n, node) => n + (node.kind === "parameter" ? sizeOf(node.shape) : 0), 0),
    flops: b.nodes.slice(start, to).reduce((n, node) => n + (flops.get(node.id) ?? 0), 0),
    receptiveField: seen.get(id)?.field ?? Number.POSITIVE_INFINITY,
  }));
  return {
    layers,
    parameters: layers.reduce((n, l) => n + l.parameters, 0),
    flops: layers.reduce((n, l) => n + l.flops, 0),
    receptiveField: layers.at(-1)?.receptiveField ?? 1,
    dependsOnWholeImage: b.nodes.some((n) => n.kind === "op" && (n.op === "normalize" || n.op === "matmul")),
  };
}
