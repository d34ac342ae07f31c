// A picture's file decoded to what a set keeps of it, here or in a worker.
import { FormatError } from "../../engine/index.ts";
import { loadPicture } from "../formats/picture.ts";
import { luminance } from "../formats/png.ts";
import { fitted, planesOf, type Fitting } from "./resize.ts";

export interface DecodeTask {
  readonly bytes: Uint8Array;
  readonly name: string;
  readonly channels: 1 | 3;
  /** [height, width] of what is kept. */
  readonly size: readonly [number, number];
  /** undefined: a picture of another size is an error. */
  readonly fit?: Fitting | undefined;
}

/**
 * [C,H,W] in 65535ths, which hold every value of 8 and of 16 bits. Throws FormatError for a file
 * that is damaged, or of another size where it should not be fitted.
 */
export async function decoded(task: DecodeTask): Promise<Uint16Array> {
  const { bytes, name, channels, size, fit } = task;
  const picture = await loadPicture(bytes, name);
  const { height, width } = picture;
  if (fit === undefined && (height !== size[0] || width !== size[1]))
    throw new FormatError(
      `${name}: it is ${height}×${width}, the first picture is ${size.join("×")}; make them all one size`,
      { name },
    );
  const planes = planesOf(picture, channels, luminance);
  return Uint16Array.from(fitted(planes, [channels, height, width], size, fit ?? "stretch"), (v) =>
    Math.round(65535 * Math.max(0, Math.min(1, v))),
  );
}
