// The small pieces that the kinds are made of: chips, marks, labels, headings.
import type { ComponentChildren, JSX } from "preact";
import { labelOf, type Cell, type Format, type Label, type Outcome } from "../kinds.ts";
import { slug } from "../legible.ts";
import { outlineOf } from "../marks.ts";
import { print } from "../numbers.ts";
import { outcomeWords } from "../outcomes.ts";
import { markClass } from "./Plot.tsx";

export function Chip({ outcome }: { outcome: Outcome }): JSX.Element {
  return <span class={`chip ${outcome}`}>{outcomeWords[outcome] ?? outcome}</span>;
}
/** A method's outline in its colour; the name stands beside it. */
export function Mark({ mark }: { mark: number }): JSX.Element {
  return (
    <svg class="mark" viewBox="-6 -6 12 12" aria-hidden="true">
      <path class={`${markClass(mark)} filled`} d={outlineOf(mark)} />
    </svg>
  );
}
export const textOf = ({ text, format }: Label, column?: Format): string =>
  typeof text === "string" ? text : print(text, format ?? column);

/** A label; numbers in the column's format, unless it has its own. */
export function Words({ of, format }: { of: Cell; format?: Format | undefined }): JSX.Element {
  const label = labelOf(of);
  const text = textOf(label, format);
  const shown = label.strong ? <b>{text}</b> : text;
  return (
    <>
      {label.outcome && <Chip outcome={label.outcome} />}
      {label.outcome && " "}
      {label.mark !== undefined && <Mark mark={label.mark} />}
      {label.to === undefined ? shown : <a href={`#${slug(label.to)}`}>{shown}</a>}
      {label.soft !== undefined && <span class="soft"> {label.soft}</span>}
    </>
  );
}

/** What scrolls by itself, where it is wider than the page; the keyboard reaches it. */
export function Scroll({
  label,
  children,
}: {
  label: string;
  children: ComponentChildren;
}): JSX.Element {
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset would hold controls
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached without a mouse
    <div class="scroll" tabIndex={0} role="group" aria-label={label}>
      {children}
    </div>
  );
}
/** The title above a detail, and the note below it. */
export function Titled(props: {
  title?: string | undefined;
  note?: string | undefined;
  children: ComponentChildren;
}): JSX.Element {
  return (
    <>
      {props.title && <h3>{props.title}</h3>}
      {props.children}
      {props.note && <p class="soft">{props.note}</p>}
    </>
  );
}
