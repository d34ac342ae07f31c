// A chapter whose code is fetched when it is first opened; its experiment goes from one section to
// the next.
import type { ComponentType, JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { formatAddress, useAddress } from "../address.ts";
import "../break.css";
import { Chapter } from "./Chapter.tsx";
import type { Section } from "../sections/section.ts";

export interface Loaded {
  readonly sections: readonly Section[];
  /** Settings that go along from section to section. */
  readonly carried: ReadonlySet<string>;
  /** The route and section that follow the last one. */
  readonly beyond?: { readonly title: string; readonly route: string; readonly section: string };
}

/** `first` is the number of its first section. */
export function laterChapter(
  route: string,
  first: number,
  load: () => Promise<Loaded>,
): ComponentType<{ section: string }> {
  return function Later({ section }: { section: string }): JSX.Element {
    const { settings } = useAddress();
    const [loaded, setLoaded] = useState<Loaded>();
    const [failed, setFailed] = useState(false);
    useEffect(() => {
      // drawn in a task of its own: what was fetched has just been evaluated in this one
      load().then(
        (now) => setTimeout(() => setLoaded(now)),
        () => setFailed(true),
      );
    }, []);
    if (failed)
      return <p class="failure">This part of the lab could not be fetched; reload the page.</p>;
    if (!loaded) return <p class="waiting">Fetching this part of the lab…</p>;
    const { sections, carried, beyond } = loaded;
    const kept = new Map([...settings].filter(([name]) => carried.has(name)));
    const place = sections.findIndex(({ id }) => id === section);
    const linkTo = (id: string): string => formatAddress({ route, section: id, settings: kept });
    const after = beyond && {
      title: beyond.title,
      href: formatAddress({ ...beyond, settings: kept }),
    };
    return <Chapter {...{ sections, first, linkTo }} current={Math.max(0, place)} beyond={after} />;
  };
}
