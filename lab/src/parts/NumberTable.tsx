// A table of the numbers that a figure shows.
import type { ComponentChildren, JSX } from "preact";

export interface NumberTableProps {
  caption: string;
  head: readonly string[];
  rows: readonly (readonly ComponentChildren[])[];
  /** The row that the figure has chosen. */
  chosen?: number;
}
export function NumberTable({ caption, head, rows, chosen }: NumberTableProps): JSX.Element {
  return (
    // a region that scrolls has to be reached by the keyboard
    // biome-ignore lint/a11y/noNoninteractiveTabindex: so that arrows scroll it
    <section class="scroll" aria-label={caption} tabIndex={0}>
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
              {row.map((cell, j) => (j === 0 ? <th scope="row">{cell}</th> : <td>{cell}</td>))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
