// Normalisations without their learned part, and with it; softmax.
import { sizeOf, type Shape } from "../../../../engine/index.ts";
import type { Mapping } from "../mapping.ts";
import { oneNode } from "../mapping.ts";
import type { OpNode, View } from "../view.ts";
import type { GraphWriter, Written } from "../writer.ts";

export const softmax: Mapping<"softmax"> = oneNode("Softmax", () => ({ axis: -1 }));
export const log_softmax: Mapping<"log_softmax"> = oneNode("LogSoftmax", () => ({ axis: -1 }));

/** A scale and a shift for every channel: weights or constants of the graph. */
export interface Affine {
  readonly scale: number;
  readonly shift: number;
}
/** What stands for a scale and a shift that are not there. */
export const ones = (w: GraphWriter, count: number, value: 0 | 1): string =>
  w.made(`${count} times ${value}`, value === 1 ? "ones" : "zeros", [count], () => new Float32Array(count).fill(value));

/** Whether these are all axes from the first of them on. */
const isTrailing = (axes: readonly number[], rank: number): boolean =>
  axes.length > 0 && axes.length === rank - Math.min(...axes);

/** Of every image and channel by itself, axes 2 and on. */
export const isInstance = (axes: readonly number[], rank: number): boolean =>
  rank > 2 && isTrailing(axes, rank) && Math.min(...axes) === 2;

/**
 * Everything from an axis on is one instance of one channel. LayerNormalization would say so in one
 * node, but takes the variance as E[x²] − E[x]² in ONNX Runtime, which loses its digits where the
 * mean is large beside it.
 */
function asInstances(w: GraphWriter, x: string, view: View, { id, shape, attrs }: OpNode<"normalize">): string {
  const first = Math.min(...attrs.axes);
  const flat = w.reshape(x, [-1, 1, sizeOf(shape.slice(first))]);
  const y = w.node("InstanceNormalization", [flat, ones(w, 1, 1), ones(w, 1, 0)], {
    epsilon: { float: attrs.epsilon },
  });
  return w.reshape(y, view.target(id));
}
/** Over any axes, by the definition. */
function byDefinition(w: GraphWriter, x: string, { axes, epsilon }: OpNode<"normalize">["attrs"]): string {
  const mean = (v: string): string => w.node("ReduceMean", [v], { axes, keepdims: 1 });
  const centred = w.node("Sub", [x, mean(x)]);
  const variance = mean(w.node("Mul", [centred, centred]));
  const deviation = w.node("Sqrt", [w.node("Add", [variance, w.floats([epsilon], [])])]);
  return w.node("Div", [centred, deviation]);
}

/** With `affine`, numbers per channel. */
export function normalized(node: OpNode<"normalize">, view: View, affine?: Affine): Written {
  const { attrs, inputs } = node;
  const own: Shape = view.shape(inputs.x);
  const channels = own[1];
  return {
    reads: [inputs.x],
    write(w) {
      const x = w.value(inputs.x);
      // a batch among the channels has no scale of its length
      if (isInstance(attrs.axes, own.length) && view.batchAxis(inputs.x) !== 1) {
        const scale = affine ? w.fixed(affine.scale, [channels]) : ones(w, channels, 1);
        const shift = affine ? w.fixed(affine.shift, [channels]) : ones(w, channels, 0);
        return w.node("InstanceNormalization", [x, scale, shift], { epsilon: { float: attrs.epsilon } });
      }
      const whole = isTrailing(attrs.axes, own.length);
      const varies = attrs.axes.includes(view.batchAxis(inputs.x) ?? -1);
      return whole && !varies ? asInstances(w, x, view, node) : byDefinition(w, x, attrs);
    },
  };
}
export const normalize: Mapping<"normalize"> = (node, view) => normalized(node, view);
