// Ops that are sums of others: Einstein's sums, determinants, folded images, short transforms.
import { formatShape, quoted, sizeOf, type Value } from "../../../engine/index.ts";
import type { Call, Family, Val } from "../call.ts";
import { transformed } from "./fourier.ts";
import { surrounded } from "./padding.ts";
import { sizes } from "./shapes.ts";
import { pairOf, whole } from "./windows.ts";

/** "…ij,jk->…ik" as letters, dots standing for as many axes as are left. */
function lettersOf(
  call: Call,
  equation: string,
  values: readonly Value[],
): { terms: string[][]; result: string[] } {
  const [left, right] = equation.replaceAll(" ", "").split("->");
  const parts = left.split(",");
  if (parts.length !== values.length)
    call.fail(`its equation ${quoted(equation)} has ${parts.length} terms`);
  // the axes that dots stand for have digits as letters, counted from the last
  const spelt = (term: string, count: number): string[] => {
    const dots = Array.from({ length: count }, (_, i) => String(count - 1 - i));
    const [before, after = ""] = term.split("...");
    return term.includes("...") ? [...before, ...dots, ...after] : [...before];
  };
  const widths = parts.map((term, i) => values[i].shape.length - term.replace("...", "").length);
  const terms = parts.map((term, i) => spelt(term, Math.max(0, widths[i])));
  const wrong = terms.findIndex((term, i) => term.length !== values[i].shape.length);
  if (wrong !== -1)
    call.fail(`its term ${quoted(parts[wrong])} does not fit ${formatShape(values[wrong].shape)}`);
  const dots = Math.max(0, ...widths.filter((_, i) => parts[i].includes("...")));
  const all = terms.flat();
  const once = [...new Set(all)].filter(
    (letter) => all.filter((l) => l === letter).length === 1 && !/\d/.test(letter),
  );
  const implied = [...spelt("...", dots), ...once.sort()];
  return { terms, result: right === undefined ? implied : spelt(right, dots) };
}
/** The cells where axes of one letter agree. */
function diagonal(
  call: Call,
  x: Value,
  term: readonly string[],
): { value: Value; letters: string[] } {
  const letters = [...new Set(term)];
  if (letters.length === term.length) return { value: x, letters };
  const shape = letters.map((letter) => x.shape[term.indexOf(letter)]);
  const indices = Array.from({ length: sizeOf(shape) }, (_, place) => {
    let rest = place;
    const at = new Map<string, number>();
    for (let i = letters.length - 1; i >= 0; i--) {
      at.set(letters[i], rest % shape[i]);
      rest = Math.floor(rest / shape[i]);
    }
    return term.reduce((flat, letter, axis) => flat * x.shape[axis] + at.get(letter)!, 0);
  });
  const value = call.reshape(call.take(call.reshape(x, [sizeOf(x.shape)]), 0, indices), shape);
  return { value, letters };
}
/** The product over all letters, summed over those that the result lacks. */
function einsum(call: Call): Val {
  const values = call.inputs.map((_, i) => call.value(i));
  const { terms, result } = lettersOf(call, call.text("equation"), values);
  const summed = [...new Set(terms.flat())].filter((letter) => !result.includes(letter));
  const order = [...result, ...summed];
  const factors = values.map((x, i) => {
    const { value, letters } = diagonal(call, x, terms[i]);
    const own = order.filter((letter) => letters.includes(letter));
    const turned = call.transpose(
      value,
      own.map((letter) => letters.indexOf(letter)),
    );
    let axis = 0;
    return call.reshape(
      turned,
      order.map((letter) => (letters.includes(letter) ? turned.shape[axis++] : 1)),
    );
  });
  const product = factors.reduce((a, b) => call.math.mul(a, b));
  const axes = summed.map((_, i) => result.length + i);
  return call.give(axes.length > 0 ? call.math.sum(product, axes) : product);
}

/** By cofactors of the first row. */
function determinant(call: Call, rows: readonly (readonly Value[])[]): Value {
  if (rows.length === 1) return rows[0][0];
  const [first, ...rest] = rows;
  const { mul, sub, add } = call.math;
  return first
    .map((cell, k) =>
      mul(
        cell,
        determinant(
          call,
          rest.map((row) => row.filter((_, i) => i !== k)),
        ),
      ),
    )
    .reduce((sum, term, k) => (k % 2 === 0 ? add(sum, term) : sub(sum, term)));
}
function det(call: Call): Val {
  const x = call.value(0);
  const [n, m] = x.shape.slice(-2);
  if (n !== m || !(n >= 1 && n <= 4))
    call.fail(`its matrices are ${formatShape(x.shape)}; squares of up to 4 are read`);
  const batch = x.shape.slice(0, -2);
  const last = x.shape.length - 1;
  const cell = (i: number, j: number): Value =>
    call.reshape(call.take(call.take(x, last - 1, [i]), last, [j]), batch);
  const rows = Array.from({ length: n }, (_, i) => Array.from({ length: n }, (_, j) => cell(i, j)));
  return call.give(determinant(call, rows));
}
/** Blocks added back into images: a transposed convolution with one cell a kernel. */
function col2Im(call: Call): Val {
  const x = call.value(0);
  const [size, kernel] = [sizes(call, call.numbers(1)), sizes(call, call.numbers(2))];
  if (size.length > 2 || size.length !== kernel.length)
    call.fail(`it makes images of ${quoted(size)}; two axes are read`);
  const rank = size.length;
  const stride = pairOf(whole(call, "strides", call.ints("strides"), rank), 1);
  const dilation = pairOf(whole(call, "dilations", call.ints("dilations"), rank), 1);
  const pads = whole(call, "pads", call.ints("pads"), 2 * rank, 0);
  const [before, after] = [pairOf(pads.slice(0, rank), 0), pairOf(pads.slice(rank), 0)];
  const [image, block] = [pairOf(size, 1), pairOf(kernel, 1)];
  const cells = sizeOf(block);
  const channels = x.shape[1] / cells;
  const padded = image.map((n, i) => n + before[i] + after[i]);
  const count = padded.map(
    (n, i) => Math.floor((n - dilation[i] * (block[i] - 1) - 1) / stride[i]) + 1,
  );
  const rest = padded.map(
    (n, i) => n - ((count[i] - 1) * stride[i] + dilation[i] * (block[i] - 1) + 1),
  );
  call.graph.spend((channels * cells) ** 2);
  const unit = Float64Array.from({ length: channels * cells * channels * cells }, (_, i) => {
    const [row, column] = [Math.floor(i / (channels * cells)), i % (channels * cells)];
    return row === column ? 1 : 0;
  });
  const w = call.graph.constant(unit, [channels * cells, channels, ...block]);
  const blocks = call.reshape(x, [x.shape[0], x.shape[1], ...count]);
  const attrs = { stride, padding: [0, 0], dilation, groups: 1, outputPadding: rest };
  const y = call.emit("conv_transpose2d", { x: blocks, w }, attrs);
  const cut = (margins: readonly number[]): number[] => [0, 0, ...margins.map((n) => -n)];
  return call.give(
    call.reshape(surrounded(call, y, cut(before), cut(after), 0), [x.shape[0], channels, ...size]),
  );
}
function centerCropPad(call: Call): Val {
  const x = call.value(0);
  const wanted = sizes(call, call.numbers(1));
  const axes = call.axes(call.ints("axes") ?? x.shape.map((_, i) => i), x.shape.length);
  const [before, after] = [x.shape.map(() => 0), x.shape.map(() => 0)];
  axes.forEach((axis, i) => {
    const more = wanted[i] - x.shape[axis];
    before[axis] = Math.sign(more) * Math.floor(Math.abs(more) / 2);
    after[axis] = more - before[axis];
  });
  return call.give(surrounded(call, x, before, after, 0));
}
/** Transforms of windows that follow one another along a signal [N, L] or [N, L, 1 or 2]. */
function stft(call: Call): Val {
  const x = call.value(0);
  const signal = x.shape.length === 2 ? call.reshape(x, [...x.shape, 1]) : x;
  const [n, length, parts] = signal.shape;
  const window = call.inputs[2]?.value;
  const width = call.number(3, window?.shape[0] ?? length);
  const step = call.number(1);
  if (!(width >= 1 && width <= Math.min(length, 4096) && step >= 1))
    call.fail(`its frames are ${width} of ${length}`);
  const frames = Math.floor((length - width) / step) + 1;
  call.graph.spend(frames * width);
  const indices = Array.from(
    { length: frames * width },
    (_, i) => Math.floor(i / width) * step + (i % width),
  );
  const cut = call.reshape(call.take(signal, 1, indices), [n, frames, width, parts]);
  const weighed = window ? call.math.mul(cut, call.reshape(window, [width, 1])) : cut;
  const to = call.flag("onesided", true) ? Math.floor(width / 2) + 1 : width;
  const transform = { from: width, length: width, to, parts, inverse: false, toReal: false };
  return call.give(transformed(call, weighed, 2, transform));
}
export const composedOps: Family = {
  Einsum: { attributes: "equation", run: einsum },
  Det: { run: det },
  Col2Im: { attributes: "dilations pads strides", run: col2Im },
  CenterCropPad: { attributes: "axes", run: centerCropPad },
  STFT: { attributes: "onesided", run: stft },
};
