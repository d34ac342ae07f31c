// reports.md, rows 1 to 40: masks, k-space and scans, each as a small input made here.
import { inflateSync } from "node:zlib";
import { join } from "node:path";
import { readFileSync } from "node:fs";
import { readNpyArray, readPicture, readVolume, writePng } from "fiducial/data";
import { brainPhantoms, ssim, ssimGaussian } from "fiducial/imaging";
import { dicom, gzip, join as joined, nifti, npy, png } from "../test/fixtures/files.mjs";
import {
  computed,
  distance,
  done,
  expect,
  fiducial,
  file,
  first,
  fresh,
  near,
  refused,
  same,
  slice,
} from "./cases-tools.mjs";

/** What the embedded network takes. */
const N = 128;
const bytesOf = (array) => new Uint8Array(array.buffer);
const phantom = brainPhantoms({ shape: [N, N], count: 1, seed: 1 }).image(0);
const magnitude = () =>
  Float32Array.from({ length: N * N }, (_, i) => Math.hypot(phantom[i], phantom[N * N + i]));
const scanOf = (values) => file("scan.npy", npy("<f4", [N, N], bytesOf(values)));
const reconstruct = (...args) => fiducial("reconstruct", "--threads", "1", ...args);
const zeroFilled = (...args) =>
  reconstruct(
    "--method",
    "zero-filled",
    "--images",
    scanOf(magnitude()),
    "--out",
    fresh(),
    ...args,
  );

// ---- masks and k-space ----

const measured = (run) => Number(/([\d.]+) % of k-space is measured/.exec(run.said)?.[1]);
/** Columns that are measured: every third and the middle. */
const columns = Array.from({ length: N }, (_, i) => i % 3 === 2 || Math.abs(i - N / 2) < 6);
const share = (100 * columns.filter(Boolean).length) / N;
const maskBytes = (of) => Uint8Array.from({ length: N * N }, (_, i) => (of(i % N) ? 1 : 0));
const measures = (run) => done(run) ?? near(measured(run), share, 0.06, "% measured");
const maskOf = (name, bytes) => zeroFilled("--mask", file(name, bytes));

/** The phantom's k-space as numpy has it: `scale` times, `floor` where nothing is measured. */
async function kspace({ scale = 1, floor = 0 } = {}) {
  const { y } = await computed((b) => ({
    y: b.emit("fft2", { x: b.constant(phantom, [1, 2, N, N]) }, { inverse: false }),
  }));
  return Float32Array.from({ length: 2 * N * N }, (_, k) => {
    const [cell, part] = [k >> 1, k & 1];
    if (!columns[cell % N]) return part === 0 ? floor : 0;
    return scale * y[part * N * N + cell];
  });
}
const complexFile = (name, shape, values) => file(name, npy("<c8", shape, bytesOf(values)));
function fromKspace(path, ...args) {
  const out = fresh();
  const run = reconstruct("--kspace", path, "--out", out, ...args);
  const bytes = run.status === 0 ? readFileSync(join(out, "reconstruction.npy")) : undefined;
  // the last of an NPY file are its values
  const image =
    bytes && new Float32Array(bytes.buffer.slice(bytes.byteOffset + bytes.length - 8 * N * N));
  return { run, image, shape: bytes && readNpyArray(bytes, "it").shape };
}

async function scaleLaw() {
  for (const method of ["network", "total-variation", "zero-filled"]) {
    const images = [];
    for (const scale of [1, 1e-6, 1e-9, 1e6]) {
      const path = complexFile("k.npy", [N, N], await kspace({ scale }));
      const { run, image } = fromKspace(path, "--method", method);
      if (!image) return done(run);
      images.push(image.map((v) => v / scale));
    }
    const apart = Math.max(...images.slice(1).map((image) => distance(image, images[0])));
    if (!(apart < 1e-3)) return `${method}: f(s·y)/s and f(y) are ${apart} apart`;
  }
  return undefined;
}
async function tinyInsteadOfZero() {
  const { run } = fromKspace(
    complexFile("tiny.npy", [N, N], await kspace({ floor: 1e-12 })),
    "--method",
    "zero-filled",
  );
  return measures(run);
}
/** Percent points by which each kind may miss 1/R: a column, crossing spokes, chance. */
const kinds = { "variable-density": 0.1, "equispaced-fraction": 0.9, radial: 1, random: 12 };
function accelerations() {
  for (const [kind, tolerance] of Object.entries(kinds))
    for (const R of [1, 2, 4, 8]) {
      const options = [
        "--sampling",
        kind,
        "--acceleration",
        String(R),
        "--center-fraction",
        "0.04",
      ];
      const fault = near(
        measured(zeroFilled(...options)),
        100 / R,
        tolerance,
        `${kind}, R = ${R}: % measured`,
      );
      if (fault) return fault;
    }
  return undefined;
}
async function manyCoils() {
  const one = await kspace();
  const coils = (n) => Float32Array.from({ length: n * one.length }, (_, i) => one[i % one.length]);
  for (const n of [2, 8]) {
    const path = complexFile("coils.npy", [n, N, N], coils(n));
    const options = [
      "--operator",
      "multi-coil",
      "--coils",
      String(n),
      "--method",
      "conjugate-gradient",
    ];
    const { run, shape } = fromKspace(path, ...options);
    const fault = done(run) ?? same(shape, [1, N, N]);
    if (fault) return `${n} coils: ${fault}`;
  }
  const oblong = Float32Array.from({ length: 2 * 96 * 80 }, (_, i) =>
    (i >> 1) % 80 === 40 ? 1 : 0,
  );
  const { run, shape } = fromKspace(
    complexFile("oblong.npy", [96, 80], oblong),
    "--method",
    "total-variation",
  );
  return done(run) ?? same(shape, [1, 96, 80]);
}

/** numpy's centred orthonormal transform along one axis of [H,W], by its definition. */
function transformed({ re, im, count, step, starts }) {
  const c = Math.floor(count / 2);
  const turns = Array.from({ length: count }, (_, i) => [
    Math.cos((2 * Math.PI * i) / count),
    Math.sin((2 * Math.PI * i) / count),
  ]);
  for (const start of starts) {
    const line = Array.from({ length: count }, (_, k) => {
      let [p, q] = [0, 0];
      for (let j = 0; j < count; j++) {
        const [cos, sin] = turns[((((j - c) * (k - c)) % count) + count) % count];
        const at = start + j * step;
        p += re[at] * cos + im[at] * sin;
        q += im[at] * cos - re[at] * sin;
      }
      return [p / Math.sqrt(count), q / Math.sqrt(count)];
    });
    line.forEach(([p, q], k) => {
      re[start + k * step] = p;
      im[start + k * step] = q;
    });
  }
}
const wave = (n, phase) =>
  Float32Array.from({ length: n }, (_, i) => Math.sin(1.7 * i * i + phase));
async function everySize() {
  const sizes = "1x1 1x7 2x3 3x5 7x9 8x9 13x4 11x11 17x31 64x48 97x8 127x5 320x184".split(" ");
  for (const [H, W] of sizes.map((size) => size.split("x").map(Number))) {
    const [x, z] = [wave(2 * H * W, 0), wave(2 * H * W, 1)];
    const shape = [1, 2, H, W];
    const { y, back } = await computed((b) => ({
      y: b.emit("fft2", { x: b.constant(x, shape) }, { inverse: false }),
      back: b.emit("fft2", { x: b.constant(z, shape) }, { inverse: true }),
    }));
    const [re, im] = [
      Float64Array.from(x.subarray(0, H * W)),
      Float64Array.from(x.subarray(H * W)),
    ];
    transformed({ re, im, count: W, step: 1, starts: Array.from({ length: H }, (_, i) => i * W) });
    transformed({ re, im, count: H, step: W, starts: Array.from({ length: W }, (_, i) => i) });
    const apart = distance(y, [...re, ...im]);
    const dot = (p, q) => p.reduce((s, v, i) => s + v * q[i], 0);
    const [forward, backward] = [dot(y, z), dot(x, back)];
    const unequal = Math.abs(forward - backward) / Math.sqrt(dot(x, x) * dot(z, z));
    if (!(apart < 2e-6 && unequal < 1e-6)) return `${H}×${W}: ${apart} apart, dot test ${unequal}`;
  }
  return undefined;
}

/** SSIM over whole windows, by its definition; `ratio` is that of the sample covariance. */
function similarity({ p, q, size, weights, ratio, range }) {
  const w = Math.sqrt(weights.length);
  const [c1, c2] = [(0.01 * range) ** 2, (0.03 * range) ** 2];
  let [sum, windows] = [0, 0];
  for (let i = 0; i + w <= size; i++)
    for (let j = 0; j + w <= size; j++) {
      const at = (k) => (i + Math.floor(k / w)) * size + j + (k % w);
      const mean = (f) => weights.reduce((s, v, k) => s + v * f(at(k)), 0);
      const [mp, mq] = [mean((k) => p[k]), mean((k) => q[k])];
      const spread = (f) => ratio * mean(f);
      const pp = spread((k) => (p[k] - mp) ** 2);
      const qq = spread((k) => (q[k] - mq) ** 2);
      const pq = spread((k) => (p[k] - mp) * (q[k] - mq));
      sum += ((2 * mp * mq + c1) * (2 * pq + c2)) / ((mp * mp + mq * mq + c1) * (pp + qq + c2));
      windows++;
    }
  return sum / windows;
}
export const uniform = new Array(49).fill(1 / 49);
function structuralSimilarities() {
  const size = 20;
  const p = Array.from(wave(size * size, 0), (v) => 3 + v);
  const q = p.map((v, i) => v + 0.3 * Math.sin(i));
  const bell = Array.from({ length: 121 }, (_, k) =>
    Math.exp(-((Math.floor(k / 11) - 5) ** 2 + ((k % 11) - 5) ** 2) / 4.5),
  );
  const total = bell.reduce((s, v) => s + v);
  const gaussian = { p, q, size, weights: bell.map((v) => v / total), ratio: 1 };
  return first(
    [1, 4, 255].flatMap((range) => [
      near(
        ssim(p, q, [size, size], range),
        similarity({ p, q, size, weights: uniform, ratio: 49 / 48, range }),
        1e-12,
        "SSIM",
      ),
      near(
        ssimGaussian(p, q, [size, size], range),
        similarity({ ...gaussian, range }),
        1e-12,
        "Gaussian SSIM",
      ),
    ]),
  );
}
export { similarity };

// ---- scans ----

const ramp = Uint8Array.from({ length: 24 }, (_, i) => i);
const image = (elements, values, more = {}) =>
  dicom(
    [
      [0x28, 0x02, "US", 1],
      [0x28, 0x04, "CS", more.photometric ?? "MONOCHROME2"],
      ...(more.frames === undefined ? [] : [[0x28, 0x08, "IS", more.frames]]),
      [0x28, 0x10, "US", 1],
      [0x28, 0x11, "US", values.length],
      [0x28, 0x100, "US", 16],
      [0x28, 0x101, "US", more.stored ?? 16],
      [0x28, 0x102, "US", more.high ?? (more.stored ?? 16) - 1],
      [0x28, 0x103, "US", more.signed ? 1 : 0],
      ...elements,
      [0x7fe0, 0x10, "OW", bytesOf(Int16Array.from(values))],
    ],
    { syntax: more.syntax, preamble: more.preamble },
  );
const decimals = (slope, intercept) => [
  [0x28, 0x1052, "DS", intercept],
  [0x28, 0x1053, "DS", slope],
];
const sharedGroups = (elements) => [[0x5200, 0x9229, "SQ", [[[0x28, 0x9145, "SQ", [elements]]]]]];
const modalityLut = [
  [0x28, 0x3002, "US", [3, 20, 16]],
  [0x28, 0x3006, "OW", bytesOf(Uint16Array.of(7, 1600, 9))],
];
const sorted = (bytes) => slice(bytes).toSorted((p, q) => p - q);
const valueLine = (bytes, want) => same(sorted(bytes), want);

function slopeAndIntercept() {
  const int16 = (little) => {
    const view = new DataView(new ArrayBuffer(6));
    [1, 2, 3].forEach((v, i) => view.setInt16(2 * i, v, little));
    return new Uint8Array(view.buffer);
  };
  const scaled = { slope: 2, intercept: -3 };
  return first([
    valueLine(nifti([3, 1], 4, int16(true), scaled), [-1, 1, 3]),
    valueLine(nifti([3, 1], 4, int16(false), { ...scaled, little: false }), [-1, 1, 3]),
    valueLine(nifti([2, 1], 32, bytesOf(Float32Array.of(1, 5, 2, 7)), scaled), [-1, 1, 7, 11]),
  ]);
}
/** A volume stored left to right, front to back, up, and the same stored with its axes turned. */
function turnedAxes() {
  const [X, Y, Z] = [5, 6, 4];
  const value = (x, y, z) => x + 10 * y + 100 * z;
  const stored = (sizes, of) => {
    const cells = Array.from({ length: sizes[0] * sizes[1] * sizes[2] }, (_, k) =>
      of(k % sizes[0], Math.floor(k / sizes[0]) % sizes[1], Math.floor(k / (sizes[0] * sizes[1]))),
    );
    return bytesOf(Float32Array.from(cells));
  };
  const plain = [
    [1, 0, 0, 0],
    [0, 1, 0, 0],
    [0, 0, 1, 0],
  ];
  const upright = nifti([X, Y, Z], 16, stored([X, Y, Z], value), { sform: plain });
  // (A, R, S): y first, then x
  const lying = nifti(
    [Y, X, Z],
    16,
    stored([Y, X, Z], (y, x, z) => value(x, y, z)),
    { sform: [plain[1], plain[0], plain[2]] },
  );
  const { height, width } = readVolume(lying, "file");
  for (let z = 0; z < Z; z++) {
    const picture = slice(lying, "file", z);
    const anterior = picture.slice(0, width).every((v) => Math.floor(v / 10) % 10 === Y - 1);
    const fault =
      same(picture, slice(upright, "file", z)) ??
      expect(anterior, "what is in front is not at the top");
    if (fault) return fault;
  }
  return same([height, width], [Y, X]);
}
/** All is blank but slice 2 of the first time: another one would be refused as constant. */
function middleOfSeries() {
  const [slices, times] = [4, 4];
  const values = new Float32Array(N * N * slices * times);
  values.set(magnitude(), 2 * N * N);
  const series = file("series.nii", nifti([N, N, slices, times], 16, bytesOf(values)));
  const run = reconstruct("--method", "zero-filled", "--images", series, "--out", fresh());
  return (
    done(run) ??
    expect(
      /the middle slice of the first, 2, is taken/.test(run.said),
      `it says: ${run.said.slice(0, 200)}`,
    )
  );
}

// ---- PNG ----

/** Rows of all seven passes of Adam7, each [pixels…] of `cell(row, column)` bytes. */
function adam7(width, height, cell) {
  const passes = [
    [0, 0, 8, 8],
    [0, 4, 8, 8],
    [4, 0, 8, 4],
    [0, 2, 4, 4],
    [2, 0, 4, 2],
    [0, 1, 2, 2],
    [1, 0, 2, 1],
  ];
  const rows = [];
  for (const [top, left, down, right] of passes)
    for (let i = top; i < height; i += down) {
      const row = [];
      for (let j = left; j < width; j += right) row.push(...cell(i, j));
      if (row.length > 0) rows.push(row);
    }
  return rows;
}
/** Grey values of a 16-bit PNG without interlacing, as the standard has them. */
function grey16(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const packed = [];
  for (let at = 8; at < bytes.length; at += 12 + view.getUint32(at))
    if (String.fromCharCode(...bytes.subarray(at + 4, at + 8)) === "IDAT")
      packed.push(bytes.subarray(at + 8, at + 8 + view.getUint32(at)));
  const [width, height] = [view.getUint32(16), view.getUint32(20)];
  const lines = inflateSync(joined(packed));
  const rows = Array.from({ length: height }, (_, i) =>
    lines.subarray(i * (1 + 2 * width), (i + 1) * (1 + 2 * width)),
  );
  if (rows.some((row) => row[0] !== 0)) return undefined;
  return rows.flatMap((row) =>
    Array.from({ length: width }, (_, j) => 256 * row[1 + 2 * j] + row[2 + 2 * j]),
  );
}
const wide = (v) => [v >> 8, v & 255];
async function pngValues() {
  const [width, height] = [9, 5];
  const value = (i, j) => (4000 * i + 900 * j) % 65536;
  const plain = Array.from({ length: height }, (_, i) =>
    Array.from({ length: width }, (_, j) => wide(value(i, j))).flat(),
  );
  const want = Array.from(
    { length: width * height },
    (_, k) => value(Math.floor(k / width), k % width) / 65535,
  );
  const deep = { width, height, depth: 16 };
  const read = (rows, head, more) => slice(png({ ...deep, ...head }, rows, more));
  const colours = adam7(width, height, (i, j) => [
    ...wide(value(i, j)),
    ...wide(value(i, j)),
    ...wide(value(i, j)),
  ]);
  const palette = png(
    { width: 2, height: 1, colour: 3 },
    [[0, 1]],
    [
      ["PLTE", [10, 10, 10, 200, 200, 200]],
      ["tRNS", [0, 128]],
    ],
  );
  const clear = readPicture(palette, "file");
  // its passes hold columns 0, 2 and 1
  const low = png({ width: 3, height: 1, depth: 4, interlace: 1 }, [[0x10], [0x20], [0x30]]);
  return first([
    same(read(plain), want),
    same(read(plain, {}, [["gAMA", [0, 0, 0xb1, 0x8f]]]), want),
    same(read(plain, {}, [["tRNS", [0, 7]]]), want),
    same(
      read(
        adam7(width, height, (i, j) => wide(value(i, j))),
        { interlace: 1 },
      ),
      want,
    ),
    same(read(colours, { interlace: 1, colour: 2 }), want),
    same(slice(palette), [10 / 255, 200 / 255]),
    same([clear.opacity(0, 0), clear.opacity(0, 1)], [0, 128 / 255]),
    same(
      grey16(writePng(want, [height, width], 1)),
      want.map((v) => Math.round(65535 * v)),
    ),
    same(slice(low), [1 / 15, 3 / 15, 2 / 15]),
  ]);
}

function transparentHoles() {
  const line = columns.flatMap((on) => [255, 255, 255, on ? 255 : 0]);
  const rows = Array.from({ length: N }, () => line);
  return measures(maskOf("alpha.png", png({ width: N, height: N, depth: 8, colour: 6 }, rows)));
}
function nanBackground() {
  const path = scanOf(Float32Array.from(magnitude(), (v, i) => (i < N ? Number.NaN : v)));
  const args = ["--method", "zero-filled", "--images", path, "--out", fresh()];
  return refused(reconstruct(...args), /--fill/) ?? done(reconstruct(...args, "--fill", "0"));
}
function severalMembers() {
  const whole = nifti([4, 3, 2], 2, ramp);
  return same(
    slice(joined([gzip(whole.subarray(0, 200)), gzip(whole.subarray(200))])),
    slice(whole),
  );
}

export const scans = {
  "1 equispaced, the centre alone is 1/R"() {
    const run = zeroFilled(
      "--sampling",
      "equispaced-fraction",
      "--acceleration",
      "4",
      "--center-fraction",
      "0.25",
    );
    return run.hung ? "it did not end in a minute" : near(measured(run), 25, 0.1, "% measured");
  },
  "2 k-space at the scanner's own scale": scaleLaw,
  "3 mask with its lowest frequency at the corner"() {
    const corner = (i) => columns[(i + N / 2) % N] && (i < 6 || i > N - 6 || i % 3 === 0);
    const run = maskOf("corner.npy", npy("|u1", [N, N], maskBytes(corner)));
    return refused(run, /lowest-frequency corner/);
  },
  "5 mask with transparent holes": transparentHoles,
  "7 unmeasured cells of 1e-12": tinyInsteadOfZero,
  "8 mask of one row": () =>
    measures(maskOf("row.npy", npy("|u1", [N], maskBytes((i) => columns[i]).slice(0, N)))),
  "9 the acceleration that was asked for": accelerations,
  "11 odd and prime sizes": everySize,
  "12 many coils, and k-space of another size": manyCoils,
  "13 SSIM with its data range": structuralSimilarities,
  "14 overlay above the stored bits": () =>
    same(slice(image([], [0x8001, 0x4002, 3], { stored: 12 })), [1, 2, 3]),
  "16 high bit 15 with 12 stored": () =>
    same(slice(image([], [16, 32, 48], { stored: 12, high: 15 })), [1, 2, 3]),
  "18 big endian": () => same(slice(image([], [256, 512], { syntax: "big" })), [1, 2]),
  "19 MONOCHROME1, signed": () =>
    same(
      slice(image([], [-32000, 5, 32000], { signed: true, photometric: "MONOCHROME1" })),
      [64000, 31995, 0],
    ),
  "20 enhanced: slope and intercept in shared functional groups": () =>
    same(slice(image(sharedGroups(decimals("3", "10")), [1, 2])), [13, 16]),
  "21 Modality LUT": () =>
    same(slice(image([[0x28, 0x3000, "SQ", [modalityLut]]], [20, 21, 22])), [7, 1600, 9]),
  "24 slope and intercept present and empty": () =>
    same(slice(image(decimals("", ""), [5, 6])), [5, 6]),
  "25 no frames": () => same(slice(image([], [5, 6], { frames: "0" })), [5, 6]),
  "26 without the preamble": () => same(slice(image([], [5, 6], { preamble: false })), [5, 6]),
  "27 NIfTI slope 0": () =>
    valueLine(nifti([4, 3, 2], 2, ramp, { slope: 0, intercept: 7 }), [0, 1, 2]),
  "29 NIfTI slope and intercept": slopeAndIntercept,
  "32 NIfTI of int64": () =>
    valueLine(nifti([2, 1], 1024, bytesOf(BigInt64Array.of(3n, 4n))), [3, 4]),
  "33 gzip of several members": severalMembers,
  "35 axes stored (A, R, S)": turnedAxes,
  "36 the middle slice of a series": middleOfSeries,
  "38 NaN background": nanBackground,
  "39 PNG: transparency, gamma, 16 bits, interlacing": pngValues,
  "40 NPY of float16": () =>
    same(slice(npy("<f2", [1, 2], bytesOf(Uint16Array.of(0x3c00, 0x4000)))), [1, 2]),
};
