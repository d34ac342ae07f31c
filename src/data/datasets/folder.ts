// A folder of pictures per class. Files are read when their image is asked for; none is kept.
import { FormatError } from "../../engine/index.ts";
import { readPicture, readPictureHead, type PictureHead } from "../formats/picture.ts";
import { luminance } from "../formats/png.ts";
import type { LabelledImages } from "./labelled.ts";

export interface PictureFile {
  readonly name: string;
  readonly class: string;
  read(): Uint8Array;
}
export interface PictureFolder extends LabelledImages {
  /** What was decided about pictures that differ. */
  readonly notes: readonly string[];
}

/**
 * Classes in the order of their names. The first picture whose header can be read sets the size;
 * all are grey when every one is stored as grey, else all are colour, whatever their order. Throws
 * FormatError, when it is read, for a picture of another size, and at once for a class without
 * pictures.
 */
export function pictureFolder(
  name: string,
  files: readonly PictureFile[],
  options: { classes: readonly string[] },
): PictureFolder {
  const classes = [...options.classes].sort();
  const empty = classes.find((c) => !files.some((f) => f.class === c));
  if (empty !== undefined)
    throw new FormatError(
      `${name}: class "${empty}" has no pictures (PNG, JPEG); remove its folder or fill it`,
      { class: empty },
    );
  if (files.length === 0)
    throw new FormatError(
      `${name}: there are no pictures in it; it should hold one folder per class`,
      {},
    );
  const { height, width, colour, grey } = headsOf(files);
  const size = height * width;
  const mixed = colour > 0 && grey > 0;
  return {
    length: files.length,
    shape: [colour > 0 ? 3 : 1, height, width],
    classes,
    notes: mixed
      ? [`${name}: ${colour} pictures are in colour and ${grey} are grey; all are taken as colour`]
      : [],
    label: (i) => classes.indexOf(files[i].class),
    name: (i) => files[i].name,
    pixels(i, out) {
      const picture = readPicture(files[i].read(), files[i].name);
      if (picture.height !== height || picture.width !== width)
        throw new FormatError(
          `${files[i].name}: it is ${picture.height}×${picture.width}, the first picture is ${height}×${width}; make them all one size`,
          { name: files[i].name },
        );
      for (let r = 0; r < height; r++)
        for (let c = 0; c < width; c++) {
          const rgb = picture.pixel(r, c);
          if (colour === 0) out[r * width + c] = luminance(rgb);
          else for (let k = 0; k < 3; k++) out[k * size + r * width + c] = rgb[k];
        }
    },
  };
}

/** The first size, and how many are colour and grey. A bad file is named when it is read. */
function headsOf(files: readonly PictureFile[]): {
  height: number;
  width: number;
  colour: number;
  grey: number;
} {
  const heads: PictureHead[] = [];
  let bad: unknown;
  for (const file of files) {
    try {
      heads.push(readPictureHead(file.read(), file.name));
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      bad ??= error;
    }
  }
  if (heads.length === 0) throw bad;
  const grey = heads.filter((head) => head.grey).length;
  return { height: heads[0].height, width: heads[0].width, grey, colour: heads.length - grey };
}
