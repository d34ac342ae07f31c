// The webgpu backend against the definitions and against wasm, on whatever adapter there is.
import { describe, expect, it } from "vitest";
import { ops } from "fiducial/engine";
import { adapter } from "./gpu-adapter.ts";

/** Largest error over the largest value, as for every backend (CONTRIBUTING.md). */
const TOLERANCE = 1e-5;

interface Conformance {
  adapter: string;
  found: { name: string; worst: number | null; repeats: boolean; error?: string }[];
}

describe.skipIf(!adapter)(`webgpu on ${adapter?.name}`, () => {
  it("agrees with every op's definition, and repeats its bits", () => {
    const { found } = adapter!.check<Conformance>("conformance");
    const samples = Object.values(ops).reduce((n, { samples }) => n + samples.length, 0);
    expect(found.length).toBeGreaterThan(samples);
    expect(found.filter(({ worst }) => worst === null || worst >= TOLERANCE)).toEqual([]);
    expect(found.filter(({ repeats }) => !repeats)).toEqual([]);
  });
});
