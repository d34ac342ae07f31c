// Image files by name, and the slices that are taken from them. Some are pairs: a header (.hdr) and
// its pixels beside it.
import {
  pixelEndings,
  readCellValues,
  readNpyArray,
  readVolume,
  type CellValues,
  type ReadOptions,
  type Volume,
} from "../data/index.ts";
import { FormatError } from "../engine/index.ts";
import { isBlank } from "../imaging/index.ts";
import { fileExists, readFile } from "./files.ts";
import type { Terminal } from "./terminal.ts";

const isPixels = new RegExp(`\\.(${pixelEndings.join("|")})(\\.gz)?$`, "i");
const isPair = new RegExp(`\\.(${["hdr", ...pixelEndings].join("|")})(\\.gz)?$`, "i");

/** The other file of a pair: the same name, packed or not. */
function beside(path: string, ending: string): string {
  const bare = path.replace(isPair, "");
  const names = [`${bare}.${ending}`, `${bare}.${ending}.gz`];
  if (path.endsWith(".gz")) names.reverse();
  return names.find(fileExists) ?? names[0];
}

/** Reads a file; either file of a pair stands for both. */
function opened<T>(path: string, read: (bytes: Uint8Array, name: string, pair: ReadOptions) => T): T {
  const head = isPixels.test(path) ? beside(path, "hdr") : path;
  return read(readFile(head), head, { pixels: (ending) => readFile(beside(head, ending)) });
}

/** The volume in a file, or in a pair of them. Throws as readFile and readVolume do. */
export const openVolume = (path: string, options: ReadOptions = {}): Volume =>
  opened(path, (bytes, name, pair) => readVolume(bytes, name, { ...pair, ...options }));

/** A mask's cells, from a file or a pair of them. Throws as readFile and readCellValues do. */
export const openCellValues = (path: string): CellValues => opened(path, readCellValues);

/**
 * An array of numbers of any rank. Throws as readNpyArray does, and FormatError for a complex one.
 */
export function openArray(path: string): { readonly values: Float32Array; readonly shape: readonly number[] } {
  const { shape, complex, at } = readNpyArray(readFile(path), path);
  if (complex) throw new FormatError(`${path}: its values are complex; give real ones`, { path });
  const index = shape.map(() => 0);
  const values = new Float32Array(shape.reduce((n, d) => n * d, 1));
  for (let k = 0; k < values.length; k++) {
    let rest = k;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index[axis] = rest % shape[axis];
      rest = Math.floor(rest / shape[axis]);
    }
    values[k] = at(index);
  }
  return { values, shape };
}

export interface Slice {
  /** [H,W], or [2,H,W] when complex. */
  readonly values: Float32Array;
  /** "", or ", slice 3" of a file that has more than one. */
  readonly which: string;
  /** "", or what was done to the values, for the report. */
  readonly done: string;
}
interface Wishes {
  readonly path: string;
  /** Slices asked for; the middle one of the first volume where none is. */
  readonly wanted: readonly number[] | "all" | undefined;
  /** What stands for values that are not finite. */
  readonly fill: number | undefined;
  readonly terminal: Terminal;
}

/** The slices of a file. What is chosen, filled or left out without being asked for is noted. */
export function slicesOf(volume: Volume, { path, wanted, fill, terminal }: Wishes): Slice[] {
  const { slices, volumes } = volume;
  for (const note of volume.notes) terminal.note(`${path}: ${note}`);
  const middle = Math.floor(slices / volumes / 2);
  if (slices > 1 && !wanted)
    terminal.note(
      volumes > 1
        ? `${path} is a series of ${volumes} volumes of ${slices / volumes} slices: the middle slice of the first, ${middle}, is taken (--slices)`
        : `${path} has ${slices} slices: the middle one, ${middle}, is taken (--slices)`,
    );
  const all = Array.from({ length: slices }, (_, k) => k);
  const chosen = wanted === "all" ? all : (wanted ?? [middle]);
  const taken: Slice[] = [];
  for (const index of chosen) {
    const which = slices > 1 ? `, slice ${index}` : "";
    const filling = fill === undefined ? undefined : { value: fill, count: 0 };
    const values = volume.slice(index, filling);
    const filled = filling?.count ? `${filling.count} values that are not finite taken as ${fill}` : "";
    if (filled) terminal.note(`${path}${which}: ${filled}`);
    // one blank slice by itself is refused where it is prepared
    if (chosen.length > 1 && isBlank(values)) terminal.note(`${path}${which}: it is blank and is left out`);
    else taken.push({ values, which, done: filled && `${filled}; ` });
  }
  return taken;
}
