// Audits of what others made, an ONNX file and a program, that are killed and go on: the same bytes
// as those that were not.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { exportReconstructor } from "fiducial/imaging";
import { at, fiducial, file, killedAt, network } from "./program.ts";

const outputs = ["result.json", "report.html", "report.md", "measurements.csv"];
const script = fileURLToPath(new URL("./fixtures/recon.mjs", import.meta.url));
const node = JSON.stringify(process.execPath);
const onnx = file("network.onnx", exportReconstructor({ network, from: "image" }).bytes);
const common = [
  "audit",
  "--methods",
  "zero-filled",
  "--count",
  "1",
  "--threads",
  "1",
  "--seed",
  "3",
];
const ascent = [
  "--tests",
  "ascent,worst-case",
  "--steps",
  "2",
  "--restarts",
  "1",
  "--budgets",
  "0.02",
  "--iterations",
  "3",
  "--norms",
  "0.02",
  "--acceleration",
  "2",
];
const command = [
  "--size",
  "16",
  "--command",
  `${node} "${script}" plain {in} {out}`,
  "--command-batch",
  "50",
];
const search = ["--tests", "worst-case", "--budgets", "0.02", "--queries", "40"];

// a program's own files are counted, too
it.each([
  ["an ONNX file's", [...common, "--model", onnx, ...ascent], [8, 14, 23, 31]],
  ["a program's", [...common, ...command, ...search], [65, 100, 62, 80]],
])(
  "%s audit, killed at changes of its files, ends with the same bytes",
  (name, args, calls) => {
    const [out, whole] = [at(`${name} killed`), at(`${name} whole`)];
    const unharmed = fiducial([...args, "--out", whole]);
    expect(unharmed.status, unharmed.err).toBe(0);
    // between pieces and in the middle of them
    for (const call of calls) {
      expect(fiducial([...args, "--out", out], { node: killedAt(call) }).signal).toBe("SIGKILL");
      expect(outputs.filter((output) => existsSync(join(out, output)))).toEqual([]);
    }
    const last = fiducial([...args, "--out", out]);
    expect(last.err).toMatch(
      /\d+ of \d+ pieces of this audit are there already; going on from there/,
    );
    for (const output of outputs)
      expect(
        readFileSync(join(out, output)).equals(readFileSync(join(whole, output))),
        output,
      ).toBe(true);
    expect(readdirSync(out)).not.toContain("pieces");
  },
  240_000,
);
