// On a machine with a graphics card, in one call: conformance, the contraction probe, lost devices,
// 10,000 steps with flat memory, and W1 to W9 beside our own processor and PyTorch's CUDA (TF32
// off, the fastest of its forms), each kernel against what the card can do at most. Writes
// docs/performance.md's section with the card's name.
// node scripts/gpu.mjs [--workloads W1,W9] [--steps 10000] [--budget 2] [--profile W6,W8] [--write]
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { workloads } from "../bench/workloads.mjs";

const root = new URL("..", import.meta.url).pathname;
const { values: options } = parseArgs({
  options: {
    workloads: { type: "string", default: Object.keys(workloads).join(",") },
    steps: { type: "string", default: "10000" },
    budget: { type: "string", default: "2" },
    profile: { type: "string", default: "W6,W8" },
    forms: { type: "string", default: "eager,channels-last,compiled" },
    checks: { type: "string", default: "conformance,steps,failures,probe,soak" },
    write: { type: "boolean", default: false },
  },
});

/** The last line that a process prints, as JSON; what it complained of where there is none. */
function lastLine(command, args, env = {}) {
  const { status, stdout, stderr } = spawnSync(command, args, {
    encoding: "utf8",
    env: { ...process.env, ...env },
    maxBuffer: 2 ** 28,
  });
  const line = stdout?.trim().split("\n").at(-1);
  if (status === 0 && line) return { value: JSON.parse(line), stderr };
  return { failed: stderr?.trim().split("\n").at(-1) ?? `ended with ${status}` };
}
const check = (name, ...args) =>
  lastLine(process.execPath, ["--expose-gc", join(root, "test/gpu", `${name}.mjs`), ...args]);
const say = (text) => process.stderr.write(`${text}\n`);

const opened = check("adapter");
if (opened.failed) {
  say(`no graphics adapter: ${opened.failed}`);
  process.exit(3);
}
const adapter = opened.value;
say(`on ${adapter}`);

/** Each check in a sentence, and whether it passed. */
const told = {
  conformance({ found }) {
    const bad = found.filter(({ worst, repeats }) => worst === null || worst >= 1e-5 || !repeats);
    const worst = Math.max(...found.map((f) => f.worst ?? 0)).toExponential(1);
    const names = bad.map(({ name }) => name).join(", ");
    const text = `${found.length - bad.length} of ${found.length} cases agree with float64 (worst ${worst}) and repeat their bits`;
    return [bad.length === 0, names ? `${text}; not: ${names}` : text];
  },
  steps({ found }) {
    const all = Object.entries(found);
    const text = all.map(([name, { worst }]) => `${name} ${worst.toExponential(1)}`).join(", ");
    return [
      all.every(([, { worst, repeats }]) => worst < 1e-5 && repeats),
      `against wasm: ${text}`,
    ];
  },
  failures({ found }) {
    const ok = [found.lostOnce, found.lostTwice, found.lostUnread, found.lostWritten].every(
      Boolean,
    );
    return [ok, `lost devices ${ok ? "cost no bit" : "changed the result"}`];
  },
  probe({ expression, loop, denormals }) {
    const shares = ({ apart, once, other }) =>
      `${apart} apart, ${once} at once, ${other} otherwise`;
    return [
      true,
      `a·b + c rounded: ${shares(expression)}; in a product's loop: ${shares(loop)}; denormals ${denormals}`,
    ];
  },
  soak({ steps, seconds, grown }) {
    const text = `${steps} steps in ${seconds.toFixed(0)} s; the card's memory ${grown.held} bytes, the host's ${(grown.host / 2 ** 20).toFixed(2)} MiB more`;
    return [grown.held <= 0 && grown.host < 2 ** 20, text];
  },
};
let passed = true;
const lines = options.checks.split(",").map((name) => {
  say(name);
  const { value, failed } = check(name, ...(name === "soak" ? [options.steps] : []));
  const [ok, text] = failed ? [false, failed] : told[name](value);
  passed &&= ok;
  say(`  ${ok ? "✓" : "✗"} ${text}`);
  return `- ${ok ? "✓" : "✗"} ${name}: ${text}`;
});

const python = ["/usr/bin/python3", "python3"].find(
  (p) => spawnSync(p, ["-c", "import torch, numpy; assert torch.cuda.is_available()"]).status === 0,
);
if (!python) say("no PyTorch with CUDA here: its column stays empty");
const fiducial = join(root, "bench/engines/fiducial.mjs");
const pytorch = join(root, "bench/engines/pytorch.py");
const timing = (w) => ["--w", w, "--budget", options.budget, "--most", "8"];
/** The fastest of PyTorch's forms that run. */
function bestOfForms(w) {
  const runs = options.forms.split(",").map((form) => {
    const args = [pytorch, ...timing(w), "--device", "cuda", "--form", form];
    return { form, ...lastLine(python, args) };
  });
  const done = runs.filter(({ value }) => value);
  if (done.length === 0) return runs[0];
  return done.reduce((best, run) => (run.value.ms < best.value.ms ? run : best));
}
const engines = [
  {
    name: "card",
    run: (w) => lastLine(process.execPath, [fiducial, ...timing(w)], { BACKEND: "webgpu" }),
  },
  {
    name: "processor",
    run: (w) => lastLine(process.execPath, [fiducial, ...timing(w), "--threads", "2"]),
  },
  ...(python ? [{ name: "CUDA", run: bestOfForms }] : []),
];
/** Whether a result is PyTorch's, within the workload's tolerance. */
const agrees = (w, checksum) =>
  workloads[w].check.every(
    (wanted, i) => Math.abs(checksum[i] / wanted - 1) <= workloads[w].tolerance,
  );

const rows = options.workloads.split(",").map((w) => {
  const row = { w };
  for (const { name, run } of engines) {
    const { value, failed, form = "" } = run(w);
    row[name] = failed ? undefined : { ms: value.ms, form, agrees: agrees(w, value.checksum) };
    const said = failed ?? `${value.ms.toFixed(2)} ms${row[name].agrees ? "" : " ✗"} ${form}`;
    say(`${w} ${name}: ${said}`);
  }
  return row;
});
const cell = (t) => (t ? `${t.ms.toPrecision(3)}${t.agrees ? "" : " ✗"}` : "");
const ratio = (a, b) => (a && b ? (a.ms / b.ms).toPrecision(2) : "");
const table = [
  "| | | this card, ms | our processor, 2 threads, ms | PyTorch CUDA, ms | its form | times our processor's speed | times CUDA's speed |",
  "|---|---|---:|---:|---:|---|---:|---:|",
  ...rows.map(
    ({ w, card, processor, CUDA }) =>
      `| ${w} | ${workloads[w].title} | ${cell(card)} | ${cell(processor)} | ${cell(CUDA)} | ${CUDA?.form ?? ""} | ${ratio(processor, card)} | ${ratio(CUDA, card)} |`,
  ),
];

/** Where a step's time goes, kernel by kernel, and how near each is to what the card can do. */
function kernels(w) {
  const args = [fiducial, "--w", w, "--budget", "0.1", "--least", "1", "--most", "1"];
  const profiled = { BACKEND: "webgpu", PROFILE: "names" };
  const { stderr, failed } = lastLine(process.execPath, args, profiled);
  if (failed) return ["", `Kernels of ${w}: ${failed}`];
  const row = /([\d.]+) ms +(\d+)× +([\d.]+) GF +([\d.]+) GB (.+)$/;
  const found = stderr.split("\n").flatMap((line) => {
    const [, ms, times, operations, bytes, name] = row.exec(line) ?? [];
    if (!name) return [];
    const share = Math.max(operations / (most.operations / 1e9), bytes / (most.bytes / 1e9));
    return [
      `| ${name} | ${times} | ${ms} | ${operations} | ${bytes} | ${Math.round(100 * share)} % |`,
    ];
  });
  return [
    "",
    `Kernels of ${w}, by the card's own clock. The roofline: ${tera(most.operations)}·10¹² operations and ${tera(most.bytes)}·10¹² bytes a second, measured here by sums that wait for nothing and by a copy. A step's bytes are what it must read and write once; its operations are those of the definition, of which Winograd's form does a quarter.`,
    "",
    "| kernel | times | ms | 10⁹ operations a second | GB a second | of the roofline |",
    "|---|---:|---:|---:|---:|---:|",
    ...found,
  ];
}
const tera = (n) => (n / 1e12).toPrecision(3);
const profiles = options.profile === "none" ? [] : options.profile.split(",");
const { value: most, failed: unmeasured } = profiles.length > 0 ? check("ceilings") : {};
if (unmeasured) say(`no roofline: ${unmeasured}`);

const isSoftware = /swiftshader|llvmpipe/i.test(adapter);
const section = [
  "## On a graphics card",
  `\`node scripts/gpu.mjs ${process.argv.slice(2).join(" ")}\` on ${adapter}.`,
  ...(isSoftware
    ? ["", "This adapter is a processor that plays a card: no real card was measured."]
    : []),
  "",
  ...lines,
  "",
  ...table,
  ...(most ? profiles.flatMap(kernels) : []),
  "",
].join("\n");
if (options.write) {
  // bench/report.mjs puts the notes into docs/performance.md whenever it writes that anew
  writeFileSync(join(root, "bench/notes/gpu.md"), section);
  const path = join(root, "docs/performance.md");
  const parts = readFileSync(path, "utf8").split(/(?=^## )/m);
  const others = parts.filter((part) => !part.startsWith("## On a graphics card"));
  const soak = others.findIndex((part) => part.startsWith("## Soak"));
  others.splice(soak < 0 ? others.length : soak, 0, `${section}\n`);
  writeFileSync(path, others.join(""));
}
console.log(section);
process.exitCode = passed ? 0 : 1;
