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
function unpadded(
  view: View,
  x: number,
): { x: number; before: readonly number[]; after: readonly number[] } {
  const none = [0, 0, 0, 0];
  const pad = view.only(x, "pad");
  const around = pad && [...pad.attrs.before.slice(0, 2), ...pad.attrs.after.slice(0, 2)];
  if (!pad || around?.some((n) => n !== 0)) return { x, before: none, after: none };
  return { x: pad.inputs.x, before: pad.attrs.before, after: pad.attrs.after };
}

/** With `bias`, a weight or constant of one number per channel. */
export function convolution(
  { inputs, attrs }: OpNode<"conv2d">,
  view: View,
  bias?: number,
): Written {
  const { x, before, after } = unpadded(view, inputs.x);
  const [down, across] = attrs.padding;
  const pads = [down + before[2], across + before[3], down + after[2], across + after[3]];
  const w = view.shape(inputs.w);
  return {
    reads: [x, inputs.w],
    write: (out) =>
      out.node(
        "Conv",
        [
          out.value(x),
          out.value(inputs.w),
          ...(bias === undefined ? [] : [out.fixed(bias, [w[0]])]),
        ],
        {
          ...shared(attrs, w),
          pads,
        },
      ),
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
        [
          out.value(inputs.x),
          out.value(inputs.w),
          ...(bias === undefined ? [] : [out.fixed(bias, [shape[1]])]),
        ],
        attributes,
      ),
  };
}
export const conv_transpose2d: Mapping<"conv_transpose2d"> = (node, view) =>
  transposedConvolution(node, view);

/** Without what may be left out. */
function whole({ after, dilation = [1, 1], ...attrs }: PoolAttributes): Required<PoolAttributes> {
  return { ...attrs, after: after ?? attrs.padding, dilation };
}
function isGlobal(
  [, , H, W]: Shape,
  { kernel, padding, after, dilation }: Required<PoolAttributes>,
): boolean {
  const around = [...padding, ...after];
  return (
    kernel[0] === H &&
    kernel[1] === W &&
    around.every((n) => n === 0) &&
    dilation.every((d) => d === 1)
  );
}
function windows({ kernel, stride, padding, after }: Required<PoolAttributes>): Attributes {
  return { kernel_shape: kernel, strides: stride, pads: [...padding, ...after] };
}
export const max_pool2d: Mapping<"max_pool2d"> = (node, view) =>
  written(node, (w, x) => {
    const attrs = whole(node.attrs);
    const { kernel, padding, after, dilation } = attrs;
    if (isGlobal(view.shape(node.inputs.x), attrs)) return w.node("GlobalMaxPool", [x]);
    // runtimes refuse a padding as wide as the kernel, which dilation makes possible
    if ([...padding, ...after].every((n, i) => n < kernel[i % 2]))
      return w.node("MaxPool", [x], { ...windows(attrs), dilations: dilation });
    const pads = w.wholes([0, 0, ...padding, 0, 0, ...after], "pads");
    const padded = w.node("Pad", [x, pads, w.floats([Number.NEGATIVE_INFINITY], [])]);
    const none = windows({ ...attrs, padding: [0, 0], after: [0, 0] });
    return w.node("MaxPool", [padded], { ...none, dilations: dilation });
  });
export const avg_pool2d: Mapping<"avg_pool2d"> = (node, view) =>
  written(node, (w, x) => {
    const attrs = whole(node.attrs);
    const own = view.shape(node.inputs.x);
    if (isGlobal(own, attrs)) return w.node("GlobalAveragePool", [x]);
    const { kernel, padding, after, dilation } = attrs;
    const plain =
      dilation.every((d) => d === 1) && [...padding, ...after].every((n, i) => n < kernel[i % 2]);
    if (plain) return w.node("AveragePool", [x], { ...windows(attrs), count_include_pad: 1 });
    // as a convolution of every channel: dilated means are younger than this opset
    const count = kernel[0] * kernel[1];
    const share = w.floats(Array<number>(count).fill(1 / count), [1, 1, ...kernel], "mean");
    const alone = w.reshape(x, [-1, 1, own[2], own[3]]);
    return w.reshape(
      w.node("Conv", [alone, share], { ...windows(attrs), dilations: dilation }),
      view.target(node.id),
    );
  });
