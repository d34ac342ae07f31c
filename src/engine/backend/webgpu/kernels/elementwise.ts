// Elementwise ops as formulas, and the kernel of an expression of them: one pass, whatever the
// number of ops. Random numbers, which depend on their place alone, are here too.
import { broadcastStrides, sizeOf } from "../../../core/shape.ts";
import type { ElementwiseName, InputName } from "../../../graph/catalogue.ts";
import type { Argument, Expression } from "../../fusion.ts";
import type { Kernel, KernelContext } from "../kernel.ts";
import { f32, offsetOf } from "../text.ts";

type Formula<K extends ElementwiseName> = (args: Readonly<Record<InputName<K>, string>>) => string;

const one = (condition: string): string => `select(0.0f, 1.0f, ${condition})`;
/** Every elementwise op as WGSL. */
const formulas: { readonly [K in ElementwiseName]: Formula<K> } = {
  neg: ({ x }) => `-${x}`,
  exp: ({ x }) => `expOf(${x})`,
  log: ({ x }) => `logOf(${x})`,
  sqrt: ({ x }) => `sqrt(${x})`,
  abs: ({ x }) => `abs(${x})`,
  sign: ({ x }) => `${one(`${x} > 0.0f`)} - ${one(`${x} < 0.0f`)}`,
  relu: ({ x }) => `relu(${x})`,
  relu_grad: ({ dy, x }) => `select(0.0f, ${dy}, ${x} > 0.0f)`,
  sigmoid: ({ x }) => `sigmoidOf(${x})`,
  erf: ({ x }) => `erfOf(${x})`,
  tanh: ({ x }) => `tanhOf(${x})`,
  sin: ({ x }) => `sinOf(${x})`,
  cos: ({ x }) => `cosOf(${x})`,
  floor: ({ x }) => `floor(${x})`,
  round: ({ x }) => `round(${x})`,
  add: ({ a, b }) => `${a} + ${b}`,
  sub: ({ a, b }) => `${a} - ${b}`,
  mul: ({ a, b }) => `${a} * ${b}`,
  div: ({ a, b }) => `${a} / ${b}`,
  maximum: ({ a, b }) => `larger(${a}, ${b})`,
  minimum: ({ a, b }) => `smaller(${a}, ${b})`,
  greater: ({ a, b }) => one(`${a} > ${b}`),
  equal: ({ a, b }) => one(`${a} == ${b}`),
  pow: ({ a, b }) => `powOf(${a}, ${b})`,
  select: ({ condition, a, b }) => `select(${a}, ${b}, ${condition} == 0.0f)`,
};

/** Statements that compute an expression, and the names of its results. */
export function evaluate(
  e: Expression,
  operand: (index: number) => string,
): { statements: string[]; results: string[] } {
  const statements: string[] = [];
  const loaded = new Set<number>();
  const read = (a: Argument): string => {
    if ("number" in a) return f32(a.number);
    if ("step" in a) return `s${a.step}`;
    if (!loaded.has(a.operand)) statements.push(`let o${a.operand} = ${operand(a.operand)};`);
    loaded.add(a.operand);
    return `o${a.operand}`;
  };
  e.steps.forEach(({ op, args }, step) => {
    const given = Object.fromEntries(Object.entries(args).map(([name, a]) => [name, read(a)]));
    statements.push(`let s${step} = ${formulas[op](given as never)};`);
  });
  return { statements, results: e.results.map((step) => `s${step}`) };
}

/** The kernel of an expression: operands are inputs 0, 1, …, results the outputs. */
export const expression =
  (e: Expression) =>
  (k: KernelContext): void => {
    const { shape } = e;
    const places = e.operands.map((o) =>
      offsetOf({ shape, strides: broadcastStrides(o, shape) }, "i"),
    );
    const { statements, results } = evaluate(e, (index) => `${k.input[index]}[${places[index]}]`);
    const writes = results.map((result, j) => `${k.outputs[j]}[i] = ${result};`);
    k.each(sizeOf(shape), [...statements, ...writes].join("\n"));
  };

export const random_uniform: Kernel<"random_uniform"> = ({
  input,
  y,
  out,
  attrs: { seed },
  each,
}) =>
  each(
    sizeOf(out),
    `let base = mixOf(bitcast<u32>(i32(${input.counter}[0])) ^ mixOf(${seed >>> 0}u));
${y}[i] = f32(mixOf(i * 4u * 0x9e3779b1u + base) >> 8u) * 5.9604645e-8f;`,
  );
