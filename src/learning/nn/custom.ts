// Layers of one's own: defined by name, so that a network stays plain data. The network says the
// name and the options, its checkpoint keeps the weights, and whoever loads it defines the same
// again.
import {
  ConfigError,
  quoted,
  ShapeError,
  type GraphBuilder,
  type Shape,
  type Value,
} from "../../engine/index.ts";
import { stack } from "./blocks.ts";
import type { Layer } from "./layers.ts";
import {
  flag,
  layers,
  listOf,
  near,
  number,
  oneOf,
  refuse,
  whole,
  word,
  type Type,
} from "./option-types.ts";
import type { Apply, Physics, Scope } from "./scope.ts";

export interface CustomLayer {
  readonly kind: "custom";
  /** The name by which it was defined. */
  readonly layer: string;
  readonly options?: Readonly<Record<string, unknown>>;
}

/** An option of a layer of one's own: what it must be, and its default, where it has one. */
export interface Option<T, D extends T | undefined = T | undefined> extends Type {
  readonly default: D;
  /** Only for the compiler: the type of its values. */
  readonly value?: T;
}
type Options = Readonly<Record<string, Option<unknown>>>;
type ValueOf<O> = O extends Option<infer T, infer _> ? T : never;
type Needed<O extends Options> = {
  [K in keyof O]: O[K]["default"] extends undefined ? K : never;
}[keyof O];
/** What a network says: options without a default, and any of the others. */
export type GivenOptions<O extends Options> = { readonly [K in Needed<O>]: ValueOf<O[K]> } & {
  readonly [K in Exclude<keyof O, Needed<O>>]?: ValueOf<O[K]>;
};
/** What the layer gets: all of them. */
export type AllOptions<O extends Options> = { readonly [K in keyof O]: ValueOf<O[K]> };

/** One that must be given, or one with a default. */
export interface OptionMaker<T> {
  (): Option<T, undefined>;
  (options: { readonly default: T }): Option<T, T>;
}
function maker<T>(type: Type): OptionMaker<T> {
  const make = (options?: { readonly default: T }): Option<T> => ({
    ...type,
    default: options?.default,
  });
  return make as OptionMaker<T>;
}
interface OptionKinds {
  /** A whole number from 1 up. */
  readonly whole: OptionMaker<number>;
  readonly number: OptionMaker<number>;
  readonly flag: OptionMaker<boolean>;
  readonly text: OptionMaker<string>;
  /** Numbers, as a shape. */
  readonly numbers: OptionMaker<readonly number[]>;
  /** Layers within the layer. */
  readonly layers: OptionMaker<readonly Layer[]>;
  /** One of some words. */
  oneOf<const W extends string>(words: readonly W[]): Option<W, undefined>;
  oneOf<const W extends string>(
    words: readonly W[],
    options: { readonly default: W },
  ): Option<W, W>;
}
/** The kinds of options: `option.whole({ default: 4 })`. */
export const option: OptionKinds = {
  whole: maker({ what: "a whole number from 1 up", is: whole(1, Number.MAX_SAFE_INTEGER) }),
  number: maker(number),
  flag: maker(flag),
  text: maker(word),
  numbers: maker(listOf(number)),
  layers: maker(layers),
  oneOf: <W extends string>(words: readonly W[], options?: { readonly default: W }): never =>
    ({ ...oneOf(...words), default: options?.default }) as never,
};

/** What a layer of one's own computes with. Names are its own: "weight" is its weight. */
export interface LayerScope {
  readonly b: GraphBuilder;
  /** Its place in the network, for messages. */
  readonly name: string;
  readonly training: boolean;
  /**
   * A learned value: with the number of terms in one weighted sum, by which first values are drawn,
   * or with its first value everywhere, along the last axis, or all of them.
   */
  parameter(
    name: string,
    shape: Shape,
    how: { fanIn: number } | { initial: number | ArrayLike<number> },
  ): Value;
  /** A value that is kept and saved but not learned; `b.update` moves it in training. */
  buffer(name: string, shape: Shape, initial: number): Value;
  /** Layers of the library or one's own, with their weights under this name. */
  layers(name: string, x: Value, layers: readonly Layer[]): Value;
  /** Where a reconstruction network is applied. */
  readonly physics?: Physics;
}
export interface LayerDefinition<O extends Options> {
  readonly options?: O;
  /** Adds its graph nodes. x is a batch, [N, …]. */
  apply(scope: LayerScope, x: Value, options: AllOptions<O>): Value;
  /** Takes the place of a definition of that name, as where a module is loaded again. */
  readonly replace?: boolean;
}
const definitions = new Map<string, LayerDefinition<Options>>();

/**
 * Defines a layer by name, with its options as a table, and gives the function that makes it:
 * options that are not in the table, or of another type, are refused by name. Networks that are
 * loaded find it by the same name, so define it before. Throws ConfigError for a name that is
 * taken.
 */
export function defineLayer<const O extends Options = Record<never, never>>(
  name: string,
  definition: LayerDefinition<O>,
): Record<never, never> extends GivenOptions<O>
  ? (options?: GivenOptions<O>) => CustomLayer
  : (options: GivenOptions<O>) => CustomLayer {
  if (!/^[a-z][A-Za-z0-9]*$/.test(name))
    throw new ConfigError(
      `defineLayer: ${quoted(name)} is no name; use letters and digits, as in squeezeExcitation`,
      { name },
    );
  if (definitions.has(name) && !definition.replace)
    throw new ConfigError(
      `defineLayer: there is a layer "${name}" already; take another name, or say replace: true`,
      { name },
    );
  definitions.set(name, definition as unknown as LayerDefinition<Options>);
  const make = (options: object = {}): CustomLayer => {
    checkOptions(`layer ${name}`, definition.options ?? {}, options);
    return {
      kind: "custom",
      layer: name,
      ...(Object.keys(options).length > 0 ? { options: { ...options } } : {}),
    };
  };
  return make as ReturnType<typeof defineLayer<O>>;
}
/** An activation of one's own: a formula of x, without options or weights. */
export const defineActivation = (
  name: string,
  formula: (b: GraphBuilder, x: Value) => Value,
): (() => CustomLayer) => defineLayer(name, { apply: ({ b }, x) => formula(b, x) });

function checkOptions(where: string, types: Options, given: object): void {
  const must = Object.keys(types).filter((key) => types[key].default === undefined);
  refuse(where, given, types, must);
}

/** One or more of its values, by its own name, before the layer's place in the network. */
function scopeOf(scope: Scope, name: string): LayerScope {
  const { b, training, physics } = scope;
  const own: LayerScope = {
    b,
    name,
    training,
    parameter: (key, shape, how) =>
      "fanIn" in how
        ? scope.parameter(`${name}.${key}`, shape, how.fanIn)
        : scope.parameter(`${name}.${key}`, shape, 1, how.initial),
    buffer: (key, shape, initial) => scope.buffer(`${name}.${key}`, shape, initial),
    layers: (key, x, all) => stack(scope, `${name}.${key}`, all, x),
  };
  return physics ? { ...own, physics } : own;
}
export const custom: Apply<CustomLayer> = (scope, name, x, { layer, options = {} }) => {
  const definition = definitions.get(layer);
  if (!definition) {
    const names = [...definitions.keys()];
    throw new ConfigError(
      `layer ${name}: there is no layer ${quoted(layer)} of one's own here: ${near(layer, names)}define it by defineLayer before the network is made or loaded`,
      { name, layer },
    );
  }
  const types = definition.options ?? {};
  checkOptions(`layer ${name}`, types, options);
  const defaults = Object.fromEntries(
    Object.entries(types).map(([key, type]) => [key, type.default]),
  );
  const y = definition.apply(scopeOf(scope, name), x, { ...defaults, ...options });
  if (y?.shape?.[0] === x.shape[0]) return y;
  throw new ShapeError(
    `layer ${name}: it gives no batch of ${x.shape[0]}; return the value of [N, …] that it made`,
    { name },
  );
};
