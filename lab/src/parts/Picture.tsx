// An image too large for squares with numbers: one pixel a value, a name for those who do not see
// it, and the value under the pointer.
import type { JSX } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { paintPlane, spanOf, type Scale, type Span } from "./colours.ts";
import type { Box } from "./Grid.tsx";
import { transformOf, useLinked, viewBoxOf, type Place } from "./Linked.tsx";
import { placeName, short } from "./numbers.ts";

export interface PictureProps {
  /** "input", "answer of kernel 2" */
  name: string;
  /** One plane, or three for red, green and blue between 0 and 1. */
  values: ArrayLike<number>;
  rows: number;
  columns: number;
  scale?: Scale;
  span?: Span;
  /** Side on the screen, pixels at most. */
  side?: number;
  boxes?: readonly Box[];
  /** Names and values need no line of their own. */
  bare?: boolean;
}

/** "error map, from 0 to 0.41, highest at row 60, column 3" */
export function describe(name: string, values: ArrayLike<number>, columns: number): string {
  let [low, high, at] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0];
  for (let i = 0; i < values.length; i++) {
    low = Math.min(low, values[i]);
    if (values[i] > high) [high, at] = [values[i], i];
  }
  return `${name}, from ${short(low)} to ${short(high)}, highest at ${placeName(Math.floor(at / columns), at % columns)}`;
}

/** Three planes of red, green and blue between 0 and 1, of n pixels each. */
function paintColours(pixels: Uint8ClampedArray, values: ArrayLike<number>, n: number): void {
  for (let i = 0; i < n; i++) {
    for (let c = 0; c < 3; c++) pixels[4 * i + c] = 255 * values[c * n + i];
    pixels[4 * i + 3] = 255;
  }
}
function paint(
  canvas: HTMLCanvasElement,
  { values, rows, columns, scale = "grey", ...rest }: PictureProps,
): void {
  const context = canvas.getContext("2d");
  if (!context) return;
  const n = rows * columns;
  const pixels = context.createImageData(columns, rows);
  if (values.length === 3 * n) paintColours(pixels.data, values, n);
  else paintPlane(pixels.data, values, scale, rest.span ?? spanOf(scale, values));
  context.putImageData(pixels, 0, 0);
}

export function Picture(picture: PictureProps): JSX.Element {
  const { name, values, rows, columns, side = 224, boxes = [], bare = false } = picture;
  const canvas = useRef<HTMLCanvasElement>(null);
  const said = useMemo(() => describe(name, values, columns), [name, values, columns]);
  const linked = useLinked(rows, columns);
  const [own, setOwn] = useState<Place>();
  const cursor = linked ? linked.cursor : own;
  const point = linked?.point ?? setOwn;
  useEffect(() => {
    if (canvas.current) paint(canvas.current, picture);
  }, [values, picture.span?.join(), picture.scale]);
  const placeOf = (e: PointerEvent): Place | undefined => {
    const { left, top, width, height } = canvas.current!.getBoundingClientRect();
    const column = Math.floor(((e.clientX - left) / width) * columns);
    const row = Math.floor(((e.clientY - top) / height) * rows);
    return row >= 0 && row < rows && column >= 0 && column < columns ? { row, column } : undefined;
  };
  const look = (e: PointerEvent): void => {
    const place = placeOf(e);
    if (place) linked?.look(place);
  };
  const value =
    cursor &&
    `${placeName(cursor.row, cursor.column)}: ${short(values[cursor.row * columns + cursor.column])}`;
  const transform = linked && transformOf(linked);
  const marks = linked && cursor ? [...boxes, { ...cursor, width: 1, height: 1 }] : boxes;
  return (
    <figure class="picture" style={{ width: `${side}px` }}>
      <div class="picture-frame">
        <canvas
          ref={canvas}
          width={columns}
          height={rows}
          role="img"
          aria-label={said}
          style={{ transform }}
          onPointerMove={(e) => point(placeOf(e))}
          onPointerLeave={() => point(undefined)}
          onPointerDown={look}
        />
        {marks.length > 0 && (
          <svg
            class="picture-boxes"
            viewBox={linked ? viewBoxOf(linked) : `0 0 ${columns} ${rows}`}
            aria-hidden="true"
          >
            {marks.map((b) => (
              <rect
                x={b.column}
                y={b.row}
                width={b.width}
                height={b.height}
                vector-effect="non-scaling-stroke"
              />
            ))}
          </svg>
        )}
      </div>
      {!bare && <figcaption>{value ?? name}</figcaption>}
    </figure>
  );
}
