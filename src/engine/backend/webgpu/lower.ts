// From groups to the steps that run: every group gets a kernel.
import { sizeOf, type Shape } from "../../core/shape.ts";
import type { Graph, OpNode } from "../../graph/ir.ts";
import { ops } from "../../ops/index.ts";
import { fuse, type Expression, type Group, type Reach } from "../fusion.ts";
import type { Program, StepValues } from "../placement.ts";
import type { KernelContext } from "./kernel.ts";
import { expression } from "./kernels/elementwise.ts";
import { kernels } from "./kernels/index.ts";
import { filled } from "./kernels/movement.ts";

/**
 * An expression done to a kernel's output before it is written: operand `source` is that output,
 * the others are read from memory.
 */
export interface Epilogue {
  readonly expression: Expression;
  readonly source: number;
}
export interface Step extends StepValues {
  /** What a person reads: `conv2d + relu`. */
  readonly label: string;
  readonly inputs: Readonly<Record<string, number>>;
  /** Operands of the epilogue, after the inputs. */
  readonly extra: readonly number[];
  readonly shapes: Readonly<Record<string, Shape>>;
  readonly extraShapes: readonly Shape[];
  readonly out: Shape;
  readonly attrs: unknown;
  readonly emit: (k: KernelContext) => void;
  readonly epilogue?: Epilogue;
  readonly flops: number;
}

const MOST_OPS = 24;
/** Kernels that write every element once, by `store`, can go on with what they write. */
const REACH: Readonly<Record<string, Reach>> = {
  conv2d: "channels",
  conv_transpose2d: "channels",
  normalize: "channels",
  matmul: "values",
};
const reach = (source: OpNode): Reach => REACH[source.op] ?? "nothing";

/** Steps of the nodes `order` of a graph. `arrays`: most that a shader can be bound to. */
export function lower(graph: Graph, order: readonly number[], arrays: number): Program<Step> {
  // an expression of m ops over n inputs reads n − m + 1 arrays and writes m at most; with what
  // feeds it, two more are read
  const { groups, root } = fuse(graph, order, {
    reach,
    limits: { ops: MOST_OPS, operands: arrays - 2 },
  });
  const shapeOf = (id: number): Shape => graph.nodes[id].shape;
  return { steps: groups.map((group) => stepOf(graph, group)), shapeOf, root };
}

function stepOf(graph: Graph, group: Group): Step {
  const parts = group.source
    ? sourceParts(graph, group.source, group)
    : expressionParts(group, group.expression!);
  const shapeOf = (id: number): Shape => graph.nodes[id].shape;
  return {
    ...parts,
    shapes: Object.fromEntries(
      Object.entries(parts.inputs).map(([name, id]) => [name, shapeOf(id)]),
    ),
    extraShapes: parts.extra.map(shapeOf),
    reads: [...Object.values(parts.inputs), ...parts.extra],
    outputs: group.outputs,
    once: false,
  };
}
type Parts = Omit<Step, "shapes" | "extraShapes" | "reads" | "outputs" | "once">;

function expressionParts(group: Group, e: Expression): Parts {
  const names = group.nodes.map((m) => m.op);
  const { length } = names;
  return {
    label: length > 3 ? `${names[0]} + … + ${names[length - 1]} (${length})` : names.join(" + "),
    inputs: Object.fromEntries(group.operands.map((id, i) => [String(i), id])),
    extra: [],
    out: e.shape,
    attrs: e,
    emit: expression(e),
    inPlace: group.inPlace,
    flops: length * sizeOf(e.shape),
  };
}

function sourceParts(graph: Graph, node: OpNode, group: Group): Parts {
  const names = group.nodes.filter((m) => m !== node).map((m) => m.op);
  const { expression: e } = group;
  return {
    label: [node.op, ...names].join(" + "),
    inputs: node.inputs,
    extra: group.operands.filter((id) => id !== node.id),
    out: node.shape,
    attrs: node.attrs,
    emit: kernelOf(graph, node),
    ...(e ? { epilogue: { expression: e, source: group.operands.indexOf(node.id) } } : {}),
    inPlace: group.inPlace,
    flops: flopsOf(graph, node),
  };
}

/** Of nothing, a sum is 0 and a maximum −∞: no kernel need know it. */
function kernelOf(graph: Graph, node: OpNode): Step["emit"] {
  const isEmpty = Object.values(node.inputs).some((id) => sizeOf(graph.nodes[id].shape) === 0);
  if (isEmpty && node.op === "reduce_max") return filled(Number.NEGATIVE_INFINITY);
  if (isEmpty && node.op !== "concat") return filled(0);
  return kernels[node.op as keyof typeof kernels] as Step["emit"];
}

function flopsOf(graph: Graph, node: OpNode): number {
  const shapes = Object.fromEntries(
    Object.entries(node.inputs).map(([name, id]) => [name, graph.nodes[id].shape]),
  );
  const { flops } = ops[node.op];
  return flops === undefined ? 0 : flops(shapes as never, node.attrs as never, node.shape);
}
