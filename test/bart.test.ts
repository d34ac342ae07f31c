// Arrays of BART: two files, a header in text and complex values, columns first.
import { describe, expect, it } from "vitest";
import { readCellValues, readVolume, type Volume } from "fiducial/data";
import { FiducialError, FormatError, UnsupportedOpError } from "fiducial/engine";
import { bartHeader } from "./fixtures/files.mjs";

/** Complex values 1 − i, 2 − 2i, …, little-endian whatever this machine is. */
function counted(voxels: number): Uint8Array {
  const bytes = new Uint8Array(voxels * 8);
  const view = new DataView(bytes.buffer);
  for (let k = 0; k < voxels; k++) {
    view.setFloat32(8 * k, k + 1, true);
    view.setFloat32(8 * k + 4, -(k + 1), true);
  }
  return bytes;
}
const open = (header: Uint8Array, values: Uint8Array): Volume =>
  readVolume(header, "a.hdr", { pixels: () => values });
const padded = (dims: readonly number[]): number[] => [
  ...dims,
  ...new Array<number>(16 - dims.length).fill(1),
];

describe("BART", () => {
  it("reads columns first, both parts, every further dimension as slices", () => {
    const volume = open(bartHeader(padded([2, 3, 1, 2])), counted(12));
    const { format, slices, volumes, height, width, complex } = volume;
    expect({ format, slices, volumes, height, width, complex }).toEqual({
      format: "BART",
      slices: 2,
      volumes: 1,
      height: 2,
      width: 3,
      complex: true,
    });
    const first = [1, 3, 5, 2, 4, 6];
    expect([...volume.slice(0)]).toEqual([...first, ...first.map((v) => -v)]);
    expect([...volume.slice(1)].slice(0, 6)).toEqual(first.map((v) => v + 6));
    expect(volume.notes).toEqual([
      "dimensions 1 and 2 (2×3) are taken as rows and columns, dimension 4 (2) as slices",
    ]);
  });
  it("reads one image without a note, a single dimension, and lines that end as Windows has them", () => {
    expect(open(bartHeader(padded([2, 3])), counted(6)).notes).toEqual([]);
    expect(open(bartHeader([5]), counted(5))).toMatchObject({ height: 5, width: 1, slices: 1 });
    const windows = new TextEncoder().encode("# Dimensions\r\n2 3 \r\n");
    expect(open(windows, counted(6))).toMatchObject({ height: 2, width: 3, slices: 1 });
  });
  it("values may begin anywhere in their buffer", () => {
    const behind = new Uint8Array([7, 7, 7, ...counted(6)]).subarray(3);
    expect(open(bartHeader([2, 3]), behind).slice(0)[1]).toBe(3);
  });
  it("is a mask as well, by its magnitudes", () => {
    const cells = readCellValues(bartHeader([2, 2]), "a.hdr", { pixels: () => counted(4) });
    expect([...cells.values].map((v) => v / Math.SQRT2)).toEqual(
      [1, 3, 2, 4].map((v) => expect.closeTo(v, 6)),
    );
  });

  it.each([
    [
      "no second line",
      new TextEncoder().encode("# Dimensions"),
      /no dimensions on its second line/,
    ],
    ["no numbers", bartHeader([]), /no dimensions on its second line/],
    ["words", bartHeader(["two", 3]), /says the dimension "two"/],
    ["zero", bartHeader([2, 0]), /says the dimension "0"/],
    ["a negative one", bartHeader([2, -3]), /says the dimension "-3"/],
    ["a fraction", bartHeader([2, 1.5]), /says the dimension "1.5"/],
    ["too many digits", bartHeader(["99999999999"]), /says the dimension "99999999999"/],
    [
      "more voxels than any machine has",
      bartHeader(new Array<number>(40).fill(2e9)),
      /claims .* voxels/,
    ],
    [
      "more values than there are",
      bartHeader([2, 4]),
      /needs 64 bytes of pixels and the file has 48/,
    ],
    [
      "fewer values than there are",
      bartHeader([2, 2]),
      /needs 32 bytes .* has 48: the two do not belong together/,
    ],
  ])("refuses %s in one line that names the file", (_, header, message) => {
    expect(() => open(header, counted(6))).toThrow(FormatError);
    expect(() => open(header, counted(6))).toThrow(message);
    expect(() => open(header, counted(6))).toThrow(/^a\.hdr: [^\n]*$/);
  });
  it("refuses a header by itself, and one whose values are elsewhere", () => {
    expect(() => readVolume(bartHeader([2, 3]), "a.hdr")).toThrow(
      /header of a pair \(\.hdr, \.cfl\)/,
    );
    const elsewhere = bartHeader([2, 3], "# Data\n/etc/passwd\n");
    expect(() => open(elsewhere, counted(6))).toThrow(UnsupportedOpError);
  });
  it("does not ask for values that no memory holds", () => {
    let asked = false;
    const pixels = (): Uint8Array => {
      asked = true;
      return new Uint8Array(0);
    };
    expect(() => readVolume(bartHeader([65536, 65536]), "a.hdr", { pixels })).toThrow(
      FiducialError,
    );
    expect(asked).toBe(false);
  });
});
