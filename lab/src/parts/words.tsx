// Words around figures: a formula, a figure with its caption, what the engine is at, what went
// wrong.
import type { ComponentChildren, JSX } from "preact";
import { formulas } from "../formulas.ts";
import type { Answered } from "../worker/client.ts";

/** Written as MathML when the lab is built. */
export function Formula({ name }: { name: keyof typeof formulas }): JSX.Element {
  return <span class="formula" dangerouslySetInnerHTML={{ __html: formulas[name] }} />;
}

/** Some of a figure, under its own name. */
export function Part(props: {
  title: ComponentChildren;
  note?: ComponentChildren;
  children: ComponentChildren;
}): JSX.Element {
  return (
    <div class="part">
      <h2>{props.title}</h2>
      {props.children}
      {props.note !== undefined && <p class="note">{props.note}</p>}
    </div>
  );
}
/** Parts beside one another, as far as there is room. */
export function Row({ children }: { children: ComponentChildren }): JSX.Element {
  return <div class="parts">{children}</div>;
}
/** Between two parts: "→", "×". */
export function Sign({ children }: { children: ComponentChildren }): JSX.Element {
  return (
    <span class="sign" aria-hidden="true">
      {children}
    </span>
  );
}

/** The figure of an answer; a word while there is none, and the engine's line where it fails. */
export function Shown<R>(props: {
  answer: Answered<R>;
  children: (value: R) => ComponentChildren;
}): JSX.Element {
  const { answer, children } = props;
  return (
    <>
      {answer.error !== undefined && (
        <p class="failure" role="alert">
          {answer.error}
        </p>
      )}
      {answer.busy && <span hidden data-busy />}
      {answer.value !== undefined && children(answer.value)}
      {answer.value === undefined && answer.error === undefined && (
        <p class="waiting">The engine is at work…</p>
      )}
    </>
  );
}
