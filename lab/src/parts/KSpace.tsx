// k-space with a mask over it, whose columns are drawn by finger, mouse or keyboard. What is
// not measured is hatched.
import type { JSX, TargetedPointerEvent } from "preact";
import { useId, useRef, useState } from "preact/hooks";
import { Picture } from "./Picture.tsx";

export interface KSpaceProps {
  /** Logarithms [size,size], the lowest frequency at ⌊size/2⌋. */
  values: ArrayLike<number>;
  columns: readonly boolean[];
  side: number;
  onDraw: (columns: boolean[]) => void;
}

/** Runs of columns that are not measured: [first, count]. */
function gaps(columns: readonly boolean[]): [number, number][] {
  const found: [number, number][] = [];
  for (let k = 0; k < columns.length; k++) {
    if (columns[k]) continue;
    const from = k;
    while (k + 1 < columns.length && !columns[k + 1]) k++;
    found.push([from, k - from + 1]);
  }
  return found;
}

function Hatch({
  columns,
  at,
}: {
  columns: readonly boolean[];
  at: number | undefined;
}): JSX.Element {
  const id = useId();
  const size = columns.length;
  return (
    <svg
      class="hatch"
      viewBox={`0 0 ${size} ${size}`}
      preserveAspectRatio="none"
      aria-hidden="true"
    >
      <defs>
        <pattern
          id={id}
          width={size / 40}
          height={size / 40}
          patternUnits="userSpaceOnUse"
          patternTransform="rotate(45)"
        >
          <rect class="hatch-ground" width={size / 40} height={size / 40} />
          <rect class="hatch-line" width={size / 110} height={size / 40} />
        </pattern>
      </defs>
      {gaps(columns).map(([from, count]) => (
        <rect key={from} x={from} y={0} width={count} height={size} fill={`url(#${id})`} />
      ))}
      {at !== undefined && <rect class="column-at" x={at} y={0} width={1} height={size} />}
    </svg>
  );
}

/** Columns that a key moves by. */
const moves: Readonly<Record<string, number>> = {
  ArrowLeft: -1,
  ArrowRight: 1,
  PageUp: -8,
  PageDown: 8,
};

/** Handlers that draw a stroke of the pointer: every column that it passes becomes as its first. */
function usePen(
  columns: readonly boolean[],
  { onColumn, onDraw }: { onColumn: (k: number) => void; onDraw: KSpaceProps["onDraw"] },
) {
  const pen = useRef<{ on: boolean; last: number; columns: boolean[] } | undefined>(undefined);
  const columnOf = (e: PointerEvent): number => {
    const { left, width } = (e.currentTarget as HTMLElement).getBoundingClientRect();
    const k = Math.floor(((e.clientX - left) / width) * columns.length);
    return Math.max(0, Math.min(columns.length - 1, k));
  };
  const stroke = (to: number): void => {
    if (!pen.current) return;
    const { on, last } = pen.current;
    for (let k = Math.min(last, to); k <= Math.max(last, to); k++) pen.current.columns[k] = on;
    pen.current.last = to;
    onDraw([...pen.current.columns]);
  };
  const lift = (): void => {
    pen.current = undefined;
  };
  return {
    onPointerDown(e: TargetedPointerEvent<HTMLElement>): void {
      e.currentTarget.setPointerCapture(e.pointerId);
      const k = columnOf(e);
      onColumn(k);
      pen.current = { on: !columns[k], last: k, columns: [...columns] };
      stroke(k);
    },
    onPointerMove: (e: PointerEvent): void => stroke(columnOf(e)),
    onPointerUp: lift,
    onPointerCancel: lift,
  };
}

export function KSpace({ values, columns, side, onDraw }: KSpaceProps): JSX.Element {
  const size = columns.length;
  const [at, setAt] = useState(Math.floor(size / 2));
  const [focused, setFocused] = useState(false);
  const pen = usePen(columns, { onColumn: setAt, onDraw });
  const place = Math.min(at, size - 1);
  const onKeyDown = (e: KeyboardEvent): void => {
    const way = moves[e.key];
    if (way !== undefined) setAt(Math.max(0, Math.min(size - 1, place + way)));
    else if (e.key === "Home") setAt(0);
    else if (e.key === "End") setAt(size - 1);
    else if (e.key === " " || e.key === "Enter")
      onDraw(columns.map((v, k) => (k === place ? !v : v)));
    else return;
    e.preventDefault();
  };
  return (
    <div
      class="kspace"
      style={{ width: `${side}px` }}
      role="slider"
      tabIndex={0}
      aria-label="Columns of k-space: arrows choose one, the space bar measures it or not"
      aria-valuemin={0}
      aria-valuemax={size - 1}
      aria-valuenow={place}
      aria-valuetext={`column ${place} of ${size}, ${columns[place] ? "measured" : "not measured"}`}
      onKeyDown={onKeyDown}
      onFocus={() => setFocused(true)}
      onBlur={() => setFocused(false)}
      {...pen}
    >
      <Picture
        name="k-space, logarithm of its magnitude"
        values={values}
        rows={size}
        columns={size}
        side={side}
        bare
      />
      <Hatch columns={columns} at={focused ? place : undefined} />
    </div>
  );
}
