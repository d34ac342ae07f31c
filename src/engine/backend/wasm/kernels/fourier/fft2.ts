// The 2-D Fourier transform: along the rows, then along the columns, the shifts of the origin
// folded into load and store.
import { sizeOf } from "../../../../core/shape.ts";
import { i32, type Local, type Operand } from "../../encoder/instructions.ts";
import { pieces, unitsOf, type Kernel } from "../../kernel.ts";
import {
  gatheredRoom,
  transformGathered,
  type Axis,
  type FourierPass,
  type Gathered,
} from "./gathered.ts";
import type { View } from "./stages.ts";
import {
  columnRoom,
  columnsGoStraight,
  rowRoom,
  rowsGoStraight,
  transformColumns,
  transformRow,
} from "./straight.ts";

/** How lines along an axis are transformed. */
interface Form {
  /** Lines that are done together; what is left goes `less` at a time, the last fewer. */
  readonly together: number;
  readonly less: number;
  /** Bytes of room for them. */
  readonly room: number;
  transform(p: FourierPass, lines: Gathered): void;
}

export const fft2: Kernel<"fft2"> = (k) => {
  const [H, W] = k.out.slice(-2);
  const images = sizeOf(k.out) / (2 * H * W);
  const plane = H * W * 4;
  const along = (axis: Axis, from: (p: FourierPass) => Local): void => {
    const form = formOf(axis);
    const units = Math.ceil(axis.lines / form.together);
    const steps = 4 * form.together * axis.n * Math.log2(axis.n);
    const per = Math.ceil(units / pieces(units, steps));
    const chunks = Math.ceil(units / per);
    k.pass(images * chunks, (p) => {
      const { f } = p;
      const room = p.scratch(form.room);
      const image = f.i32(i32.mul(i32.divU(p.chunk, chunks), 2 * plane));
      const chunk = f.i32(i32.remU(p.chunk, chunks));
      const [source, target] = [f.i32(i32.add(from(p), image)), f.i32(i32.add(p.y, image))];
      eachUnit(p, axis, { chunk, per, form }, (offset, lanes) => {
        const [here, there] = [source, target].map((start) => f.i32(i32.add(start, offset)));
        form.transform(p, { from: here, to: there, room, lanes });
      });
    });
  };
  along({ n: W, step: 1, lines: H, lineStep: W, plane }, (p) => p.input.x);
  along({ n: H, step: W, lines: W, lineStep: 1, plane }, (p) => p.y);
};

/** Columns that go together, as many as lie in one line of the cache, in groups of four. */
const COLUMNS = 16;

function formOf(axis: Axis): Form {
  const { n, step, lines, lineStep, plane } = axis;
  const view = (at: Local): View => ({ at, stride: step * 4, plane });
  if (step === 1 && rowsGoStraight(n))
    return {
      together: 1,
      less: 1,
      room: rowRoom(n),
      transform: ({ f, table, attrs }, { from, to, room }) =>
        transformRow(f, { n, ...attrs, from: view(from), to: view(to), room }, table),
    };
  const gathered: Form = {
    together: 4,
    less: 4,
    room: gatheredRoom(n),
    transform: (p, some) => transformGathered(p, axis, some),
  };
  if (lineStep !== 1 || lines < COLUMNS || !columnsGoStraight(n)) return gathered;
  return {
    together: COLUMNS,
    less: 4,
    room: Math.max(columnRoom(n, COLUMNS / 4), gatheredRoom(n)),
    transform: (p, some) => {
      const { from, to, room, lanes } = some;
      if (lanes < 4) return transformGathered(p, axis, some);
      const { f, table, attrs } = p;
      const columns = { n, ...attrs, from: view(from), to: view(to), room, groups: lanes / 4 };
      transformColumns(f, columns, table);
    },
  };
}

/** Units of lines that go together, `per` of them a chunk; the last may be smaller. */
function eachUnit(
  { f }: FourierPass,
  { lines, lineStep }: Axis,
  { chunk, per, form }: { chunk: Local; per: number; form: Form },
  transform: (offset: Operand, lanes: number) => void,
): void {
  const { together, less } = form;
  const bytes = together * lineStep * 4;
  const units = Math.ceil(lines / together);
  const [first, last] = unitsOf(f, chunk, units, per);
  const whole = Math.floor(lines / together);
  const wholeLast = units === whole ? last : f.i32(i32.sub(last, i32.geU(last, units)));
  f.range(first, wholeLast, 1, (i) => transform(i32.mul(i, bytes), together));
  if (units === whole) return;
  const rest = lines - whole * together;
  f.if(i32.ne(last, wholeLast), () => {
    const offset = f.i32(whole * bytes);
    f.for(Math.floor(rest / less), () => {
      transform(offset, less);
      f.advance(offset, less * lineStep * 4);
    });
    if (rest % less > 0) transform(offset, rest % less);
  });
}
