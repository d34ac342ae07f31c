// Curves over one axis, with a dot where the visitor is.
import { scaleLinear } from "d3-scale";
import { line } from "d3-shape";
import type { JSX } from "preact";
import { short } from "./numbers.ts";

export type Point = readonly [number, number];
export interface Line {
  readonly name: string;
  readonly points: readonly Point[];
  /** Its colour, 0 to 3. */
  readonly mark: number;
  /** Another pattern than a line drawn through. */
  readonly dashed?: boolean | string;
  /** In the background. */
  readonly faint?: boolean;
}
export interface CurvesProps {
  /** What it shows, for those who do not see it. */
  label: string;
  x: string;
  y: string;
  lines: readonly Line[];
  dot?: Point | undefined;
  /** Ends of the axes; as the points need them unless given. */
  xSpan?: Point;
  ySpan?: Point;
}
/** More points than these need no marks. */
const DOTTED = 32;
const [WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [420, 260, 52, 14, 10, 44];

function ends(values: readonly number[]): [number, number] {
  const low = values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const high = values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  if (!Number.isFinite(low)) return [0, 1];
  return high > low ? [low, high] : [low - 0.5, high + 0.5];
}
const patternOf = ({ dashed }: Line): string | undefined =>
  dashed === true ? "6 4" : dashed || undefined;
const finite = ([x, y]: Point): boolean => Number.isFinite(x) && Number.isFinite(y);

export function Curves({ label, x, y, lines, dot, xSpan, ySpan }: CurvesProps): JSX.Element {
  const all = [...lines.flatMap((l) => l.points), ...(dot ? [dot] : [])].filter(finite);
  const across = scaleLinear(xSpan ?? ends(all.map((p) => p[0])), [LEFT, WIDTH - RIGHT]);
  const up = scaleLinear(ySpan ?? ends(all.map((p) => p[1])), [HEIGHT - BOTTOM, TOP]);
  if (!ySpan) up.nice(5);
  const path = line<Point>(
    (p) => across(p[0]),
    (p) => up(p[1]),
  ).defined(finite);
  return (
    <figure class="curves">
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={label}>
        {up.ticks(5).map((v) => (
          <g key={`y${v}`}>
            <line class="rule" x1={LEFT} x2={WIDTH - RIGHT} y1={up(v)} y2={up(v)} />
            <text x={LEFT - 6} y={up(v) + 4} text-anchor="end">
              {short(v)}
            </text>
          </g>
        ))}
        {across.ticks(5).map((v) => (
          <text key={`x${v}`} x={across(v)} y={HEIGHT - BOTTOM + 18} text-anchor="middle">
            {short(v)}
          </text>
        ))}
        <text x={(LEFT + WIDTH - RIGHT) / 2} y={HEIGHT - 6} text-anchor="middle">
          {x}
        </text>
        <text
          transform={`translate(13 ${(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)`}
          text-anchor="middle"
        >
          {y}
        </text>
        {lines.map((l) => (
          <path
            key={l.name}
            class={`curve m${l.mark}${l.faint ? " faint" : ""}`}
            d={path(l.points) ?? ""}
            stroke-dasharray={patternOf(l)}
          />
        ))}
        {lines.map((l) =>
          l.points.length > DOTTED
            ? null
            : l.points
                .filter(finite)
                .map((p) => (
                  <circle
                    key={p[0]}
                    class={`point m${l.mark}`}
                    cx={across(p[0])}
                    cy={up(p[1])}
                    r="3"
                  />
                )),
        )}
        {dot && finite(dot) && <circle class="dot" cx={across(dot[0])} cy={up(dot[1])} r="6" />}
      </svg>
      <figcaption class="legend">
        {lines.map((l) => (
          <span key={l.name} class={`m${l.mark}${l.faint ? " faint" : ""}`}>
            <svg viewBox="0 0 24 8" width="24" height="8" aria-hidden="true">
              <path class="curve" d="M0 4H24" stroke-dasharray={patternOf(l)} />
            </svg>{" "}
            {l.name}
          </span>
        ))}
      </figcaption>
    </figure>
  );
}
