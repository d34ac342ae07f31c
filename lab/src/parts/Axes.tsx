// The two axes of a chart: ticks with their numbers, lines across, and what is on them.
import type { ScaleLinear } from "d3-scale";
import type { JSX } from "preact";
import { short } from "./numbers.ts";

/** In units of the chart. */
export interface Room {
  readonly width: number;
  readonly height: number;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}
export interface AxesProps {
  room: Room;
  across: ScaleLinear<number, number>;
  up: ScaleLinear<number, number>;
  x: string;
  y: string;
}
export function Axes({ room, across, up, x, y }: AxesProps): JSX.Element {
  const { width, height, left, right, top, bottom } = room;
  return (
    <g>
      {up.ticks(5).map((v) => (
        <g key={`y${v}`}>
          <line class="rule" x1={left} x2={width - right} y1={up(v)} y2={up(v)} />
          <text x={left - 6} y={up(v) + 4} text-anchor="end">
            {short(v)}
          </text>
        </g>
      ))}
      {across.ticks(5).map((v) => (
        <text key={`x${v}`} x={across(v)} y={height - bottom + 18} text-anchor="middle">
          {short(v)}
        </text>
      ))}
      <text x={(left + width - right) / 2} y={height - 6} text-anchor="middle">
        {x}
      </text>
      <text
        transform={`translate(13 ${(top + height - bottom) / 2}) rotate(-90)`}
        text-anchor="middle"
      >
        {y}
      </text>
    </g>
  );
}
