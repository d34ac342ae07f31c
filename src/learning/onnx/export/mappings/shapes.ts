// Ops that move numbers, repeat them or add them up along axes.
import type { Mapping } from "../mapping.ts";
import { oneNode, written } from "../mapping.ts";
import type { OpNode, View } from "../view.ts";
import type { GraphWriter } from "../writer.ts";

/** TensorProto.data_type */
const FLOAT32 = 1;
const INT64 = 7;

export const sum: Mapping<"sum"> = (node) =>
  written(node, (w, x) => {
    const { axes } = node.attrs;
    // Without axes ReduceSum would take all.
    if (axes.length === 0) return x;
    return w.node("ReduceSum", [x, w.wholes(axes, "axes")], { keepdims: 0 });
  });

export const reduce_max: Mapping<"reduce_max"> = ({ inputs, attrs: { axes } }) =>
  written({ inputs }, (w, x) =>
    axes.length === 0 ? x : w.node("ReduceMax", [x], { axes, keepdims: 0 }),
  );
export const argmax: Mapping<"argmax"> = ({ inputs, attrs: { axis } }) =>
  written({ inputs }, (w, x) =>
    w.node("Cast", [w.node("ArgMax", [x], { axis, keepdims: 0 })], { to: FLOAT32 }),
  );

export const broadcast_to: Mapping<"broadcast_to"> = (node, view) =>
  written(node, (w, x) => {
    // a batch of any size is x's own, and 1 leaves that as it is
    const shape = view.target(node.id).map((n) => (n === -1 ? 1 : n));
    return w.node("Expand", [x, w.wholes(shape, "shape")]);
  });

export const reshape: Mapping<"reshape"> = (node, view) =>
  written(node, (w, x) => w.reshape(x, view.target(node.id)));

export const transpose: Mapping<"transpose"> = oneNode("Transpose", ({ attrs }) => ({
  perm: attrs.permutation,
}));

/** x from start to end along some axes. */
export function cut(
  w: GraphWriter,
  x: string,
  {
    axes,
    start,
    end,
  }: { axes: readonly number[]; start: readonly number[]; end: readonly number[] },
): string {
  return w.node("Slice", [
    x,
    w.wholes(start, "starts"),
    w.wholes(end, "ends"),
    w.wholes(axes, "axes"),
  ]);
}
export const slice: Mapping<"slice"> = ({ inputs, attrs }, view) =>
  written({ inputs }, (w, x) => {
    const own = view.shape(inputs.x);
    const axes = own.flatMap((n, i) => (attrs.start[i] === 0 && attrs.end[i] === n ? [] : [i]));
    const at = (places: readonly number[]): number[] => axes.map((axis) => places[axis]);
    return cut(w, x, { axes, start: at(attrs.start), end: at(attrs.end) });
  });

export const pad: Mapping<"pad"> = ({ inputs, attrs }) =>
  written({ inputs }, (w, x) =>
    w.node("Pad", [x, w.wholes([...attrs.before, ...attrs.after], "pads")]),
  );

/** Of concatenations of concatenations along one axis, the parts. */
function parts(view: View, { inputs, attrs }: OpNode<"concat">): number[] {
  return [inputs.a, inputs.b].flatMap((id) => {
    const inner = view.only(id, "concat");
    return inner && inner.attrs.axis === attrs.axis ? parts(view, inner) : [id];
  });
}
export const concat: Mapping<"concat"> = (node, view) => {
  const reads = parts(view, node);
  return {
    reads,
    write: (w) =>
      w.node(
        "Concat",
        reads.map((id) => w.value(id)),
        { axis: node.attrs.axis },
      ),
  };
};

export const roll: Mapping<"roll"> = ({ inputs, attrs, shape }) =>
  written({ inputs }, (w, x) => {
    const { axis, shift } = attrs;
    const n = shape[axis];
    const split = n === 0 ? 0 : ((-shift % n) + n) % n;
    if (split === 0) return x;
    const piece = (from: number, to: number): string =>
      cut(w, x, { axes: [axis], start: [from], end: [to] });
    return w.node("Concat", [piece(split, n), piece(0, split)], { axis });
  });

export const take: Mapping<"take"> = ({ inputs, attrs }) =>
  written({ inputs }, (w, x) =>
    w.node("Gather", [x, w.indices(attrs.indices, "indices")], { axis: attrs.axis }),
  );

export const lookup: Mapping<"lookup"> = ({ inputs, attrs }, view) =>
  written({ inputs }, (w, x, table) => {
    const [channels, bins] = view.shape(inputs.table);
    const trailing = view.shape(inputs.x).length - 2;
    const number = (v: number): string => w.floats([v], []);
    const steps = w.node("Div", [w.node("Sub", [x, number(attrs.low)]), number(attrs.step)]);
    const bin = w.node("Add", [w.node("Floor", [steps]), number(1)]);
    const within = w.node("Clip", [bin, number(0), number(bins - 1)]);
    // the table's rows one after another, and where each channel's begins
    const rows = Array.from({ length: channels }, (_, c) => c * bins);
    const first = w.wholes(rows, "rows", [channels, ...Array<number>(trailing).fill(1)]);
    const place = w.node("Add", [w.node("Cast", [within], { to: INT64 }), first]);
    return w.node("Gather", [w.reshape(table, [channels * bins]), place], { axis: 0 });
  });
