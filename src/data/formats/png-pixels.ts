// PNG's pixels from their unpacked rows: filters are undone where the rows lie, so nothing but the
// rows is kept. Source: PNG specification, third edition.
import type { PngHeader, PngPass } from "./png-chunks.ts";

type Fail = (why: string) => never;
/** The value of a channel, from 0 to 2^depth − 1. */
export type Sample = (row: number, column: number, channel: number) => number;

function paeth(left: number, up: number, corner: number): number {
  const p = left + up - corner;
  const [a, b, c] = [Math.abs(p - left), Math.abs(p - up), Math.abs(p - corner)];
  if (a <= b && a <= c) return left;
  return b <= c ? up : corner;
}

/** Undoes the filter of the row of `count` bytes at `at`; the row above lies at `above`, if any. */
function unfilterRow(
  data: Uint8Array,
  row: { at: number; above: number | undefined; count: number; step: number },
): boolean {
  const { at, above, count, step } = row;
  const up = (i: number): number => (above === undefined ? 0 : data[above + i]);
  const left = (i: number): number => (i < step ? 0 : data[at + i - step]);
  const corner = (i: number): number => (i < step ? 0 : up(i - step));
  const filter = data[at - 1];
  if (filter === 1) for (let i = step; i < count; i++) data[at + i] += data[at + i - step];
  else if (filter === 2) for (let i = 0; i < count; i++) data[at + i] += up(i);
  else if (filter === 3) for (let i = 0; i < count; i++) data[at + i] += (left(i) + up(i)) >> 1;
  else if (filter === 4)
    for (let i = 0; i < count; i++) data[at + i] += paeth(left(i), up(i), corner(i));
  return filter <= 4;
}

/** The pixels of the unpacked rows `data`, which are changed in place. */
export function pngSamples(
  data: Uint8Array,
  { channels, depth, passes }: PngHeader,
  fail: Fail,
): Sample {
  const step = Math.max(1, (channels * depth) / 8);
  for (const { rows, start, pitch } of passes)
    for (let i = 0; i < rows; i++) {
      const at = start + i * pitch + 1;
      const above = i === 0 ? undefined : at - pitch;
      if (!unfilterRow(data, { at, above, count: pitch - 1, step }))
        return fail(`a row has filter ${data[at - 1]}`);
    }
  const inRow = valueIn(data, channels, depth);
  if (passes.length === 1) {
    const [{ start, pitch }] = passes;
    return (i, j, c) => inRow(start + i * pitch + 1, j, c);
  }
  const passAt = Array.from({ length: 64 }, (_, k) =>
    passes.findIndex((pass) => isIn(pass, k >> 3, k & 7)),
  );
  return (i, j, c) => {
    const { top, left, down, across, start, pitch } = passes[passAt[8 * (i & 7) + (j & 7)]];
    return inRow(start + ((i - top) / down) * pitch + 1, (j - left) / across, c);
  };
}
const isIn = ({ top, left, down, across }: PngPass, i: number, j: number): boolean =>
  i >= top && j >= left && (i - top) % down === 0 && (j - left) % across === 0;

/** How a channel's value lies in the row that begins at `at`. */
function valueIn(
  data: Uint8Array,
  channels: number,
  depth: number,
): (at: number, j: number, c: number) => number {
  if (depth === 8) return (at, j, c) => data[at + j * channels + c];
  if (depth === 16)
    return (at, j, c) => {
      const k = at + 2 * (j * channels + c);
      return 256 * data[k] + data[k + 1];
    };
  // one channel, the leftmost pixel in the highest bits
  const top = 2 ** depth - 1;
  return (at, j) => (data[at + ((j * depth) >> 3)] >> (8 - depth - ((j * depth) & 7))) & top;
}
