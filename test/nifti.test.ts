// NIfTI's axes by meaning: one head, stored in every order and direction, is one picture. And the
// ways in which files of it differ.
import { describe, expect, it } from "vitest";
import { DtypeError, FormatError } from "fiducial/engine";
import { readVolume } from "fiducial/data";
import { gzip, nifti } from "./fixtures/files.mjs";

/** A head of 2 × 3 × 4 voxels: x to the patient's right, y anterior, z superior. */
const SIZES = [2, 3, 4];
const head = (x: number, y: number, z: number): number => 100 * x + 10 * y + z;
const orders = [
  [0, 1, 2],
  [0, 2, 1],
  [1, 0, 2],
  [1, 2, 0],
  [2, 0, 1],
  [2, 1, 0],
];
const flips = Array.from({ length: 8 }, (_, k) =>
  [k & 1, (k >> 1) & 1, k >> 2].map((b) => b === 1),
);
/** The quaternion of a rotation (its columns); qfac −1 where its third axis is turned round. */
function quaternionOf(columns: readonly (readonly number[])[]): {
  quatern: number[];
  qfac: number;
} {
  const [i, j, k] = columns;
  const cross = [i[1] * j[2] - i[2] * j[1], i[2] * j[0] - i[0] * j[2], i[0] * j[1] - i[1] * j[0]];
  const qfac = cross[0] * k[0] + cross[1] * k[1] + cross[2] * k[2] < 0 ? -1 : 1;
  const R = [0, 1, 2].map((w) => [i[w], j[w], cross[w]]);
  // of the four forms the one with the largest first part is exact
  const squares = [
    R[0][0] - R[1][1] - R[2][2],
    R[1][1] - R[0][0] - R[2][2],
    R[2][2] - R[0][0] - R[1][1],
  ];
  const [b, c, d] = squares.map((s) => Math.sqrt(Math.max(0, 1 + s)) / 2);
  const a = Math.sqrt(Math.max(0, 1 + R[0][0] + R[1][1] + R[2][2])) / 2;
  const sign = (v: number): number => (v < 0 ? -1 : 1);
  if (a > 1e-9)
    return {
      quatern: [
        b * sign(R[2][1] - R[1][2]),
        c * sign(R[0][2] - R[2][0]),
        d * sign(R[1][0] - R[0][1]),
      ],
      qfac,
    };
  // half turns: signs relative to the first that is not 0
  if (b > 1e-9) return { quatern: [b, c * sign(R[0][1]), d * sign(R[0][2])], qfac };
  return { quatern: c > 1e-9 ? [0, c, d * sign(R[1][2])] : [0, 0, d], qfac };
}

/** The head with stored axis a along world axis order[a], downwards where flipped. */
function stored(
  order: readonly number[],
  flipped: readonly boolean[],
): { dims: number[]; bytes: Uint8Array } {
  const dims = order.map((world) => SIZES[world]);
  const values: number[] = [];
  for (let k = 0; k < dims[2]; k++)
    for (let j = 0; j < dims[1]; j++)
      for (let i = 0; i < dims[0]; i++) {
        const place = [0, 0, 0];
        [i, j, k].forEach((n, axis) => {
          place[order[axis]] = flipped[axis] ? dims[axis] - 1 - n : n;
        });
        values.push(head(place[0], place[1], place[2]));
      }
  return { dims, bytes: new Uint8Array(Int16Array.from(values).buffer) };
}
/** Anterior at the top, the patient's right on the left. */
const axial = (z: number): number[] => [2, 1, 0].flatMap((y) => [1, 0].map((x) => head(x, y, z)));

describe("one head in all 48 orders and directions", () => {
  const ways = orders.flatMap((order) => flips.map((flipped) => ({ order, flipped })));
  const columnsOf = (order: readonly number[], flipped: readonly boolean[]): number[][] =>
    order.map((world, axis) => [0, 1, 2].map((w) => (w === world ? (flipped[axis] ? -1 : 1) : 0)));
  it.each([1, 2] as const)("is one picture by its sform, NIfTI-%i", (version) => {
    expect(ways.length).toBe(48);
    for (const { order, flipped } of ways) {
      const { dims, bytes } = stored(order, flipped);
      const columns = columnsOf(order, flipped);
      // a little oblique, and of other spacing than 1
      const sform = [0, 1, 2].map((w) => [
        ...columns.map((c, a) => 1.5 * c[w] + 0.2 * ((a + w) % 2)),
        7,
      ]);
      for (const little of [true, false]) {
        const pixels = little ? bytes : bytes.map((_, i) => bytes[i ^ 1]);
        const v = readVolume(nifti(dims, 4, pixels, { version, little, sform }), "a");
        expect([v.slices, v.height, v.width]).toEqual([4, 3, 2]);
        for (let z = 0; z < 4; z++)
          expect([...v.slice(z)], `${order} ${flipped}`).toEqual(axial(z));
      }
    }
  });
  it("is one picture by its qform, where there is no sform", () => {
    for (const { order, flipped } of ways) {
      const { dims, bytes } = stored(order, flipped);
      const { quatern, qfac } = quaternionOf(columnsOf(order, flipped));
      const file = nifti(dims, 4, bytes, { quatern, pixdim: [1.5, 1.5, 1.5] });
      new DataView(file.buffer, file.byteOffset).setFloat32(76, qfac, true);
      const v = readVolume(file, "a");
      for (let z = 0; z < 4; z++) expect([...v.slice(z)], `${order} ${flipped}`).toEqual(axial(z));
    }
  });
  it("the sform comes before a qform that says otherwise", () => {
    const { dims, bytes } = stored([1, 0, 2], [false, true, false]);
    const sform = [
      [0, -1, 0, 0],
      [1, 0, 0, 0],
      [0, 0, 1, 0],
    ];
    const v = readVolume(nifti(dims, 4, bytes, { sform, quatern: [0, 0, 0] }), "a");
    expect([...v.slice(2)]).toEqual(axial(2));
  });
  it("without either: left, anterior, superior", () => {
    const { dims, bytes } = stored([0, 1, 2], [true, false, false]);
    expect([...readVolume(nifti(dims, 4, bytes), "a").slice(1)]).toEqual(axial(1));
  });
  it("masks and k-space are taken as they are stored", () => {
    const { dims, bytes } = stored([0, 1, 2], [false, false, false]);
    const sform = [
      [1, 0, 0, 0],
      [0, 1, 0, 0],
      [0, 0, 1, 0],
    ];
    const v = readVolume(nifti(dims, 4, bytes, { sform }), "a", { stored: true });
    expect([...v.slice(0)]).toEqual([0, 1, 2].flatMap((y) => [0, 1].map((x) => head(x, y, 0))));
  });
});

describe("slices", () => {
  const ramp = (n: number): Uint8Array =>
    new Uint8Array(Int16Array.from({ length: n }, (_, i) => i).buffer);
  const rows = [
    [-1, 0, 0, 0],
    [0, 1, 0, 0],
    [0, 0, 1, 0],
  ];
  it("lie along an axis of one voxel, whichever it is", () => {
    const sizes = [5, 6, 7];
    for (const single of [0, 1, 2]) {
      const dims = sizes.map((n, axis) => (axis === single ? 1 : n));
      const v = readVolume(nifti(dims, 4, ramp(210 / sizes[single]), { sform: rows }), "a");
      const [across, up] = [0, 1, 2].filter((axis) => axis !== single);
      expect([v.slices, v.height, v.width]).toEqual([1, sizes[up], sizes[across]]);
    }
  });
  it("lie along thick slices, in whichever order these are stored", () => {
    const sagittal = [
      [0, 0, 4, 0],
      [-1, 0, 0, 0],
      [0, -1, 0, 0],
    ];
    const v = readVolume(nifti([6, 7, 5], 4, ramp(210), { sform: sagittal }), "a");
    expect([v.slices, v.height, v.width]).toEqual([5, 7, 6]);
    // anterior on the left, superior at the top: as it is stored here
    expect([...v.slice(1)]).toEqual(Array.from({ length: 42 }, (_, i) => 42 + i));
  });
  it("of a series: volume after volume; axes of one entry in between do not matter", () => {
    for (const dims of [
      [2, 3, 4, 5],
      [2, 3, 4, 1, 5],
    ]) {
      const v = readVolume(nifti(dims, 4, ramp(120), { sform: rows }), "a");
      expect([v.slices, v.volumes]).toEqual([20, 5]);
      expect([...v.slice(9)].sort((a, b) => a - b)).toEqual(
        Array.from({ length: 6 }, (_, i) => 2 * 24 + 6 + i),
      );
    }
  });
});

describe("what a file may look like", () => {
  const values = [1, 2, 3, 4];
  const shorts = new Uint8Array(Int16Array.from(values).buffer);
  const upright = [3, 4, 1, 2];
  const read = (bytes: Uint8Array, options = {}): number[] => [
    ...readVolume(bytes, "a.nii", options).slice(0),
  ];
  it("a voxel offset of 0 follows the header; one inside the header is refused", () => {
    for (const version of [1, 2]) {
      expect(read(nifti([2, 2], 4, shorts, { version, offset: 0 }))).toEqual(upright);
      expect(() => read(nifti([2, 2], 4, shorts, { version, offset: 100 }))).toThrow(
        /pixels start at byte 100/,
      );
    }
  });
  it("a pair of header and pixels, each gzipped or not", () => {
    const header = nifti([2, 2], 4, shorts, { pair: true });
    for (const wrap of [(b: Uint8Array) => b, gzip])
      for (const wrapPixels of [(b: Uint8Array) => b, gzip])
        expect(read(wrap(header), { pixels: () => wrapPixels(shorts) })).toEqual(upright);
    expect(() => read(header)).toThrow(/header of a pair/);
    expect(() => read(header, { pixels: () => shorts.subarray(0, 7) })).toThrow(/cut short/);
  });
  it("64-bit integers that fit, complex of both precisions with slope and intercept", () => {
    const signed = new Uint8Array(BigInt64Array.of(-1n, 2n, 3n, 2n ** 40n).buffer);
    expect(read(nifti([2, 2], 1024, signed))).toEqual([3, 2 ** 40, -1, 2]);
    const unsigned = new Uint8Array(BigUint64Array.of(1n, 2n, 3n, 4n).buffer);
    expect(read(nifti([2, 2], 1280, unsigned))).toEqual(upright);
    const past = new Uint8Array(BigUint64Array.of(1n, 2n, 3n, 2n ** 63n).buffer);
    expect(() => read(nifti([2, 2], 1280, past))).toThrow(DtypeError);
    const parts = [1, -1, 2, -2, 3, -3, 4, -4];
    for (const [code, array] of [
      [32, Float32Array.from(parts)],
      [1792, Float64Array.from(parts)],
    ] as const) {
      const file = nifti([2, 2], code, new Uint8Array(array.buffer), { slope: 2, intercept: 10 });
      expect(read(file)).toEqual([16, 18, 12, 14, 4, 2, 8, 6]);
    }
  });
  it("values that are not finite are refused, or filled and counted", () => {
    const floats = new Uint8Array(
      Float32Array.of(Number.NaN, 1, Number.POSITIVE_INFINITY, 2).buffer,
    );
    const v = readVolume(nifti([2, 2], 16, floats), "a.nii");
    expect(() => v.slice(0)).toThrow(/--fill/);
    const fill = { value: 0, count: 0 };
    expect([...v.slice(0, fill)]).toEqual([0, 2, 0, 1]);
    expect(fill.count).toBe(2);
  });
  it("other formats with a NIfTI header's length are refused", () => {
    const analyze = nifti([2, 2], 4, shorts);
    analyze.fill(0, 344, 348);
    expect(() => read(analyze)).toThrow(/Analyze 7\.5/);
    expect(() => read(gzip(new TextEncoder().encode("not a volume".repeat(100))))).toThrow(
      FormatError,
    );
  });
});
