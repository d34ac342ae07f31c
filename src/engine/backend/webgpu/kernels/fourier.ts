// The centred Fourier transform: Stockham's stages in a workgroup's memory for each line, factor by
// factor, whatever the factors; lines that do not fit there by the definition.
import { sizeOf } from "../../../core/shape.ts";
import { PI, sinCos } from "../../../core/math.ts";
import { shared, type Kernel, type KernelContext, type Table } from "../kernel.ts";
import { f32, lines } from "../text.ts";

/** Invocations that share lines. */
const LANES = 128;
/** Complex numbers of a workgroup's lines, where it takes several; each needs two places. */
const CELLS = 1024;
const BYTES_A_CELL = 16;

/** exp(∓2πi·t/n) for t = 0 … n − 1, real and imaginary parts in turn. */
function roots(n: number, inverse: boolean): Table {
  const values = new Float32Array(2 * n);
  for (let t = 0; t < n; t++) {
    const [s, c] = sinCos((2 * PI * t) / n);
    values[2 * t] = c;
    values[2 * t + 1] = inverse ? s : -s;
  }
  return values;
}

/** Factors of n, fours before the primes: each is a stage. */
export function factorsOf(n: number): number[] {
  const factors: number[] = [];
  let rest = n;
  const divide = (by: number): void => {
    for (; rest % by === 0; rest /= by) factors.push(by);
  };
  divide(4);
  for (let prime = 2; rest > 1; prime++) divide(prime);
  return factors;
}

/** Lines along one axis of x […, 2, H, W]. */
interface Lines {
  readonly n: number;
  readonly count: number;
  /** Cells between a line's neighbours, and between the real and the imaginary part. */
  readonly step: number;
  readonly plane: number;
  /** Lines of one image. */
  readonly abreast: number;
}

/** Where line `line` begins. */
const beginning = ({ abreast, plane, step, n }: Lines): string =>
  `(line / ${abreast}u) * ${2 * plane}u + (line % ${abreast}u) * ${step === 1 ? n : 1}u`;
/** Position j of the output holds frequency j − ⌊n/2⌋, and so does the input. */
const centred = (n: number, position: string): string =>
  `(${position} + ${Math.floor(n / 2)}u) % ${n}u`;
const scaled = (n: number, value: string): string => `(${value}) * ${f32(1 / Math.sqrt(n))}`;

/** A stage: every value is the sum of `radix` earlier ones, each times a root. */
function stage(
  n: number,
  radix: number,
  before: number,
  [from, to]: readonly string[],
  table: string,
): string {
  const m = n / (radix * before);
  return `{
  let first = (e / ${n}u) * ${n}u;
  let o = e % ${n}u;
  let k = (o / ${before}u) % ${radix}u;
  let p = o / ${before * radix}u;
  let step = k * ${n / radix}u;
  var t = k * p * ${before}u;
  var at = first + p * ${before}u + o % ${before}u;
  var sum = vec2<f32>(0.0f, 0.0f);
  for (var j = 0u; j < ${radix}u; j++) {
    let x = ${from}[at];
    let c = ${table}[2u * t];
    let s = ${table}[2u * t + 1u];
    sum += vec2<f32>(x.x * c - x.y * s, x.x * s + x.y * c);
    at += ${m * before}u;
    t += step;
    if (t >= ${n}u) { t -= ${n}u; }
  }
  ${to}[e] = sum;
}`;
}
/** Stockham's stages from `line_a` to the array whose name is given back. */
function stagesOf(
  n: number,
  table: string,
  around: (stage: string) => string,
): { stages: string[]; result: string } {
  const stages: string[] = [];
  let [names, before] = [["line_a", "line_b"], 1];
  for (const radix of factorsOf(n)) {
    stages.push(around(stage(n, radix, before, names, table)));
    before *= radix;
    names = [names[1], names[0]];
  }
  return { stages, result: names[0] };
}

/** Lines of a workgroup side by side; `from` may be `to`. */
function inWorkgroups(
  k: KernelContext,
  it: Lines,
  from: string,
  to: string,
  inverse: boolean,
): void {
  const { n, count, step, plane } = it;
  const abreast = Math.max(1, Math.min(count, Math.floor(CELLS / n)));
  const table = k.table(roots(n, inverse));
  const { stages, result } = stagesOf(n, table, (one) =>
    lines(`for (var e = lane; e < cells; e += ${LANES}u)`, one, "workgroupBarrier();"),
  );
  // neighbours in memory are read by neighbouring invocations
  const places = step === 1 ? ["e / WIDTH", "e % WIDTH"] : [`e % held`, `e / held`];
  const [own, position] = places.map((text) => text.replace("WIDTH", `${n}u`));
  const cell = (target: string): string => `for (var e = lane; e < cells; e += ${LANES}u) {
  let own = ${own};
  let position = ${position};
  let line = first_line + own;
  let at = ${beginning(it)} + (${centred(n, "position")}) * ${step}u;
  ${target}
}`;
  k.pass({
    workgroups: Math.ceil(count / abreast),
    lanes: LANES,
    declarations: ["line_a", "line_b"]
      .map((name) => shared(name, "vec2<f32>", abreast * n))
      .join("\n"),
    code: lines(
      `let first_line = block * ${abreast}u;`,
      `let held = min(${abreast}u, ${count}u - first_line);\nlet cells = held * ${n}u;`,
      cell(`line_a[own * ${n}u + position] = vec2<f32>(${from}[at], ${from}[at + ${plane}u]);`),
      "workgroupBarrier();",
      stages,
      cell(
        lines(
          `let value = ${result}[own * ${n}u + position];`,
          `${to}[at] = ${scaled(n, "value.x")};\n${to}[at + ${plane}u] = ${scaled(n, "value.y")};`,
        ),
      ),
    ),
  });
}

/** A line in each invocation: where invocations that wait for each other are dear. */
function alone(k: KernelContext, it: Lines, from: string, to: string, inverse: boolean): void {
  const { n, count, step, plane } = it;
  const table = k.table(roots(n, inverse));
  const each = `for (var e = 0u; e < ${n}u; e++)`;
  const { stages, result } = stagesOf(n, table, (one) => lines(each, one));
  const cell = (target: string): string => `${each} {
  let at = first + (${centred(n, "e")}) * ${step}u;
  ${target}
}`;
  k.each(
    count,
    lines(
      "let line = i;",
      `let first = ${beginning(it)};`,
      `var line_a: array<vec2<f32>, ${n}>;`,
      `var line_b: array<vec2<f32>, ${n}>;`,
      cell(`line_a[e] = vec2<f32>(${from}[at], ${from}[at + ${plane}u]);`),
      stages,
      cell(`let value = ${result}[e];
${to}[at] = ${scaled(n, "value.x")};
${to}[at + ${plane}u] = ${scaled(n, "value.y")};`),
    ),
  );
}

/** Every value by the definition; `from` is not `to`. */
function byDefinition(
  k: KernelContext,
  it: Lines,
  from: string,
  to: string,
  inverse: boolean,
): void {
  const { n, count, step, plane } = it;
  const table = k.table(roots(n, inverse));
  const [line, position] =
    step === 1 ? [`i / ${n}u`, `i % ${n}u`] : [`i % ${count}u`, `i / ${count}u`];
  k.each(
    count * n,
    `let line = ${line};
let k = ${position};
let first = ${beginning(it)};
var t = 0u;
var sum = vec2<f32>(0.0f, 0.0f);
for (var j = 0u; j < ${n}u; j++) {
  let at = first + (${centred(n, "j")}) * ${step}u;
  let c = ${table}[2u * t];
  let s = ${table}[2u * t + 1u];
  let re = ${from}[at];
  let im = ${from}[at + ${plane}u];
  sum += vec2<f32>(re * c - im * s, re * s + im * c);
  t += k;
  if (t >= ${n}u) { t -= ${n}u; }
}
let into = first + (${centred(n, "k")}) * ${step}u;
${to}[into] = ${scaled(n, "sum.x")};
${to}[into + ${plane}u] = ${scaled(n, "sum.y")};`,
  );
}

export const fft2: Kernel<"fft2"> = (k) => {
  const { shapes, attrs, input, y, out } = k;
  const [H, W] = shapes.x.slice(-2);
  const images = sizeOf(out) / (2 * H * W);
  const plane = H * W;
  const rows: Lines = { n: W, count: images * H, step: 1, plane, abreast: H };
  const columns: Lines = { n: H, count: images * W, step: W, plane, abreast: W };
  const fits = (n: number): boolean => n * BYTES_A_CELL <= k.workgroupBytes;
  const between = fits(H) ? y : k.scratch(sizeOf(out));
  const byStages = k.isSoftware ? alone : inWorkgroups;
  const [alongRows, alongColumns] = [W, H].map((n) => (fits(n) ? byStages : byDefinition));
  alongRows(k, rows, input.x, between, attrs.inverse);
  alongColumns(k, columns, between, y, attrs.inverse);
};
