// Pictures of several sizes made one: resized, and cut off or framed.
import { ConfigError } from "../../engine/index.ts";
import type { Picture } from "../formats/png.ts";

/**
 * How a picture of other proportions becomes one of a size: "crop" resizes it until it covers the
 * size and cuts off what is beyond, in the middle; "pad" until it is within, black around;
 * "stretch" changes its proportions.
 */
export type Fitting = "crop" | "pad" | "stretch";
export const fittings: readonly Fitting[] = ["crop", "pad", "stretch"];

/** Which cells, and with what weights, each cell of another number of cells is the mean of. */
interface Taps {
  readonly from: Int32Array;
  readonly weights: readonly Float64Array[];
}
/**
 * Triangles as wide as a cell of the coarser grid (Pillow's BILINEAR, torchvision's antialias).
 * `length` of the n cells from `start` on become m.
 */
function tapsOf(n: number, start: number, length: number, m: number): Taps {
  const step = length / m;
  const reach = Math.max(1, step);
  const from = new Int32Array(m);
  const weights = Array.from({ length: m }, (_, i) => {
    const middle = start + (i + 0.5) * step;
    from[i] = Math.max(0, Math.floor(middle - reach + 0.5));
    const to = Math.min(n, Math.floor(middle + reach + 0.5));
    const own = Float64Array.from({ length: Math.max(1, to - from[i]) }, (_, k) =>
      Math.max(0, 1 - Math.abs((from[i] + k + 0.5 - middle) / reach)),
    );
    const total = own.reduce((a, b) => a + b, 0);
    return own.map((w) => w / total);
  });
  return { from, weights };
}

/** A picture's planes [C,H,W] resized, in double precision. */
function resample(
  planes: ArrayLike<number>,
  [C, H, W]: readonly [number, number, number],
  part: { readonly rows: Taps; readonly columns: Taps },
): Float64Array {
  const [h, w] = [part.rows.weights.length, part.columns.weights.length];
  const across = new Float64Array(C * H * w);
  for (let line = 0; line < C * H; line++)
    for (let x = 0; x < w; x++) {
      const [from, weights] = [part.columns.from[x], part.columns.weights[x]];
      let sum = 0;
      for (let k = 0; k < weights.length; k++) sum += weights[k] * planes[line * W + from + k];
      across[line * w + x] = sum;
    }
  const out = new Float64Array(C * h * w);
  for (let c = 0; c < C; c++)
    for (let y = 0; y < h; y++) {
      const [from, weights] = [part.rows.from[y], part.rows.weights[y]];
      for (let x = 0; x < w; x++) {
        let sum = 0;
        for (let k = 0; k < weights.length; k++)
          sum += weights[k] * across[(c * H + from + k) * w + x];
        out[(c * h + y) * w + x] = sum;
      }
    }
  return out;
}

/** Planes [C,H,W] as [C,h,w], antialiased: see tapsOf. */
export function resizedPlanes(
  planes: ArrayLike<number>,
  [C, H, W]: readonly [number, number, number],
  [h, w]: readonly [number, number],
): Float64Array {
  return resample(planes, [C, H, W], { rows: tapsOf(H, 0, H, h), columns: tapsOf(W, 0, W, w) });
}

/** Planes [C,h,w] of a picture [C,H,W], with values in [0, 1], fitted to a size. */
export function fitted(
  planes: Float64Array,
  [C, H, W]: readonly [number, number, number],
  [h, w]: readonly [number, number],
  how: Fitting,
): Float64Array {
  if (H === h && W === w) return planes;
  if (how === "pad") {
    const scale = Math.min(h / H, w / W);
    const [rows, columns] = [
      Math.max(1, Math.round(H * scale)),
      Math.max(1, Math.round(W * scale)),
    ];
    const inside = resizedPlanes(planes, [C, H, W], [rows, columns]);
    const out = new Float64Array(C * h * w);
    const [top, left] = [(h - rows) >> 1, (w - columns) >> 1];
    for (let c = 0; c < C; c++)
      for (let y = 0; y < rows; y++) {
        const line = inside.subarray((c * rows + y) * columns, (c * rows + y + 1) * columns);
        out.set(line, (c * h + top + y) * w + left);
      }
    return out;
  }
  const scale = how === "stretch" ? 0 : Math.max(h / H, w / W);
  const [height, width] = scale === 0 ? [H, W] : [h / scale, w / scale];
  const rows = tapsOf(H, (H - height) / 2, height, h);
  return resample(planes, [C, H, W], { rows, columns: tapsOf(W, (W - width) / 2, width, w) });
}

/** Throws ConfigError for a size or a fitting that there is not. */
export function checkFitting(
  name: string,
  size: readonly number[] | undefined,
  how: Fitting,
): void {
  if (
    size &&
    !(size.length === 2 && size.every((n) => Number.isInteger(n) && n >= 1 && n <= 65536))
  )
    throw new ConfigError(
      `${name}: size [${size.join(", ")}] must be [height, width], whole numbers from 1 up`,
      {},
    );
  if (!fittings.includes(how))
    throw new ConfigError(`${name}: fit "${how}" is none of ${fittings.join(", ")}`, { fit: how });
}

/** Planes of a picture: one of grey, or red, green and blue. */
export function planesOf(
  picture: Picture,
  channels: 1 | 3,
  grey: (rgb: readonly [number, number, number]) => number,
): Float64Array {
  const { height, width } = picture;
  const planes = new Float64Array(channels * height * width);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const rgb = picture.pixel(y, x);
      if (channels === 1) planes[y * width + x] = grey(rgb);
      else for (let c = 0; c < 3; c++) planes[(c * height + y) * width + x] = rgb[c];
    }
  return planes;
}
