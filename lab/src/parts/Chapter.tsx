// A route that is a chapter of sections: its contents, the section that is open, the one before and
// the one after.
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { Predict } from "./Predict.tsx";
import type { Section } from "../sections/section.ts";

export interface ChapterProps {
  sections: readonly Section[];
  /** Number of the first section. */
  first: number;
  /** The open one's place. */
  current: number;
  linkTo: (id: string) => string;
  /** What follows the last section. */
  beyond?: Beyond | undefined;
}
export interface Beyond {
  readonly title: string;
  readonly href: string;
}
/** The section that was shown last, in whichever chapter. */
let shownLast: string | undefined;

function Contents({ sections, first, current, linkTo }: ChapterProps): JSX.Element {
  const list = useRef<HTMLOListElement>(null);
  // on a phone the list is a line that scrolls
  useEffect(() => {
    const item = list.current?.children[current] as HTMLElement | undefined;
    if (item) list.current!.scrollLeft = item.offsetLeft - 60;
  }, [current]);
  return (
    <nav aria-label="Sections" class="contents">
      <ol ref={list}>
        {sections.map(({ id, title }, i) => (
          <li key={id}>
            <a href={linkTo(id)} aria-current={i === current ? "page" : undefined}>
              <span class="number">{first + i}</span> {title}
            </a>
          </li>
        ))}
      </ol>
    </nav>
  );
}

function Onward({ sections, current, linkTo, beyond }: ChapterProps): JSX.Element {
  const [before, next] = [sections[current - 1], sections[current + 1]];
  const after = next ? { title: next.title, href: linkTo(next.id) } : beyond;
  return (
    <nav aria-label="Before and after" class="onward">
      {before ? <a href={linkTo(before.id)}>← {before.title}</a> : <span />}
      {after && <a href={after.href}>{after.title} →</a>}
    </nav>
  );
}

export function Chapter(chapter: ChapterProps): JSX.Element {
  const { sections, first, current } = chapter;
  const { id, title, sentence, question, View } = sections[current];
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} · Fiducial lab`;
    // a section that was asked for is read out, the first one of a visit is not
    if (shownLast !== undefined && shownLast !== id) {
      scrollTo(0, 0);
      heading.current?.focus();
    }
    shownLast = id;
  }, [id]);
  return (
    <div class="inside">
      <Contents {...chapter} />
      <main id="content">
        <h1 tabIndex={-1} ref={heading}>
          <span class="number">{first + current}</span> {title}
        </h1>
        <p class="sentence">{sentence}</p>
        <Predict key={`question of ${id}`} {...question} />
        <View key={id} />
        <Onward {...chapter} />
      </main>
    </div>
  );
}
