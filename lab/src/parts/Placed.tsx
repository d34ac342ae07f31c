// A picture in which a place is chosen: by a tap, by the arrows.
import type { JSX } from "preact";
import { placeName } from "./numbers.ts";
import { Picture, type PictureProps } from "./Picture.tsx";

export interface PlacedProps extends PictureProps {
  row: number;
  column: number;
  /** Of the ring about the place, pixels of the image. */
  radius: number;
  onPlace: (row: number, column: number) => void;
}
export function Placed({ row, column, radius, onPlace, ...picture }: PlacedProps): JSX.Element {
  const { rows, columns, side } = picture;
  const inside = (v: number, n: number): number => Math.max(0, Math.min(n - 1, v));
  const move = (down: number, right: number): void =>
    onPlace(inside(row + down, rows), inside(column + right, columns));
  const onKeyDown = (e: KeyboardEvent): void => {
    const far = e.shiftKey ? 5 : 1;
    const moves: Readonly<Record<string, readonly [number, number]>> = {
      ArrowUp: [-far, 0],
      ArrowDown: [far, 0],
      ArrowLeft: [0, -far],
      ArrowRight: [0, far],
    };
    const way = moves[e.key];
    if (!way) return;
    e.preventDefault();
    move(...way);
  };
  const onTap = (e: PointerEvent): void => {
    const box = (e.currentTarget as HTMLElement).querySelector("canvas")!.getBoundingClientRect();
    const at = (v: number, from: number, size: number, n: number): number =>
      inside(Math.floor(((v - from) / size) * n), n);
    onPlace(at(e.clientY, box.top, box.height, rows), at(e.clientX, box.left, box.width, columns));
  };
  return (
    <div
      class="placed"
      style={{ width: `${side}px` }}
      role="application"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: the place is chosen by the arrows
      tabIndex={0}
      aria-label={`${picture.name}: the place is ${placeName(row, column)}; arrows move it, with shift by five pixels`}
      onKeyDown={onKeyDown}
      onPointerDown={onTap}
    >
      <Picture {...picture} />
      <svg class="ring" viewBox={`0 0 ${columns} ${rows}`} aria-hidden="true">
        <circle
          cx={column + 0.5}
          cy={row + 0.5}
          r={radius + 3}
          vector-effect="non-scaling-stroke"
        />
      </svg>
    </div>
  );
}
