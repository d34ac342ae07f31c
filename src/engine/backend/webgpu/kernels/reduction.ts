// Sums, maxima and what is made of them, in trees whose form the shapes alone decide.
import { sizeOf, stridesOf, type Shape } from "../../../core/shape.ts";
import { larger, plus, shared, teamOf, tree, type Kernel, type KernelContext } from "../kernel.ts";
import { f32, lines, offsetOf, type View } from "../text.ts";

/** Up to so many numbers one invocation sums alone. */
const ALONE = 32;
/** Numbers of a part, where one sum is shared by several workgroups. */
const PART = 4096;

/** Cells of x by their group: `first` where a group begins, `rest` its cells from there. */
interface Groups {
  readonly count: number;
  readonly first: View;
  readonly size: number;
  readonly rest: View;
}
export function groupsOf(x: Shape, axes: readonly number[]): Groups {
  const strides = stridesOf(x);
  const of = (wanted: (axis: number) => boolean): View => ({
    shape: x.filter((_, axis) => wanted(axis)),
    strides: strides.filter((_, axis) => wanted(axis)),
  });
  const [first, rest] = [of((axis) => !axes.includes(axis)), of((axis) => axes.includes(axis))];
  return { count: sizeOf(first.shape), first, size: sizeOf(rest.shape), rest };
}

interface Reduction {
  readonly groups: Groups;
  readonly start: string;
  readonly join: (a: string, b: string) => string;
}

/** y[group] = its cells joined. */
function reduce(k: KernelContext<"x">, { groups, start, join }: Reduction): void {
  const { count, size, first, rest } = groups;
  const { x } = k.input;
  const cell = (j: string): string => `${x}[first + ${offsetOf(rest, j)}]`;
  if (size <= ALONE) {
    k.each(
      count,
      lines(
        `let first = ${offsetOf(first, "i")};\nvar sum = ${start};`,
        `for (var j = 0u; j < ${size}u; j++) { sum = ${join("sum", cell("j"))}; }\n${k.y}[i] = sum;`,
      ),
    );
    return;
  }
  const parts = Math.ceil(size / PART);
  const into = parts === 1 ? k.y : k.scratch(count * parts);
  const per = Math.ceil(size / parts);
  team(k, count * parts, {
    prepare: `let first = ${offsetOf(first, `(block / ${parts}u)`)};
let begin = (block % ${parts}u) * ${per}u;
let end = min(begin + ${per}u, ${size}u);`,
    range: ["begin", "end"],
    cells: per,
    term: cell("j"),
    start,
    join,
    into: `${into}[block]`,
  });
  if (parts === 1) return;
  team(k, count, {
    prepare: `let first = block * ${parts}u;`,
    range: ["0u", `${parts}u`],
    cells: parts,
    term: `${into}[first + j]`,
    start,
    join,
    into: `${k.y}[block]`,
  });
}

/** A pass in which every workgroup joins the terms of a range, each lane some of them. */
function team(
  k: KernelContext<"x">,
  workgroups: number,
  it: {
    prepare: string;
    range: readonly [string, string];
    cells: number;
    term: string;
    start: string;
    join: Reduction["join"];
    into: string;
  },
): void {
  const lanes = teamOf(k, it.cells);
  k.pass({
    workgroups,
    lanes,
    declarations: shared("sums", "f32", lanes),
    code: lines(
      it.prepare,
      `var sum = ${it.start};`,
      `for (var j = ${it.range[0]} + lane; j < ${it.range[1]}; j += ${lanes}u) { sum = ${it.join("sum", it.term)}; }`,
      "sums[lane] = sum;",
      tree("sums", lanes, it.join),
      `if (lane == 0u) { ${it.into} = sums[0]; }`,
    ),
  });
}

export const sum: Kernel<"sum"> = (k) =>
  reduce(k, { groups: groupsOf(k.shapes.x, k.attrs.axes), start: "0.0f", join: plus });

export const reduce_max: Kernel<"reduce_max"> = (k) =>
  reduce(k, {
    groups: groupsOf(k.shapes.x, k.attrs.axes),
    start: f32(Number.NEGATIVE_INFINITY),
    join: larger,
  });

export const argmax: Kernel<"argmax"> = ({
  shapes: { x },
  attrs: { axis },
  input,
  y,
  out,
  each,
}) => {
  const n = x[axis];
  const inner = sizeOf(x.slice(axis + 1));
  each(
    sizeOf(out),
    `let first = (i / ${inner}u) * ${n * inner}u + i % ${inner}u;
var best = 0u;
for (var j = 1u; j < ${n}u; j++) {
  if (${input.x}[first + j * ${inner}u] > ${input.x}[first + best * ${inner}u]) { best = j; }
}
${y}[i] = f32(best);`,
  );
};

/** Both softmaxes: a row's largest, the sum of its powers, and `value` of each cell. */
function rows(k: KernelContext<"x">, value: (cell: string) => string): void {
  const n = k.shapes.x.at(-1)!;
  const lanes = teamOf(k, n);
  const cell = `${k.input.x}[first + j]`;
  const loop = (body: string): string =>
    `for (var j = lane; j < ${n}u; j += ${lanes}u) { ${body} }`;
  k.pass({
    workgroups: sizeOf(k.out) / n,
    lanes,
    declarations: lines(shared("tops", "f32", lanes), shared("sums", "f32", lanes)),
    code: lines(
      `let first = block * ${n}u;\nvar top = ${f32(Number.NEGATIVE_INFINITY)};`,
      loop(`top = ${larger("top", cell)};`),
      "tops[lane] = top;",
      tree("tops", lanes, larger),
      "top = tops[0];\nvar sum = 0.0f;",
      loop(`sum += expOf(${cell} - top);`),
      "sums[lane] = sum;",
      tree("sums", lanes, plus),
      "let total = sums[0];",
      loop(`${k.y}[first + j] = ${value(cell)};`),
    ),
  });
}
export const softmax: Kernel<"softmax"> = (k) => rows(k, (cell) => `expOf(${cell} - top) / total`);
export const log_softmax: Kernel<"log_softmax"> = (k) =>
  rows(k, (cell) => `(${cell} - top) - logOf(total)`);
