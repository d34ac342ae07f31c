// Any method on an operator, ready to be given measurements: a compiled graph, or a program that is
// asked.
import {
  ConfigError,
  DtypeError,
  GraphBuilder,
  ops,
  ShapeError,
  sizeOf,
  type Backend,
  type Inputs,
} from "../engine/index.ts";
import type { Operator } from "./operators/operator.ts";
import { hasGraph, misfit, type BlackBox, type Method } from "./reconstructor.ts";

type Values = ArrayLike<number>;
/** x̂ of every measurement, each of the domain's size. */
export type Reconstruct = (measurements: readonly Values[]) => Promise<Float64Array[]>;

/** The items in groups of at most `size`, one group after the other. */
export async function inGroups<T, U>(
  items: readonly T[],
  size: number,
  of: (group: readonly T[]) => Promise<readonly U[]>,
): Promise<U[]> {
  const all: U[] = [];
  for (let k = 0; k < items.length; k += size) all.push(...(await of(items.slice(k, k + size))));
  return all;
}

type Apply = (values: Values) => Promise<Float64Array>;
async function compile(build: (b: GraphBuilder) => void, backend: Backend): Promise<Apply> {
  const b = new GraphBuilder(ops);
  build(b);
  const plan = await backend.compile(b);
  return async (y) => Float64Array.from((await plan.execute({ y } satisfies Inputs)).x);
}

/** The phase of the first image from the data, with the magnitudes that a program gave. */
function withPhase(magnitudes: Values, first: Values): Float64Array {
  const n = magnitudes.length;
  const out = new Float64Array(2 * n);
  for (let k = 0; k < n; k++) {
    const size = Math.sqrt(first[k] ** 2 + first[n + k] ** 2);
    const [re, im] = size > 0 ? [first[k] / size, first[n + k] / size] : [1, 0];
    [out[k], out[n + k]] = [magnitudes[k] * re, magnitudes[k] * im];
  }
  return out;
}

/**
 * A program on an operator. Magnitudes are given the phase of the first image from the data, A*y:
 * what is done to an image's phase is then seen in theirs.
 */
function askProgram(method: BlackBox, operator: Operator, backend: Backend): Reconstruct {
  const size = sizeOf(operator.domain);
  const { initial } = operator;
  let first: Promise<Apply> | undefined;
  const firstOf = async (y: Values): Promise<Float64Array> => {
    first ??= compile((b) => {
      const v = b.input("y", [1, ...operator.range]);
      b.output("x", initial ? initial(b, v) : operator.adjoint(b, v));
    }, backend);
    return (await first)(y);
  };
  const imageOf = async (answer: Values, y: Values): Promise<Float64Array> => {
    if (answer.length !== size && 2 * answer.length !== size)
      throw new ShapeError(
        `it gives ${answer.length} values, an image has ${size}, its magnitudes ${size / 2}`,
        {},
      );
    const x =
      answer.length === size ? Float64Array.from(answer) : withPhase(answer, await firstOf(y));
    if (!x.every(Number.isFinite))
      throw new DtypeError("its image has values that are not finite", {});
    return x;
  };
  return (measurements) =>
    inGroups(measurements, method.together, async (group) => {
      const answers = await method.run(group, operator);
      if (answers.length !== group.length)
        throw new ShapeError(
          `it gives ${answers.length} images for ${group.length} measurements`,
          {},
        );
      return Promise.all(answers.map((answer, k) => imageOf(answer, group[k])));
    });
}

/** The method on one operator. Throws ConfigError for one that was made for another. */
export async function openReconstruct(
  method: Method,
  operator: Operator,
  backend: Backend,
): Promise<Reconstruct> {
  const strange = misfit(method, operator);
  if (strange !== undefined) throw new ConfigError(`reconstruct: ${strange}`, {});
  if (!hasGraph(method)) return askProgram(method, operator, backend);
  const build = (b: GraphBuilder): void => {
    b.output("x", method.apply(b, b.input("y", [1, ...operator.range]), operator));
  };
  const one = await compile(build, backend);
  return (measurements) => inGroups(measurements, 1, async ([y]) => [await one(y)]);
}

/**
 * One image from one measurement of the operator. Throws what openReconstruct throws, and for a
 * program what it throws itself.
 */
export async function reconstruct(
  method: Method,
  y: Values,
  operator: Operator,
  backend: Backend,
): Promise<Float64Array> {
  const [x] = await (await openReconstruct(method, operator, backend))([y]);
  return x;
}
