// Whether a graph is the same for any number of images: it is traced at two, and compared.
import { formatShape, type Graph, type Node, type Shape } from "../../../engine/index.ts";

type Op = Extract<Node, { kind: "op" }>;
/** The two sizes; neither is 1, which much stands beside. */
export const TRACED: readonly [number, number] = [2, 3];

/** Where the sizes differ as the batches do; undefined for nowhere, "other" for in another way. */
function axisOf(a: Shape, b: Shape): number | undefined | "other" {
  if (a.length !== b.length) return "other";
  const differing = a.flatMap((n, i) => (n === b[i] ? [] : [i]));
  if (differing.length === 0) return undefined;
  const [axis] = differing;
  return differing.length === 1 && a[axis] * TRACED[1] === b[axis] * TRACED[0] ? axis : "other";
}
/** Attributes without those that only repeat a shape. */
function bare({ op, attrs }: Op, axis: number | undefined): string {
  if (op === "reshape" || op === "broadcast_to") return "";
  if (op !== "slice") return JSON.stringify(attrs);
  const { start, end } = attrs as { start: readonly number[]; end: readonly number[] };
  return JSON.stringify([start, end.map((n, i) => (i === axis ? "all" : n))]);
}
/** Ops whose attributes count cells of an axis. */
const counting: readonly string[] = ["roll", "take"];

/** Why an op of the second graph is another than that of the first; undefined where it is not. */
function otherOp(
  a: Op,
  b: Op,
  shapeOf: (id: number) => Shape,
  axes: ReadonlyMap<number, number>,
): string | undefined {
  const alike = a.op === b.op && JSON.stringify(a.inputs) === JSON.stringify(b.inputs);
  const from = axes.get(a.inputs.x);
  const to = axes.get(a.id);
  if (!alike || bare(a, from) !== bare(b, from)) return `${a.op} has other attributes`;
  if (a.op === "broadcast_to" && to !== undefined) {
    const lead = a.shape.length - shapeOf(a.inputs.x).length;
    if (from === undefined || from + lead !== to) return "broadcast_to repeats an image";
  }
  if (a.op === "slice" && from !== undefined) {
    const { start, end } = a.attrs as { start: readonly number[]; end: readonly number[] };
    if (start[from] !== 0 || end[from] !== shapeOf(a.inputs.x)[from])
      return "slice takes some of the images";
  }
  const { axis } = a.attrs as { axis?: number };
  return counting.includes(a.op) && axis === from ? `${a.op} moves images` : undefined;
}

/**
 * The axis of every value along which its size is the batch's or a multiple of it, of graphs traced
 * at the two sizes; or why there is no telling.
 */
export function batchAxes(one: Graph, other: Graph): ReadonlyMap<number, number> | string {
  const axes = new Map<number, number>();
  if (one.nodes.length !== other.nodes.length) return "it has more nodes for more images";
  for (const a of one.nodes) {
    const b = other.nodes[a.id];
    const axis = axisOf(a.shape, b.shape);
    if (axis === "other" || a.kind !== b.kind)
      return `a value is ${formatShape(a.shape)} and ${formatShape(b.shape)}`;
    if (axis !== undefined) axes.set(a.id, axis);
    if (a.kind === "constant" || a.kind === "parameter") {
      const alike =
        axis === undefined &&
        a.kind === "constant" &&
        b.kind === "constant" &&
        sameData(a.data, b.data);
      if (axis !== undefined || (a.kind === "constant" && !alike))
        return "a constant depends on how many images there are";
    }
    const why =
      a.kind === "op" && b.kind === "op" && otherOp(a, b, (id) => one.nodes[id].shape, axes);
    if (why) return why;
  }
  return axes;
}
function sameData(a: ArrayLike<number>, b: ArrayLike<number>): boolean {
  if (a === b) return true;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return a.length === b.length;
}
