// Writes the functions of a program: every distinct kernel once, with what is fused behind it.
import { sizeOf, type Shape } from "../../core/shape.ts";
import { pointerOf, pointersOf, type Call } from "./calls.ts";
import { FunctionBuilder } from "./encoder/function.ts";
import type { Encodable } from "./encoder/module.ts";
import { i32, v, type Local, type Operand } from "./encoder/instructions.ts";
import { up, type KernelContext, type Pass, type Place } from "./kernel.ts";
import { evaluate } from "./kernels/elementwise.ts";
import { storeLanes } from "./kernels/vectors.ts";
import type { Step } from "./lower.ts";
import { MAX_CHUNKS } from "./pool-protocol.ts";

/** Kernels may read this far past an array's end. */
export const SLACK = 128;
export const ALIGNMENT = 64;
const aligned = (bytes: number): number => up(bytes, ALIGNMENT);

export interface Emitted {
  /** Functions of the module, and the chunks that each is called for. */
  readonly passes: readonly Omit<Call, "pointers">[];
  /** Bytes of the room that the passes share. */
  readonly shared: number;
}
type Table = Float32Array | Int32Array;

export class Writer {
  readonly functions: Encodable[] = [];
  readonly tables: { readonly address: number; readonly values: Table }[] = [];
  /** Where memory is free, behind the tables. */
  top: number = SLACK;
  /** Bytes of scratch that a call may need. */
  scratch = 0;
  readonly #relaxed: boolean;
  readonly #shapeOf: (id: number) => Shape;
  readonly #known = new Map<string, Emitted>();
  /** Functions that kernels have in common, by their key. */
  readonly #common = new Map<string, number>();
  constructor(relaxed: boolean, shapeOf: (id: number) => Shape) {
    this.#relaxed = relaxed;
    this.#shapeOf = shapeOf;
  }

  emit(step: Step): Emitted {
    const known = this.#known.get(step.key);
    if (known) return known;
    const passes: Omit<Call, "pointers">[] = [];
    let shared = 0;
    const add = (kernel: number, first: number, chunks: number): void => {
      for (let begin = 0; begin < chunks; begin += MAX_CHUNKS)
        passes.push({ kernel, first: first + begin, chunks: Math.min(MAX_CHUNKS, chunks - begin) });
    };
    const context: KernelContext = {
      shapes: step.shapes,
      attrs: step.attrs,
      out: step.out,
      shared: (bytes) => {
        shared = aligned(bytes + SLACK);
      },
      pass: (chunks, write) => add(this.#function(step, write), 0, chunks),
      rounds: (times, each) => {
        const kernels = each.map(({ write }) => this.#function(step, write));
        for (let round = 0; round < times; round++)
          each.forEach(({ chunks, total }, i) =>
            add(kernels[i], round * chunks, Math.max(0, Math.min(chunks, total - round * chunks))),
          );
      },
    };
    step.emit(context);
    const emitted = { passes, shared };
    this.#known.set(step.key, emitted);
    return emitted;
  }

  /** One pass as a function; gives its number. */
  #function(step: Step, write: (p: Pass) => void): number {
    const names = Object.keys(step.inputs);
    const [extraAt, outputsAt] = [names.length, names.length + step.extra.length];
    const f = new FunctionBuilder(this.#relaxed);
    const [call, scratch, chunk] = f.params;
    // inputs, operands of the epilogue, outputs, shared room
    const pointers = Array.from({ length: pointersOf(step) }, (_, i) => f.i32(pointerOf(call, i)));
    const extra = pointers.slice(extraAt, outputsAt);
    const outputs = pointers.slice(outputsAt, -1);
    const shared = pointers[pointers.length - 1];
    const epilogue = { step, extra, outputs, shapes: step.extra.map(this.#shapeOf) };
    write({
      f,
      shapes: step.shapes,
      attrs: step.attrs,
      out: step.out,
      input: Object.fromEntries(names.map((name, i) => [name, pointers[i]])),
      outputs,
      y: outputs[0],
      chunk,
      shared,
      store: (value, place) => store(f, epilogue, value, place),
      table: (values) => this.#table(values),
      common: (key, parameters, write) => {
        const number = this.#common.get(key) ?? this.#add(this.#written(parameters, write));
        this.#common.set(key, number);
        return (values) => f.call(number, values);
      },
      scratch: (bytes) => {
        this.scratch = Math.max(this.scratch, aligned(bytes + SLACK));
        return scratch;
      },
    });
    return this.#add(f);
  }
  #written(parameters: number, write: (f: FunctionBuilder) => void): FunctionBuilder {
    const f = new FunctionBuilder(this.#relaxed, parameters);
    write(f);
    return f;
  }
  /** Gives the function's number. */
  #add(f: FunctionBuilder): number {
    // encoded here, kernel by kernel: a whole module at once would hold the thread up
    const bytes = Uint8Array.from(f.bytes());
    return this.functions.push({ params: f.params, bytes: () => bytes }) - 1;
  }

  /** Constant numbers with equal bytes share a place. */
  #table(values: Table): number {
    const isSame = (t: Table): boolean =>
      t.constructor === values.constructor &&
      t.length === values.length &&
      (t as Float32Array).every((x, i) => Object.is(x, values[i]));
    const known = this.tables.find((t) => isSame(t.values));
    if (known) return known.address;
    const address = this.top;
    this.tables.push({ address, values });
    this.top = aligned(this.top + values.byteLength);
    return address;
  }
}

interface EpiloguePlaces {
  readonly step: Step;
  readonly extra: readonly Local[];
  readonly outputs: readonly Local[];
  /** Of the extra operands. */
  readonly shapes: readonly Shape[];
}
/** Writes a kernel's vector where it belongs, through the expression fused behind it. */
function store(
  f: FunctionBuilder,
  to: EpiloguePlaces,
  value: Operand,
  { offset, channel, lanes = 4 }: Place,
): void {
  const at = f.i32(offset);
  const source = f.v128(value);
  const { epilogue, out } = to.step;
  const operand = (index: number): Operand => {
    if (index === epilogue!.source) return source;
    const i = index < epilogue!.source ? index : index - 1;
    const size = sizeOf(to.shapes[i]);
    if (size === sizeOf(out)) return v.load(i32.add(to.extra[i], at));
    return v.loadSplat(size === 1 ? to.extra[i] : i32.add(to.extra[i], channel!));
  };
  const results = epilogue ? evaluate(f, epilogue.expression, operand) : [source];
  results.forEach((result, i) => storeLanes(f, i32.add(to.outputs[i], at), result, lanes));
}
