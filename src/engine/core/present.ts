// Entries that may be left out, without a spread for each.

/** T without the keys whose values are undefined: they may be missing. */
export type Present<T extends object> = {
  [K in keyof T as undefined extends T[K] ? never : K]: T[K];
} & { [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined> };

/** The entries that are there: an undefined one is left out, as exact optional properties want. */
export function present<T extends object>(entries: T): Present<T> {
  return Object.fromEntries(
    Object.entries(entries).filter(([, value]) => value !== undefined),
  ) as Present<T>;
}
