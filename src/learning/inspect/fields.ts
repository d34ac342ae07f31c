// Which cells of the input every cell of every value of a graph can depend on: the one rule per op
// behind receptiveField and summarize.
import {
  sizeOf,
  type Catalogue,
  type GraphBuilder,
  type Node,
  type Shape,
  type Value,
} from "../../engine/index.ts";

type OpNode = Node & { readonly kind: "op" };
/**
 * The image axes of a value are its last two. For every index along one of them, the first and last
 * index of the input's that it sees; low > high where it sees nothing.
 */
export interface Boxes {
  readonly low: Int32Array;
  readonly high: Int32Array;
}
/** "all": the value has no image axes any more, or each of its cells sees the whole axis. */
export type Seen = Boxes | "all";
/** Inclusive; what lies outside the axis is padding, and sees nothing. */
type Range = readonly [number, number];
/** 0: rows, 1: columns. */
type Axis = 0 | 1;

const sizeAlong = (shape: Shape, axis: Axis): number => shape[shape.length - 2 + axis];

/** The union of what cells `from(i)` of an input see, for each of n cells i. */
function union(
  seen: Boxes,
  n: number,
  from: (i: number) => Range | readonly number[],
  listed = false,
): Boxes {
  const low = new Int32Array(n).fill(2 ** 30);
  const high = new Int32Array(n).fill(-1);
  const add = (i: number, j: number): void => {
    if (j < 0 || j >= seen.low.length) return;
    low[i] = Math.min(low[i], seen.low[j]);
    high[i] = Math.max(high[i], seen.high[j]);
  };
  for (let i = 0; i < n; i++) {
    const cells = from(i);
    if (listed) for (const j of cells) add(i, j);
    else for (let j = cells[0]; j <= cells[1]; j++) add(i, j);
  }
  return { low, high };
}
function joined(p: Seen | undefined, q: Seen): Seen {
  if (p === undefined || q === "all") return q;
  if (p === "all") return p;
  return {
    low: p.low.map((v, i) => Math.min(v, q.low[i])),
    high: p.high.map((v, i) => Math.max(v, q.high[i])),
  };
}

/** Taps of a kernel, `dilation` apart. */
function taps(first: number, count: number, dilation: number): number[] {
  return Array.from({ length: count }, (_, k) => first + k * dilation);
}

/** Ops that compute every cell of the image from the same cell, or from one that is repeated. */
const CELLWISE: ReadonlySet<string> = new Set([
  ...["neg", "exp", "log", "sqrt", "abs", "sign", "relu", "relu_grad", "sigmoid", "erf"],
  ...["tanh", "sin", "cos", "floor", "round", "minimum", "equal", "pow", "select"],
  ...["add", "sub", "mul", "div", "maximum", "greater", "broadcast_to", "lookup"],
]);

/** The permutation with which pixels are shuffled: [N,C,s,s,H,W] → [N,C,H,s,W,s]. */
const SHUFFLE = "0,1,4,2,5,3";

class Rules {
  readonly #b: GraphBuilder;
  readonly #axis: Axis;
  readonly #statistics: boolean;
  constructor(b: GraphBuilder, axis: Axis, statistics: boolean) {
    this.#b = b;
    this.#axis = axis;
    this.#statistics = statistics;
  }

  /** What a node sees through one of its inputs, whose cells see `seen`. */
  through(node: OpNode, input: string, seen: Boxes): Seen {
    const axis = this.#axis;
    const from = this.#b.nodes[node.inputs[input]].shape;
    if (node.shape.length < 2 || from.length < 2) return "all";
    const n = sizeAlong(node.shape, axis);
    const whole = (): Boxes => union(seen, n, () => [0, seen.low.length - 1]);
    if (CELLWISE.has(node.op))
      return sizeAlong(from, axis) === 1 ? whole() : union(seen, n, (i) => [i, i]);
    switch (node.op) {
      case "conv2d": {
        const a = node.attrs as Catalogue["conv2d"]["attrs"];
        const k = sizeAlong(this.#b.nodes[node.inputs.w].shape, axis);
        return union(
          seen,
          n,
          (i) => taps(i * a.stride[axis] - a.padding[axis], k, a.dilation[axis]),
          true,
        );
      }
      case "conv_transpose2d": {
        const a = node.attrs as Catalogue["conv_transpose2d"]["attrs"];
        const k = sizeAlong(this.#b.nodes[node.inputs.w].shape, axis);
        const reached = (i: number): number[] =>
          taps(i + a.padding[axis], k, -a.dilation[axis]).map((v) => v / a.stride[axis]);
        return union(seen, n, (i) => reached(i).filter(Number.isInteger), true);
      }
      case "max_pool2d":
      case "avg_pool2d": {
        const a = node.attrs as Catalogue["max_pool2d"]["attrs"];
        const apart = a.dilation?.[axis] ?? 1;
        return union(
          seen,
          n,
          (i) => taps(i * a.stride[axis] - a.padding[axis], a.kernel[axis], apart),
          true,
        );
      }
      case "concat":
      case "take":
      case "pad":
      case "slice":
      case "roll":
        return this.#moved(node, input, from, seen);
      case "normalize":
        return this.#statistics ? whole() : union(seen, n, (i) => [i, i]);
      case "sum": {
        const { axes } = node.attrs as Catalogue["sum"]["attrs"];
        return axes.some((a) => a >= from.length - 2) ? "all" : union(seen, n, (i) => [i, i]);
      }
      case "reshape":
        return this.#reshaped(node, from, seen);
      default:
        return "all";
    }
  }

  #moved(node: OpNode, input: string, from: Shape, seen: Boxes): Boxes {
    const at = node.shape.length - 2 + this.#axis;
    const n = node.shape[at];
    const shifted = (by: number): Boxes => union(seen, n, (i) => [i + by, i + by]);
    if (node.op === "take") {
      const { axis, indices } = node.attrs as Catalogue["take"]["attrs"];
      return axis === at ? union(seen, n, (i) => [indices[i], indices[i]]) : shifted(0);
    }
    if (node.op === "pad") return shifted(-(node.attrs as Catalogue["pad"]["attrs"]).before[at]);
    if (node.op === "slice") return shifted((node.attrs as Catalogue["slice"]["attrs"]).start[at]);
    if (node.op === "roll") {
      const { axis, shift } = node.attrs as Catalogue["roll"]["attrs"];
      const place = (i: number): number => (((i - shift) % n) + n) % n;
      return axis === at ? union(seen, n, (i) => [place(i), place(i)]) : shifted(0);
    }
    const { axis } = node.attrs as Catalogue["concat"]["attrs"];
    const first = axis === at && input === "b" ? n - from[at] : 0;
    return shifted(-first);
  }

  /** The image axes are kept, or pixels are shuffled from channels. */
  #reshaped(node: OpNode, from: Shape, seen: Boxes): Seen {
    if (
      node.shape.length > 2 &&
      from.length > 2 &&
      node.shape.slice(-2).join() === from.slice(-2).join()
    )
      return union(seen, sizeAlong(node.shape, this.#axis), (i) => [i, i]);
    return "all";
  }

  /** [N,C·s²,H,W] → [N,C,H·s,W·s], which layers write as reshape, transpose, reshape. */
  shuffled(node: OpNode): { source: number; scale: number } | undefined {
    const before = node.op === "reshape" ? this.#b.nodes[node.inputs.x] : undefined;
    if (before?.kind !== "op" || before.op !== "transpose") return undefined;
    const { permutation } = before.attrs as Catalogue["transpose"]["attrs"];
    const first = this.#b.nodes[before.inputs.x];
    if (permutation.join() !== SHUFFLE || first.kind !== "op" || first.op !== "reshape")
      return undefined;
    return { source: first.inputs.x, scale: first.shape[2] };
  }
}

/**
 * For every value of the graph that depends on x, what its cells see along one axis. `statistics`
 * says whether a normalisation's mean and variance count, through which every cell sees its whole
 * image.
 */
export function fieldsAlong(
  b: GraphBuilder,
  x: Value,
  axis: Axis,
  options: { statistics: boolean },
): ReadonlyMap<number, Seen> {
  const rules = new Rules(b, axis, options.statistics);
  const own = Int32Array.from(
    { length: x.shape.length < 2 ? 0 : sizeAlong(x.shape, axis) },
    (_, i) => i,
  );
  const fields = new Map<number, Seen>([
    [x.id, x.shape.length < 3 ? "all" : { low: own, high: own }],
  ]);
  for (const node of b.nodes) {
    if (node.kind !== "op" || sizeOf(node.shape) === 0) continue;
    const shuffle = rules.shuffled(node);
    const unshuffled = shuffle && fields.get(shuffle.source);
    if (shuffle && unshuffled && unshuffled !== "all") {
      const place = (i: number): number => Math.floor(i / shuffle.scale);
      fields.set(
        node.id,
        union(unshuffled, sizeAlong(node.shape, axis), (i) => [place(i), place(i)]),
      );
      continue;
    }
    for (const [input, id] of Object.entries(node.inputs)) {
      const seen = fields.get(id);
      if (seen === undefined) continue;
      const now = seen === "all" ? seen : rules.through(node, input, seen);
      fields.set(node.id, joined(fields.get(node.id), now));
    }
  }
  return fields;
}
