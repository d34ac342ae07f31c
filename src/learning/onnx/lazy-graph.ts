// A graph that is written down only where it is asked for. What depends on no input is computed at
// once, by every op's own definition in float64: shape arithmetic, sizes, tables. What nothing
// reads is never emitted.
import {
  arithmetic,
  ConfigError,
  formatShape,
  ops,
  sizeOf,
  type Arithmetic,
  type Emitter,
  type GraphBuilder,
  type OpName,
  type Shape,
  type Value,
} from "../../engine/index.ts";

type Attrs = Parameters<Emitter["emit"]>[2];
interface Entry {
  readonly shape: Shape;
  readonly op?: OpName;
  readonly inputs?: Readonly<Record<string, number>>;
  readonly attrs?: Attrs;
  /** Depends on no input: its numbers can be known before any run. */
  readonly isKnown: boolean;
  /** Numbers read, made and added up where it is computed at once. */
  readonly work: number;
  data?: Float64Array;
  /** In the graph behind. */
  real?: Value;
  readonly make?: () => Value;
}

/** Numbers that may be computed by definition, one value and in all, before any input is there. */
const MOST_KNOWN = 2 ** 20;
const MOST_WORK = 2 ** 23;
/** A larger array that depends on no input is left to the plan, which computes it once. */
const MOST_WRITTEN = 4096;
/** Beyond any machine's memory. */
const MOST_NUMBERS = 2 ** 32;

/** Emits like a builder; its values' ids are its own. */
export class LazyGraph implements Emitter {
  readonly #entries: Entry[] = [];
  readonly #b: GraphBuilder;
  readonly math: Arithmetic = arithmetic(this);
  readonly #shared = new Map<string, Value>();
  #work = 0;
  constructor(b: GraphBuilder) {
    this.#b = b;
  }

  /**
   * Counts numbers that are made before any input is there: shapes, indices, tables. Throws
   * ConfigError where there are more than any network needs.
   */
  spend(count: number): void {
    this.#work += Math.max(0, count);
    if (!(this.#work <= MOST_WORK))
      throw new ConfigError(
        `over ${MOST_WORK} numbers would have to be computed before any input is known`,
        {},
      );
  }
  #add(entry: Entry): Value {
    this.#entries.push(entry);
    return { id: this.#entries.length - 1, shape: entry.shape };
  }
  /** A value of the graph behind. */
  wrap(real: Value): Value {
    return this.#add({ shape: real.shape, isKnown: false, work: 0, real });
  }
  /** One that is made where something first reads it, as a weight is beside its layer. */
  later(shape: Shape, make: () => Value): Value {
    return this.#add({ shape, isKnown: false, work: 0, make });
  }
  /** A table that several nodes read, made once for all that ask by the same key. */
  shared(key: string, make: () => Value): Value {
    const value = this.#shared.get(key) ?? make();
    this.#shared.set(key, value);
    return value;
  }
  constant(data: ArrayLike<number>, shape: Shape): Value {
    checkSize(shape, MOST_NUMBERS);
    const numbers = data instanceof Float64Array ? data : Float64Array.from(data);
    if (numbers.length !== sizeOf(shape))
      throw new ConfigError(`${numbers.length} numbers make no array of ${formatShape(shape)}`, {
        shape,
      });
    return this.#add({ shape, isKnown: true, work: 0, data: numbers });
  }
  scalar(value: number): Value {
    return this.constant([value], []);
  }
  /** The same number everywhere. */
  filled(value: number, shape: Shape): Value {
    return shape.length === 0
      ? this.scalar(value)
      : this.emit("broadcast_to", { x: this.scalar(value) }, { shape });
  }

  emit(op: OpName, inputs: Readonly<Record<string, Value>>, attrs: Attrs): Value {
    const shapes: Record<string, Shape> = {};
    const ids: Record<string, number> = {};
    for (const [name, value] of Object.entries(inputs)) {
      shapes[name] = value.shape;
      ids[name] = value.id;
    }
    const shape = ops[op].infer(shapes as never, attrs as never);
    checkSize(shape, MOST_NUMBERS);
    const flops = ops[op].flops?.(shapes as never, attrs as never, shape) ?? 0;
    const work = flops + [shape, ...Object.values(shapes)].reduce((n, s) => n + sizeOf(s), 0);
    const isSmall = sizeOf(shape) <= MOST_KNOWN && work <= MOST_WORK / 4;
    const isKnown = isSmall && Object.values(ids).every((id) => this.#entries[id].isKnown);
    return this.#add({ shape, op, inputs: ids, attrs, isKnown, work });
  }

  /** The unfinished values that `id` is made of, before what reads them. */
  #pending(id: number, isDone: (entry: Entry) => boolean): number[] {
    const found = new Set<number>();
    const open = [id];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      const entry = this.#entries[next];
      if (found.has(next) || isDone(entry)) continue;
      found.add(next);
      open.push(...Object.values(entry.inputs ?? {}));
    }
    return [...found].sort((a, b) => a - b);
  }
  isKnown(value: Value): boolean {
    return this.#entries[value.id].isKnown;
  }
  /** Its numbers; undefined for what depends on an input. */
  known({ id }: Value): Float64Array | undefined {
    if (!this.#entries[id].isKnown) return undefined;
    for (const next of this.#pending(id, (e) => e.data !== undefined))
      this.#compute(this.#entries[next]);
    return this.#entries[id].data;
  }
  #compute(entry: Entry): void {
    const given: Record<string, { data: Float64Array; shape: Shape }> = {};
    for (const [name, id] of Object.entries(entry.inputs!)) {
      const { data, shape } = this.#entries[id];
      given[name] = { data: data!, shape };
    }
    this.spend(entry.work);
    const out = new Float64Array(sizeOf(entry.shape));
    ops[entry.op!].reference(given as never, entry.attrs as never, out, entry.shape);
    entry.data = out;
  }

  /** The value in the graph behind, into which it is written now if it is not there yet. */
  real({ id }: Value): Value {
    const isDone = ({ real, make, data, isKnown, shape }: Entry): boolean =>
      real !== undefined ||
      make !== undefined ||
      data !== undefined ||
      (isKnown && sizeOf(shape) <= MOST_WRITTEN);
    for (const next of this.#pending(id, isDone)) {
      const { op, inputs, attrs } = this.#entries[next];
      const real = Object.fromEntries(
        Object.entries(inputs!).map(([name, at]) => [name, this.#written(at)]),
      );
      this.#entries[next].real = this.#b.emit(op!, real as never, attrs as never);
    }
    return this.#written(id);
  }
  /** What is written already, is made elsewhere, or is a constant. */
  #written(id: number): Value {
    const entry = this.#entries[id];
    entry.real ??=
      entry.make?.() ?? this.#b.constant(this.known({ id, shape: entry.shape })!, entry.shape);
    return entry.real;
  }
}

function checkSize(shape: Shape, most: number): void {
  if (!shape.every((d) => Number.isSafeInteger(d) && d >= 0))
    throw new ConfigError(`an array would be ${formatShape(shape)}, which none is`, { shape });
  if (sizeOf(shape) > most)
    throw new ConfigError(`an array of ${formatShape(shape)} would have over ${most} numbers`, {
      shape,
    });
}
