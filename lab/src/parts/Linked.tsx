// Pictures of one image looked at together: one cursor, one zoom, one window for all of them.
import { createContext, type ComponentChildren, type JSX } from "preact";
import { useContext, useMemo, useState } from "preact/hooks";
import { oneOf, real, useSetting, whole } from "../settings.ts";
import { Choice, Controls, Slider } from "./controls.tsx";

export interface Place {
  readonly row: number;
  readonly column: number;
}
export interface LinkedView {
  /** Images of this many rows and columns are linked. */
  readonly size: number;
  readonly cursor: Place | undefined;
  readonly zoom: number;
  /** In the middle, as far as the image's edge lets it. */
  readonly centre: Place;
  /** |x| that is white, as a share of the image's largest. */
  readonly white: number;
  point(place: Place | undefined): void;
  look(place: Place): void;
}
const context = createContext<LinkedView | undefined>(undefined);
/** Undefined for pictures by themselves, and for those of another size. */
export function useLinked(rows: number, columns: number): LinkedView | undefined {
  const view = useContext(context);
  return view?.size === rows && rows === columns ? view : undefined;
}
/** First row and column that is shown, pixels of the image; nothing is shown beyond its edge. */
function cornerOf({ zoom, centre, size }: LinkedView): Place {
  const shown = size / zoom;
  const first = (v: number): number => Math.max(0, Math.min(size - shown, v + 0.5 - shown / 2));
  return { row: first(centre.row), column: first(centre.column) };
}
/** How a picture is moved and enlarged; undefined for one that is shown whole. */
export function transformOf(view: LinkedView): string | undefined {
  const { zoom, size } = view;
  if (zoom === 1) return undefined;
  const { row, column } = cornerOf(view);
  const share = (v: number): string => `${((-100 * zoom * v) / size).toFixed(3)}%`;
  return `translate(${share(column)}, ${share(row)}) scale(${zoom})`;
}
/** The same, of a drawing over it. */
export function viewBoxOf(view: LinkedView): string {
  const { row, column } = cornerOf(view);
  const shown = view.size / view.zoom;
  return `${column} ${row} ${shown} ${shown}`;
}

const settings = {
  zoom: oneOf("zoom", ["1", "2", "4", "8"], "1"),
  row: whole("zrow", 63, 0, 127),
  column: whole("zcolumn", 63, 0, 127),
  white: real("white", 1, 0.1, 1),
};

export function Linked({
  size,
  children,
}: {
  size: number;
  children: ComponentChildren;
}): JSX.Element {
  const [zoom, setZoom] = useSetting(settings.zoom);
  const [row, setRow] = useSetting(settings.row);
  const [column, setColumn] = useSetting(settings.column);
  const [white, setWhite] = useSetting(settings.white);
  const [cursor, point] = useState<Place>();
  const last = size - 1;
  const centre = { row: Math.min(row, last), column: Math.min(column, last) };
  const look = (place: Place): void => {
    setRow(place.row);
    setColumn(place.column);
  };
  const view = useMemo(
    (): LinkedView => ({ ...{ size, cursor, zoom: Number(zoom), centre, white, point, look } }),
    [size, cursor, zoom, centre.row, centre.column, white],
  );
  return (
    <context.Provider value={view}>
      <Controls>
        <Choice
          label="Zoom of all pictures"
          value={zoom}
          options={[
            ["1", "whole images"],
            ["2", "×2"],
            ["4", "×4"],
            ["8", "×8"],
          ]}
          onChange={setZoom}
        />
        {zoom !== "1" && (
          <>
            <Slider
              label="About row"
              value={centre.row + 1}
              from={1}
              to={size}
              onChange={(v) => setRow(v - 1)}
            />
            <Slider
              label="About column"
              value={centre.column + 1}
              from={1}
              to={size}
              onChange={(v) => setColumn(v - 1)}
            />
          </>
        )}
        <Slider
          label="White at, share of the largest"
          value={white}
          from={0.1}
          to={1}
          step={0.05}
          onChange={setWhite}
        />
      </Controls>
      {children}
    </context.Provider>
  );
}
