// Pictures of any format and size as a set that is decoded while another batch is trained on: in
// workers, each once, and kept while there is room.
import { ConfigError, FormatError, quoted } from "../../engine/index.ts";
import { pictureEndings, readPictureHead } from "../formats/picture.ts";
import { decoded, type DecodeTask } from "./decode.ts";
import { canDecodeApart, openDecoders } from "./decoders.ts";
import { MOST_KEPT } from "./kept.ts";
import type { LabelledImages } from "./labelled.ts";
import { checkFitting, type Fitting } from "./resize.ts";

/** A file of a picture, read when it is needed. */
export interface PictureSource {
  /** For messages. */
  readonly name: string;
  readonly class: string;
  read(): Uint8Array | Promise<Uint8Array>;
}
/**
 * Files by their paths ("cats/1.png"), each of the class that its folder is named after; what does
 * not end as pictures do is left out. Sorted, so that the order is the same everywhere. Node's
 * `readdirSync(folder, { recursive: true })` gives such paths.
 */
export function picturesIn(
  paths: readonly string[],
  read: (path: string) => Uint8Array | Promise<Uint8Array>,
): PictureSource[] {
  const isPicture = (path: string): boolean =>
    pictureEndings.some((ending) => path.toLowerCase().endsWith(ending));
  return [...paths]
    .filter(isPicture)
    .sort()
    .map((path) => ({
      name: path,
      class: path.split(/[/\\]/).at(-2) ?? "",
      read: () => read(path),
    }));
}

export interface PicturesOptions {
  /** In the order of their numbers; those that occur, sorted, unless given. */
  readonly classes?: readonly string[];
  /**
   * [height, width] that all are made; unless given, that of the first, and one of another size is
   * an error.
   */
  readonly size?: readonly [number, number];
  /** How pictures of other proportions are made that size; "crop" unless given. */
  readonly fit?: Fitting;
  /** 1 is grey; unless given, grey where all files say that they are, else 3. */
  readonly channels?: 1 | 3;
  /** Workers that decode; 1 unless given, 0 decodes on this thread. */
  readonly threads?: number;
  /**
   * Bytes of decoded pictures that are kept, 256 MiB unless given; a picture of a batch always is.
   */
  readonly bytes?: number;
}
export interface Pictures extends LabelledImages {
  /** What was decided about pictures that differ. */
  readonly notes: readonly string[];
  /** Decodes these, unless they are kept. `pixels` is of what was prepared. */
  prepare(indices: readonly number[]): Promise<void>;
  /** Ends the workers. */
  close(): void;
}

function classesOf(
  files: readonly PictureSource[],
  given: readonly string[] | undefined,
): readonly string[] {
  const classes = given ?? [...new Set(files.map((file) => file.class))].sort();
  const stray = files.find((file) => !classes.includes(file.class));
  if (stray)
    throw new FormatError(
      `${stray.name}: its class ${quoted(stray.class)} is none of ${classes.map(quoted).join(", ")}`,
      { class: stray.class },
    );
  const empty = classes.find((c) => !files.some((file) => file.class === c));
  if (empty !== undefined)
    throw new FormatError(
      `openPictures: class ${quoted(empty)} has no pictures; leave it out or give some`,
      { empty },
    );
  return classes;
}

interface Form {
  readonly channels: 1 | 3;
  readonly size: readonly [number, number];
  readonly notes: readonly string[];
}
/** Size and colours by the files' headers, which are read where they are needed. */
async function formOf(files: readonly PictureSource[], options: PicturesOptions): Promise<Form> {
  const { size, channels } = options;
  if (size && channels) return { size, channels, notes: [] };
  let first: readonly [number, number] | undefined;
  let [colour, grey] = [0, 0];
  for (const file of files) {
    const head = readPictureHead(await file.read(), file.name);
    first ??= [head.height, head.width];
    if (head.grey) grey++;
    else colour++;
    if (channels) break;
  }
  const mixed = !channels && colour > 0 && grey > 0;
  const notes = mixed
    ? [`${colour} pictures are in colour and ${grey} are grey; all are taken as colour`]
    : [];
  return { channels: channels ?? (colour > 0 ? 3 : 1), size: size ?? first!, notes };
}
function check(
  files: readonly PictureSource[],
  { size, fit = "crop", channels, threads = 1 }: PicturesOptions,
): void {
  if (files.length === 0) throw new FormatError("openPictures: there are no pictures", {});
  checkFitting("openPictures", size, fit);
  if (channels !== undefined && channels !== 1 && channels !== 3)
    throw new ConfigError(`openPictures: channels ${channels} must be 1 or 3`, { channels });
  if (!Number.isInteger(threads) || threads < 0 || threads > 64)
    throw new ConfigError(`openPictures: threads ${threads} must be a whole number from 0 to 64`, {
      threads,
    });
}

/** Decoded pictures by their number: the newest, as many as there is room for. */
function keeper(most: number) {
  const kept = new Map<number, Promise<Uint16Array>>();
  const there = new Map<number, Uint16Array>();
  /** What is being prepared may not be let go. */
  let needed: ReadonlySet<number> = new Set();
  const letGo = (): void => {
    for (const i of kept.keys()) {
      if (kept.size <= most) return;
      if (needed.has(i)) continue;
      kept.delete(i);
      there.delete(i);
    }
  };
  return {
    there,
    async all(
      indices: readonly number[],
      decode: (i: number) => Promise<Uint16Array>,
    ): Promise<void> {
      // those of the batch before may be trained on still
      needed = new Set([...[...needed].slice(-2 * indices.length), ...indices]);
      const each = indices.map(async (i) => {
        const known = kept.get(i) ?? decode(i);
        kept.set(i, known);
        try {
          there.set(i, await known);
        } catch (error) {
          kept.delete(i);
          throw error;
        }
      });
      await Promise.all(each);
      letGo();
    },
  };
}

/**
 * A set of pictures (PNG, JPEG, BMP, TIFF, WebP) of any size, for `classification` and `fit`, which
 * ask for a batch while they train on the one before. Values are in [0, 1]. Throws ConfigError for
 * options, and FormatError, naming the file, for a class without pictures and, when it is prepared,
 * for a file that is damaged or of another size.
 */
export async function openPictures(
  files: readonly PictureSource[],
  options: PicturesOptions = {},
): Promise<Pictures> {
  check(files, options);
  const { threads = 1, bytes = MOST_KEPT } = options;
  const classes = classesOf(files, options.classes);
  const { channels, size, notes } = await formOf(files, options);
  const labels = files.map((file) => classes.indexOf(file.class));
  const decoders = threads > 0 && canDecodeApart() ? openDecoders(threads) : undefined;
  const values = channels * size[0] * size[1];
  const store = keeper(Math.floor(bytes / (2 * values)));
  const fit = options.size ? (options.fit ?? "crop") : undefined;
  const decode = async (i: number): Promise<Uint16Array> => {
    const task: DecodeTask = {
      bytes: await files[i].read(),
      name: files[i].name,
      channels,
      size,
      fit,
    };
    return decoders ? decoders.decode(task) : decoded(task);
  };
  return {
    length: files.length,
    shape: [channels, ...size],
    classes,
    notes,
    label: (i) => labels[i],
    name: (i) => files[i].name,
    prepare: (indices) => store.all([...new Set(indices)], decode),
    pixels(i, out) {
      const own = store.there.get(i);
      if (!own)
        throw new ConfigError(
          `${files[i].name}: it is not decoded yet; await prepare([${i}]) first`,
          { i },
        );
      for (let k = 0; k < values; k++) out[k] = own[k] / 65535;
    },
    close: () => decoders?.close(),
  };
}
