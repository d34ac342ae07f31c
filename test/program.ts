// The built command line as a user runs it: in a process of its own, in a folder that is removed.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect } from "vitest";
import { nn, saveNetwork } from "fiducial/learning";
import { subsampledFourier, variableDensityMask } from "fiducial/imaging";

export const main = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "fiducial-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
/** A path in this test file's own folder. */
export const at = (name: string): string => join(folder, name);
export function file(name: string, content: Uint8Array | string): string {
  writeFileSync(at(name), content);
  return at(name);
}

export interface Run {
  status: number | null;
  signal?: string | null;
  out: string;
  err: string;
}
interface Surroundings {
  env?: Record<string, string>;
  /** Options of node itself. */
  node?: readonly string[];
}
export function fiducial(args: readonly string[], { env = {}, node = [] }: Surroundings = {}): Run {
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, [...node, main, ...args], {
    encoding: "utf8",
    env: { ...process.env, ...env },
  });
  return { status, signal, out: stdout, err: stderr };
}
/** The same behind a shell's words: `ulimit -f 8; exec "$0" "$@"`, `"$0" "$@" | head -1`. */
export function throughShell(script: string, args: readonly string[]): Run {
  const { status, stdout, stderr } = spawnSync(
    "bash",
    ["-c", script, process.execPath, main, ...args],
    {
      encoding: "utf8",
    },
  );
  return { status, out: stdout, err: stderr };
}

/** Lines of stderr that are neither progress nor notes. */
export const complaints = (run: Run): string[] =>
  run.err
    .trimEnd()
    .split("\n")
    .filter((l) => !/^ *\d+ %|slices: the middle one|^sampling: /.test(l));
/** An exit code, and one line on stderr that says all of it. */
export function ended(run: Run, status: number, ...says: (string | RegExp)[]): void {
  expect(run.err).not.toMatch(/\n\s+at /);
  const lines = complaints(run);
  expect(lines).toHaveLength(1);
  for (const what of says) expect(lines[0]).toMatch(what);
  expect(lines[0]).not.toMatch(/internal error/);
  expect(run.status).toBe(status);
}
export const refused = (run: Run, ...says: (string | RegExp)[]): void => ended(run, 2, ...says);

/**
 * Options of node that end the process at its `call`-th change of a file (a file opened for
 * writing, written, renamed or removed; a folder made or removed), before that change. Counted from
 * the start, or from the moment when the pieces are about to be removed.
 */
export function killedAt(call: number, from: "start" | "removal" = "start"): string[] {
  const script = `
    import fs from "node:fs";
    import { syncBuiltinESMExports } from "node:module";
    let counting = ${from === "start"};
    let calls = 0;
    for (const name of ["openSync", "writeSync", "renameSync", "rmSync", "unlinkSync", "mkdirSync", "rmdirSync"]) {
      const change = fs[name];
      fs[name] = (...args) => {
        if (name === "renameSync" && String(args[0]).endsWith("/pieces")) counting = true;
        if (counting && ++calls === ${call}) process.kill(process.pid, "SIGKILL");
        return change(...args);
      };
    }
    syncBuiltinESMExports();`;
  return ["--import", `data:text/javascript,${encodeURIComponent(script)}`];
}

const size = [16, 16] as const;
const { spec } = subsampledFourier({
  mask: variableDensityMask({ shape: size, acceleration: 2, centerFraction: 0.2, seed: 1 }),
});
/** A network so small that audits of it take a second. */
export const network = {
  ...nn.unet({
    inChannels: 2,
    outChannels: 2,
    baseChannels: 2,
    depth: 1,
    seed: 1,
    size,
    residual: true,
  }),
  trained: { operator: { ...spec }, noiseSigma: 0.01 },
};
export const model = file("model.safetensors", saveNetwork(network));
/** Options of an audit that takes a second; total variation beside it takes three more. */
export const quick = [
  ...["--model", model, "--methods", "zero-filled", "--threads", "1"],
  ...[
    "--iterations",
    "4",
    "--norms",
    "0.01,0.02",
    "--steps",
    "2",
    "--restarts",
    "2",
    "--budgets",
    "0.02",
  ],
];
/** The same with one test. */
export const quickest = [...quick, "--tests", "ascent"];
