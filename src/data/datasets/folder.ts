// A folder of pictures per class. Files are read when their image is asked for; none is kept.
import { FormatError } from "../../engine/index.ts";
import { readPicture } from "../formats/picture.ts";
import { luminance } from "../formats/png.ts";
import type { LabelledImages } from "./labelled.ts";

export interface PictureFile {
  readonly name: string;
  readonly class: string;
  read(): Uint8Array;
}

/**
 * Classes in the order of their names. The first picture sets the size, and grey or colour; throws
 * FormatError, when it is read, for a picture of another size, and at once for a class without
 * pictures.
 */
export function pictureFolder(
  name: string,
  files: readonly PictureFile[],
  options: { classes: readonly string[] },
): LabelledImages {
  const classes = [...options.classes].sort();
  const empty = classes.find((c) => !files.some((f) => f.class === c));
  if (empty !== undefined)
    throw new FormatError(`${name}: class "${empty}" has no pictures (PNG, JPEG); remove its folder or fill it`, {
      class: empty,
    });
  if (files.length === 0)
    throw new FormatError(`${name}: there are no pictures in it; it should hold one folder per class`, {});
  const { height, width, grey } = readPicture(files[0].read(), files[0].name);
  const size = height * width;
  return {
    length: files.length,
    shape: [grey ? 1 : 3, height, width],
    classes,
    label: (i) => classes.indexOf(files[i].class),
    pixels(i, out) {
      const picture = readPicture(files[i].read(), files[i].name);
      if (picture.height !== height || picture.width !== width)
        throw new FormatError(
          `${files[i].name}: it is ${picture.height}×${picture.width}, the first picture is ${height}×${width}; make them all one size`,
          { name: files[i].name },
        );
      for (let r = 0; r < height; r++)
        for (let c = 0; c < width; c++) {
          const colour = picture.pixel(r, c);
          if (grey) out[r * width + c] = luminance(colour);
          else for (let k = 0; k < 3; k++) out[k * size + r * width + c] = colour[k];
        }
    },
  };
}
