// What stands between a sample and the loss.
import { ConfigError, type GraphBuilder, type Value } from "../../engine/index.ts";
import { applyNetwork, type Network } from "../nn/network.ts";

export interface Forwarded {
  readonly y: Value;
  /** What is learned, by the network's names. */
  readonly parameters: Map<string, Value>;
  /** Further outputs that the loss holds to a target, y's own unless given, with a weight. */
  readonly beside?: readonly {
    readonly y: Value;
    readonly weight: number;
    readonly target?: Value;
  }[];
  /** Constants to the gradient, as an adversary's perturbation is. */
  readonly held?: readonly Value[];
}
/**
 * What stands between a sample and the network's input, and between its output and the loss:
 * identity for a classifier, a reconstructor's initial image otherwise. Validation runs it with
 * `training` false.
 */
export type Forward = (
  b: GraphBuilder,
  network: Network,
  input: Value,
  target: Value,
  use: ForwardUse,
) => Forwarded;
export interface ForwardUse {
  readonly training: boolean;
  /** Layers that do as in prediction also in training. */
  readonly isFrozen?: (layer: string) => boolean;
}

export const plainForward: Forward = (b, network, x, _target, use) =>
  applyNetwork(b, network, x, use);

/**
 * Throws ConfigError for a parameter that would be learned and then lost, since only the network's
 * own are kept, or that nothing would learn or move.
 */
export function checkForwarded(b: GraphBuilder, network: Network, { parameters }: Forwarded): void {
  const mend = "make it a layer of the network, or a constant";
  for (const name of parameters.keys())
    if (!network.parameters.has(name))
      throw new ConfigError(
        `fit: the forward pass learns "${name}", which the network does not have; ${mend}`,
        { name },
      );
  for (const node of b.nodes)
    if (node.kind === "parameter" && !network.parameters.has(node.name) && !b.updates.has(node.id))
      throw new ConfigError(
        `fit: the forward pass makes a parameter "${node.name}" and returns none of it; ${mend}`,
        { name: node.name },
      );
}
