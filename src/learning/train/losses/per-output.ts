// The loss of a network of several outputs: a weighted sum of theirs.
import {
  arithmetic,
  ConfigError,
  formatShape,
  ShapeError,
  sizeOf,
  type Shape,
  type Value,
} from "../../../engine/index.ts";
import type { Loss } from "./loss.ts";
import { outputShapes } from "../../nn/model.ts";
import type { Network } from "../../nn/network.ts";
import { near } from "../../nn/option-types.ts";

export interface OutputLoss {
  readonly loss: Loss;
  /** 1 unless given. */
  readonly weight?: number;
  /** One sample's target: the output's shape unless given; [] is the number of a class. */
  readonly target?: Shape;
}

/**
 * Σ weight·loss over the outputs of a network that `nn.model` made, each by its name. Targets are
 * one behind the other, as outputs are, in the order of the outputs. Throws ConfigError for an
 * output that the network has not, or one without a loss.
 */
export function lossPerOutput(
  network: Network,
  losses: Readonly<Record<string, OutputLoss>>,
): Loss {
  const shapes = outputShapes(network);
  const names = shapes.map(([name]) => name);
  const strange = Object.keys(losses).find((name) => !names.includes(name));
  const missing = names.find((name) => !Object.hasOwn(losses, name));
  const given = strange ?? missing;
  if (given !== undefined)
    throw new ConfigError(
      strange === undefined
        ? `lossPerOutput: output "${given}" has no loss; give it one, with weight 0 where it does not matter`
        : `lossPerOutput: there is no output "${given}": ${near(given, names)}there are ${names.join(", ")}`,
      { name: given },
    );
  const parts = shapes.map(([name, shape]) => ({
    ...losses[name],
    shape,
    wanted: losses[name].target ?? shape,
  }));
  const total = (of: (part: (typeof parts)[number]) => Shape): number =>
    parts.reduce((n, p) => n + sizeOf(of(p)), 0);
  const sizes = [total(({ shape }) => shape), total(({ wanted }) => wanted)];
  return {
    name: `lossPerOutput(${names.map((name) => `${name}: ${losses[name].loss.name}`).join(", ")})`,
    apply(b, prediction, target) {
      const { add, mul, reshape, slice } = arithmetic(b);
      const [y, t] = [prediction, target].map((v) =>
        reshape(v, [v.shape[0], sizeOf(v.shape.slice(1))]),
      );
      if (y.shape[1] !== sizes[0] || t.shape[1] !== sizes[1])
        throw new ShapeError(
          `lossPerOutput: outputs ${formatShape(prediction.shape)} and targets ${formatShape(target.shape)}; they should have ${sizes[0]} and ${sizes[1]} values a sample`,
          { prediction: prediction.shape, target: target.shape },
        );
      let [at, from] = [0, 0];
      const costs = parts.map(({ loss, weight = 1, shape, wanted }) => {
        const cut = (v: Value, start: number, own: Shape): Value =>
          reshape(slice(v, 1, start, start + sizeOf(own)), [v.shape[0], ...own]);
        const cost = loss.apply(b, cut(y, at, shape), cut(t, from, wanted));
        at += sizeOf(shape);
        from += sizeOf(wanted);
        return mul(cost, weight);
      });
      return costs.reduce((p, q) => add(p, q));
    },
  };
}
