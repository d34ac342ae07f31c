// Arrays of BART, the Berkeley Advanced Reconstruction Toolbox: a header in text (.hdr) and its
// complex values beside it (.cfl). Our own reader: no library reads them.
import { FormatError, UnsupportedOpError } from "../../engine/index.ts";
import { printable } from "../printable.ts";
import { checkSize, volume, type Volume } from "../volume.ts";
import { beginsWith, type Format, type ReadOptions } from "./format.ts";

/** More than any header that BART writes. */
const HEADER_BYTES = 65536;
/** float32, real and imaginary, little-endian */
const VOXEL_BYTES = 8;
const BEGINNING = Array.from("# Dimensions", (letter) => letter.charCodeAt(0));

/**
 * Complex slices: dimension 1, the fastest, runs down the rows, dimension 2 along the columns, all
 * further ones are slices, in the file's order. Throws FormatError for what is damaged and where
 * the two files do not belong together, UnsupportedOpError where the header names another file.
 * Source: src/misc/io.c and mmio.c of BART.
 */
function readBart(bytes: Uint8Array, name: string, { pixels }: ReadOptions): Volume {
  const sizes = dimensionsOf(bytes, name);
  const [height, width = 1, ...further] = sizes;
  const slices = further.reduce((n, d) => n * d, 1);
  const voxels = height * width * slices;
  checkSize(name, voxels, 0, 0);
  if (!pixels)
    throw new FormatError(
      `${name}: it is the header of a pair (.hdr, .cfl), whose values are in the other file`,
      { name },
    );
  const values = pixels("cfl");
  const needed = voxels * VOXEL_BYTES;
  checkSize(name, voxels, needed, values.length);
  if (values.length > needed)
    throw new FormatError(
      `${name}: its header needs ${needed} bytes of values and the .cfl has ${values.length}: the two do not belong together`,
      { name, needed, there: values.length },
    );
  const view = new DataView(values.buffer, values.byteOffset, needed);
  const notes = slices > 1 ? [taken(sizes)] : [];
  const facts = { format: bart.name, slices, height, width, complex: true, notes };
  return volume(name, facts, (k, channel, i, j) => {
    const voxel = (k * width + j) * height + i;
    return view.getFloat32(voxel * VOXEL_BYTES + (channel * VOXEL_BYTES) / 2, true);
  });
}

/** What a reader of the picture is not to take for granted. */
function taken([height, width, ...further]: readonly number[]): string {
  const long = further.flatMap((n, axis) => (n > 1 ? [`dimension ${axis + 3} (${n})`] : []));
  return `dimensions 1 and 2 (${height}×${width}) are taken as rows and columns, ${long.join(", ")} as slices`;
}

/** The numbers on the line below "# Dimensions": at least one, each at least 1. */
function dimensionsOf(bytes: Uint8Array, name: string): number[] {
  const fail = (what: string): never => {
    throw new FormatError(`${name}: ${what}`, { name });
  };
  const lines = new TextDecoder().decode(bytes.subarray(0, HEADER_BYTES)).split(/\r?\n/);
  const said = lines[1]?.trim() ?? "";
  if (said === "")
    return fail("its header has no dimensions on its second line; it is cut short or damaged");
  const words = said.split(/\s+/);
  const wrong = words.find((word) => !/^[1-9]\d{0,9}$/.test(word));
  if (wrong !== undefined)
    fail(`its header says the dimension "${printable(wrong)}"; give whole numbers from 1`);
  const data = lines.indexOf("# Data");
  if (data >= 0)
    throw new UnsupportedOpError(
      `${name}: its header names another file for its values; put them beside it as .cfl (bart copy)`,
      { name },
    );
  return words.map(Number);
}

export const bart: Format = {
  name: "BART",
  begins: (bytes) => beginsWith(bytes, BEGINNING),
  read: readBart,
  pixels: "cfl",
};
