// Things by two of their figures, each with its name beside its dot.
import { scaleLinear } from "d3-scale";
import type { JSX } from "preact";
import { short } from "./numbers.ts";

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
const [WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [560, 360, 52, 20, 14, 44];
const CHARACTER = 6.2;
const LINE = 14;

interface Labelled extends Dot {
  readonly px: number;
  readonly py: number;
  readonly textX: number;
  readonly textY: number;
}
/** Names stand right of their dots, or left where there is no room, and below one another. */
function labelled(dots: readonly Dot[], across: (v: number) => number, up: (v: number) => number): Labelled[] {
  const placed: Labelled[] = [];
  for (const dot of [...dots].sort((a, b) => b.y - a.y)) {
    const [px, py] = [across(dot.x), up(dot.y)];
    const width = dot.name.length * CHARACTER;
    const textX = px + 9 + width > WIDTH ? px - 9 - width : px + 9;
    let textY = py + 4;
    const hits = (): boolean => placed.some((p) => Math.abs(p.textY - textY) < LINE && overlaps(p, textX, width));
    while (hits()) textY += 2;
    placed.push({ ...dot, px, py, textX, textY });
  }
  return placed;
}
const overlaps = (p: Labelled, x: number, width: number): boolean =>
  x < p.textX + p.name.length * CHARACTER && p.textX < x + width;

export function Scatter({ label, x, y, dots }: ScatterProps): JSX.Element {
  const ends = (values: readonly number[]): [number, number] => {
    const [low, high] = [Math.min(...values), Math.max(...values)];
    const room = Math.max(0.5, 0.08 * (high - low));
    return [low - room, high + room];
  };
  const across = scaleLinear(ends(dots.map((d) => d.x)), [LEFT, WIDTH - RIGHT]).nice(6);
  const up = scaleLinear(ends(dots.map((d) => d.y)), [HEIGHT - BOTTOM, TOP]).nice(6);
  return (
    <figure class="curves scatter">
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={label}>
        {up.ticks(6).map((v) => (
          <g key={`y${v}`}>
            <line class="rule" x1={LEFT} x2={WIDTH - RIGHT} y1={up(v)} y2={up(v)} />
            <text x={LEFT - 6} y={up(v) + 4} text-anchor="end">
              {short(v)}
            </text>
          </g>
        ))}
        {across.ticks(6).map((v) => (
          <text key={`x${v}`} x={across(v)} y={HEIGHT - BOTTOM + 18} text-anchor="middle">
            {short(v)}
          </text>
        ))}
        <text x={(LEFT + WIDTH - RIGHT) / 2} y={HEIGHT - 6} text-anchor="middle">
          {x}
        </text>
        <text transform={`translate(13 ${(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)`} text-anchor="middle">
          {y}
        </text>
        {labelled(dots, across, up).map((d) => (
          <g key={d.name} class={`m${d.mark}`}>
            <circle class="point" cx={d.px} cy={d.py} r="5" />
            <text class="name" x={d.textX} y={d.textY}>
              {d.name}
            </text>
          </g>
        ))}
      </svg>
    </figure>
  );
}
