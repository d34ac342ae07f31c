// Parameters that are trained unlike the others: frozen, at another rate, or without weight decay.
import { ConfigError, quoted, type Shape } from "../../engine/index.ts";
import type { Network } from "../nn/network.ts";
import { near } from "../nn/option-types.ts";
import type { FitOptions } from "./fit.ts";

export interface ParameterGroup {
  /**
   * Names of parameters ("0.conv2d.weight") or of what begins them up to a dot ("0.conv2d"); *
   * stands for any text. A parameter belongs to the first group that names it.
   */
  readonly of: string | readonly string[];
  /**
   * They stay as they are, and their layers do as in prediction: batch norm by its running
   * statistics, dropout dropping nothing (a Forward of your own hands its `use` on for that).
   */
  readonly frozen?: boolean;
  /** Times the learning rate; 1 unless given. */
  readonly rate?: number;
  /** Times the weight decay; 1 unless given. */
  readonly decay?: number;
}
/** Factors of a parameter's learning rate and weight decay. */
export interface Share {
  readonly rate: number;
  readonly decay: number;
}
/** A parameter's own factors, by its name. */
export type Shares = (name: string) => Share;
export const evenly: Shares = () => ({ rate: 1, decay: 1 });

const namesOf = ({ of }: ParameterGroup): readonly string[] => (typeof of === "string" ? [of] : of);
/** Whether a pattern is a name, or what begins it up to a dot. */
function matches(pattern: string, name: string): boolean {
  const parts = pattern.split("*").map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}(\\..*)?$`).test(name);
}
const holds = (group: ParameterGroup, name: string): boolean =>
  namesOf(group).some((pattern) => matches(pattern, name));

const normalisation = /(batchNorm2d|instanceNorm2d|groupNorm|layerNorm)[^.]*\.(weight|bias)$/;
/** Whether weight decay is meant for it: no bias, and nothing that a normalisation learns. */
export function isDecayed(name: string, shape: Shape): boolean {
  const lines = shape.filter((n) => n > 1).length;
  return lines > 1 && !name.endsWith(".bias") && !normalisation.test(name);
}

export interface TrainedBy {
  readonly shares: Shares;
  /** Whether a parameter, or all that a layer has, stays as it is. */
  isFrozen(name: string): boolean;
}
/** Throws ConfigError for a group that names nothing, or a factor that is none. */
export function trainedBy(
  network: Network,
  options: Pick<FitOptions, "groups" | "decayed" | "optimizer">,
): TrainedBy {
  const { groups = [], decayed = "all", optimizer } = options;
  if (decayed !== "all" && decayed !== "weights")
    throw new ConfigError(`fit: decayed ${quoted(decayed)} must be "all" or "weights"`, {
      decayed,
    });
  const names = [...network.parameters.keys()];
  for (const group of groups) checkGroup(group, names);
  const groupOf = (name: string): ParameterGroup | undefined =>
    groups.find((group) => holds(group, name));
  const isFrozen = (name: string): boolean => groupOf(name)?.frozen === true;
  const even =
    decayed === "all" && groups.every(({ rate = 1, decay = 1 }) => rate === 1 && decay === 1);
  if (!even && !optimizer.shares)
    throw new ConfigError(
      `fit: the optimiser ${optimizer.name} knows no rates or decays of single parameters; take one of the library's`,
      { optimizer: optimizer.name },
    );
  const shares: Shares = (name) => {
    const { rate = 1, decay = 1 } = groupOf(name) ?? {};
    const shape = network.parameters.get(name)?.shape ?? [];
    return { rate, decay: decayed === "weights" && !isDecayed(name, shape) ? 0 : decay };
  };
  return { shares, isFrozen };
}
function checkGroup(group: ParameterGroup, names: readonly string[]): void {
  const known = ["of", "frozen", "rate", "decay"];
  const other = Object.keys(group).find((key) => !known.includes(key));
  if (other !== undefined)
    throw new ConfigError(
      `fit: a group has no ${quoted(other)}: ${near(other, known)}it has ${known.join(", ")}`,
      {},
    );
  for (const pattern of namesOf(group)) {
    if (names.some((name) => matches(pattern, name))) continue;
    const layers = names.map((name) => name.slice(0, name.lastIndexOf(".")));
    const all = [...new Set([...names, ...layers])];
    throw new ConfigError(
      `fit: a group names ${quoted(pattern)}, which no parameter begins with: ${near(pattern, all)}summarize(network) lists them`,
      { pattern },
    );
  }
  for (const [key, value] of Object.entries({ rate: group.rate ?? 1, decay: group.decay ?? 1 }))
    if (!(value >= 0 && Number.isFinite(value)))
      throw new ConfigError(`fit: a group's ${key} ${value} must be a number from 0 up`, {
        [key]: value,
      });
  if (group.rate === 0)
    throw new ConfigError(
      "fit: a group's rate is 0; say frozen: true, which spares its gradients",
      {},
    );
}
/** What makes a run's bits, for one that goes on. */
export const describeGroups = (
  groups: readonly ParameterGroup[] | undefined,
): string | undefined => (groups && groups.length > 0 ? JSON.stringify(groups) : undefined);
