// Bars: lying ones with their names and numbers, and the many upright ones of a vector.
import { scaleLinear } from "d3-scale";
import type { JSX } from "preact";
import { short } from "./numbers.ts";

export interface Bar {
  readonly name: string;
  readonly value: number;
  /** As it is written; three digits unless given. */
  readonly text?: string;
  readonly strong?: boolean;
}
/** From 0 to `most`, values that are not negative. */
export function Bars({
  label,
  bars,
  most,
}: {
  label: string;
  bars: readonly Bar[];
  most?: number;
}): JSX.Element {
  const end = most ?? Math.max(1e-12, ...bars.map((b) => b.value));
  return (
    <ul class="bars" aria-label={label}>
      {bars.map(({ name, value, text, strong }) => (
        <li key={name} class={strong ? "strong" : undefined}>
          <span class="bar-name">{name}</span>
          <span class="bar-track">
            <span
              class="bar"
              style={{ width: `${Math.max(0, Math.min(100, (100 * value) / end))}%` }}
            />
          </span>
          <span class="bar-value">{text ?? short(value)}</span>
        </li>
      ))}
    </ul>
  );
}

export interface VectorProps {
  label: string;
  values: readonly number[];
  chosen?: number;
  /** Where a group of parameters begins, and its name. */
  groups: readonly { readonly name: string; readonly from: number }[];
  onChoose?: (index: number) => void;
}
const [WIDTH, HEIGHT, LEFT, TOP, BOTTOM] = [560, 190, 44, 8, 22];

/** A whole vector, signed, one bar an entry. */
export function Vector({ label, values, chosen, groups, onChoose }: VectorProps): JSX.Element {
  const most = Math.max(1e-12, ...values.map((v) => Math.abs(v)));
  const up = scaleLinear([-most, most], [HEIGHT - BOTTOM, TOP]).nice(4);
  const across = scaleLinear([0, values.length], [LEFT, WIDTH - 6]);
  const width = across(1) - across(0);
  return (
    <svg class="vector" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={label}>
      {up.ticks(4).map((v) => (
        <g key={v}>
          <line class="rule" x1={LEFT} x2={WIDTH - 6} y1={up(v)} y2={up(v)} />
          <text x={LEFT - 5} y={up(v) + 4} text-anchor="end">
            {short(v)}
          </text>
        </g>
      ))}
      {values.map((v, i) => (
        // biome-ignore lint/a11y/noStaticElementInteractions: the list of weights does the same
        <g key={i} class={i === chosen ? "chosen" : undefined} onClick={() => onChoose?.(i)}>
          <rect class="reach" x={across(i)} y={TOP} width={width} height={HEIGHT - TOP - BOTTOM} />
          <rect
            class={v < 0 ? "negative" : "positive"}
            x={across(i) + 0.12 * width}
            y={Math.min(up(0), up(v))}
            width={0.76 * width}
            height={Math.max(0.5, Math.abs(up(v) - up(0)))}
          />
        </g>
      ))}
      {groups.map(({ name, from }, g) => (
        <g key={name}>
          {g > 0 && (
            <line
              class="divide"
              x1={across(from)}
              x2={across(from)}
              y1={TOP}
              y2={HEIGHT - BOTTOM}
            />
          )}
          <text x={across(from) + 2} y={HEIGHT - 6}>
            {name}
          </text>
        </g>
      ))}
    </svg>
  );
}
