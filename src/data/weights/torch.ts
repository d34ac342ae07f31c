// PyTorch's files: zip archives of a pickle and storages, and the stream of before version 1.6.
// What is built: tensors, and dictionaries and lists of them. The pickles: pickle.ts.
import { FormatError, UnsupportedOpError } from "../../engine/index.ts";
import { zipEntries, type ZipEntry } from "../formats/zip.ts";
import { printable } from "../printable.ts";
import { Known, Made, Tuple, unpickle, type Pickled, type Unpickling } from "./pickle.ts";
import {
  checkShape,
  MOST_TENSORS,
  numberTypes,
  type NumberTypeName,
  type StoredTensor,
} from "./tensor.ts";

const storageTypes: Readonly<Record<string, NumberTypeName>> = {
  "torch DoubleStorage": "F64",
  "torch FloatStorage": "F32",
  "torch HalfStorage": "F16",
  "torch BFloat16Storage": "BF16",
  "torch LongStorage": "I64",
  "torch IntStorage": "I32",
  "torch ShortStorage": "I16",
  "torch CharStorage": "I8",
  "torch ByteStorage": "U8",
  "torch BoolStorage": "BOOL",
};

class Storage extends Made {
  readonly what = "a storage";
  readonly type: NumberTypeName;
  readonly key: string;
  /** Of numbers that it holds, by what the pickle says. */
  readonly count: number;
  /** Where in the storage of that key it begins. */
  readonly from: number;
  constructor(type: NumberTypeName, key: string, count: number, from: number) {
    super();
    this.type = type;
    this.key = key;
    this.count = count;
    this.from = from;
  }
}
class Tensor extends Made {
  readonly what = "a tensor";
  readonly storage: Storage;
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  constructor(
    storage: Storage,
    offset: number,
    shape: readonly number[],
    strides: readonly number[],
  ) {
    super();
    this.storage = storage;
    this.offset = offset;
    this.shape = shape;
    this.strides = strides;
  }
}

const isCount = (v: unknown): v is number => Number.isSafeInteger(v) && (v as number) >= 0;
const counts = (v: Pickled): readonly number[] | undefined =>
  v instanceof Tuple && v.items.every(isCount) ? (v.items as number[]) : undefined;

/**
 * What a pickle of PyTorch's may call; anything else is refused by name. `sizes` is told how many
 * bytes a number of each storage has.
 */
function unpicklingOf(name: string, sizes: Map<string, number> = new Map()): Unpickling {
  const fail = (what: string): never => {
    throw new FormatError(`${name}: ${what}; it is damaged`, { name });
  };
  const tensor = ([storage, offset, size, stride]: readonly Pickled[]): Tensor => {
    const [shape, strides] = [counts(size), counts(stride)];
    const strange = "a tensor in it is not put together as PyTorch does it";
    if (!(storage instanceof Storage) || !isCount(offset)) return fail(strange);
    if (!shape || shape.length !== strides?.length) return fail(strange);
    checkShape(shape, storage.count, `${name}, a tensor`);
    const last = shape.reduce((at, n, axis) => at + (n - 1) * strides[axis], offset);
    if (!shape.includes(0) && last >= storage.count)
      fail(`a tensor of ${shape.join("×")} reaches beyond its storage of ${storage.count} numbers`);
    return new Tensor(storage, offset, shape, strides);
  };
  return {
    name,
    calls: {
      "collections OrderedDict": ([items]) => {
        if (items !== undefined && !(Array.isArray(items) && items.length === 0))
          fail("a dictionary in it is strange");
        return new Map();
      },
      "torch._utils _rebuild_tensor": tensor,
      "torch._utils _rebuild_tensor_v2": tensor,
      ...Object.fromEntries(Object.keys(storageTypes).map((type) => [type, null])),
    },
    persistent(id) {
      const [what, type, key, , count, view] = id instanceof Tuple ? id.items : [];
      const stored = type instanceof Known ? storageTypes[type.name] : undefined;
      if (what !== "storage" || !stored || typeof key !== "string" || !isCount(count))
        return fail("a storage in it is of no known kind");
      sizes.set(key, numberTypes[stored].bytes);
      if (!(view instanceof Tuple)) return new Storage(stored, key, count, 0);
      const [, from, size] = view.items;
      if (!isCount(from) || !isCount(size) || from + size > count)
        return fail("a storage in it is a view of nothing");
      return new Storage(stored, key, size, from);
    },
  };
}

/** The bytes of a storage by its key; undefined where there are none. */
type Bytes = (key: string, claimed: number) => Uint8Array | undefined;

function stored(tensor: Tensor, bytesOf: Bytes, what: string): StoredTensor {
  const { storage, shape, strides, offset } = tensor;
  const { bytes: size, read } = numberTypes[storage.type];
  const bytes = bytesOf(storage.key, (storage.from + storage.count) * size);
  if (!bytes || bytes.length < (storage.from + storage.count) * size)
    throw new FormatError(
      `${what}: its storage ${printable(storage.key)} is missing or cut short`,
      {},
    );
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    shape,
    type: storage.type,
    values() {
      const values = new Float32Array(shape.reduce((n, d) => n * d, 1));
      const index = new Array<number>(shape.length).fill(0);
      for (let i = 0; i < values.length; i++) {
        const at = strides.reduce((sum, s, axis) => sum + s * index[axis], storage.from + offset);
        values[i] = read(view, at * size);
        for (let axis = shape.length - 1; axis >= 0 && ++index[axis] === shape[axis]; axis--)
          index[axis] = 0;
      }
      return values;
    },
  };
}

const DEEPEST = 16;
/** The tensors in a value, those in dictionaries and lists by names with dots between. */
function tensorsIn(value: Pickled, bytesOf: Bytes, name: string): Map<string, StoredTensor> {
  const found = new Map<string, StoredTensor>();
  let visited = 0;
  const visit = (v: Pickled, path: string, depth: number): void => {
    if (visited++ > 50 * MOST_TENSORS || depth > DEEPEST || found.size > MOST_TENSORS)
      throw new FormatError(
        `${name}: its weights are nested deeper or are more than those of any network`,
        { name },
      );
    const inner = (key: unknown): string => (path === "" ? String(key) : `${path}.${key}`);
    if (v instanceof Tensor) found.set(path, stored(v, bytesOf, `${name}, ${printable(path)}`));
    else if (v instanceof Map) {
      for (const [key, item] of v)
        if (typeof key === "string" || typeof key === "number") visit(item, inner(key), depth + 1);
    } else if (Array.isArray(v) || v instanceof Tuple) {
      const items = Array.isArray(v) ? v : v.items;
      for (const [i, item] of items.entries()) visit(item, inner(i), depth + 1);
    }
  };
  visit(value, "", 0);
  return found;
}

/** PyTorch 1.6 and later: ARCHIVE/data.pkl and ARCHIVE/data/KEY. */
export function torchArchive(bytes: Uint8Array, name: string): Map<string, StoredTensor> {
  const entries = new Map(zipEntries(bytes, name).map((entry) => [entry.name, entry]));
  const main = [...entries.keys()].find((entry) => /(^|\/)data\.pkl$/.test(entry));
  if (main === undefined)
    throw new FormatError(`${name}: the archive has no data.pkl; it is no PyTorch file`, { name });
  const folder = main.slice(0, -"data.pkl".length);
  const order = entries.get(`${folder}byteorder`);
  if (order && new TextDecoder().decode(order.read()).trim() !== "little")
    throw new UnsupportedOpError(
      `${name}: its numbers are big-endian; save it again on another machine`,
      { name },
    );
  const read = new Map<string, Uint8Array>();
  const bytesOf: Bytes = (key, claimed) => {
    const entry: ZipEntry | undefined = entries.get(`${folder}data/${key}`);
    if (!entry || entry.size < claimed) return undefined;
    const content = read.get(key) ?? entry.read();
    read.set(key, content);
    return content;
  };
  return tensorsIn(unpickle(entries.get(main)!.read(), 0, unpicklingOf(name)).value, bytesOf, name);
}

/** Of PyTorch's stream: the first pickle is this number, the second the version 1001. */
const MAGIC = Number(0x1950a86a20f9469cfc6cn);
const VERSION = 1001;

/** Whether the bytes begin as PyTorch's stream of before version 1.6 does. */
export const isTorchStream = (bytes: Uint8Array): boolean =>
  bytes[0] === 0x80 &&
  bytes[2] === 0x8a &&
  bytes[3] === 10 &&
  bytes[4] === 0x6c &&
  bytes[5] === 0xfc;

/** Four pickles (the magic number, the version, the machine, the object), then the storages. */
export function torchStream(bytes: Uint8Array, name: string): Map<string, StoredTensor> {
  const sizes = new Map<string, number>();
  const options = unpicklingOf(name, sizes);
  const fail = (what: string): never => {
    throw new FormatError(`${name}: ${what}`, { name });
  };
  let at = 0;
  const next = (): Pickled => {
    const { value, end } = unpickle(bytes, at, options);
    at = end;
    return value;
  };
  if (next() !== MAGIC) fail("it is no PyTorch file: its first number is not PyTorch's");
  const version = next();
  if (version !== VERSION)
    fail("it is of a protocol of PyTorch's other than 1001, which alone is read");
  const system = next();
  if (system instanceof Map && system.get("little_endian") === false)
    throw new UnsupportedOpError(
      `${name}: its numbers are big-endian; save it again on another machine`,
      { name },
    );
  const object = next();
  const keys = next();
  if (!Array.isArray(keys)) return fail("it has no list of its storages; it is damaged");
  return tensorsIn(object, storagesFrom(bytes, at, keys, sizes), name);
}

/** Each storage in turn: how many numbers, then those. */
function storagesFrom(
  bytes: Uint8Array,
  start: number,
  keys: readonly Pickled[],
  sizes: ReadonlyMap<string, number>,
): Bytes {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const places = new Map<string, Uint8Array>();
  let at = start;
  for (const key of keys) {
    const size = typeof key === "string" ? sizes.get(key) : undefined;
    // where one is of unknown size, what comes behind it cannot be found
    if (size === undefined || at + 8 > bytes.length) break;
    const end = at + 8 + Number(view.getBigUint64(at, true)) * size;
    if (end > bytes.length) break;
    places.set(key as string, bytes.subarray(at + 8, end));
    at = end;
  }
  return (key) => places.get(key);
}
