// Files of several arrays and measured k-space: HDF5 (fastMRI, MRD, MATLAB 7.3), MATLAB 5, NPZ, RA,
// MetaImage; files of other people's writers are in fixtures/containers.json.
import { deflateSync } from "node:zlib";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join as joinPath } from "node:path";
import { describe, expect, it } from "vitest";
import { FiducialError, FormatError, random } from "fiducial/engine";
import {
  loadCellValues,
  loadKspace,
  loadVolume,
  readVolume,
  type ReadOptions,
} from "fiducial/data";
import { join, npy, zip } from "./fixtures/files.mjs";
import { complex, hdf5 } from "./fixtures/hdf5.mjs";
import { matFile, rawArray } from "./fixtures/packed.mjs";

const rng = random(5);
const noise = (n: number): Float32Array => Float32Array.from({ length: n }, () => rng.normal());
const made = JSON.parse(readFileSync(new URL("fixtures/containers.json", import.meta.url), "utf8"));
const bytesOf = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "base64"));
const close = (found: ArrayLike<number>, wanted: ArrayLike<number>, bound = 1e-6): void => {
  expect(found.length).toBe(wanted.length);
  const worst = Array.from(found).reduce((m, v, i) => Math.max(m, Math.abs(v - wanted[i])), 0);
  expect(worst).toBeLessThanOrEqual(bound);
};
/** Real and imaginary parts in turn, as two planes. */
const planes = (pairs: ArrayLike<number>): Float32Array =>
  Float32Array.from(
    { length: pairs.length },
    (_, p) => pairs[((2 * p) % pairs.length) + (2 * p < pairs.length ? 0 : 1)],
  );

describe("fastMRI", () => {
  const [slices, coils, H, W] = [3, 2, 8, 6];
  const size = H * W;
  const values = noise(2 * slices * coils * size);
  const rss = noise(slices * 4 * 4).map(Math.abs);
  const header =
    "<ismrmrdHeader><encoding><reconSpace><matrixSize><x>4</x><y>4</y><z>1</z></matrixSize></reconSpace></encoding></ismrmrdHeader>";
  const file = (single = false, reconstruction = true): Promise<Uint8Array> =>
    hdf5((h) => {
      complex(h, "kspace", single ? [slices * coils, H, W] : [slices, coils, H, W], values);
      h.create_dataset({ name: "ismrmrd_header", data: [header], shape: [], dtype: "S" });
      const name = single ? "reconstruction_esc" : "reconstruction_rss";
      if (reconstruction) h.create_dataset({ name, data: rss, shape: [slices, 4, 4], dtype: "<f" });
    });
  it("k-space of many coils and of one, to the last bit", async () => {
    const many = await loadKspace(await file(), "a.h5");
    expect([many.format, many.slices, many.coils, many.height, many.width]).toEqual([
      "fastMRI",
      slices,
      coils,
      H,
      W,
    ]);
    expect(many.image).toEqual([4, 4]);
    const one = await loadKspace(await file(true, false), "a.h5");
    expect([one.slices, one.coils, one.image]).toEqual([slices * coils, 1, [4, 4]]);
    for (let s = 0; s < slices; s++)
      for (let c = 0; c < coils; c++) {
        const wanted = planes(
          values.subarray(2 * (s * coils + c) * size, 2 * (s * coils + c + 1) * size),
        );
        close(many.kspace(s, c), wanted);
        close(one.kspace(s * coils + c, 0), wanted);
      }
    expect(() => many.kspace(0, coils)).toThrow(FormatError);
    close(many.reference!.slice(1), rss.subarray(16, 32));
  });
  it("as an image: its reconstruction; without one it says what to do", async () => {
    const image = await loadVolume(await file(), "a.h5");
    expect([image.format, image.slices, image.height, image.width]).toEqual([
      "fastMRI",
      slices,
      4,
      4,
    ]);
    close(image.slice(2), rss.subarray(32));
    await expect(loadVolume(await file(true, false), "a.h5")).rejects.toThrow(
      /k-space and no image.*--kspace/,
    );
  });
});

describe("MRD", () => {
  it("lines by their counters: averaged, backwards, late, noise left out, lines that are not there 0", async () => {
    const found = await loadKspace(bytesOf(made.mrd.file), "a.h5");
    expect([found.format, found.slices, found.coils, found.height, found.width]).toEqual([
      "MRD",
      2,
      2,
      8,
      6,
    ]);
    expect(found.image).toEqual([4, 6]);
    expect(found.notes.join()).toMatch(/1 of 11 acquisitions/);
    const all = [0, 1].flatMap((s) => [0, 1].flatMap((c) => [...found.kspace(s, c)]));
    close(all, made.mrd.kspace);
  });
});

describe("MATLAB", () => {
  it.each([0, 1])(
    "5 by scipy, packed or not (%i): numbers of every kind, structures and cells",
    async (which) => {
      const { file, arrays, complex: pairs } = made.matlab[which];
      const bytes = bytesOf(file);
      const chosen = readVolume(bytes, "a.mat");
      expect(chosen.notes.join()).toMatch(
        /complex is taken \(--variable\); it has small \(2×2×3\), complex \(4×5\)/,
      );
      close(chosen.slice(0), pairs);
      for (const [variable, values] of Object.entries<number[]>(arrays)) {
        const volume = readVolume(bytes, "a.mat", { variable });
        const found = Array.from({ length: volume.slices }, (_, k) => [...volume.slice(k)]).flat();
        close(found, values.map(Math.fround));
      }
      expect(() => readVolume(bytes, "a.mat", { variable: "word" })).toThrow(
        /no variable word; it has small/,
      );
    },
  );
  it("5 of both byte orders", () => {
    const array = {
      name: "x",
      shape: [2, 3],
      real: [1, 2, 3, 4, 5, 6],
      imaginary: [0, 0, 0, 0, 0, 7],
    };
    for (const little of [true, false])
      for (const packed of [true, false])
        expect([...readVolume(matFile([array], { little, packed }), "a.mat").slice(0)]).toEqual([
          ...[1, 3, 5, 2, 4, 6],
          ...[0, 0, 0, 0, 0, 7],
        ]);
  });
  it("5 unpacks nothing past what an array's own head asks for", () => {
    const bomb = matFile([{ name: "x", shape: [2, 2], real: [1, 2, 3, 4] }], { packed: true });
    const packed = deflateSync(new Uint8Array(5e7));
    const start = new Uint8Array(8);
    new DataView(start.buffer).setUint32(0, 15, true);
    new DataView(start.buffer).setUint32(4, packed.length, true);
    expect(() => readVolume(join([bomb, start, packed]), "a.mat")).toThrow(FormatError);
  });
  it("7.3: columns first, complex, structures; a mask too", async () => {
    const block = new Uint8Array(512);
    block.set(new TextEncoder().encode("MATLAB 7.3 MAT-file, Platform: GLNXA64"));
    const bytes = await hdf5((h) => {
      const data = h.create_group("data");
      complex(
        data,
        "train",
        [2, 3, 4],
        Float64Array.from({ length: 48 }, (_, i) => i),
        { names: ["real", "imag"], dtype: "<d" },
      );
      h.create_dataset({ name: "mask", data: [1, 0, 0, 0, 1, 1], shape: [2, 3], dtype: "<d" });
    }, block);
    const volume = await loadVolume(bytes, "a.mat");
    // HDF5's [2,3,4] is MATLAB's 4×3×2
    expect([volume.format, volume.slices, volume.height, volume.width]).toEqual([
      "MATLAB 7.3",
      2,
      4,
      3,
    ]);
    expect(volume.slice(1)[1]).toBe(24 + 8);
    expect(volume.slice(1)[12 + 1]).toBe(24 + 9);
    const mask = await loadCellValues(bytes, "a.mat", { variable: "mask" });
    expect([mask.shape, [...mask.values]]).toEqual([
      [3, 2],
      [1, 0, 0, 1, 0, 1],
    ]);
  });
});

describe("arrays and their heads", () => {
  it("NPZ: the largest picture, or the one asked for", () => {
    const values = noise(24);
    const bytes = zip({
      "x.npy": npy("<f4", [2, 3, 4], new Uint8Array(values.buffer)),
      "label.npy": npy("|u1", [2], Uint8Array.of(1, 2)),
    });
    const volume = readVolume(bytes, "a.npz");
    expect([volume.slices, volume.height, volume.width, volume.notes]).toEqual([2, 3, 4, []]);
    expect(volume.slice(1)).toEqual(values.subarray(12));
    expect([...readVolume(bytes, "a.npz", { variable: "label" }).slice(0)]).toEqual([1, 2]);
  });
  it("RA: fastest axis first", () => {
    const volume = readVolume(rawArray([2, 3], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]), "a.ra");
    expect([...volume.slice(0)]).toEqual([0, 4, 8, 2, 6, 10, 1, 5, 9, 3, 7, 11]);
  });
  const head = (more: string, type = "MET_SHORT"): Uint8Array =>
    new TextEncoder().encode(
      `ObjectType = Image\nNDims = 3\nDimSize = 3 2 2\nElementType = ${type}\n${more}\n`,
    );
  const shorts = new Uint8Array(Int16Array.from({ length: 12 }, (_, i) => i - 3).buffer);
  const slice = (bytes: Uint8Array, options: ReadOptions = {}): number[] => [
    ...readVolume(bytes, "a.mhd", options).slice(1),
  ];
  it("MetaImage: beside, behind, packed, in a file for every slice, listed, in the other byte order", () => {
    const wanted = [3, 4, 5, 6, 7, 8];
    const beside = (): Uint8Array => shorts;
    expect(slice(head("ElementDataFile = a.raw"), { beside })).toEqual(wanted);
    expect(slice(join([head("ElementDataFile = LOCAL"), shorts]))).toEqual(wanted);
    const packed = join([
      head("CompressedData = True\nElementDataFile = LOCAL"),
      deflateSync(shorts),
    ]);
    expect(slice(packed)).toEqual(wanted);
    const each = (name: string): Uint8Array =>
      name === "s_07.raw" ? shorts.subarray(0, 12) : shorts.subarray(12);
    expect(slice(head("ElementDataFile = s_%02d.raw 7 8 1"), { beside: each })).toEqual(wanted);
    expect(slice(head("ElementDataFile = LIST\ns_07.raw\ns_08.raw"), { beside: each })).toEqual(
      wanted,
    );
    const swapped = shorts.map((_, i) => shorts[i ^ 1]);
    expect(
      slice(head("ElementByteOrderMSB = True\nElementDataFile = a.raw"), { beside: () => swapped }),
    ).toEqual(wanted);
  });
  it.each([
    [
      "a file elsewhere",
      head("ElementDataFile = ../../etc/passwd"),
      /put that file beside the head/,
    ],
    [
      "too few values",
      head("ElementDataFile = a.raw", "MET_DOUBLE"),
      /needs 96 bytes of pixels and the file has 24/,
    ],
    [
      "another type",
      head("ElementDataFile = a.raw", "MET_ARRAY"),
      /of type MET_ARRAY are not read/,
    ],
    ["no values", new TextEncoder().encode("NDims = 3\n"), /does not say where its values are/],
  ])("MetaImage: %s is refused in one line", (_, bytes, message) => {
    expect(() => slice(bytes, { beside: () => shorts })).toThrow(message);
    expect(() => slice(bytes, { beside: () => shorts })).toThrow(FiducialError);
  });
});

const shared = process.env.FIDUCIAL_DATA ?? "../shared/data";
const real = existsSync(`${shared}/kspace/mrireco-jl`);
if (!real)
  console.warn(`Skipped: real containers, because they are not in ${shared} (FIDUCIAL_DATA)`);
describe.runIf(real)("real files", () => {
  const open = (path: string): ReturnType<typeof loadVolume> => {
    const name = `${shared}/${path}`;
    return loadVolume(readFileSync(name), path, {
      beside: (file) => readFileSync(joinPath(dirname(name), file)),
    });
  };
  it("MATLAB 7.3: slices, masks, complex brains", async () => {
    const brain = await open("models/admm-csnet/Brain_cdata1.mat");
    // h5py, a[100, 120] of the transposed dataset
    close(
      [brain.slice(0)[100 * 256 + 120], brain.slice(0)[65536 + 100 * 256 + 120]],
      [0.17588985, 0.05067312],
      1e-7,
    );
    const mask = await open("kspace/masks/admm-net/mask_30.mat");
    expect(mask.slice(0).reduce((n, v) => n + v, 0)).toBe(19789);
  });
  it("MetaImage: a file for every slice", async () => {
    const volume = await open("ct/lcd-ct/fbp/dose_055/signal_absent/signal_absent.mhd");
    expect(volume.slices).toBe(10);
    // numpy, the sum of signal_absent_006.raw
    expect(volume.slice(5).reduce((n, v) => n + v, 0)).toBe(42539783);
  });
  it("MRD: the k-space of MRIReco's brain is that of its picture", async () => {
    const name = `${shared}/kspace/mrireco-jl/acqDataBrainSim100.h5`;
    const { kspace, slices, coils, height, width } = await loadKspace(readFileSync(name), name);
    expect([slices, coils, height, width]).toEqual([1, 1, 256, 256]);
    const text = readFileSync(`${shared}/kspace/mrireco-jl/mribrain100.tsv`, "utf8");
    const picture = text.trim().split(/\s+/).map(Number);
    // its lowest frequency is the sum of the picture
    const middle = 128 * 256 + 128;
    const sum = picture.reduce((n, v) => n + v, 0);
    expect(Math.hypot(kspace(0, 0)[middle], kspace(0, 0)[65536 + middle])).toBeCloseTo(sum, 1);
  });
});
