// What was searched without gradients says so wherever it is shown: beside the method's name.
import type { Text } from "../../../report/index.ts";
import { distinct, type Found } from "./found.ts";

/** Behind the name of a method that was searched without gradients. */
export const WEAKER = "no gradients";

/** How often a method was asked, an image; undefined where it was searched along gradients. */
function queriesOf(
  { test: { measurements, scores = [] } }: Pick<Found, "test">,
  method: string,
): number | undefined {
  const own = [
    ...measurements.map((m) => ({ ...m, queries: m.search?.queries })),
    ...scores.map((s) => ({ ...s, queries: s.figures.queries })),
  ].filter((m) => m.method === method && m.queries !== undefined);
  if (own.length === 0) return undefined;
  const images = distinct(own.map((m) => m.image));
  return own.reduce((n, m) => n + m.queries!, 0) / images.length;
}

/** The findings under names that say how they were found. */
export function labelled(found: Found): Found {
  const { test, methods, audited, accuracy } = found;
  const weaker = methods.filter((name) => queriesOf(found, name) !== undefined);
  if (weaker.length === 0) return found;
  const named = (name: string): string => (weaker.includes(name) ? `${name} (${WEAKER})` : name);
  const { measurements, transfers, scores } = test;
  return {
    ...found,
    ownNames: new Map(methods.map((name) => [named(name), name])),
    methods: methods.map(named),
    audited: named(audited),
    accuracy: accuracy.map((a) => ({ ...a, method: named(a.method) })),
    test: {
      ...test,
      measurements: measurements.map((m) => ({ ...m, method: named(m.method) })),
      ...(scores ? { scores: scores.map((s) => ({ ...s, method: named(s.method) })) } : {}),
      ...(transfers
        ? { transfers: transfers.map((t) => ({ ...t, from: named(t.from), to: named(t.to) })) }
        : {}),
    },
  };
}

/** What stands before everything that such a search found. */
export function caveat(found: Found): Text[] {
  const asked = found.methods.flatMap((name) => {
    const queries = queriesOf(found, name);
    return queries === undefined ? [] : [`${name} was asked ${Math.round(queries)} times an image`];
  });
  if (asked.length === 0) return [];
  const text = `${asked.join("; ")}: a program has no gradient, so square attack and SPSA stood in, from the same starts, the better of both. That is weaker than a search along gradients: what it found is there, but that it found no more is no evidence, so no pass comes of it.`;
  return [
    {
      kind: "text",
      id: `${found.test.id}-weaker`,
      title: "Searched without gradients",
      paragraphs: [text],
    },
  ];
}
