// One plan for every mask, where a method asks of its operator for nothing but A and A*.
import {
  arithmetic,
  GraphBuilder,
  ops,
  sizeOf,
  type Backend,
  type Value,
} from "../engine/index.ts";
import { fullMask, type Mask, type Operator, type Reconstructor } from "../imaging/index.ts";

/** x̂ from a measurement [range] under a mask, zero where nothing is measured. */
export type UnderMask = (y: ArrayLike<number>, mask: Mask) => Promise<Float64Array>;

/** What an operator says of its mask beside A and A*. */
const ofTheMask: ReadonlySet<PropertyKey> = new Set([
  "sampling",
  "measured",
  "spectralDiagonal",
  "spec",
  "description",
  "picture",
]);

/** A sampled operator is M·A_full: M is a parameter here. `look` is told who asks for the mask. */
function maskedLater(full: Operator, mask: Value, look: () => void): Operator {
  const later: Operator = {
    ...full,
    forward: (b, x) => arithmetic(b).mul(full.forward(b, x), mask),
    adjoint: (b, y) => full.adjoint(b, arithmetic(b).mul(y, mask)),
  };
  return new Proxy(later, {
    get(target, key, receiver) {
      if (ofTheMask.has(key)) look();
      return Reflect.get(target, key, receiver);
    },
  });
}

/**
 * Compiles a method so that the mask is given with the measurement; undefined for a method whose
 * steps depend on the mask, and for an operator without one.
 */
export async function compileUnderMasks(
  method: Reconstructor,
  operator: Operator,
  backend: Backend,
): Promise<UnderMask | undefined> {
  const { sampling } = operator;
  if (!sampling || operator.initial) return undefined;
  const { shape } = sampling.mask;
  const b = new GraphBuilder(ops);
  const y = b.input("y", [1, ...operator.range]);
  const cells = b.parameter("audit/mask", shape, new Float32Array(sizeOf(shape)));
  let looked = false;
  const later = maskedLater(sampling.under(fullMask(shape)), cells, () => {
    looked = true;
  });
  b.output("x", method.apply(b, y, later));
  if (looked) return undefined;
  const plan = await backend.compile(b);
  return async (values, { data }) => {
    await plan.write("audit/mask", data);
    return Float64Array.from((await plan.execute({ y: values })).x);
  };
}
