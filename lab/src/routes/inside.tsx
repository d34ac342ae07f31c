// /inside: a network opened up, a section at a time.
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { addressOf } from "../address.ts";
import { Predict } from "../parts/Predict.tsx";
import { sections } from "../sections/index.ts";
import type { Route } from "./route.ts";

function Contents({ current }: { current: number }): JSX.Element {
  const list = useRef<HTMLOListElement>(null);
  // on a phone the list is a line that scrolls
  useEffect(() => {
    const item = list.current?.children[current] as HTMLElement | undefined;
    if (item) list.current!.scrollLeft = item.offsetLeft - 60;
  }, [current]);
  const links = sections.map(({ id, title }, i) => (
    <li key={id}>
      <a href={addressOf("inside", id)} aria-current={i === current ? "page" : undefined}>
        <span class="number">{i + 1}</span> {title}
      </a>
    </li>
  ));
  return (
    <nav aria-label="Sections" class="contents">
      <ol ref={list}>{links}</ol>
    </nav>
  );
}

function Onward({ current }: { current: number }): JSX.Element {
  const [before, after] = [sections[current - 1], sections[current + 1]];
  return (
    <nav aria-label="Before and after" class="onward">
      {before ? <a href={addressOf("inside", before.id)}>← {before.title}</a> : <span />}
      {after && <a href={addressOf("inside", after.id)}>{after.title} →</a>}
    </nav>
  );
}

function Inside({ section }: { section: string }): JSX.Element {
  const current = Math.max(
    0,
    sections.findIndex(({ id }) => id === section),
  );
  const { id, title, sentence, question, View } = sections[current];
  const heading = useRef<HTMLHeadingElement>(null);
  const shown = useRef(id);
  useEffect(() => {
    document.title = `${title} · Fiducial lab`;
    // a section that was asked for is read out, the first one of a visit is not
    if (shown.current !== id) {
      scrollTo(0, 0);
      heading.current?.focus();
    }
    shown.current = id;
  }, [id]);
  return (
    <div class="inside">
      <Contents current={current} />
      <main id="content">
        <h1 tabIndex={-1} ref={heading}>
          <span class="number">{current + 1}</span> {title}
        </h1>
        <p class="sentence">{sentence}</p>
        <Predict key={`question of ${id}`} {...question} />
        <View key={id} />
        <Onward current={current} />
      </main>
    </div>
  );
}

export const route: Route = { id: "inside", title: "Inside a network", order: 1, View: Inside };
