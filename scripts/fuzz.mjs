// npm run fuzz -- --count N --seed S [--kind nifti,dicom,…]: damages small files of every input
// format, of ours too (scripts/fuzz-own.mjs), and reads them. What is read or refused with a
// FiducialError passes; another exception, a read of more than two seconds, or more memory than
// four times what the file can hold, does not, and exits with 1. A failure prints its kind, seed
// and number, which repeat it alone: --kind K --seed S --only NUMBER.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { crc32 } from "node:zlib";
import jpegJs from "jpeg-js";
import { FiducialError, random } from "fiducial/engine";
import {
  arraySet,
  readCellValues,
  readCifar10,
  readIdxSet,
  readNpyArray,
  readNpz,
  readPicture,
  readVolume,
} from "fiducial/data";
import {
  bartHeader,
  dicom,
  gzip,
  idx,
  join,
  nifti,
  npy,
  png,
  syntaxes,
  withOrientation,
  zip,
} from "../test/fixtures/files.mjs";
import { containers } from "./fuzz-containers.mjs";
import { own } from "./fuzz-own.mjs";
import { ofOnnx } from "./fuzz-onnx.mjs";
import { ofWeights } from "./fuzz-weights.mjs";

const SLOW = 2000;
/** Room for what a reader needs whatever the file: fflate's pieces unpack to 4 MB each. */
const BASE = 24e6;
/** Deflate's, a JPEG block's, and TIFF's LZW's most bytes from one. */
const [DEFLATE, JPEG, LZW] = [1032, 512 * 8, 4096];

const ramp = (n) => Uint8Array.from({ length: n }, (_, i) => (i * 37) % 251);
/** As many numbers of numpy's type, from 0 to 1 where the sets want that. */
function numbers(type, n) {
  const values = Array.from({ length: n }, (_, i) => (i % 7) / 8);
  if (type === "f8" || type === "c16")
    return new Uint8Array(
      Float64Array.from(type === "c16" ? [...values, ...values] : values).buffer,
    );
  if (type === "f4") return new Uint8Array(Float32Array.from(values).buffer);
  if (type === "i8")
    return new Uint8Array(BigInt64Array.from(values, (v) => BigInt(v > 0.5)).buffer);
  if (type === "f2")
    return new Uint8Array(Uint16Array.from(values, (v) => (v ? 0x3800 : 0)).buffer);
  return Uint8Array.from(values, (v) => (type === "b1" ? v > 0.5 : v * 256));
}
const volumeOf = (bytes) => {
  const volume = readVolume(bytes, "file");
  volume.slice(Math.min(volume.slices - 1, Math.floor(volume.slices / 2)));
};
const pictureOf = (bytes) => {
  const picture = readPicture(bytes, "file");
  picture.pixel(picture.height - 1, picture.width - 1);
};
/** Pictures that other programs wrote. */
const { cases } = JSON.parse(
  readFileSync(new URL("../test/fixtures/pictures.json", import.meta.url), "utf8"),
);
const recorded = (format) =>
  Object.keys(cases)
    .filter((name) => name.startsWith(format))
    .map((name) => new Uint8Array(Buffer.from(cases[name].file, "base64")));
const pngOf = (bytes) => {
  volumeOf(bytes);
  pictureOf(bytes);
};
const setOf = (set) =>
  set.pixels(set.length - 1, new Float32Array(set.shape[0] * set.shape[1] * set.shape[2]));

const pixels = [0x7fe0, 0x10, "OW", ramp(8 * 6 * 2)];
const image = [
  [0x08, 0x60, "CS", "MR"],
  [0x28, 0x02, "US", 1],
  [0x28, 0x04, "CS", "MONOCHROME1"],
  [0x28, 0x08, "IS", "2"],
  [0x28, 0x10, "US", 4],
  [0x28, 0x11, "US", 6],
  [0x28, 0x100, "US", 16],
  [0x28, 0x101, "US", 12],
  [0x28, 0x102, "US", 11],
  [0x28, 0x103, "US", 1],
  [0x28, 0x120, "SS", -5],
  [0x28, 0x1052, "DS", "-7.5"],
  [0x28, 0x1053, "DS", "2"],
  [
    0x28,
    0x3000,
    "SQ",
    [
      [
        [0x28, 0x3002, "US", [4, 0, 16]],
        [0x28, 0x3006, "OW", ramp(8)],
      ],
    ],
  ],
  [0x5200, 0x9229, "SQ", [[[0x28, 0x9145, "SQ", [[[0x28, 0x1053, "DS", "3"]]]]]]],
];
const dicoms = Object.keys(syntaxes).flatMap((syntax) => [
  dicom([...image, pixels], { syntax }),
  dicom([...image.filter(([, element]) => element !== 0x3000), pixels], {
    syntax,
    preamble: syntax === "deflated",
  }),
]);
const sform = [
  [-1, 0, 0, 5],
  [0, 0, 1, 5],
  [0, 1, 0, 5],
];
const volumes = [
  nifti([4, 3, 5], 4, ramp(120), { sform, slope: 2, intercept: 1 }),
  nifti([4, 3, 2, 2], 16, numbers("f4", 48), {
    version: 2,
    quatern: [0, 0.7, 0.7],
    pixdim: [1, 2, 3],
  }),
  nifti([4, 3], 32, ramp(96).fill(63), { little: false }),
  nifti([3, 2, 2], 1024, numbers("i8", 12)),
];
const pngs = [
  png(
    { width: 9, height: 5 },
    Array.from({ length: 5 }, () => [...ramp(9)]),
  ),
  png(
    { width: 4, height: 3, depth: 16, colour: 6 },
    Array.from({ length: 3 }, () => [...ramp(32)]),
  ),
  png(
    { width: 9, height: 2, depth: 4, colour: 3 },
    [
      [1, 2, 3, 1, 16],
      [0, 1, 2, 3, 0],
    ],
    [
      ["PLTE", ramp(12)],
      ["tRNS", [0, 9]],
    ],
  ),
  png(
    { width: 2, height: 2, depth: 1, colour: 0 },
    [[128], [64]],
    [
      ["tRNS", [0, 1]],
      ["tEXt", [97, 0, 98]],
    ],
  ),
  png({ width: 1, height: 1, depth: 8, colour: 2, interlace: 1 }, [[1, 2, 3]]),
  // three of Adam7's passes
  png({ width: 3, height: 2, depth: 4, interlace: 1 }, [[0x10], [0x20], [0x30], [0x12, 0x30]]),
];
const arrays = ["<f8", ">f2", "|u1", "<c16", "<i8", "|b1"].flatMap((type) =>
  [false, true].map((fortran) => npy(type, [2, 3, 4], numbers(type.slice(1), 24), fortran)),
);
const masks = ["<f8", "|u1", "|b1"].map((type) => npy(type, [6, 8], numbers(type.slice(1), 48)));
const photo = Uint8Array.from(
  jpegJs.encode({ width: 24, height: 17, data: ramp(24 * 17 * 4) }, 60).data,
);
const labels = npy("<i4", [2], new Uint8Array(8));
const real = arrays.filter((_, i) => i !== 6 && i !== 7);

/** A PNG's chunks with their checksums made right, as far as chunks can be told. */
function withSums(bytes) {
  const out = Uint8Array.from(bytes);
  const view = new DataView(out.buffer);
  for (let at = 8; at + 12 <= out.length; ) {
    const end = at + 8 + view.getUint32(at);
    if (end + 4 > out.length) break;
    view.setUint32(end, crc32(out.subarray(at + 4, end)));
    at = end + 4;
  }
  return out;
}

/** What is fuzzed: files, how one is read, and how many bytes one byte of it can hold. */
const kinds = {
  nifti: { files: volumes, read: volumeOf, holds: 1 },
  "nifti-gz": { files: volumes.map(gzip), read: volumeOf, holds: DEFLATE },
  "nifti-pair": {
    files: [join([nifti([4, 3], 4, ramp(24), { pair: true }), ramp(24)])],
    read: (bytes) =>
      readVolume(bytes.subarray(0, 352), "file", { pixels: () => bytes.subarray(352) }).slice(0),
    holds: 1,
  },
  bart: {
    files: [join([bartHeader([4, 3, 1, 2]), [0], new Uint8Array(4 * 3 * 2 * 8).fill(63)])],
    read(bytes) {
      const end = bytes.indexOf(0) + 1;
      readVolume(bytes.subarray(0, end), "file", { pixels: () => bytes.subarray(end) }).slice(0);
    },
    holds: 1,
  },
  dicom: { files: dicoms, read: volumeOf, holds: DEFLATE },
  png: { files: pngs, read: pngOf, holds: DEFLATE },
  // behind sums that are right: what a checksum cannot catch
  "nifti-inside": { files: volumes, read: (bytes) => volumeOf(gzip(bytes)), holds: DEFLATE },
  "npz-inside": {
    files: real.slice(0, 4),
    read: (bytes) =>
      setOf(
        arraySet(
          readNpz(zip({ "x.npy": bytes }), "file").get("x"),
          readNpyArray(labels, "labels"),
          "file",
        ),
      ),
    holds: DEFLATE,
  },
  "png-inside": { files: pngs, read: (bytes) => volumeOf(withSums(bytes)), holds: DEFLATE },
  tiff: { files: recorded("TIFF"), read: pictureOf, holds: LZW },
  bmp: { files: recorded("BMP"), read: pictureOf, holds: 1 },
  jpeg: { files: [photo, withOrientation(photo, 6)], read: pictureOf, holds: JPEG },
  npy: { files: arrays, read: volumeOf, holds: 1 },
  mask: {
    files: [...masks, ...pngs, volumes[2]],
    read: (bytes) => readCellValues(bytes, "file"),
    holds: DEFLATE,
  },
  npz: {
    files: [zip({ "x.npy": npy("|u1", [2, 3, 3], ramp(18)), "y.npy": labels })],
    read: (bytes) => {
      const found = readNpz(bytes, "file");
      const [x, y] = ["x", "y"].map((key) => found.get(key));
      if (x && y) setOf(arraySet(x, y, "file"));
    },
    holds: DEFLATE,
  },
  idx: {
    files: [idx([2, 3, 3], ramp(18)), gzip(idx([2, 3, 3], ramp(18)))],
    read: (bytes) => setOf(readIdxSet(bytes, idx([2], Uint8Array.of(0, 1)), { name: "file" })),
    holds: DEFLATE,
  },
  labels: {
    files: [idx([2], Uint8Array.of(0, 1)), gzip(idx([2], Uint8Array.of(0, 1)))],
    read: (bytes) => setOf(readIdxSet(idx([2, 3, 3], ramp(18)), bytes, { name: "file" })),
    holds: DEFLATE,
  },
  cifar: {
    files: [ramp(2 * 3073).map((v, i) => (i % 3073 ? v : 3))],
    read: (b) => setOf(readCifar10([b], "file")),
    holds: 1,
  },
  array: {
    files: real,
    read: (bytes) =>
      setOf(arraySet(readNpyArray(bytes, "file"), readNpyArray(labels, "labels"), "file")),
    holds: 1,
  },
  ...containers,
  ...own,
  ...ofWeights,
  ...ofOnnx,
};

/** Ends of the ranges of lengths, counts and offsets. */
const extremes = [
  0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff,
];
const mutations = {
  flip(bytes, rng) {
    for (let n = 1 + rng.integer(3); n > 0; n--)
      bytes[rng.integer(bytes.length)] ^= 1 << rng.integer(8);
    return bytes;
  },
  bytes(bytes, rng) {
    for (let n = 1 + rng.integer(4); n > 0; n--)
      bytes[rng.integer(bytes.length)] = rng.integer(256);
    return bytes;
  },
  truncate: (bytes, rng) => bytes.subarray(0, rng.integer(bytes.length + 1)),
  extreme(bytes, rng) {
    const width = [1, 2, 4][rng.integer(3)];
    if (bytes.length < width) return bytes;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const at = rng.integer(bytes.length - width + 1);
    const value = extremes[rng.integer(extremes.length)];
    view[{ 1: "setUint8", 2: "setUint16", 4: "setUint32" }[width]](
      at,
      value % 2 ** (8 * width),
      rng.integer(2) === 0,
    );
    return bytes;
  },
  repeat(bytes, rng) {
    const [from, length] = [rng.integer(bytes.length), 1 + rng.integer(64)];
    return join([
      bytes.subarray(0, from),
      bytes.subarray(from, from + length),
      bytes.subarray(from),
    ]);
  },
  remove(bytes, rng) {
    const [from, length] = [rng.integer(bytes.length), 1 + rng.integer(16)];
    return join([bytes.subarray(0, from), bytes.subarray(from + length)]);
  },
  splice(bytes, rng, others) {
    const other = others[rng.integer(others.length)];
    return join([
      bytes.subarray(0, rng.integer(bytes.length)),
      other.subarray(rng.integer(other.length)),
    ]);
  },
};

/** The n-th damaged file of a kind; it depends on the seed, the kind and n alone. */
function damaged(kind, seed, n) {
  const rng = random(seed).fork(`${kind}-${n}`);
  const { files, inside } = kinds[kind];
  let bytes = Uint8Array.from(files[rng.integer(files.length)]);
  // what is inside, behind sums that are right
  if (inside && rng.integer(4) > 0) return inside(bytes, rng);
  // mostly one damage: more are found out sooner
  for (
    let rounds = rng.integer(3) ? 1 : 1 + rng.integer(4);
    rounds > 0 && bytes.length > 0;
    rounds--
  ) {
    const names = Object.keys(mutations);
    bytes = Uint8Array.from(mutations[names[rng.integer(names.length)]](bytes, rng, files));
  }
  return bytes;
}

const inUse = () => {
  const { arrayBuffers, heapUsed } = process.memoryUsage();
  return arrayBuffers + heapUsed;
};
/** Processor time in ms: the wall's clock goes on while others have the machine. */
function processorTime() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
/** Undefined when all is well. */
async function fault(kind, bytes, tally) {
  const { read, holds, room = 0 } = kinds[kind];
  const [before, start, clock] = [inUse(), processorTime(), performance.now()];
  let wrong;
  try {
    await read(bytes);
    tally.read++;
  } catch (error) {
    if (error instanceof FiducialError && !/\p{Cc}/u.test(error.message)) tally.refused++;
    else wrong = `foreign exception: ${error.stack ?? error}`;
  }
  // the processor's time holds that of the collector's threads, the wall's that of others
  const took = Math.min(processorTime() - start, performance.now() - clock);
  const grown = inUse() - before;
  tally.slowest = Math.max(tally.slowest, took);
  tally.largest = Math.max(tally.largest, grown);
  if (took > SLOW) wrong ??= `${Math.round(took)} ms`;
  if (grown > 4 * holds * bytes.length + BASE + room)
    wrong ??= `${Math.round(grown / 1e6)} MB for ${bytes.length} bytes`;
  return wrong;
}

const { values } = parseArgs({
  options: {
    count: { type: "string", default: "10000" },
    seed: { type: "string", default: "1" },
    kind: { type: "string", default: Object.keys(kinds).join(",") },
    only: { type: "string" },
    keep: { type: "string" },
  },
});
const seed = Number(values.seed);
const chosen = values.kind.split(",");
const unknown = chosen.find((kind) => !(kind in kinds));
if (unknown !== undefined)
  throw new Error(`there is no kind ${unknown}; there are ${Object.keys(kinds).join(", ")}`);

const nothing = () => ({ read: 0, refused: 0, faults: 0, slowest: 0, largest: 0 });
const told = ({ read, refused, faults, slowest, largest }) =>
  `${read} read, ${refused} refused, ${faults} faults, slowest ${slowest.toFixed(0)} ms, largest ${(largest / 1e6).toFixed(1)} MB`;
function keep(name, bytes) {
  mkdirSync(values.keep, { recursive: true });
  writeFileSync(`${values.keep}/${name}`, bytes);
}
/** Reads the damaged files of a kind. */
async function tallied(kind, places) {
  const tally = nothing();
  for (const file of kinds[kind].files) await kinds[kind].read(file);
  for (const n of places) {
    const bytes = damaged(kind, seed, n);
    const wrong = await fault(kind, bytes, tally);
    if (wrong === undefined) continue;
    tally.faults++;
    console.log(`${kind} --seed ${seed} --only ${n}: ${wrong}`);
    if (values.keep !== undefined) keep(`${kind}-${seed}-${n}`, bytes);
  }
  return tally;
}

const each = Math.ceil(Number(values.count) / chosen.length);
const places =
  values.only === undefined ? Array.from({ length: each }, (_, n) => n) : [Number(values.only)];
const all = nothing();
for (const kind of chosen) {
  const tally = await tallied(kind, places);
  for (const name of ["read", "refused", "faults"]) all[name] += tally[name];
  for (const name of ["slowest", "largest"]) all[name] = Math.max(all[name], tally[name]);
  console.log(`${kind.padEnd(14)} ${told(tally)}`);
}
console.log(`${places.length} of each of ${chosen.length} kinds, seed ${seed}: ${told(all)}`);
console.log(`${all.faults} faults`);
process.exit(all.faults > 0 ? 1 : 0);
