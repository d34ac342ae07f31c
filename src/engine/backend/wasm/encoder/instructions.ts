// WebAssembly's instructions as expressions, so that kernels read like code: a local stands for its
// value, a number for a constant of the instruction's type. function.ts makes functions of them,
// module.ts a module.

export type Code = readonly (number | Code)[];
export type Type = "i32" | "f32" | "f64" | "v128";
export interface Local {
  readonly index: number;
  readonly type: Type;
}
/** What an instruction takes: code, a local's value, or a constant. */
export type Operand = Code | Local | number;

/** LEB128. */
export function unsigned(value: number): number[] {
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
const float32Bytes = (v: number): number[] => [...new Uint8Array(new Float32Array([v]).buffer)];
const float64Bytes = (v: number): number[] => [...new Uint8Array(new Float64Array([v]).buffer)];
export const simd = (op: number, ...rest: number[]): Code => [0xfd, ...unsigned(op), ...rest];

const get = (l: Local): Code => [0x20, unsigned(l.index)];
const constants: Readonly<Record<Type, (v: number) => Code>> = {
  i32: (v) => [0x41, signed(v)],
  f32: (v) => [0x43, float32Bytes(v)],
  f64: (v) => [0x44, float64Bytes(v)],
  v128: (v) => [constants.f32(v), simd(19)],
};
const integers = (v: number): Code => [constants.i32(v), simd(17)];
const doubles = (v: number): Code => [constants.f64(v), simd(20)];
const isCode = (x: Operand): x is Code => Array.isArray(x);
const lifted = (x: Operand, constant: (v: number) => Code): Code =>
  isCode(x) ? x : typeof x === "number" ? constant(x) : get(x);
/** The code that gives an operand; a number becomes a constant of `type` (in all four lanes). */
export const code = (type: Type, x: Operand): Code => lifted(x, constants[type]);

type Unary = (x: Operand) => Code;
type Binary = (x: Operand, y: Operand) => Code;
const unary =
  (type: Type, ...op: Code): Unary =>
  (x) => [code(type, x), op];
const binary =
  (type: Type, ...op: Code): Binary =>
  (x, y) => [code(type, x), code(type, y), op];
const onIntegers =
  (...op: Code): Binary =>
  (x, y) => [lifted(x, integers), lifted(y, integers), op];
const onDoubles =
  (...op: Code): Binary =>
  (x, y) => [lifted(x, doubles), lifted(y, doubles), op];
const place = (offset: number): Code => [2, unsigned(offset)];

/** Signed and unsigned whole numbers, and addresses. */
export const i32 = {
  load: (at: Operand, offset = 0): Code => [code("i32", at), 0x28, place(offset)],
  store: (at: Operand, x: Operand, offset = 0): Code => [
    code("i32", at),
    code("i32", x),
    0x36,
    place(offset),
  ],
  divU: binary("i32", 0x6e) as Binary,
  remU: binary("i32", 0x70) as Binary,
  add: binary("i32", 0x6a) as Binary,
  sub: binary("i32", 0x6b) as Binary,
  mul: binary("i32", 0x6c) as Binary,
  eqz: unary("i32", 0x45) as Unary,
  ltU: binary("i32", 0x49) as Binary,
  geU: binary("i32", 0x4f) as Binary,
  ne: binary("i32", 0x47) as Binary,
  and: binary("i32", 0x71) as Binary,
};
/** Single numbers of float32. */
export const s32 = {
  load: (at: Operand, offset = 0): Code => [code("i32", at), 0x2a, place(offset)],
  store: (at: Operand, x: Operand, offset = 0): Code => [
    code("i32", at),
    code("f32", x),
    0x38,
    place(offset),
  ],
  add: binary("f32", 0x92) as Binary,
  sub: binary("f32", 0x93) as Binary,
  mul: binary("f32", 0x94) as Binary,
  div: binary("f32", 0x95) as Binary,
  max: binary("f32", 0x97) as Binary,
  gt: binary("f32", 0x5e) as Binary,
};
/** Single numbers of float64. */
export const s64 = {
  load: (at: Operand, offset = 0): Code => [code("i32", at), 0x2b, 3, unsigned(offset)],
  store: (at: Operand, x: Operand, offset = 0): Code => [
    code("i32", at),
    code("f64", x),
    0x39,
    3,
    unsigned(offset),
  ],
  add: binary("f64", 0xa0) as Binary,
  sub: binary("f64", 0xa1) as Binary,
  mul: binary("f64", 0xa2) as Binary,
  div: binary("f64", 0xa3) as Binary,
  sqrt: unary("f64", 0x9f) as Unary,
  fromF32: unary("f32", 0xbb) as Unary,
  toF32: unary("f64", 0xb6) as Unary,
};

type Lanes = readonly [number, number, number, number];
const laneBytes = (lanes: readonly number[]): number[] =>
  lanes.flatMap((l) => [l * 4, l * 4 + 1, l * 4 + 2, l * 4 + 3]);
const wordBytes = (n: number): number[] => [
  n & 255,
  (n >> 8) & 255,
  (n >> 16) & 255,
  (n >> 24) & 255,
];
type Shift = (x: Operand, n: number) => Code;
const shift =
  (op: number): Shift =>
  (x, n) => [code("v128", x), constants.i32(n), simd(op)];

/** Vectors: four of float32 unless the name says integers or doubles. */
export const v = {
  load: (at: Operand, offset = 0): Code => [code("i32", at), simd(0), place(offset)],
  loadSplat: (at: Operand, offset = 0): Code => [code("i32", at), simd(9), place(offset)],
  loadLane: (at: Operand, into: Operand, lane: number, offset = 0): Code => [
    code("i32", at),
    code("v128", into),
    simd(86),
    place(offset),
    lane,
  ],
  /** Lanes 0 and 1 from memory, 0 and 0. */
  loadPair: (at: Operand, offset = 0): Code => [code("i32", at), simd(93), place(offset)],
  store: (at: Operand, x: Operand, offset = 0): Code => [
    code("i32", at),
    code("v128", x),
    simd(11),
    place(offset),
  ],
  storeLane: (at: Operand, x: Operand, lane: number, offset = 0): Code => [
    code("i32", at),
    code("v128", x),
    simd(90),
    place(offset),
    lane,
  ],
  /** Lanes of x and y, those of y counted from 4. */
  shuffle: (x: Operand, y: Operand, lanes: Lanes): Code => [
    code("v128", x),
    code("v128", y),
    simd(13, ...laneBytes(lanes)),
  ],
  /** Keeps the first `lanes` lanes, zeroes the others. */
  firstLanes: (x: Operand, lanes: number): Code => [
    code("v128", x),
    simd(12, ...Array.from({ length: 16 }, (_, i) => (i < lanes * 4 ? 255 : 0))),
    simd(78),
  ],
  splat: unary("f32", ...simd(19)) as Unary,
  lane: (x: Operand, lane: number): Code => [code("v128", x), simd(31, lane)],
  intLane: (x: Operand, lane: number): Code => [code("v128", x), simd(27, lane)],
  add: binary("v128", ...simd(228)) as Binary,
  sub: binary("v128", ...simd(229)) as Binary,
  mul: binary("v128", ...simd(230)) as Binary,
  div: binary("v128", ...simd(231)) as Binary,
  min: binary("v128", ...simd(232)) as Binary,
  max: binary("v128", ...simd(233)) as Binary,
  neg: unary("v128", ...simd(225)) as Unary,
  abs: unary("v128", ...simd(224)) as Unary,
  sqrt: unary("v128", ...simd(227)) as Unary,
  floor: unary("v128", ...simd(104)) as Unary,
  /** To whole numbers, halves to even ones. */
  nearest: unary("v128", ...simd(106)) as Unary,
  gt: binary("v128", ...simd(68)) as Binary,
  lt: binary("v128", ...simd(67)) as Binary,
  eq: binary("v128", ...simd(65)) as Binary,
  and: binary("v128", ...simd(78)) as Binary,
  or: binary("v128", ...simd(80)) as Binary,
  andNot: binary("v128", ...simd(79)) as Binary,
  xor: binary("v128", ...simd(81)) as Binary,
  select: (yes: Operand, no: Operand, mask: Operand): Code => [
    code("v128", yes),
    code("v128", no),
    code("v128", mask),
    simd(82),
  ],
  toInt: unary("v128", ...simd(248)) as Unary,
  fromInt: unary("v128", ...simd(250)) as Unary,
  splatInt: unary("i32", ...simd(17)) as Unary,
  intAdd: onIntegers(...simd(174)) as Binary,
  intSub: onIntegers(...simd(177)) as Binary,
  intMul: onIntegers(...simd(181)) as Binary,
  intConstants: (...lanes: Lanes): Code => simd(12, ...lanes.flatMap(wordBytes)),
  shiftLeft: shift(171) as Shift,
  shiftRight: shift(172) as Shift,
  shiftRightUnsigned: shift(173) as Shift,
  /** Lanes 0 and 1 as two doubles. */
  lowDoubles: unary("v128", ...simd(95)) as Unary,
  /** Lanes 2 and 3 as two doubles. */
  highDoubles: (x: Operand): Code => {
    const vector = code("v128", x);
    return [vector, vector, simd(13, ...laneBytes([2, 3, 2, 3])), simd(95)];
  },
  /** Two doubles, rounded, as lanes 0 and 1. */
  fromDoubles: unary("v128", ...simd(94)) as Unary,
  doubleNearest: unary("v128", ...simd(148)) as Unary,
  doubleAdd: onDoubles(...simd(240)) as Binary,
  doubleSub: onDoubles(...simd(241)) as Binary,
  doubleMul: onDoubles(...simd(242)) as Binary,
  doubleDiv: onDoubles(...simd(243)) as Binary,
  doubleMin: onDoubles(...simd(244)) as Binary,
  doubleMax: onDoubles(...simd(245)) as Binary,
  doubleLane: (x: Operand, lane: number): Code => [code("v128", x), simd(33, lane)],
  /** a·b + sum, rounded once or twice as the machine does it best. */
  relaxedMulAdd: (a: Operand, b: Operand, sum: Operand): Code => [
    code("v128", a),
    code("v128", b),
    code("v128", sum),
    simd(261),
  ],
};

/** base + Σ index · bytes */
export const address = (
  base: Operand,
  ...terms: readonly (readonly [index: Operand, bytes: number])[]
): Code =>
  terms.reduce<Code>(
    (sum, [index, bytes]) => i32.add(sum, i32.mul(index, bytes)),
    code("i32", base),
  );

/**
 * Where element `at` of a row-major array lies, in bytes; `sizes` are the axes' behind the first.
 */
export function offsetOf(options: {
  at: readonly Operand[];
  sizes: readonly number[];
  bytes: number;
}): Code {
  const [first, ...rest] = options.at;
  const index = rest.reduce<Operand>(
    (sum, i, axis) => i32.add(i32.mul(sum, options.sizes[axis]), i),
    first,
  );
  return i32.mul(index, options.bytes);
}
