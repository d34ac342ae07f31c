// From groups to the steps that run: every group gets a kernel, every convolution a form (in
// forms.ts), and weights are packed once where nothing changes them.
import { sizeOf, type Shape } from "../../core/shape.ts";
import type { Graph, Node, OpNode } from "../../graph/ir.ts";
import { ops } from "../../ops/index.ts";
import { fuse, isSettled, type Expression, type Group, type Reach } from "../fusion.ts";
import type { Program, StepValues } from "../placement.ts";
import type { Pause } from "../turns.ts";
import { convolutionKernel, goesOn, isConvolution, type ConvolutionForm } from "./forms.ts";
import type { Chosen, KernelContext, Packing } from "./kernel.ts";
import { expression } from "./kernels/elementwise.ts";
import { kernels } from "./kernels/index.ts";

/**
 * An expression done to a kernel's output before it is written: operand `source` is that output,
 * the others are read from memory.
 */
export interface Epilogue {
  readonly expression: Expression;
  readonly source: number;
}
export interface Step extends StepValues {
  /** What a person reads: `conv2d winograd + relu`. */
  readonly label: string;
  readonly inputs: Readonly<Record<string, number>>;
  /** Operands of the epilogue, after the inputs. */
  readonly extra: readonly number[];
  readonly shapes: Readonly<Record<string, Shape>>;
  readonly out: Shape;
  readonly attrs: unknown;
  readonly emit: (k: KernelContext) => void;
  readonly epilogue?: Epilogue;
  /** Steps with one key have one code. */
  readonly key: string;
  readonly flops: number;
}

const LIMITS = { ops: 24, operands: 40 };
/** Axes over which a normalisation treats every channel by itself, and so knows which it is at. */
const OWN_CHANNEL: readonly string[] = ["2,3", "0,2,3"];

/** Kernels that write through `store` can go on with what they write. */
function reach(source: OpNode, graph: Graph): Reach {
  if (source.op === "conv2d") return "channels";
  if (source.op === "normalize") {
    const { axes } = source.attrs as OpNode<"normalize">["attrs"];
    return OWN_CHANNEL.includes(axes.join()) ? "channels" : "values";
  }
  return source.op === "conv_transpose2d" &&
    goesOn(source as OpNode<"conv_transpose2d">, (id) => graph.nodes[id].shape)
    ? "channels"
    : "nothing";
}

/** Steps of the nodes `order` of a graph. Ids from `graph.nodes.length` on are packed weights. */
export async function lower(
  graph: Graph,
  order: readonly number[],
  { form, pause }: { form: ConvolutionForm; pause: Pause },
): Promise<Program<Step>> {
  const { groups, root } = fuse(graph, order, { reach, limits: LIMITS });
  const nodes = order.map((id) => graph.nodes[id]);
  const lowering = new Lowering(graph, form, nodes);
  for (const group of groups) {
    const waited = pause();
    if (waited) await waited;
    lowering.add(group);
  }
  return { steps: lowering.steps, shapeOf: lowering.shapeOf, root };
}

class Lowering {
  readonly steps: Step[] = [];
  readonly #graph: Graph;
  readonly #form: ConvolutionForm;
  readonly #packedShapes: Shape[] = [];
  readonly #packed = new Map<string, number>();
  /** Weights of the graph's convolutions. */
  readonly #applied: ReadonlySet<number>;
  constructor(graph: Graph, form: ConvolutionForm, nodes: readonly Node[]) {
    this.#graph = graph;
    this.#form = form;
    this.#applied = new Set(
      nodes.flatMap((node) => (node.kind === "op" && node.op === "conv2d" ? [node.inputs.w] : [])),
    );
  }

  readonly shapeOf = (id: number): Shape => {
    const { nodes } = this.#graph;
    return id < nodes.length ? nodes[id].shape : this.#packedShapes[id - nodes.length];
  };

  add(group: Group): void {
    if (group.source) this.#addOp(group.source, group);
    else this.#addExpression(group, group.expression!);
  }

  #addExpression(group: Group, e: Expression): void {
    const names = group.nodes.map((m) => m.op);
    const { length } = names;
    this.#push({
      label: length > 3 ? `${names[0]} + … + ${names[length - 1]} (${length})` : names.join(" + "),
      inputs: Object.fromEntries(group.operands.map((id, i) => [String(i), id])),
      extra: [],
      outputs: group.outputs,
      out: e.shape,
      attrs: e,
      emit: expression(e),
      once: false,
      inPlace: group.inPlace,
      flops: length * sizeOf(e.shape),
    });
  }

  #addOp(node: OpNode, group: Group): void {
    const chosen = this.#choose(node);
    const inputs = chosen.inputs ?? node.inputs;
    const names = group.nodes.filter((m) => m !== node).map((m) => m.op);
    this.#push({
      label: [chosen.label, ...names].join(" + "),
      inputs: chosen.pack ? { ...inputs, u: this.#pack(chosen.pack) } : inputs,
      extra: group.operands.filter((id) => id !== node.id),
      outputs: group.outputs,
      out: node.shape,
      attrs: chosen.attrs ?? node.attrs,
      emit: chosen.emit as Step["emit"],
      ...(group.expression
        ? { epilogue: { expression: group.expression, source: group.operands.indexOf(node.id) } }
        : {}),
      once: false,
      inPlace: [...(chosen.inPlace ?? []), ...group.inPlace],
      flops: flopsOf(this.#graph, node),
    });
  }

  #choose(node: OpNode): Chosen {
    if (isConvolution(node))
      return convolutionKernel(node, this.shapeOf, {
        form: this.#form,
        isKept: (weights) => this.#applied.has(weights) && isSettled(this.#graph, weights),
      });
    const emit = kernels[node.op as keyof typeof kernels];
    const { x, dy } = node.inputs;
    if (node.op === "normalize") return { label: node.op, emit, inPlace: [x] };
    if (node.op === "normalize_grad") return { label: node.op, emit, inPlace: [dy, x] };
    return { label: node.op, emit };
  }

  /** The step that packs weights, once for all that use them alike. */
  #pack({ label, w, floats, attrs, emit }: Packing): number {
    const key = JSON.stringify([label, w, attrs]);
    const known = this.#packed.get(key);
    if (known !== undefined) return known;
    const u = this.#graph.nodes.length + this.#packedShapes.push([floats]) - 1;
    this.#push({
      label,
      inputs: { w },
      extra: [],
      outputs: [u],
      out: [floats],
      attrs,
      emit: emit as Step["emit"],
      once: isSettled(this.#graph, w),
      inPlace: [],
      flops: 0,
    });
    this.#packed.set(key, u);
    return u;
  }

  #push(step: Omit<Step, "key" | "shapes" | "reads">): void {
    const shapes = Object.fromEntries(
      Object.entries(step.inputs).map(([name, id]) => [name, this.shapeOf(id)]),
    );
    const extra = step.extra.map(this.shapeOf);
    const key = keyOf([
      step.label,
      shapes,
      step.attrs,
      step.out,
      extra,
      step.outputs.length,
      step.epilogue,
    ]);
    this.steps.push({
      ...step,
      shapes,
      key,
      reads: [...Object.values(step.inputs), ...step.extra],
    });
  }
}

/** JSON that tells −0, infinities and NaN apart. */
function keyOf(parts: readonly unknown[]): string {
  const isPlain = (x: number): boolean => Number.isFinite(x) && !Object.is(x, -0);
  return JSON.stringify(parts, (_, x) =>
    typeof x === "number" && !isPlain(x) ? (1 / x < 0 ? "-" : "") + String(x) : x,
  );
}

function flopsOf(graph: Graph, node: OpNode): number {
  const shapes = Object.fromEntries(
    Object.entries(node.inputs).map(([name, id]) => [name, graph.nodes[id].shape]),
  );
  const { flops } = ops[node.op];
  return flops === undefined ? 0 : flops(shapes as never, node.attrs as never, node.shape);
}
