// Pictures of every format against Pillow and tifffile; sets of pictures that are decoded apart,
// kept, split and labelled by tables.
import { readFileSync } from "node:fs";
import { deflateSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import {
  drawnShapes,
  imagesOf,
  keptImages,
  loadPicture,
  openPictures,
  picturesIn,
  readCsvLabels,
  readPicture,
  splitImages,
  strokeDigits,
  writePng,
  type LabelledImages,
  type PictureSource,
} from "fiducial/data";
import {
  BackendError,
  ConfigError,
  FormatError,
  openBackend,
  random,
  UnsupportedOpError,
} from "fiducial/engine";
import { classification, crossEntropy, fit, nn, sgd } from "fiducial/learning";

interface Recorded {
  file: string;
  shape: number[];
  pixels: string;
}
const fixture = JSON.parse(
  readFileSync(new URL("fixtures/pictures.json", import.meta.url), "utf8"),
) as {
  cases: Record<string, Recorded>;
  colour: number[];
  shape: [number, number, number];
  resized: Record<string, number[]>;
};
const fileOf = (name: string): Uint8Array =>
  new Uint8Array(Buffer.from(fixture.cases[name].file, "base64"));
const numbersOf = (text: string): number[] => {
  const bytes = Buffer.from(text, "base64");
  return Array.from({ length: bytes.length / 2 }, (_, k) => bytes.readUInt16LE(2 * k) / 65535);
};

describe("pictures are those of Pillow and tifffile", () => {
  for (const [name, { shape, pixels }] of Object.entries(fixture.cases))
    it(name, async () => {
      const picture = await loadPicture(fileOf(name), name);
      const [H, W, C = 1] = shape;
      expect([picture.height, picture.width]).toEqual([H, W]);
      const want = numbersOf(pixels);
      for (let i = 0; i < H; i++)
        for (let j = 0; j < W; j++) {
          const all = [...picture.pixel(i, j), picture.opacity?.(i, j) ?? 1];
          for (let c = 0; c < C; c++) expect(all[c]).toBeCloseTo(want[(i * W + j) * C + c], 9);
        }
      expect(picture.grey).toBe(C === 1);
    });
  it("WebP by itself says what it needs", () => {
    expect(() => readPicture(fileOf("WebP lossless"), "a.webp")).toThrow(UnsupportedOpError);
  });
  it("BMP as nobody writes it today: RLE8, 16 bits, rows from the top, the oldest header", async () => {
    const head = (bits: number, compression: number, extra: number[], rows = 2): number[] => {
      const bytes = Buffer.alloc(54);
      bytes.write("BM");
      bytes.writeUInt32LE(54 + extra.length, 10);
      bytes.writeUInt32LE(40, 14);
      bytes.writeInt32LE(3, 18);
      bytes.writeInt32LE(rows, 22);
      bytes.writeUInt16LE(bits, 28);
      bytes.writeUInt32LE(compression, 30);
      bytes.writeUInt32LE(extra.length / 4, 46);
      return [...bytes, ...extra];
    };
    const two = [0, 0, 0, 0, 255, 0, 0, 0];
    const run = [3, 1, 0, 0, 0, 3, 0, 1, 0, 0, 0, 1];
    const read = (bytes: number[]) => readPicture(Uint8Array.from(bytes), "a.bmp");
    const rle = read([...head(8, 1, two), ...run]);
    // the first row of the file is the lowest
    expect([0, 1, 2].map((j) => rle.pixel(1, j)[2])).toEqual([1, 1, 1]);
    expect([0, 1, 2].map((j) => rle.pixel(0, j)[2])).toEqual([0, 1, 0]);
    const red = [0x00, 0x7c];
    const rows = read([...head(16, 0, [], -1), ...red, 0xe0, 0x03, 0x1f, 0x00, 0, 0]);
    expect([0, 1, 2].map((j) => rows.pixel(0, j))).toEqual([
      [1, 0, 0],
      [0, 1, 0],
      [0, 0, 1],
    ]);
    const core = Buffer.alloc(26);
    core.write("BM");
    core.writeUInt32LE(26, 10);
    core.writeUInt32LE(12, 14);
    core.writeUInt16LE(1, 18);
    core.writeUInt16LE(1, 20);
    core.writeUInt16LE(24, 24);
    expect(read([...core, 0, 0, 255, 0]).pixel(0, 0)).toEqual([1, 0, 0]);
    expect(() => read([...head(8, 1, two), 3, 1])).toThrow(/have no end/);
    expect(() => read([...head(8, 1, two), 9, 1, 0, 1])).toThrow(/more pixels than its size/);
    expect(() => read(head(24, 4, []))).toThrow(/compression 4 is not read/);
  });
  it("damaged anywhere: a FormatError or a picture, never anything else", async () => {
    const rng = random(3);
    for (const name of Object.keys(fixture.cases)) {
      const bytes = fileOf(name);
      for (let k = 0; k < 60; k++) {
        const cut = rng.uniform() < 0.3 ? bytes.slice(0, rng.integer(bytes.length)) : bytes.slice();
        for (let n = 0; n < 3 && cut.length > 0; n++)
          cut[rng.integer(Math.min(cut.length, 120))] = rng.integer(256);
        try {
          const picture = await loadPicture(cut, name);
          const far = [picture.height - 1, picture.width - 1] as const;
          picture.pixel(...far);
        } catch (error) {
          expect(
            error instanceof FormatError || error instanceof UnsupportedOpError,
            `${name}: ${error}`,
          ).toBe(true);
        }
      }
    }
  });
  it("a TIFF that claims far more than it holds is refused before it is unpacked", () => {
    const packed = deflateSync(Buffer.alloc(10));
    const entry = (tag: number, value: number): Buffer => {
      const bytes = Buffer.alloc(12);
      bytes.writeUInt16LE(tag, 0);
      bytes.writeUInt16LE(4, 2);
      bytes.writeUInt32LE(1, 4);
      bytes.writeUInt32LE(value, 8);
      return bytes;
    };
    const tags = [
      [256, 60000],
      [257, 60000],
      [258, 8],
      [259, 8],
      [262, 1],
      [273, 200],
      [279, packed.length],
    ] as const;
    const head = Buffer.from([0x49, 0x49, 42, 0, 8, 0, 0, 0, tags.length, 0]);
    const directory = Buffer.concat([head, ...tags.map(([tag, value]) => entry(tag, value))]);
    const file = Buffer.concat([directory, Buffer.alloc(200 - directory.length), packed]);
    expect(() => readPicture(new Uint8Array(file), "bomb.tif")).toThrow(FormatError);
  });
});

/** Files of every format, two classes by turns, and how often each was read. */
function sources(names: readonly string[]): { files: PictureSource[]; reads: number[] } {
  const reads = names.map(() => 0);
  const files = names.map((name, i) => ({
    name,
    class: i % 2 === 0 ? "even" : "odd",
    read: async () => {
      reads[i]++;
      return fileOf(name);
    },
  }));
  return { files, reads };
}
const mixed = ["BMP 24", "TIFF LZW, long", "WebP lossless", "TIFF 16", "BMP 8, grey", "WebP lossy"];
async function pixelsOf(set: LabelledImages): Promise<number[][]> {
  await set.prepare?.(Array.from({ length: set.length }, (_, i) => i));
  return Array.from({ length: set.length }, (_, i) => {
    const out = new Float32Array(set.shape[0] * set.shape[1] * set.shape[2]);
    set.pixels(i, out);
    return [...out];
  });
}

describe("a set of pictures", () => {
  it("is the pictures of folders, by their paths whatever their order, each of its folder's class", () => {
    const paths = ["b/2.PNG", "a", "a/b/1.jpeg", "b/10.tif", "b/notes.txt", "c\\3.webp", "4.bmp"];
    const found = [paths, paths.toReversed()].map((all) => picturesIn(all, (path) => fileOf(path)));
    const classes = found[0].map((file) => [file.name, file.class]);
    expect(classes).toEqual([
      ["4.bmp", ""],
      ["a/b/1.jpeg", "b"],
      ["b/10.tif", "b"],
      ["b/2.PNG", "b"],
      ["c\\3.webp", "c"],
    ]);
    expect(found[1].map(({ name }) => name)).toEqual(classes.map(([name]) => name));
  });
  it("is the same whoever decodes it, and each file is decoded once", async () => {
    const options = { size: [8, 12], channels: 3 } as const;
    const { files, reads } = sources(mixed);
    const here = await openPictures(files, { ...options, threads: 0 });
    const apart = await openPictures(sources(mixed).files, { ...options, threads: 2 });
    const want = await pixelsOf(here);
    expect(await pixelsOf(apart)).toEqual(want);
    expect(await pixelsOf(here)).toEqual(want);
    expect(reads).toEqual(mixed.map(() => 1));
    expect([here.classes, here.shape, here.label(1)]).toEqual([["even", "odd"], [3, 8, 12], 1]);
    const forgetful = await openPictures(files, { ...options, threads: 0, bytes: 0 });
    for (const i of [3, 0, 3]) {
      await forgetful.prepare([i]);
      const out = new Float32Array(288);
      forgetful.pixels(i, out);
      expect([...out]).toEqual(want[i]);
    }
    apart.close();
  });
  it("resizes as Pillow does, crops the middle, and pads with black", async () => {
    const colour = fixture.cases["BMP 24"];
    const one = (options: object) =>
      openPictures(
        [{ name: "a", class: "a", read: () => new Uint8Array(Buffer.from(colour.file, "base64")) }],
        {
          threads: 0,
          ...options,
        },
      );
    for (const [size, want] of Object.entries(fixture.resized)) {
      const [h, w] = size.split("x").map(Number);
      const [own] = await pixelsOf(await one({ size: [h, w], fit: "stretch" }));
      // Pillow rounds to 8 bits between the axes and at the end
      for (let k = 0; k < own.length; k++) {
        const [c, y, x] = [Math.floor(k / (h * w)), Math.floor(k / w) % h, k % w];
        expect(Math.abs(own[k] - want[(y * w + x) * 3 + c])).toBeLessThan(1.1 / 255);
      }
    }
    const [H, W] = fixture.shape;
    const [square] = await pixelsOf(await one({ size: [H, H], fit: "crop" }));
    const left = (W - H) / 2;
    for (let y = 0; y < H; y++)
      for (let x = 0; x < H; x++)
        expect(square[y * H + x]).toBeCloseTo(fixture.colour[(y * W + x + left) * 3] / 255, 4);
    const [padded] = await pixelsOf(await one({ size: [W, W], fit: "pad" }));
    for (let y = 0; y < W; y++) {
      const row = padded.slice(y * W, (y + 1) * W);
      const from = (W - H) / 2;
      if (y < from || y >= from + H) expect(row.every((v) => v === 0)).toBe(true);
      else expect(row[3]).toBeCloseTo(fixture.colour[((y - from) * W + 3) * 3] / 255, 4);
    }
  });
  it("trains as one that is in memory, to the same bits", async () => {
    const digits = strokeDigits({ count: 30, seed: 1, size: 16 });
    const files = Array.from({ length: 30 }, (_, i): PictureSource => {
      const out = new Float32Array(256);
      digits.pixels(i, out);
      return {
        name: `${i}.png`,
        class: digits.classes[digits.label(i)],
        read: async () => writePng(out, [16, 16], 1),
      };
    });
    const classes = digits.classes.filter((c) => files.some((file) => file.class === c));
    const backend = await openBackend("wasm", { threads: 1 });
    const network = nn.sequential({
      input: [1, 16, 16],
      seed: 1,
      layers: [
        nn.conv2d({ outChannels: 4, kernelSize: 3 }),
        nn.relu(),
        nn.flatten(),
        nn.linear({ outFeatures: classes.length }),
      ],
    });
    const options = {
      loss: crossEntropy(),
      optimizer: sgd({ learningRate: 0.1 }),
      epochs: 2,
      batchSize: 7,
      seed: 0,
      backend,
    };
    const run = async (threads: number, bytes: number) => {
      const set = await openPictures(files, { classes, threads, bytes });
      const trained = await fit(network, { ...options, data: classification(set) });
      set.close();
      return trained.parameters;
    };
    const want = await run(0, 2 ** 20);
    expect(await run(2, 2 ** 20)).toEqual(want);
    expect(await run(1, 2048)).toEqual(want);
  });
  it("says what is wrong with a file, an option or a class, and decodes nothing after it is closed", async () => {
    const { files } = sources(mixed);
    const bad = { name: "bad.png", class: "even", read: () => Uint8Array.of(1, 2, 3) };
    await expect(openPictures([bad])).rejects.toThrow(/bad.png: it is neither PNG/);
    for (const threads of [0, 1]) {
      const set = await openPictures([...files, bad], { size: [8, 8], channels: 3, threads });
      await expect(set.prepare([0, 6])).rejects.toThrow(/^bad.png: it is neither PNG/);
      await set.prepare([0]);
      expect(() => set.pixels(1, new Float32Array(192))).toThrow(
        /not decoded yet; await prepare\(\[1\]\)/,
      );
      set.close();
    }
    const unlike = await openPictures(files, { threads: 0 });
    await expect(unlike.prepare([1])).rejects.toThrow(/it is 120×90, the first picture is 11×19/);
    expect(unlike.notes).toEqual([
      "3 pictures are in colour and 3 are grey; all are taken as colour",
    ]);
    await expect(openPictures(files, { classes: ["even"] })).rejects.toThrow(
      /class "odd" is none of "even"/,
    );
    await expect(openPictures(files, { classes: ["even", "odd", "c"] })).rejects.toThrow(
      /"c" has no pictures/,
    );
    await expect(openPictures(files, { fit: "cover" as never, size: [8, 8] })).rejects.toThrow(
      /crop, pad, stretch/,
    );
    await expect(openPictures(files, { size: [8, 0] })).rejects.toThrow(ConfigError);
    await expect(openPictures(files, { threads: -1 })).rejects.toThrow(ConfigError);
    await expect(openPictures([])).rejects.toThrow(/no pictures/);
    const closed = await openPictures(files, { size: [8, 8], channels: 1 });
    closed.close();
    await expect(closed.prepare([0])).rejects.toThrow(BackendError);
  });
});

describe("labels in a table", () => {
  const table = 'file,class,by\r\n"a, b.png",cat,x\r\nc.png,"a ""big"" dog",y\r\n';
  it("are read with their quotes, by the names of columns", () => {
    expect(readCsvLabels(table, "t.csv")).toEqual([
      { file: "a, b.png", class: "cat" },
      { file: "c.png", class: 'a "big" dog' },
    ]);
    expect(readCsvLabels(table, "t.csv", { class: "by" })[1]).toEqual({
      file: "c.png",
      class: "y",
    });
  });
  it("or refused with their row", () => {
    const refused =
      (text: string, options = {}) =>
      () =>
        readCsvLabels(text, "t.csv", options);
    expect(refused(table, { file: "name" })).toThrow(
      /no column "name"; it has "file", "class", "by"/,
    );
    expect(refused("file,class\na.png\n")).toThrow(/row 2 has 1 columns, the header 2/);
    expect(refused("file,class\na.png,\n")).toThrow(/row 2 has an empty cell/);
    expect(refused("file,class\na,b\na,c\n")).toThrow(/row 3: "a" is named a second time/);
    expect(refused('file,class\n"a,b\n')).toThrow(/a quote is not closed/);
    expect(refused("file\n")).toThrow(/at least two columns/);
  });
});

describe("parts of a set", () => {
  const set = strokeDigits({ count: 203, seed: 2, size: 8 });
  const countsOf = (part: LabelledImages): number[] =>
    part.classes.map(
      (_, c) =>
        Array.from({ length: part.length }, (_, i) => part.label(i)).filter((l) => l === c).length,
    );
  it("have no image in common, the same share of every class, and repeat with their seed", async () => {
    const { train, heldOut } = splitImages(set, { heldOut: 0.2, seed: 5 });
    expect([train.length, heldOut.length]).toEqual([162, 41]);
    const all = new Set(
      [...(await pixelsOf(train)), ...(await pixelsOf(heldOut))].map((p) => p.join()),
    );
    expect(all.size).toBe(203);
    countsOf(set).forEach((n, c) =>
      expect(Math.abs(countsOf(heldOut)[c] - 0.2 * n)).toBeLessThanOrEqual(1),
    );
    const again = splitImages(set, { heldOut: 0.2, seed: 5 });
    expect(await pixelsOf(again.heldOut)).toEqual(await pixelsOf(heldOut));
    expect(await pixelsOf(splitImages(set, { heldOut: 0.2, seed: 6 }).heldOut)).not.toEqual(
      await pixelsOf(heldOut),
    );
    expect(splitImages(set, { seed: 5, stratified: false }).heldOut.length).toBe(20);
    expect(() => splitImages(set, { heldOut: 1, seed: 1 })).toThrow(/between 0 and 1/);
    expect(() => splitImages(set, { heldOut: 1e-4, seed: 1 })).toThrow(/leaves one part empty/);
    expect(() => imagesOf(set, [203])).toThrow(/no image 203 among 203/);
  });
  it("are made once and kept, while there is room", () => {
    let made = 0;
    const counted: LabelledImages = {
      ...drawnShapes({ count: 3, seed: 1, size: 8 }),
      pixels: (i, out) => {
        made++;
        out.fill(i);
      },
    };
    const out = new Float32Array(64);
    const look = (set: LabelledImages): number => {
      made = 0;
      for (const i of [0, 1, 2, 0, 1, 2]) {
        set.pixels(i, out);
        expect(out[5]).toBe(i);
      }
      return made;
    };
    expect(look(keptImages(counted))).toBe(3);
    expect(look(keptImages(counted, { bytes: 2 * 256 }))).toBe(4);
    expect(look(keptImages(counted, { bytes: 0 }))).toBe(6);
    expect(() => keptImages(counted, { bytes: -1 })).toThrow(ConfigError);
  });
  it("generated images are drawn once: a second look takes a small part of the first one's time", () => {
    const digits = strokeDigits({ count: 300, seed: 9 });
    const out = new Float32Array(784);
    const look = (): number => {
      const begun = performance.now();
      for (let i = 0; i < digits.length; i++) digits.pixels(i, out);
      return performance.now() - begun;
    };
    expect(Math.min(look(), Number.POSITIVE_INFINITY)).toBeGreaterThan(
      5 * Math.min(look(), look(), look()),
    );
  });
});
