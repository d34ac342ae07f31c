// Recomputation: a value that is cheap to make and is read again much later is made again instead
// of being kept. The numbers are the same, the memory is less.
import { sizeOf } from "../core/shape.ts";
import type { Graph, Node, OpDefs } from "./ir.ts";

/** Nodes between two reads that count as a long wait. */
const GAP = 24;

/** What is known of a graph before anything in it is made again. */
interface Waiting {
  /** The place of a node in the order. */
  readonly place: ReadonlyMap<number, number>;
  /** The place after which uses of a value count as late, if there is a long wait. */
  readonly waits: ReadonlyMap<number, number>;
}

const inputsOf = (node: Node): number[] =>
  node.kind === "op" ? [...new Set(Object.values(node.inputs))] : [];

/** Which values lie idle for more than GAP nodes. */
function findWaits(graph: Graph, order: readonly number[]): Waiting {
  const place = new Map(order.map((id, i) => [id, i]));
  const uses = new Map<number, number[]>();
  for (const id of order)
    for (const input of inputsOf(graph.nodes[id]))
      uses.set(input, [...(uses.get(input) ?? []), place.get(id)!]);
  const asked = new Set([...graph.outputs.values(), ...graph.updates.values()]);
  const waits = new Map<number, number>();
  for (const [id, at] of uses) {
    let before = place.get(id)!;
    for (const use of at) {
      if (use - before > GAP && !asked.has(id)) {
        waits.set(id, before);
        break;
      }
      before = use;
    }
  }
  return { place, waits };
}

interface Cheapness {
  isCheap(id: number): boolean;
  /** Whether making a waiting value again frees more than it newly keeps alive. */
  isWorthwhile(id: number): boolean;
}
function cheapnessOf(graph: Graph, { waits }: Waiting, ops: OpDefs): Cheapness {
  const bytes = (id: number): number =>
    graph.nodes[id].kind === "op" ? sizeOf(graph.nodes[id].shape) : 0;
  const isCheap = (id: number): boolean => {
    const node = graph.nodes[id];
    return node.kind === "op" && ops[node.op].cheap === true;
  };
  /**
   * What making `id` again newly keeps alive: values that nobody would have waited for, behind a
   * chain of cheap ones.
   */
  const extended = (id: number): number =>
    inputsOf(graph.nodes[id]).reduce(
      (sum, input) =>
        sum + (waits.has(input) ? 0 : isCheap(input) ? extended(input) : bytes(input)),
      0,
    );
  const known = new Map<number, boolean>();
  const isWorthwhile = (id: number): boolean => {
    if (!known.has(id)) known.set(id, isCheap(id) && waits.has(id) && extended(id) < bytes(id));
    return known.get(id)!;
  };
  return { isCheap, isWorthwhile };
}

/**
 * The graph with every cheap value that lies idle for more than GAP nodes made a second time where
 * it is next read, as long as that keeps less alive than it frees. `order` are the nodes that
 * matter, in order.
 */
export function recomputed(graph: Graph, order: readonly number[], ops: OpDefs): Graph {
  const waiting = findWaits(graph, order);
  const { place, waits } = waiting;
  const { isCheap, isWorthwhile } = cheapnessOf(graph, waiting, ops);
  const nodes: Node[] = [];
  const moved = new Map<number, number>();
  const made = new Map<number, number>();
  const put = (node: Node, inputOf: (id: number) => number): number => {
    // what is made again for an input comes first
    const inputs =
      node.kind === "op"
        ? Object.fromEntries(
            Object.entries(node.inputs).map(([name, input]) => [name, inputOf(input)]),
          )
        : {};
    const id = nodes.length;
    nodes.push(node.kind === "op" ? { ...node, id, inputs } : { ...node, id });
    return id;
  };
  const copyOf = (id: number, at: number): number => {
    const known = made.get(id);
    if (known !== undefined) return known;
    const copy = put(graph.nodes[id], (input) =>
      isCheap(input) && !waits.has(input) ? copyOf(input, at) : found(input, at),
    );
    made.set(id, copy);
    return copy;
  };
  /** Where a reader at `at` finds `id`. */
  const found = (id: number, at: number): number => {
    const wait = waits.get(id);
    return wait !== undefined && at - wait > GAP && isWorthwhile(id)
      ? copyOf(id, at)
      : moved.get(id)!;
  };
  for (const id of order) {
    const at = place.get(id)!;
    moved.set(
      id,
      put(graph.nodes[id], (input) => found(input, at)),
    );
  }
  return {
    nodes,
    outputs: new Map([...graph.outputs].map(([name, id]) => [name, moved.get(id)!])),
    updates: new Map([...graph.updates].map(([id, next]) => [moved.get(id)!, moved.get(next)!])),
  };
}
