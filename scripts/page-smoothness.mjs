// How long a page's main thread is held up while the page itself opens the engine, loads LeNet-5
// and ResNet-20, predicts (the first time, which compiles, and again) and trains for some steps, in
// Chromium on this machine. Tasks of the thread come from Chromium's own trace: by the clock, and
// by the processor's time, which a busy machine does not stretch. Fails where a task takes more
// than 50 ms of the processor.
//   node scripts/page-smoothness.mjs [--chromium PATH]
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { chromium as browsers } from "playwright-core";
import { build, preview } from "vite";
import { nn, saveNetwork } from "fiducial";

const MOST_MS = 50;
const root = fileURLToPath(new URL("..", import.meta.url));
const { values } = parseArgs({ options: { chromium: { type: "string" } } });
const usual = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const executablePath = values.chromium ?? usual.find((path) => existsSync(path));
if (!executablePath) {
  console.log("skipped: there is no Chromium here; name one with --chromium PATH");
  process.exit(0);
}

const main = `
import { adam, crossEntropy, fit, loadNetwork, openBackend, predict, samplesFrom } from "fiducial";
const turn = () => new Promise((done) => setTimeout(done, 50));
async function phase(name, work) {
  await turn();
  performance.mark(name + " begins");
  const result = await work();
  performance.mark(name + " ends");
  await turn();
  return result;
}
const counts = (n) => Float32Array.from({ length: n }, (_, i) => Math.sin(i));
const backend = await phase("open", () => openBackend("auto"));
for (const name of ["LeNet-5", "ResNet-20"]) {
  const bytes = new Uint8Array(await (await fetch("./" + name)).arrayBuffer());
  const network = await phase(name + ": load", async () => loadNetwork(bytes));
  const { input } = network.architecture;
  const size = input.reduce((a, b) => a * b);
  const inputs = counts(size);
  await phase(name + ": first prediction", () => predict(network, { inputs, backend }));
  await phase(name + ": 200 predictions", async () => {
    for (let i = 0; i < 200; i++) await predict(network, { inputs, backend });
  });
  await phase(name + ": a batch of 64", () => predict(network, { inputs: counts(64 * size), backend }));
  const targets = Array.from({ length: 320 }, (_, i) => i % 10);
  const data = samplesFrom({ inputs: counts(320 * size), inputShape: input, targets });
  await phase(name + ": training, 10 steps", () =>
    fit(network, { data, validation: data, loss: crossEntropy(), optimizer: adam({ learningRate: 1e-3 }),
      epochs: 1, batchSize: 32, seed: 1, backend, on: { checkpoint() {} } }));
}
document.title = "done";
`;
const folder = mkdtempSync(join(tmpdir(), "fiducial-smoothness-"));
const networks = { "LeNet-5": nn.lenet5({ seed: 0 }), "ResNet-20": nn.resnet20({ seed: 0 }) };
const html = `<!doctype html><title>…</title><script type=module src=./main.js></script>`;
writeFileSync(join(folder, "index.html"), html);
writeFileSync(join(folder, "main.js"), main);
const config = {
  root: folder,
  logLevel: "silent",
  configFile: false,
  build: { target: "es2022" },
  resolve: { alias: { fiducial: join(root, "dist", "index.js") } },
};
await build(config);
for (const [name, network] of Object.entries(networks))
  writeFileSync(join(folder, "dist", name), saveNetwork(network));
const server = await preview({ ...config, preview: { port: 0, host: "127.0.0.1" } });
const browser = await browsers.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });

/** The trace of the whole visit. */
async function visited() {
  const page = await browser.newPage();
  page.on("pageerror", (error) => console.error(error.message));
  const trace = join(folder, "trace.json");
  const categories = [
    "toplevel",
    "disabled-by-default-toplevel",
    "blink.user_timing",
    "__metadata",
  ];
  await browser.startTracing(page, { path: trace, categories });
  await page.goto(server.resolvedUrls.local[0]);
  await page.waitForFunction(`document.title === "done"`, undefined, { timeout: 600_000 });
  await browser.stopTracing();
  return JSON.parse(readFileSync(trace, "utf8")).traceEvents;
}
const events = await visited();
await browser.close();
await server.close();
rmSync(folder, { recursive: true, force: true });

const marks = events.filter(
  ({ cat, name }) => /user_timing/.test(cat) && / (begins|ends)$/.test(name),
);
const { pid, tid } = marks[0];
const tasks = events.filter((e) => e.pid === pid && e.tid === tid && /RunTask$/.test(e.name));
let missed = false;
console.log("phase                              tasks  longest, ms  of the processor, ms");
for (const { name, ts } of marks) {
  if (!name.endsWith(" begins")) continue;
  const phase = name.slice(0, -" begins".length);
  const end = marks.find((mark) => mark.name === `${phase} ends`).ts;
  const own = tasks.filter((task) => task.ts + (task.dur ?? 0) >= ts && task.ts <= end);
  const longest = Math.max(...own.map(({ dur = 0 }) => dur)) / 1000;
  const busiest = Math.max(...own.map(({ tdur = 0 }) => tdur)) / 1000;
  missed ||= busiest > MOST_MS;
  const cells = [
    String(own.length).padStart(6),
    longest.toFixed(1).padStart(12),
    busiest.toFixed(1),
  ];
  console.log(phase.padEnd(34), ...cells);
}
if (missed) {
  console.error(`missed: no task of more than ${MOST_MS} ms`);
  process.exitCode = 1;
}
