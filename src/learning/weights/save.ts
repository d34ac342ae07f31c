// A network's weights as PyTorch has them: its names, its shapes, in a safetensors file.
import { ConfigError, sizeOf, type Bytes } from "../../engine/index.ts";
import type { Network, Parameter } from "../nn/network.ts";
import { writeTensors } from "../train/safetensors.ts";
import { torchName, torchShape, type TorchNames } from "./names.ts";

/**
 * The parameters by PyTorch's names and in its shapes, as nn.Sequential of the same layers has them
 * unless `names` says otherwise. Throws ConfigError for a parameter without a name, or two with
 * one.
 */
export function stateDict(
  network: Network,
  options: { names?: TorchNames } = {},
): ReadonlyMap<string, Parameter> {
  const all = new Map<string, Parameter>();
  for (const [name, { shape, data }] of network.parameters) {
    const theirs = torchName(name, options.names);
    if (theirs === undefined || theirs === "")
      throw new ConfigError(`stateDict: nothing is named for "${name}"; add it to names`, { name });
    if (all.has(theirs))
      throw new ConfigError(
        `stateDict: "${theirs}" is the name of two parameters, "${name}" among them`,
        { name },
      );
    const own = torchShape(name, shape);
    all.set(theirs, { shape: sizeOf(own) === data.length ? own : shape, data });
  }
  return all;
}
/** The same as a safetensors file, which safetensors.torch.load_file reads. */
export const saveStateDict = (network: Network, options: { names?: TorchNames } = {}): Bytes =>
  writeTensors(stateDict(network, options), { format: "pt" });
