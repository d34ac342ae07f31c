// Convolution and its two gradients as products whose matrices are never written: the image is read
// where a tap lies.
import { sizeOf, type Shape } from "../../../core/shape.ts";
import type { ConvAttributes } from "../../../graph/catalogue.ts";
import type { Kernel } from "../kernel.ts";
import { product } from "./product.ts";

/** Statements for the pixel that column `j` is: its image, and where its first tap lies. */
const pixel =
  ([P, Q]: Shape, { stride, padding }: ConvAttributes) =>
  (j: number, at: string) =>
    `let image${j} = ${at} / ${P * Q}u;
let top${j} = ((${at} / ${Q}u) % ${P}u) * ${stride[0]}u - ${padding[0]}u;
let left${j} = (${at} % ${Q}u) * ${stride[1]}u - ${padding[1]}u;`;

/** `value` where `inside` holds, else 0, as `name`. What lies before 0 is beyond every size. */
const guarded = (name: string, inside: string, value: string): string =>
  `var ${name} = 0.0f;\nif (${inside}) { ${name} = ${value}; }`;

export const conv2d: Kernel<"conv2d"> = (k) => {
  const { attrs, input, out } = k;
  const [N, C, H, W] = k.shapes.x;
  const [K, Cg, R, S] = k.shapes.w;
  const [P, Q] = out.slice(2);
  const Kg = K / attrs.groups;
  const { dilation } = attrs;
  const tap = (j: number): string =>
    guarded(
      `value${j}`,
      `top${j} + r * ${dilation[0]}u < ${H}u && left${j} + s * ${dilation[1]}u < ${W}u`,
      `${input.x}[plane${j} + (top${j} + r * ${dilation[0]}u) * ${W}u + left${j} + s * ${dilation[1]}u]`,
    );
  product(k, {
    batches: attrs.groups,
    rows: Kg,
    columns: N * P * Q,
    column: pixel([P, Q], attrs),
    loops: [
      {
        name: "c",
        count: Cg,
        head: (columns) =>
          columns.map(
            (j) => `let plane${j} = (image${j} * ${C}u + batch * ${Cg}u + c) * ${H * W}u;`,
          ),
      },
      { name: "r", count: R },
      { name: "s", count: S, head: (columns) => columns.map(tap) },
    ],
    a: (_, row) =>
      `${input.w}[((batch * ${Kg}u + ${row}) * ${Cg}u + c) * ${R * S}u + r * ${S}u + s]`,
    b: (j) => `value${j}`,
    place: (row, column) =>
      `(${column} / ${P * Q}u) * ${K * P * Q}u + (batch * ${Kg}u + ${row}) * ${P * Q}u + ${column} % ${P * Q}u`,
    size: sizeOf(out),
  });
};

export const conv_transpose2d: Kernel<"conv_transpose2d"> = (k) => {
  const { attrs, input, out } = k;
  const [N, K, P, Q] = k.shapes.x;
  const [, Cg, R, S] = k.shapes.w;
  const [C, H, W] = out.slice(1);
  const Kg = K / attrs.groups;
  const { stride, padding, dilation } = attrs;
  // an input's cell answers where the tap's distance is a whole number of strides
  const tap = (j: number): string => {
    const [h, v] = [`below${j} - r * ${dilation[0]}u`, `right${j} - s * ${dilation[1]}u`];
    const whole = [
      ...(stride[0] > 1 ? [`(${h}) % ${stride[0]}u == 0u`] : []),
      ...(stride[1] > 1 ? [`(${v}) % ${stride[1]}u == 0u`] : []),
    ];
    const [p, q] = [`(${h}) / ${stride[0]}u`, `(${v}) / ${stride[1]}u`];
    const inside = [...whole, `${p} < ${P}u`, `${q} < ${Q}u`].join(" && ");
    return guarded(`value${j}`, inside, `${input.x}[plane${j} + (${p}) * ${Q}u + ${q}]`);
  };
  product(k, {
    batches: attrs.groups,
    rows: Cg,
    columns: N * H * W,
    column: (j, at) =>
      `let image${j} = ${at} / ${H * W}u;
let below${j} = (${at} / ${W}u) % ${H}u + ${padding[0]}u;
let right${j} = ${at} % ${W}u + ${padding[1]}u;`,
    loops: [
      {
        name: "c",
        count: Kg,
        head: (columns) =>
          columns.map(
            (j) => `let plane${j} = (image${j} * ${K}u + batch * ${Kg}u + c) * ${P * Q}u;`,
          ),
      },
      { name: "r", count: R },
      { name: "s", count: S, head: (columns) => columns.map(tap) },
    ],
    a: (_, row) =>
      `${input.w}[((batch * ${Kg}u + c) * ${Cg}u + ${row}) * ${R * S}u + r * ${S}u + s]`,
    b: (j) => `value${j}`,
    place: (row, column) =>
      `(${column} / ${H * W}u) * ${C * H * W}u + (batch * ${Cg}u + ${row}) * ${H * W}u + ${column} % ${H * W}u`,
    size: sizeOf(out),
  });
};

export const conv2d_weight_grad: Kernel<"conv2d_weight_grad"> = (k) => {
  const { attrs, input, out } = k;
  const [N, C, H, W] = k.shapes.x;
  const [K, Cg, R, S] = out;
  const [P, Q] = k.shapes.dy.slice(2);
  const Kg = K / attrs.groups;
  const { stride, padding, dilation } = attrs;
  const tap = (j: number): string =>
    guarded(
      `value${j}`,
      `row_of${j} < ${H}u && q * ${stride[1]}u + left${j} < ${W}u`,
      `${input.x}[plane${j} + row_of${j} * ${W}u + q * ${stride[1]}u + left${j}]`,
    );
  product(k, {
    batches: attrs.groups,
    rows: Kg,
    columns: Cg * R * S,
    column: (j, at) =>
      `let channel${j} = batch * ${Cg}u + ${at} / ${R * S}u;
let top${j} = ((${at} / ${S}u) % ${R}u) * ${dilation[0]}u - ${padding[0]}u;
let left${j} = (${at} % ${S}u) * ${dilation[1]}u - ${padding[1]}u;`,
    loops: [
      {
        name: "line",
        count: N * P,
        head: (columns) => [
          `let image = line / ${P}u;\nlet p = line % ${P}u;`,
          ...columns.map(
            (j) => `let plane${j} = (image * ${C}u + channel${j}) * ${H * W}u;
let row_of${j} = p * ${stride[0]}u + top${j};`,
          ),
        ],
      },
      { name: "q", count: Q, head: (columns) => columns.map(tap) },
    ],
    a: (_, row) =>
      `${input.dy}[((image * ${K}u + batch * ${Kg}u + ${row}) * ${P}u + p) * ${Q}u + q]`,
    b: (j) => `value${j}`,
    place: (row, column) => `(batch * ${Kg}u + ${row}) * ${Cg * R * S}u + ${column}`,
    size: sizeOf(out),
  });
};

export const matmul: Kernel<"matmul"> = (k) => {
  const { transposeA, transposeB } = k.attrs;
  const { a, b } = k.shapes;
  const [m, n] = k.out;
  const depth = transposeA ? a[0] : a[1];
  product(k, {
    batches: 1,
    rows: m,
    columns: n,
    loops: [{ name: "c", count: depth }],
    a: (_, row) =>
      transposeA ? `${k.input.a}[c * ${a[1]}u + ${row}]` : `${k.input.a}[${row} * ${a[1]}u + c]`,
    b: (_, column) =>
      transposeB
        ? `${k.input.b}[${column} * ${b[1]}u + c]`
        : `${k.input.b}[c * ${b[1]}u + ${column}]`,
    place: (row, column) => `${row} * ${n}u + ${column}`,
    size: m * n,
  });
};
