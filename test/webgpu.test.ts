// The webgpu backend against the definitions and against wasm, on whatever adapter there is.
import { describe, expect, it, vi } from "vitest";
import { ops } from "fiducial/engine";
import { adapter } from "./gpu-adapter.ts";

// a processor that plays a card, on a busy machine, takes minutes to compile its shaders
vi.setConfig({ testTimeout: 1_200_000 });

/** Largest error over the largest value, as for every backend (CONTRIBUTING.md). */
const TOLERANCE = 1e-5;

interface Conformance {
  adapter: string;
  found: { name: string; worst: number | null; repeats: boolean; error?: string }[];
}

interface Steps {
  found: Record<string, { worst: number; repeats: boolean }>;
}
interface Failures {
  found: Record<string, unknown>;
}
interface Limited {
  worst: number;
  bound: number;
  largest: number;
  buffers: number;
  limits: { maxBufferSize: number; maxStorageBuffersPerShaderStage: number };
}
interface Choice {
  agrees: boolean;
  wrong: boolean;
  zeros: boolean;
  names: { reproducible: string; fast: string };
}
interface Soak {
  grown: { host: number; held: number; rss: number };
}

describe.skipIf(!adapter)(`webgpu on ${adapter?.name}`, () => {
  it("agrees with every op's definition, and repeats its bits", () => {
    const { found } = adapter!.check<Conformance>("conformance");
    const samples = Object.values(ops).reduce((n, { samples }) => n + samples.length, 0);
    expect(found.length).toBeGreaterThan(samples);
    expect(found.filter(({ worst }) => worst === null || worst >= TOLERANCE)).toEqual([]);
    expect(found.filter(({ repeats }) => !repeats)).toEqual([]);
  });
  it("agrees with the definitions in the forms of a card, too", () => {
    const { found } = adapter!.check<Conformance>("conformance", "tiled", "card");
    expect(found.length).toBeGreaterThanOrEqual(8);
    expect(found.filter(({ worst }) => worst === null || worst >= TOLERANCE)).toEqual([]);
    expect(found.filter(({ repeats }) => !repeats)).toEqual([]);
  });
  it("trains, searches and transforms as wasm does, and repeats its bits", () => {
    const { found } = adapter!.check<Steps>("steps");
    expect(Object.keys(found).length).toBe(5);
    for (const [name, { worst, repeats }] of Object.entries(found)) {
      expect(worst, name).toBeLessThan(TOLERANCE);
      expect(repeats, name).toBe(true);
    }
  });
  it("goes on with the same bits when devices are lost, and says what it cannot do", () => {
    const { found } = adapter!.check<Failures>("failures");
    expect(found).toEqual({
      lostOnce: true,
      lostTwice: true,
      lostUnread: true,
      lostWritten: true,
      tooLarge: expect.stringMatching(
        /^BackendError: webgpu: a value of shape .* needs 4294967296 bytes, .* binds \d+/,
      ),
      full: [
        expect.stringMatching(
          /^BackendError: webgpu: .* has no room for what this network computes with, \d{4,} bytes; make .*\(no more\)/,
        ),
        true,
      ],
      fullBefore: expect.stringMatching(
        /^BackendError: webgpu: .* has no room for what is read back, \d+ bytes/,
      ),
      untouched: true,
      longWrite: expect.stringMatching(/^ShapeError: write: 109 values for the parameter "w"/),
      stopped: ["Error: stopped", 1],
      split: true,
      state: true,
      profiled: [true, true, true],
      notNumbers: [true, false, true, false],
      closed: expect.stringMatching(/^BackendError: webgpu: this backend was closed/),
      missing: expect.stringMatching(/^ShapeError: execute: input "x"/),
      aborted: "Error: stopped",
    });
  });
  it("does with the least that a card may have: small buffers, few bindings, little shared memory", () => {
    const { worst, bound, largest, buffers, limits } = adapter!.check<Limited>("limits");
    expect(worst).toBeLessThan(TOLERANCE);
    expect(buffers).toBeGreaterThan(4);
    expect(largest).toBeLessThanOrEqual(limits.maxBufferSize);
    expect(bound).toBeLessThanOrEqual(limits.maxStorageBuffersPerShaderStage);
  });
  it("is chosen by itself only where it agrees, is faster, and another machine's bits are no matter", () => {
    const { agrees, wrong, zeros, names } = adapter!.check<Choice>("choice");
    expect({ agrees, wrong, zeros }).toEqual({ agrees: true, wrong: false, zeros: false });
    expect(names.reproducible).toBe("wasm");
    // a processor that plays a card is never faster than itself
    if (/swiftshader|llvmpipe/i.test(adapter!.name)) expect(names.fast).toMatch(/^wasm/);
  });
  it("holds as much of the card's memory after 1,000 steps as before", () => {
    const { grown } = adapter!.check<Soak>("soak", "1000");
    expect(grown.held).toBe(0);
    expect(grown.host).toBeLessThan(2 ** 20);
  });
});
