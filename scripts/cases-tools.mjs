// What the cases of scripts/cases.mjs share: the command line on a small file, and what its
// outcome is held to. A case gives nothing where all is right, else what is wrong.
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { GraphBuilder, openBackend, ops } from "fiducial/engine";
import { readVolume } from "fiducial/data";

/** The folder of cases: broken/, reports.md. */
export const [folder] = process.argv.slice(2);
export const broken = (name) => join(folder, "broken", name);

const main = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
export const scratch = mkdtempSync(join(tmpdir(), "fiducial-cases-"));
process.on("exit", () => rmSync(scratch, { recursive: true, force: true }));
let outs = 0;
/** A folder that is not there yet. */
export const fresh = () => join(scratch, `out-${outs++}`);
export function file(name, content) {
  const path = join(scratch, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  return path;
}

/** The command line on a case, in a minute and 512 MB of heap. */
export function fiducial(...args) {
  const run = spawnSync(process.execPath, ["--max-old-space-size=512", main, ...args], {
    encoding: "utf8",
    timeout: 60_000,
  });
  return {
    status: run.status,
    hung: run.signal !== null,
    said: `${run.stdout}${run.stderr}`,
    out: run.stdout,
  };
}

export const expect = (fact, what) => (fact ? undefined : what);
/** Exit code 2 and one line that says this. */
export function refused(run, says) {
  if (run.hung) return "it did not end in a minute";
  if (run.status !== 2) return `exit code ${run.status}: ${run.said.slice(0, 120)}`;
  return expect(
    says.test(run.said) && !/internal error/.test(run.said),
    `it says: ${run.said.slice(0, 160)}`,
  );
}
export const done = (run) =>
  expect(run.status === 0, `exit code ${run.status}: ${run.said.slice(0, 160)}`);
/** An error of ours that says this. */
export async function refuses(action, says) {
  try {
    await action();
  } catch (error) {
    return expect(says.test(error.message), `it says: ${error.message}`);
  }
  return "it was accepted";
}
export const near = (got, want, tolerance, what) =>
  expect(Math.abs(got - want) <= tolerance, `${what}: ${got}, not ${want}`);
/** The first fault of several. */
export const first = (faults) => faults.find((fault) => fault !== undefined);
export const same = (got, want, tolerance = 1e-6) =>
  expect(
    want.every((v, i) => Math.abs(got[i] - v) <= tolerance * Math.max(1, Math.abs(v))),
    `got ${got.slice(0, Math.min(20, want.length))}, not ${want.slice(0, 20)}`,
  );
export const slice = (bytes, name = "file", k = 0) => Array.from(readVolume(bytes, name).slice(k));

/** Relative distance of two lists of numbers. */
export function distance(got, want) {
  let [error, size] = [0, 0];
  for (let i = 0; i < want.length; i++) {
    error += (got[i] - want[i]) ** 2;
    size += want[i] ** 2;
  }
  return Math.sqrt(error / size);
}
export const backends = {
  wasm: await openBackend("wasm", { threads: 1 }),
  reference: await openBackend("reference"),
};
/** What a graph computes: `build` gets a builder and gives its outputs by name. */
export async function computed(build, { backend = "wasm", inputs = {} } = {}) {
  const b = new GraphBuilder(ops);
  for (const [name, value] of Object.entries(build(b))) b.output(name, value);
  return (await backends[backend].compile(b)).execute(inputs);
}

/** A case that no short command can repeat: the tests of that name hold it. */
export function heldBy(path, ...titles) {
  const named = () => {
    const source = readFileSync(fileURLToPath(new URL(`../test/${path}`, import.meta.url)), "utf8");
    const missing = titles.find((title) => !source.includes(`"${title}`));
    return expect(missing === undefined, `test/${path} has no test "${missing}"`);
  };
  return Object.assign(named, { heldBy: `test/${path}: ${titles.join("; ")}` });
}
