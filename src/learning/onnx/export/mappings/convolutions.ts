// Convolutions and pools. A convolution takes its bias, and zeros that are put around its image.
import type { Catalogue, Shape } from "../../../../engine/index.ts";
import type { Mapping } from "../mapping.ts";
import { written } from "../mapping.ts";
import type { Attributes } from "../model.ts";
import type { OpNode, View } from "../view.ts";
import type { Written } from "../writer.ts";

type ConvAttributes = Catalogue["conv2d"]["attrs"];
type PoolAttributes = Catalogue["max_pool2d"]["attrs"];

function shared({ stride, dilation, groups }: ConvAttributes, [, , R, S]: Shape): Attributes {
  return { kernel_shape: [R, S], strides: stride, dilations: dilation, group: groups };
}
/** The image without the zeros around it, and those, if nothing else reads it with them. */
function unpadded(view: View, x: number): { x: number; before: readonly number[]; after: readonly number[] } {
  const none = [0, 0, 0, 0];
  const pad = view.only(x, "pad");
  const around = pad && [...pad.attrs.before.slice(0, 2), ...pad.attrs.after.slice(0, 2)];
  if (!pad || around?.some((n) => n !== 0)) return { x, before: none, after: none };
  return { x: pad.inputs.x, before: pad.attrs.before, after: pad.attrs.after };
}

/** With `bias`, a weight or constant of one number per channel. */
export function convolution({ inputs, attrs }: OpNode<"conv2d">, view: View, bias?: number): Written {
  const { x, before, after } = unpadded(view, inputs.x);
  const [down, across] = attrs.padding;
  const pads = [down + before[2], across + before[3], down + after[2], across + after[3]];
  const w = view.shape(inputs.w);
  return {
    reads: [x, inputs.w],
    write: (out) =>
      out.node("Conv", [out.value(x), out.value(inputs.w), ...(bias === undefined ? [] : [out.fixed(bias, [w[0]])])], {
        ...shared(attrs, w),
        pads,
      }),
  };
}
export const conv2d: Mapping<"conv2d"> = (node, view) => convolution(node, view);

export function transposedConvolution(
  { inputs, attrs, shape }: OpNode<"conv_transpose2d">,
  view: View,
  bias?: number,
): Written {
  const [down, across] = attrs.padding;
  const attributes = {
    ...shared(attrs, view.shape(inputs.w)),
    pads: [down, across, down, across],
    output_padding: attrs.outputPadding,
  };
  return {
    reads: [inputs.x, inputs.w],
    write: (out) =>
      out.node(
        "ConvTranspose",
        [out.value(inputs.x), out.value(inputs.w), ...(bias === undefined ? [] : [out.fixed(bias, [shape[1]])])],
        attributes,
      ),
  };
}
export const conv_transpose2d: Mapping<"conv_transpose2d"> = (node, view) => transposedConvolution(node, view);

const isGlobal = (x: Shape, { kernel, padding }: PoolAttributes): boolean =>
  kernel[0] === x[2] && kernel[1] === x[3] && padding[0] === 0 && padding[1] === 0;
function windows({ kernel, stride, padding }: PoolAttributes): Attributes {
  return { kernel_shape: kernel, strides: stride, pads: [...padding, ...padding] };
}
export const max_pool2d: Mapping<"max_pool2d"> = (node, view) =>
  written(node, (w, x) =>
    isGlobal(view.shape(node.inputs.x), node.attrs)
      ? w.node("GlobalMaxPool", [x])
      : w.node("MaxPool", [x], windows(node.attrs)),
  );
export const avg_pool2d: Mapping<"avg_pool2d"> = (node, view) =>
  written(node, (w, x) =>
    isGlobal(view.shape(node.inputs.x), node.attrs)
      ? w.node("GlobalAveragePool", [x])
      : w.node("AveragePool", [x], { ...windows(node.attrs), count_include_pad: 1 }),
  );
