// A region of interest: where a search looks at the reconstruction.
import { ConfigError } from "../../engine/index.ts";

/** [top, left, height, width] in pixels. */
export type Box = readonly [number, number, number, number];

/**
 * 1 inside the box, 0 outside, [H,W]. Throws ConfigError for a box that is not inside the image.
 */
export function boxWindow(
  [top, left, height, width]: Box,
  [H, W]: readonly [number, number],
): Float64Array {
  const whole = [top, left, height, width].every(Number.isInteger);
  const inside = top >= 0 && left >= 0 && top + height <= H && left + width <= W;
  if (!whole || height < 1 || width < 1 || !inside)
    throw new ConfigError(
      `region ${top},${left},${height},${width}: it does not lie inside the image of ${H}×${W}; give top,left,height,width in pixels`,
      { top, left, height, width },
    );
  return Float64Array.from({ length: H * W }, (_, k) => {
    const [row, column] = [Math.floor(k / W), k % W];
    const inRows = row >= top && row < top + height;
    return inRows && column >= left && column < left + width ? 1 : 0;
  });
}

/** x̂ ↦ ‖w(x̂ − p)‖ */
export function windowedDistance(
  p: Float64Array,
  window?: Float64Array,
): (x: Float64Array) => number {
  return (x) => {
    let sum = 0;
    for (let k = 0; k < x.length; k++)
      sum += ((window ? window[k % window.length] : 1) * (x[k] - p[k])) ** 2;
    return Math.sqrt(sum);
  };
}
