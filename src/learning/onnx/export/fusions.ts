// Several ops that ONNX has one node for: found from the last of them backwards. Where the first
// that fits is used, the nodes within it are written only if something else reads them.
import { sizeOf, type Shape } from "../../../engine/index.ts";
import { convolution, transposedConvolution } from "./mappings/convolutions.ts";
import { filled, kindOf, normalized, type Affine } from "./mappings/normalizations.ts";
import { product } from "./mappings/products.ts";
import { isPerChannel, type OpNode, type View } from "./view.ts";
import type { Written } from "./writer.ts";

type Pair = "add" | "mul" | "maximum";
/** The inputs of an op whose order does not matter, both ways. */
function bothWays({ inputs }: OpNode<Pair>): [number, number][] {
  return [
    [inputs.a, inputs.b],
    [inputs.b, inputs.a],
  ];
}
/** The other input, where one is the number. */
function besideNumber(
  view: View,
  node: OpNode<Pair>,
  fits: (value: number) => boolean,
): number | undefined {
  for (const [one, other] of bothWays(node)) {
    const value = view.number(one);
    if (value !== undefined && fits(value) && view.shape(one).length <= view.shape(other).length)
      return other;
  }
  return undefined;
}
const is =
  (wanted: number) =>
  (value: number): boolean =>
    value === wanted;

/** A convolution or a product with its bias. */
function biased(view: View, node: OpNode<"add">): Written | undefined {
  for (const [from, bias] of bothWays(node)) {
    if (!view.fixed(bias)) continue;
    const shape = view.shape(bias);
    const perChannel = isPerChannel(shape, view.shape(from));
    const conv = view.only(from, "conv2d");
    if (conv && perChannel) return convolution(conv, view, bias);
    const transposed = view.only(from, "conv_transpose2d");
    if (transposed && perChannel) return transposedConvolution(transposed, view, bias);
    const matmul = view.only(from, "matmul");
    if (matmul && shape.length === 1 && shape[0] === matmul.shape[1]) return product(matmul, bias);
  }
  return undefined;
}

/** x·scale + shift, both known: what stands behind a normalisation. */
function affineOf(view: View, node: OpNode<"add">): { x: number; affine: Affine } | undefined {
  for (const [product, shift] of bothWays(node)) {
    const mul = view.only(product, "mul");
    if (!mul || !view.fixed(shift)) continue;
    for (const [x, scale] of bothWays(mul))
      if (view.fixed(scale)) return { x, affine: { scale, shift } };
  }
  return undefined;
}
/** Whether both are of a shape, or of one number per channel. */
function fits(view: View, { scale, shift }: Affine, x: number, learned?: Shape): boolean {
  const wanted = (shape: Shape): boolean =>
    learned === undefined ? isPerChannel(shape, view.shape(x)) : shape.join() === learned.join();
  return wanted(view.shape(scale)) && wanted(view.shape(shift));
}
/** (x − mean)/√(variance + ε) with known statistics. */
interface Running {
  readonly x: number;
  readonly mean: number;
  readonly variance: number;
  readonly epsilon: number;
}
function runningOf(view: View, { inputs }: OpNode<"div">): Running | undefined {
  const centred = view.only(inputs.a, "sub");
  const root = view.is(inputs.b, "sqrt");
  const power = root && view.is(root.inputs.x, "add");
  if (!centred || !power || !view.fixed(centred.inputs.b)) return undefined;
  const { a: x, b: mean } = centred.inputs;
  for (const [variance, beside] of bothWays(power)) {
    const epsilon = view.number(beside);
    const known = epsilon !== undefined && view.fixed(variance) && view.shape(x).length > 2;
    if (known && [mean, variance].every((id) => isPerChannel(view.shape(id), view.shape(x))))
      return { x, mean, variance, epsilon };
  }
  return undefined;
}
function batchNormalization(
  view: View,
  { x, mean, variance, epsilon }: Running,
  affine?: Affine,
): Written {
  const channels = view.shape(x)[1];
  return {
    reads: [x],
    write(w) {
      const scale = affine ? w.fixed(affine.scale, [channels]) : filled(w, [channels], 1);
      const shift = affine ? w.fixed(affine.shift, [channels]) : filled(w, [channels], 0);
      const statistics = [mean, variance].map((id) => w.fixed(id, [channels]));
      return w.node("BatchNormalization", [w.value(x), scale, shift, ...statistics], {
        epsilon: { float: epsilon },
      });
    },
  };
}
function normalization(view: View, node: OpNode<"add">): Written | undefined {
  const found = affineOf(view, node);
  if (!found) return undefined;
  const { x, affine } = found;
  const inner = view.only(x, "normalize");
  const kind = inner && kindOf(inner, view);
  if (kind && fits(view, affine, x, kind.op === "LayerNormalization" ? kind.learned : undefined))
    return normalized(inner, view, affine);
  const quotient = view.only(x, "div");
  const running = quotient && runningOf(view, quotient);
  return running && fits(view, affine, x) ? batchNormalization(view, running, affine) : undefined;
}

/** relu(x) + f(x − relu(x)): of x and the other term. */
function slopedOf(
  view: View,
  node: OpNode<"add">,
): { x: number; below: number; term: number } | undefined {
  for (const [above, term] of bothWays(node)) {
    const relu = view.is(above, "relu");
    if (!relu) continue;
    const { x } = relu.inputs;
    const mul = view.only(term, "mul");
    if (mul) return { x, below: above, term };
  }
  return undefined;
}
/** x − relu(x), given both. */
const isBelow = (view: View, id: number, x: number, above: number): boolean => {
  const sub = view.is(id, "sub");
  return sub !== undefined && sub.inputs.a === x && sub.inputs.b === above;
};
/** Leaky ReLU, PReLU and ELU. */
function sloped(view: View, node: OpNode<"add">): Written | undefined {
  const found = slopedOf(view, node);
  if (!found) return undefined;
  const { x, below: above, term } = found;
  for (const [part, slope] of bothWays(view.is(term, "mul")!)) {
    const alpha = view.number(slope);
    if (isBelow(view, part, x, above)) {
      if (alpha !== undefined)
        return {
          reads: [x],
          write: (w) => w.node("LeakyRelu", [w.value(x)], { alpha: { float: alpha } }),
        };
      if (view.fixed(slope) && sizeOf(view.shape(slope)) === 1)
        return { reads: [x], write: (w) => w.node("PRelu", [w.value(x), w.value(slope)]) };
    }
    const less = view.only(part, "sub");
    const curve =
      less && view.number(less.inputs.b) === 1 ? view.only(less.inputs.a, "exp") : undefined;
    if (alpha !== undefined && curve && isBelow(view, curve.inputs.x, x, above))
      return { reads: [x], write: (w) => w.node("Elu", [w.value(x)], { alpha: { float: alpha } }) };
  }
  return undefined;
}

/** 2·sigmoid(2x) − 1 */
function tanh(view: View, { inputs }: OpNode<"sub">): Written | undefined {
  const doubled = view.number(inputs.b) === 1 ? view.only(inputs.a, "mul") : undefined;
  const sigmoid = doubled && view.only(besideNumber(view, doubled, is(2)) ?? -1, "sigmoid");
  const within = sigmoid && view.only(sigmoid.inputs.x, "mul");
  const x = within && besideNumber(view, within, is(2));
  return x === undefined ? undefined : { reads: [x], write: (w) => w.node("Tanh", [w.value(x)]) };
}
/** min(high, max(low, x)), written with negations. */
function clip(view: View, { inputs }: OpNode<"neg">): Written | undefined {
  const outer = view.only(inputs.x, "maximum");
  const turned = outer && view.only(outer.inputs.a, "neg");
  const high = outer && view.number(outer.inputs.b);
  const inner = turned && view.only(turned.inputs.x, "maximum");
  const low = inner && view.number(inner.inputs.b);
  if (!inner || low === undefined || high === undefined) return undefined;
  const { a: x } = inner.inputs;
  return {
    reads: [x],
    write: (w) => w.node("Clip", [w.value(x), w.floats([low], []), w.floats([-high], [])]),
  };
}

/** A sum, a maximum, or a mean by its factor. */
function reduced(
  view: View,
  id: number,
): { x: number; axes: readonly number[]; op: string } | undefined {
  const sum = view.only(id, "sum");
  if (sum) return { x: sum.inputs.x, axes: sum.attrs.axes, op: "ReduceSum" };
  const most = view.only(id, "reduce_max");
  if (most) return { x: most.inputs.x, axes: most.attrs.axes, op: "ReduceMax" };
  const mul = view.only(id, "mul");
  return mul && meanOf(view, mul);
}
function meanOf(
  view: View,
  mul: OpNode<"mul">,
): { x: number; axes: readonly number[]; op: string } | undefined {
  let share = 0;
  const other = besideNumber(view, mul, (value) => {
    share = value;
    return true;
  });
  const sum = other === undefined ? undefined : view.only(other, "sum");
  if (!sum) return undefined;
  const { axes } = sum.attrs;
  const own = view.shape(sum.inputs.x);
  const count = axes.reduce((n, axis) => n * own[axis], 1);
  return Math.abs(share * count - 1) < 1e-12
    ? { x: sum.inputs.x, axes, op: "ReduceMean" }
    : undefined;
}
function reduction(
  { x, axes, op }: { x: number; axes: readonly number[]; op: string },
  keepdims: 0 | 1,
): Written {
  return {
    reads: [x],
    write(w) {
      if (op !== "ReduceSum") return w.node(op, [w.value(x)], { axes, keepdims });
      return w.node(op, [w.value(x), w.wholes(axes, "axes")], { keepdims });
    },
  };
}
/** A reduction whose axes are put back as 1. */
function kept(view: View, { inputs, shape }: OpNode<"reshape">): Written | undefined {
  const found = reduced(view, inputs.x);
  if (!found || found.axes.length === 0) return undefined;
  const own = view.shape(found.x);
  const wanted = own.map((n, axis) => (found.axes.includes(axis) ? 1 : n));
  return wanted.join() === shape.join() ? reduction(found, 1) : undefined;
}

/** The one node that stands for `id` and some before it, if there is one. */
export function fused(view: View, id: number): Written | undefined {
  const node = view.node(id);
  if (node.kind !== "op") return undefined;
  const add = view.is(id, "add");
  if (add) return biased(view, add) ?? normalization(view, add) ?? sloped(view, add);
  const div = view.is(id, "div");
  const running = div && runningOf(view, div);
  if (running) return batchNormalization(view, running);
  const sub = view.is(id, "sub");
  if (sub) return tanh(view, sub);
  const neg = view.is(id, "neg");
  if (neg) return clip(view, neg);
  const mul = view.is(id, "mul");
  const mean = mul && meanOf(view, mul);
  if (mean && mean.axes.length > 0) return reduction(mean, 0);
  const reshape = view.is(id, "reshape");
  return reshape && kept(view, reshape);
}
