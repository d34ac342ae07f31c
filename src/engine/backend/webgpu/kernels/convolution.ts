// Convolution and its two gradients as products whose matrices are never written: the image is read
// where a tap lies.
import { sizeOf } from "../../../core/shape.ts";
import type { Kernel } from "../kernel.ts";
import { lines } from "../text.ts";
import type { Factor } from "./product/description.ts";
import { product } from "./product/index.ts";
import { convolved, hasWindows, weightGradient } from "./winograd/index.ts";

/** WGSL that returns `value` where `inside` holds, else 0. */
const guarded = (inside: string, value: string): string =>
  `if (${inside}) { return ${value}; }\nreturn 0.0f;`;

export const conv2d: Kernel<"conv2d"> = (k) => {
  const { attrs, input, out } = k;
  const [N, C, H, W] = k.shapes.x;
  const [K, Cg, R, S] = k.shapes.w;
  const [P, Q] = out.slice(2);
  const Kg = K / attrs.groups;
  const { stride, padding, dilation } = attrs;
  if (hasWindows(k.shapes.w, attrs)) {
    const image = { name: input.x, shape: k.shapes.x, before: padding, outputs: [P, Q] };
    const weight = (r: number, s: number): string =>
      `${input.w}[(row * ${C}u + c) * ${R * S}u + ${r * S + s}u]`;
    if (convolved(k, { image, rows: K, weight })) return;
  }
  product(k, {
    batches: attrs.groups,
    rows: Kg,
    columns: N * P * Q,
    loops: [
      { name: "c", count: Cg },
      { name: "r", count: R },
      { name: "s", count: S },
    ],
    a: {
      side: [`(batch * ${Kg}u + at) * ${Cg * R * S}u`],
      value: `return ${input.w}[side.x + c * ${R * S}u + r * ${S}u + s];`,
      along: "terms",
    },
    // a pixel's image, and where its first tap lies; what lies before 0 is beyond every size
    b: {
      side: [
        `((at / ${P * Q}u) * ${C}u + batch * ${Cg}u) * ${H * W}u`,
        `((at / ${Q}u) % ${P}u) * ${stride[0]}u - ${padding[0]}u`,
        `(at % ${Q}u) * ${stride[1]}u - ${padding[1]}u`,
      ],
      value: lines(
        `let h = side.y + r * ${dilation[0]}u;`,
        `let w = side.z + s * ${dilation[1]}u;`,
        guarded(`h < ${H}u && w < ${W}u`, `${input.x}[side.x + c * ${H * W}u + h * ${W}u + w]`),
      ),
      along: "side",
    },
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
  if (hasWindows(k.shapes.w, attrs)) {
    // the convolution with turned kernels
    const before = [R - 1 - padding[0], S - 1 - padding[1]] as const;
    const image = { name: input.x, shape: k.shapes.x, before, outputs: [H, W] };
    const weight = (r: number, s: number): string =>
      `${input.w}[(c * ${C}u + row) * ${R * S}u + ${R * S - 1 - (r * S + s)}u]`;
    if (convolved(k, { image, rows: C, weight })) return;
  }
  // an input's cell answers where the tap's distance is a whole number of strides
  const whole = [
    ...(stride[0] > 1 ? [`h % ${stride[0]}u == 0u`] : []),
    ...(stride[1] > 1 ? [`w % ${stride[1]}u == 0u`] : []),
  ];
  const inside = [...whole, `p < ${P}u`, `q < ${Q}u`].join(" && ");
  product(k, {
    batches: attrs.groups,
    rows: Cg,
    columns: N * H * W,
    loops: [
      { name: "c", count: Kg },
      { name: "r", count: R },
      { name: "s", count: S },
    ],
    a: {
      side: [`(batch * ${Kg * Cg}u + at) * ${R * S}u`],
      value: `return ${input.w}[side.x + c * ${Cg * R * S}u + r * ${S}u + s];`,
      along: "terms",
    },
    b: {
      side: [
        `((at / ${H * W}u) * ${K}u + batch * ${Kg}u) * ${P * Q}u`,
        `(at / ${W}u) % ${H}u + ${padding[0]}u`,
        `at % ${W}u + ${padding[1]}u`,
      ],
      value: lines(
        `let h = side.y - r * ${dilation[0]}u;`,
        `let w = side.z - s * ${dilation[1]}u;`,
        `let p = h / ${stride[0]}u;`,
        `let q = w / ${stride[1]}u;`,
        guarded(inside, `${input.x}[side.x + c * ${P * Q}u + p * ${Q}u + q]`),
      ),
      along: "side",
    },
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
  if (hasWindows(out, attrs)) {
    const outputs = [P, Q];
    const image = { name: input.x, shape: k.shapes.x, before: padding, outputs };
    const map = { name: input.dy, shape: k.shapes.dy, before: [0, 0], outputs } as const;
    if (weightGradient(k, image, map)) return;
  }
  product(k, {
    batches: attrs.groups,
    rows: Kg,
    columns: Cg * R * S,
    loops: [
      { name: "line", count: N * P },
      { name: "q", count: Q },
    ],
    a: {
      side: [`(batch * ${Kg}u + at) * ${P * Q}u`],
      value: `return ${input.dy}[side.x + (line / ${P}u) * ${K * P * Q}u + (line % ${P}u) * ${Q}u + q];`,
      along: "terms",
    },
    b: {
      side: [
        `(batch * ${Cg}u + at / ${R * S}u) * ${H * W}u`,
        `((at / ${S}u) % ${R}u) * ${dilation[0]}u - ${padding[0]}u`,
        `(at % ${S}u) * ${dilation[1]}u - ${padding[1]}u`,
      ],
      value: lines(
        `let h = (line % ${P}u) * ${stride[0]}u + side.y;`,
        `let w = q * ${stride[1]}u + side.z;`,
        guarded(
          `h < ${H}u && w < ${W}u`,
          `${input.x}[side.x + (line / ${P}u) * ${C * H * W}u + h * ${W}u + w]`,
        ),
      ),
      along: "terms",
    },
    place: (row, column) => `(batch * ${Kg}u + ${row}) * ${Cg * R * S}u + ${column}`,
    size: sizeOf(out),
  });
};

export const matmul: Kernel<"matmul"> = (k) => {
  const { transposeA, transposeB } = k.attrs;
  const { a, b } = k.shapes;
  const [m, n] = k.out;
  const read = (name: "a" | "b", isBySide: boolean, width: number): Factor => ({
    side: [isBySide ? `at * ${width}u` : "at"],
    value: `return ${k.input[name]}[side.x + ${isBySide ? "c" : `c * ${width}u`}];`,
    along: isBySide ? "terms" : "side",
  });
  product(k, {
    batches: 1,
    rows: m,
    columns: n,
    loops: [{ name: "c", count: transposeA ? a[0] : a[1] }],
    a: read("a", !transposeA, a[1]),
    b: read("b", transposeB, b[1]),
    place: (row, column) => `${row} * ${n}u + ${column}`,
    size: m * n,
  });
};
