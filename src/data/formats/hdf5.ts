// HDF5 by h5wasm, an optional library: libhdf5 in WebAssembly over files in memory, so that no link
// in a file reaches the disk. What the types and values are: hdf5-types.ts.
import { FormatError } from "../../engine/index.ts";
import { printable } from "../printable.ts";
import { MAX_VOXELS } from "../volume.ts";
import { checkRatio, LARGEST_RATIO } from "./compressed.ts";
import { checkHeaps } from "./hdf5-heaps.ts";
import { numbersOf, typeOf, textsOf, type Hdf5Type, type Metadata } from "./hdf5-types.ts";
import { optional } from "./optional.ts";

/** What of a dataset is read, along each of its axes; all of it where this is left out. */
export interface Part {
  readonly offset: readonly number[];
  readonly count: readonly number[];
}

interface Node {
  /** From the file's root, as in /dataset/data. */
  readonly path: string;
  /** Those of numbers and text, by name; others are left out. */
  attributes(): ReadonlyMap<string, readonly number[] | string>;
}
export interface Hdf5Group extends Node {
  readonly kind: "group";
  readonly names: readonly string[];
  /** Undefined where there is none of that name, or where it leads out of the file. */
  child(name: string): Hdf5Node | undefined;
}
export interface Hdf5Dataset extends Node {
  readonly kind: "dataset";
  /** Slowest axis first; [] of a single value. */
  readonly shape: readonly number[];
  readonly type: Hdf5Type;
  /** Whole values one after another; numbers little-endian, those inside compounds as stored. */
  bytes(part?: Part): Uint8Array;
  /** Numbers; of complex ones (a compound of two floats) the real and imaginary part in turn. */
  numbers(part?: Part): Float64Array;
  texts(): string[];
  /** What object references lead to. */
  references(): Hdf5Node[];
  /**
   * Values with lists of varying length inside: `list(at, size)` is the list whose place is at
   * byte `at` of the values, with elements of `size` bytes. Views that are gone when `use` returns.
   */
  lists<T>(
    part: Part,
    use: (bytes: Uint8Array, list: (at: number, size: number) => Uint8Array) => T,
  ): T;
}
export type Hdf5Node = Hdf5Group | Hdf5Dataset;

export interface Hdf5File {
  /**
   * Opens the file, gives its root to `use`, and closes it. Nodes are of no use afterwards. Throws
   * FormatError for what is damaged.
   */
  read<T>(use: (root: Hdf5Group) => T): T;
}

const SIGNATURE = [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a];
/** Whether the bytes are HDF5: at their start, or behind a user block, as MATLAB writes one. */
export const isHdf5 = (bytes: Uint8Array): boolean =>
  [0, 512, 1024, 2048].some((start) => SIGNATURE.every((byte, i) => bytes[start + i] === byte));

type Library = typeof import("h5wasm");
type Module = Library["Module"];
/** One file that is open. */
interface Open {
  readonly module: Module;
  readonly id: bigint;
  readonly name: string;
  /** How many bytes the file has: what its datasets claim is held against that. */
  readonly length: number;
}

let loading: Promise<Module> | undefined;
async function load(name: string): Promise<Module> {
  loading ??= optional({ name, what: "HDF5", library: "h5wasm" }, async () => {
    const { ready } = await import("h5wasm");
    const module = await ready;
    silence(module);
    return module;
  });
  try {
    return await loading;
  } catch (error) {
    loading = undefined;
    throw error;
  }
}

/** libhdf5 prints its errors; what went wrong is in the exceptions here. */
function silence({ FS }: Module): void {
  const { streams } = FS as unknown as { streams: readonly { stream_ops: object }[] };
  const write = (_stream: unknown, _buffer: unknown, _offset: number, length: number): number =>
    length;
  for (const stream of streams.slice(1, 3)) stream.stream_ops = { ...stream.stream_ops, write };
}

let files = 0;
/**
 * Throws UnsupportedOpError where h5wasm is not installed, FormatError for a heap without an end.
 */
export async function openHdf5(bytes: Uint8Array, name: string): Promise<Hdf5File> {
  checkHeaps(bytes, name);
  const module = await load(name);
  return {
    read(use) {
      // a name that is written again while open would keep the old file
      const path = `/file-${files++}.h5`;
      module.FS.writeFile(path, bytes, { canOwn: true } as object);
      let open: Open | undefined;
      try {
        const id = guarded(name, () => module.open(path, module.H5F_ACC_RDONLY, false, -1, -1));
        if (id < 0n) damaged(name);
        const opened = { module, id, name, length: bytes.length };
        open = opened;
        return withinMemory(LARGEST_RATIO * bytes.length + ROOM, () => use(groupAt(opened, "/")));
      } finally {
        closed(module, path, open?.id);
      }
    },
  };
}

/** What libhdf5 needs for itself. */
const ROOM = 64 * 2 ** 20;
/**
 * Runs `work` while WebAssembly's memories grow by no more than so many bytes together: libhdf5
 * reserves what a file claims for chunks and texts, and takes a refusal for an error.
 */
function withinMemory<T>(bytes: number, work: () => T): T {
  const { prototype } = WebAssembly.Memory;
  const { grow } = prototype;
  let left = bytes;
  prototype.grow = function (this: WebAssembly.Memory, pages: number): number {
    if (65536 * pages > left)
      throw new FormatError(`no room for ${65536 * pages} bytes`, { pages });
    left -= 65536 * pages;
    return grow.call(this, pages);
  };
  try {
    return work();
  } finally {
    prototype.grow = grow;
  }
}

/** Behind a trap in the library nothing may be left to close. */
function closed(module: Module, path: string, id: bigint | undefined): void {
  try {
    if (id !== undefined) module.close_file(id);
    module.FS.unlink(path);
  } catch {
    // the file is in memory alone, and its name is not used again
  }
}

function damaged(name: string, error?: unknown): never {
  const said =
    error === undefined
      ? ""
      : ` (${printable(String((error as Error).message ?? error).slice(0, 120))})`;
  throw new FormatError(`${name}: it cannot be read as HDF5${said}; it is cut short or damaged`, {
    name,
  });
}
/** Whatever the library throws, a trap included, as a FormatError. */
function guarded<T>(name: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    return damaged(name, error);
  }
}

const join = (path: string, name: string): string =>
  path === "/" ? `/${name}` : `${path}/${name}`;

function nodeAt(open: Open, path: string): Hdf5Node | undefined {
  const { module, id, name } = open;
  const type = guarded(name, () => module.get_type(id, path));
  if (type === module.H5G_GROUP) return groupAt(open, path);
  return type === module.H5G_DATASET ? datasetAt(open, path) : undefined;
}

function groupAt(open: Open, path: string): Hdf5Group {
  const { module, id, name } = open;
  const names = guarded(name, () => module.get_names(id, path, false));
  return {
    kind: "group",
    path,
    names,
    attributes: () => attributesOf(open, path),
    child: (child) => (names.includes(child) ? nodeAt(open, join(path, child)) : undefined),
  };
}

function datasetAt(open: Open, path: string): Hdf5Dataset {
  const { module, id, name } = open;
  const metadata = guarded(name, () => module.get_dataset_metadata(id, path)) as Metadata;
  const shape = metadata.shape ?? [0];
  const type = typeOf(metadata);
  const what = `${name}, ${printable(path)}`;
  checkChunks(open, metadata, what);
  const fill = (part: Part | undefined, use: (at: number, length: number) => void): void =>
    filled(open, { path, shape, type, what, part }, use);
  const bytes = (part?: Part): Uint8Array => {
    let read = new Uint8Array(0);
    fill(part, (at, length) => {
      read = module.HEAPU8.slice(at, at + length);
    });
    return read;
  };
  return {
    kind: "dataset",
    path,
    shape,
    type,
    attributes: () => attributesOf(open, path),
    bytes,
    numbers: (part) => numbersOf(type, bytes(part), what),
    texts() {
      let read: string[] = [];
      fill({ offset: shape.map(() => 0), count: shape }, (at, length) => {
        read = textsOf(type, module, { at, length }, what);
      });
      return read;
    },
    references: () => referencesOf(open, type, bytes(), what),
    lists(part, use) {
      let used: { readonly value: ReturnType<typeof use> } | undefined;
      fill(part, (at, length) => {
        const heap = module.HEAPU8;
        const places = new DataView(heap.buffer, at, length);
        const list = (place: number, size: number): Uint8Array => {
          const [count, start] = [places.getUint32(place, true), places.getUint32(place + 4, true)];
          return start === 0 ? new Uint8Array(0) : heap.subarray(start, start + count * size);
        };
        used = { value: use(heap.subarray(at, at + length), list) };
      });
      return used!.value;
    },
  };
}

interface Reading {
  readonly path: string;
  readonly shape: readonly number[];
  readonly type: Hdf5Type;
  readonly what: string;
  readonly part: Part | undefined;
}
/** Reads a part into the library's memory, gives its place to `use`, and frees it. */
function filled(
  open: Open,
  { path, shape, type, what, part }: Reading,
  use: (at: number, length: number) => void,
): void {
  const { module, id, name } = open;
  const { offset, count } = part ?? { offset: shape.map(() => 0), count: shape };
  const fits = count.every(
    (n, axis) => n >= 0 && offset[axis] >= 0 && offset[axis] + n <= shape[axis],
  );
  if (!fits || count.length !== shape.length)
    throw new FormatError(`${what}: that part is not in it`, { name });
  const values = count.reduce((n, d) => n * d, 1);
  const length = values * type.bytes;
  checkClaim(open, values, length, what);
  if (length === 0) {
    use(0, 0);
    return;
  }
  const at = guarded(name, () => module._malloc(length));
  if (at === 0)
    throw new FormatError(`${what}: there is no room for its ${length} bytes at once`, {
      name,
      length,
    });
  const wide = (sizes: readonly number[]): bigint[] => sizes.map(BigInt);
  const place = BigInt(at);
  try {
    const ones = shape.map(() => 1n);
    const status = guarded(name, () =>
      module.get_dataset_data(id, path, wide(count), wide(offset), ones, place),
    );
    if (status < 0) damaged(what);
    use(at, length);
    if (type.varying)
      guarded(name, () => module.reclaim_vlen_memory_count(id, path, "", place, wide(count)));
  } finally {
    module._free(at);
  }
}

/** Nothing is reserved for more than the file's bytes can hold. */
function checkClaim(open: Open, values: number, length: number, what: string): void {
  if (!(values <= MAX_VOXELS))
    throw new FormatError(
      `${what}: it claims ${values} values, this reads up to ${MAX_VOXELS}; take a part of it`,
      { values },
    );
  checkRatio(what, length, open.length);
}
/** A chunk is unpacked as a whole, however little of it is asked for. */
function checkChunks(open: Open, { chunks, size }: Metadata, what: string): void {
  if (chunks) checkClaim(open, 1, chunks.reduce((n, d) => n * d, 1) * size, `${what}, a chunk`);
}

function referencesOf(open: Open, type: Hdf5Type, bytes: Uint8Array, what: string): Hdf5Node[] {
  const { module, id, name } = open;
  if (type.kind !== "reference")
    throw new FormatError(`${what}: its values are no references`, { name });
  return Array.from({ length: bytes.length / type.bytes }, (_, i) => {
    const reference = bytes.slice(i * type.bytes, (i + 1) * type.bytes);
    const path = guarded(name, () => module.get_referenced_name(id, reference, true));
    const node = path ? nodeAt(open, path) : undefined;
    return node ?? damaged(what, "a reference leads nowhere");
  });
}

function attributesOf(open: Open, path: string): Map<string, readonly number[] | string> {
  const { module, id, name } = open;
  const found = new Map<string, readonly number[] | string>();
  for (const key of guarded(name, () => module.get_attribute_names(id, path))) {
    const metadata = guarded(name, () => module.get_attribute_metadata(id, path, key)) as Metadata;
    const type = typeOf(metadata);
    if (!metadata.shape || !["integer", "float", "text"].includes(type.kind)) continue;
    const length = metadata.total_size * type.bytes;
    const what = `${name}, ${printable(key)} of ${printable(path)}`;
    checkClaim(open, metadata.total_size, length, what);
    if (length === 0) continue;
    const at = guarded(name, () => module._malloc(length));
    try {
      if (guarded(name, () => module.get_attribute_data(id, path, key, BigInt(at))) < 0)
        damaged(what);
      const read =
        type.kind === "text" ? textsOf(type, module, { at, length }, what).join("\n") : undefined;
      found.set(key, read ?? [...numbersOf(type, module.HEAPU8.slice(at, at + length), what)]);
      if (type.varying) guarded(name, () => module.reclaim_vlen_memory(id, path, key, BigInt(at)));
    } finally {
      module._free(at);
    }
  }
  return found;
}

/** Every dataset below a group, up to `limit` of them, in the file's order. */
export function datasetsIn(group: Hdf5Group, limit = 1000, depth = 16): Hdf5Dataset[] {
  const found: Hdf5Dataset[] = [];
  let visited = 0;
  const visit = (parent: Hdf5Group, below: number): void => {
    for (const name of parent.names) {
      // hard links may lead back up: groups are counted too
      if (found.length >= limit || visited++ >= 4 * limit) return;
      const node = parent.child(name);
      if (node?.kind === "dataset") found.push(node);
      else if (node && below > 0) visit(node, below - 1);
    }
  };
  visit(group, depth);
  return found;
}
