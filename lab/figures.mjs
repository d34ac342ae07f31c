// Measures the lab as a visitor has it: `npm run build && node lab/figures.mjs`. Prints a
// table of sizes and times, beside their targets; times are of the machine that it runs on.
import { spawn } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { chromium } from "playwright-core";

const root = fileURLToPath(new URL("..", import.meta.url));
const kilobytes = (bytes) => `${(bytes / 1000).toFixed(1)} kB`;
const milliseconds = (ms) => `${Math.round(ms)} ms`;

function sizes() {
  const folder = `${root}lab/dist/assets/`;
  const sum = (pattern) =>
    readdirSync(folder)
      .filter((name) => pattern.test(name))
      .reduce((total, name) => total + gzipSync(readFileSync(folder + name)).length, 0);
  const page = gzipSync(readFileSync(`${root}lab/dist/index.html`)).length;
  const [script, style] = [sum(/^index-.*\.js$/), sum(/\.css$/)];
  return [
    ["initial JavaScript, gzipped", kilobytes(script), "≤ 60 kB"],
    ["page, style and script, gzipped", kilobytes(page + script + style), "≤ 150 kB"],
    ["the engine in its worker, gzipped (not initial)", kilobytes(sum(/^(worker|backend|turns|pool)/)), ""],
  ];
}

async function served() {
  const server = spawn(process.execPath, [`${root}dist/cli/main.js`, "lab", "--port", "0", "--json"]);
  const line = await new Promise((resolve) => server.stdout.once("data", (data) => resolve(String(data))));
  return { server, url: JSON.parse(line).url };
}

/** Notes what the browser itself measures, from the first moment on. */
const watch = `
  globalThis.seen = { lcp: 0, cls: 0, tasks: [] };
  const on = (type, take) => new PerformanceObserver((list) => list.getEntries().forEach(take)).observe({ type, buffered: true });
  on("largest-contentful-paint", (e) => { seen.lcp = e.startTime; });
  on("layout-shift", (e) => { if (!e.hadRecentInput) seen.cls += e.value; });
  on("longtask", (e) => seen.tasks.push(e.duration));
`;
async function opened(browser, url, at) {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  await page.addInitScript(watch);
  await page.goto(`${url}#/inside/${at}`);
  await page.locator("main table").first().waitFor();
  return page;
}

async function loading(browser, url) {
  const page = await opened(browser, url, "slide");
  const first = await page.evaluate("performance.now()");
  await page.waitForTimeout(1500);
  const { lcp, cls, tasks } = await page.evaluate("seen");
  const fcp = await page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime");
  const blocked = tasks.reduce((total, ms) => total + Math.max(0, ms - 50), 0);
  await page.close();
  return [
    ["first contentful paint", milliseconds(fcp), "≤ 1000 ms"],
    ["largest contentful paint", milliseconds(lcp), "≤ 1500 ms"],
    ["total blocking time", milliseconds(blocked), "≤ 100 ms"],
    ["cumulative layout shift", cls.toFixed(3), "≤ 0.02"],
    ["cold load to the first numbers of the engine", milliseconds(first), "≤ 5000 ms"],
  ];
}

/** From the key that ends an edit to the frame that shows the new output. */
const untilChanged = `globalThis.changed = new Promise((resolve) => {
  const output = document.querySelector('[aria-label="output of kernel 1"]');
  const before = output.textContent;
  addEventListener("keydown", () => {
    const began = performance.now();
    const look = () => output.textContent === before ? requestAnimationFrame(look) : resolve(performance.now() - began);
    look();
  }, { once: true, capture: true });
}); 0`;
async function editing(browser, url) {
  const page = await opened(browser, url, "slide");
  const times = [];
  for (let i = 0; i < 9; i++) {
    await page.locator(`[aria-label="kernel 1"] [data-place="${Math.floor(i / 3)} ${i % 3}"]`).focus();
    await page.keyboard.press("Enter");
    await page.keyboard.insertText(String(i + 3));
    await page.evaluate(untilChanged);
    await page.keyboard.press("Enter");
    times.push(await page.evaluate("changed"));
  }
  await page.close();
  times.sort((a, b) => a - b);
  return [
    [
      "a kernel's cell to all 16 outputs, median and worst of 9",
      `${milliseconds(times[4])}, ${milliseconds(times[8])}`,
      "≤ 100 ms",
    ],
  ];
}

/** Gathers the times between frames until the run is over. */
const frames = `new Promise((resolve) => {
  const gaps = []; let last = performance.now(); seen.tasks = [];
  const look = (now) => {
    gaps.push(now - last); last = now;
    const phase = document.querySelector("[data-phase]").dataset.phase;
    if (phase === "done" || phase === "failed") resolve(gaps); else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})`;
async function training(browser, url) {
  const page = await opened(browser, url, "train");
  const phase = page.locator("[data-phase]");
  const button = (name) => page.getByRole("button", { name }).first();
  await button("Train").click();
  await page.locator('[data-phase="running"]').waitFor({ timeout: 120_000 });
  const paused = Date.now();
  await button("Pause").click();
  await page.locator('[data-phase="paused"]').waitFor();
  const pause = Date.now() - paused;
  await button("Start again").click();
  const began = Date.now();
  await button("Train").click();
  await page.locator('[data-phase="running"]').waitFor({ timeout: 120_000 });
  const gaps = await page.evaluate(frames);
  const total = (Date.now() - began) / 1000;
  const worst = (await page.evaluate("seen.tasks")).reduce((a, b) => Math.max(a, b), 0);
  gaps.sort((a, b) => a - b);
  const seconds = gaps.reduce((a, b) => a + b, 0) / 1000;
  const accuracy = await page.locator("main table tbody tr:last-child td:last-child").last().textContent();
  const steps = Number(/\d+/.exec(await phase.textContent())[0]);
  await page.close();
  return [
    ["new digits told right after 6 epochs of 1500, seed 1", accuracy, "≥ 90 %"],
    ["that run, from the click to its end", `${total.toFixed(1)} s`, "≤ 20 s"],
    ["pictures a second, evaluation included", String(Math.round((50 * steps) / seconds)), "≥ 2000"],
    ["a pause, from the click to the word", milliseconds(pause), "≤ 100 ms"],
    ["frames while training, 95 % within", milliseconds(gaps[Math.floor(0.95 * gaps.length)]), "≤ 25 ms"],
    ["longest task of the page while training", milliseconds(worst), "≤ 50 ms"],
  ];
}

const { server, url } = await served();
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
const print = (rows) => {
  for (const row of rows) console.log(`| ${row.join(" | ")} |`);
};
try {
  console.log(`Chromium ${browser.version()}, ${availableParallelism()} processors.\n`);
  console.log("| what | measured | target |\n|---|---|---|");
  print(sizes());
  for (const measure of [loading, editing, training]) print(await measure(browser, url));
} finally {
  await browser.close();
  server.kill("SIGINT");
}
