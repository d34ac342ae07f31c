// fiducial audit --kspace: measurements of scanners on the command line.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { writeNpy } from "fiducial/data";
import { random } from "fiducial/engine";
import { at, fiducial, file, model, refused } from "./program.ts";

const cells = 256;
const rng = random(2);
const plane = (): Float32Array => Float32Array.from({ length: 2 * cells }, () => rng.normal());
/** Smooth k-space whose every other column is not measured. */
function kspace(): Float32Array {
  return plane().map((v, k) => {
    const [i, j] = [Math.floor((k % cells) / 16), k % 16];
    return j % 2 === 0 ? v / (1 + (i - 8) ** 2 + (j - 8) ** 2) : 0;
  });
}
const coils = [kspace(), kspace()];
const one = file("one.npy", writeNpy([coils[0]], [16, 16]));
const both = file("both.npy", writeNpy(coils, [16, 16]));
const maps = file(
  "maps.npy",
  writeNpy(
    [0.6, 0.8].map((s) => new Float32Array(2 * cells).fill(s, 0, cells)),
    [16, 16],
  ),
);
const audited = (...words: string[]) =>
  fiducial([
    "audit",
    "--model",
    model,
    "--methods",
    "zero-filled",
    "--threads",
    "1",
    "--steps",
    "2",
    ...words,
  ]);
const resultIn = (folder: string) =>
  JSON.parse(readFileSync(join(at(folder), "result.json"), "utf8"));

describe("fiducial audit --kspace", () => {
  it("audits one coil: no verdict, the measurement by its hash, and one sentence that says why", () => {
    const run = audited(
      "--kspace",
      one,
      "--tests",
      "worst-case,practice",
      "--out",
      at("one"),
      "--fail-on",
      "any",
    );
    expect([run.status, run.err.includes("internal")]).toEqual([0, false]);
    expect(run.out).not.toMatch(/PSNR, dB/);
    const { problem, spec, tests } = resultIn("one");
    expect(problem.truth).toBe("unknown");
    expect(spec.images).toMatchObject({
      kind: "measured",
      measurements: [{ sha256: problem.images[0].sha256 }],
    });
    expect(tests.map((t: { outcome: string }) => t.outcome)).toEqual(
      new Array(3).fill("not-applicable"),
    );
    const report = readFileSync(join(at("one"), "report.md"), "utf8");
    expect(report.match(/cannot be judged, for no true image is known/g)).toHaveLength(1);
    expect(report).not.toContain("one.npy");
  });
  it("audits all coils together, with their maps", () => {
    const several = ["--operator", "multi-coil", "--coils", maps];
    expect(
      audited("--kspace", both, ...several, "--tests", "symmetries", "--out", at("both")).status,
    ).toBe(0);
    const { problem, tests } = resultIn("both");
    expect(problem.operator.coils).toBe(2);
    expect(
      tests[0].scores.map((s: { figures: { residual: number } }) => s.figures.residual > 0),
    ).toEqual([true, true]);
    refused(
      audited("--kspace", one, ...several, "--out", at("never")),
      /the k-space of 1 coils, --coils says 2/,
    );
  });
  it("refuses what only a simulation can be asked for, and another size", () => {
    refused(
      audited("--kspace", one, "--noise", "0.1", "--out", at("never")),
      /--kspace and --noise cannot both/,
    );
    refused(
      audited("--kspace", one, "--images", one, "--out", at("never")),
      /--kspace and --images cannot both/,
    );
    const small = file("small.npy", writeNpy([new Float32Array(128).fill(1)], [8, 8]));
    refused(
      audited("--kspace", small, "--out", at("never")),
      /its k-space is 8×8, the network takes 16×16/,
    );
  });
});
