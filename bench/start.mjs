// First results from a cold process: from the program's start to what W1, the U-Net's prediction
// (W7b) and its gradient (W8) give first, loading and weights included, in every Node and beside
// PyTorch, one after the other. Writes bench/notes/start.md.
//
//   node bench/start.mjs [--rounds 15] [--node A,B] [--python A]
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const { values: options } = parseArgs({
  options: {
    rounds: { type: "string", default: "15" },
    node: { type: "string", default: process.execPath },
    python: { type: "string" },
  },
});
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const engines = join(root, "bench", "engines");
const output = (program, args) => execFileSync(program, args, { cwd: root, encoding: "utf8" });

/** After the first result, as little as the measurement allows. */
const short = ["--budget", "0.01", "--least", "1", "--most", "1", "--sample", "0.01"];
const started = (program, script, workload, threads) => {
  const args = [join(engines, script), "--w", workload, "--threads", `${threads}`, ...short];
  return JSON.parse(output(program, args).trim().split("\n").at(-1)).startMs;
};
function empty(program, script) {
  const begun = performance.now();
  output(program, [script === "pytorch.py" ? "-c" : "-e", "0"]);
  return performance.now() - begun;
}

/** What the machine's pages cost: a memory's first touch, of the size of W8's plan and weights. */
const touching = `
  const { buffer } = new WebAssembly.Memory({ initial: 4096 });
  const bytes = new Uint8Array(buffer);
  const begun = performance.now();
  for (let i = 0; i < bytes.length; i += 4096) bytes[i] = 1;
  console.log(performance.now() - begun);`;
const touched = (program) => Number(output(program, ["-e", touching]));

const versionOf = (node) => `Node ${output(node, ["--version"]).trim().slice(1)}`;
const torchOf = (python) =>
  `PyTorch ${output(python, ["-c", "import torch; print(torch.__version__)"]).trim()}`;
const programs = [
  ...options.node.split(",").map((program) => ({
    program,
    name: versionOf(program),
    script: "fiducial.mjs",
  })),
  ...(options.python
    ? [{ program: options.python, name: torchOf(options.python), script: "pytorch.py" }]
    : []),
];
const jobs = programs.flatMap(({ program, name, script }) => [
  { name, what: "an empty program", run: () => empty(program, script) },
  ...(script === "fiducial.mjs"
    ? [{ name, what: "the first touch of 256 MiB", run: () => touched(program) }]
    : []),
  ...["W1", "W7b", "W8"].flatMap((workload) =>
    [1, 2].map((threads) => ({
      name,
      what: `${workload}, ${threads} thread${threads > 1 ? "s" : ""}`,
      run: () => started(program, script, workload, threads),
    })),
  ),
]);

const times = jobs.map(() => []);
const rounds = Number(options.rounds);
for (let round = 0; round < rounds; round++)
  jobs.forEach((job, i) => {
    process.stderr.write(`\r\x1b[Kround ${round + 1} of ${rounds}: ${job.name}, ${job.what}`);
    times[i].push(job.run());
  });
process.stderr.write("\r\x1b[K");

const row = (cells) => `| ${cells.join(" | ")} |`;
const table = [
  row(["", "", "least", "quarter below", "median", "quarter above"]),
  row(["---", "---", "---:", "---:", "---:", "---:"]),
  ...jobs.map(({ name, what }, i) => {
    const sorted = times[i].toSorted((a, b) => a - b);
    const at = (part) => sorted[Math.round(part * (sorted.length - 1))].toFixed(0);
    return row([name, what, at(0), at(0.25), at(0.5), at(0.75)]);
  }),
].join("\n");
const commit = output("git", ["rev-parse", "--short", "HEAD"]).trim();
/** Where interpreters lie is this machine's own. */
const command = [
  `node bench/start.mjs --rounds ${rounds} --node …`,
  ...(options.python ? ["--python …"] : []),
].join(" ");
const note = `## From a cold process
\`${command}\`, milliseconds from the process's start to the first result, ${rounds} processes each, one after the other: ${cpus()[0].model}, ${cpus().length} processors, commit ${commit}. W1 is a convolution, W7b the U-Net's prediction at 128², W8 its gradient. Weights are made in that time, and for PyTorch its modules are loaded.

${table}
`;
writeFileSync(join(root, "bench/notes/start.md"), note);
console.log(note);
