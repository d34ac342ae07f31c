// The operator that a network was trained with, from what its checkpoint says.
import type { Network } from "../../learning/index.ts";
import type { OperatorSpec } from "../operators/catalogue.ts";
import { parseOperatorSpec, specOfDescription } from "../operators/index.ts";

/**
 * Undefined when the checkpoint does not say. Throws FormatError, beginning with `where`, for an
 * operator that this version does not know.
 */
export function trainedOperator({ trained }: Network, where = "network"): OperatorSpec | undefined {
  const operator = trained?.operator;
  if (operator === undefined) return undefined;
  // the first checkpoints have the flat facts of a result
  if (!("mask" in operator) && "height" in operator) return specOfDescription(operator);
  return parseOperatorSpec(operator, `${where}: trained.operator`);
}
