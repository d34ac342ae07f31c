// Files of masks and k-space are what they claim to be, or are refused with the option that says
// how they are meant; and every kind of sampling ends at the edges of its options.
import { describe, expect, it } from "vitest";
import {
  ConfigError,
  FormatError,
  GraphBuilder,
  openBackend,
  ops,
  random,
  ShapeError,
} from "fiducial/engine";
import { readCellValues } from "fiducial/data";
import {
  describeMask,
  brainPhantoms,
  equispacedMask,
  maskFrom,
  maskFromKspace,
  radialMask,
  randomMask,
  shifted,
  variableDensityMask,
  type Mask,
} from "fiducial/imaging";
import { gzip, nifti, npy, png } from "./fixtures/files.mjs";

const shape = [64, 48] as const;
const size = shape[0] * shape[1];
const masks: Mask[] = [
  variableDensityMask({ shape, acceleration: 4, centerFraction: 0.08, seed: 1 }),
  randomMask({ shape, acceleration: 4, centerFraction: 0.08, seed: 2 }),
  equispacedMask({ shape, acceleration: 4, centerFraction: 0.08, offset: 1 }),
  radialMask({ shape, spokes: 12 }),
];
const judge = { lowest: "judge" } as const;
const count = (data: ArrayLike<number>): number => Array.from(data).reduce((a, b) => a + b, 0);

describe("values of a mask file", () => {
  it("floors, tiny values and any scale mean the same cells", () => {
    for (const { data } of masks)
      for (const [floor, top] of [
        [0, 1],
        [1 / 255, 1],
        [1e-12, 1],
        [0, 1e-9],
        [1e-14, 1e-9],
        [2, 255],
      ]) {
        const made = maskFrom(
          Float64Array.from(data, (v) => (v ? top : floor)),
          shape,
          shape,
          judge,
        );
        expect(made.data).toEqual(data);
        expect(made.facts.floor).toBe(floor);
        expect(made.facts.measuredFraction).toBe(count(data) / size);
      }
  });
  it("values in between, and negative ones, are refused with the option; the option decides", () => {
    const soft = Float64Array.from(masks[0].data, (v, i) => (v ? 1 : (i % 3) / 5));
    expect(() => maskFrom(soft, shape)).toThrow(/--mask-threshold/);
    expect(maskFrom(soft, shape, shape, { threshold: 0.5 }).data).toEqual(masks[0].data);
    expect(count(maskFrom(soft, shape, shape, { threshold: 0 }).data)).toBeGreaterThan(
      count(masks[0].data),
    );
    expect(() =>
      maskFrom(
        soft.map((v) => v - 0.5),
        shape,
      ),
    ).toThrow(/negative/);
  });
  it("one row stands for every line, one column for every column; other sizes are refused", () => {
    const columns = masks[1].data.subarray(0, shape[1]);
    expect(maskFrom(columns, [1, shape[1]], shape).data).toEqual(masks[1].data);
    const rows = maskFrom(new Uint8Array(shape[0]).fill(1), [shape[0], 1], shape);
    expect(count(rows.data)).toBe(size);
    for (const wrong of [
      [1, 64],
      [48, 64],
      [1, 1],
      [64, 47],
    ] as const)
      expect(() => maskFrom(new Uint8Array(wrong[0] * wrong[1]).fill(1), wrong, shape)).toThrow(
        ShapeError,
      );
  });
});

describe("where the lowest frequency is", () => {
  it("every kind of mask is right as it is made, and refused when stored from the corner", () => {
    for (const acceleration of [1, 2, 4, 8])
      for (const [H, W] of [
        [64, 48],
        [63, 49],
        [128, 128],
        [20, 30],
      ] as const) {
        const options = {
          shape: [H, W] as const,
          acceleration,
          centerFraction: acceleration > 4 ? 0.06 : 0.1,
        };
        const made = [
          variableDensityMask({ ...options, seed: 1 }),
          randomMask({ ...options, seed: 1 }),
          equispacedMask({ ...options, offset: 1 }),
          radialMask({ shape: [H, W], spokes: Math.max(3, Math.round(H / acceleration)) }),
        ];
        for (const { data, spec } of made) {
          const what = `${spec.kind} ${acceleration} ${H}×${W}`;
          expect(maskFrom(data, [H, W], [H, W], judge).data, what).toEqual(data);
          if (count(data) > 0.6 * H * W) continue;
          // from the centre to the corner: the way back of `shifted`
          const corner = new Uint8Array(H * W);
          for (let p = 0; p < H * W; p++) {
            const [i, j] = [Math.floor(p / W), p % W];
            corner[p] = data[((i + Math.floor(H / 2)) % H) * W + ((j + Math.floor(W / 2)) % W)];
          }
          expect(() => maskFrom(corner, [H, W], [H, W], judge), what).toThrow(/--lowest-frequency/);
          const moved = maskFrom(corner, [H, W], [H, W], { lowest: "corner" });
          expect(moved.data, what).toEqual(data);
          expect(moved.facts).toMatchObject({ takenFor: "corner", lowestMeasured: true });
        }
      }
  });
  it("one that is not measured is refused, unless it is said to be right", () => {
    const data = Uint8Array.from(masks[0].data);
    for (let i = 0; i < shape[0]; i++) data[i * shape[1] + shape[1] / 2] = 0;
    expect(() => maskFrom(data, shape, shape, judge)).toThrow(
      /is not measured.*--lowest-frequency centre/,
    );
    expect(maskFrom(data, shape, shape, { lowest: "centre" }).facts.lowestMeasured).toBe(false);
  });
});

describe("k-space files", async () => {
  const backend = await openBackend("reference");
  const image = brainPhantoms({ shape, count: 1, seed: 3 }).image(0);
  const b = new GraphBuilder(ops);
  b.output("k", b.emit("fft2", { x: b.input("x", [2, ...shape]) }, { inverse: false }));
  const full = Float32Array.from((await (await backend.compile(b)).execute({ x: image })).k);
  const sampled = (mask: Mask, scale: number, nothing: number): Float32Array =>
    full.map((v, p) => (mask.data[p % size] ? v * scale : nothing));
  it("cells that hold next to nothing are not measured, at any scale", () => {
    for (const mask of masks)
      for (const scale of [1e-6, 1, 1e6])
        for (const nothing of [0, 1e-12]) {
          const made = maskFromKspace(
            [sampled(mask, scale, nothing * Math.max(1, scale))],
            shape,
            judge,
          );
          expect(made.data).toEqual(mask.data);
        }
  });
  it("noise on what is not measured does not count either, and fully measured data stay so", () => {
    const rng = random(5);
    const noisy = sampled(masks[0], 1, 0).map((v) => (v === 0 ? 1e-9 * (rng.uniform() - 0.5) : v));
    expect(maskFromKspace([noisy], shape, judge).data).toEqual(masks[0].data);
    expect(
      maskFromKspace([full.map((v) => v + 0.01 * rng.uniform())], shape, judge).facts
        .measuredFraction,
    ).toBe(1);
    expect(maskFromKspace([noisy], shape, { threshold: 0 }).facts.measuredFraction).toBe(1);
  });
  it("several slices: what any of them has", () => {
    const [first, second] = [sampled(masks[0], 1, 0), sampled(masks[1], 1, 0)];
    const either = masks[0].data.map((v, p) => v | masks[1].data[p]);
    expect(maskFromKspace([first, second], shape, judge).data).toEqual(either);
  });
  it("from the corner it is refused with the option, and moved by it", () => {
    for (const mask of masks) {
      const centred = sampled(mask, 1, 0);
      // both sizes are even: the way there is the way back
      const corner = shifted(centred, shape);
      expect(() => maskFromKspace([corner], shape, judge)).toThrow(/--lowest-frequency corner/);
      expect(maskFromKspace([corner], shape, { lowest: "corner" }).data).toEqual(mask.data);
      expect(shifted(corner, shape)).toEqual(centred);
    }
  });
});

describe("numbers out of mask files", () => {
  const row = Array.from(masks[1].data.subarray(0, shape[1]));
  const doubles = (values: readonly number[]): Uint8Array =>
    new Uint8Array(Float64Array.from(values).buffer);
  it("rows of every shape that means one", () => {
    const { length } = row;
    for (const dims of [[length], [1, length], [1, 1, length, 1], [1, length, 1]]) {
      const cells = readCellValues(npy("<f8", dims, doubles(row)), "m");
      expect(cells.shape, String(dims)).toEqual([1, length]);
      expect([...cells.values]).toEqual(row);
    }
    expect(readCellValues(npy("<f8", [length, 1], doubles(row)), "m").shape).toEqual([length, 1]);
    expect(() => readCellValues(npy("<f8", [2, 2, 2], doubles(row.slice(0, 8))), "m")).toThrow(
      FormatError,
    );
  });
  it("complex values count by their magnitude", () => {
    expect([...readCellValues(npy("<c16", [1, 2], doubles([0, -2, 0, 0])), "m").values]).toEqual([
      2, 0,
    ]);
  });
  it("transparent cells of a picture are not measured, however transparency is stored", () => {
    const pictures = [
      png({ width: 2, height: 1, colour: 4 }, [[255, 255, 255, 0]]),
      png({ width: 2, height: 1, colour: 6 }, [[255, 255, 255, 255, 255, 255, 255, 0]]),
      png(
        { width: 2, height: 1, colour: 3 },
        [[0, 1]],
        [
          ["PLTE", [255, 255, 255, 254, 254, 254]],
          ["tRNS", [255, 0]],
        ],
      ),
      png({ width: 2, height: 1, colour: 0 }, [[255, 9]], [["tRNS", [0, 9]]]),
    ];
    for (const picture of pictures)
      expect([...readCellValues(picture, "m").values]).toEqual([1, 0]);
  });
  it("a NIfTI mask is not turned", () => {
    const cells = readCellValues(gzip(nifti([3, 2], 2, Uint8Array.of(1, 0, 0, 0, 0, 1))), "m");
    expect([...cells.values]).toEqual([1, 0, 0, 0, 0, 1]);
  });
});

describe("the edges of the options", () => {
  /** numpy.arange and numpy.around, and fastMRI's formula, as plain as can be. */
  function fastMri(W: number, R: number, low: number, offset: number): number[] {
    const step = (R * (low - W)) / (low * R - W);
    const delta = offset + step - offset;
    const columns = new Array<number>(W).fill(0);
    const n = Math.ceil((W - 1 - offset) / step);
    for (let i = 0; i < n; i++) {
      const at = offset + i * delta;
      const floor = Math.floor(at);
      const half = at - floor === 0.5;
      columns[half ? floor + (floor % 2) : Math.round(at)] = 1;
    }
    const pad = Math.floor((W - low + 1) / 2);
    return columns.fill(1, pad, pad + low);
  }
  it("equispaced columns are fastMRI's, to numpy's rounding", () => {
    let compared = 0;
    for (let W = 20; W <= 400; W += 4)
      for (const R of [2, 3, 4, 6, 8])
        for (const centerFraction of [0.04, 0.05, 0.08])
          for (const offset of [0, 1, 2]) {
            const low = Math.round(W * centerFraction);
            if (low * R >= W || (W * centerFraction) % 1 === 0.5) continue;
            const mask = equispacedMask({ shape: [1, W], acceleration: R, centerFraction, offset });
            expect([...mask.data], `${W} ${R} ${centerFraction} ${offset}`).toEqual(
              fastMri(W, R, low, offset),
            );
            compared++;
          }
    expect(compared).toBeGreaterThan(3000);
  });
  it("a centre that is all there may be is what is measured", () => {
    for (const [acceleration, centerFraction] of [
      [4, 0.25],
      [8, 0.125],
      [2, 0.5],
      [1, 1],
    ])
      for (const make of [
        (o: { shape: readonly [number, number]; acceleration: number; centerFraction: number }) =>
          equispacedMask({ ...o, offset: 0 }),
        (o: { shape: readonly [number, number]; acceleration: number; centerFraction: number }) =>
          randomMask({ ...o, seed: 1 }),
        (o: { shape: readonly [number, number]; acceleration: number; centerFraction: number }) =>
          variableDensityMask({ ...o, seed: 1 }),
      ]) {
        const mask = make({ shape: [4, 128], acceleration, centerFraction });
        expect(describeMask(mask).sampledFraction).toBe(1 / acceleration);
      }
  });
  it("every kind ends or says in one line why not, for all sizes and options", () => {
    const numbers = [Number.NaN, -1, 0, 0.5, 1, 1.0000001, 3.7, 64, 1e9, Number.POSITIVE_INFINITY];
    const makers = [randomMask, equispacedMask, variableDensityMask, radialMask] as const;
    const shares = [Number.NaN, -0.1, 0, 1e-9, 0.08, 0.25, 0.999, 1, 1.5];
    for (const W of [1, 2, 3, 17, 128])
      for (const acceleration of numbers)
        for (const centerFraction of shares)
          for (const kind of [0, 1, 2, 3])
            for (const extra of [0, 1e9, Number.NaN]) {
              const options = {
                shape: [3, W] as const,
                acceleration,
                centerFraction,
                seed: 1,
                offset: extra,
                power: extra,
                spokes: acceleration,
              };
              try {
                makers[kind](options);
              } catch (error) {
                expect(error).toBeInstanceOf(ConfigError);
              }
            }
  });
});
