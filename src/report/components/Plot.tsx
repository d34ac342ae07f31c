// Curves as a plot: grid, intervals, every curve's name and outline at its end. It stands alone as
// well, so its colours are attributes, which a page's style may overrule.
import type { JSX } from "preact";
import { chartOf, frame, px, type Chart, type DrawnCurve } from "../chart.ts";
import type { Curves } from "../kinds.ts";
import { colourOf, markCount, outlineOf } from "../marks.ts";

const xEnd = frame.width - frame.right;
const yEnd = frame.height - frame.bottom;
export const markClass = (mark: number): string => `m${mark % markCount}`;

export function Marker({ mark, x, y }: { mark: number; x: number; y: number }): JSX.Element {
  return (
    <path
      class={`${markClass(mark)} filled`}
      d={outlineOf(mark)}
      transform={`translate(${px(x)} ${px(y)})`}
      fill={colourOf(mark)}
    />
  );
}

function Grid({ chart, x, y }: { chart: Chart; x: string; y: string }): JSX.Element {
  return (
    <g class="axes" font-size="14" fill="#444">
      {chart.yTicks.map(({ at, text }) => (
        <>
          <line class="rule" x1={frame.left} x2={xEnd} y1={px(at)} y2={px(at)} stroke="#ddd" />
          <text x={frame.left - 8} y={px(at + 5)} text-anchor="end">
            {text}
          </text>
        </>
      ))}
      {chart.xTicks.map(({ at, text }) => (
        <text x={px(at)} y={yEnd + 20} text-anchor="middle">
          {text}
        </text>
      ))}
      {chart.lines.map(({ at, text }) => (
        <>
          <line
            x1={px(at)}
            x2={px(at)}
            y1={frame.top}
            y2={yEnd}
            stroke="#777"
            stroke-dasharray="2 3"
          />
          <text x={px(at + 5)} y={frame.top + 11}>
            {text}
          </text>
        </>
      ))}
      <text x={px((frame.left + xEnd) / 2)} y={frame.height - 10} text-anchor="middle">
        {x}
      </text>
      <text
        transform={`translate(16 ${px((frame.top + yEnd) / 2)}) rotate(-90)`}
        text-anchor="middle"
      >
        {y}
      </text>
    </g>
  );
}

function Line({ curve }: { curve: DrawnCurve }): JSX.Element {
  const colour = colourOf(curve.mark);
  return (
    <g class={`${markClass(curve.mark)} drawn`} fill="none" stroke={colour} stroke-width="2">
      {curve.dashed && <path d={curve.dashed} stroke-dasharray="5 4" opacity=".75" />}
      {curve.path && <path d={curve.path} />}
      {curve.intervals && <path d={curve.intervals} stroke-width="1.2" />}
      {curve.dots.map((p) => (
        <circle cx={px(p.x)} cy={px(p.y)} r="1.2" stroke-width="1" opacity=".7" />
      ))}
    </g>
  );
}

/** Nothing when there is no point to draw. */
export function Plot({ curves }: { curves: Curves }): JSX.Element | null {
  const chart = chartOf(curves);
  if (!chart) return null;
  return (
    <svg
      viewBox={`0 0 ${frame.width} ${frame.height}`}
      role="img"
      aria-label={curves.label}
      font-family="system-ui, sans-serif"
    >
      <Grid chart={chart} x={curves.x.name} y={curves.y.name} />
      {chart.curves.map((curve) => (
        <Line curve={curve} />
      ))}
      {chart.curves.flatMap((curve) =>
        curve.points.map((p) => <Marker mark={curve.mark} x={p.x} y={p.y} />),
      )}
      <g class="names" font-size="15" fill="#1c1e21">
        {chart.curves.map(({ name, mark, end }) => (
          <>
            {!curves.scattered && <Marker mark={mark} x={end.x} y={end.y} />}
            <text x={px(end.x + (curves.scattered ? 0 : 10))} y={px(end.y + 5)}>
              {name}
            </text>
          </>
        ))}
      </g>
    </svg>
  );
}
