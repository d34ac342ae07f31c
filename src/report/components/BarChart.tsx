// Bars from zero, in groups, with their intervals and a threshold.
import { scaleLinear } from "d3-scale";
import type { JSX } from "preact";
import { px } from "../chart.ts";
import type { Bars } from "../kinds.ts";
import { colourOf } from "../marks.ts";
import { print } from "../numbers.ts";
import { markClass, Marker } from "./Plot.tsx";

const WIDTH = 760;
const [RIGHT, TOP, BOTTOM] = [70, 26, 50];
const [BAR, GAP] = [16, 12];

/** Room for the longest name, as far as the bars can spare it. */
const leftOf = (groups: readonly Group[]): number =>
  Math.min(380, 40 + 7.4 * Math.max(...groups.map((g) => g.name.length)));

type Group = Bars["groups"][number];
type Scale = (v: number) => number;

function Bar({
  bar,
  x,
  y,
  left,
}: {
  bar: Group["bars"][number];
  x: Scale;
  y: number;
  left: number;
}): JSX.Element {
  const value = bar.value ?? 0;
  const [from, to] = [Math.min(x(0), x(value)), Math.max(x(0), x(value))];
  const middle = px(y + BAR / 2 - 1);
  return (
    <g class={markClass(bar.mark)}>
      <Marker mark={bar.mark} x={left - 10} y={y + BAR / 2 - 1} />
      <rect
        class="filled"
        x={px(from)}
        y={px(y)}
        width={px(to - from)}
        height={BAR - 2}
        fill={colourOf(bar.mark)}
      />
      {bar.low !== undefined && bar.high !== undefined && (
        <path
          d={`M${px(x(bar.low))} ${middle}H${px(x(bar.high))}`}
          stroke="#777"
          stroke-width="2"
        />
      )}
      <text
        class="value"
        x={px(Math.max(to, x(bar.high ?? 0)) + 6)}
        y={px(y + BAR - 4)}
        fill="#444"
      >
        {print(bar.value, "ratio")}
      </text>
    </g>
  );
}

export function BarChart({ bars }: { bars: Bars }): JSX.Element | null {
  const { groups, threshold } = bars;
  const values = groups.flatMap((g) =>
    g.bars.flatMap((b) => [b.value ?? 0, b.low ?? 0, b.high ?? 0]),
  );
  if (values.length === 0) return null;
  const ends = [...values, threshold?.value ?? 0].filter(Number.isFinite);
  const left = leftOf(groups);
  // the upper end is a round number; the lower one is as low as the lowest bar
  const [, highest] = scaleLinear()
    .domain([0, Math.max(1e-9, ...ends)])
    .nice(5)
    .domain();
  const x = scaleLinear()
    .domain([Math.min(0, ...ends), highest])
    .range([left, WIDTH - RIGHT]);
  const heightOf = (g: Group): number => g.bars.length * BAR + GAP;
  const tops = groups.map(
    (_, i) => TOP + groups.slice(0, i).reduce((sum, g) => sum + heightOf(g), 0),
  );
  const end = TOP + groups.reduce((sum, g) => sum + heightOf(g), 0);
  const written = x.tickFormat(5);
  return (
    <svg
      viewBox={`0 0 ${WIDTH} ${end + BOTTOM}`}
      role="img"
      aria-label={bars.label}
      font-family="system-ui, sans-serif"
      font-size="14"
    >
      <g class="axes" fill="#444">
        {x.ticks(5).map((v) => (
          <>
            <line class="rule" x1={px(x(v))} x2={px(x(v))} y1={TOP - 4} y2={end} stroke="#ddd" />
            <text x={px(x(v))} y={end + 18} text-anchor="middle">
              {written(v)}
            </text>
          </>
        ))}
        <text x={px((left + WIDTH - RIGHT) / 2)} y={end + 40} text-anchor="middle">
          {bars.axis}
        </text>
      </g>
      {groups.map((group, i) => (
        <>
          <text
            class="name"
            x={px(left - 24)}
            y={px(tops[i] + (group.bars.length * BAR) / 2 + 4)}
            text-anchor="end"
          >
            {group.name}
          </text>
          {group.bars.map((bar, k) => (
            <Bar bar={bar} x={x} y={tops[i] + k * BAR} left={left} />
          ))}
        </>
      ))}
      {threshold && (
        <g class="axes" fill="#444">
          <line
            x1={px(x(threshold.value))}
            x2={px(x(threshold.value))}
            y1={TOP - 6}
            y2={end}
            stroke="#777"
            stroke-dasharray="4 3"
          />
          <text x={px(x(threshold.value))} y={TOP - 10} text-anchor="middle">
            {threshold.text}
          </text>
        </g>
      )}
    </svg>
  );
}
