// Many values of each of a few things: every one a dot, their mean with its interval a bar.
import { scaleLinear } from "d3-scale";
import type { JSX } from "preact";

export interface Spread {
  readonly name: string;
  readonly values: readonly number[];
  readonly mean: number;
  readonly low: number | undefined;
  readonly high: number | undefined;
  readonly mark: number;
}
export interface IntervalsProps {
  label: string;
  /** What the axis is. */
  x: string;
  spreads: readonly Spread[];
  /** A line to compare with, and its name. */
  line?: { readonly at: number; readonly name: string };
}
const [WIDTH, LEFT, RIGHT, TOP, ROW, BOTTOM] = [420, 96, 22, 8, 40, 44];

/** Dots of a row do not hide one another: they go up and down in turn. */
const jitter = (i: number): number => [0, -7, 7, -3.5, 3.5][i % 5];

export function Intervals({ label, x, spreads, line }: IntervalsProps): JSX.Element {
  const all = spreads.flatMap((s) => [...s.values, s.high ?? s.mean]);
  const across = scaleLinear(
    [Math.min(0, ...all), Math.max(1, ...all)],
    [LEFT, WIDTH - RIGHT],
  ).nice(5);
  const height = TOP + ROW * spreads.length + BOTTOM;
  const floor = height - BOTTOM;
  return (
    <figure class="curves intervals">
      <svg viewBox={`0 0 ${WIDTH} ${height}`} role="img" aria-label={label}>
        {across.ticks(5).map((v) => (
          <g key={v}>
            <line class="rule" x1={across(v)} x2={across(v)} y1={TOP} y2={floor} />
            <text x={across(v)} y={floor + 16} text-anchor="middle">
              {Math.round(100 * v)} %
            </text>
          </g>
        ))}
        <text x={(LEFT + WIDTH - RIGHT) / 2} y={height - 6} text-anchor="middle">
          {x}
        </text>
        {line && (
          <g>
            <line class="divide" x1={across(line.at)} x2={across(line.at)} y1={TOP} y2={floor} />
          </g>
        )}
        {spreads.map((s, i) => {
          const y = TOP + ROW * (i + 0.5);
          return (
            <g key={s.name} class={`m${s.mark}`}>
              <text x={LEFT - 8} y={y + 4} text-anchor="end">
                {s.name}
              </text>
              {s.values.map((v, k) => (
                <circle key={k} class="point faint-point" cx={across(v)} cy={y + jitter(k)} r="3" />
              ))}
              {s.low !== undefined && s.high !== undefined && (
                <line class="curve" x1={across(s.low)} x2={across(s.high)} y1={y} y2={y} />
              )}
              <rect class="mean" x={across(s.mean) - 2} y={y - 11} width="4" height="22" />
            </g>
          );
        })}
      </svg>
      {line && (
        <figcaption>
          Dashed: {line.name}. Upright bar: the mean, lying bar: its interval (95 % from 20 on).
        </figcaption>
      )}
    </figure>
  );
}
