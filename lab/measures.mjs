// What figures.mjs measures: sizes of the built files, and times in a real browser, each taken
// within the page by its own clock, so that the driver's own delays are none of them.
import { readFileSync, readdirSync } from "node:fs";
import { gzipSync } from "node:zlib";

const row = (what, value, unit, target = {}) => ({ what, value, unit, ...target });
const quantile = (values, q) =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(q * values.length))];

export function sizes(root) {
  const folder = `${root}lab/dist/assets/`;
  const files = readdirSync(folder);
  const zipped = (name) => gzipSync(readFileSync(name)).length / 1000;
  const sum = (pattern) =>
    files
      .filter((name) => pattern.test(name))
      .reduce((total, name) => total + zipped(folder + name), 0);
  const page = readFileSync(`${root}lab/dist/index.html`, "utf8");
  const initial = [...page.matchAll(/(?:src|href)="\.\/(assets\/[^"]+\.js)"/g)].map((m) => m[1]);
  const script = initial.reduce((total, name) => total + zipped(`${root}lab/dist/${name}`), 0);
  const weights = files
    .filter((name) => name.endsWith(".safetensors"))
    .map((name) =>
      row(
        `weights, fetched when needed: ${name.replace(/-[^-]*$/, "")}`,
        readFileSync(folder + name).length / 1000,
        "kB",
        { most: 250 },
      ),
    );
  return [
    row("initial JavaScript, gzipped", script, "kB", { most: 60 }),
    row(
      "page, style and script, gzipped",
      zipped(`${root}lab/dist/index.html`) + script + sum(/\.css$/),
      "kB",
      {
        most: 150,
      },
    ),
    row(
      "the engine in its worker, gzipped (not initial)",
      sum(/^(worker|backend|turns|pool)/),
      "kB",
    ),
    ...weights,
  ];
}

/** Notes what the browser itself measures, from the first moment on. */
const watch = `
  globalThis.seen = { lcp: 0, cls: 0, tasks: [] };
  const on = (type, take) => new PerformanceObserver((list) => list.getEntries().forEach(take)).observe({ type, buffered: true });
  on("largest-contentful-paint", (e) => { seen.lcp = e.startTime; });
  on("layout-shift", (e) => { if (!e.hadRecentInput) seen.cls += e.value; });
  on("longtask", (e) => seen.tasks.push(e.duration));
  globalThis.until = (holds) => new Promise((resolve) => {
    const began = performance.now();
    const look = () => (holds() ? resolve(performance.now() - began) : requestAnimationFrame(look));
    look();
  });
  globalThis.phase = () => document.querySelector("[data-phase]").dataset.phase;
  globalThis.button = (text) => [...document.querySelectorAll("button")].find((b) => b.textContent.includes(text));
`;
async function opened(browser, url, at) {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  page.setDefaultTimeout(120_000);
  await page.addInitScript(watch);
  await page.goto(`${url}#/${at}`);
  await page.locator("main table").first().waitFor();
  return page;
}

/**
 * The metrics that Lighthouse calls so, from the browser's own entries, on an unthrottled desktop;
 * TBT is what long tasks take beyond 50 ms each.
 */
export async function loading(browser, url) {
  const rows = [];
  for (const [name, at, most] of [
    ["/inside", "inside/slide", 5],
    ["/break", "break/attack?size=128&network=cascade", 5],
  ]) {
    const page = await opened(browser, url, at);
    const first = await page.evaluate("performance.now()");
    await page.waitForTimeout(1500);
    const { lcp, cls, tasks } = await page.evaluate("seen");
    const fcp = await page.evaluate(
      "performance.getEntriesByName('first-contentful-paint')[0].startTime",
    );
    const blocked = tasks.reduce((total, ms) => total + Math.max(0, ms - 50), 0);
    await page.close();
    rows.push(
      row(`first contentful paint, ${name}`, fcp, "ms", { most: 1000 }),
      row(`largest contentful paint, ${name}`, lcp, "ms", { most: 1500 }),
      row(`total blocking time, ${name}`, blocked, "ms", { most: 100 }),
      row(`cumulative layout shift, ${name}`, cls, "", { most: 0.02 }),
      row(`cold load to the first numbers of the engine, ${name}`, first / 1000, "s", { most }),
    );
  }
  return rows;
}

/** From the key that ends an edit to the frame that shows the new output. */
const untilChanged = `globalThis.changed = new Promise((resolve) => {
  const output = document.querySelector('[aria-label="output of kernel 1"]');
  const before = output.textContent;
  addEventListener("keydown", () => until(() => output.textContent !== before).then(resolve), { once: true, capture: true });
}); 0`;
export async function editing(browser, url) {
  const page = await opened(browser, url, "inside/slide");
  const times = [];
  for (let i = 0; i < 9; i++) {
    await page
      .locator(`[aria-label="kernel 1"] [data-place="${Math.floor(i / 3)} ${i % 3}"]`)
      .focus();
    await page.keyboard.press("Enter");
    await page.keyboard.insertText(String(i + 3));
    await page.evaluate(untilChanged);
    await page.keyboard.press("Enter");
    times.push(await page.evaluate("changed"));
  }
  await page.close();
  return [
    row("a kernel's cell to all 16 outputs, median of 9", quantile(times, 0.5), "ms", {
      most: 100,
    }),
    row("the same, the slowest", Math.max(...times), "ms", { most: 100 }),
  ];
}

/** Gathers the times between frames until the run is over. */
const frames = `new Promise((resolve) => {
  const gaps = []; let last; seen.tasks = [];
  const look = (now) => {
    if (phase() === "running") { if (last !== undefined) gaps.push(now - last); last = now; }
    if (phase() === "done" || phase() === "failed") resolve(gaps); else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
  button("Train").click();
})`;
/** Five pauses in the middle of a long run, each from the click to the word. */
async function pauses(browser, url) {
  const page = await opened(browser, url, "inside/train?epochs=30");
  const times = [];
  await page.evaluate("button('Train').click(); until(() => phase() === 'running')");
  for (let k = 0; k < 5; k++) {
    await page.waitForTimeout(300);
    times.push(await page.evaluate("button('Pause').click(); until(() => phase() === 'paused')"));
    await page.evaluate("button('Go on').click(); until(() => phase() === 'running')");
  }
  await page.close();
  return Math.max(...times);
}
export async function training(browser, url) {
  const pause = await pauses(browser, url);
  const page = await opened(browser, url, "inside/train");
  const began = Date.now();
  const gaps = await page.evaluate(frames);
  const total = (Date.now() - began) / 1000;
  const { tasks } = await page.evaluate("seen");
  const seconds = gaps.reduce((a, b) => a + b, 0) / 1000;
  const accuracy = await page
    .locator("main table tbody tr:last-child td:last-child")
    .last()
    .textContent();
  const steps = Number(/\d+/.exec(await page.locator("[data-phase]").textContent())[0]);
  await page.close();
  return [
    row("new digits told right after 6 epochs of 1500, seed 1", Number.parseFloat(accuracy), "%", {
      least: 90,
    }),
    row("that run, from the click to its end", total, "s", { most: 20 }),
    row("pictures a second, evaluation included", (50 * steps) / seconds, "/s", { least: 2000 }),
    row("the slowest of five pauses, from the click to the word", pause, "ms", { most: 100 }),
    row("frames while training, 95 % within", quantile(gaps, 0.95), "ms", { most: 25 }),
    row("longest task of the page while training", Math.max(0, ...tasks), "ms", { most: 50 }),
  ];
}

/** Click, first picture with r in it, and the network's r₃, with the gradient steps until then. */
const search = `new Promise((resolve) => {
  const out = { steps: 0 };
  const began = performance.now();
  const look = () => {
    const now = performance.now() - began;
    const searched = [...document.querySelectorAll("h3")].some((h) => /searching|its own/.test(h.textContent));
    if (out.first === undefined && searched) out.first = now;
    const methods = document.querySelectorAll(".method").length;
    const step = Number(/step (\\d+)/.exec(document.querySelector("[data-phase]").textContent)?.[1] ?? 0);
    if (methods < 2) out.steps = Math.max(out.steps, step);
    if (methods >= 2) resolve({ ...out, all: now }); else requestAnimationFrame(look);
  };
  button("Search for the worst").click();
  look();
})`;
export async function attacking(browser, url) {
  const rows = [];
  for (const [network, name] of [
    ["cascade", "small cascade"],
    ["unet", "small U-Net"],
  ]) {
    const page = await opened(browser, url, `break/attack?size=128&network=${network}&steps=5`);
    // as long as one takes to answer the question
    await page.waitForTimeout(6000);
    const { first, all, steps } = await page.evaluate(search);
    await page.close();
    rows.push(
      row(`click to the first picture with r, 128², ${name}`, first, "ms", { most: 300 }),
      row(
        `60 gradient steps with their pictures, 128², ${name}`,
        (0.06 * (all - first)) / Math.max(1, steps),
        "s",
        {
          most: 3,
        },
      ),
    );
  }
  return rows;
}
