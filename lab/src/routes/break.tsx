// /break: a reconstruction broken, a section at a time; the experiment goes from one to the next.
// Its code is fetched when it is first opened.
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { formatAddress, useAddress } from "../address.ts";
import "../break.css";
import { Chapter } from "../parts/Chapter.tsx";
import type { Section } from "../sections/section.ts";
import type { Route } from "./route.ts";

/** /inside has the ten before. */
const FIRST = 11;

interface Loaded {
  readonly sections: readonly Section[];
  /** Settings that go along from section to section. */
  readonly carried: ReadonlySet<string>;
}
async function load(): Promise<Loaded> {
  const [{ breakSections: sections }, { carried }] = await Promise.all([
    import("../sections/break.ts"),
    import("../sections/experiment.ts"),
  ]);
  return { sections, carried };
}

function Break({ section }: { section: string }): JSX.Element {
  const { settings } = useAddress();
  const [loaded, setLoaded] = useState<Loaded>();
  const [failed, setFailed] = useState(false);
  useEffect(() => {
    load().then(setLoaded, () => setFailed(true));
  }, []);
  if (failed) return <p class="failure">This part of the lab could not be fetched; reload the page.</p>;
  if (!loaded) return <p class="waiting">Fetching this part of the lab…</p>;
  const { sections, carried } = loaded;
  const kept = new Map([...settings].filter(([name]) => carried.has(name)));
  const current = Math.max(
    0,
    sections.findIndex(({ id }) => id === section),
  );
  const linkTo = (id: string): string => formatAddress({ route: "break", section: id, settings: kept });
  return <Chapter {...{ sections, current, linkTo }} first={FIRST} />;
}

export const route: Route = { id: "break", title: "Break a reconstruction", order: 2, View: Break };
