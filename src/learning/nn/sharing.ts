// Layers that have the same weights in several places.
import { ConfigError } from "../../engine/index.ts";
import { stack } from "./blocks.ts";
import type { Shared } from "./block-layers.ts";
import type { Apply } from "./scope.ts";

/** Where their parameters are, whatever stands around them. */
export const sharedName = (name: string): string => `shared.${name}`;

export const shared: Apply<Shared> = (scope, name, x, layer) => {
  const text = JSON.stringify(layer.layers);
  const before = scope.shared.get(layer.name);
  if (before !== undefined && before !== text)
    throw new ConfigError(
      `layer ${name}: the layers shared as "${layer.name}" are others here than before; give one list, or two names`,
      { name },
    );
  scope.shared.set(layer.name, text);
  return stack(scope, sharedName(layer.name), layer.layers, x);
};
