// npm run bench: every workload on this engine and on each peer that is installed, one process
// after the other, round after round.
// Writes bench/results/<date>.json and docs/performance.md. --install-peers gets the peers from
// npm; --python names interpreters that have PyTorch; --rounds, --budget (seconds a process),
// --workloads and --only (engines) narrow it.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus, tmpdir, totalmem } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { writeReport } from "./report.mjs";
import { workloads } from "./workloads.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const root = dirname(here);
const peers = join(here, "peers");
const { values: options } = parseArgs({
  options: {
    "install-peers": { type: "boolean" },
    rounds: { type: "string", default: "3" },
    budget: { type: "string", default: "1.5" },
    workloads: { type: "string", default: [...Object.keys(workloads), "audit"].join() },
    only: { type: "string" },
    python: { type: "string", default: "/usr/bin/python3,python3" },
    // an earlier result, whose other workloads are kept
    into: { type: "string" },
  },
});
/** Read before anything is measured: half an hour's figures would be lost with it. */
function earlierResult(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch ({ message }) {
    console.error(`bench: --into is a result of an earlier run, and ${file} is not: ${message}`);
    process.exit(2);
  }
}
const earlier = options.into && earlierResult(options.into);
/** Interpreters by the version of PyTorch that they have, the first of each. */
const pytorches = new Map();
for (const python of options.python.split(",")) {
  const { status, stdout } = spawnSync(
    python,
    ["-c", "import numpy, torch; print(torch.__version__)"],
    {
      encoding: "utf8",
    },
  );
  const version = status === 0 ? stdout.trim().split(".").slice(0, 2).join(".") : undefined;
  if (version && !pytorches.has(version)) pytorches.set(version, python);
}
/** Each in the forms that it has. */
const pytorchEngines = [...pytorches].flatMap(([version, python]) => {
  const command = [python, join(here, "engines/pytorch.py")];
  const forms =
    Number(version.split(".")[0]) < 2 ? ["eager"] : ["eager", "channels-last", "compiled"];
  return forms.map((form) => ({
    name: `PyTorch ${version}${form === "eager" ? "" : ` ${form}`}`,
    command: [...command, "--form", form],
    threads: [1, 2],
  }));
});

if (options["install-peers"]) {
  execFileSync(
    "npm",
    ["install", "--prefix", peers, "--ignore-scripts", "--no-audit", "--no-fund"],
    {
      stdio: "inherit",
    },
  );
  const [python] = pytorches.values();
  if (python)
    execFileSync(python, [join(here, "engines/pytorch.py"), "--w", "export", "--out", peers], {
      stdio: "ignore",
    });
  else
    console.log(
      "no PyTorch (name an interpreter that has it with --python): no comparison with it, and no models for ONNX Runtime",
    );
}
const has = (name) => existsSync(join(peers, "node_modules", name));
const script = (name) => [process.execPath, join(here, "engines", name)];
const models = existsSync(join(peers, "W7.onnx"));
const engines = [
  { name: "fiducial", command: script("fiducial.mjs"), threads: [1, 2] },
  {
    name: "fiducial fast",
    command: [...script("fiducial.mjs"), "--precision", "fast"],
    threads: [1, 2],
  },
  ...pytorchEngines,
  ...(models
    ? [
        {
          name: "fiducial ONNX",
          command: script("fiducial-onnx.mjs"),
          threads: [1, 2],
          only: ["W1", "W7"],
        },
      ]
    : []),
  ...(has("onnxruntime-node") && models
    ? [
        {
          name: "ORT native",
          command: [...script("onnxruntime.mjs"), "--engine", "node"],
          threads: [1, 2],
          only: ["W1", "W7"],
        },
      ]
    : []),
  ...(has("onnxruntime-web") && models
    ? [
        {
          name: "ORT wasm",
          command: [...script("onnxruntime.mjs"), "--engine", "web"],
          threads: [1, 2],
          only: ["W1", "W7"],
        },
      ]
    : []),
  // a step of W6 takes it half a minute
  ...(has("@tensorflow/tfjs")
    ? [
        {
          name: "tfjs wasm",
          command: script("tfjs.mjs"),
          threads: [1],
          only: ["W1", "W2", "W3", "W4", "W5", "W6", "W7", "W8"],
          once: ["W6"],
        },
      ]
    : []),
  ...(has("fft.js")
    ? [{ name: "fft.js", command: script("fftjs.mjs"), threads: [1], only: ["W9"] }]
    : []),
].filter((e) => !options.only || options.only.split(",").includes(e.name));

/** The default audit from the command line, start to end. */
function timeAudit(threads) {
  const out = mkdtempSync(join(tmpdir(), "fiducial-bench-"));
  const begun = performance.now();
  const { status } = spawnSync(
    process.execPath,
    [
      join(root, "dist/cli/main.js"),
      "audit",
      "--threads",
      String(threads),
      "--out",
      join(out, "audit"),
    ],
    { stdio: "ignore" },
  );
  const ms = performance.now() - begun;
  const { sha256 } = JSON.parse(readFileSync(join(out, "audit", "result.json"), "utf8"));
  rmSync(out, { recursive: true });
  return status === 0 || status === 1
    ? [
        {
          workload: "audit",
          engine: "fiducial",
          threads,
          ms,
          min: ms,
          max: ms,
          foreign: 0,
          checksum: [sha256],
        },
      ]
    : [];
}
/** A program of this folder in C, or undefined where there is no compiler. */
function built(name) {
  const out = join(here, ".build");
  mkdirSync(out, { recursive: true });
  const program = join(out, name);
  const flags = ["-O3", "-march=native", "-pthread", "-o", program];
  return spawnSync("cc", [...flags, join(here, `${name}.c`)]).status === 0 ? program : undefined;
}
const measuredBy = (program) => JSON.parse(execFileSync(program, { encoding: "utf8" }));
const ceilingsProgram = built("ceilings");
const ceilings = ceilingsProgram && measuredBy(ceilingsProgram);
// two threads on one processor would hand each other nothing for minutes
const hopProgram = availableParallelism() > 1 ? built("hop") : undefined;
/** Where two threads run, how far apart the processors were after it. */
const hopAfter = (threads) => (hopProgram && threads > 1 ? { hopNs: measuredBy(hopProgram) } : {});

const chosen = options.workloads.split(",");
const raw = [];
const jobs = [];
for (let round = 0; round < Number(options.rounds); round++)
  for (const workload of chosen) {
    if (workload === "audit") {
      for (const threads of [1, 2]) jobs.push({ workload, threads, run: () => timeAudit(threads) });
      continue;
    }
    for (const threads of [1, 2])
      for (const { name, command, threads: allowed, only, once } of engines) {
        if (
          !allowed.includes(threads) ||
          (only && !only.includes(workload)) ||
          (once?.includes(workload) && round > 0)
        )
          continue;
        jobs.push({
          workload,
          threads,
          run() {
            const [file, ...args] = command;
            const { stdout, stderr } = spawnSync(
              file,
              [
                ...args,
                "--w",
                workload,
                "--threads",
                String(threads),
                "--budget",
                options.budget,
                "--most",
                "8",
              ],
              { encoding: "utf8", maxBuffer: 1e8 },
            );
            const line = stdout.trim().split("\n").at(-1);
            if (!line) console.error(`\n${name} ${workload}: ${stderr.trim().split("\n").at(-1)}`);
            return line
              ? [{ ...JSON.parse(line), engine: name, version: JSON.parse(line).engine }]
              : [];
          },
        });
      }
  }
const begun = performance.now();
jobs.forEach((job, i) => {
  const left =
    i === 0
      ? ""
      : `, ${Math.ceil((((performance.now() - begun) / i) * (jobs.length - i)) / 60_000)} min left`;
  process.stderr.write(`\r\x1b[K${i + 1} of ${jobs.length}${left}  ${job.workload}`);
  const results = job.run();
  const hop = hopAfter(job.threads);
  raw.push(...results.map((r) => ({ ...r, ...hop })));
});
process.stderr.write("\r\x1b[K");

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];
const keys = [...new Set(raw.map((r) => `${r.workload}|${r.threads}|${r.engine}`))];
const rows = keys.map((key) => {
  const same = raw.filter((r) => `${r.workload}|${r.threads}|${r.engine}` === key);
  const { workload, engine, threads } = same[0];
  const ms = median(same.map((r) => r.ms));
  const { flops, bytes, check, tolerance } = workloads[workload] ?? {};
  const agrees =
    check?.every((want, i) => Math.abs(same[0].checksum[i] - want) <= tolerance * Math.abs(want)) ??
    same.every(
      (r) => String(r.checksum) === String(raw.find((o) => o.workload === workload).checksum),
    );
  return {
    workload,
    engine,
    threads,
    ms: +ms.toFixed(3),
    each: same.map((r) => r.ms),
    ...(same[0].hopNs === undefined ? {} : { hopNs: same.map((r) => r.hopNs) }),
    min: +Math.min(...same.map((r) => r.min)).toFixed(3),
    max: +Math.max(...same.map((r) => r.max)).toFixed(3),
    rounds: same.length,
    ...(flops ? { gflops: +(flops / ms / 1e6).toFixed(1) } : {}),
    ...(bytes ? { gbytes: +(bytes / ms / 1e6).toFixed(1) } : {}),
    // of this run: another hour's is another one
    ...(ceilings && (flops || bytes)
      ? { ceiling: ceilings[`${flops ? "mulAdd128" : "triad"}${threads}`] }
      : {}),
    checksum: same[0].checksum,
    agrees,
    foreign: +Math.max(...same.map((r) => r.foreign)).toFixed(2),
    ...(same[0].firstMs === undefined
      ? {}
      : {
          firstMs: median(same.map((r) => r.firstMs)),
          startMs: median(same.map((r) => r.startMs)),
          peakMiB: median(same.map((r) => r.peakMiB)),
        }),
    ...(same[0].compileMs === undefined
      ? {}
      : { compileMs: median(same.map((r) => r.compileMs)), planMiB: same[0].planMiB }),
  };
});
const git = (...args) => execFileSync("git", args, { cwd: root, encoding: "utf8" }).trim();
/** Where interpreters and files lie is this machine's own. */
const given = process.argv
  .slice(2)
  .map((word) =>
    word
      .split(",")
      .map((path) => basename(path))
      .join(),
  )
  .map((word) => (word.includes("python") && !word.startsWith("-") ? "PYTHON,…" : word));
const result = {
  date: new Date().toISOString().slice(0, 10),
  commit: `${git("rev-parse", "--short", "HEAD")}${git("status", "--porcelain", "--untracked-files=no", "--", "src", "bench/engines") === "" ? "" : " with changes"}`,
  machine: {
    processor: cpus()[0].model,
    processors: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    ...(ceilings ? { ceilings } : {}),
  },
  versions: Object.fromEntries(raw.filter((r) => r.version).map((r) => [r.engine, r.version])),
  command: ["npm run bench", ...(given.length > 0 ? ["--", ...given] : [])].join(" "),
  workloads: chosen,
  rows,
};
if (earlier) {
  const isNew = ({ workload }) => chosen.includes(workload);
  const kept = earlier.rows.filter((row) => !isNew(row));
  result.rows = [...kept, ...rows];
  result.versions = { ...earlier.versions, ...result.versions };
  // of each part that is still shown: what was run, when, and on which commit
  const { date, commit, command, workloads: measured, earlier: before = [] } = earlier;
  const shown = [...new Set(kept.map((row) => row.workload))];
  result.earlier = [...before, { date, commit, command, workloads: measured }]
    // older files do not say which workloads a run had
    .map((part) => ({
      ...part,
      workloads: shown.filter((w) => part.workloads?.includes(w) ?? true),
    }))
    .filter((part) => part.workloads.length > 0);
}
mkdirSync(join(here, "results"), { recursive: true });
const file = join(here, "results", `${result.date}.json`);
writeFileSync(file, `${JSON.stringify(result, undefined, 1)}\n`);
console.log(writeReport(result, root));
console.log(`Written: bench/results/${result.date}.json, docs/performance.md`);
