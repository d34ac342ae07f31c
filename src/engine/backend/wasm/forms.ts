// The form of every convolution: Winograd's where it pays, the direct one, two for strided
// adjoints, and zeros where there is nothing to sum.
import { sizeOf, type Shape } from "../../core/shape.ts";
import type { ConvAttributes } from "../../graph/catalogue.ts";
import type { OpNode } from "../../graph/ir.ts";
import { adjointPadding } from "../../ops/convolution.ts";
import type { Chosen, KernelContext } from "./kernel.ts";
import { isPaired, pairedTranspose } from "./kernels/adjoint/paired.ts";
import { phasedTranspose } from "./kernels/adjoint/phased.ts";
import { isPhased, phasedWeights, phasedWeightsSize } from "./kernels/adjoint/phases.ts";
import { scatteredTranspose } from "./kernels/adjoint/scattered.ts";
import { directConvolution } from "./kernels/direct/convolution.ts";
import { directWeightGrad } from "./kernels/direct/weight-gradient.ts";
import { directWeights, directWeightsSize } from "./kernels/direct/weights.ts";
import { winogradConvolution } from "./kernels/winograd/convolution.ts";
import { winogradWeightGrad } from "./kernels/winograd/weight-gradient.ts";
import { winogradWeights, winogradWeightsSize } from "./kernels/winograd/weights.ts";

/** How convolutions are computed: "auto" takes Winograd's form where it pays. */
export type ConvolutionForm = "auto" | "direct";

type ConvolutionNode = OpNode<"conv2d" | "conv_transpose2d" | "conv2d_weight_grad">;
export const isConvolution = (node: OpNode): node is ConvolutionNode =>
  node.op === "conv2d" || node.op === "conv_transpose2d" || node.op === "conv2d_weight_grad";

/**
 * Transformed weights of so many bytes are kept once for a convolution and its gradient, if they
 * are kept from run to run: kernels of 3×3, which have the same bits turned before and after they
 * are transformed. In training each would live from the one to the other, and take more memory.
 */
const LARGE = 2 ** 24;

/** Whether the form of a transposed convolution takes what is fused behind it. */
export function goesOn(
  { inputs: { x, w }, attrs, shape }: OpNode<"conv_transpose2d">,
  shapeOf: (id: number) => Shape,
): boolean {
  if (adjointPadding(shapeOf(w), attrs)) return true;
  return !isPaired(shapeOf(w), shapeOf(x), shape, attrs) && isPhased(attrs);
}

/** `isKept`: whether a convolution of the same graph has these weights, and no run changes them. */
export function convolutionKernel(
  node: ConvolutionNode,
  shapeOf: (id: number) => Shape,
  { form, isKept }: { form: ConvolutionForm; isKept: (weights: number) => boolean },
): Chosen {
  const { op, inputs, shape } = node;
  if (Object.values(inputs).some((id) => sizeOf(shapeOf(id)) === 0)) return zeros(shape);
  if (op === "conv2d_weight_grad") return weightGradient(node, shapeOf, form);
  const { x, w } = inputs;
  const { attrs } = node;
  if (op === "conv2d")
    return convolution(node, { attrs, flipped: false, shared: false }, shapeOf, form);
  const padding = adjointPadding(shapeOf(w), attrs);
  if (padding) {
    const as = { attrs: { ...attrs, padding }, flipped: true, shared: isKept(w) };
    return convolution(node, as, shapeOf, form);
  }
  if (isPaired(shapeOf(w), shapeOf(x), shape, attrs))
    return { label: "conv_transpose2d paired", emit: pairedTranspose(attrs) };
  if (!isPhased(attrs))
    return { label: "conv_transpose2d scattered", emit: scatteredTranspose(attrs) };
  return {
    label: "conv_transpose2d phased",
    inputs: { x },
    attrs: { ...attrs, weights: shapeOf(w) },
    emit: phasedTranspose(shapeOf(x), shapeOf(w), attrs),
    pack: {
      label: "phased weights",
      w,
      floats: phasedWeightsSize(shapeOf(w), attrs),
      attrs,
      emit: phasedWeights(shapeOf(w), attrs),
    },
  };
}

/**
 * Where Winograd's form is quicker than the direct one, as measured: kernels of 3×3 and 5×5 at
 * stride 1 with enough channels on both sides to pay for the transforms.
 */
function winogradPays(sizes: {
  kernel: readonly [number, number];
  attrs: ConvAttributes;
  images: number;
  inputs: number;
  outputs: number;
  map: Shape;
}): boolean {
  const { kernel, attrs, images, inputs, outputs, map } = sizes;
  const [R, S] = kernel;
  const isPlain = attrs.groups === 1 && [...attrs.stride, ...attrs.dilation].every((n) => n === 1);
  const isSmall = R === S && (R === 3 || R === 5);
  const pixels = images * sizeOf(map.slice(-2));
  return isSmall && isPlain && inputs >= 6 && outputs >= 6 && pixels >= 64;
}

function zeros(shape: Shape): Chosen {
  return {
    label: "zeros",
    emit: (k: KernelContext) => k.pass(1, ({ f, y }) => f.zero(y, 4 * sizeOf(shape))),
  };
}

/**
 * A convolution, or with `flipped` an adjoint that is one with turned kernels; `shared` where the
 * convolution itself is there, too.
 */
function convolution(
  { op, inputs: { x, w }, shape }: ConvolutionNode,
  { attrs, flipped, shared }: { attrs: ConvAttributes; flipped: boolean; shared: boolean },
  shapeOf: (id: number) => Shape,
  form: ConvolutionForm,
): Chosen {
  const [image, weights] = [shapeOf(x), shapeOf(w)];
  const { groups } = attrs;
  const [K, C, R, S] = weights;
  const [inputs, outputs] = flipped ? [K, C * groups] : [C * groups, K];
  const common = { inputs: { x }, attrs: { ...attrs, flipped, weights } };
  if (
    form === "auto" &&
    winogradPays({ kernel: [R, S], attrs, images: image[0], inputs, outputs, map: shape })
  ) {
    const floats = winogradWeightsSize(inputs, outputs, R);
    const isWhole = R === 3 && inputs % 8 === 0 && outputs % 8 === 0;
    const turned = shared && isWhole && 4 * floats >= LARGE;
    const packed = flipped && !turned;
    return {
      ...common,
      attrs: { ...common.attrs, turned },
      label: `${op} winograd`,
      emit: winogradConvolution({ image, outputs, kernel: R, padding: attrs.padding, turned }),
      pack: {
        label: "winograd weights",
        w,
        floats: turned ? winogradWeightsSize(outputs, inputs, R) : floats,
        attrs: { flipped: packed },
        emit: winogradWeights(weights, packed),
      },
    };
  }
  const turned = flipped ? [outputs, inputs / groups, R, S] : weights;
  return {
    ...common,
    label: `${op} direct`,
    emit: directConvolution(image, turned, attrs),
    pack: {
      label: "direct weights",
      w,
      floats: directWeightsSize(turned, groups),
      attrs: { flipped, groups },
      emit: directWeights(weights, groups, flipped),
    },
  };
}

function weightGradient(
  { op, inputs, shape, attrs }: ConvolutionNode,
  shapeOf: (id: number) => Shape,
  form: ConvolutionForm,
): Chosen {
  const [x, dy] = [shapeOf(inputs.x), shapeOf(inputs.dy)];
  const [, , R, S] = shape;
  const sizes = {
    kernel: [R, S] as const,
    attrs,
    images: x[0],
    inputs: x[1],
    outputs: dy[1],
    map: dy,
  };
  if (form !== "auto" || !winogradPays(sizes))
    return { label: `${op} direct`, emit: directWeightGrad(x, dy, attrs) };
  const { padding } = attrs;
  return { label: `${op} winograd`, emit: winogradWeightGrad({ x, dy, kernel: R, padding }) };
}
