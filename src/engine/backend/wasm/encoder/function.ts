// A function under construction: locals, and structured statements appended in order.
import {
  code,
  i32,
  unsigned,
  v,
  type Code,
  type Local,
  type Operand,
  type Type,
} from "./instructions.ts";

const typeByte: Record<Type, number> = { i32: 0x7f, f32: 0x7d, f64: 0x7c, v128: 0x7b };
const [LOOP, IF, END, BRANCH_IF, SET] = [0x03, 0x04, 0x0b, 0x0d, 0x21];
const [CALL, CALL_INDIRECT] = [0x10, 0x11];
const NO_RESULT = 0x40;
const [COPY, FILL] = [
  [0xfc, 0x0a, 0, 0],
  [0xfc, 0x0b, 0],
];

/** Bytes that are moved here: the machine's own way is quicker for more, but begins slowly. */
const SHORT = 1024;
/** Bytes of a turn of the loop that moves them. */
const TURN = 64;

function append(bytes: number[], all: Code): void {
  for (const part of all)
    if (typeof part === "number") bytes.push(part);
    else append(bytes, part);
}

/** Parameters of the functions that are called by a number from memory. */
export const TABLED = 3;
const given = (value: Operand): Code => code("i32", value);

export class FunctionBuilder {
  /** Whole numbers. */
  readonly params: readonly Local[];
  readonly #locals: Local[] = [];
  #body: Code[] = [];
  readonly #relaxed: boolean;
  /** With `relaxed`, mulAdd may round once instead of twice, as the machine does it best. */
  constructor(relaxed = false, parameters: number = TABLED) {
    this.#relaxed = relaxed;
    this.params = Array.from({ length: parameters }, (_, index) => ({ index, type: "i32" }));
  }

  #local(type: Type, initial?: Operand): Local {
    const l: Local = { index: this.params.length + this.#locals.length, type };
    this.#locals.push(l);
    if (initial !== undefined) this.set(l, initial);
    return l;
  }
  /** A new local, 0 unless a value is given. */
  i32(initial?: Operand): Local {
    return this.#local("i32", initial);
  }
  f32(initial?: Operand): Local {
    return this.#local("f32", initial);
  }
  f64(initial?: Operand): Local {
    return this.#local("f64", initial);
  }
  v128(initial?: Operand): Local {
    return this.#local("v128", initial);
  }
  /** `count` vectors of zeros. */
  zeros(count: number): Local[] {
    return Array.from({ length: count }, () => this.v128(0));
  }
  /** `count` vectors `bytes` apart in memory. */
  loads(count: number, at: Operand, bytes: number): Local[] {
    return Array.from({ length: count }, (_, i) => this.v128(v.load(at, i * bytes)));
  }

  do(statement: Code): void {
    this.#body.push(statement);
  }
  set(l: Local, value: Operand): void {
    this.#body.push([code(l.type, value), SET, unsigned(l.index)]);
  }
  /** sum += a·b */
  mulAdd(sum: Local, a: Operand, b: Operand): void {
    this.set(sum, this.#relaxed ? v.relaxedMulAdd(a, b, sum) : v.add(sum, v.mul(a, b)));
  }
  /** l += bytes */
  advance(l: Local, bytes: number): void {
    if (bytes !== 0) this.set(l, i32.add(l, bytes));
  }
  /** Whole numbers of four bytes, to a place apart. */
  copy(to: Operand, from: Operand, bytes: number): void {
    if (bytes > SHORT) {
      this.#body.push([code("i32", to), code("i32", from), code("i32", bytes), COPY]);
      return;
    }
    const [target, source] = [this.i32(to), this.i32(from)];
    this.#inPieces(bytes, [target, source], (offset, isVector) =>
      this.do(
        isVector
          ? v.store(target, v.load(source, offset), offset)
          : i32.store(target, i32.load(source, offset), offset),
      ),
    );
  }
  zero(at: Operand, bytes: number): void {
    if (bytes > SHORT) {
      this.#body.push([code("i32", at), code("i32", 0), code("i32", bytes), FILL]);
      return;
    }
    const target = this.i32(at);
    this.#inPieces(bytes, [target], (offset, isVector) =>
      this.do(isVector ? v.store(target, 0, offset) : i32.store(target, 0, offset)),
    );
  }
  /** `piece` for every vector at the pointers, which go on, and what is left of four bytes. */
  #inPieces(
    bytes: number,
    pointers: readonly Local[],
    piece: (offset: number, isVector: boolean) => void,
  ): void {
    const turns = bytes - (bytes % TURN);
    const vectors = bytes - (bytes % 16) - turns;
    this.for(
      turns,
      () => {
        for (let offset = 0; offset < TURN; offset += 16) piece(offset, true);
        for (const pointer of pointers) this.advance(pointer, TURN);
      },
      TURN,
    );
    for (let offset = 0; offset < vectors; offset += 16) piece(offset, true);
    for (let offset = vectors; offset < bytes - turns; offset += 4) piece(offset, false);
  }
  /** Calls the module's function of that number, known when it runs; it takes TABLED values. */
  callTable(number: Operand, values: readonly [Operand, Operand, Operand]): void {
    this.#body.push([values.map(given), code("i32", number), CALL_INDIRECT, 0, 0]);
  }
  /** The same, known now. */
  call(number: number, values: readonly Operand[]): void {
    this.#body.push([values.map(given), CALL, unsigned(number)]);
  }
  /** for (i = 0; i < end; i += step), with `end` known now; at least one round. */
  for(end: number, body: (i: Local) => void, step = 1): void {
    if (end <= 0) return;
    const i = this.i32(0);
    if (end <= step) {
      body(i);
      return;
    }
    this.#loop(i, end, step, body);
  }
  /** for (i = from; i < end; i += step), with the ends known when it runs. */
  range(from: Operand, end: Operand, step: number, body: (i: Local) => void): void {
    const i = this.i32(from);
    const stop = this.i32(end);
    this.if(i32.ltU(i, stop), () => this.#loop(i, stop, step, body));
  }
  if(condition: Operand, body: () => void): void {
    this.#body.push(code("i32", condition));
    this.#block(IF, body);
  }
  #loop(i: Local, end: Operand, step: number, body: (i: Local) => void): void {
    this.#block(LOOP, () => {
      body(i);
      this.advance(i, step);
      this.#body.push([i32.ltU(i, end), BRANCH_IF, 0]);
    });
  }
  #block(opcode: number, body: () => void): void {
    const outer = this.#body;
    this.#body = [];
    body();
    outer.push([opcode, NO_RESULT, this.#body, END]);
    this.#body = outer;
  }

  /** The function's body as a module holds it. */
  bytes(): number[] {
    const body = unsigned(this.#locals.length);
    for (const { type } of this.#locals) body.push(1, typeByte[type]);
    append(body, this.#body);
    body.push(END);
    return body;
  }
}
