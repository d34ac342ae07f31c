// Python's pickles, as far as weights need them: numbers, texts, tuples, lists, dictionaries, and
// the few functions that the caller names. Nothing is looked up, imported or run; whatever else a
// pickle asks for is refused by name. Source: CPython's Lib/pickletools.py.
import { FormatError, UnsupportedOpError } from "../../engine/index.ts";
import { printable } from "../printable.ts";

export class Tuple {
  readonly items: readonly Pickled[];
  constructor(items: readonly Pickled[]) {
    this.items = items;
  }
}
export type Dictionary = Map<Pickled, Pickled>;
/** What a pickle can hold: `Made` is what the caller's functions make. */
export type Pickled =
  | null
  | boolean
  | number
  | string
  | Tuple
  | Pickled[]
  | Dictionary
  | Known
  | Made;
/** A global that the caller allows, by "module name". */
export class Known {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}
export abstract class Made {
  abstract readonly what: string;
}

export interface Unpickling {
  readonly name: string;
  /** What a global called with arguments gives; undefined for globals that are not allowed. */
  readonly calls: Readonly<Record<string, ((args: readonly Pickled[]) => Pickled) | null>>;
  /** What a persistent identifier stands for. */
  persistent(id: Pickled): Pickled;
}
export interface Unpickled {
  readonly value: Pickled;
  /** Where the next byte behind the pickle is. */
  readonly end: number;
}

/** Stands below the items of a tuple or dictionary that is being put together. */
const MARK = Symbol("mark");
type Item = Pickled | typeof MARK;

/** More are refused: a pickle of weights has some tens a tensor. */
const MOST_STEPS = 4_000_000;

/** Bytes one after another. */
class Source {
  at: number;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #name: string;
  constructor(bytes: Uint8Array, at: number, name: string) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = at;
    this.#name = name;
  }
  #take(count: number): number {
    const at = this.at;
    if (!(count >= 0 && at + count <= this.#bytes.length))
      throw new FormatError(`${this.#name}: its pickle is cut short`, { at });
    this.at += count;
    return at;
  }
  u8 = (): number => this.#bytes[this.#take(1)];
  u16 = (): number => this.#view.getUint16(this.#take(2), true);
  i32 = (): number => this.#view.getInt32(this.#take(4), true);
  u32 = (): number => this.#view.getUint32(this.#take(4), true);
  u64 = (): number => Number(this.#view.getBigUint64(this.#take(8), true));
  f64 = (): number => this.#view.getFloat64(this.#take(8));
  bytes(count: number): Uint8Array {
    const at = this.#take(count);
    return this.#bytes.subarray(at, at + count);
  }
  text = (count: number): string => new TextDecoder().decode(this.bytes(count));
  /** Up to a line's end, which is left out. */
  line(): string {
    const end = this.#bytes.indexOf(10, this.at);
    const text = this.text((end < 0 ? Number.POSITIVE_INFINITY : end) - this.at);
    this.at++;
    return text;
  }
  /** A whole number of any length; those beyond float64's whole numbers lose their last bits. */
  long(count: number): number {
    const bytes = this.bytes(count);
    if (count > 255)
      throw new FormatError(`${this.#name}: a number of ${count} bytes in it`, { count });
    let value = 0n;
    for (let i = count - 1; i >= 0; i--) value = value * 256n + BigInt(bytes[i]);
    const negative = count > 0 && bytes[count - 1] >= 128;
    return Number(negative ? value - 256n ** BigInt(count) : value);
  }
}

/** One pickle being read. */
class Machine {
  readonly source: Source;
  readonly stack: Item[] = [];
  readonly #memo = new Map<number, Pickled>();
  readonly #options: Unpickling;
  constructor(source: Source, options: Unpickling) {
    this.source = source;
    this.#options = options;
  }

  fail(what: string): never {
    throw new FormatError(
      `${this.#options.name}: its pickle ${what}; it is damaged or no pickle of weights`,
      {},
    );
  }
  push = (item: Item): void => {
    this.stack.push(item);
  };
  pop(): Pickled {
    const item = this.stack.pop();
    if (item === undefined || item === MARK) return this.fail("takes more than it put down");
    return item;
  }
  top(): Pickled {
    const item = this.pop();
    this.push(item);
    return item;
  }
  /** What lies above the last mark, which goes too. */
  marked(): Pickled[] {
    const at = this.stack.lastIndexOf(MARK);
    if (at < 0) return this.fail("has no mark where it needs one");
    const items = this.stack.splice(at) as Pickled[];
    return items.slice(1);
  }
  several(count: number): Pickled[] {
    return Array.from({ length: count }, () => this.pop()).reverse();
  }
  keep(key: number): void {
    this.#memo.set(key, this.top());
  }
  remember(): void {
    this.keep(this.#memo.size);
  }
  recall(key: number): void {
    const item = this.#memo.get(key);
    if (item === undefined) this.fail("recalls what it never kept");
    this.push(item as Pickled);
  }
  known(module: Pickled, name: Pickled): void {
    const { calls, name: file } = this.#options;
    // not put into a text before it is one: a deep nest of lists would run out of stack
    const global =
      typeof module === "string" && typeof name === "string"
        ? `${module} ${name}`
        : this.fail("names a global by no text");
    if (!Object.hasOwn(calls, global))
      throw new UnsupportedOpError(
        `${file}: its pickle asks for ${printable(global.replace(" ", "."))}, which is refused: of pickles only tensors and dictionaries of them are built, and no code is run; save the state_dict alone`,
        { global },
      );
    this.push(new Known(global));
  }
  call(): void {
    const [callee, args] = this.several(2);
    const call = callee instanceof Known ? this.#options.calls[callee.name] : undefined;
    const items = args instanceof Tuple ? args.items : undefined;
    this.push(call && items ? call(items) : this.fail("calls what is no function"));
  }
  persistent(): void {
    this.push(this.#options.persistent(this.pop()));
  }
  setItems(items: readonly Pickled[]): void {
    const target = this.top();
    const dictionary = target instanceof Map && items.length % 2 === 0 ? target : undefined;
    const into = dictionary ?? this.fail("sets items of what is no dictionary");
    for (let i = 0; i < items.length; i += 2) into.set(items[i], items[i + 1]);
  }
  append(items: readonly Pickled[]): void {
    const target = this.top();
    const list = Array.isArray(target) ? target : this.fail("appends to what is no list");
    for (const item of items) list.push(item);
  }
  /** Attributes of a dictionary (a state_dict's _metadata) are of no use; others have none. */
  build(): void {
    this.pop();
    if (!(this.top() instanceof Map)) this.fail("gives attributes to what is no dictionary");
  }
}

const dictionaryOf = (m: Machine, items: readonly Pickled[]): void => {
  m.push(new Map());
  m.setItems(items);
};
/** Every opcode that is read, by its byte. */
const opcodes: Readonly<Record<string, (m: Machine) => void>> = {
  "\x80": (m) => {
    if (m.source.u8() > 5) m.fail("is of a protocol beyond 5");
  },
  "\x95": (m) => void m.source.u64(),
  "(": (m) => m.push(MARK),
  "0": (m) => void m.pop(),
  "1": (m) => void m.marked(),
  "2": (m) => m.push(m.top()),
  N: (m) => m.push(null),
  "\x88": (m) => m.push(true),
  "\x89": (m) => m.push(false),
  J: (m) => m.push(m.source.i32()),
  K: (m) => m.push(m.source.u8()),
  M: (m) => m.push(m.source.u16()),
  "\x8a": (m) => m.push(m.source.long(m.source.u8())),
  "\x8b": (m) => m.push(m.source.long(m.source.u32())),
  G: (m) => m.push(m.source.f64()),
  I: (m) => {
    const line = m.source.line();
    m.push(line === "00" || line === "01" ? line === "01" : Number(line));
  },
  L: (m) => m.push(Number(m.source.line().replace(/L$/, ""))),
  F: (m) => m.push(Number(m.source.line())),
  X: (m) => m.push(m.source.text(m.source.u32())),
  "\x8c": (m) => m.push(m.source.text(m.source.u8())),
  "\x8d": (m) => m.push(m.source.text(m.source.u64())),
  T: (m) => m.push(m.source.text(m.source.u32())),
  U: (m) => m.push(m.source.text(m.source.u8())),
  S: (m) => m.push(m.source.line().replace(/^(['"])(.*)\1$/, "$2")),
  V: (m) => m.push(m.source.line()),
  ")": (m) => m.push(new Tuple([])),
  t: (m) => m.push(new Tuple(m.marked())),
  "\x85": (m) => m.push(new Tuple(m.several(1))),
  "\x86": (m) => m.push(new Tuple(m.several(2))),
  "\x87": (m) => m.push(new Tuple(m.several(3))),
  "]": (m) => m.push([]),
  l: (m) => m.push(m.marked()),
  a: (m) => m.append(m.several(1)),
  e: (m) => m.append(m.marked()),
  "}": (m) => m.push(new Map()),
  d: (m) => dictionaryOf(m, m.marked()),
  s: (m) => m.setItems(m.several(2)),
  u: (m) => m.setItems(m.marked()),
  q: (m) => m.keep(m.source.u8()),
  r: (m) => m.keep(m.source.u32()),
  p: (m) => m.keep(Number(m.source.line())),
  "\x94": (m) => m.remember(),
  h: (m) => m.recall(m.source.u8()),
  j: (m) => m.recall(m.source.u32()),
  g: (m) => m.recall(Number(m.source.line())),
  c: (m) => m.known(m.source.line(), m.source.line()),
  "\x93": (m) => {
    const [module, name] = m.several(2);
    m.known(module, name);
  },
  Q: (m) => m.persistent(),
  R: (m) => m.call(),
  b: (m) => m.build(),
};
const STOP = ".".charCodeAt(0);

/**
 * The value that a pickle holds, from byte `at` on. Throws FormatError when it is damaged,
 * UnsupportedOpError naming the global, or the opcode, that is refused.
 */
export function unpickle(bytes: Uint8Array, at: number, options: Unpickling): Unpickled {
  const source = new Source(bytes, at, options.name);
  const machine = new Machine(source, options);
  for (let step = 0; step < MOST_STEPS; step++) {
    const code = source.u8();
    if (code === STOP) return { value: machine.pop(), end: source.at };
    const opcode = opcodes[String.fromCharCode(code)];
    if (!opcode)
      throw new UnsupportedOpError(
        `${options.name}: its pickle has the opcode 0x${code.toString(16)} at byte ${source.at - 1}, which weights do not need and which is refused`,
        { code },
      );
    opcode(machine);
  }
  return machine.fail(`has more than ${MOST_STEPS} steps`);
}
