// The 2-D Fourier transform: along the rows, then along the columns, the shifts of the origin
// folded into load and store.
import { sizeOf } from "../../../../core/shape.ts";
import { i32, v, type Local, type Operand } from "../../encoder/instructions.ts";
import { pieces, unitsOf, type Kernel, type Pass } from "../../kernel.ts";
import { gatherLanes, transpose4 } from "../vectors.ts";
import { chirps, convolved, lengthFor, needsBluestein } from "./bluestein.ts";
import { radices, stages } from "./stages.ts";

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

/**
 * Columns go four groups of four at a time, as many as lie in one line of the cache: it is read and
 * written once. Where Bluestein's form needs both buffers, and along rows, one group.
 */
const groupsOf = ({ n, lineStep, lines }: Axis): number =>
  lineStep === 1 && lines >= 16 && !needsBluestein(n) ? 4 : 1;

export const fft2: Kernel<"fft2"> = (k) => {
  const [H, W] = k.out.slice(-2);
  const images = sizeOf(k.out) / (2 * H * W);
  const plane = H * W * 4;
  const along = (axis: Axis, from: (p: FourierPass) => Local): void => {
    const groups = groupsOf(axis);
    const units = Math.ceil(axis.lines / (4 * groups));
    const per = Math.ceil(units / pieces(units, 16 * groups * axis.n * Math.log2(axis.n)));
    const chunks = Math.ceil(units / per);
    const bytes = lengthFor(axis.n) * 32;
    k.pass(images * chunks, (p) => {
      const { f } = p;
      const room = p.scratch((groups + 1) * bytes);
      const image = f.i32(i32.mul(i32.divU(p.chunk, chunks), 2 * plane));
      const chunk = f.i32(i32.remU(p.chunk, chunks));
      const [source, target] = [f.i32(i32.add(from(p), image)), f.i32(i32.add(p.y, image))];
      eachUnit(p, axis, { chunk, per, groups }, (offset, some) => {
        const [here, there] = [source, target].map((plane) => f.i32(i32.add(plane, offset)));
        transformLines(p, axis, { from: here, to: there, room, bytes, ...some });
      });
    });
  };
  along({ n: W, step: 1, lines: H, lineStep: W, plane }, (p) => p.input.x);
  along({ n: H, step: W, lines: W, lineStep: 1, plane }, (p) => p.y);
};

/** Lines that are transformed side by side: `groups` of `lanes` each. */
interface Side {
  readonly groups: number;
  readonly lanes: number;
}

/** Units of so many groups of four lines, `per` of them a chunk; the last may be smaller. */
function eachUnit(
  { f }: FourierPass,
  { lines, lineStep }: Axis,
  { chunk, per, groups }: { chunk: Local; per: number; groups: number },
  transform: (offset: Operand, side: Side) => void,
): void {
  const width = 4 * groups;
  const bytes = width * lineStep * 4;
  const units = Math.ceil(lines / width);
  const [first, last] = unitsOf(f, chunk, units, per);
  const whole = Math.floor(lines / width);
  const wholeLast = units === whole ? last : f.i32(i32.sub(last, i32.geU(last, units)));
  f.range(first, wholeLast, 1, (i) => transform(i32.mul(i, bytes), { groups, lanes: 4 }));
  if (units === whole) return;
  const rest = lines - whole * width;
  f.if(i32.ne(last, wholeLast), () => {
    const offset = f.i32(whole * bytes);
    f.for(Math.floor(rest / 4), () => {
      transform(offset, { groups: 1, lanes: 4 });
      f.advance(offset, lineStep * 16);
    });
    if (rest % 4 > 0) transform(offset, { groups: 1, lanes: rest % 4 });
  });
}

interface Lines extends Side {
  readonly from: Local;
  readonly to: Local;
  /** A buffer of `bytes` for every group, and one more. */
  readonly room: Local;
  readonly bytes: number;
}

/** Lines into buffers, transformed, and out again. */
function transformLines(p: FourierPass, axis: Axis, lines: Lines): void {
  const { f, table } = p;
  const { n } = axis;
  const { inverse } = p.attrs;
  const { room, bytes, groups } = lines;
  const half = Math.floor(n / 2);
  // element j of the transform is element (j + ⌊n/2⌋) mod n of the line, going in and coming out
  const walk = (mover: Mover, line: Local, buffer: Local): void => {
    moveElements(p, axis, mover, { count: n - half, line, shift: half, buffer, first: 0 });
    moveElements(p, axis, mover, { count: half, line, shift: 0, buffer, first: n - half });
  };
  const own = f.i32(i32.add(room, bytes));
  walk(into(p, axis, lines), lines.from, own);
  if (needsBluestein(n)) {
    walk(outOf(p, axis, lines), lines.to, convolved(f, chirps(n, inverse), [own, room], table));
    return;
  }
  // after an odd number of stages a result lies in the other buffer, and leaves its own to the next
  const isOdd = radices(n).length % 2 === 1;
  f.for(
    groups * bytes,
    (at) => {
      const buffers = [f.i32(i32.add(own, at)), isOdd ? f.i32(i32.add(room, at)) : room] as const;
      stages(f, { n, inverse }, buffers, table);
    },
    bytes,
  );
  walk(outOf(p, axis, lines), lines.to, isOdd ? room : own);
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

function into({ f }: FourierPass, axis: Axis, { lanes, groups, bytes }: Lines): Mover {
  const { plane, lineStep } = axis;
  const four = (line: Local, cell: Local): void => {
    for (const part of [0, 1])
      transpose4(
        f,
        [0, 1, 2, 3].map((row) => f.v128(v.load(line, part * plane + row * lineStep * 4))),
      ).forEach((x, j) => f.do(v.store(cell, x, j * 32 + part * 16)));
  };
  const load = (line: Local, part: number, group: number): Operand =>
    lineStep === 1
      ? v.load(line, part * plane + group * 16)
      : gatherLanes(line, lanes, lineStep * 4, part * plane);
  const one = (line: Local, cell: Local): void => {
    for (const part of [0, 1])
      for (let group = 0; group < groups; group++)
        f.do(v.store(cell, load(line, part, group), group * bytes + part * 16));
  };
  return { one, four: inSquares(axis, lanes) ? four : undefined };
}

function outOf({ f }: FourierPass, axis: Axis, { lanes, groups, bytes }: Lines): Mover {
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
    for (const part of [0, 1])
      for (let group = 0; group < groups; group++) {
        const x = f.v128(v.mul(v.load(cell, group * bytes + part * 16), scale));
        const at = part * plane + group * 16;
        if (lineStep === 1 && lanes === 4) f.do(v.store(line, x, at));
        else
          for (let lane = 0; lane < lanes; lane++)
            f.do(v.storeLane(line, x, lane, at + lane * lineStep * 4));
      }
  };
  return { one, four: inSquares(axis, lanes) ? four : undefined };
}
