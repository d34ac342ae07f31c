// Whether a method is a graph or a program, and what it can be asked either way: the laboratory's
// own, and no other place knows which.
import type { Backend } from "../engine/index.ts";
import {
  hasGraph,
  misfit,
  openReconstruct,
  reconstruct,
  type BlackBox,
  type InverseProblem,
  type Mask,
  type Method,
  type Reconstruct,
  type Reconstructor,
} from "../imaging/index.ts";
import type { Ball } from "./attack/ascent.ts";
import {
  compileObjective,
  openLooking,
  type Domain,
  type Looking,
  type Objective,
} from "./attack/objective.ts";
import { compileSearchStep, type SearchStep } from "./attack/step.ts";
import { compileUnderMasks, type UnderMask } from "./masked.ts";

export interface EitherMethod {
  /** Whether it has a gradient. */
  differentiable(method: Method): boolean;
  looking(method: Method, domain: Domain): Promise<Looking>;
  /** Undefined for a method without a gradient. */
  objective(method: Method, domain: Domain): Promise<Objective | undefined>;
  /** Likewise. */
  searchStep(method: Method, domain: Domain, ball: Ball): Promise<SearchStep | undefined>;
  /** x̂ from a measurement under another mask; undefined for a method that is bound to its own. */
  underMask(method: Method, y: ArrayLike<number>, mask: Mask): Promise<Float64Array | undefined>;
  /** The method told that y is so many times as large; undefined of one that is told nothing. */
  inUnits(method: Method, factor: number): Promise<Reconstruct | undefined>;
}

/** Each value is made once, when it is first asked for. */
export function remembered<Key, Value>(
  make: (key: Key) => Promise<Value>,
  name: (key: Key) => string,
) {
  const known = new Map<string, Promise<Value>>();
  return (key: Key): Promise<Value> => {
    const at = name(key);
    let value = known.get(at);
    if (!value) {
      value = make(key);
      known.set(at, value);
    }
    return value;
  };
}

interface Of<M extends Method> {
  readonly method: M;
  readonly domain: Domain;
}
const nameOf = ({ method, domain }: Of<Method>): string => `${domain} ${method.name}`;

/**
 * Everything is compiled when it is first asked for, and once. Searches take their gradients on the
 * backend `searching`; what is measured and shown is computed on `backend`.
 */
export function openEither(
  problem: InverseProblem,
  backend: Backend,
  searching: Backend = backend,
): EitherMethod {
  const { operator } = problem;
  const objective = remembered<Of<Reconstructor>, Objective>(
    ({ method, domain }) => compileObjective(method, problem, domain, { backend, searching }),
    nameOf,
  );
  const program = remembered<Of<BlackBox>, Looking>(
    ({ method, domain }) => openLooking(method, problem, domain, backend),
    nameOf,
  );
  const searchStep = remembered<Of<Reconstructor> & { readonly ball: Ball }, SearchStep>(
    ({ method, domain, ball }) => compileSearchStep(method, problem, { domain, ball }, searching),
    (key) => `${key.ball} ${nameOf(key)}`,
  );
  const underMasks = remembered<Reconstructor, UnderMask | undefined>(
    (method) => compileUnderMasks(method, operator, backend),
    ({ name }) => name,
  );
  const inUnits = remembered<
    { readonly told: Reconstructor; readonly factor: number },
    Reconstruct
  >(
    ({ told }) => openReconstruct(told, operator, backend),
    ({ told, factor }) => `${factor} ${told.name}`,
  );
  return {
    differentiable: hasGraph,
    looking: (method, domain) =>
      hasGraph(method) ? objective({ method, domain }) : program({ method, domain }),
    objective: async (method, domain) =>
      hasGraph(method) ? objective({ method, domain }) : undefined,
    searchStep: async (method, domain, ball) =>
      hasGraph(method) ? searchStep({ method, domain, ball }) : undefined,
    async underMask(method, y, mask) {
      const other = operator.sampling?.under(mask);
      if (!other || misfit(method, other) !== undefined) return undefined;
      if (!hasGraph(method))
        return method.followsMask ? reconstruct(method, y, other, backend) : undefined;
      const under = await underMasks(method);
      return under ? under(y, mask) : reconstruct(method, y, other, backend);
    },
    async inUnits(method, factor) {
      const told = hasGraph(method) ? method.inUnits?.(factor) : undefined;
      return told && inUnits({ told, factor });
    },
  };
}
