// Curves with the band in which their means lie.
import { scaleLinear } from "d3-scale";
import { area, line } from "d3-shape";
import type { JSX } from "preact";
import { Axes } from "./Axes.tsx";

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
const room = { width: 420, height: 280, left: 58, right: 14, top: 12, bottom: 44 };
const dashes = [undefined, "7 4", "2 4", "10 3 2 3"];

export function Bands({ label, x, y, bands, xSpan, line: upright }: BandsProps): JSX.Element {
  const all = bands.flatMap((b) => b.points.flatMap((p) => [p.y, p.low ?? p.y, p.high ?? p.y]));
  const ends = all.length > 0 ? [Math.min(...all), Math.max(...all)] : [0, 1];
  const across = scaleLinear(xSpan, [room.left, room.width - room.right]);
  const up = scaleLinear(ends, [room.height - room.bottom, room.top]).nice(5);
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
      <svg viewBox={`0 0 ${room.width} ${room.height}`} role="img" aria-label={label}>
        <Axes room={room} across={across} up={up} x={x} y={y} />
        {upright && (
          <line
            class="divide"
            x1={across(upright.at)}
            x2={across(upright.at)}
            y1={room.top}
            y2={room.height - room.bottom}
          />
        )}
        {bands.map((b) => (
          <path key={b.name} class={`band m${b.mark}`} d={between([...b.points]) ?? ""} />
        ))}
        {bands.map((b) => (
          <g key={b.name} class={`m${b.mark}`}>
            <path
              class="curve"
              d={through([...b.points]) ?? ""}
              stroke-dasharray={dashes[b.mark]}
            />
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
