// What was searched without gradients says so wherever it is shown: beside the method's name.
import type { Text } from "../../../report/index.ts";
import { mean } from "../../statistics.ts";
import { distinct, type Found } from "./found.ts";

/** Behind the name of a method that was searched without gradients. */
export const WEAKER = "no gradients";

/** How often a method was asked, an image; undefined where it was searched along gradients. */
function queriesOf({ test: { measurements } }: Pick<Found, "test">, method: string): number | undefined {
  const own = measurements.filter((m) => m.method === method && m.search?.queries !== undefined);
  if (own.length === 0) return undefined;
  const images = distinct(own.map((m) => m.image));
  return mean(images.map((i) => own.filter((m) => m.image === i).reduce((n, m) => n + m.search!.queries!, 0)));
}

/** The findings under names that say how they were found. */
export function labelled(found: Found): Found {
  const { test, methods, audited, accuracy } = found;
  const weaker = methods.filter((name) => queriesOf(found, name) !== undefined);
  if (weaker.length === 0) return found;
  const named = (name: string): string => (weaker.includes(name) ? `${name} (${WEAKER})` : name);
  const { measurements, transfers } = test;
  return {
    ...found,
    methods: methods.map(named),
    audited: named(audited),
    accuracy: accuracy.map((a) => ({ ...a, method: named(a.method) })),
    test: {
      ...test,
      measurements: measurements.map((m) => ({ ...m, method: named(m.method) })),
      ...(transfers ? { transfers: transfers.map((t) => ({ ...t, from: named(t.from), to: named(t.to) })) } : {}),
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
  return [{ kind: "text", id: `${found.test.id}-weaker`, title: "Searched without gradients", paragraphs: [text] }];
}
