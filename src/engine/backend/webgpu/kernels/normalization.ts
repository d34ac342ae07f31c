// Normalisation and its gradient: three passes over a group's cells, in workgroups of their own
// where a group is large.
import type { Shape } from "../../../core/shape.ts";
import { plus, shared, tree, type Kernel, type KernelContext } from "../kernel.ts";
import { f32, lines, offsetOf } from "../text.ts";
import { groupsOf, TEAM } from "./reduction.ts";

/** Cells of a part: a workgroup sums one part of one group. */
const PART = 8192;

interface Attributes {
  readonly axes: readonly number[];
  readonly epsilon: number;
}
type Context = KernelContext<"x", Attributes> | KernelContext<"dy" | "x", Attributes>;

/** Which cells a workgroup sums, and where what all workgroups know of a group is kept. */
class Normalizing {
  readonly k: Context;
  readonly size: number;
  readonly #count: number;
  readonly #parts: number;
  readonly #place: { first: string; cell: string };
  readonly #room: string;
  #kept = 0;

  /** `sums`: how many sums of each group are kept. */
  constructor(k: Context, sums: number) {
    this.k = k;
    const { count, size, first, rest } = groupsOf(k.shapes.x as Shape, k.attrs.axes);
    [this.#count, this.size, this.#parts] = [count, size, Math.ceil(size / PART)];
    this.#place = { first: offsetOf(first, "group_number"), cell: offsetOf(rest, "j") };
    this.#room = k.scratch(sums * count * this.#parts);
  }

  /** Keeps the sum of `term`, a formula of the cell's offset `at`; `given` are known means. */
  sum(given: readonly string[], term: string): void {
    const name = this.#kept++;
    this.k.pass({
      workgroups: this.#count * this.#parts,
      lanes: TEAM,
      declarations: shared("sums", "f32", TEAM),
      code: lines(
        this.#prepare(given),
        "var sum = 0.0f;",
        this.#loop(`sum += ${term};`),
        "sums[lane] = sum;",
        tree("sums", TEAM, plus),
        `if (lane == 0u) { ${this.#room}[${name * this.#count * this.#parts}u + block] = sums[0]; }`,
      ),
    });
  }
  /** Writes `value`, a formula of the cell's offset, everywhere. */
  write(given: readonly string[], value: string): void {
    this.k.pass({
      workgroups: this.#count * this.#parts,
      lanes: TEAM,
      code: lines(this.#prepare(given), this.#loop(this.k.store("at", value))),
    });
  }
  /** A statement: `name` is the mean over the group of the sum kept as number `kept`. */
  mean(name: string, kept: number): string {
    const at = `${this.#room}[${kept * this.#count * this.#parts}u + group_number * ${this.#parts}u + p]`;
    return lines(
      `var ${name} = 0.0f;`,
      `for (var p = 0u; p < ${this.#parts}u; p++) { ${name} += ${at}; }`,
      `${name} = ${name} / ${f32(this.size)};`,
    );
  }

  #prepare(given: readonly string[]): string {
    const per = Math.ceil(this.size / this.#parts);
    return lines(
      `let group_number = block / ${this.#parts}u;`,
      `let first = ${this.#place.first};`,
      `let begin = (block % ${this.#parts}u) * ${per}u;`,
      `let end = min(begin + ${per}u, ${this.size}u);`,
      given,
    );
  }
  #loop(body: string): string {
    return lines(
      `for (var j = begin + lane; j < end; j += ${TEAM}u) {`,
      `let at = first + ${this.#place.cell};`,
      body,
      "}",
    );
  }
}

/** The mean of x and 1/√(variance + ε), from the first two sums. */
function statistics(
  over: Normalizing,
  x: string,
): { mean: string; scale: string; centred: string } {
  const mean = over.mean("mean", 0);
  over.sum([], `${x}[at]`);
  over.sum([mean], `(${x}[at] - mean) * (${x}[at] - mean)`);
  const scale = lines(
    over.mean("variance", 1),
    `let scale = 1.0f / sqrt(variance + ${f32(over.k.attrs.epsilon)});`,
  );
  return { mean, scale, centred: `((${x}[at] - mean) * scale)` };
}

export const normalize: Kernel<"normalize"> = (k) => {
  const over = new Normalizing(k, 2);
  const { mean, scale, centred } = statistics(over, k.input.x);
  over.write([mean, scale], centred);
};

export const normalize_grad: Kernel<"normalize_grad"> = (k) => {
  const over = new Normalizing(k, 4);
  const { dy } = k.input;
  const { mean, scale, centred } = statistics(over, k.input.x);
  over.sum([], `${dy}[at]`);
  over.sum([mean, scale], `${dy}[at] * ${centred}`);
  const given = [mean, scale, over.mean("level", 2), over.mean("slope", 3)];
  over.write(given, `scale * ((${dy}[at] - level) - ${centred} * slope)`);
};
