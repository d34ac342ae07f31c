// Files: real ones where they are at hand, made ones for everything that can be wrong with a file.
import { encode } from "fast-png";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { FiducialError, random } from "fiducial/engine";
import { readVolume } from "fiducial/data";

const shared = process.env.FIDUCIAL_DATA ?? new URL("../../shared/data", import.meta.url).pathname;
const real = existsSync(`${shared}/README.md`);
if (!real)
  console.log(`formats: real files are skipped, ${shared} is not there (set FIDUCIAL_DATA)`);

function npy(
  descr: string,
  shape: readonly number[],
  bytes: Uint8Array,
  fortran = false,
): Uint8Array {
  const header = `{'descr': '${descr}', 'fortran_order': ${fortran ? "True" : "False"}, 'shape': (${shape.join(", ")}${shape.length === 1 ? "," : ""}), }`;
  const length = Math.ceil((10 + header.length + 1) / 64) * 64 - 10;
  const out = new Uint8Array(10 + length + bytes.length).fill(32);
  out.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, length & 255, length >> 8]);
  out.set(new TextEncoder().encode(header), 10);
  out[9 + length] = 10;
  out.set(bytes, 10 + length);
  return out;
}
function nifti(
  dims: readonly number[],
  datatype: number,
  pixels: Uint8Array,
  version: 1 | 2 = 1,
): Uint8Array {
  const head = version === 1 ? 352 : 544;
  const out = new Uint8Array(head + pixels.length);
  const view = new DataView(out.buffer);
  if (version === 1) {
    view.setInt32(0, 348, true);
    dims.forEach((d, i) => view.setInt16(40 + 2 * i, d, true));
    view.setInt16(70, datatype, true);
    view.setInt16(72, 16, true);
    view.setFloat32(108, head, true);
    out.set(new TextEncoder().encode("n+1\0"), 344);
  } else {
    view.setInt32(0, 540, true);
    out.set([0x6e, 0x2b, 0x32, 0, 0x0d, 0x0a, 0x1a, 0x0a], 4);
    view.setInt16(12, datatype, true);
    view.setInt16(14, 16, true);
    dims.forEach((d, i) => view.setBigInt64(16 + 8 * i, BigInt(d), true));
    view.setBigInt64(168, BigInt(head), true);
  }
  out.set(pixels, head);
  return out;
}
const shorts = (values: readonly number[]): Uint8Array =>
  new Uint8Array(Int16Array.from(values).buffer);

describe("formats that are made here", () => {
  it("PNG of 8 and 16 bits, grey and colour", () => {
    expect([
      ...readVolume(
        encode({ width: 2, height: 1, data: Uint8Array.of(0, 255), channels: 1, depth: 8 }),
        "a",
      ).slice(0),
    ]).toEqual([0, 1]);
    expect(
      readVolume(
        encode({ width: 2, height: 1, data: Uint16Array.of(0, 13107), channels: 1, depth: 16 }),
        "a",
      ).slice(0)[1],
    ).toBeCloseTo(0.2, 6);
    expect(
      readVolume(
        encode({ width: 1, height: 1, data: Uint8Array.of(255, 0, 0), channels: 3, depth: 8 }),
        "a",
      ).slice(0)[0],
    ).toBeCloseTo(0.299, 6);
  });
  it("NIfTI-1 and -2, plain and gzipped: slices along the third axis, rows from the top", () => {
    const pixels = shorts([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    for (const version of [1, 2] as const)
      for (const wrap of [(b: Uint8Array) => b, (b: Uint8Array) => new Uint8Array(gzipSync(b))]) {
        const v = readVolume(wrap(nifti([3, 3, 2, 2, 1, 1, 1, 1], 4, pixels, version)), "a.nii");
        expect([v.slices, v.height, v.width]).toEqual([2, 2, 3]);
        expect([...v.slice(1)]).toEqual([10, 11, 12, 7, 8, 9]);
      }
  });
  it("NPY of every type, byte order and memory order, complex too", () => {
    expect([
      ...readVolume(
        npy("<f8", [2, 2], new Uint8Array(Float64Array.of(1, 2, 3, 4).buffer)),
        "a",
      ).slice(0),
    ]).toEqual([1, 2, 3, 4]);
    expect([
      ...readVolume(
        npy("<f8", [2, 2], new Uint8Array(Float64Array.of(1, 2, 3, 4).buffer), true),
        "a",
      ).slice(0),
    ]).toEqual([1, 3, 2, 4]);
    expect([...readVolume(npy(">u2", [1, 2], Uint8Array.of(1, 0, 0, 2)), "a").slice(0)]).toEqual([
      256, 2,
    ]);
    const c = readVolume(
      npy("<c8", [1, 2], new Uint8Array(Float32Array.of(1, 2, 3, 4).buffer)),
      "a",
    );
    expect(c.complex).toBe(true);
    expect([...c.slice(0)]).toEqual([1, 3, 2, 4]);
  });
  it.each([
    ["empty", new Uint8Array(0), /empty/],
    [
      "text under an image's name",
      new TextEncoder().encode("hello, I am a text file, honestly not an image at all"),
      /none of PNG, .* by its first bytes/,
    ],
    [
      "a PNG cut short",
      encode({
        width: 64,
        height: 64,
        data: Uint8Array.from({ length: 4096 }, (_, i) => (i * 37) % 251),
        channels: 1,
        depth: 8,
      }).subarray(0, 120),
      /cut short/,
    ],
    [
      "a gzip stream cut short",
      new Uint8Array(
        gzipSync(
          nifti(
            [3, 20, 20, 2, 1, 1, 1, 1],
            4,
            shorts(Array.from({ length: 800 }, (_, i) => (i * 77) % 1000)),
          ),
        ),
      ).subarray(0, 300),
      /cut short/,
    ],
    [
      "NIfTI pixels cut short",
      nifti([3, 20, 20, 2, 1, 1, 1, 1], 4, new Uint8Array(100)),
      /needs 1600 bytes of pixels and the file has 100/,
    ],
    [
      "a header that claims 10¹² voxels",
      nifti([3, 10000, 10000, 10000, 1, 1, 1, 1], 4, new Uint8Array(100)),
      /claims 1000000000000 voxels/,
    ],
    [
      "an NPY that claims 10¹² voxels",
      npy("<f4", [10000, 10000, 10000], new Uint8Array(16)),
      /claims 1000000000000 voxels/,
    ],
    ["an NPY of objects", npy("|O", [2, 2], new Uint8Array(32)), /header|type/],
    ["NPY of one axis", npy("<f4", [4], new Uint8Array(16)), /images are \(H, W\)/],
    [
      "a NIfTI colour type",
      nifti([3, 2, 2, 2, 1, 1, 1, 1], 128, new Uint8Array(100)),
      /data type 128 is not read/,
    ],
  ] as const)("%s is one clear line", (_what, bytes, message) => {
    const read = (): unknown => readVolume(bytes, "scan.x").slice(0);
    expect(read).toThrow(message);
    expect(read).toThrow(/^scan\.x: [^\n]*$/);
    expect(read).toThrow(FiducialError);
  });
  it("NaN and infinite pixels are named with their place", () => {
    expect(() =>
      readVolume(
        npy("<f4", [1, 3], new Uint8Array(Float32Array.of(1, Number.NaN, 2).buffer)),
        "a",
      ).slice(0),
    ).toThrow(/slice 0 has the value NaN at row 0, column 1/);
  });
  it("a slice that is not there is refused with what is", () => {
    expect(() => readVolume(npy("<f4", [1, 1], new Uint8Array(4)), "a").slice(3)).toThrow(
      /no slice 3; it has slices 0 to 0/,
    );
  });
  it("no damaged header gets past a FiducialError", () => {
    const rng = random(1);
    const files = [
      nifti([3, 4, 4, 2, 1, 1, 1, 1], 4, new Uint8Array(64)),
      npy("<f4", [4, 4], new Uint8Array(64)),
      encode({ width: 4, height: 4, data: new Uint8Array(16), channels: 1, depth: 8 }),
    ];
    for (let k = 0; k < 600; k++) {
      const broken = Uint8Array.from(files[k % 3]);
      for (let n = 1 + rng.integer(4); n > 0; n--)
        broken[rng.integer(Math.min(broken.length, 352))] = rng.integer(256);
      try {
        readVolume(
          broken.subarray(0, rng.uniform() < 0.3 ? rng.integer(broken.length) : broken.length),
          "a",
        ).slice(0);
      } catch (e) {
        expect(e, String((e as Error).stack)).toBeInstanceOf(FiducialError);
      }
    }
  });
});

describe.runIf(real)("real files", () => {
  const read = (path: string): ReturnType<typeof readVolume> =>
    readVolume(readFileSync(`${shared}/${path}`), path);
  it("DICOM in every uncompressed transfer syntax equals its NIfTI reference", () => {
    for (const k of [1, 2, 3]) {
      const [dicom, reference] = [
        read(`dicom/dcm_qa_ts/In/${k}.dcm`),
        read(`dicom/dcm_qa_ts/Ref/${k}.nii`),
      ];
      // the file is a mosaic of 64×64 slices, which the reference holds one by one
      const [mosaic, [h, w]] = [dicom.slice(0), [reference.height, reference.width]];
      const across = dicom.width / w;
      for (let s = 0; s < reference.slices; s++) {
        const tile = Float32Array.from(
          { length: h * w },
          (_, p) =>
            mosaic[
              (Math.floor(s / across) * h + Math.floor(p / w)) * dicom.width +
                (s % across) * w +
                (p % w)
            ],
        );
        expect(tile).toEqual(reference.slice(s));
      }
    }
    const ct = read(
      "dicom/cornerstone/CTImage.dcm_LittleEndianExplicitTransferSyntax_1.2.840.10008.1.2.1.dcm",
    ).slice(0);
    expect(
      read(
        "dicom/cornerstone/CTImage.dcm_LittleEndianImplicitTransferSyntax_1.2.840.10008.1.2.dcm",
      ).slice(0),
    ).toEqual(ct);
    expect(
      read(
        "dicom/cornerstone/CTImage.dcm_BigEndianExplicitTransferSyntax_1.2.840.10008.1.2.2.dcm",
      ).slice(0),
    ).toEqual(ct);
  });
  it("compressed DICOM is refused by the name of its transfer syntax", () => {
    for (const [k, name] of [
      [4, "RLE Lossless"],
      [5, "JPEG Lossless"],
      [7, "JPEG-LS"],
      [9, "JPEG 2000"],
    ] as const)
      expect(() => read(`dicom/dcm_qa_ts/In/${k}.dcm`)).toThrow(name);
    expect(() => read("dicom/cornerstone/no-pixel-data.dcm")).toThrow(/no pixel data/);
  });
  it("PngSuite: every readable file has its reference's luminance, every corrupt one is refused", () => {
    let compared = 0;
    for (const file of readdirSync(`${shared}/images/pngsuite/png`)) {
      const path = `images/pngsuite/png/${file}`;
      let v: ReturnType<typeof readVolume>;
      try {
        v = read(path);
        v.slice(0);
      } catch (e) {
        expect(e).toBeInstanceOf(FiducialError);
        expect(file.startsWith("x"), file).toBe(true);
        continue;
      }
      expect(file.startsWith("x"), file).toBe(false);
      const decoded = `${shared}/images/pngsuite/json/${file.replace("png", "json")}`;
      if (!existsSync(decoded)) continue;
      const reference: number[] = JSON.parse(readFileSync(decoded, "utf8"));
      const pixels = v.slice(0);
      const top = Math.max(...reference.slice(0, 4000)) > 255 ? 65535 : 255;
      for (let i = 0; i < pixels.length; i += 7) {
        const [r, g, b] = reference.slice(4 * i, 4 * i + 3);
        expect(
          Math.abs(pixels[i] - (0.299 * r + 0.587 * g + 0.114 * b) / top),
          `${file} pixel ${i}`,
        ).toBeLessThan(0.005);
      }
      compared++;
    }
    expect(compared).toBeGreaterThan(60);
  });
});
