// The 2-D Fourier transform: along the rows, then along the columns, the shifts of the origin
// folded into load and store.
import { sizeOf } from "../../../../core/shape.ts";
import { i32, v, type Local, type Operand } from "../../encoder/instructions.ts";
import { pieces, unitsOf, type Kernel, type Pass } from "../../kernel.ts";
import { gatherLanes, transpose4 } from "../vectors.ts";
import { chirps, convolved, lengthFor, needsBluestein } from "./bluestein.ts";
import { stages } from "./stages.ts";

type FourierPass = Pass<"x", { inverse: boolean }>;
/** Lines of n elements `step` apart, `lineStep` from one to the next; in floats. */
interface Axis {
  readonly n: number;
  readonly step: number;
  readonly lines: number;
  readonly lineStep: number;
  /** Bytes from the real plane to the imaginary one. */
  readonly plane: number;
}

export const fft2: Kernel<"fft2"> = (k) => {
  const [H, W] = k.out.slice(-2);
  const images = sizeOf(k.out) / (2 * H * W);
  const bytes = Math.max(lengthFor(H), lengthFor(W)) * 32;
  const plane = H * W * 4;
  const along = (axis: Axis, from: (p: FourierPass) => Local): void => {
    const groups = Math.ceil(axis.lines / 4);
    const per = Math.ceil(groups / pieces(groups, 16 * axis.n * Math.log2(axis.n)));
    const chunks = Math.ceil(groups / per);
    k.pass(images * chunks, (p) => {
      const { f } = p;
      const room = p.scratch(2 * bytes);
      const buffers = [room, f.i32(i32.add(room, bytes))] as const;
      const image = f.i32(i32.mul(i32.divU(p.chunk, chunks), 2 * plane));
      const chunk = f.i32(i32.remU(p.chunk, chunks));
      const [source, target] = [f.i32(i32.add(from(p), image)), f.i32(i32.add(p.y, image))];
      eachGroup(p, axis, { chunk, per }, (offset, lanes) =>
        transformLines(p, axis, { from: i32.add(source, offset), to: i32.add(target, offset), lanes, buffers }),
      );
    });
  };
  along({ n: W, step: 1, lines: H, lineStep: W, plane }, (p) => p.input.x);
  along({ n: H, step: W, lines: W, lineStep: 1, plane }, (p) => p.y);
};

/** Groups of four lines, `per` of them a chunk; the last may be smaller. */
function eachGroup(
  { f }: FourierPass,
  { lines, lineStep }: Axis,
  { chunk, per }: { chunk: Local; per: number },
  group: (offset: Operand, lanes: number) => void,
): void {
  const bytes = 4 * lineStep * 4;
  const groups = Math.ceil(lines / 4);
  const [first, last] = unitsOf(f, chunk, groups, per);
  const whole = Math.floor(lines / 4);
  const wholeLast = groups === whole ? last : f.i32(i32.sub(last, i32.geU(last, groups)));
  f.range(first, wholeLast, 1, (i) => group(i32.mul(i, bytes), 4));
  if (groups > whole) f.if(i32.ne(last, wholeLast), () => group(whole * bytes, lines - whole * 4));
}

/** Up to four lines: into a buffer, transformed, and out again. */
function transformLines(
  p: FourierPass,
  axis: Axis,
  lines: { from: Operand; to: Operand; lanes: number; buffers: readonly [Local, Local] },
): void {
  const { f, table } = p;
  const { n } = axis;
  const { inverse } = p.attrs;
  const { lanes, buffers } = lines;
  const half = Math.floor(n / 2);
  const source = f.i32(lines.from);
  const target = f.i32(lines.to);
  // element j of the transform is element (j + ⌊n/2⌋) mod n of the line, going in and coming out
  const walk = (mover: Mover, line: Local, buffer: Local): void => {
    moveElements(p, axis, mover, { count: n - half, line, shift: half, buffer, first: 0 });
    moveElements(p, axis, mover, { count: half, line, shift: 0, buffer, first: n - half });
  };
  walk(into(p, axis, lanes), source, buffers[0]);
  const result = needsBluestein(n)
    ? convolved(f, chirps(n, inverse), buffers, table)
    : stages(f, { n, inverse }, buffers, table);
  walk(outOf(p, axis, lanes), target, result);
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
    lineStep === 1 ? v.load(line, part * plane) : gatherLanes(line, lanes, lineStep * 4, part * plane);
  const one = (line: Local, cell: Local): void => {
    f.do(v.store(cell, load(line, 0)));
    f.do(v.store(cell, load(line, 1), 16));
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
      if (lineStep === 1 && lanes === 4) f.do(v.store(line, x, part * plane));
      else
        for (let lane = 0; lane < lanes; lane++) f.do(v.storeLane(line, x, lane, part * plane + lane * lineStep * 4));
    }
  };
  return { one, four: inSquares(axis, lanes) ? four : undefined };
}
