// Classes that occur unequally: drawn equally often, or weighed.
import { ConfigError, permutation, random, sizeOf } from "../../engine/index.ts";
import type { Dataset } from "./dataset.ts";

/**
 * Every sample's class, by its number or its largest share. Throws ConfigError where it has none.
 */
function classesOf(name: string, data: Dataset, from: Pick<ClassesOptions, "classOf">): number[] {
  const { classOf } = from;
  if (classOf) return Array.from({ length: data.length }, (_, i) => classOf(i));
  if (data.prepare)
    throw new ConfigError(
      `${name}: its samples are not there yet; say their classes with classOf: (i) => …`,
      {},
    );
  const input = new Float32Array(sizeOf(data.inputShape));
  const target = new Float32Array(sizeOf(data.targetShape));
  if (data.targetShape.length > 1)
    throw new ConfigError(
      `${name}: targets [${data.targetShape.join("×")}] are no one class of a sample`,
      {},
    );
  return Array.from({ length: data.length }, (_, i) => {
    data.read(i, input, target, 0);
    return target.length === 1
      ? target[0]
      : target.indexOf(target.reduce((a, b) => Math.max(a, b)));
  });
}
interface ClassesOptions {
  /** A sample's class; read from its target unless given. */
  readonly classOf?: (i: number) => number;
}
function membersOf(classes: readonly number[]): number[][] {
  const members: number[][] = [];
  for (const [i, c] of classes.entries()) {
    while (members.length <= c) members.push([]);
    members[c].push(i);
  }
  return members;
}

/**
 * As many samples an epoch as there are, all classes that occur equally often (to one): those of a
 * rare class several times, others of a frequent one every epoch, in an order by the seed and the
 * epoch alone. Throws ConfigError where a sample's class cannot be told.
 */
export function balanced(data: Dataset, options: ClassesOptions & { seed: number }): Dataset {
  const { seed } = options;
  const members = membersOf(classesOf("balanced", data, options)).filter((list) => list.length > 0);
  const orders = new Map<string, number[]>();
  /** Round k through a class takes its members in an order of its own. */
  const orderOf = (c: number, round: number): number[] => {
    const key = `${c}, ${round}`;
    const known =
      orders.get(key) ?? permutation(members[c].length, random(seed).fork("balanced").fork(key));
    if (orders.size > 4 * members.length) orders.clear();
    orders.set(key, known);
    return known;
  };
  const perEpoch = Math.ceil(data.length / members.length);
  const indexOf = (i: number, epoch: number): number => {
    const c = i % members.length;
    const k = epoch * perEpoch + Math.floor(i / members.length);
    const own = members[c];
    return own[orderOf(c, Math.floor(k / own.length))[k % own.length]];
  };
  const { prepare } = data;
  return {
    ...data,
    varied: { from: data, by: { balancedSeed: seed } },
    ...(prepare && {
      prepare: (indices: readonly number[], epoch: number) =>
        prepare.call(data, [...new Set(indices.map((i) => indexOf(i, epoch)))], epoch),
    }),
    read: (i, input, target, epoch = 0) => data.read(indexOf(i, epoch), input, target, epoch),
  };
}

/**
 * Weights of classes for a loss: samples / (classes · samples of the class), so that each class has
 * the same say (scikit-learn's "balanced"). `classes` is how many there are. Throws ConfigError for
 * a class without a sample.
 */
export function balancedWeights(
  data: Dataset,
  options: ClassesOptions & { classes?: number } = {},
): number[] {
  const members = membersOf(classesOf("balancedWeights", data, options));
  const classes = options.classes ?? members.length;
  return Array.from({ length: classes }, (_, c) => {
    const count = members[c]?.length ?? 0;
    if (count === 0)
      throw new ConfigError(`balancedWeights: no sample is of class ${c}; it has no weight`, {
        class: c,
      });
    return data.length / (classes * count);
  });
}
