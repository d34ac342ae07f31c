// From a graph to the steps that run: elementwise ops fused into one loop, also behind the
// convolution or normalisation that feeds them,
// convolutions given their form, and weights packed once where nothing changes them.
import { sameShape, sizeOf, type Shape } from "../../core/shape.ts";
import type { ConvAttributes } from "../../graph/catalogue.ts";
import type { Graph, OpNode } from "../../graph/ir.ts";
import { ops } from "../../ops/index.ts";
import type { KernelContext } from "./kernel.ts";
import { adjointPadding, isPaired, pairedTranspose, scatteredTranspose } from "./kernels/convolution.ts";
import { directConvolution, directWeightGrad, directWeights, directWeightsSize } from "./kernels/direct.ts";
import { expression, isElementwise, type Argument, type Expression } from "./kernels/elementwise.ts";
import { kernels } from "./kernels/index.ts";
import {
  winogradConvolution,
  winogradPays,
  winogradWeightGrad,
  winogradWeights,
  winogradWeightsSize,
} from "./kernels/winograd.ts";

/** How convolutions are computed: "auto" takes Winograd's form where it pays. */
export type ConvolutionForm = "auto" | "direct";

/**
 * An expression done to a kernel's output before it is written: operand `source` is that output,
 * the others are read from memory.
 */
export interface Epilogue {
  readonly expression: Expression;
  readonly source: number;
}
export interface Step {
  /** What a person reads: `conv2d winograd + relu`. */
  readonly label: string;
  readonly inputs: Readonly<Record<string, number>>;
  /** Operands of the epilogue, after the inputs. */
  readonly extra: readonly number[];
  readonly outputs: readonly number[];
  readonly shapes: Readonly<Record<string, Shape>>;
  readonly out: Shape;
  readonly attrs: unknown;
  readonly emit: (k: KernelContext) => void;
  readonly epilogue?: Epilogue;
  /** Steps with one key have one code. */
  readonly key: string;
  /** Depends on parameters alone that no run changes: done again only after a write. */
  readonly once: boolean;
  /** Inputs whose place the output may take when they are read for the last time. */
  readonly inPlace: readonly number[];
  readonly flops: number;
}
export interface Program {
  readonly steps: readonly Step[];
  readonly shapeOf: (id: number) => Shape;
  /** Where a value lies: a reshape lies where its input does. */
  readonly root: (id: number) => number;
}

const EXPRESSION_STEPS = 24;
const EXPRESSION_OPERANDS = 40;
const SOURCES: readonly string[] = ["conv2d", "conv_transpose2d", "normalize"];

interface Group {
  readonly sink: OpNode;
  readonly members: OpNode[];
  operands: number;
  source?: OpNode;
}

/** Elementwise ops grouped with the one op of their shape that reads them; groups by sink. */
function groups(
  graph: Graph,
  order: readonly number[],
  kept: ReadonlySet<number>,
): { bySink: Map<number, Group>; absorbed: Set<number> } {
  const readers = new Map<number, OpNode[]>();
  for (const id of order) {
    const node = graph.nodes[id];
    if (node.kind === "op")
      for (const input of new Set(Object.values(node.inputs)))
        readers.set(input, [...(readers.get(input) ?? []), node]);
  }
  const groupOf = new Map<number, Group>();
  const bySink = new Map<number, Group>();
  const absorbed = new Set<number>();
  for (const id of [...order].reverse()) {
    const node = graph.nodes[id];
    if (node.kind !== "op" || !isElementwise(node.op) || sizeOf(node.shape) === 0) continue;
    const all = readers.get(id) ?? [];
    const target = all.length > 0 ? groupOf.get(all[0].id) : undefined;
    const size = Object.keys(node.inputs).length;
    if (
      target &&
      all.every((r) => groupOf.get(r.id) === target && sameShape(r.shape, node.shape)) &&
      target.members.length < EXPRESSION_STEPS &&
      target.operands + size <= EXPRESSION_OPERANDS
    ) {
      target.members.push(node);
      target.operands += size;
      groupOf.set(id, target);
      absorbed.add(id);
    } else {
      const group: Group = { sink: node, members: [node], operands: size };
      groupOf.set(id, group);
      bySink.set(id, group);
    }
  }
  // the convolution or normalisation that only this group reads is done in the same loop
  for (const group of bySink.values()) {
    for (const member of group.members)
      for (const input of Object.values(member.inputs)) {
        const source = graph.nodes[input];
        if (
          group.source ||
          source.kind !== "op" ||
          !SOURCES.includes(source.op) ||
          kept.has(input) ||
          !sameShape(source.shape, group.sink.shape)
        )
          continue;
        if ((readers.get(input) ?? []).some((r) => groupOf.get(r.id) !== group)) continue;
        // a sum of nothing is zeros, which are not computed by a kernel that could go on with them
        if (Object.values(source.inputs).some((id) => sizeOf(graph.nodes[id].shape) === 0)) continue;
        if (
          source.op === "conv_transpose2d" &&
          adjointPadding(graph.nodes[source.inputs.w].shape, source.attrs as ConvAttributes) === undefined
        )
          continue;
        const others = group.members
          .flatMap((m) => Object.values(m.inputs))
          .filter((i) => i !== input && groupOf.get(i) !== group)
          .map((i) => graph.nodes[broadcastSource(graph, i)].shape);
        // a normalisation knows its channel only where it treats each by itself
        const channels =
          source.op !== "normalize" ||
          ["2,3", "0,2,3"].includes((source.attrs as { axes: readonly number[] }).axes.join());
        if (
          others.every(
            (s) => sizeOf(s) === 1 || sameShape(s, source.shape) || (channels && perChannel(s, source.shape)),
          )
        ) {
          group.source = source;
          absorbed.add(input);
        }
      }
  }
  for (const group of bySink.values()) group.members.reverse();
  return { bySink, absorbed };
}
/** A broadcast is read through strides of 0 instead of being written out. */
function broadcastSource(graph: Graph, id: number): number {
  const node = graph.nodes[id];
  return node.kind === "op" && node.op === "broadcast_to" ? node.inputs.x : id;
}
/** [1,C,1,1] or [C,1,1] against [N,C,H,W]. */
const perChannel = (s: Shape, to: Shape): boolean =>
  to.length === 4 && sizeOf(s) === to[1] && s.length >= 3 && s[s.length - 3] === to[1];

export function lower(graph: Graph, order: readonly number[], form: ConvolutionForm): Program {
  const root = (id: number): number => {
    const node = graph.nodes[id];
    return node?.kind === "op" && node.op === "reshape" ? root(node.inputs.x) : id;
  };
  const kept = new Set([...graph.outputs.values(), ...graph.updates.values()]);
  const { bySink, absorbed } = groups(graph, order, kept);
  const made: Shape[] = [];
  const shapeOf = (id: number): Shape =>
    id < graph.nodes.length ? graph.nodes[id].shape : made[id - graph.nodes.length];
  const virtual = (shape: Shape): number => graph.nodes.length + made.push(shape) - 1;
  const steps: Step[] = [];
  const settled = (id: number): boolean => {
    const node = graph.nodes[root(id)];
    return node.kind === "constant" || (node.kind === "parameter" && !graph.updates.has(node.id));
  };
  type Partial = Pick<Step, "label" | "inputs" | "out" | "emit"> & {
    attrs?: unknown;
    extra?: readonly number[];
    outputs: readonly number[];
    epilogue?: Epilogue;
    once?: boolean;
    inPlace?: readonly number[];
    flops?: number;
  };
  const add = (step: Partial): void => {
    const shapes = Object.fromEntries(Object.entries(step.inputs).map(([name, id]) => [name, shapeOf(id)]));
    const extra = step.extra ?? [];
    const key = JSON.stringify(
      [step.label, shapes, step.attrs, step.out, extra.map(shapeOf), step.outputs.length, step.epilogue],
      (_, x) =>
        typeof x === "number" && (!Number.isFinite(x) || Object.is(x, -0)) ? (1 / x < 0 ? "-" : "") + String(x) : x,
    );
    steps.push({ attrs: {}, once: false, inPlace: [], flops: 0, ...step, extra, shapes, key });
  };
  const packed = new Map<string, number>();
  /** The step that packs weights, once for all that use them alike. */
  const pack = (
    label: string,
    w: number,
    floats: number,
    attrs: unknown,
    emit: (k: KernelContext<"w">) => void,
  ): number => {
    const known = packed.get(JSON.stringify([label, w, attrs]));
    if (known !== undefined) return known;
    const u = virtual([floats]);
    add({
      label,
      inputs: { w },
      out: [floats],
      attrs,
      outputs: [u],
      emit: emit as (k: KernelContext) => void,
      once: settled(w),
    });
    packed.set(JSON.stringify([label, w, attrs]), u);
    return u;
  };

  const convolution = (
    node: OpNode,
    x: number,
    w: number,
    attrs: ConvAttributes,
    flipped: boolean,
    tail: Pick<Partial, "outputs" | "extra" | "epilogue" | "inPlace"> & { suffix: string },
  ): void => {
    const [image, weights] = [shapeOf(x), shapeOf(w)];
    const [inputs, outputs] = flipped
      ? [weights[0], weights[1] * attrs.groups]
      : [weights[1] * attrs.groups, weights[0]];
    const [, , R, S] = weights;
    const { suffix, ...rest } = tail;
    const common = { out: node.shape, attrs: { ...attrs, flipped, weights }, flops: flopsOf(graph, node), ...rest };
    if (form === "auto" && winogradPays(weights, attrs, image[0], inputs, outputs, node.shape)) {
      const u = pack(
        "winograd weights",
        w,
        winogradWeightsSize(inputs, outputs),
        { flipped },
        winogradWeights(weights, flipped),
      );
      add({
        ...common,
        label: `${node.op} winograd${suffix}`,
        inputs: { x, u },
        emit: winogradConvolution(image, outputs, R, attrs.padding) as never,
      });
    } else {
      const turned = flipped ? [outputs, inputs / attrs.groups, R, S] : weights;
      const u = pack(
        "direct weights",
        w,
        directWeightsSize({ K: turned[0] / attrs.groups, C: turned[1], R, S }, attrs.groups),
        { flipped, groups: attrs.groups },
        directWeights(weights, attrs.groups, flipped),
      );
      add({
        ...common,
        label: `${node.op} direct${suffix}`,
        inputs: { x, u },
        emit: directConvolution(image, turned, attrs) as never,
      });
    }
  };

  const single = (
    node: OpNode,
    tail: Pick<Partial, "outputs" | "extra" | "epilogue" | "inPlace"> & { suffix: string },
  ): void => {
    const { suffix, ...rest } = tail;
    const common = { out: node.shape, attrs: node.attrs, inputs: node.inputs, flops: flopsOf(graph, node), ...rest };
    const attrs = node.attrs as ConvAttributes;
    const own = (label: string, kernel: unknown, inPlace: readonly number[] = []): void =>
      add({
        ...common,
        label: label + suffix,
        emit: kernel as Step["emit"],
        inPlace: [...inPlace, ...(tail.inPlace ?? [])],
      });
    const padding = node.op === "conv_transpose2d" ? adjointPadding(shapeOf(node.inputs.w), attrs) : undefined;
    if (node.op.startsWith("conv") && Object.values(node.inputs).some((id) => sizeOf(shapeOf(id)) === 0)) {
      own("zeros", (k: KernelContext) => k.pass(1, ({ f, y }) => f.zero(y, 4 * sizeOf(node.shape))));
    } else if (node.op === "conv2d") convolution(node, node.inputs.x, node.inputs.w, attrs, false, tail);
    else if (padding) convolution(node, node.inputs.x, node.inputs.w, { ...attrs, padding }, true, tail);
    else if (node.op === "conv_transpose2d") {
      const paired = isPaired(shapeOf(node.inputs.w), shapeOf(node.inputs.x), node.shape, attrs);
      own(
        `conv_transpose2d ${paired ? "paired" : "scattered"}`,
        paired ? pairedTranspose(attrs) : scatteredTranspose(attrs),
      );
    } else if (node.op === "conv2d_weight_grad") {
      const [x, dy] = [shapeOf(node.inputs.x), shapeOf(node.inputs.dy)];
      const winograd = form === "auto" && winogradPays(node.shape, attrs, x[0], x[1], dy[1], dy);
      own(
        `conv2d_weight_grad ${winograd ? "winograd" : "direct"}`,
        winograd ? winogradWeightGrad(x, dy, node.shape[2], attrs.padding) : directWeightGrad(x, dy, attrs),
      );
    } else {
      own(
        node.op,
        kernels[node.op as keyof typeof kernels],
        node.op === "normalize" ? [node.inputs.x] : node.op === "normalize_grad" ? [node.inputs.dy, node.inputs.x] : [],
      );
    }
  };

  const fused = ({ sink, members, source }: Group): void => {
    const place = new Map(members.map((m, i) => [m.id, i]));
    const operands: number[] = [];
    const argument = (id: number): Argument => {
      const step = place.get(id);
      if (step !== undefined) return { step };
      const node = graph.nodes[root(id)];
      if (node.kind === "constant" && sizeOf(node.shape) === 1) return { number: node.data[0] };
      const read = broadcastSource(graph, id);
      const known = operands.indexOf(read);
      return { operand: known >= 0 ? known : operands.push(read) - 1 };
    };
    const results = [sink, ...members.filter((m) => m !== sink && kept.has(m.id))];
    const steps = members.map((m) => ({
      op: m.op as Expression["steps"][number]["op"],
      args: Object.values(m.inputs).map(argument),
    }));
    const e: Expression = {
      shape: sink.shape,
      operands: operands.map(shapeOf),
      steps,
      results: results.map((r) => place.get(r.id)!),
    };
    const outputs = results.map((r) => r.id);
    const alike = operands.filter((id) => id !== source?.id && sameShape(shapeOf(id), sink.shape));
    const names = members.map((m) => m.op).join(" + ");
    if (!source) {
      add({
        label: members.length > 3 ? `${members[0].op} + … + ${sink.op} (${members.length})` : names,
        inputs: Object.fromEntries(operands.map((id, i) => [String(i), id])),
        out: sink.shape,
        attrs: e,
        outputs,
        emit: expression(e),
        inPlace: alike,
        flops: members.length * sizeOf(sink.shape),
      });
      return;
    }
    const own = Object.values(source.inputs);
    single(source, {
      outputs,
      epilogue: { expression: e, source: operands.indexOf(source.id) },
      extra: operands.filter((id) => id !== source.id),
      inPlace: alike.filter((id) => !own.includes(id)),
      suffix: ` + ${names}`,
    });
  };

  for (const id of order) {
    const node = graph.nodes[id];
    if (node.kind !== "op" || node.op === "reshape" || absorbed.has(id) || sizeOf(node.shape) === 0) continue;
    const group = bySink.get(id);
    if (group) fused(group);
    else single(node, { outputs: [id], suffix: "" });
  }
  return { steps: useful(steps, root, kept), shapeOf, root };
}

/** Without steps that nobody reads after fusion. */
function useful(steps: readonly Step[], root: (id: number) => number, kept: ReadonlySet<number>): Step[] {
  const read = new Set([...kept].map(root));
  const live: Step[] = [];
  for (const step of [...steps].reverse()) {
    if (!step.outputs.some((id) => read.has(id))) continue;
    for (const id of [...Object.values(step.inputs), ...step.extra]) read.add(root(id));
    live.push(step);
  }
  return live.reverse();
}

function flopsOf(graph: Graph, node: OpNode): number {
  const shapes = Object.fromEntries(Object.entries(node.inputs).map(([name, id]) => [name, graph.nodes[id].shape]));
  const { flops } = ops[node.op];
  return flops === undefined ? 0 : flops(shapes as never, node.attrs as never, node.shape);
}
