// WebAssembly as expressions: the only file that knows opcodes. Kernels are written with these, so
// that they read like code.

export type Code = readonly (number | Code)[];
export type Type = "i32" | "f32" | "f64" | "v128";
export interface Local {
  readonly index: number;
  readonly type: Type;
}

const typeByte: Record<Type, number> = { i32: 0x7f, f32: 0x7d, f64: 0x7c, v128: 0x7b };

function unsigned(value: number): number[] {
  const bytes: number[] = [];
  let v = value >>> 0;
  do {
    const low = v & 0x7f;
    v >>>= 7;
    bytes.push(v === 0 ? low : low | 0x80);
  } while (v !== 0);
  return bytes;
}
function signed(value: number): number[] {
  const bytes: number[] = [];
  let v = value | 0;
  for (;;) {
    const low = v & 0x7f;
    v >>= 7;
    if ((v === 0 && (low & 0x40) === 0) || (v === -1 && (low & 0x40) !== 0)) return [...bytes, low];
    bytes.push(low | 0x80);
  }
}
const simd = (op: number, ...rest: number[]): Code => [0xfd, ...unsigned(op), ...rest];
type Unary = (x: Code) => Code;
type Binary = (x: Code, y: Code) => Code;
const unary =
  (op: Code) =>
  (x: Code): Code => [x, op];
const binary =
  (op: Code) =>
  (x: Code, y: Code): Code => [x, y, op];
const floatBytes = (v: number): number[] => [...new Uint8Array(new Float32Array([v]).buffer)];

export const get = (l: Local): Code => [0x20, unsigned(l.index)];
export const int = (v: number): Code => [0x41, signed(v)];
export const f32 = (v: number): Code => [0x43, floatBytes(v)];
export const f64 = (v: number): Code => [0x44, [...new Uint8Array(new Float64Array([v]).buffer)]];
const address = (align: number, offset: number): Code => [align, unsigned(offset)];

export const i32 = {
  load: (at: Code, offset = 0): Code => [at, 0x28, address(2, offset)],
  store: (at: Code, x: Code, offset = 0): Code => [at, x, 0x36, address(2, offset)],
  divU: binary([0x6e]) as Binary,
  remU: binary([0x70]) as Binary,
  add: binary([0x6a]) as Binary,
  sub: binary([0x6b]) as Binary,
  mul: binary([0x6c]) as Binary,
  eqz: unary([0x45]) as Unary,
  ltU: binary([0x49]) as Binary,
  geU: binary([0x4f]) as Binary,
  ne: binary([0x47]) as Binary,
  and: binary([0x71]) as Binary,
};
export const s32 = {
  load: (at: Code, offset = 0): Code => [at, 0x2a, address(2, offset)],
  store: (at: Code, v: Code, offset = 0): Code => [at, v, 0x38, address(2, offset)],
  add: binary([0x92]) as Binary,
  sub: binary([0x93]) as Binary,
  mul: binary([0x94]) as Binary,
  div: binary([0x95]) as Binary,
  max: binary([0x97]) as Binary,
  gt: binary([0x5e]) as Binary,
};
export const s64 = {
  add: binary([0xa0]) as Binary,
  sub: binary([0xa1]) as Binary,
  mul: binary([0xa2]) as Binary,
  div: binary([0xa3]) as Binary,
  sqrt: unary([0x9f]) as Unary,
  fromF32: unary([0xbb]) as Unary,
  toF32: unary([0xb6]) as Unary,
};
export const v = {
  load: (at: Code, offset = 0): Code => [at, simd(0), address(2, offset)],
  loadSplat: (at: Code, offset = 0): Code => [at, simd(9), address(2, offset)],
  loadLane: (at: Code, into: Code, lane: number, offset = 0): Code => [at, into, simd(86), address(2, offset), lane],
  /** Lanes 0 and 1 from memory, 0 and 0. */
  loadPair: (at: Code, offset = 0): Code => [at, simd(93), address(2, offset)],
  store: (at: Code, x: Code, offset = 0): Code => [at, x, simd(11), address(2, offset)],
  /** Lanes of x and y, those of y counted from 4. */
  shuffle: (x: Code, y: Code, lanes: readonly [number, number, number, number]): Code => [
    x,
    y,
    simd(13, ...lanes.flatMap((l) => [l * 4, l * 4 + 1, l * 4 + 2, l * 4 + 3])),
  ],
  storeLane: (at: Code, x: Code, lane: number, offset = 0): Code => [at, x, simd(90), address(2, offset), lane],
  /** Keeps the first `lanes` lanes, zeroes the others. */
  firstLanes: (x: Code, lanes: number): Code => [
    x,
    simd(12, ...Array.from({ length: 16 }, (_, i) => (i < lanes * 4 ? 255 : 0))),
    simd(78),
  ],
  splat: unary(simd(19)) as Unary,
  constant: (x: number): Code => [f32(x), simd(19)],
  splatInt: (x: number): Code => [int(x), simd(17)],
  lane: (x: Code, lane: number): Code => [x, simd(31, lane)],
  add: binary(simd(228)) as Binary,
  sub: binary(simd(229)) as Binary,
  mul: binary(simd(230)) as Binary,
  div: binary(simd(231)) as Binary,
  min: binary(simd(232)) as Binary,
  max: binary(simd(233)) as Binary,
  neg: unary(simd(225)) as Unary,
  abs: unary(simd(224)) as Unary,
  sqrt: unary(simd(227)) as Unary,
  nearest: unary(simd(106)) as Unary,
  gt: binary(simd(68)) as Binary,
  lt: binary(simd(67)) as Binary,
  eq: binary(simd(65)) as Binary,
  and: binary(simd(78)) as Binary,
  or: binary(simd(80)) as Binary,
  andNot: binary(simd(79)) as Binary,
  select: (yes: Code, no: Code, mask: Code): Code => [yes, no, mask, simd(82)],
  toInt: unary(simd(248)) as Unary,
  fromInt: unary(simd(250)) as Unary,
  intAdd: binary(simd(174)) as Binary,
  intSub: binary(simd(177)) as Binary,
  intMul: binary(simd(181)) as Binary,
  xor: binary(simd(81)) as Binary,
  splatI32: unary(simd(17)) as Unary,
  intConstants: (...lanes: [number, number, number, number]): Code => [
    simd(12, ...lanes.flatMap((n) => [n & 255, (n >> 8) & 255, (n >> 16) & 255, (n >> 24) & 255])),
  ],
  shiftLeft: (x: Code, n: number): Code => [x, int(n), simd(171)],
  shiftRight: (x: Code, n: number): Code => [x, int(n), simd(172)],
  shiftRightUnsigned: (x: Code, n: number): Code => [x, int(n), simd(173)],
  /** Two doubles of lanes 0, 1 (or 2, 3). */
  lowDoubles: unary(simd(95)) as Unary,
  highDoubles: (x: Code): Code => [
    x,
    x,
    simd(13, 8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15),
    simd(95),
  ],
  doubleAdd: binary(simd(240)) as Binary,
  doubleMul: binary(simd(242)) as Binary,
  doubleSub: binary(simd(241)) as Binary,
  doubleSplat: unary(simd(20)) as Unary,
  doubleLane: (x: Code, lane: number): Code => [x, simd(33, lane)],
};

/** One function under construction: locals, and structured statements appended in order. */
export class FunctionBuilder {
  readonly params: readonly Local[];
  readonly #locals: Local[] = [];
  #body: Code[] = [];
  readonly #relaxed: boolean;
  /** With `relaxed`, mulAdd may round once instead of twice, as the machine does it best. */
  constructor(parameterCount: number, relaxed = false) {
    this.#relaxed = relaxed;
    this.params = Array.from({ length: parameterCount }, (_, index) => ({ index, type: "i32" }));
  }

  local(type: Type, initial?: Code): Local {
    const l: Local = { index: this.params.length + this.#locals.length, type };
    this.#locals.push(l);
    if (initial) this.set(l, initial);
    return l;
  }
  do(code: Code): void {
    this.#body.push(code);
  }
  set(l: Local, value: Code): void {
    this.#body.push([value, 0x21, unsigned(l.index)]);
  }
  /** sum += a·b */
  mulAdd(sum: Local, a: Code, b: Code): void {
    this.set(sum, this.#relaxed ? [a, b, get(sum), simd(261)] : v.add(get(sum), v.mul(a, b)));
  }
  /** l += bytes */
  advance(l: Local, bytes: number): void {
    if (bytes !== 0) this.set(l, i32.add(get(l), int(bytes)));
  }
  copy(to: Code, from: Code, bytes: Code): void {
    this.#body.push([to, from, bytes, 0xfc, 0x0a, 0, 0]);
  }
  zero(at: Code, bytes: number): void {
    if (bytes > 0) this.#body.push([at, int(0), int(bytes), 0xfc, 0x0b, 0]);
  }
  /** for (i = 0; i < end; i += step), with `end` known now; at least one round. */
  for(end: number, body: (i: Local) => void, step = 1): void {
    if (end <= 0) return;
    const i = this.local("i32", int(0));
    if (end <= step) {
      body(i);
      return;
    }
    this.#block(() => {
      body(i);
      this.advance(i, step);
      this.#body.push([i32.ltU(get(i), int(end)), 0x0d, 0]);
    }, 0x03);
  }
  /** for (i = from; i < end; i += step), with the ends known when it runs. */
  range(from: Code, end: Code, step: number, body: (i: Local) => void): void {
    const i = this.local("i32", from);
    const stop = this.local("i32", end);
    this.if(i32.ltU(get(i), get(stop)), () =>
      this.#block(() => {
        body(i);
        this.advance(i, step);
        this.#body.push([i32.ltU(get(i), get(stop)), 0x0d, 0]);
      }, 0x03),
    );
  }
  if(condition: Code, body: () => void): void {
    this.#body.push(condition);
    this.#block(body, 0x04);
  }
  #block(body: () => void, opcode: number): void {
    const outer = this.#body;
    this.#body = [];
    body();
    outer.push([opcode, 0x40, this.#body, 0x0b]);
    this.#body = outer;
  }
  bytes(): number[] {
    const code: number[] = [];
    const flatten = (c: Code): void => {
      for (const part of c)
        if (typeof part === "number") code.push(part);
        else flatten(part);
    };
    flatten(this.#body);
    const locals = this.#locals.flatMap((l) => [1, typeByte[l.type]]);
    const body = [...unsigned(this.#locals.length), ...locals];
    for (const b of code) body.push(b);
    body.push(0x0b);
    return body;
  }
}

/** Four vectors of rows become four of columns. */
export function transpose4(f: FunctionBuilder, [a, b, c, d]: readonly Local[]): Local[] {
  const keep = (code: Code): Local => f.local("v128", code);
  const [p, q] = [keep(v.shuffle(get(a), get(b), [0, 4, 1, 5])), keep(v.shuffle(get(c), get(d), [0, 4, 1, 5]))];
  const [r, s] = [keep(v.shuffle(get(a), get(b), [2, 6, 3, 7])), keep(v.shuffle(get(c), get(d), [2, 6, 3, 7]))];
  return [
    keep(v.shuffle(get(p), get(q), [0, 1, 4, 5])),
    keep(v.shuffle(get(p), get(q), [2, 3, 6, 7])),
    keep(v.shuffle(get(r), get(s), [0, 1, 4, 5])),
    keep(v.shuffle(get(r), get(s), [2, 3, 6, 7])),
  ];
}

/**
 * A module that imports `env.memory` (shared memories have a stated size) and exports the functions
 * as "0", "1", … Parameters are all i32.
 */
export function encodeModule(functions: readonly FunctionBuilder[], sharedPages?: number): Uint8Array<ArrayBuffer> {
  const counts = [...new Set(functions.map((f) => f.params.length))];
  const section = (id: number, items: readonly (readonly number[])[]): number[] => {
    const content = unsigned(items.length);
    for (const item of items) for (const b of item) content.push(b);
    return [id, ...unsigned(content.length), ...[]].concat(content);
  };
  const name = (s: string): number[] => [...unsigned(s.length), ...[...s].map((c) => c.charCodeAt(0))];
  const parts = [
    [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    section(
      1,
      counts.map((n) => [0x60, ...unsigned(n), ...new Array<number>(n).fill(0x7f), 0]),
    ),
    section(2, [
      [
        ...name("env"),
        ...name("memory"),
        2,
        ...(sharedPages === undefined ? [0, 1] : [3, 1, ...unsigned(sharedPages)]),
      ],
    ]),
    section(
      3,
      functions.map((f) => unsigned(counts.indexOf(f.params.length))),
    ),
    section(
      7,
      functions.map((_, i) => [...name(String(i)), 0, ...unsigned(i)]),
    ),
    section(
      10,
      functions.map((f) => {
        const b = f.bytes();
        return unsigned(b.length).concat(b);
      }),
    ),
  ];
  return Uint8Array.from(parts.flat());
}
