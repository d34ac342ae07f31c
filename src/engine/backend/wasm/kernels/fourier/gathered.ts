// Four lines of any length side by side: gathered into a buffer, transformed there, and put back.
import { i32, v, type Local, type Operand } from "../../encoder/instructions.ts";
import type { Pass } from "../../kernel.ts";
import { gatherLanes, transpose4 } from "../vectors.ts";
import { chirps, convolved, lengthFor, needsBluestein } from "./bluestein.ts";
import { runStages, stagesOf } from "./stages.ts";

export type FourierPass = Pass<"x", { inverse: boolean }>;
/** Lines of n elements `step` apart, `lineStep` from one to the next; in floats. */
export interface Axis {
  readonly n: number;
  readonly step: number;
  readonly lines: number;
  readonly lineStep: number;
  /** Bytes from the real plane to the imaginary one. */
  readonly plane: number;
}
/** Up to four lines, and two buffers. */
export interface Gathered {
  readonly from: Local;
  readonly to: Local;
  readonly room: Local;
  readonly lanes: number;
}
/** Bytes of room for them. */
export const gatheredRoom = (n: number): number => 2 * lengthFor(n) * 32;

export function transformGathered(p: FourierPass, axis: Axis, lines: Gathered): void {
  const { f, table } = p;
  const { n } = axis;
  const { inverse } = p.attrs;
  const half = Math.floor(n / 2);
  // element j of the transform is element (j + ⌊n/2⌋) mod n of the line, going in and coming out
  const walk = (mover: Mover, line: Local, buffer: Local): void => {
    moveElements(p, axis, mover, { count: n - half, line, shift: half, buffer, first: 0 });
    moveElements(p, axis, mover, { count: half, line, shift: 0, buffer, first: n - half });
  };
  const buffers = [lines.room, f.i32(i32.add(lines.room, lengthFor(n) * 32))] as const;
  walk(into(p, axis, lines.lanes), lines.from, buffers[0]);
  const result = needsBluestein(n)
    ? convolved(f, chirps(n, inverse), buffers, table)
    : runStages(f, stagesOf(n, inverse), buffers, table);
  walk(outOf(p, axis, lines.lanes), lines.to, result);
}

/** Moves one element of every line, or where `four` is given a square of four by four. */
interface Mover {
  one(line: Local, cell: Local): void;
  readonly four: ((line: Local, cell: Local) => void) | undefined;
}
function moveElements(
  { f }: FourierPass,
  { step }: Axis,
  { one, four }: Mover,
  run: { count: number; line: Local; shift: number; buffer: Local; first: number },
): void {
  const line = f.i32(i32.add(run.line, run.shift * step * 4));
  const cell = f.i32(i32.add(run.buffer, run.first * 32));
  const squares = four ? Math.floor(run.count / 4) : 0;
  f.for(squares, () => {
    four!(line, cell);
    f.advance(line, 16);
    f.advance(cell, 128);
  });
  f.for(run.count - 4 * squares, () => {
    one(line, cell);
    f.advance(line, step * 4);
    f.advance(cell, 32);
  });
}
/** Rows go four elements at a time, a square of 4 × 4 turned in registers. */
const inSquares = ({ step }: Axis, lanes: number): boolean => step === 1 && lanes === 4;

function into({ f }: FourierPass, axis: Axis, lanes: number): Mover {
  const { plane, lineStep } = axis;
  const four = (line: Local, cell: Local): void => {
    for (const part of [0, 1])
      transpose4(
        f,
        [0, 1, 2, 3].map((row) => f.v128(v.load(line, part * plane + row * lineStep * 4))),
      ).forEach((x, j) => f.do(v.store(cell, x, j * 32 + part * 16)));
  };
  const load = (line: Local, part: number): Operand =>
    lineStep === 1
      ? v.load(line, part * plane)
      : gatherLanes(line, lanes, lineStep * 4, part * plane);
  const one = (line: Local, cell: Local): void => {
    for (const part of [0, 1]) f.do(v.store(cell, load(line, part), part * 16));
  };
  return { one, four: inSquares(axis, lanes) ? four : undefined };
}

function outOf({ f }: FourierPass, axis: Axis, lanes: number): Mover {
  const { n, plane, lineStep } = axis;
  const scale = 1 / Math.sqrt(n);
  const four = (line: Local, cell: Local): void => {
    for (const part of [0, 1])
      transpose4(
        f,
        [0, 1, 2, 3].map((j) => f.v128(v.mul(v.load(cell, j * 32 + part * 16), scale))),
      ).forEach((x, row) => f.do(v.store(line, x, part * plane + row * lineStep * 4)));
  };
  const one = (line: Local, cell: Local): void => {
    for (const part of [0, 1]) {
      const x = f.v128(v.mul(v.load(cell, part * 16), scale));
      const at = part * plane;
      if (lineStep === 1 && lanes === 4) f.do(v.store(line, x, at));
      else
        for (let lane = 0; lane < lanes; lane++)
          f.do(v.storeLane(line, x, lane, at + lane * lineStep * 4));
    }
  };
  return { one, four: inSquares(axis, lanes) ? four : undefined };
}
