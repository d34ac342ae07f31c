// Curves with the band in which their means lie.
import { scaleLinear } from "d3-scale";
import { area, line } from "d3-shape";
import type { JSX } from "preact";
import { short } from "./numbers.ts";

export interface BandPoint {
  readonly x: number;
  readonly y: number;
  readonly low: number | undefined;
  readonly high: number | undefined;
}
export interface Band {
  readonly name: string;
  readonly mark: number;
  readonly points: readonly BandPoint[];
}
export interface BandsProps {
  label: string;
  x: string;
  y: string;
  bands: readonly Band[];
  xSpan: readonly [number, number];
  /** An upright line to compare with, and its name. */
  line?: { readonly at: number; readonly name: string } | undefined;
}
const [WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [420, 280, 48, 14, 12, 44];
const dashes = [undefined, "7 4", "2 4", "10 3 2 3"];

export function Bands({ label, x, y, bands, xSpan, line: upright }: BandsProps): JSX.Element {
  const all = bands.flatMap((b) => b.points.flatMap((p) => [p.y, p.low ?? p.y, p.high ?? p.y]));
  const ends = all.length > 0 ? [Math.min(...all), Math.max(...all)] : [0, 1];
  const across = scaleLinear(xSpan, [LEFT, WIDTH - RIGHT]);
  const up = scaleLinear(ends, [HEIGHT - BOTTOM, TOP]).nice(5);
  const through = line<BandPoint>(
    (p) => across(p.x),
    (p) => up(p.y),
  );
  const between = area<BandPoint>(
    (p) => across(p.x),
    (p) => up(p.low ?? p.y),
    (p) => up(p.high ?? p.y),
  );
  return (
    <figure class="curves bands">
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={label}>
        {up.ticks(5).map((v) => (
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
        {upright && (
          <line class="divide" x1={across(upright.at)} x2={across(upright.at)} y1={TOP} y2={HEIGHT - BOTTOM} />
        )}
        {bands.map((b) => (
          <path key={b.name} class={`band m${b.mark}`} d={between([...b.points]) ?? ""} />
        ))}
        {bands.map((b) => (
          <g key={b.name} class={`m${b.mark}`}>
            <path class="curve" d={through([...b.points]) ?? ""} stroke-dasharray={dashes[b.mark]} />
            {b.points.map((p) => (
              <circle key={p.x} class="point" cx={across(p.x)} cy={up(p.y)} r="3" />
            ))}
          </g>
        ))}
      </svg>
      <figcaption class="legend">
        {bands.map((b) => (
          <span key={b.name} class={`m${b.mark}`}>
            <svg viewBox="0 0 24 8" width="24" height="8" aria-hidden="true">
              <path class="curve" d="M0 4H24" stroke-dasharray={dashes[b.mark]} />
            </svg>{" "}
            {b.name}
          </span>
        ))}
        {upright && <span>upright: {upright.name}</span>}
      </figcaption>
    </figure>
  );
}
