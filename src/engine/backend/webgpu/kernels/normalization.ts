// Normalisation and its gradient in two passes: of every part of a group its own mean and the sums
// about it, and then all cells, whose parts are joined as Chan, Golub and LeVeque do ("Updating
// formulae and a pairwise algorithm for computing sample variances", 1979).
import type { Shape } from "../../../core/shape.ts";
import { plus, shared, teamOf, tree, type Kernel, type KernelContext } from "../kernel.ts";
import { f32, lines, offsetOf } from "../text.ts";
import { groupsOf } from "./reduction.ts";

/** Cells of a part at most: a workgroup sums one part of one group. */
const PART = 4096;

interface Attributes {
  readonly axes: readonly number[];
  readonly epsilon: number;
}
type Context = KernelContext<"x", Attributes> | KernelContext<"dy" | "x", Attributes>;

interface Normalizing {
  /** Formulas of cell `at`: what is summed beside the squares. */
  readonly sums: readonly [dy: string, product: string];
  /** Formula of what is written to cell `at`; knows `mean`, `scale`, `level` and `slope`. */
  readonly value: string;
}

function normalizing(k: Context, { sums, value }: Normalizing): void {
  const { count, size, first, rest } = groupsOf(k.shapes.x as Shape, k.attrs.axes);
  const per = Math.ceil(size / Math.ceil(size / PART));
  const parts = Math.ceil(size / per);
  const lanes = teamOf(k, per);
  const room = k.scratch(4 * count * parts);
  const prepare = lines(
    `let group_number = block / ${parts}u;`,
    `let first = ${offsetOf(first, "group_number")};`,
    `let begin = (block % ${parts}u) * ${per}u;`,
    `let end = min(begin + ${per}u, ${size}u);`,
  );
  const loop = (body: string): string =>
    lines(
      `for (var j = begin + lane; j < end; j += ${lanes}u) {`,
      `let at = first + ${offsetOf(rest, "j")};`,
      body,
      "}",
    );
  const joined = (from: string): string =>
    lines(`joined[lane] = ${from};`, tree("joined", lanes, plus));
  const x = `${k.input.x}[at]`;
  k.pass({
    workgroups: count * parts,
    lanes,
    declarations: shared("joined", "vec4<f32>", lanes),
    code: lines(
      prepare,
      "var sum = 0.0f;",
      loop(`sum += ${x};`),
      joined("vec4<f32>(sum)"),
      "let mean = joined[0].x / f32(end - begin);",
      "workgroupBarrier();",
      "var sums = vec4<f32>();",
      loop(
        `let away = ${x} - mean;\nsums += vec4<f32>(0.0f, away * away, ${sums[0]}, ${sums[1]});`,
      ),
      joined("sums"),
      "if (lane == 0u) {",
      `let kept = vec4<f32>(mean, joined[0].yzw);`,
      [0, 1, 2, 3].map((i) => `${room}[4u * block + ${i}u] = kept[${i}];`),
      "}",
    ),
  });
  k.pass({
    workgroups: count * parts,
    lanes,
    code: lines(
      prepare,
      joinedParts({ room, parts, per, size }),
      `let scale = 1.0f / sqrt(squares / ${f32(size)} + ${f32(k.attrs.epsilon)});`,
      `let level = dy_sum / ${f32(size)};`,
      `let slope = product_sum * scale / ${f32(size)};`,
      loop(k.store("at", value)),
    ),
  });
}

/** Statements that join a group's parts: `mean`, `squares`, `dy_sum` and `product_sum`. */
function joinedParts(of: { room: string; parts: number; per: number; size: number }): string {
  const { room, parts, per, size } = of;
  const kept = (i: number): string => `${room}[4u * (group_number * ${parts}u + p) + ${i}u]`;
  const cells = `f32(min(${per}u, ${size}u - p * ${per}u))`;
  const overParts = (body: readonly string[]): string =>
    lines(`for (var p = 0u; p < ${parts}u; p++) {`, body, "}");
  return lines(
    "var mean = 0.0f;",
    overParts([`mean += ${kept(0)} * ${cells};`]),
    `mean = mean / ${f32(size)};`,
    "var squares = 0.0f;\nvar dy_sum = 0.0f;\nvar product_sum = 0.0f;",
    overParts([
      `let away = ${kept(0)} - mean;`,
      `squares += ${kept(1)} + away * away * ${cells};`,
      `dy_sum += ${kept(2)};`,
      `product_sum += ${kept(3)} + away * ${kept(2)};`,
    ]),
  );
}

export const normalize: Kernel<"normalize"> = (k) =>
  normalizing(k, { sums: ["0.0f", "0.0f"], value: `((${k.input.x}[at] - mean) * scale)` });

export const normalize_grad: Kernel<"normalize_grad"> = (k) => {
  const dy = `${k.input.dy}[at]`;
  normalizing(k, {
    sums: [dy, `${dy} * away`],
    value: `scale * ((${dy} - level) - ((${k.input.x}[at] - mean) * scale) * slope)`,
  });
};
