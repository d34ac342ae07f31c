// Images and labels as numpy arrays: two NPY files, or one NPZ.
import { FormatError } from "../../engine/index.ts";
import { readNpyArray, type NpyArray } from "../formats/npy.ts";
import { zipEntries } from "../formats/zip.ts";
import { printable } from "../printable.ts";
import type { LabelledImages } from "./labelled.ts";

const MOST_CLASSES = 1e5;
/**
 * Images [n,H,W], [n,C,H,W] or [n,H,W,C] with 1 or 3 channels, bytes from 0 to 255 or floats from 0
 * to 1; labels [n], whole numbers from 0. Throws FormatError for shapes, counts or values that do
 * not fit.
 */
export function arraySet(
  images: NpyArray,
  labels: NpyArray,
  name: string,
  options: { classes?: readonly string[] } = {},
): LabelledImages {
  const fail = (what: string): never => {
    throw new FormatError(`${name}: ${what}`, { name });
  };
  const [n, ...rest] = images.shape;
  const last = rest.length === 3 && [1, 3].includes(rest[2]) && ![1, 3].includes(rest[0]);
  const [C, H, W] = rest.length === 2 ? [1, ...rest] : last ? [rest[2], rest[0], rest[1]] : rest;
  if (images.complex || (rest.length !== 2 && rest.length !== 3) || (C !== 1 && C !== 3))
    fail(
      `its images are (${images.shape.join(", ")}); they should be (n, H, W), (n, C, H, W) or (n, H, W, C) with 1 or 3 channels`,
    );
  if (labels.shape.length !== 1 || labels.complex)
    fail(`its labels are (${labels.shape.join(", ")}); they should be one row of whole numbers`);
  if (labels.shape[0] !== n)
    fail(`${n} images and ${labels.shape[0]} labels; they belong together one to one`);
  const most = options.classes ? options.classes.length - 1 : MOST_CLASSES;
  const values = new Int32Array(n);
  for (let i = 0; i < n; i++) {
    const label = labels.at([i]);
    if (!Number.isInteger(label) || label < 0 || label > most)
      fail(
        `image ${i} has label ${label}; labels are whole numbers from 0${options.classes ? ` to ${most}` : ""}`,
      );
    values[i] = label;
  }
  const top = options.classes ? most : values.reduce((a, b) => Math.max(a, b), 0);
  const white = images.type === "u1" ? 255 : 1;
  return {
    length: n,
    shape: [C, H, W],
    classes: options.classes ?? Array.from({ length: top + 1 }, (_, i) => String(i)),
    label: (i) => values[i],
    pixels(i, out) {
      for (let c = 0; c < C; c++)
        for (let r = 0; r < H; r++)
          for (let q = 0; q < W; q++) {
            const v =
              images.at(rest.length === 2 ? [i, r, q] : last ? [i, r, q, c] : [i, c, r, q]) / white;
            if (!(v >= 0 && v <= 1))
              fail(`image ${i} has the value ${v}; floats should be from 0 to 1`);
            out[(c * H + r) * W + q] = v;
          }
    },
  };
}

/** The arrays of an NPZ by name. Throws FormatError for a file that is damaged. */
export function readNpz(bytes: Uint8Array, name: string): Map<string, NpyArray> {
  return new Map(
    zipEntries(bytes, name)
      .filter((entry) => entry.name.endsWith(".npy"))
      .map((entry) => [
        entry.name.slice(0, -4),
        readNpyArray(entry.read(), `${name}, ${printable(entry.name)}`),
      ]),
  );
}
