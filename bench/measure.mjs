// Times one function in this process: samples of at least `sample` seconds, with what other
// processes took meanwhile.
import { readFileSync } from "node:fs";

const options = {
  w: "W1",
  threads: "1",
  budget: "8",
  least: "3",
  most: "15",
  sample: "0.3",
  precision: "reproducible",
};
for (let i = 2; i < process.argv.length; i += 2)
  options[process.argv[i].replace(/^--/, "")] = process.argv[i + 1];
export const settings = {
  workload: options.w,
  threads: Number(options.threads),
  precision: options.precision,
};

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];
/** Seconds that all processors of the machine have been busy. */
function machineSeconds() {
  const [user, nice, system, , , irq, softirq, steal] = readFileSync("/proc/stat", "utf8")
    .split("\n")[0]
    .trim()
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return (user + nice + system + irq + softirq + (steal ?? 0)) / 100;
}
const ownSeconds = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};
const clock = () => performance.now() / 1e3;

/**
 * Prints one JSON line. `run` finishes its work, reading back included, before it returns or
 * resolves; `check` makes the checksum of its first result.
 */
export async function measure(engine, run, check, more = {}) {
  const begun = clock();
  const first = await run();
  const firstMs = (clock() - begun) * 1e3;
  const startMs = performance.now();
  const checksum = [await check(first)].flat();
  let once = clock();
  await run();
  once = clock() - once;
  if (once < 0.2) {
    const from = clock();
    let rounds = 0;
    while (clock() - from < 0.4) {
      await run();
      rounds++;
    }
    once = (clock() - from) / rounds;
  }
  const inner = Math.max(1, Math.ceil(Number(options.sample) / once));
  const samples = [];
  const from = clock();
  while (
    samples.length < Number(options.most) &&
    (samples.length < Number(options.least) || clock() - from < Number(options.budget))
  ) {
    const [machine, own, t] = [machineSeconds(), ownSeconds(), clock()];
    for (let i = 0; i < inner; i++) await run();
    const seconds = clock() - t;
    const mine = ownSeconds() - own;
    samples.push({
      ms: (seconds * 1e3) / inner,
      foreign: Math.max(0, (machineSeconds() - machine - mine) / seconds),
    });
    if (once > 20) break;
  }
  const ms = samples.map((s) => s.ms);
  console.log(
    JSON.stringify({
      workload: settings.workload,
      engine,
      threads: settings.threads,
      ms: +median(ms).toFixed(3),
      min: +Math.min(...ms).toFixed(3),
      max: +Math.max(...ms).toFixed(3),
      samples: ms.length,
      foreign: +median(samples.map((s) => s.foreign)).toFixed(2),
      firstMs: +firstMs.toFixed(1),
      startMs: +startMs.toFixed(0),
      peakMiB: Math.round(process.resourceUsage().maxRSS / 1024),
      checksum,
      ...more,
    }),
  );
}
