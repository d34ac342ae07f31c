// The command line with --backend webgpu: what is refused without a card, and what an audit's
// result says of one. Verdicts are measured on wasm: its figures are those of an audit on wasm but
// for the searches.
import { readFileSync } from "node:fs";
import { describe, expect, it, vi } from "vitest";
import { adapter } from "./gpu-adapter.ts";
import { at, fiducial, model, refused } from "./program.ts";

// a processor that plays a card, on a busy machine, takes minutes to compile its shaders
vi.setConfig({ testTimeout: 1_200_000 });

const nowhere = {
  env: { VK_DRIVER_FILES: "/nowhere", VK_ICD_FILENAMES: "/nowhere", LD_LIBRARY_PATH: "/nowhere" },
};
const small = ["--model", model, "--methods", "zero-filled", "--threads", "1", "--count", "1"];
const search = ["--tests", "worst-case", "--steps", "3", "--restarts", "1", "--budgets", "0.05"];

interface Result {
  readonly software: { readonly backend: string };
  readonly spec: { readonly backend: object };
  readonly accuracy: object;
  readonly tests: readonly { readonly outcome?: string }[];
}
const resultIn = (folder: string): Result =>
  JSON.parse(readFileSync(at(`${folder}/result.json`), "utf8")) as Result;

describe("--backend webgpu", () => {
  it("without a card is refused in one line, with what to do", () => {
    const run = fiducial(
      ["reconstruct", "--model", model, "--backend", "webgpu", "--out", at("none")],
      nowhere,
    );
    expect(run.status).toBe(3);
    expect(run.err).toMatch(
      /webgpu: (no graphics adapter|this host has no WebGPU)[^\n]*use the wasm backend/,
    );
    expect(run.err).not.toMatch(/\n\s+at .*\.js/);
  });
  it("with another name is refused", () => {
    refused(fiducial(["audit", ...small, "--backend", "gpu"]), /backend/, /webgpu/);
  });
  it.skipIf(!adapter)("an audit names its adapter, and measures as wasm does", () => {
    const { env } = adapter!;
    const run = fiducial(
      ["audit", ...small, ...search, "--backend", "webgpu", "--out", at("card")],
      { env },
    );
    expect(run.status, run.err).toBe(0);
    expect(
      fiducial(["audit", ...small, ...search, "--backend", "wasm", "--out", at("wasm")]).status,
    ).toBe(0);
    const [card, wasm] = [resultIn("card"), resultIn("wasm")];
    expect(card.software.backend).toBe(`wasm, searches on webgpu (${adapter!.name})`);
    expect(card.spec.backend).toEqual({
      name: "wasm",
      precision: "reproducible",
      searches: adapter!.name,
    });
    // what no search goes into has wasm's own bits
    expect(card.accuracy).toEqual(wasm.accuracy);
    expect(card.tests.map(({ outcome }) => outcome)).toEqual(
      wasm.tests.map(({ outcome }) => outcome),
    );
  });
  it.skipIf(!adapter)("reconstructs on the card, and says which", () => {
    const { env } = adapter!;
    const options = [
      "--model",
      model,
      "--count",
      "1",
      "--backend",
      "webgpu",
      "--out",
      at("images"),
    ];
    const run = fiducial(["reconstruct", ...options], { env });
    expect(run.status, run.err).toBe(0);
    expect(run.err).toContain(adapter!.name);
  });
});
