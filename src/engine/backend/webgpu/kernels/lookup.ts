// Tables of functions that are learned: a look-up, its gradient, and sparse matrices.
import { sizeOf } from "../../../core/shape.ts";
import type { LookupAttributes } from "../../../graph/catalogue.ts";
import { plus, shared, teamOf, tree, type Kernel } from "../kernel.ts";
import { f32, lines } from "../text.ts";

/** Which entry `x` reads; what is no number reads the first, as in the definition. */
const binOf = (x: string, bins: number, { low, step }: LookupAttributes): string =>
  `u32(clamp(floor((${x} - ${f32(low)}) / ${f32(step)}) + 1.0f, 0.0f, ${f32(bins - 1)}))`;

export const lookup: Kernel<"lookup"> = ({
  shapes: { x, table: rows },
  attrs,
  input,
  y,
  out,
  each,
}) => {
  const [bins, inner] = [rows[1], sizeOf(x.slice(2))];
  each(
    sizeOf(out),
    `let channel = (i / ${inner}u) % ${x[1]}u;
${y}[i] = ${input.table}[channel * ${bins}u + ${binOf(`${input.x}[i]`, bins, attrs)}];`,
  );
};

export const lookup_grad: Kernel<"lookup_grad"> = (k) => {
  const { attrs, input, y, out } = k;
  const { bins } = attrs;
  const [N, C] = k.shapes.x;
  const inner = sizeOf(k.shapes.x.slice(2));
  const lanes = teamOf(k, N * inner);
  k.pass({
    workgroups: sizeOf(out),
    lanes,
    declarations: shared("sums", "f32", lanes),
    code: lines(
      `let channel = block / ${bins}u;\nlet bin = block % ${bins}u;\nvar sum = 0.0f;`,
      `for (var j = lane; j < ${N * inner}u; j += ${lanes}u) {`,
      `let at = ((j / ${inner}u) * ${C}u + channel) * ${inner}u + j % ${inner}u;`,
      `if (${binOf(`${input.x}[at]`, bins, attrs)} == bin) { sum += ${input.dy}[at]; }`,
      "}",
      "sums[lane] = sum;",
      tree("sums", lanes, plus),
      `if (lane == 0u) { ${y}[block] = sums[0]; }`,
    ),
  });
};

export const sparse_matmul: Kernel<"sparse_matmul"> = ({
  attrs: { matrix },
  input,
  y,
  out,
  each,
  table,
}) => {
  const { rows, columns } = matrix;
  const [starts, indices] = [
    table(Uint32Array.from(matrix.starts)),
    table(Uint32Array.from(matrix.indices)),
  ];
  const values = table(Float32Array.from(matrix.values));
  each(
    sizeOf(out),
    `let row = i % ${rows}u;
let first = (i / ${rows}u) * ${columns}u;
var sum = 0.0f;
for (var e = ${starts}[row]; e < ${starts}[row + 1u]; e++) { sum += ${values}[e] * ${input.x}[first + ${indices}[e]]; }
${y}[i] = sum;`,
  );
};
