// Image files and folders by name, and the slices that are taken from them. Some are pairs: a
// header (.hdr) and its pixels beside it.
import { basename, dirname, join } from "node:path";
import { ConfigError, FormatError } from "../engine/index.ts";
import {
  loadCellValues,
  loadKspace,
  loadSeries,
  loadVolume,
  pixelEndings,
  readNpyArray,
  type CellValues,
  type MeasuredKspace,
  type ReadOptions,
  type SeriesFile,
  type Volume,
} from "../data/index.ts";
import { isBlank } from "../imaging/index.ts";
import { fileExists, isFolder, listFolder, readFile } from "./files.ts";
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

type Read<T> = (bytes: Uint8Array, name: string, options: ReadOptions) => Promise<T>;
/** Reads a file; either file of a pair stands for both. */
function opened<T>(path: string, options: ReadOptions, read: Read<T>): Promise<T> {
  const head = isPixels.test(path) && !isFolder(path) ? beside(path, "hdr") : path;
  return read(readFile(head), head, {
    pixels: (ending) => readFile(beside(head, ending)),
    beside: (file) => readFile(join(dirname(head), basename(file))),
    ...options,
  });
}

/** Folders below one that are looked into for the files of a series. */
const DEEPEST = 4;
function filesIn(folder: string, depth = 0): SeriesFile[] {
  return listFolder(folder).flatMap((name) => {
    const path = join(folder, name);
    if (name.endsWith("/")) return depth < DEEPEST ? filesIn(path, depth + 1) : [];
    return name === "DICOMDIR" ? [] : [{ name: path, read: () => readFile(path) }];
  });
}

/**
 * The volume in a file, in a pair of them, or in a folder of DICOM files. Throws as readFile and
 * loadVolume do.
 */
export async function openVolume(path: string, options: ReadOptions = {}): Promise<Volume> {
  if (!isFolder(path)) return opened(path, options, loadVolume);
  const files = filesIn(path);
  if (files.length === 0)
    throw new ConfigError(
      `${path}: it is a folder, and an empty one; name a file or another folder`,
      {},
    );
  return loadSeries(files, path);
}

/** A mask's cells, from a file or a pair of them. Throws as readFile and loadCellValues do. */
export const openCellValues = (path: string, options: ReadOptions = {}): Promise<CellValues> =>
  opened(path, options, loadCellValues);

/** Measured k-space of a file or a pair of them. Throws as readFile and loadKspace do. */
export const openKspace = (path: string, options: KspaceOptions = {}): Promise<MeasuredKspace> =>
  opened(path, options, loadKspace);
type KspaceOptions = ReadOptions & { readonly as?: "slices" | "coils" };

/** What a file is and what is made of it, in one line. */
export function describeVolume(
  path: string,
  { format, slices, volumes, height, width, complex }: Volume,
): string {
  const many =
    volumes > 1 ? `${volumes} volumes of ${slices / volumes} slices` : `${slices} slices`;
  return `${path}: ${format}, ${slices > 1 ? many : "one slice"} of ${height}×${width}, ${complex ? "complex" : "real"}`;
}

/**
 * An array of numbers of any rank. Throws as readNpyArray does, and FormatError for a complex one.
 */
export function openArray(path: string): {
  readonly values: Float32Array;
  readonly shape: readonly number[];
} {
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
    const filled = filling?.count
      ? `${filling.count} values that are not finite taken as ${fill}`
      : "";
    if (filled) terminal.note(`${path}${which}: ${filled}`);
    // one blank slice by itself is refused where it is prepared
    if (chosen.length > 1 && isBlank(values))
      terminal.note(`${path}${which}: it is blank and is left out`);
    else taken.push({ values, which, done: filled && `${filled}; ` });
  }
  return taken;
}
