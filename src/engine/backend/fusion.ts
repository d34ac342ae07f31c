// What every backend runs as one step: elementwise ops grouped into one expression, also behind the
// op that feeds them. A backend gives each group a kernel (wasm/lower.ts).
import { sameShape, sizeOf, type Shape } from "../core/shape.ts";
import type { ElementwiseName } from "../graph/catalogue.ts";
import type { Graph, OpNode } from "../graph/ir.ts";
import { ops } from "../ops/index.ts";

/**
 * An argument of an expression's step: an operand from memory, an earlier step, or a number known
 * now.
 */
export type Argument =
  | { readonly operand: number }
  | { readonly step: number }
  | { readonly number: number };
/** Elementwise ops on one shape; operands are broadcast to it. */
export interface Expression {
  readonly shape: Shape;
  readonly operands: readonly Shape[];
  readonly steps: readonly {
    readonly op: ElementwiseName;
    readonly args: Readonly<Record<string, Argument>>;
  }[];
  /** Steps whose values are written, in the order of the outputs. */
  readonly results: readonly number[];
}

/** An op, or elementwise ops with the op that feeds them: what becomes one step. */
export interface Group {
  /** Every op that is done here, in order. */
  readonly nodes: readonly OpNode[];
  /** The op that is no part of the expression: all there is, or what feeds it. */
  readonly source?: OpNode;
  readonly expression?: Expression;
  /** Values that the expression reads, in the order of its operands. */
  readonly operands: readonly number[];
  /** Values that are written. */
  readonly outputs: readonly number[];
  /** Operands whose place an output may take if they are read here for the last time. */
  readonly inPlace: readonly number[];
}
export interface Fusion {
  readonly groups: readonly Group[];
  /** Where a value lies: a reshape lies where its input does. */
  readonly root: (id: number) => number;
}

/**
 * What a backend's kernel can read while it goes on with its output before writing it: nothing (it
 * cannot), values in the output's place and single numbers, or also one number per channel.
 */
export type Reach = "nothing" | "values" | "channels";
export interface FusionOptions {
  /** Asked for every op that an expression could follow. */
  readonly reach: (source: OpNode, graph: Graph) => Reach;
  /** Most ops of an expression, and most values that they read. */
  readonly limits: { readonly ops: number; readonly operands: number };
}

/** An expression while it grows, from its last op backwards. */
interface Draft {
  readonly sink: OpNode;
  readonly members: OpNode[];
  operands: number;
  source: OpNode | undefined;
}

/** Where a value lies: a reshape lies where its input does. */
export const rootOf =
  (graph: Graph) =>
  (id: number): number => {
    let at = id;
    for (
      let node = graph.nodes[at];
      node?.kind === "op" && node.op === "reshape";
      node = graph.nodes[at]
    )
      at = node.inputs.x;
    return at;
  };
const isElementwise = (node: OpNode): node is OpNode<ElementwiseName> =>
  "elementwise" in ops[node.op];
/** A broadcast is read through strides of 0 instead of being written out. */
function broadcastSource(graph: Graph, id: number): number {
  const node = graph.nodes[id];
  return node.kind === "op" && node.op === "broadcast_to" ? node.inputs.x : id;
}
/** [1,C,1,1] or [C,1,1] against [N,C,H,W]. */
const perChannel = (s: Shape, to: Shape): boolean =>
  to.length === 4 && sizeOf(s) === to[1] && s.length >= 3 && s[s.length - 3] === to[1];

function readersOf(graph: Graph, order: readonly number[]): Map<number, OpNode[]> {
  const readers = new Map<number, OpNode[]>();
  for (const id of order) {
    const node = graph.nodes[id];
    if (node.kind !== "op") continue;
    for (const input of new Set(Object.values(node.inputs)))
      readers.set(input, [...(readers.get(input) ?? []), node]);
  }
  return readers;
}

/** Groups the nodes `order` of a graph, which are those that matter, in order. */
export function fuse(graph: Graph, order: readonly number[], options: FusionOptions): Fusion {
  const root = rootOf(graph);
  const kept = new Set([...graph.outputs.values(), ...graph.updates.values()]);
  const readers = readersOf(graph, order);
  const drafts = drafted(graph, order, readers, options);
  const draftOf = new Map(drafts.flatMap((draft) => draft.members.map((m) => [m.id, draft])));
  for (const draft of drafts)
    draft.source = sourceOf(draft, { graph, kept, readers, draftOf, options });
  const sinks = new Map(drafts.map((draft) => [draft.sink.id, draft]));
  const sources = new Set(drafts.map((draft) => draft.source?.id));
  const groups: Group[] = [];
  for (const id of order) {
    const node = graph.nodes[id];
    if (node.kind !== "op" || node.op === "reshape" || sizeOf(node.shape) === 0) continue;
    const draft = sinks.get(id);
    if (draft) groups.push(expressionGroup(graph, draft, root, kept));
    else if (!draftOf.has(id) && !sources.has(id))
      groups.push({ nodes: [node], source: node, operands: [], outputs: [id], inPlace: [] });
  }
  return { groups: read(groups, root, kept), root };
}

/** Elementwise ops, each with the one expression that reads it. */
function drafted(
  graph: Graph,
  order: readonly number[],
  readers: ReadonlyMap<number, OpNode[]>,
  { limits }: FusionOptions,
): Draft[] {
  const drafts: Draft[] = [];
  const draftOf = new Map<number, Draft>();
  for (const id of [...order].reverse()) {
    const node = graph.nodes[id];
    if (node.kind !== "op" || !isElementwise(node) || sizeOf(node.shape) === 0) continue;
    const all = readers.get(id) ?? [];
    const size = Object.keys(node.inputs).length;
    const reader = all.length > 0 ? draftOf.get(all[0].id) : undefined;
    const joins =
      reader !== undefined &&
      all.every((r) => draftOf.get(r.id) === reader && sameShape(r.shape, node.shape)) &&
      reader.members.length < limits.ops &&
      reader.operands + size <= limits.operands;
    const draft: Draft = joins
      ? reader
      : { sink: node, members: [], operands: 0, source: undefined };
    if (!joins) drafts.push(draft);
    draft.members.unshift(node);
    draft.operands += size;
    draftOf.set(id, draft);
  }
  return drafts;
}

/** The op whose output only this expression reads, and whose kernel can go on with it. */
function sourceOf(
  draft: Draft,
  context: {
    graph: Graph;
    kept: ReadonlySet<number>;
    readers: ReadonlyMap<number, OpNode[]>;
    draftOf: ReadonlyMap<number, Draft>;
    options: FusionOptions;
  },
): OpNode | undefined {
  const { graph, kept, readers, draftOf, options } = context;
  const inside = (id: number): boolean => draftOf.get(id) === draft;
  const inputs = [...draft.members].reverse().flatMap((m) => Object.values(m.inputs));
  const follows = (source: OpNode): boolean => {
    if (isElementwise(source) || kept.has(source.id) || !sameShape(source.shape, draft.sink.shape))
      return false;
    if ((readers.get(source.id) ?? []).some((r) => !inside(r.id))) return false;
    // a sum of nothing is zeros, which no kernel computes that could go on with them
    if (Object.values(source.inputs).some((id) => sizeOf(graph.nodes[id].shape) === 0))
      return false;
    const reach = options.reach(source, graph);
    const readable = (s: Shape): boolean =>
      sizeOf(s) === 1 ||
      sameShape(s, source.shape) ||
      (reach === "channels" && perChannel(s, source.shape));
    const others = inputs.filter((id) => id !== source.id && !inside(id));
    return (
      reach !== "nothing" &&
      others.every((id) => readable(graph.nodes[broadcastSource(graph, id)].shape))
    );
  };
  const found = inputs
    .map((id) => graph.nodes[id])
    .find((node) => node.kind === "op" && follows(node));
  return found?.kind === "op" ? found : undefined;
}

function expressionGroup(
  graph: Graph,
  { sink, members, source }: Draft,
  root: (id: number) => number,
  kept: ReadonlySet<number>,
): Group {
  const place = new Map(members.map((m, i) => [m.id, i]));
  const operands: number[] = [];
  const argument = (id: number): Argument => {
    const step = place.get(id);
    if (step !== undefined) return { step };
    const node = graph.nodes[root(id)];
    if (node.kind === "constant" && sizeOf(node.shape) === 1) return { number: node.data[0] };
    const operand = broadcastSource(graph, id);
    if (!operands.includes(operand)) operands.push(operand);
    return { operand: operands.indexOf(operand) };
  };
  const steps = members.map((m) => ({
    op: m.op as ElementwiseName,
    args: Object.fromEntries(Object.entries(m.inputs).map(([name, id]) => [name, argument(id)])),
  }));
  const results = [sink, ...members.filter((m) => m !== sink && kept.has(m.id))];
  // the source's kernel reads its own inputs in another order than it writes
  const own = source ? [source.id, ...Object.values(source.inputs)] : [];
  return {
    nodes: source ? [source, ...members] : members,
    ...(source ? { source } : {}),
    expression: {
      shape: sink.shape,
      operands: operands.map((id) => graph.nodes[id].shape),
      steps,
      results: results.map((r) => place.get(r.id)!),
    },
    operands,
    outputs: results.map((r) => r.id),
    inPlace: operands.filter(
      (id) => !own.includes(id) && sameShape(graph.nodes[id].shape, sink.shape),
    ),
  };
}

/** Values that a group reads. */
export const readsOf = ({ source, operands }: Group): number[] => [
  ...(source ? Object.values(source.inputs) : []),
  ...operands.filter((id) => id !== source?.id),
];

/** Without groups that nobody reads: a broadcast, for one, that expressions read through. */
function read(
  groups: readonly Group[],
  root: (id: number) => number,
  kept: ReadonlySet<number>,
): Group[] {
  const wanted = new Set([...kept].map(root));
  const live: Group[] = [];
  for (const group of [...groups].reverse()) {
    if (!group.outputs.some((id) => wanted.has(id))) continue;
    for (const id of readsOf(group)) wanted.add(root(id));
    live.push(group);
  }
  return live.reverse();
}

/** Whether no run changes a value: what is made of it alone can be made once. */
export function isSettled(graph: Graph, id: number): boolean {
  const node = graph.nodes[rootOf(graph)(id)];
  return node.kind === "constant" || (node.kind === "parameter" && !graph.updates.has(node.id));
}
