// Is an image like the training images: phantoms of another seed are, everything else is named.
import { beforeAll, describe, expect, it } from "vitest";
import { ConfigError, random, ShapeError } from "fiducial/engine";
import {
  brainPhantoms,
  compareKinds,
  describeKind,
  ellipsePhantoms,
  imageFeatures,
  imagesFrom,
  magnitude,
  type ImageKind,
} from "fiducial/imaging";

const N = 64;
const shape = [N, N] as const;
const size = N * N;
const fresh = brainPhantoms({ shape, count: 100, seed: 20_000 });
let heads: ImageKind;
beforeAll(() => {
  heads = describeKind(brainPhantoms({ shape, count: 400, seed: 1 }));
});
const real = (value: (row: number, column: number) => number): Float32Array =>
  Float32Array.from({ length: 2 * size }, (_, k) =>
    k < size ? value(Math.floor(k / N), k % N) : 0,
  );
const turned = (x: Float32Array): Float32Array =>
  x.map((_, k) => x[(k < size ? 0 : size) + (N - 1 - (k % N)) * N + (Math.floor(k / N) % N)]);
const inverted = (x: Float32Array): Float32Array => {
  const m = magnitude(x);
  return real((i, j) => 1 - m[i * N + j]);
};
/** A body that fills the frame: one even brightness, two darker lungs, a bright spine, no phase. */
const chest = (seed: number): Float32Array => {
  const rng = random(seed);
  const within = (u: number, v: number, a: number, b: number): boolean =>
    (u / a) ** 2 + (v / b) ** 2 < 1;
  return real((i, j) => {
    const [y, x] = [(2 * i) / N - 1, (2 * j) / N - 1];
    if (!within(x, y, 0.98, 0.75)) return 0;
    if (within(x - 0.45, y, 0.3, 0.45) || within(x + 0.45, y, 0.3, 0.45))
      return 0.1 + 0.02 * rng.uniform();
    return within(x, y - 0.5, 0.1, 0.1) ? 1 : 0.5 + 0.03 * rng.uniform();
  });
};
/** Patches of every size, as scenes have them. */
const scene = (seed: number): Float32Array => {
  const rng = random(seed);
  const levels = [1, 2, 4, 8, 16].map((s) =>
    Array.from({ length: size }, () => Math.sqrt(s) * rng.uniform()),
  );
  return real((i, j) =>
    levels.reduce((sum, v, k) => sum + v[Math.floor(i / 2 ** k) * N + Math.floor(j / 2 ** k)], 0),
  );
};

describe("likeness", () => {
  it("takes at least 98 of 100 phantoms of another seed for what they are", () => {
    const alike = Array.from(
      { length: 100 },
      (_, i) => compareKinds(fresh.image(i), shape, [heads]).alike,
    );
    expect(alike.filter(Boolean).length).toBeGreaterThanOrEqual(98);
  });
  it("names ellipses, noise, bodies, scenes, inverted heads, other scales and rough phases", () => {
    const ellipses = ellipsePhantoms({ shape, count: 20, seed: 3 });
    const families: Record<string, (i: number) => Float32Array> = {
      ellipses: (i) => ellipses.image(i),
      noise: (i) => {
        const rng = random(i);
        return Float32Array.from({ length: 2 * size }, () => rng.normal());
      },
      bodies: chest,
      scenes: scene,
      inverted: (i) => inverted(fresh.image(i)),
      small: (i) => {
        const x = fresh.image(i);
        return real((row, column) =>
          row < N / 2 && column < N / 2 ? x[2 * row * N + 2 * column] : 0,
        );
      },
      roughPhase: (i) => fresh.image(i).map((v, k) => v * ((k % size) % 2 === 0 ? 1 : -1)),
    };
    for (const [name, image] of Object.entries(families))
      for (let i = 0; i < 20; i++) {
        const found = compareKinds(image(i), shape, [heads]);
        expect(found.alike, `${name} ${i}`).toBe(false);
        expect(found.verdict).toMatch(
          /^unlike the images it was trained on: (its .* theirs lie in|no feature by itself)/,
        );
      }
  });
  it("names a head that is turned by 90°, where it is longer than any head is wide", () => {
    const named = Array.from({ length: 100 }, (_, i) => i).filter(
      (i) => !compareKinds(turned(fresh.image(i)), shape, [heads]).alike,
    );
    // the others are as wide as high, which heads may be
    expect(named.length).toBeGreaterThan(50);
    for (let i = 0; i < 100; i++)
      if (1 / imageFeatures(fresh.image(i), shape).elongation < heads.ranges.elongation[0])
        expect(named).toContain(i);
  });
  it("knows several kinds, keeps them as plain data, and does not ask how bright an image is", () => {
    const mosaics = describeKind(brainPhantoms({ shape, count: 100, seed: 1, mosaics: 1 }));
    const mosaic = brainPhantoms({ shape, count: 1, seed: 20_000, mosaics: 1 }).image(0);
    const kinds = JSON.parse(JSON.stringify([heads, mosaics])) as ImageKind[];
    expect(compareKinds(mosaic, shape, [heads]).alike).toBe(false);
    expect(compareKinds(mosaic, shape, kinds).alike).toBe(true);
    const [dim, plain] = [fresh.image(0).map((v) => v / 1024), fresh.image(0)].map((x) =>
      compareKinds(x, shape, kinds),
    );
    expect(dim.distance).toBeCloseTo(plain.distance, 4);
  });
  it("refuses what it cannot compare", () => {
    expect(() => imageFeatures(new Float32Array(2 * size), shape)).toThrow(/0 everywhere/);
    expect(() => imageFeatures(new Float32Array(2 * size).fill(Number.NaN), shape)).toThrow(
      ConfigError,
    );
    expect(() => imageFeatures(new Float32Array(7), shape)).toThrow(ShapeError);
    expect(() => compareKinds(fresh.image(0), shape, [])).toThrow(ConfigError);
    expect(() => compareKinds(new Float32Array(2048).fill(1), [32, 32], [heads])).toThrow(
      /resample/,
    );
    expect(() => describeKind(imagesFrom([fresh.image(0)], shape))).toThrow(/50 or more/);
  });
});
