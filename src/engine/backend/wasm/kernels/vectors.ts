// Vectors between registers and memory.
import type { FunctionBuilder } from "../encoder/function.ts";
import { v, type Code, type Local, type Operand } from "../encoder/instructions.ts";

export const keep = (f: FunctionBuilder, values: readonly Operand[]): Local[] =>
  values.map((value) => f.v128(value));

/** Four vectors of rows become four of columns. */
export function transpose4(f: FunctionBuilder, [a, b, c, d]: readonly Local[]): Local[] {
  const [p, q] = keep(f, [v.shuffle(a, b, [0, 4, 1, 5]), v.shuffle(c, d, [0, 4, 1, 5])]);
  const [r, s] = keep(f, [v.shuffle(a, b, [2, 6, 3, 7]), v.shuffle(c, d, [2, 6, 3, 7])]);
  return keep(f, [
    v.shuffle(p, q, [0, 1, 4, 5]),
    v.shuffle(p, q, [2, 3, 6, 7]),
    v.shuffle(r, s, [0, 1, 4, 5]),
    v.shuffle(r, s, [2, 3, 6, 7]),
  ]);
}

/** Writes the first `lanes` lanes of `value` at `to + offset`. */
export function storeLanes(
  f: FunctionBuilder,
  to: Operand,
  value: Local,
  lanes: number,
  offset = 0,
): void {
  if (lanes === 4) f.do(v.store(to, value, offset));
  else
    for (let lane = 0; lane < lanes; lane++) f.do(v.storeLane(to, value, lane, offset + lane * 4));
}

/** The first `lanes` lanes from places `stride` bytes apart, the others 0. */
export function gatherLanes(at: Operand, lanes: number, stride: number, offset = 0): Code {
  let x: Operand = 0;
  for (let lane = 0; lane < lanes; lane++) x = v.loadLane(at, x, lane, offset + lane * stride);
  return x as Code;
}
