// DICOM's values against a reader in a few plain lines, over every way that a cell of pixels can be
// stored; and everything around the pixels that changes what they mean.
import { describe, expect, it } from "vitest";
import { FiducialError, FormatError, random, UnsupportedOpError } from "fiducial/engine";
import { readVolume } from "fiducial/data";
import { dicom, type Element } from "./fixtures/files.mjs";

const [ROWS, COLUMNS] = [3, 4];
interface Way {
  readonly bits: number;
  readonly stored: number;
  readonly high: number;
  readonly signed: boolean;
  readonly syntax: string;
  readonly vr: string;
  readonly photometric: string;
}
/** Cells as whole numbers, their bytes in the order of PS3.5 section 8. */
function cellBytes(
  cells: readonly number[],
  { bits, syntax, vr }: Pick<Way, "bits" | "syntax" | "vr">,
): Uint8Array {
  const little = syntax !== "big";
  const out = new Uint8Array((cells.length * bits) / 8);
  const view = new DataView(out.buffer);
  cells.forEach((v, i) => {
    if (bits === 8) out[!little && vr === "OW" ? i ^ 1 : i] = v;
    else if (bits === 16) view.setUint16(2 * i, v, little);
    else view.setUint32(4 * i, v, little);
  });
  return out;
}
/** The plain reader: shift, mask, sign, scale; MONOCHROME1 about the largest. */
function expected(cells: readonly number[], way: Way, slope = 1, intercept = 0): number[] {
  const values = cells.map((cell) => {
    const stored = Number(
      (BigInt(cell) >> BigInt(way.high + 1 - way.stored)) & ((1n << BigInt(way.stored)) - 1n),
    );
    return way.signed && stored >= 2 ** (way.stored - 1) ? stored - 2 ** way.stored : stored;
  });
  const scaled = values.map((v) => v * slope + intercept);
  const top = Math.max(...scaled);
  return scaled.map((v) => Math.fround(way.photometric === "MONOCHROME1" ? top - v : v));
}
function header(way: Way, more: readonly Element[] = []): Element[] {
  const elements: Element[] = [
    [0x28, 2, "US", 1],
    [0x28, 4, "CS", way.photometric],
    [0x28, 0x10, "US", ROWS],
    [0x28, 0x11, "US", COLUMNS],
    [0x28, 0x100, "US", way.bits],
    [0x28, 0x101, "US", way.stored],
    [0x28, 0x102, "US", way.high],
    [0x28, 0x103, "US", way.signed ? 1 : 0],
    ...more,
  ];
  return elements.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
}
const plain: Way = {
  bits: 16,
  stored: 12,
  high: 11,
  signed: false,
  syntax: "explicit",
  vr: "OW",
  photometric: "MONOCHROME2",
};
const ramp = Array.from({ length: ROWS * COLUMNS }, (_, i) => 10 * i);
/** A file of these cells, and further elements. */
function file(
  cells: readonly number[],
  more: readonly Element[] = [],
  way: Way = plain,
): Uint8Array {
  return dicom([...header(way, more), [0x7fe0, 0x10, way.vr, cellBytes(cells, way)]], {
    syntax: way.syntax,
  });
}
const read = (bytes: Uint8Array, slice = 0): number[] => [
  ...readVolume(bytes, "a.dcm").slice(slice),
];

describe("every way to store a cell", () => {
  const ways: Way[] = [];
  for (const bits of [8, 16, 32])
    for (const stored of [1, bits / 2, bits - 4, bits - 1, bits])
      for (const high of new Set([stored - 1, bits - 1]))
        for (const signed of [false, true])
          for (const syntax of ["implicit", "explicit", "big", "deflated"])
            for (const vr of bits === 8 ? ["OB", "OW"] : ["OW"])
              for (const photometric of ["MONOCHROME1", "MONOCHROME2"])
                ways.push({ bits, stored, high, signed, syntax, vr, photometric });
  it(`gives the plain reader's values in all ${ways.length}, whatever the unused bits hold`, () => {
    const rng = random(1);
    expect(ways.length).toBeGreaterThan(500);
    for (const way of ways) {
      const cells = Array.from({ length: ROWS * COLUMNS }, () =>
        Math.floor(rng.uniform() * 2 ** way.bits),
      );
      const scale: Element[] = [
        [0x28, 0x1052, "DS", "-7"],
        [0x28, 0x1053, "DS", "2"],
      ];
      expect(read(file(cells, scale, way)), JSON.stringify(way)).toEqual(
        expected(cells, way, 2, -7),
      );
    }
  });
  it("bits that cannot be are refused", () => {
    for (const wrong of [{ stored: 17 }, { stored: 0 }, { high: 16 }, { high: 3 }])
      expect(() => read(file(ramp, [], { ...plain, ...wrong }))).toThrow(/bits stored up to bit/);
  });
  it("float and double pixels", () => {
    for (const [element, vr, array] of [
      [8, "OF", Float32Array.from(ramp, (v) => v / 8)],
      [9, "OD", Float64Array.from(ramp, (v) => v / 8)],
    ] as const) {
      const bytes = new Uint8Array(array.buffer);
      expect(read(dicom([...header(plain), [0x7fe0, element, vr, bytes]]))).toEqual(
        ramp.map((v) => v / 8),
      );
    }
  });
});

describe("what changes the pixels' meaning", () => {
  const values = (slope: string, intercept: string): Element[] => [
    [0x28, 0x1052, "DS", intercept],
    [0x28, 0x1053, "DS", slope],
  ];
  const transformation = (slope: string, intercept: string): Element => [
    0x28,
    0x9145,
    "SQ",
    [values(slope, intercept)],
  ];
  it("slope and intercept of the shared group, and a frame's own before them", () => {
    const more: Element[] = [
      [0x28, 8, "IS", "2"],
      [0x5200, 0x9229, "SQ", [[transformation("2", "100")]]],
      [0x5200, 0x9230, "SQ", [[[0x20, 0x9111, "SQ", []]], [transformation("3", "-5")]]],
    ];
    for (const syntax of ["implicit", "explicit", "big"]) {
      const bytes = file([...ramp, ...ramp], more, { ...plain, syntax });
      expect(readVolume(bytes, "a").slices).toBe(2);
      expect(read(bytes, 0)).toEqual(ramp.map((v) => 2 * v + 100));
      expect(read(bytes, 1)).toEqual(ramp.map((v) => 3 * v - 5));
    }
  });
  it("a slope that is empty is 1; one that is no number is refused", () => {
    expect(read(file(ramp, values("", "")))).toEqual(ramp);
    expect(() => read(file(ramp, values("two", "0")))).toThrow(/slope or intercept is no number/);
  });
  it("the Modality LUT, of bytes and of words, with ends for what is outside", () => {
    const words = new Uint8Array(Uint16Array.of(100, 200, 400).buffer);
    for (const [data, table] of [
      [words, [100, 200, 400]],
      [Uint8Array.of(7, 8, 9, 0), [7, 8, 9]],
    ] as const) {
      const lut: Element = [
        0x28,
        0x3000,
        "SQ",
        [
          [
            [0x28, 0x3002, "US", [3, 20, data.length === 6 ? 16 : 8]],
            [0x28, 0x3006, "OW", data],
          ],
        ],
      ];
      const cells = ramp.map((_, i) => 19 + (i % 5));
      expect(read(file(cells, [lut]))).toEqual(
        cells.map((v) => table[Math.min(2, Math.max(0, v - 20))]),
      );
    }
  });
  it("padding is left out: it takes the smallest value, and MONOCHROME1 is inverted without it", () => {
    const cells = [4095, ...ramp.slice(1)];
    const padding: Element = [0x28, 0x120, "US", 4095];
    expect(read(file(cells, [padding]))).toEqual([10, ...ramp.slice(1)]);
    const inverted = file(cells, [padding], { ...plain, photometric: "MONOCHROME1" });
    expect(read(inverted)).toEqual([0, ...ramp.slice(1).map((v) => 110 - v)]);
    const range: Element[] = [
      [0x28, 0x120, "SS", -20],
      [0x28, 0x121, "SS", -10],
    ];
    const below = [0xffec, 0xfff6, ...ramp.slice(2)];
    expect(read(file(below, range, { ...plain, stored: 16, high: 15, signed: true }))).toEqual([
      20,
      20,
      ...ramp.slice(2),
    ]);
  });
  it("padding that the stored bits cannot hold is looked for in the whole cell", () => {
    const cells = [0xf830, ...ramp.slice(1)];
    expect(read(file(cells, [[0x28, 0x120, "US", 0xf830]]))).toEqual([10, ...ramp.slice(1)]);
  });
  it("MONOCHROME1 uses the values that are there, not the type's range", () => {
    const low = read(
      file(ramp, [], { ...plain, stored: 16, high: 15, photometric: "MONOCHROME1" }),
    );
    expect(low).toEqual(ramp.map((v) => 110 - v));
  });
});

describe("files as they come", () => {
  it("without the first 132 bytes, and without file meta, in every syntax that can be told", () => {
    const first: Element = [8, 0x60, "CS", "MR"];
    for (const syntax of ["implicit", "explicit", "big"]) {
      const way = { ...plain, syntax };
      const elements: Element[] = [
        first,
        ...header(way),
        [0x7fe0, 0x10, "OW", cellBytes(ramp, way)],
      ];
      expect(read(dicom(elements, { syntax, preamble: false }))).toEqual(ramp);
      expect(read(dicom(elements, { syntax, meta: false }))).toEqual(ramp);
    }
  });
  it("0 frames are one", () => {
    const bytes = file(ramp, [[0x28, 8, "IS", "0"]]);
    expect(readVolume(bytes, "a").slices).toBe(1);
    expect(() => read(file(ramp, [[0x28, 8, "IS", "-3"]]))).toThrow(FormatError);
  });
  it("pixels whose length is wrong: enough are read, too few are refused", () => {
    const exact = file(ramp, [], { ...plain, syntax: "implicit" });
    const longer = Uint8Array.from(exact);
    const at = exact.length - 2 * ramp.length - 4;
    longer[at] += 1;
    expect(read(longer)).toEqual(ramp);
    expect(() => read(exact.subarray(0, exact.length - 1))).toThrow(/cut short/);
    for (let end = 0; end < exact.length; end++) {
      expect(() => read(exact.subarray(0, end)), String(end)).toThrow(FiducialError);
    }
  });
  it("colour and encapsulated pixels are refused by name", () => {
    const colour = header({ ...plain, photometric: "RGB" });
    expect(() => read(dicom([...colour, [0x7fe0, 0x10, "OW", new Uint8Array(72)]]))).toThrow(
      UnsupportedOpError,
    );
  });
  it("a deflated data set unpacks no further than its pixels", () => {
    const bomb = dicom(
      [
        ...header({ ...plain, syntax: "deflated" }),
        [0x7fe0, 0x10, "OW", cellBytes(ramp, plain)],
        [0xfffc, 0xfffc, "OB", new Uint8Array(1e6)],
      ],
      { syntax: "deflated" },
    );
    expect(() => read(bomb)).toThrow(/unpacks to more than/);
  });
});
