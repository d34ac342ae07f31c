// Things by two of their figures, each a numbered dot, whose names are beneath.
import { scaleLinear } from "d3-scale";
import type { JSX } from "preact";
import { Axes } from "./Axes.tsx";

export interface Dot {
  readonly name: string;
  readonly x: number;
  readonly y: number;
  /** Its colour, 0 to 3. */
  readonly mark: number;
}
export interface ScatterProps {
  label: string;
  x: string;
  y: string;
  dots: readonly Dot[];
}
const room = { width: 420, height: 300, left: 58, right: 16, top: 12, bottom: 44 };
/** Dots nearer than this have their numbers on either side. */
const NEAR = 16;

interface Numbered extends Dot {
  readonly px: number;
  readonly py: number;
  readonly textX: number;
}
/** A number stands right of its dot, or left where another one is there. */
function numbered(
  dots: readonly Dot[],
  across: (v: number) => number,
  up: (v: number) => number,
): Numbered[] {
  const placed: Numbered[] = [];
  for (const dot of dots) {
    const [px, py] = [across(dot.x), up(dot.y)];
    const taken = (x: number): boolean =>
      placed.some(
        (p) =>
          Math.abs(p.py - py) < NEAR && (Math.abs(p.textX - x) < NEAR || Math.abs(p.px - x) < 9),
      );
    placed.push({ ...dot, px, py, textX: taken(px + 13) && !taken(px - 13) ? px - 13 : px + 13 });
  }
  return placed;
}

export function Scatter({ label, x, y, dots }: ScatterProps): JSX.Element {
  const ends = (values: readonly number[]): [number, number] => {
    const [low, high] = [Math.min(...values), Math.max(...values)];
    const room = Math.max(0.25, 0.05 * (high - low));
    return [low - room, high + room];
  };
  const across = scaleLinear(ends(dots.map((d) => d.x)), [room.left, room.width - room.right]);
  const up = scaleLinear(ends(dots.map((d) => d.y)), [room.height - room.bottom, room.top]);
  return (
    <figure class="curves scatter">
      <svg viewBox={`0 0 ${room.width} ${room.height}`} role="img" aria-label={label}>
        <Axes room={room} across={across} up={up} x={x} y={y} />
        {numbered(dots, across, up).map((d, i) => (
          <g key={d.name} class={`m${d.mark}`}>
            <circle class="point" cx={d.px} cy={d.py} r="5" />
            <text class="name" x={d.textX} y={d.py + 4} text-anchor="middle">
              {i + 1}
            </text>
          </g>
        ))}
      </svg>
      <figcaption class="legend">
        {dots.map((d, i) => (
          <span key={d.name}>
            <strong>{i + 1}</strong> {d.name}
          </span>
        ))}
      </figcaption>
    </figure>
  );
}
