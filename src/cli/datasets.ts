// --data: a folder of IDX files, of CIFAR-10 batches, of images.npy and labels.npy, or of one
// folder per class, or pictures with a table of their classes; an NPZ file; or a generated set by
// its name.
import { extname, join } from "node:path";
import { ConfigError, FormatError, permutation, random } from "../engine/index.ts";
import {
  arraySet,
  drawnShapes,
  imagesOf,
  openPictures,
  pictureEndings,
  pictureFolder,
  readCifar10,
  readCsvLabels,
  readIdxSet,
  readNpyArray,
  readNpz,
  straightEdges,
  strokeDigits,
  type Fitting,
  type LabelledImages,
  type PictureFile,
  type PictureFolder,
} from "../data/index.ts";
import { fileExists, listFolder, readFile } from "./files.ts";
import type { Terminal } from "./terminal.ts";

const generators = { strokes: strokeDigits, shapes: drawnShapes, edges: straightEdges };
/** Names of the sets that are generated. */
export const generated: ReadonlySet<string> = new Set(Object.keys(generators));
export interface Split {
  readonly train: LabelledImages;
  readonly test: LabelledImages;
  readonly description: string;
}
export interface SplitOptions {
  readonly seed: number;
  readonly count: number;
  readonly skipBad: boolean;
  /** Height and width that pictures are made, where it is asked for, and how. */
  readonly size?: number | undefined;
  readonly fit: Fitting;
  /** A table of the classes of pictures that lie in one folder. */
  readonly labels?: string | undefined;
  readonly terminal: Terminal;
}

/** A tenth of it, drawn by the seed, is the test. */
function heldOut(set: LabelledImages, seed: number): [LabelledImages, LabelledImages] {
  const order = permutation(set.length, random(seed).fork("split"));
  const test = Math.max(1, Math.floor(set.length / 10));
  return [imagesOf(set, order.slice(test)), imagesOf(set, order.slice(0, test))];
}

const isPicture = (name: string): boolean => pictureEndings.includes(extname(name).toLowerCase());
const pictureFile = (path: string, label: string): PictureFile => ({
  name: path,
  class: label,
  read: () => readFile(path),
});
/** A folder for every class, or the rows of a table. */
function pictureFiles(
  path: string,
  labels: string | undefined,
): { files: PictureFile[]; classes: string[] } {
  if (labels !== undefined) {
    const rows = readCsvLabels(new TextDecoder().decode(readFile(labels)), labels);
    const files = rows.map((row) => pictureFile(join(path, row.file), row.class));
    return { files, classes: [...new Set(rows.map((row) => row.class))].sort() };
  }
  const classes = listFolder(path)
    .filter((name) => name.endsWith("/"))
    .map((name) => name.slice(0, -1));
  const files = classes.flatMap((c) =>
    listFolder(join(path, c))
      .filter(isPicture)
      .map((name) => pictureFile(join(path, c, name), c)),
  );
  return { files, classes };
}
/** Those that must be resized, or read by a library that is loaded, are decoded beside training. */
async function openFolder(path: string, options: SplitOptions): Promise<PictureFolder> {
  const { size, fit, labels } = options;
  const { files, classes } = pictureFiles(path, labels);
  const apart =
    size !== undefined || files.some(({ name }) => extname(name).toLowerCase() === ".webp");
  if (!apart || files.length === 0) return pictureFolder(path, files, { classes });
  return openPictures(files, {
    classes,
    fit,
    ...(size !== undefined && { size: [size, size] as const }),
  });
}
/**
 * Reads every picture once, so that a bad one among thousands is named before hours of training,
 * not after.
 */
async function folderSet(path: string, options: SplitOptions): Promise<LabelledImages> {
  const { skipBad, terminal } = options;
  const all = await openFolder(path, options);
  for (const note of all.notes) terminal.note(note);
  const out = new Float32Array(all.shape[0] * all.shape[1] * all.shape[2]);
  const good: number[] = [];
  for (let i = 0; i < all.length; i++) {
    try {
      await all.prepare?.([i]);
      all.pixels(i, out);
      good.push(i);
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      const resize = options.size === undefined && / the first picture is /.test(error.message);
      const mend = `${resize ? "; --size N does" : ""}; or leave such pictures out with --skip-bad`;
      if (!skipBad) throw new FormatError(`${error.message}${mend}`, error.data);
      terminal.note(`left out: ${error.message}`);
    }
  }
  return imagesOf(all, good);
}

/** A set of which some samples are held out. */
function cut(set: LabelledImages, { seed }: SplitOptions, description: string): Split {
  const [train, test] = heldOut(set, seed);
  return { train, test, description };
}

function drawn(kind: keyof typeof generators, { seed, count }: SplitOptions): Split {
  const make = generators[kind];
  // the test comes from another stream: no image is in both
  return {
    train: make({ count, seed }),
    test: make({ count: Math.max(100, Math.floor(count / 5)), seed: seed + 1_000_000 }),
    description: `generated ${kind}`,
  };
}

function fromNpz(path: string, options: SplitOptions): Split {
  const arrays = readNpz(readFile(path), path);
  const find = (
    images: readonly string[],
    labels: readonly string[],
  ): LabelledImages | undefined => {
    const [x, y] = [images, labels].map((keys) =>
      keys.map((k) => arrays.get(k)).find((v) => v !== undefined),
    );
    return x && y && arraySet(x, y, path);
  };
  const test = find(["x_test", "test_images"], ["y_test", "test_labels"]);
  const train = find(
    ["x_train", "train_images", "x", "images"],
    ["y_train", "train_labels", "y", "labels"],
  );
  if (!train)
    throw new FormatError(
      `${path}: it has the arrays ${[...arrays.keys()].join(", ")}; it should have images and labels, or x_train, y_train, x_test and y_test`,
      {},
    );
  return test
    ? { train, test: { ...test, classes: train.classes }, description: "NPZ" }
    : cut(train, options, "NPZ");
}

/** A folder and the names in it. */
interface Folder {
  readonly path: string;
  readonly names: readonly string[];
  readonly options: SplitOptions;
}
const fileIn = ({ path }: Folder, name: string): Uint8Array => readFile(join(path, name));

function fromIdx(folder: Folder): Split | undefined {
  const { path, names, options } = folder;
  const pick = (pattern: RegExp): string | undefined => names.find((name) => pattern.test(name));
  const [images, labels] = [pick(/^train.*images.*idx3/), pick(/^train.*labels.*idx1/)];
  if (!images || !labels) return undefined;
  const train = readIdxSet(fileIn(folder, images), fileIn(folder, labels), {
    name: `${path}, training set`,
  });
  const [testImages, testLabels] = [
    pick(/^(t10k|test).*images.*idx3/),
    pick(/^(t10k|test).*labels.*idx1/),
  ];
  if (!testImages || !testLabels) return cut(train, options, "IDX");
  const named = { name: `${path}, test set`, classes: train.classes };
  const test = readIdxSet(fileIn(folder, testImages), fileIn(folder, testLabels), named);
  if (test.shape.join() !== train.shape.join())
    throw new FormatError(
      `${path}: training images are ${train.shape.join("×")}, test images ${test.shape.join("×")}; they must be equal`,
      {},
    );
  return { train, test, description: "IDX" };
}

function fromNpy(folder: Folder): Split | undefined {
  const { path, names, options } = folder;
  if (!names.includes("images.npy") || !names.includes("labels.npy")) return undefined;
  const [images, labels] = ["images.npy", "labels.npy"].map((name) =>
    readNpyArray(fileIn(folder, name), `${path}/${name}`),
  );
  return cut(arraySet(images, labels, path), options, "NPY");
}

function fromCifar10(folder: Folder): Split | undefined {
  const { path, names, options } = folder;
  const batches = names.filter((name) => /^data_batch.*\.bin$/.test(name));
  if (batches.length === 0) return undefined;
  const read = (files: readonly string[], what: string): LabelledImages =>
    readCifar10(
      files.map((name) => fileIn(folder, name)),
      `${path}, ${what}`,
    );
  const train = read(batches, "training batches");
  if (!fileExists(join(path, "test_batch.bin"))) return cut(train, options, "CIFAR-10");
  return { train, test: read(["test_batch.bin"], "test batch"), description: "CIFAR-10" };
}

async function fromPictures({ path, names, options }: Folder): Promise<Split> {
  const folders = names.filter((name) => name.endsWith("/"));
  if (folders.length === 0)
    throw new ConfigError(
      `${path}: it holds neither IDX files (train-images-idx3-ubyte…), nor CIFAR-10 batches (data_batch_1.bin…), nor images.npy and labels.npy, nor a folder per class`,
      {},
    );
  if (!folders.includes("train/") || !folders.includes("test/"))
    return cut(await folderSet(path, options), options, "picture folders");
  const [train, test] = [
    await folderSet(join(path, "train"), options),
    await folderSet(join(path, "test"), options),
  ];
  if (train.classes.join() !== test.classes.join() || train.shape.join() !== test.shape.join())
    throw new FormatError(
      `${path}: train/ and test/ differ in their classes or in their pictures' sizes`,
      {},
    );
  return { train, test, description: "picture folders" };
}

/**
 * Throws ConfigError for a folder that is none of the known kinds, FormatError for damaged files.
 */
export async function loadDataset(path: string, options: SplitOptions): Promise<Split> {
  if (Object.hasOwn(generators, path)) return drawn(path as keyof typeof generators, options);
  if (path.endsWith(".npz")) return fromNpz(path, options);
  if (options.labels !== undefined)
    return cut(await folderSet(path, options), options, "pictures and a table");
  const folder = { path, names: listFolder(path), options };
  return fromIdx(folder) ?? fromNpy(folder) ?? fromCifar10(folder) ?? fromPictures(folder);
}
