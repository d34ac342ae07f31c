// Rows and columns; the first cell of a row is its head.
import type { JSX } from "preact";
import { labelOf, type Cell, type Column, type Table } from "../kinds.ts";
import { Mark, Scroll, Words } from "./Words.tsx";

/**
 * A table of at most so many columns becomes one column on a narrow screen, and one that has a
 * column for every method, however many: verdicts must not lie beyond an edge.
 */
const STACKING = 6;
const doesStack = ({ columns }: Table): boolean =>
  columns.length <= STACKING || columns.some(({ mark }) => mark !== undefined);

/** Blue for what is as it should be, orange for what is not; the number says the same. */
function shadeOf(shade: number | undefined): { style?: string } {
  if (!shade || !Number.isFinite(shade)) return {};
  const depth = Math.round(75 * Math.min(1, Math.abs(shade)));
  return {
    style: `background:color-mix(in srgb, var(${shade > 0 ? "--right" : "--wrong"}) ${depth}%, transparent)`,
  };
}

/** What is long enough to be broken into lines. */
const isSentence = (cell: Cell): boolean => String(labelOf(cell).text).length > 40;

function Head({ column }: { column: Column }): JSX.Element {
  return (
    <th scope="col">
      {column.mark !== undefined && <Mark mark={column.mark} />}
      {column.name === "" ? <span class="unseen">row</span> : column.name}
    </th>
  );
}
function Row({
  cells,
  columns,
}: {
  cells: readonly Cell[];
  columns: readonly Column[];
}): JSX.Element {
  const [head, ...rest] = cells;
  return (
    <tr>
      <th scope="row">
        <Words of={head} format={columns[0]?.format} />
      </th>
      {rest.map((cell, i) => (
        <td
          data-name={columns[i + 1]?.name}
          class={isSentence(cell) ? "words" : "short"}
          {...shadeOf(labelOf(cell).shade)}
        >
          <Words of={cell} format={columns[i + 1]?.format} />
        </td>
      ))}
    </tr>
  );
}

export function TableView({ table }: { table: Table }): JSX.Element {
  return (
    <Scroll label={table.title ?? "table"}>
      <table class={doesStack(table) ? "stacks" : undefined}>
        <thead>
          <tr>
            {table.columns.map((column) => (
              <Head column={column} />
            ))}
          </tr>
        </thead>
        <tbody>
          {table.rows.map((cells) => (
            <Row cells={cells} columns={table.columns} />
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}
