// Pooling: an output looks through its window; a gradient's cell looks for the windows it lies in.
import { sizeOf, type Shape } from "../../../core/shape.ts";
import type { PoolAttributes } from "../../../graph/catalogue.ts";
import type { Kernel } from "../kernel.ts";
import { f32, lines } from "../text.ts";

/** Visits the cells of window i of y, whose offset in x is `at`. */
function overWindow(x: Shape, y: Shape, attrs: PoolAttributes, cell: string): string {
  const { kernel, stride, padding, dilation = [1, 1] } = attrs;
  const [H, W] = x.slice(2);
  const [P, Q] = y.slice(2);
  return `let q = i % ${Q}u;
let p = (i / ${Q}u) % ${P}u;
let plane = (i / ${P * Q}u) * ${H * W}u;
for (var r = 0u; r < ${kernel[0]}u; r++) {
  let h = p * ${stride[0]}u + r * ${dilation[0]}u - ${padding[0]}u;
  if (h >= ${H}u) { continue; }
  for (var s = 0u; s < ${kernel[1]}u; s++) {
    let w = q * ${stride[1]}u + s * ${dilation[1]}u - ${padding[1]}u;
    if (w >= ${W}u) { continue; }
    let at = plane + h * ${W}u + w;
    ${cell}
  }
}`;
}
/** Visits the windows of y that cell i of x lies in, whose offset in y is `at`. */
function overWindows(x: Shape, y: Shape, attrs: PoolAttributes, window: string): string {
  const { kernel, stride, padding, dilation = [1, 1] } = attrs;
  const [H, W] = x.slice(2);
  const [P, Q] = y.slice(2);
  return `let w = i % ${W}u;
let h = (i / ${W}u) % ${H}u;
let plane = (i / ${H * W}u) * ${P * Q}u;
for (var r = 0u; r < ${kernel[0]}u; r++) {
  let below = h + ${padding[0]}u - r * ${dilation[0]}u;
  let p = below / ${stride[0]}u;
  if (below % ${stride[0]}u != 0u || p >= ${P}u) { continue; }
  for (var s = 0u; s < ${kernel[1]}u; s++) {
    let right = w + ${padding[1]}u - s * ${dilation[1]}u;
    let q = right / ${stride[1]}u;
    if (right % ${stride[1]}u != 0u || q >= ${Q}u) { continue; }
    let at = plane + p * ${Q}u + q;
    ${window}
  }
}`;
}

/** Statements that leave the place of the window's first largest value in `best`. */
const largest = (x: Shape, y: Shape, attrs: PoolAttributes, data: string): string =>
  lines(
    "var best = 0xffffffffu;",
    overWindow(
      x,
      y,
      attrs,
      `if (best == 0xffffffffu || ${data}[at] > ${data}[best]) { best = at; }`,
    ),
  );

export const max_pool2d: Kernel<"max_pool2d"> = ({ shapes: { x }, attrs, input, y, out, each }) =>
  each(sizeOf(out), lines(largest(x, out, attrs, input.x), `${y}[i] = ${input.x}[best];`));

export const max_pool2d_gather: Kernel<"max_pool2d_gather"> = ({
  shapes: { x },
  attrs,
  input,
  y,
  out,
  each,
}) => each(sizeOf(out), lines(largest(x, out, attrs, input.x), `${y}[i] = ${input.u}[best];`));

export const max_pool2d_grad: Kernel<"max_pool2d_grad"> = (k) => {
  const { x, dy } = k.shapes;
  const chosen = k.scratch(sizeOf(dy), "u32");
  k.each(sizeOf(dy), lines(largest(x, dy, k.attrs, k.input.x), `${chosen}[i] = best;`));
  k.each(
    sizeOf(x),
    lines(
      "var sum = 0.0f;",
      overWindows(x, dy, k.attrs, `if (${chosen}[at] == i) { sum += ${k.input.dy}[at]; }`),
      `${k.y}[i] = sum;`,
    ),
  );
};

const area = ({ kernel }: PoolAttributes): string => f32(kernel[0] * kernel[1]);

export const avg_pool2d: Kernel<"avg_pool2d"> = ({ shapes: { x }, attrs, input, y, out, each }) =>
  each(
    sizeOf(out),
    lines(
      "var sum = 0.0f;",
      overWindow(x, out, attrs, `sum += ${input.x}[at];`),
      `${y}[i] = sum / ${area(attrs)};`,
    ),
  );

export const avg_pool2d_grad: Kernel<"avg_pool2d_grad"> = ({
  shapes: { dy },
  attrs,
  input,
  y,
  out,
  each,
}) =>
  each(
    sizeOf(out),
    lines(
      "var sum = 0.0f;",
      overWindows(out, dy, attrs, `sum += ${input.dy}[at];`),
      `${y}[i] = sum / ${area(attrs)};`,
    ),
  );
