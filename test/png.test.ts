// PNG's rows against fast-png, an independent reader: every colour type, depth and filter, odd
// sizes, interlaced or not. Any bytes are rows of some picture, so random ones are taken.
import { decode } from "fast-png";
import { describe, expect, it } from "vitest";
import { readPicture } from "fiducial/data";
import { random } from "fiducial/engine";
import { png } from "./fixtures/files.mjs";

const channelsOf: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };
const types = [
  ...[1, 2, 4, 8, 16].map((depth) => [0, depth] as const),
  ...[1, 2, 4, 8].map((depth) => [3, depth] as const),
  ...[2, 4, 6].flatMap((colour) => [8, 16].map((depth) => [colour, depth] as const)),
];
/** First row and column of Adam7's passes, and the steps from one to the next. */
const adam7 = [
  [0, 0, 8, 8],
  [0, 4, 8, 8],
  [4, 0, 8, 4],
  [0, 2, 4, 4],
  [2, 0, 4, 2],
  [0, 1, 2, 2],
  [1, 0, 2, 1],
];
/** The lengths in bytes of the rows of all passes. */
function rowLengths(
  [height, width]: readonly number[],
  bits: number,
  interlaced: boolean,
): number[] {
  return (interlaced ? adam7 : [[0, 0, 1, 1]]).flatMap(([top, left, down, across]) => {
    const [rows, columns] = [Math.ceil((height - top) / down), Math.ceil((width - left) / across)];
    return columns > 0 && rows > 0
      ? new Array<number>(rows).fill(Math.ceil((columns * bits) / 8))
      : [];
  });
}
const palette = Array.from({ length: 768 }, (_, k) => (k * 7) % 256);
const sizes = [
  [1, 1],
  [5, 9],
  [13, 8],
  [3, 17],
];

describe.each(types)("colour type %i of %i bits", (colour, depth) => {
  const channels = channelsOf[colour];
  const rng = random(colour * 100 + depth);
  const made = ([height, width]: readonly number[], interlace: number): Uint8Array => {
    const lengths = rowLengths([height, width], channels * depth, interlace === 1);
    const rows = lengths.map((n) => Array.from({ length: n }, () => rng.integer(256)));
    const head = {
      width,
      height,
      depth,
      colour,
      interlace,
      filters: rows.map(() => rng.integer(5)),
    };
    return png(head, rows, colour === 3 ? [["PLTE", palette]] : []);
  };
  const values = (bytes: Uint8Array): number[] => {
    const { height, width, pixel } = readPicture(bytes, "a.png");
    return Array.from({ length: height * width }, (_, k) =>
      pixel(Math.floor(k / width), k % width),
    ).flat();
  };
  /** What fast-png's data say: low depths are packed in rows. */
  const peer = (bytes: Uint8Array): number[] => {
    const { data, height, width } = decode(bytes);
    const pitch = depth < 8 ? Math.ceil((width * depth) / 8) : width * channels;
    const at = (i: number, j: number, c: number): number => {
      if (depth >= 8) return data[i * pitch + j * channels + c];
      const bit = j * depth;
      return (data[i * pitch + (bit >> 3)] >> (8 - depth - (bit & 7))) & (2 ** depth - 1);
    };
    return Array.from({ length: height * width }, (_, k) => {
      const [i, j] = [Math.floor(k / width), k % width];
      if (colour === 3)
        return palette.slice(3 * at(i, j, 0), 3 * at(i, j, 0) + 3).map((v) => v / 255);
      return [0, 1, 2].map((c) => at(i, j, channels < 3 ? 0 : c) / (2 ** depth - 1));
    }).flat();
  };
  it("is read as fast-png reads it", () => {
    for (const size of sizes)
      for (let n = 0; n < 6; n++)
        for (const interlace of depth < 8 ? [0] : [0, 1]) {
          const bytes = made(size, interlace);
          expect(values(bytes), `${size.join("×")}, ${interlace}`).toEqual(peer(bytes));
        }
  });
  it("interlaced, its pixels are those of its passes", () => {
    for (const [height, width] of sizes) {
      // unfiltered, every pixel's own place among the passes
      const lengths = rowLengths([height, width], channels * depth, true);
      const rows = lengths.map((n) => Array.from({ length: n }, () => rng.integer(256)));
      const more: [string, readonly number[]][] = colour === 3 ? [["PLTE", palette]] : [];
      const got = values(png({ width, height, depth, colour, interlace: 1 }, rows, more));
      let row = 0;
      for (const [top, left, down, across] of adam7)
        for (let i = top; i < height && left < width; i += down, row++) {
          const columns = Math.ceil((width - left) / across);
          const alone = values(
            png({ width: columns, height: 1, depth, colour }, [rows[row]], more),
          );
          for (let j = 0; j < columns; j++)
            for (let c = 0; c < 3; c++)
              expect(got[3 * (i * width + left + j * across) + c]).toBe(alone[3 * j + c]);
        }
    }
  });
});

it("a filter, a colour or a chunk that there is not is refused", () => {
  const refused = (bytes: Uint8Array, says: RegExp): void => {
    expect(() => readPicture(bytes, "a.png").pixel(0, 0)).toThrow(says);
  };
  const grey = { width: 1, height: 1 };
  refused(png({ ...grey, filters: [5] }, [[0]]), /a row has filter 5/);
  refused(png({ ...grey, colour: 3 }, [[0]]), /its palette is missing/);
  refused(
    png({ ...grey, colour: 3 }, [[0]], [["PLTE", [1, 2]]]),
    /its palette is .*no list of colours/,
  );
  refused(png({ ...grey, colour: 3 }, [[7]], [["PLTE", [1, 2, 3]]]), /not in its palette/);
  refused(png({ ...grey, colour: 2, depth: 4 }, [[7]]), /colour type 2, 4 bits.* do not exist/);
  refused(png({ width: 2, height: 2 }, [[0, 0]]), /fewer pixels than 2×2/);
  const wrongSum = png(grey, [[0]]);
  wrongSum[wrongSum.length - 14] ^= 1;
  refused(wrongSum, /the checksum of its chunk IDAT is wrong/);
});
