// Walks through the lab as a visitor does and keeps a picture of every section, with what the walk
// did there, for docs/lab-walk.md: `npm run build && node lab/walk.mjs`.
import { spawn } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = `${root}docs/images/lab-walk/`;
const press = (name) => async (page) => {
  await page.getByRole("button", { name }).first().click();
  await page.locator("[data-phase]").first().and(page.locator('[data-phase="done"]')).waitFor();
};
const small = "size=64&network=cascade&steps=5";
/** Where, what is done there and shown of it, and what it shows. */
const steps = [
  [
    "inside/slide?row=1&column=1",
    "Nine products of one place, and their sum: the edge between 10 and 0 answers 30.",
  ],
  ["inside/kernels?image=phantom", "A kernel made by hand, on a phantom of the head."],
  ["inside/learned", "Kernels begin at random and become edge detectors."],
  ["inside/channels", "Three answers, one a colour, before they are added."],
  ["inside/pool", "Pooling: where its gradient goes, and where invariance ends."],
  ["inside/node", "One node: what an activation does to z, and softmax to scores."],
  ["inside/layers", "Any number of a trained network, traced to its pixels."],
  ["inside/cost", "The cost of every sample, and their mean."],
  [
    "inside/backprop",
    "Every derivative as its product of local numbers, beside the finite difference.",
  ],
  [
    "inside/train?samples=500&epochs=3",
    "Training, live: 500 digits, three epochs.",
    press("Train"),
    ".parts",
  ],
  ["break/kspace?size=64", "A quarter of k-space, and what four methods make of it."],
  [
    `break/attack?${small}`,
    "The worst perturbation found of 1, 3 and 6 % for each method.",
    press("Search for the worst"),
    ".outcomes",
  ],
  [`break/tumour?${small}`, "A tumour of 2.5 pixels, and how much of it comes back."],
  [`break/rates?${small}&images=1`, "More samples, and fewer, than the network was trained for."],
  ["break/remedies?size=64&trained=jitter&epochs=1", "What is said to help, with what it costs."],
  [
    `audit/audit?${small}`,
    "A whole audit in the page, with the report that the command line writes.",
    press("Run the audit"),
    ".answer",
  ],
];

async function served() {
  const server = spawn(process.execPath, [
    `${root}dist/cli/main.js`,
    "lab",
    "--port",
    "0",
    "--json",
  ]);
  const line = await new Promise((resolve) =>
    server.stdout.once("data", (data) => resolve(String(data))),
  );
  return { server, url: JSON.parse(line).url };
}
async function settled(page) {
  for (let quiet = 0; quiet < 5; quiet++) {
    await page.waitForTimeout(100);
    if ((await page.locator(".waiting, [data-busy]").count()) > 0) quiet = -1;
  }
}

const { server, url } = await served();
const browser = await chromium.launch({
  executablePath: "/usr/bin/chromium",
  args: ["--no-sandbox"],
});
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
const page = await browser.newPage({
  viewport: { width: 800, height: 640 },
  reducedMotion: "reduce",
});
page.setDefaultTimeout(600_000);
const told = [
  "# A walk through the lab",
  "Made by `node lab/walk.mjs`; every number is the engine's.",
  "",
];
for (const [i, [at, says, act, shown]] of steps.entries()) {
  await page.goto(`${url}#/${at}`);
  await settled(page);
  await act?.(page);
  await settled(page);
  const title = await page.locator("h1").first().textContent();
  const place = page
    .locator(shown ?? "main .parts, main .pictures, main .curves, main .elsewhere")
    .first();
  await place.evaluate((element) =>
    scrollTo(0, element.getBoundingClientRect().top + scrollY - 40),
  );
  const name = `${String(i + 1).padStart(2, "0")}-${at.split(/[/?]/)[1]}.jpg`;
  await page.screenshot({ path: folder + name, type: "jpeg", quality: 72 });
  told.push(
    `## ${title.trim()}`,
    says,
    "",
    `![${title.trim()}: ${says}](images/lab-walk/${name})`,
    "",
  );
  console.log(name);
}
writeFileSync(`${root}docs/lab-walk.md`, `${told.join("\n").trim()}\n`);
await browser.close();
server.kill("SIGINT");
