// The kinds of scripts/fuzz.mjs that need a library or several arrays: HDF5 in its forms, MATLAB,
// NPZ as images, RA, MetaImage, and DICOM in its compressed transfer syntaxes.
import { readFileSync } from "node:fs";
import { loadKspace, loadVolume } from "fiducial/data";
import { join, npy, zip } from "../test/fixtures/files.mjs";
import { complex, hdf5 } from "../test/fixtures/hdf5.mjs";
import { encapsulated, losslessJpeg, matFile, rawArray, rle } from "../test/fixtures/packed.mjs";

const ramp = (n) => Uint8Array.from({ length: n }, (_, i) => (i * 37) % 251);
const image = async (bytes) => {
  const volume = await loadVolume(bytes, "file", { beside: () => ramp(24) });
  volume.slice(volume.slices - 1);
};
const kspace = async (bytes) => {
  const found = await loadKspace(bytes, "file");
  found.kspace(found.slices - 1, found.coils - 1);
};

// ---- HDF5 ----

const made = JSON.parse(
  readFileSync(new URL("../test/fixtures/containers.json", import.meta.url), "utf8"),
);
const bytesOf = (text) => Uint8Array.from(Buffer.from(text, "base64"));
const wave = (n) => Float64Array.from({ length: n }, (_, i) => Math.sin(i));
const fastMri = await hdf5((h) => {
  complex(h, "kspace", [2, 2, 6, 4], wave(192), { chunks: [1, 2, 6, 4] });
  h.create_dataset({ name: "reconstruction_rss", data: wave(32), shape: [2, 4, 4], dtype: "<f" });
  h.create_dataset({
    name: "ismrmrd_header",
    data: ["<reconSpace></reconSpace>"],
    shape: [],
    dtype: "S",
  });
});
const block = new Uint8Array(512);
block.set(new TextEncoder().encode("MATLAB 7.3 MAT-file"));
const matlab73 = await hdf5((h) => {
  const group = h.create_group("data");
  complex(group, "train", [3, 4, 2], wave(48), {
    names: ["real", "imag"],
    dtype: "<d",
    chunks: [1, 4, 2],
  });
  group.create_dataset({ name: "mask", data: [1, 0, 0, 1], shape: [2, 2], dtype: "<B" });
  group.create_attribute("MATLAB_class", "struct", null, "S6");
}, block);

// ---- DICOM ----

const [H, W] = [6, 8];
const cells = Array.from({ length: H * W }, (_, i) => (i % 3 ? 900 : (i * 37) % 4096));
const header = (bits, frames = 1) => [
  [0x28, 0x02, "US", 1],
  [0x28, 0x04, "CS", "MONOCHROME2"],
  [0x28, 0x08, "IS", String(frames)],
  [0x28, 0x10, "US", H],
  [0x28, 0x11, "US", W],
  [0x28, 0x100, "US", bits],
  [0x28, 0x101, "US", bits],
  [0x28, 0x102, "US", bits - 1],
  [0x28, 0x103, "US", 0],
  [0x28, 0x1053, "DS", "2"],
];
const syntax = (end) => `1.2.840.10008.1.2.${end}`;
async function packedBy(library, encoder, prepare) {
  const codec = await (await import(library)).default({ print() {}, printErr() {} });
  const one = new codec[encoder]();
  const info = { width: W, height: H, bitsPerSample: 16, componentCount: 1, isSigned: false };
  one
    .getDecodedBuffer({ ...info, isUsingColorTransform: false })
    .set(new Uint8Array(Uint16Array.from(cells).buffer));
  prepare(one);
  one.encode();
  return Uint8Array.from(one.getEncodedBuffer());
}
const lossless = [1, 4, 7].map((predictor) =>
  losslessJpeg(cells, [H, W], { precision: 12, predictor, rows: 2 }),
);
const halves = lossless.slice(0, 2).flatMap((bytes) => [bytes.subarray(0, 30), bytes.subarray(30)]);
const jpegLs = await packedBy("@cornerstonejs/codec-charls", "JpegLSEncoder", (e) =>
  e.setNearLossless(0),
);
const jpeg2000 = await packedBy("@cornerstonejs/codec-openjpeg", "J2KEncoder", (e) => {
  e.setQuality(true, 0);
  // as many as so small an image has
  e.setDecompositions(1);
});
const htj2k = await packedBy("@cornerstonejs/codec-openjph", "HTJ2KEncoder", (e) =>
  e.setQuality(true, 0),
);
/** Of one component, which jpeg-js does not write: Pillow's, of a ramp of 6×8. */
const greyJpeg = bytesOf(
  "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAYEBQYFBAYGBQYHBwYIChAKCgkJChQODwwQFxQYGBcUFhYaHSUfGhsjHBYWICwgIyYnKSopGR8tMC0oMCUoKSj/wAALCAAGAAgBAREA/8QAHwAAAQUBAQEBAQEAAAAAAAAAAAECAwQFBgcICQoL/8QAtRAAAgEDAwIEAwUFBAQAAAF9AQIDAAQRBRIhMUEGE1FhByJxFDKBkaEII0KxwRVS0fAkM2JyggkKFhcYGRolJicoKSo0NTY3ODk6Q0RFRkdISUpTVFVWV1hZWmNkZWZnaGlqc3R1dnd4eXqDhIWGh4iJipKTlJWWl5iZmqKjpKWmp6ipqrKztLW2t7i5usLDxMXGx8jJytLT1NXW19jZ2uHi4+Tl5ufo6erx8vP09fb3+Pn6/9oACAEBAAA/AI9B0+DVLq98F6BCunWNtcyWd9dFv3t2EO1kAA+RCwbPJLLjO0FlP//Z",
);

/** What is fuzzed here, as in scripts/fuzz.mjs. A library keeps its memory: `room` is for that. */
const DEFLATE = 1032;
const LIBRARY = 64e6;
export const containers = {
  hdf5: { files: [fastMri], read: image, holds: DEFLATE, room: LIBRARY },
  "hdf5-kspace": { files: [fastMri], read: kspace, holds: DEFLATE, room: LIBRARY },
  mrd: { files: [bytesOf(made.mrd.file)], read: kspace, holds: DEFLATE, room: LIBRARY },
  "matlab-7.3": { files: [matlab73], read: image, holds: DEFLATE, room: LIBRARY },
  matlab: {
    files: [
      ...made.matlab.map(({ file }) => bytesOf(file)),
      matFile([{ name: "x", shape: [2, 3], real: [1, 2, 3, 4, 5, 6] }], { little: false }),
    ],
    read: image,
    holds: DEFLATE,
  },
  "npz-images": {
    files: [zip({ "x.npy": npy("|u1", [2, 3, 4], ramp(24)) })],
    read: image,
    holds: DEFLATE,
  },
  ra: { files: [rawArray([3, 2, 2], wave(24))], read: image, holds: 1 },
  "meta-image": {
    files: ["LOCAL", "x.raw", "x_%02d.raw 1 2 1", "LIST\nx\ny"].map((where) =>
      join([
        new TextEncoder().encode(
          `ObjectType = Image\nNDims = 3\nDimSize = 3 2 2\nElementType = MET_SHORT\nElementDataFile = ${where}\n`,
        ),
        where === "LOCAL" ? ramp(24) : [],
      ]),
    ),
    read: image,
    holds: DEFLATE,
  },
  "dicom-rle": {
    files: [encapsulated(header(16), syntax("5"), [rle(cells, 2)])],
    read: image,
    holds: 1024,
  },
  "dicom-lossless": {
    files: [
      ...lossless.map((bytes) => encapsulated(header(16), syntax("4.57"), [bytes])),
      encapsulated(header(16, 2), syntax("4.70"), halves),
    ],
    read: image,
    holds: 1024,
  },
  "dicom-jpeg": {
    files: [encapsulated(header(8), syntax("4.50"), [greyJpeg])],
    read: image,
    holds: 4096,
  },
  "dicom-jpeg-ls": {
    files: [encapsulated(header(16), syntax("4.80"), [jpegLs])],
    read: image,
    holds: 4096,
    room: LIBRARY,
  },
  "dicom-jpeg-2000": {
    files: [encapsulated(header(16), syntax("4.90"), [jpeg2000])],
    read: image,
    holds: 4096,
    room: LIBRARY,
  },
  "dicom-htj2k": {
    files: [encapsulated(header(16), syntax("4.201"), [htj2k])],
    read: image,
    holds: 4096,
    room: LIBRARY,
  },
};
