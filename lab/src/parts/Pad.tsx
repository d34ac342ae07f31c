// A pad to draw on: with a pointer, or with arrows and the space bar.
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { placeName } from "./numbers.ts";

const SIDE = 28;
/** How wide the pen is, pixels. */
const PEN = 1.3;

/** The pixels with a stroke from one place to another added, in [0, 1]. */
function drawn(
  pixels: readonly number[],
  from: readonly number[],
  to: readonly number[],
): number[] {
  const [dx, dy] = [to[0] - from[0], to[1] - from[1]];
  const length = Math.max(1e-9, dx * dx + dy * dy);
  return pixels.map((v, i) => {
    const [x, y] = [i % SIDE, Math.floor(i / SIDE)];
    const t = Math.max(0, Math.min(1, ((x - from[0]) * dx + (y - from[1]) * dy) / length));
    const distance = Math.hypot(from[0] + t * dx - x, from[1] + t * dy - y);
    return Math.max(v, Math.min(1, Math.max(0, PEN + 0.5 - distance)));
  });
}
const steps: Readonly<Record<string, readonly [number, number]>> = {
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
};

interface PadProps {
  label: string;
  pixels: readonly number[];
  onDraw: (pixels: number[]) => void;
}
export function Pad({ label, pixels, onDraw }: PadProps): JSX.Element {
  const canvas = useRef<HTMLCanvasElement>(null);
  const last = useRef<readonly number[] | undefined>(undefined);
  const [pen, setPen] = useState<{ at: readonly number[]; down: boolean }>({
    at: [14, 6],
    down: false,
  });
  useEffect(() => {
    const context = canvas.current?.getContext("2d");
    if (!context) return;
    const image = context.createImageData(SIDE, SIDE);
    pixels.forEach((v, i) => image.data.set([255 * v, 255 * v, 255 * v, 255], 4 * i));
    context.putImageData(image, 0, 0);
  }, [pixels]);
  const placeOf = (e: PointerEvent): [number, number] => {
    const { left, top, width, height } = canvas.current!.getBoundingClientRect();
    return [((e.clientX - left) / width) * SIDE - 0.5, ((e.clientY - top) / height) * SIDE - 0.5];
  };
  const stroke = (e: PointerEvent, begins: boolean): void => {
    if (!begins && last.current === undefined) return;
    const to = placeOf(e);
    onDraw(drawn(pixels, last.current ?? to, to));
    last.current = to;
  };
  const onKeyDown = (e: KeyboardEvent): void => {
    const step = steps[e.key];
    if (!step && e.key !== " ") return;
    e.preventDefault();
    const down = e.key === " " ? !pen.down : pen.down;
    const at = step ? pen.at.map((v, i) => Math.max(0, Math.min(SIDE - 1, v + step[i]))) : pen.at;
    if (down) onDraw(drawn(pixels, pen.at, at));
    setPen({ at, down });
  };
  const told = `pen ${pen.down ? "down" : "up"} at ${placeName(pen.at[1], pen.at[0])}`;
  return (
    <div
      class="pad"
      role="application"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: the pad is drawn on with the keyboard too
      tabIndex={0}
      aria-label={`${label}. Arrows move the pen, the space bar puts it down and lifts it: ${told}.`}
      onKeyDown={onKeyDown}
    >
      <canvas
        ref={canvas}
        width={SIDE}
        height={SIDE}
        role="img"
        aria-label={label}
        onPointerDown={(e) => {
          e.currentTarget.setPointerCapture(e.pointerId);
          last.current = undefined;
          stroke(e, true);
        }}
        onPointerMove={(e) => stroke(e, false)}
        onPointerUp={() => {
          last.current = undefined;
        }}
      />
      <span
        class={`pen${pen.down ? " down" : ""}`}
        style={{
          left: `${(100 * (pen.at[0] + 0.5)) / SIDE}%`,
          top: `${(100 * (pen.at[1] + 0.5)) / SIDE}%`,
        }}
      />
    </div>
  );
}
