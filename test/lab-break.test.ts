// /break shows what the command line finds, says kindly what it cannot do, and is for everybody.
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { AuditResult, TestRecord } from "fiducial/audit";
import { nn, saveNetwork } from "fiducial/learning";
import type { Page } from "playwright-core";
import { evidenceSource, trainedRemedies } from "../lab/src/sections/remedies-evidence.ts";
import {
  breakSections,
  chromium,
  eventually,
  expectForEverybody,
  finished,
  hostOf,
  numberOf,
  openLab,
  press,
  quick,
  settled,
  tableOf,
  violations,
  visit,
  type Lab,
} from "./lab-page.ts";
import { fiducial } from "./program.ts";

// a search in the page and the same by the command line, on a machine that may be busy
const LONG = 1_500_000;
vi.setConfig({ testTimeout: LONG });

const names = ["small U-Net", "total variation", "zero-filled"];
const folder = mkdtempSync(join(tmpdir(), "fiducial-lab-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const at = (name: string): string => join(folder, name);

/** Runs the command line that the page prints, and gives what it writes. */
async function repeated(page: Page, test: string): Promise<TestRecord> {
  const line = (await page.locator(".command code").first().textContent()) ?? "";
  expect(line).toMatch(/^npx fiducial audit /);
  const words = line.split(" ").slice(2);
  const run = fiducial([...words, "--out", at(test), "--threads", "2"]);
  expect(run.status, run.err).toBe(0);
  const { tests } = JSON.parse(readFileSync(join(at(test), "result.json"), "utf8")) as AuditResult;
  return tests.find(({ id }) => id === test)!;
}
/** A method's rows of the table "What is left", against the command line's measurements. */
function expectAlike(rows: string[][], test: TestRecord, name: string): TestRecord["measurements"] {
  const own = test.measurements.filter((m) => m.method === name);
  const shown = rows.filter((row) => row[0] === name);
  expect(shown.map((row) => row[1])).toEqual(["none", "r₁", "r₂", "r₃"]);
  expect(shown[0].slice(3, 5)).toEqual([
    own[0].psnr.before.toFixed(2),
    own[0].ssim.before.toFixed(3),
  ]);
  for (const [k, m] of own.entries())
    expect(shown[k + 1].slice(2, 6)).toEqual([
      `${(100 * m.relativeNorm).toFixed(2)} %`,
      m.psnr.after.toFixed(2),
      m.ssim.after.toFixed(3),
      m.noise.psnr.toFixed(2),
    ]);
  return own;
}

describe.runIf(chromium)("a reconstruction, broken in the lab", () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await openLab();
  });
  afterAll(async () => {
    await lab?.close();
  });

  it("searches r₁ < r₂ < r₃ for each method alike, and the command line finds the same numbers", async () => {
    const page = await lab.open(`break/attack?${quick}`);
    const began = performance.now();
    await press(page, "Search for the worst");
    await page.locator(".method canvas").first().waitFor();
    const first = performance.now() - began;
    await finished(page);
    console.log(
      `click to first picture ${first.toFixed(0)} ms, whole search ${(performance.now() - began).toFixed(0)} ms`,
    );
    const rows = await tableOf(page, "What is left");
    const test = await repeated(page, "instability-ascent");
    for (const name of names) {
      const own = expectAlike(rows, test, name);
      const shown = rows.filter((row) => row[0] === name);
      const norms = own.map((m) => m.norm);
      expect(norms[0] < norms[1] && norms[1] < norms[2], `${name}: ${norms.join(" < ")}`).toBe(
        true,
      );
      // each within its budget, to float32
      for (const m of own) expect(m.relativeNorm).toBeLessThan(m.relativeBudget! * (1 + 1e-6));
      const same = test.transfers?.find((t) => t.from === names[0] && t.to === name);
      expect(shown[3][6]).toBe(same!.psnr.toFixed(2));
    }
    await page.context().close();
  });

  it("perturbs the measurement itself as well, and looks at all pictures with one zoom and one cursor", async () => {
    const page = await lab.open(`break/attack?${quick}&domain=measurement&zoom=2`);
    await press(page, "Search for the worst");
    await finished(page);
    const rows = await tableOf(page, "What is left");
    const test = await repeated(page, "worst-case-perturbation");
    for (const name of names) expectAlike(rows, test, name);
    const pictures = page.locator(".method canvas, .parts .picture canvas");
    const transforms = await pictures.evaluateAll((all) =>
      all.map((c) => getComputedStyle(c).transform),
    );
    expect(new Set(transforms).size).toBe(1);
    expect(transforms[0]).toMatch(/^matrix\(2, 0, 0, 2,/);
    await pictures.nth(3).hover();
    await eventually(() =>
      page.locator(".method figcaption", { hasText: /^row \d+, column \d+: / }).count(),
    ).toBe(await page.locator(".method canvas").count());
    await page.context().close();
  });

  it("goes on with a search after a reload, says what is stable, and lets go of it at the back button", async () => {
    const page = await lab.open(`break/attack?${quick}&run=1`);
    await finished(page);
    // a linear method of norm 1 cannot be broken, and nobody says so beforehand
    await eventually(() =>
      page.locator(".outcome", { hasText: "zero-filled –" }).textContent(),
    ).toMatch(/^✓ Not observed/);
    expect(await violations(page)).toEqual([]);
    await page.getByRole("link", { name: "k-space" }).first().click();
    await settled(page);
    await page.goBack();
    await page.waitForURL(/run=1/);
    await page.locator("[data-phase=running]").waitFor();
    await page.goForward();
    await settled(page);
    expect((await tableOf(page, "What is made of")).length).toBe(4);
    await page.context().close();
  });

  it("starts again when the engine's worker was lost in the middle of a search, and says so", async () => {
    const page = await lab.open(`break/attack?${quick}`);
    await press(page, "Search for the worst");
    await page.locator("[data-phase=running]").waitFor();
    await page.workers()[0].evaluate("setTimeout(() => { throw new Error('lost') })");
    await eventually(() => page.locator("[data-phase=failed]").textContent()).toMatch(
      /worker was lost/,
    );
    await press(page, "Again");
    await page.locator(".method canvas").first().waitFor();
    await press(page, "Stop");
    await eventually(() => page.locator("[data-phase]").textContent()).toMatch(/^Stopped/);
    await page.context().close();
    // the worker's own error is what was thrown into it
    lab.complaints.splice(0);
  });

  it("takes masks that are drawn, by the keyboard and as a list, and none that measures nothing", async () => {
    const page = await lab.open("break/kspace?size=64");
    const before = await tableOf(page, "What is made of");
    expect(before.map((row) => row[0])).toEqual([
      "zero-filled",
      "total variation",
      "small cascade",
      "small U-Net",
    ]);
    await page.getByRole("slider", { name: /^Columns of k-space/ }).focus();
    await page.keyboard.press("Home");
    await page.keyboard.press("Space");
    await eventually(() => page.locator("h2", { hasText: "is measured" }).textContent()).toMatch(
      /26\.6 %/,
    );
    await page.waitForURL(/mask=drawn/);
    const list = page.locator(".mask-tools input");
    expect(await list.inputValue()).toMatch(/^0,/);
    await list.fill("24-39");
    await list.press("Enter");
    await settled(page);
    const drawn = await tableOf(page, "What is made of 25.0 %");
    const saved = page.waitForEvent("download");
    await press(page, "Save mask.png");
    await (await saved).saveAs(at("mask.png"));
    const line = (await page.locator(".command code").first().textContent())!;
    for (const [method, row] of [
      ["total-variation", 1],
      ["zero-filled", 0],
      ["network", 2],
    ] as const) {
      const words = line.replace("total-variation", method).split(" ").slice(2);
      const placed = words.map((word) => (/^(images|mask\.png)$/.test(word) ? at(word) : word));
      const run = fiducial([...placed, "--json"]);
      const { images } = JSON.parse(run.out) as { images: { psnr: number; ssim: number }[] };
      expect(drawn[row].slice(1, 3)).toEqual([
        images[0].psnr.toFixed(2),
        images[0].ssim.toFixed(3),
      ]);
    }
    await press(page, "Clear");
    await eventually(() => page.locator(".empty .failure").textContent()).toMatch(
      /measures nothing/,
    );
    await press(page, "Back to the networks’ own mask");
    await eventually(() => tableOf(page, "What is made of")).toEqual(before);
    // sixteen columns in the middle are the preset's, too
    await visit(page, lab.url, "break/kspace?size=64&mask=centre");
    await eventually(() => tableOf(page, "What is made of")).toEqual(drawn);
    await page.context().close();
  });

  it("loses a tumour here and keeps it there, at twenty places with an interval, as the command line does", async () => {
    const page = await lab.open(`break/tumour?${quick}`);
    const caption = /^This tumour/;
    const before = await tableOf(page, caption);
    expect(before.map((row) => row[0])).toEqual(names);
    // the score hardly moves
    for (const row of before) expect(numberOf(row[2]) - numberOf(row[3])).toBeLessThan(1);
    await page.getByRole("application", { name: /tumour/ }).focus();
    await page.keyboard.press("ArrowUp");
    await page.keyboard.press("Shift+ArrowRight");
    await eventually(() => tableOf(page, caption)).not.toEqual(before);
    await page.waitForURL(/row=\d+&column=\d+/);
    await press(page, "Try 20 places");
    await finished(page);
    const rows = await tableOf(page, /^20 places/);
    const test = await repeated(page, "structural-change");
    for (const [i, name] of names.entries()) {
      const found = test.measurements.find(
        (m) => m.method === name && m.label === "2.5 px, contrast 0.2",
      );
      const { recovered, low, high, lost, shares } = found!.detail!;
      const percent = (v: number, digits: number): string => `${(100 * v).toFixed(digits)} %`;
      expect(rows[i].slice(0, 4)).toEqual([
        ...[name, percent(recovered, 1), `${percent(low!, 0)} to ${percent(high!, 0)}`],
        `${lost} of ${shares!.length}`,
      ]);
    }
    await page.context().close();
  });

  it("measures less and more of k-space as the command line does, with a band", async () => {
    const page = await lab.open(`break/rates?${quick}&images=2`);
    await press(page, "Measure less and more");
    await finished(page);
    const rows = await tableOf(page, "PSNR, mean and its interval");
    const { rates = [] } = await repeated(page, "sampling-rates");
    for (const name of names)
      for (const row of rows.filter((r) => r[0] === name)) {
        const own = rates.filter(
          (s) => s.method === name && `${(100 * s.rate).toFixed(0)} %` === row[1],
        );
        const values = own.flatMap((s) => s.psnr);
        expect(row[2]).toBe((values.reduce((a, b) => a + b, 0) / values.length).toFixed(2));
        expect(row[4]).toBe(String(values.length));
      }
    await page.context().close();
  });

  it("opens scans and networks of the visitor's, and refuses what it cannot take in a sentence", async () => {
    const page = await lab.open(`break/attack?${quick}&image=own&network=own`);
    expect(await page.locator(".failure").first().textContent()).toMatch(/open it again/);
    const said = (label: string): Promise<string | null> =>
      page
        .locator(".control", { has: page.getByLabel(label) })
        .getByRole("status")
        .textContent();
    const open = async (label: string, path: string): Promise<void> =>
      page.getByLabel(label).setInputFiles(path);
    writeFileSync(at("huge.nii"), "");
    truncateSync(at("huge.nii"), 2 ** 31);
    await open("Open a scan", at("huge.nii"));
    await eventually(() => said("Open a scan")).toMatch(
      /huge\.nii has 2147 MB, which a page has no room for/,
    );
    writeFileSync(at("notes.txt"), "no scan at all");
    await open("Open a scan", at("notes.txt"));
    await eventually(() => said("Open a scan")).toMatch(/notes\.txt/);
    await open("Open a network", at("notes.txt"));
    await eventually(() => said("Open a network")).toMatch(/notes\.txt/);
    const classifier = nn.sequential({
      input: [1, 8, 8],
      seed: 1,
      layers: [nn.flatten(), nn.linear({ outFeatures: 3 })],
    });
    writeFileSync(at("classifier.safetensors"), saveNetwork(classifier));
    await open("Open a network", at("classifier.safetensors"));
    await eventually(() => said("Open a network")).toMatch(
      /a reconstruction network maps complex images/,
    );
    const scan = fileURLToPath(new URL("../docs/images/kernels.png", import.meta.url));
    await open("Open a scan", scan);
    await eventually(() => said("Open a scan")).toMatch(/kernels\.png: \d+×\d+/);
    await open(
      "Open a network",
      fileURLToPath(new URL("../weights/lab-unet.safetensors", import.meta.url)),
    );
    await eventually(() => said("Open a network")).toMatch(/parameters, made for 64×64/);
    await settled(page);
    expect((await tableOf(page, "What each method makes")).map((row) => row[0])).toEqual(names);
    await page.context().close();
  });

  it("works from a static host, on one thread, and says so", async () => {
    const host = await hostOf();
    const elsewhere = await openLab(host.url);
    const page = await elsewhere.open("break/kspace?size=64");
    expect((await tableOf(page, "What is made of")).map((row) => row[0])).toContain(
      "small cascade",
    );
    await eventually(() => page.locator("footer").textContent()).toMatch(
      /1 thread\..*not cross-origin isolated/,
    );
    await elsewhere.close();
    host.close();
  });

  it("names the source of what it does not compute, and has it right", () => {
    const page = readFileSync(new URL("../docs/remedies.md", import.meta.url), "utf8");
    const told = page.split("\n").filter((line) => /^\| (U-Net|total|zero)/.test(line));
    const rows = told.map((line) => line.split("|").map((cell) => cell.trim()));
    expect(trainedRemedies).toEqual(
      rows.map((cells) => ({
        name: cells[1],
        psnr: Number(cells[2]),
        worst: Number(cells[4]),
        change: Number(cells[7]),
      })),
    );
    expect(evidenceSource).toMatch(/docs\/remedies\.md/);
  });

  for (const colorScheme of ["light", "dark"] as const)
    for (const width of [360, 1280])
      it(`has nothing that axe objects to, ${colorScheme}, ${width} pixels wide, and fits the screen`, async () => {
        const viewport = { width, height: 800 };
        const page = await lab.open(`break/kspace?${quick}`, {
          colorScheme,
          viewport,
          reducedMotion: "reduce",
        });
        for (const section of breakSections) {
          await visit(page, lab.url, `break/${section}?${quick}`);
          await expectForEverybody(page, width, section);
        }
        await page.context().close();
      });

  it("asks nobody but itself for anything, and has nothing to complain of", () => {
    expect(lab.strangers).toEqual([]);
    expect(lab.complaints).toEqual([]);
  });
});
