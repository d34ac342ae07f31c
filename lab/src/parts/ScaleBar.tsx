// What the colours of a map stand for.
import type { JSX } from "preact";
import { colourAt, css, type Scale, type Span } from "./colours.ts";
import { short } from "./numbers.ts";

const STEPS = 48;
export function ScaleBar({
  what,
  scale,
  span,
}: {
  what: string;
  scale: Scale;
  span: Span;
}): JSX.Element {
  const [low, high] = span;
  return (
    <p class="scale-bar">
      <span>{what}:</span> <span>{short(low)}</span>
      <svg viewBox={`0 0 ${STEPS} 1`} preserveAspectRatio="none" aria-hidden="true">
        {Array.from({ length: STEPS }, (_, i) => (
          <rect
            key={i}
            x={i}
            width="1.05"
            height="1"
            fill={css(colourAt(scale, low + ((high - low) * i) / (STEPS - 1), span))}
          />
        ))}
      </svg>
      <span>{short(high)}</span>
    </p>
  );
}
