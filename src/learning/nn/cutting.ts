// A network's first layers, and networks one after another: a backbone and a head.
import { ConfigError, formatShape, GraphBuilder, ops, type Shape } from "../../engine/index.ts";
import type { Layer } from "./layers.ts";
import { applyNetwork, layerName, type Network, type Parameter } from "./network.ts";
import { near } from "./option-types.ts";
import { identityPhysics } from "./scope.ts";

/** How many of its layers: a number, or up to and with a layer of that name. */
function countOf(layers: readonly Layer[], upTo: number | string): number {
  const names = layers.map(layerName);
  const count = typeof upTo === "number" ? upTo : names.indexOf(upTo) + 1;
  if (Number.isSafeInteger(count) && count >= 1 && count <= layers.length) return count;
  const said = typeof upTo === "number" ? `${upTo} layers` : `layer "${upTo}"`;
  const hint = typeof upTo === "string" ? near(upTo, names) : "";
  throw new ConfigError(
    `firstLayers: there is no ${said}: ${hint}the network has ${names.join(", ")}`,
    { upTo },
  );
}
const placeOf = (name: string): number => Number(name.slice(0, name.indexOf(".")));

/**
 * A network's first layers with their weights: so many of them, or up to and with the one of that
 * name ("20.adaptiveAvgPool2d"). What shared layers have stays, whether they are still used or not.
 */
export function firstLayers(network: Network, upTo: number | string): Network {
  const { input, layers } = network.architecture;
  const count = countOf(layers, upTo);
  const stays = (name: string): boolean => name.startsWith("shared.") || placeOf(name) < count;
  const { trained: _, ...rest } = network;
  return {
    ...rest,
    architecture: { input, layers: layers.slice(0, count) },
    parameters: new Map([...network.parameters].filter(([name]) => stays(name))),
  };
}

/** One sample's output. */
export function outputShape(network: Network): Shape {
  const b = new GraphBuilder(ops);
  const x = b.input("x", [1, ...network.architecture.input]);
  return applyNetwork(b, network, x, {
    trainable: false,
    physics: identityPhysics(x),
  }).y.shape.slice(1);
}

/**
 * Networks one after another, with the weights of each: what one gives the next one takes. Throws
 * ConfigError where it does not, or where shared layers of one name have other weights.
 */
export function chained(networks: readonly Network[]): Network {
  const [first, ...rest] = networks;
  if (!first) throw new ConfigError("chained: there are no networks; give at least one", {});
  const { trained: _, ...all } = first;
  return rest.reduce<Network>(followed, rest.length === 0 ? first : all);
}
function followed(before: Network, after: Network): Network {
  const given = outputShape(before);
  const { input, layers } = after.architecture;
  if (given.join() !== input.join())
    throw new ConfigError(
      `chained: one network gives ${formatShape(given)} and the next one takes ${formatShape(input)}; make them equal`,
      { given, input },
    );
  const shift = before.architecture.layers.length;
  const parameters = new Map<string, Parameter>(before.parameters);
  for (const [name, parameter] of after.parameters) {
    const isShared = name.startsWith("shared.");
    const known = isShared ? parameters.get(name) : undefined;
    if (
      known &&
      known.data !== parameter.data &&
      known.data.some((v, i) => v !== parameter.data[i])
    )
      throw new ConfigError(
        `chained: "${name}" has other weights in the two networks; share it by another name`,
        { name },
      );
    const place = placeOf(name);
    parameters.set(
      isShared ? name : `${place + shift}${name.slice(String(place).length)}`,
      parameter,
    );
  }
  return {
    ...before,
    architecture: {
      input: before.architecture.input,
      layers: [...before.architecture.layers, ...layers],
    },
    parameters,
    ...(after.trained ? { trained: after.trained } : {}),
  };
}
