// Ops that move numbers: every element of the output looks up where it comes from.
import { broadcastStrides, sizeOf, stridesOf } from "../../../core/shape.ts";
import type { Kernel, KernelContext } from "../kernel.ts";
import { f32, indexOf, offsetOf } from "../text.ts";

/** One number everywhere. */
export const filled =
  (value: number) =>
  (k: KernelContext): void =>
    k.each(sizeOf(k.out), k.store("i", f32(value)));

export const broadcast_to: Kernel<"broadcast_to"> = ({ input, y, shapes, out, each }) => {
  const strides = broadcastStrides(shapes.x, out);
  each(sizeOf(out), `${y}[i] = ${input.x}[${offsetOf({ shape: out, strides }, "i")}];`);
};

export const transpose: Kernel<"transpose"> = ({ input, y, shapes, out, attrs, each }) => {
  const own = stridesOf(shapes.x);
  const strides = attrs.permutation.map((axis) => own[axis]);
  each(sizeOf(out), `${y}[i] = ${input.x}[${offsetOf({ shape: out, strides }, "i")}];`);
};

export const slice: Kernel<"slice"> = ({ input, y, shapes, out, attrs, each }) => {
  const strides = stridesOf(shapes.x);
  const first = attrs.start.reduce((at, n, axis) => at + n * strides[axis], 0);
  each(sizeOf(out), `${y}[i] = ${input.x}[${offsetOf({ shape: out, strides }, "i")} + ${first}u];`);
};

export const pad: Kernel<"pad"> = ({ input, y, shapes: { x }, out, attrs: { before }, each }) => {
  const own = stridesOf(x);
  const padded = out.map((_, axis) => axis).filter((axis) => out[axis] !== x[axis]);
  // below 0 a u32 is larger than any size, so one comparison serves both sides
  const indices = padded.map(
    (axis) => `let p${axis} = ${indexOf(out, axis, "i")} - ${before[axis]}u;`,
  );
  const inside = ["true", ...padded.map((axis) => `p${axis} < ${x[axis]}u`)].join(" && ");
  const kept = { shape: out, strides: own.map((step, axis) => (padded.includes(axis) ? 0 : step)) };
  const at = [offsetOf(kept, "i"), ...padded.map((axis) => `p${axis} * ${own[axis]}u`)].join(" + ");
  each(
    sizeOf(out),
    `${indices.join("\n")}\nvar value = 0.0f;\nif (${inside}) { value = ${input.x}[${at}]; }\n${y}[i] = value;`,
  );
};

export const concat: Kernel<"concat"> = ({
  input,
  y,
  shapes: { a, b },
  out,
  attrs: { axis },
  each,
}) => {
  const [na, nb] = [sizeOf(a.slice(axis)), sizeOf(b.slice(axis))];
  each(
    sizeOf(out),
    `let outer = i / ${na + nb}u;
let rest = i % ${na + nb}u;
if (rest < ${na}u) { ${y}[i] = ${input.a}[outer * ${na}u + rest]; }
else { ${y}[i] = ${input.b}[outer * ${nb}u + (rest - ${na}u)]; }`,
  );
};

export const roll: Kernel<"roll"> = ({
  input,
  y,
  shapes: { x },
  out,
  attrs: { axis, shift },
  each,
}) => {
  const n = x[axis];
  const inner = sizeOf(x.slice(axis + 1));
  const back = ((-shift % n) + n) % n;
  each(
    sizeOf(out),
    `let j = ${indexOf(x, axis, "i")};
${y}[i] = ${input.x}[i - j * ${inner}u + ((j + ${back}u) % ${n}u) * ${inner}u];`,
  );
};

export const take: Kernel<"take"> = ({
  input,
  y,
  shapes: { x },
  out,
  attrs: { axis, indices },
  each,
  table,
}) => {
  const inner = sizeOf(x.slice(axis + 1));
  const from = table(Uint32Array.from(indices));
  each(
    sizeOf(out),
    `let k = (i / ${inner}u) % ${indices.length}u;
let outer = i / ${inner * indices.length}u;
${y}[i] = ${input.x}[(outer * ${x[axis]}u + ${from}[k]) * ${inner}u + i % ${inner}u];`,
  );
};

/** For each of `size` cells, where its entries begin in `order`, and the entries. */
function byCell(
  indices: readonly number[],
  size: number,
): { starts: Uint32Array; order: Uint32Array } {
  const starts = new Uint32Array(size + 1);
  for (const cell of indices) starts[cell + 1]++;
  for (let cell = 0; cell < size; cell++) starts[cell + 1] += starts[cell];
  const next = starts.slice(0, size);
  const order = new Uint32Array(indices.length);
  indices.forEach((cell, k) => {
    order[next[cell]++] = k;
  });
  return { starts, order };
}

export const take_grad: Kernel<"take_grad"> = ({
  input,
  y,
  shapes: { dy },
  out,
  attrs,
  each,
  table,
}) => {
  const { axis, indices, size } = attrs;
  const inner = sizeOf(dy.slice(axis + 1));
  const { starts, order } = byCell(indices, size);
  const [from, entries] = [table(starts), table(order)];
  each(
    sizeOf(out),
    `let cell = ${indexOf(out, axis, "i")};
let outer = i / ${inner * size}u;
var sum = 0.0f;
for (var e = ${from}[cell]; e < ${from}[cell + 1u]; e++) {
  sum += ${input.dy}[(outer * ${indices.length}u + ${entries}[e]) * ${inner}u + i % ${inner}u];
}
${y}[i] = sum;`,
  );
};
