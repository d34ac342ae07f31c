// A graph as the mappings look at it: who reads a value, what a constant is, where the batch lies.
import {
  sizeOf,
  type Catalogue,
  type Graph,
  type Node,
  type OpName,
  type Shape,
} from "../../../engine/index.ts";

/** A node of one op, its inputs and attributes of that op's types. */
export interface OpNode<K extends OpName = OpName> {
  readonly id: number;
  readonly op: K;
  readonly inputs: Readonly<Record<Catalogue[K]["inputs"], number>>;
  readonly attrs: Catalogue[K]["attrs"];
  readonly shape: Shape;
}

export class View {
  readonly #nodes: readonly Node[];
  readonly #readers = new Map<number, number>();
  /** The axis of every value whose size the batch's is a factor of, where that may be any. */
  readonly #batch: ReadonlyMap<number, number>;

  /** Arrays of constants that are learned. */
  readonly #weights: ReadonlySet<unknown>;

  constructor(
    { graph, order }: { readonly graph: Graph; readonly order: readonly number[] },
    {
      batch,
      weights,
    }: { readonly batch: ReadonlyMap<number, number>; readonly weights: ReadonlySet<unknown> },
  ) {
    this.#nodes = graph.nodes;
    this.#batch = batch;
    this.#weights = weights;
    const read = (id: number): unknown => this.#readers.set(id, this.readers(id) + 1);
    for (const id of order) {
      const node = graph.nodes[id];
      if (node.kind === "op") Object.values(node.inputs).forEach(read);
    }
    for (const id of graph.outputs.values()) read(id);
  }

  node(id: number): Node {
    return this.#nodes[id];
  }
  shape(id: number): Shape {
    return this.#nodes[id].shape;
  }
  /** Times that a value is read, by nodes and as an output. */
  readers(id: number): number {
    return this.#readers.get(id) ?? 0;
  }
  /** The node, if it is of that op. */
  is<K extends OpName>(id: number, op: K): OpNode<K> | undefined {
    const node = this.#nodes[id];
    return node.kind === "op" && node.op === op ? (node as unknown as OpNode<K>) : undefined;
  }
  /** The same, if nothing but its one reader needs it. */
  only<K extends OpName>(id: number, op: K): OpNode<K> | undefined {
    return this.readers(id) === 1 ? this.is(id, op) : undefined;
  }
  /** Known when the file is written: weights and constants. */
  fixed(id: number): boolean {
    const { kind } = this.#nodes[id];
    return kind === "constant" || kind === "parameter";
  }
  /** The value of a constant that is one number, and no weight: it may become an attribute. */
  number(id: number): number | undefined {
    const node = this.#nodes[id];
    if (node.kind !== "constant" || sizeOf(node.shape) !== 1 || this.#weights.has(node.data))
      return undefined;
    return node.data[0];
  }
  /** The axis along which a value's size is the batch's. */
  batchAxis(id: number): number | undefined {
    return this.#batch.get(id);
  }
  /** A shape with −1, which Reshape works out, in the place of the batch of value `id`. */
  target(id: number, shape: Shape = this.shape(id)): number[] {
    const axis = this.#batch.get(id);
    return shape.map((n, i) => (i === axis ? -1 : n));
  }
}

/** Per channel of axis 1: [C,1,…] of a value of that rank, which broadcasting reads so. */
export function isPerChannel(shape: Shape, x: Shape): boolean {
  const trailing = x.length - 2;
  const own = shape[0] === 1 && shape.length === x.length ? shape.slice(1) : shape;
  return own.length === trailing + 1 && own[0] === x[1] && own.slice(1).every((n) => n === 1);
}
