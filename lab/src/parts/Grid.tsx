// Numbers in squares, up to 16×16: every cell an element that the keyboard reaches. Arrows move,
// Enter or a digit edits, Escape gives up.
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { colourAt, css, inkOn, spanOf, type Scale, type Span } from "./colours.ts";
import { placeName, short, typed } from "./numbers.ts";

export interface Place {
  readonly row: number;
  readonly column: number;
}
export interface Box extends Place {
  readonly height: number;
  readonly width: number;
}
export interface GridProps {
  /** Its name for those who do not see it. */
  label: string;
  values: ArrayLike<number>;
  rows: number;
  columns: number;
  scale?: Scale;
  span?: Span;
  /** Side of a cell, pixels. */
  cell?: number;
  /** The chosen cell, which the arrows move. */
  at?: Place;
  onAt?: (place: Place) => void;
  onEdit?: (index: number, value: number) => void;
  /** Outlined. */
  box?: Box;
  text?: (index: number) => string;
  /** Not filled yet. */
  empty?: (index: number) => boolean;
}

const steps: Readonly<Record<string, readonly [number, number]>> = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
};
const within = (v: number, n: number): number => Math.max(0, Math.min(n - 1, v));
/** As large as there is room for: a digit is a little more than half as wide as it is high. */
const fontSize = (text: string, cell: number): number =>
  Math.max(9, Math.min(13, Math.floor((cell - 3) / (0.58 * text.length))));
/** Cells as small as this have no room for a number. */
const LEGIBLE = 27;

function Editor({
  value,
  name,
  done,
}: {
  value: number;
  name: string;
  done: (text?: string) => void;
}): JSX.Element {
  const given = useRef(false);
  const finish = (text?: string): void => {
    if (given.current) return;
    given.current = true;
    done(text);
  };
  return (
    <input
      class="cell-editor"
      inputMode="decimal"
      aria-label={`value of ${name}`}
      defaultValue={short(value, 6).replace("−", "-")}
      ref={(input) => {
        if (input && document.activeElement !== input) {
          input.focus();
          input.select();
        }
      }}
      onBlur={(e) => finish(e.currentTarget.value)}
      onKeyDown={(e) => {
        e.stopPropagation();
        if (e.key === "Enter") finish(e.currentTarget.value);
        if (e.key === "Escape") finish();
      }}
    />
  );
}

function Outline({ box, cell }: { box: Box; cell: number }): JSX.Element {
  const style = {
    left: `${box.column * cell}px`,
    top: `${box.row * cell}px`,
    width: `${box.width * cell}px`,
    height: `${box.height * cell}px`,
  };
  return <div class="outline" style={style} />;
}

interface CellProps {
  grid: GridProps;
  index: number;
  span: Span;
  focusable: boolean;
  editing: boolean;
  edit: (on: boolean, text?: string) => void;
}
function Cell({ grid, index, span, focusable, editing, edit }: CellProps): JSX.Element {
  const { values, columns, scale = "signed", cell = 40, at, onAt, onEdit, text, empty } = grid;
  const place = { row: Math.floor(index / columns), column: index % columns };
  const interactive = onAt !== undefined || onEdit !== undefined;
  const blank = empty?.(index) === true;
  const chosen = at !== undefined && at.row === place.row && at.column === place.column;
  const shown = blank ? "" : text ? text(index) : short(values[index]);
  const colour = colourAt(scale, values[index], span);
  const style = {
    minWidth: `${cell}px`,
    width: `${cell}px`,
    height: `${cell}px`,
    fontSize: `${fontSize(shown, cell)}px`,
    ...(blank ? {} : { background: css(colour), color: inkOn(colour) }),
  };
  const hidden = cell < LEGIBLE;
  const name = placeName(place.row, place.column);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the grid hears the keys of all its cells
    // biome-ignore lint/a11y/useAriaPropsSupportedByRole: in a grid, a cell is a gridcell
    <td
      class={`cell${chosen ? " chosen" : ""}${blank ? " blank" : ""}`}
      data-place={`${place.row} ${place.column}`}
      tabIndex={interactive ? (focusable ? 0 : -1) : undefined}
      aria-selected={onAt ? chosen : undefined}
      style={style}
      onClick={() => {
        if (onEdit && (!onAt || chosen)) edit(true);
        onAt?.(place);
      }}
    >
      {editing ? (
        <Editor value={values[index]} name={name} done={(typedText) => edit(false, typedText)} />
      ) : hidden ? (
        <span class="unseen">{shown}</span>
      ) : (
        shown
      )}
    </td>
  );
}

/** What a key does in a grid: the cell it goes to, "edit", or nothing. */
function meaning(
  key: string,
  { row, column }: Place,
  { rows, columns, onEdit }: GridProps,
): Place | "edit" | undefined {
  const step = steps[key];
  if (step) return { row: within(row + step[0], rows), column: within(column + step[1], columns) };
  if (key === "Home") return { row, column: 0 };
  if (key === "End") return { row, column: columns - 1 };
  return onEdit && (key === "Enter" || key === "F2") ? "edit" : undefined;
}

export function Grid(grid: GridProps): JSX.Element {
  const { label, values, rows, columns, scale = "signed", at, onAt, onEdit } = grid;
  const [focused, setFocused] = useState<Place>({ row: 0, column: 0 });
  const [editing, setEditing] = useState<number>();
  const element = useRef<HTMLTableElement>(null);
  const span = grid.span ?? spanOf(scale, values);
  const asked = at ?? focused;
  const current = { row: within(asked.row, rows), column: within(asked.column, columns) };
  const interactive = onAt !== undefined || onEdit !== undefined;
  const focus = ({ row, column }: Place): void =>
    element.current?.querySelector<HTMLElement>(`[data-place="${row} ${column}"]`)?.focus();
  const edit = (index: number, on: boolean, text?: string): void => {
    setFocused({ row: Math.floor(index / columns), column: index % columns });
    setEditing(on ? index : undefined);
    const value = text === undefined ? undefined : typed(text);
    if (value !== undefined && value !== values[index]) onEdit?.(index, value);
  };
  const lost = useRef(false);
  // the editor took the focus away with it, unless the visitor has put it somewhere else
  useEffect(() => {
    if (
      editing === undefined &&
      interactive &&
      lost.current &&
      document.activeElement === document.body
    )
      focus(current);
    lost.current = editing !== undefined;
  }, [editing]);
  const onKeyDown = (e: KeyboardEvent): void => {
    const [row, column] = ((e.target as HTMLElement).dataset.place ?? "0 0").split(" ").map(Number);
    const meant = meaning(e.key, { row, column }, grid);
    if (meant === undefined) return;
    e.preventDefault();
    if (meant === "edit") {
      edit(row * columns + column, true);
      return;
    }
    setFocused(meant);
    onAt?.(meant);
    focus(meant);
  };
  return (
    <div class="cells">
      <table
        role={interactive ? "grid" : undefined}
        aria-label={label}
        ref={element}
        onKeyDown={interactive ? onKeyDown : undefined}
      >
        <tbody>
          {Array.from({ length: rows }, (_, row) => (
            <tr key={row}>
              {Array.from({ length: columns }, (_, column) => (
                <Cell
                  key={column}
                  grid={grid}
                  index={row * columns + column}
                  span={span}
                  focusable={row === current.row && column === current.column}
                  editing={editing === row * columns + column}
                  edit={(on, text) => edit(row * columns + column, on, text)}
                />
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {grid.box && <Outline box={grid.box} cell={grid.cell ?? 40} />}
    </div>
  );
}
