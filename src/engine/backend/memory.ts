// The memory plan: a place in one arena for every value, reused once the value has been read for
// the last time.

/** A value that lives from step `from` to step `to`, both included. */
export interface Lifetime {
  readonly id: number;
  readonly bytes: number;
  readonly from: number;
  readonly to: number;
  /** Values whose place this one may take, if they end where it begins and are as large. */
  readonly over?: readonly number[];
}
export interface Arena {
  readonly offsets: ReadonlyMap<number, number>;
  readonly bytes: number;
}

/** First fit, in the order of `from`. */
export function planArena(lifetimes: readonly Lifetime[]): Arena {
  const offsets = new Map<number, number>();
  const byId = new Map(lifetimes.map((l) => [l.id, l]));
  const taken = new Set<number>();
  const ending = new Map<number, Lifetime[]>();
  for (const l of lifetimes) ending.set(l.to, [...(ending.get(l.to) ?? []), l]);
  const ends = [...ending.keys()].sort((a, b) => a - b);
  /** Holes below `bytes`, sorted by offset, never adjacent. */
  let holes: { at: number; size: number }[] = [];
  let bytes = 0;
  let next = 0;
  const release = (before: number): void => {
    for (; next < ends.length && ends[next] < before; next++) {
      for (const { id, bytes: size } of ending.get(ends[next])!)
        if (!taken.has(id) && offsets.has(id)) holes.push({ at: offsets.get(id)!, size });
      holes.sort((p, q) => p.at - q.at);
      holes = holes.reduce<typeof holes>((merged, h) => {
        const last = merged.at(-1);
        if (last && last.at + last.size === h.at) last.size += h.size;
        else merged.push({ ...h });
        return merged;
      }, []);
    }
  };
  for (const { id, bytes: size, from, over = [] } of [...lifetimes].sort((p, q) => p.from - q.from)) {
    release(from);
    const giver = over.find((other) => {
      const l = byId.get(other);
      return (
        l !== undefined && l.to === from && l.from < from && l.bytes === size && !taken.has(other) && offsets.has(other)
      );
    });
    if (giver !== undefined) {
      taken.add(giver);
      offsets.set(id, offsets.get(giver)!);
      continue;
    }
    const hole = holes.find((h) => h.size >= size);
    if (hole) {
      offsets.set(id, hole.at);
      hole.at += size;
      hole.size -= size;
      holes = holes.filter((h) => h.size > 0);
    } else {
      const last = holes.at(-1);
      const at = last && last.at + last.size === bytes ? holes.pop()!.at : bytes;
      offsets.set(id, at);
      bytes = at + size;
    }
  }
  return { offsets, bytes };
}
