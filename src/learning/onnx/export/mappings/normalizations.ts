// Normalisations without their learned part, and with it; softmax.
import { sizeOf, type Shape } from "../../../../engine/index.ts";
import type { Mapping } from "../mapping.ts";
import { oneNode } from "../mapping.ts";
import type { OpNode, View } from "../view.ts";
import type { GraphWriter, Written } from "../writer.ts";

export const softmax: Mapping<"softmax"> = oneNode("Softmax", () => ({ axis: -1 }));
export const log_softmax: Mapping<"log_softmax"> = oneNode("LogSoftmax", () => ({ axis: -1 }));

/** A scale and a shift that are learned: weights or constants of the graph. */
export interface Affine {
  readonly scale: number;
  readonly shift: number;
}
/** What stands for a scale or a shift that is not there. */
export const filled = (w: GraphWriter, shape: Shape, value: 0 | 1): string =>
  w.made(`${shape.join("×")} of ${value}`, value === 1 ? "ones" : "zeros", shape, () =>
    new Float32Array(sizeOf(shape)).fill(value),
  );

/** Whether these are all axes from the first of them on. */
const isTrailing = (axes: readonly number[], rank: number): boolean =>
  axes.length > 0 && axes.length === rank - Math.min(...axes);

/** The node that normalises over these axes, and the shape of its scale and shift. */
export function kindOf(
  { attrs, inputs }: OpNode<"normalize">,
  view: View,
):
  | { readonly op: "InstanceNormalization" | "LayerNormalization"; readonly learned: Shape }
  | undefined {
  const own = view.shape(inputs.x);
  const batch = view.batchAxis(inputs.x) ?? -1;
  const first = Math.min(...attrs.axes);
  // a scale has one length, whatever the batch is
  if (!isTrailing(attrs.axes, own.length) || batch >= first) return undefined;
  if (first === 2 && own.length > 2 && batch !== 1)
    return { op: "InstanceNormalization", learned: [own[1]] };
  return { op: "LayerNormalization", learned: own.slice(first) };
}
/** Over any axes, by the definition. */
function byDefinition(
  w: GraphWriter,
  x: string,
  { axes, epsilon }: OpNode<"normalize">["attrs"],
): string {
  const mean = (v: string): string => w.node("ReduceMean", [v], { axes, keepdims: 1 });
  const centred = w.node("Sub", [x, mean(x)]);
  const variance = mean(w.node("Mul", [centred, centred]));
  const deviation = w.node("Sqrt", [w.node("Add", [variance, w.floats([epsilon], [])])]);
  return w.node("Div", [centred, deviation]);
}

/** With `affine`, whose shape is the kind's `learned`. */
export function normalized(node: OpNode<"normalize">, view: View, affine?: Affine): Written {
  const { attrs, inputs } = node;
  const kind = kindOf(node, view);
  return {
    reads: [inputs.x],
    write(w) {
      const x = w.value(inputs.x);
      if (!kind) return byDefinition(w, x, attrs);
      const { op, learned } = kind;
      const scale = affine ? w.fixed(affine.scale, learned) : filled(w, learned, 1);
      // a layer's shift may be left out
      const none = op === "LayerNormalization" ? [] : [filled(w, learned, 0)];
      const shift = affine ? [w.fixed(affine.shift, learned)] : none;
      const axis = op === "LayerNormalization" ? { axis: Math.min(...attrs.axes) } : {};
      return w.node(op, [x, scale, ...shift], { ...axis, epsilon: { float: attrs.epsilon } });
    },
  };
}
export const normalize: Mapping<"normalize"> = (node, view) => normalized(node, view);
