// A network at another image size: the same weights, and the law of its mask drawn anew there.
import { ConfigError, FiducialError, formatShape, type Shape } from "../../engine/index.ts";
import { parameterShapes, type Network } from "../../learning/index.ts";
import type { OperatorSpec } from "../operators/catalogue.ts";
import type { MaskSpec } from "../operators/mask-spec.ts";
import { trainedOperator } from "./trained-operator.ts";

type Size = readonly [height: number, width: number];

/** As many spokes for their length; what else a mask is made from are shares of its size. */
function resizedMask(mask: MaskSpec, shape: Size): MaskSpec {
  if (mask.kind === "nested") return { ...mask, of: resizedMask(mask.of, shape) };
  if (mask.kind !== "radial") return { ...mask, shape };
  const share = Math.max(...shape) / Math.max(...mask.shape);
  return { ...mask, shape, spokes: Math.max(1, Math.round(mask.spokes * share)) };
}
/** A mask that is an array has one size, and coils that are; it is as if nothing had been said. */
function resizedOperator(spec: OperatorSpec | undefined, shape: Size): OperatorSpec | undefined {
  if (!spec || !("mask" in spec) || JSON.stringify(spec).includes('"sha256"')) return undefined;
  const coils = "coils" in spec ? { coils: { ...spec.coils, shape } } : {};
  return { ...spec, mask: resizedMask(spec.mask, shape), ...coils } as OperatorSpec;
}

/** Throws ConfigError where the network's layers or weights are for one size. */
export function atImageSize(network: Network, shape: Size): Network {
  const { architecture, parameters, trained } = network;
  const [channels, ...size] = architecture.input;
  if (size.join() === shape.join()) return network;
  const input: Shape = [channels, ...shape];
  const fail = (why: string): never => {
    const sizes = `${formatShape(input)}, it was made for ${formatShape(architecture.input)}`;
    throw new ConfigError(`the network cannot take images of ${sizes}: ${why}`, { input });
  };
  try {
    for (const [name, wanted] of parameterShapes({ ...architecture, input }))
      if (parameters.get(name)?.shape.join() !== wanted.join())
        fail(`its ${name} has another shape then`);
  } catch (error) {
    if (error instanceof FiducialError && !(error instanceof ConfigError)) fail(error.message);
    throw error;
  }
  const operator = resizedOperator(trainedOperator(network), shape);
  const { operator: _, ...rest } = trained ?? {};
  const used = {
    ...rest,
    ...(operator ? { operator: operator as unknown as Record<string, unknown> } : {}),
  };
  return {
    ...network,
    architecture: { ...architecture, input },
    ...(trained ? { trained: used } : {}),
  };
}
