// docs/performance.md and its picture from a result of run.mjs; by itself: node bench/report.mjs
// bench/results/<date>.json
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { workloads } from "./workloads.mjs";

/** Whichever of PyTorch's forms and ONNX Runtime is quickest. */
const BEST = "best native";
const isNative = (engine) => /^(PyTorch|ORT native)/.test(engine);
/** The engine with a file that PyTorch's exporter wrote. */
const IMPORTED = "fiducial ONNX";
/** Least speed against a peer, [1 thread, 2 threads]; of another engine, where it is named. */
const targets = [
  ...["W1", "W2", "W3", "W4", "W5"].map((w) => [w, BEST, 1, 1]),
  ["W6", BEST, 1.3, 1.8],
  ["W7", BEST, 1, 1],
  ["W8", BEST, 1.3, 1.8],
  ...["W9", "W9b", "W10", "W10b", "W11", "W12", "W13", "W14", "W15", "W16", "W17"].map((w) => [
    w,
    BEST,
    1,
    1,
  ]),
  ...["W2", "W5", "W6", "W8"].map((w) => [w, "tfjs wasm", 20]),
  ["W1", "ORT wasm", 3, 3],
  ["W7", "ORT wasm", 3, 3],
  ["W7", "fiducial", 0.91, 0.91, IMPORTED],
  ["W7", "ORT native", 1, 1, IMPORTED],
  ["W7", "ORT wasm", 3, 3, IMPORTED],
];
/** Fewer rounds have no interval worth its name. */
const LEAST_ROUNDS = 4;
/** Quantiles of Student's t for 95 %, by degrees of freedom from 3 on. */
const STUDENT = [3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262];
/**
 * How many times as fast, and between what, by the rounds' own ratios: a mean of logarithms, and
 * Student's interval of it or the smallest and the largest of few.
 */
function ratioOf(own, other) {
  const rounds = Math.min(own.each.length, other.each.length);
  const logs = Array.from({ length: rounds }, (_, i) => Math.log(other.each[i] / own.each[i]));
  const mean = logs.reduce((sum, v) => sum + v, 0) / rounds;
  const ratio = Math.exp(mean);
  if (rounds < LEAST_ROUNDS)
    return { ratio, low: Math.exp(Math.min(...logs)), high: Math.exp(Math.max(...logs)), rounds };
  const variance = logs.reduce((sum, v) => sum + (v - mean) ** 2, 0) / (rounds - 1);
  const width = (STUDENT[rounds - LEAST_ROUNDS] ?? 2) * Math.sqrt(variance / rounds);
  return { ratio, low: Math.exp(mean - width), high: Math.exp(mean + width), rounds };
}
const times = ({ ratio, low, high, rounds }) =>
  `${ratio.toFixed(2)}×${rounds > 1 ? ` (${low.toFixed(2)}–${high.toFixed(2)})` : ""}`;
const number = (x) =>
  x === undefined ? "" : x >= 100 ? x.toFixed(0) : x >= 10 ? x.toFixed(1) : x.toFixed(2);
const table = (head, rows) =>
  [
    `| ${head.join(" | ")} |`,
    `|${head.map((_, i) => (i === 0 ? "---" : "---:")).join("|")}|`,
    ...rows.map((r) => `| ${r.join(" | ")} |`),
  ].join("\n");

/** Nanoseconds from which on two processors count as far apart. */
const FAR = 150;
/** How far apart the two processors were, where that was measured. */
function hopWords(rows) {
  const hops = rows.flatMap((r) => r.hopNs ?? []).toSorted((a, b) => a - b);
  if (hops.length === 0) return "";
  const range = (some) => (some.length > 0 ? ` (${some[0]} to ${some.at(-1)} ns)` : "");
  const near = hops.filter((ns) => ns < FAR);
  const far = hops.filter((ns) => ns >= FAR);
  return `
How far apart the two processors are changes: after every run of two threads bench/hop.c measured how long a line of the cache takes to the other one and back, after ${near.length} of ${hops.length} runs less than ${FAR} ns${range(near)}, after ${far.length} more${range(far)}. The host moves the processors of its guests about; what two threads hand each other costs several times as much when they are far apart, so small workloads have two times with two threads.
`;
}

export function writeReport(result, root) {
  const find = (workload, engine, threads) =>
    result.rows.find(
      (r) => r.workload === workload && r.engine === engine && r.threads === threads,
    );
  const engines = [...new Set(result.rows.map((r) => r.engine))];
  const order = [...Object.keys(workloads), "audit"];
  const names = order.filter((w) => result.rows.some((r) => r.workload === w));
  const cell = (row) =>
    row ? `${number(row.ms)} (${number(row.min)}–${number(row.max)})${row.agrees ? "" : " ✗"}` : "";
  const measured = table(
    ["", "threads", ...engines],
    names.flatMap((w) =>
      [1, 2].map((t) => [w, t, ...engines.map((engine) => cell(find(w, engine, t)))]),
    ),
  );
  const rivalOf = (workload, peer, threads) =>
    peer === BEST
      ? result.rows
          .filter((r) => r.workload === workload && r.threads === threads && isNative(r.engine))
          .toSorted((p, q) => p.ms - q.ms)[0]
      : find(workload, peer, peer === "tfjs wasm" ? 1 : threads);
  const judged = targets.flatMap(([workload, peer, one, two, engine = "fiducial"]) =>
    [one, two].flatMap((wanted, i) => {
      const threads = i + 1;
      const own = find(workload, engine, threads);
      const other = rivalOf(workload, peer, threads);
      if (!own || !other || !wanted) return [];
      const isImported = engine === IMPORTED;
      const fast = isImported ? undefined : find(workload, "fiducial fast", threads);
      const against = {
        peer: other.engine,
        ...ratioOf(own, other),
        fast: fast && ratioOf(fast, other),
      };
      return [
        { workload: isImported ? `${workload}, imported` : workload, threads, wanted, ...against },
      ];
    }),
  );
  const met = judged.filter((j) => j.ratio >= j.wanted);
  const verdicts = table(
    ["workload", "against", "threads", "wanted", "measured", "fast precision", ""],
    judged.map((j) => [
      j.workload,
      j.peer,
      j.threads,
      `${j.wanted}×`,
      times(j),
      j.fast ? times(j.fast) : "",
      j.ratio >= j.wanted ? "met" : "missed",
    ]),
  );
  const { ceilings } = result.machine;
  const sharesCore = ceilings && ceilings.mulAdd1282 < 1.5 * ceilings.mulAdd1281;
  const roof =
    ceilings &&
    table(
      [
        "workload",
        "threads",
        "GFLOP/s or GB/s",
        "share of that run's 128-bit multiply-and-add ceiling, or of its triad",
      ],
      result.rows
        .filter((r) => r.engine === "fiducial" && r.ceiling)
        .map((r) => [
          r.workload,
          r.threads,
          number(r.gflops ?? r.gbytes),
          `${((100 * (r.gflops ?? r.gbytes)) / r.ceiling).toFixed(0)} %`,
        ]),
    );
  const leastPeak = (workload) => {
    const peaks = result.rows.filter(
      (r) => r.workload === workload && r.engine.startsWith("PyTorch"),
    );
    return peaks.length > 0 ? Math.min(...peaks.map((r) => r.peakMiB)) : "";
  };
  const start = table(
    [
      "workload",
      "first result after start, ms",
      "compiled in, ms",
      "plan, MiB",
      "process peak, MiB",
      "least peak of PyTorch's forms, MiB",
    ],
    names.flatMap((w) => {
      const r = find(w, "fiducial", 1);
      return r?.startMs
        ? [[w, number(r.startMs), number(r.compileMs), r.planMiB, r.peakMiB, leastPeak(w)]]
        : [];
    }),
  );
  writeFileSync(join(root, "docs/images/performance.svg"), plot(judged));
  const extra = (name) => {
    const file = join(root, "bench/notes", name);
    return existsSync(file) ? `\n${readFileSync(file, "utf8").trim()}\n` : "";
  };
  writeFileSync(
    join(root, "docs/performance.md"),
    `# Performance
Made by \`${result.command}\` on ${result.date} at commit ${result.commit}: ${result.machine.processor}, ${result.machine.processors} processors, ${result.machine.memoryGiB} GiB, Node ${result.machine.node}. ${Object.entries(
      result.versions,
    )
      .map(([e, v]) => (e === v ? "" : v))
      .filter(Boolean)
      .filter((v, i, all) => all.indexOf(v) === i)
      .join(", ")}.
${(result.earlier ?? []).map((e) => `Of ${e.workloads.join(", ")}: \`${e.command}\`, ${e.date}, commit ${e.commit}.\n`).join("")}The processor is shared with others that this machine cannot see: the ranges say how much that matters, and only ratios within one run mean anything.

![How many times as fast as each peer](images/performance.svg)

## Milliseconds: median of the rounds (smallest–largest sample)
✗ marks a result that does not agree with PyTorch's.

${measured}

${names
  .filter((w) => workloads[w])
  .map((w) => `- ${w}: ${workloads[w].title}`)
  .join("\n")}
- audit: the default audit from the command line, start to end
${hopWords(result.rows)}
## Targets: ${met.length} of ${judged.length} met
How many times as fast as the peer, with the same number of threads (TensorFlow.js has one), in the default, bit-reproducible precision: the geometric mean of the rounds' ratios and, in brackets, its 95 % interval, or of fewer than ${LEAST_ROUNDS} rounds the smallest and largest ratio. The native peer is whichever of PyTorch's versions and forms (eager, channels last, compiled) and ONNX Runtime is quickest there.

${verdicts}
${extra("targets.md")}
${
  roof
    ? `## Roofline
Ceilings measured by bench/ceilings.c in the last run, 1 and 2 threads: 128-bit multiply and add, which is what WebAssembly can say, ${ceilings.mulAdd1281} and ${ceilings.mulAdd1282} GFLOP/s; 256-bit fused, which native code uses, ${ceilings.fma2561} and ${ceilings.fma2562}; triad ${ceilings.triad1} and ${ceilings.triad2} GB/s. Operations are those of the convolution's definition, so Winograd's form can pass 100 %.${sharesCore ? " Two threads multiply and add hardly faster than one here: the two processors share a core, and rows of two threads say little." : ""}

${roof}

`
    : ""
}## Start and memory
${start}
${extra("start.md")}${extra("rounding.md")}${extra("scaling.md")}${extra("gpu.md")}${extra("soak.md")}`,
  );
  return `${measured.replaceAll(" | ", "  ")}\n\n${verdicts.replaceAll(" | ", "  ")}`;
}

/** Bars on a logarithmic scale, the target as a tick. */
function plot(judged) {
  const width = 760;
  const left = 190;
  const rowHeight = 18;
  const [low, high] = [Math.log10(0.25), Math.log10(100)];
  const x = (ratio) =>
    left +
    ((Math.log10(Math.min(100, Math.max(0.25, ratio))) - low) / (high - low)) * (width - left - 60);
  const height = judged.length * rowHeight + 50;
  const rows = judged
    .map((j, i) => {
      const y = 30 + i * rowHeight;
      const [from, to] = [x(1), x(j.ratio)].sort((a, b) => a - b);
      return `<text x="${left - 8}" y="${y + 12}" text-anchor="end">${j.workload}, ${j.threads} thread${j.threads > 1 ? "s" : ""}, ${j.peer}</text><rect x="${from.toFixed(1)}" y="${y + 2}" width="${Math.max(1, to - from).toFixed(1)}" height="12" fill="${j.ratio >= j.wanted ? "#1f6f8b" : "#c2571a"}"/><line x1="${x(j.wanted).toFixed(1)}" x2="${x(j.wanted).toFixed(1)}" y1="${y}" y2="${y + 16}" stroke="#222" stroke-width="2"/><text x="${(Math.max(to, x(j.wanted)) + 5).toFixed(1)}" y="${y + 12}">${j.ratio.toFixed(2)}×</text>`;
    })
    .join("\n");
  const grid = [0.25, 0.5, 1, 2, 5, 10, 20, 50, 100]
    .map(
      (r) =>
        `<line x1="${x(r)}" x2="${x(r)}" y1="24" y2="${height - 18}" stroke="${r === 1 ? "#888" : "#ddd"}"/><text x="${x(r)}" y="${height - 4}" text-anchor="middle">${r}×</text>`,
    )
    .join("");
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="11" role="img"><title>Speed against each peer</title><rect width="${width}" height="${height}" fill="#fff"/><text x="${left}" y="15" font-size="12">Times as fast as the peer; the black tick is the target, blue where it is met</text>${grid}\n${rows}</svg>\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  console.log(
    writeReport(
      JSON.parse(readFileSync(process.argv[2], "utf8")),
      dirname(dirname(fileURLToPath(import.meta.url))),
    ),
  );
