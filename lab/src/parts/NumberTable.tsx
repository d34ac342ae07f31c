// A table of the numbers that a figure shows.
import type { ComponentChildren, JSX } from "preact";

export interface NumberTableProps {
  caption: string;
  head: readonly string[];
  rows: readonly (readonly ComponentChildren[])[];
  /** The row that the figure has chosen. */
  chosen?: number;
  /** Its last column is sentences: where there is no room beside the others, cells are lines. */
  sentences?: boolean;
}
export function NumberTable(table: NumberTableProps): JSX.Element {
  const { caption, head, rows, chosen, sentences = false } = table;
  return (
    // a region that scrolls has to be reached by the keyboard
    // biome-ignore lint/a11y/noNoninteractiveTabindex: so that arrows scroll it
    <section class={sentences ? "scroll stacks" : "scroll"} aria-label={caption} tabIndex={0}>
      <table>
        <caption>{caption}</caption>
        <thead>
          <tr>
            {head.map((name) =>
              name === "" ? (
                <td key={name} />
              ) : (
                <th scope="col" key={name}>
                  {name}
                </th>
              ),
            )}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, i) => (
            <tr key={i} class={i === chosen ? "chosen" : undefined}>
              {row.map((cell, j) =>
                j === 0 ? <th scope="row">{cell}</th> : <td data-name={head[j]}>{cell}</td>,
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
