// Programs of other people, audited and used through --command: real processes, that work, hide,
// waver, and fail in every way.
import { spawn, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { readNpyArray } from "fiducial/data";
import { at, fiducial, main, refused, type Run } from "./program.ts";

const script = fileURLToPath(new URL("./fixtures/recon.mjs", import.meta.url));
const folder = at("a folder of Jane's");
mkdirSync(folder);
const own = join(folder, "recon.mjs");
cpSync(script, own);
const node = JSON.stringify(process.execPath);
const commandOf = (mode: string, rest = ""): string => `${node} "${own}" ${mode} {in} {out}${rest}`;
const small = ["--size", "32", "--count", "1"];
const reconstructed = (name: string, ...args: string[]): Run =>
  fiducial(["reconstruct", ...small, "--out", at(name), ...args]);
/** Complex values of the only image in a file. */
function imageIn(name: string): [number, number][] {
  const array = readNpyArray(readFileSync(at(name)), name);
  const [, H, W] = array.shape;
  return Array.from({ length: H * W }, (_, k) => {
    const index = [0, Math.floor(k / W), k % W];
    return [array.at(index, 0), array.at(index, 1)];
  });
}
const largest = (values: readonly number[]): number => values.reduce((m, v) => Math.max(m, v), 0);
const apart = (a: string, b: string): number => {
  const other = imageIn(b);
  return largest(
    imageIn(a).flatMap(([re, im], k) => [Math.abs(re - other[k][0]), Math.abs(im - other[k][1])]),
  );
};

interface Judged {
  readonly verdicts: readonly {
    test: string;
    method: string;
    outcome: string;
    explanation: string;
  }[];
}
function audited(
  out: string,
  ...args: string[]
): { run: Run; of(test: string): Judged["verdicts"][number] } {
  const beside = ["--methods", "zero-filled"];
  const run = fiducial(["audit", ...small, ...beside, "--json", "--out", at(out), ...args]);
  expect(run.status, run.err).toBe(0);
  const { verdicts } = JSON.parse(run.out) as Judged;
  return { run, of: (test) => verdicts.find((v) => v.test === test && v.method === "recon")! };
}

describe("a program in the place of a method", () => {
  it("zero-filling by another hand gives the same image, complex or with its magnitudes alone", () => {
    expect(reconstructed("own.npy", "--method", "zero-filled").status).toBe(0);
    expect(reconstructed("zero.npy", "--command", commandOf("zero")).status).toBe(0);
    expect(reconstructed("magnitude.npy", "--command", commandOf("magnitude")).status).toBe(0);
    expect(
      reconstructed("batch.npy", "--command", commandOf("zero"), "--command-batch", "5").status,
    ).toBe(0);
    for (const name of ["zero.npy", "magnitude.npy", "batch.npy"])
      expect(apart("own.npy", name)).toBeLessThan(1e-5);
  });
  it("is told the mask and the coils' maps", () => {
    const coils = ["--operator", "multi-coil", "--coils", "3"];
    expect(reconstructed("own coils.npy", ...coils, "--method", "zero-filled").status).toBe(0);
    const run = reconstructed(
      "coils.npy",
      ...coils,
      "--command",
      commandOf("zero", " {mask} {maps}"),
    );
    expect(run.err).not.toMatch(/fiducial:/);
    expect(apart("own coils.npy", "coils.npy")).toBeLessThan(1e-5);
    const one = reconstructed("none.npy", "--command", commandOf("zero", " {mask} {maps}"));
    refused(one, /--command: it has \{maps\}, and there is one coil/);
    const radon = reconstructed(
      "none.npy",
      "--operator",
      "radon",
      "--command",
      commandOf("zero", " {mask}"),
    );
    refused(
      { ...radon, err: radon.err.replace(/^measurement.*\n/m, "") },
      /it has \{mask\}, and parallelBeam has none/,
    );
  });
  it("gets its words as a shell would divide them, with its files inside them", () => {
    const say = "process.stderr.write(JSON.stringify(process.argv.slice(1))); process.exit(1)";
    const words = `a\\ b "c 'd' \\"e\\"" '' 'f "g" \\h' --in={in} {out}`;
    const run = reconstructed("none.npy", "--command", `${node} -e '${say}' -- ${words}`);
    const [, said] = /exit code 1: (.*)\n/.exec(run.err) ?? [];
    expect(JSON.parse(said)).toEqual([
      "a b",
      `c 'd' "e"`,
      "",
      `f "g" \\h`,
      "--in=/in.npy",
      "/out.npy",
    ]);
  });
});

describe("a program that fails is one line", () => {
  const ways: readonly (readonly [string, RegExp])[] = [
    [
      "exit",
      /^fiducial: recon ended with exit code 3: CUDA out of memory while reading '.home.jane doe.scan 7.npy'/,
    ],
    ["silent", /recon ended with exit code 4: it said nothing/],
    ["killed", /recon was ended by SIGKILL/],
    ["none", /recon: its \{out\} was not written/],
    ["garbage", /recon: its \{out\} cannot be read: \{out\}: it is too short for an NPY file/],
    ["transposed", /recon: its \{out\} is \[32×16\]; it is to be \[32×32\], complex or magnitude/],
    ["nan", /recon: its \{out\} has values that are not finite/],
    ["hang", /recon did not end within 0.7 s: give it longer \(--command-timeout\)/],
    ["parent", /recon did not end within 0.7 s/],
  ];
  it.each(ways)("%s", (mode, says) => {
    const limit = ["hang", "parent"].includes(mode) ? ["--command-timeout", "0.7"] : [];
    refused(reconstructed("none.npy", "--command", commandOf(mode), ...limit), says);
    expect(spawnSync("pgrep", ["-f", `GRANDCHIL[D] ${own}`]).stdout.toString()).toBe("");
  });
  it("so is a command that cannot be run at all", () => {
    const run = (command: string): Run => reconstructed("none.npy", "--command", command);
    refused(
      run("no-such-program {in} {out}"),
      /no-such-program could not be started: there is no such program/,
    );
    refused(
      run(`"${own}" zero {in} {out}`),
      /recon could not be started: it may not be run; make it executable/,
    );
    refused(run("recon {in}"), /it has no \{out\}; say where the program takes its file/);
    refused(
      run("recon {in} {out} {masks}"),
      /there is no \{masks\}; the files are \{in\}, \{out\}, \{mask\}, \{maps\}/,
    );
    refused(run("recon {in} '{out}"), /the quote ' is not closed/);
    refused(
      reconstructed("none.npy", "--command", commandOf("zero"), "--method", "wavelet"),
      /cannot both be given/,
    );
  });
  it("before an audit begins, and no report is left", () => {
    const out = at("broken");
    refused(
      fiducial(["audit", ...small, "--command", commandOf("exit"), "--out", out]),
      /ended with exit code 3/,
    );
    expect(readdirSync(out)).toEqual([]);
  });
  it("later, in the test that made it fail, without the paths that it named", () => {
    const { of } = audited("picky", "--command", commandOf("picky"), "--tests", "symmetries,rates");
    const { outcome, explanation } = of("symmetries");
    expect([outcome, explanation]).toEqual([
      "error",
      "recon ended with exit code 3: too bright: FILE",
    ]);
    expect(of("sampling-rates").explanation).toMatch(/is bound to its mask/);
  });
});

describe("an audit of a program", () => {
  it("says that it was searched without gradients wherever the search is shown; a pass never comes of it", () => {
    const search = [
      "--tests",
      "ascent,worst-case,invented",
      "--queries",
      "40",
      "--command-batch",
      "20",
    ];
    const { of } = audited("zero", "--command", commandOf("zero"), ...search);
    for (const test of ["instability-ascent", "worst-case-perturbation", "invented-detail"]) {
      expect(of(test).outcome).toBe("inconclusive");
      expect(of(test).explanation).toMatch(/without gradients/);
    }
    const markdown = readFileSync(join(at("zero"), "report.md"), "utf8");
    const searched = markdown
      .split("\n## ")
      .filter((s) => /perturbation of the data does|nearly equal image/.test(s.split("\n")[0]));
    expect(searched).toHaveLength(2);
    for (const section of searched) {
      expect(section).toMatch(/Searched without gradients/);
      expect(section).toMatch(/recon was asked \d+ times an image/);
    }
  });
  it("writes nothing private: the program's name stays, folders and other files do not", () => {
    const command = commandOf("zero", ` --patient="${at("doe.npy")}"`);
    audited("private", "--command", command, "--tests", "symmetries");
    for (const name of readdirSync(at("private"))) {
      const text = readFileSync(join(at("private"), name), "utf8");
      expect(text).not.toMatch(/Jane|doe\.npy/);
      if (name === "run.json")
        expect(text).toContain("node recon.mjs zero {in} {out} --patient=FILE");
    }
  });
  it("one that hides details fails by them, without any gradient; its answer names no training", () => {
    const details = ["--command-batch", "50", "--tests", "details"];
    const { of } = audited("median", "--command", commandOf("median"), ...details);
    expect(of("structural-change").outcome).toBe("fail");
    expect(readFileSync(join(at("median"), "report.md"), "utf8")).not.toMatch(/fiducial train/);
  });
  it("one that wavers is judged, and every verdict says so and by how much", () => {
    const { of } = audited("random", "--command", commandOf("random"), "--tests", "symmetries");
    expect(of("symmetries").explanation).toMatch(
      /another image each time: two of one measurement differ by \d\.\d\d %, \d+\.\d\d times as much as other noise/,
    );
    const { repeats } = JSON.parse(readFileSync(join(at("random"), "result.json"), "utf8"));
    expect(repeats).toHaveLength(1);
    expect(repeats[0].difference).toBeGreaterThan(0);
  });
  it("has no published ascent, which goes along gradients, and no bound", () => {
    const gradients = ["--preset", "mri-vn", "--tests", "ascent,certificates"];
    const { of, run } = audited("preset", "--command", commandOf("zero"), ...gradients);
    expect(of("instability-ascent").outcome).toBe("not-applicable");
    expect(of("instability-ascent").explanation).toBe("needs a gradient, and a program has none");
    expect(run.err).toMatch(/recon: one image took \d/);
  });
  it("on two threads, and in batches of another size, it ends with the same findings", () => {
    const search = ["--tests", "worst-case", "--budgets", "0.05", "--queries", "25"];
    const tests = [...search, "--command", commandOf("zero", " {mask}")];
    const bytes = (name: string): string => readFileSync(join(at(name), "result.json"), "utf8");
    audited("one thread", ...tests, "--threads", "1", "--command-batch", "8");
    audited("two threads", ...tests, "--threads", "2", "--command-batch", "8");
    expect(bytes("two threads")).toBe(bytes("one thread"));
    audited("other batch", ...tests, "--command-batch", "30");
    const found = (name: string): unknown =>
      JSON.parse(bytes(name)).tests.map((t: { measurements: unknown }) => t.measurements);
    expect(found("other batch")).toEqual(found("one thread"));
  });
  it("Ctrl-C ends the program with all that it started, and removes its files", async () => {
    const temporary = at("temporary");
    mkdirSync(temporary);
    const args = ["audit", ...small, "--command", commandOf("parent"), "--out", at("interrupted")];
    const child = spawn(process.execPath, [main, ...args], {
      env: { ...process.env, TMPDIR: temporary },
    });
    const grandchildren = (): string =>
      spawnSync("pgrep", ["-f", `GRANDCHIL[D] ${own}`]).stdout.toString();
    while (grandchildren() === "") await new Promise((resolve) => setTimeout(resolve, 50));
    expect(readdirSync(temporary)).toHaveLength(1);
    child.kill("SIGINT");
    const status = await new Promise((resolve) => child.on("exit", resolve));
    expect(status).toBe(130);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect([grandchildren(), readdirSync(temporary)]).toEqual(["", []]);
  });
});
