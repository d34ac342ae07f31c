// What somebody who misspelt a name may have meant.

/** How many letters must be added, removed or replaced to make `a` of `b` (Levenshtein). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, row[j] + 1, next[j - 1] + 1));
    }
    row = next;
  }
  return row[b.length];
}

/** The name that begins as `given` does, or else the nearest within a third of its letters. */
export function nearest(given: string, names: readonly string[]): string | undefined {
  const longer = names.find((name) => name.startsWith(given));
  if (longer !== undefined) return longer;
  const scored = names.map((name) => ({ name, away: distance(given, name) }));
  const best = scored.reduce((a, b) => (b.away < a.away ? b : a));
  return best.away <= Math.max(2, given.length / 3) ? best.name : undefined;
}
