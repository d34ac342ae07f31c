// DICOM's compressed transfer syntaxes: our own readers against encoders of a few plain lines, the
// libraries against the shared files; frames, their order, series of files.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { FiducialError, FormatError, random, UnsupportedOpError } from "fiducial/engine";
import { loadSeries, loadVolume, readVolume } from "fiducial/data";
import { dicom, type Element } from "./fixtures/files.mjs";
import { encapsulated, losslessJpeg, rle } from "./fixtures/packed.mjs";

const [H, W] = [7, 9];
const RLE = "1.2.840.10008.1.2.5";
const LOSSLESS = "1.2.840.10008.1.2.4.57";
const rng = random(3);
/** Runs, small steps and large ones. */
const noise = (bits: number): number[] =>
  Array.from({ length: H * W }, (_, i) => (i % 5 < 2 ? 7 : rng.integer(i % 3 ? 40 : 2 ** bits)));

function header(bits: number, more: readonly Element[] = []): Element[] {
  const elements: Element[] = [
    [8, 0x60, "CS", "MR"],
    [0x28, 2, "US", 1],
    [0x28, 4, "CS", "MONOCHROME2"],
    [0x28, 0x10, "US", H],
    [0x28, 0x11, "US", W],
    [0x28, 0x100, "US", bits],
    [0x28, 0x101, "US", bits],
    [0x28, 0x102, "US", bits - 1],
    [0x28, 0x103, "US", 0],
    ...more,
  ];
  return elements.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
}
const frames = (n: number): Element => [0x28, 8, "IS", String(n)];
const read = async (bytes: Uint8Array, slice = 0): Promise<number[]> => [
  ...(await loadVolume(bytes, "a.dcm")).slice(slice),
];

describe("our own readers give every pixel back", () => {
  it("RLE of 8, 16 and 32 bits", async () => {
    for (const bits of [8, 16, 32]) {
      const values = noise(Math.min(24, bits));
      expect(await read(encapsulated(header(bits), RLE, [rle(values, bits / 8)]))).toEqual(values);
    }
  });
  it("lossless JPEG: every predictor, with restarts, with a point transform, of every precision", async () => {
    for (const predictor of [1, 2, 3, 4, 5, 6, 7])
      for (const rows of [0, 1, 3])
        for (const [precision, shift] of [
          [16, 0],
          [12, 0],
          [8, 0],
          [12, 2],
        ]) {
          const values = noise(precision).map((v) => (v >> shift) << shift);
          const bytes = losslessJpeg(values, [H, W], { predictor, rows, precision, shift });
          const file = encapsulated(header(16), LOSSLESS, [bytes]);
          expect(await read(file), JSON.stringify({ predictor, rows, precision, shift })).toEqual(
            values,
          );
        }
  });
  it("refuse what is cut short, anywhere, and other sizes than the header's", async () => {
    const values = noise(16);
    for (const [uid, packed] of [
      [RLE, rle(values, 2)],
      [LOSSLESS, losslessJpeg(values, [H, W])],
    ] as const) {
      for (let end = 0; end < packed.length - 8; end += 3)
        await expect(
          read(encapsulated(header(16), uid, [packed.subarray(0, end)])),
          String(end),
        ).rejects.toThrow(FiducialError);
    }
    const turned = encapsulated(header(16), LOSSLESS, [losslessJpeg(values, [W, H])]);
    await expect(read(turned)).rejects.toThrow(/9×7 of 16 bits instead of 7×9/);
  });
  it("JPEG of 12 bits is refused by its precision", async () => {
    const twelve = Uint8Array.of(
      0xff,
      0xd8,
      0xff,
      0xc1,
      0,
      11,
      12,
      0,
      H,
      0,
      W,
      1,
      1,
      0x11,
      0,
      0xff,
      0xd9,
    );
    const file = encapsulated(header(16), "1.2.840.10008.1.2.4.51", [twelve]);
    await expect(read(file)).rejects.toThrow(/12 bits a pixel, 8 are read/);
  });
});

describe("frames", () => {
  const images = [noise(16), noise(16), noise(16)];
  const packed = images.map((values) => losslessJpeg(values, [H, W]));
  const three = header(16, [frames(3)]);
  const even = packed.map((bytes) => bytes.length + (bytes.length % 2) + 8);
  it("of one fragment each, of several by the offset table, of several by their first bytes", async () => {
    const halves = packed.flatMap((bytes) => [bytes.subarray(0, 20), bytes.subarray(20)]);
    const starts = [0, 1, 2].map((k) => {
      const before = packed.slice(0, k);
      return before.reduce((n, b) => n + 8 + 20 + 8 + (b.length - 20) + ((b.length - 20) % 2), 0);
    });
    const files = [
      encapsulated(three, LOSSLESS, packed),
      encapsulated(three, LOSSLESS, packed, [0, even[0], even[0] + even[1]]),
      encapsulated(three, LOSSLESS, halves, starts),
      encapsulated(three, LOSSLESS, halves),
    ];
    for (const file of files)
      for (const k of [0, 1, 2]) expect(await read(file, k)).toEqual(images[k]);
  });
  it("that cannot be told are refused", async () => {
    const two = encapsulated(header(16, [frames(2)]), LOSSLESS, packed);
    await expect(read(two)).rejects.toThrow(/3 fragments do not say where its 2 frames begin/);
  });
  it("are sorted by their places, and each has its own slope", async () => {
    const plane = (z: number, slope: string): Element[] => [
      [0x20, 0x9113, "SQ", [[[0x20, 0x32, "DS", `0\\0\\${z}`]]]],
      [
        0x28,
        0x9145,
        "SQ",
        [
          [
            [0x28, 0x1052, "DS", "0"],
            [0x28, 0x1053, "DS", slope],
          ],
        ],
      ],
    ];
    const along: Element = [0x20, 0x9116, "SQ", [[[0x20, 0x37, "DS", "1\\0\\0\\0\\1\\0"]]]];
    const groups: Element[] = [
      [0x5200, 0x9229, "SQ", [[along]]],
      [0x5200, 0x9230, "SQ", [plane(4, "1"), plane(-2, "2"), plane(1, "3")]],
    ];
    const file = encapsulated([...three, ...groups], LOSSLESS, packed);
    const volume = await loadVolume(file, "a.dcm");
    expect(volume.notes).toContain("its frames are sorted by their places");
    expect([...volume.slice(0)]).toEqual(images[1].map((v) => 2 * v));
    expect([...volume.slice(1)]).toEqual(images[2].map((v) => 3 * v));
    expect([...volume.slice(2)]).toEqual(images[0]);
  });
});

describe("series of files", () => {
  const file = (
    name: string,
    value: number,
    more: readonly Element[],
  ): { name: string; read(): Uint8Array } => {
    const cells = new Uint8Array(Uint16Array.from({ length: H * W }, () => value).buffer);
    const bytes = dicom([...header(16, more), [0x7fe0, 0x10, "OW", cells]]);
    return { name, read: () => bytes };
  };
  const place = (
    series: string,
    at: string,
    number: number,
    along = "1\\0\\0\\0\\1\\0",
  ): Element[] => [
    [0x20, 0x0e, "UI", series],
    [0x20, 0x13, "IS", String(number)],
    [0x20, 0x32, "DS", at],
    [0x20, 0x37, "DS", along],
  ];
  const first = async (files: Parameters<typeof loadSeries>[0]): Promise<number[]> => {
    const volume = await loadSeries(files, "folder");
    return Array.from({ length: volume.slices }, (_, k) => volume.slice(k)[0]);
  };
  it("are sorted along the normal of their planes, whatever their names and numbers say", async () => {
    const axial = [3, -1, 8, 2].map((z, i) => file(`${i}`, i, place("1.2", `5\\5\\${z}`, 9 - i)));
    expect(await first(axial)).toEqual([1, 3, 0, 2]);
    const coronal = [3, -1, 8].map((y, i) =>
      file(`${i}`, i, place("1.2", `5\\${y}\\7`, i, "1\\0\\0\\0\\0\\-1")),
    );
    expect(await first(coronal)).toEqual([1, 0, 2]);
  });
  it("places that come again are volumes in time; without places the numbers decide", async () => {
    const twice = [0, 1, 0, 1].map((z, i) => file(`${i}`, i, place("1.2", `0\\0\\${z}`, i)));
    const volume = await loadSeries(twice, "folder");
    expect([volume.slices, volume.volumes]).toEqual([4, 2]);
    expect(await first(twice)).toEqual([0, 1, 2, 3]);
    const unplaced = [3, 1, 2].map((n, i) => file(`${i}`, i, [[0x20, 0x13, "IS", String(n)]]));
    expect(await first(unplaced)).toEqual([1, 2, 0]);
  });
  it("the largest is taken, and what is left out is said", async () => {
    const other = file("x", 9, place("1.3", "0\\0\\0", 1));
    const text = {
      name: "readme",
      read: () => new TextEncoder().encode("no image at all, honestly"),
    };
    const series = [1, 0].map((z, i) => file(`${i}`, i, place("1.2", `0\\0\\${z}`, i)));
    const volume = await loadSeries([other, ...series, text], "folder");
    expect(volume.slices).toBe(2);
    expect(volume.notes.join()).toMatch(
      /2 series are there: the largest is taken.*1 files are no DICOM images/,
    );
    await expect(loadSeries([text], "folder")).rejects.toThrow(
      /none of its 1 files is a DICOM image/,
    );
  });
});

const shared = process.env.FIDUCIAL_DATA ?? "../shared/data";
const real = existsSync(`${shared}/dicom`);
if (!real)
  console.warn(`Skipped: real DICOM files, because they are not in ${shared} (FIDUCIAL_DATA)`);
describe.runIf(real)("every transfer syntax of the shared files", () => {
  const folder = `${shared}/dicom/cornerstone`;
  const open = async (path: string): Promise<Float32Array> =>
    (await loadVolume(readFileSync(path), path)).slice(0);
  const largest = (a: Float32Array, b: Float32Array): number =>
    a.reduce((m, v, i) => Math.max(m, Math.abs(v - b[i])), 0);
  /** What may differ, by UID; the 8-bit file keeps 256 of the values' steps. */
  const within: Readonly<Record<string, number>> = { ".4.50": 66, ".4.81": 1, ".4.91": 5 };
  it("cornerstone's CT: pixel-exact, or as near as its own loss", async () => {
    const names = readdirSync(folder).filter((name) => name.startsWith("CTImage"));
    const plain = await open(
      `${folder}/${names.find((name) => name.includes("LittleEndianExplicit"))}`,
    );
    let refused = 0;
    for (const name of names) {
      if (/\.4\.(51|53|55)\.dcm$/.test(name)) {
        await expect(open(`${folder}/${name}`), name).rejects.toThrow(
          /12 bits a pixel, 8 are read/,
        );
        refused++;
      } else {
        const [, uid = ""] = /(\.4\.\d+)\.dcm$/.exec(name) ?? [];
        expect(largest(await open(`${folder}/${name}`), plain), name).toBeLessThanOrEqual(
          within[uid] ?? 0,
        );
      }
    }
    expect([names.length, refused]).toEqual([16, 3]);
  });
  it("dcm_qa_ts: nine files, one image", async () => {
    const plain = await open(`${shared}/dicom/dcm_qa_ts/In/1.dcm`);
    for (let k = 2; k <= 9; k++)
      expect(await open(`${shared}/dicom/dcm_qa_ts/In/${k}.dcm`), String(k)).toEqual(plain);
  });
  it("readVolume, which loads nothing, says what does", () => {
    const name = `${shared}/dicom/dcm_qa_ts/In/7.dcm`;
    expect(() => readVolume(readFileSync(name), name)).toThrow(/JPEG-LS Lossless.*loadVolume/);
    expect(() => readVolume(readFileSync(name), name)).toThrow(UnsupportedOpError);
  });
  it("cut short, every one is refused", async () => {
    for (const name of readdirSync(folder).filter((n) => n.startsWith("CTImage"))) {
      const bytes = readFileSync(`${folder}/${name}`);
      const cut = bytes.subarray(0, Math.floor(bytes.length * 0.6));
      const read = loadVolume(cut, name).then((volume) => volume.slice(0));
      await expect(read, name).rejects.toThrow(FiducialError);
    }
  });
});

describe("HTJ2K", () => {
  it("gives every pixel back", async () => {
    const library = await import("@cornerstonejs/codec-openjph" as string);
    const codec = await library.default({ print() {}, printErr() {} });
    const values = noise(12);
    const encoder = new codec.HTJ2KEncoder();
    const info = { width: W, height: H, bitsPerSample: 12, componentCount: 1, isSigned: false };
    const room: Uint8Array = encoder.getDecodedBuffer({ ...info, isUsingColorTransform: false });
    room.set(new Uint8Array(Uint16Array.from(values).buffer));
    encoder.setQuality(true, 0);
    encoder.encode();
    const bytes = Uint8Array.from(encoder.getEncodedBuffer());
    const file = encapsulated(header(16), "1.2.840.10008.1.2.4.201", [bytes]);
    expect(await read(file)).toEqual(values);
    await expect(
      read(encapsulated(header(16), "1.2.840.10008.1.2.4.201", [bytes.subarray(0, 60)])),
    ).rejects.toThrow(FormatError);
  });
});
