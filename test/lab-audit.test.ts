// /audit gives the very result of the command line, and section 15 trains its very networks.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { loadNetwork } from "fiducial/learning";
import type { Page } from "playwright-core";
import {
  chromium,
  eventually,
  expectForEverybody,
  finished,
  numberOf,
  openLab,
  press,
  quick,
  settled,
  tableOf,
  type Lab,
} from "./lab-page.ts";
import { fiducial } from "./program.ts";

vi.setConfig({ testTimeout: 1_500_000 });
const folder = mkdtempSync(join(tmpdir(), "fiducial-lab-audit-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const at = (name: string): string => join(folder, name);

async function saved(page: Page, button: string, name: string): Promise<string> {
  const waiting = page.waitForEvent("download");
  await page.getByRole("button", { name: button }).first().click();
  await (await waiting).saveAs(at(name));
  return at(name);
}
/** The words of a command line that the page prints, without "npx fiducial". */
async function printed(page: Page, within: string): Promise<string[]> {
  const line = (await page.locator(`${within} .command code`).first().textContent())!;
  expect(line).toMatch(/^npx fiducial /);
  return line.split(" ").slice(2);
}

describe.runIf(chromium)("an audit in the lab", () => {
  let lab: Lab;
  let page: Page;
  beforeAll(async () => {
    lab = await openLab();
  });
  afterAll(async () => {
    await lab?.close();
  });

  it("writes the command line's result, byte for byte, which the command line reads back", async () => {
    page = await lab.open(`audit/audit?${quick}`);
    await press(page, "Run the audit");
    await finished(page);
    const result = await saved(page, "Save result.json", "result.json");
    const run = fiducial([...(await printed(page, "main")), "--out", at("own"), "--threads", "2"]);
    expect(run.status, run.err).toBe(0);
    expect(readFileSync(result, "utf8")).toBe(readFileSync(join(at("own"), "result.json"), "utf8"));
    const again = fiducial(["report", result, "--out", at("again")]);
    expect(again.status, again.err).toBe(0);
    const report = readFileSync(await saved(page, "Save report.html", "report.html"), "utf8");
    const figures = (html: string): string[] => html.match(/\d+\.\d+ dB/g) ?? [];
    expect(figures(report).length).toBeGreaterThan(10);
    expect(figures(report)).toEqual(
      figures(readFileSync(join(at("again"), "report.html"), "utf8")),
    );
  });

  it("shows the report with the project's own renderer, in its own style", async () => {
    const report = page.locator(".report");
    expect(await report.locator("h1").textContent()).toBe("Can this reconstruction be trusted?");
    expect(await report.locator("svg").count()).toBeGreaterThan(0);
    const grid = report.locator(".grid").first();
    expect(await grid.evaluate((e) => getComputedStyle(e).display)).toBe("grid");
    const claims = await tableOf(page, "What this audit says");
    expect(claims.length).toBeGreaterThanOrEqual(6);
    await page.getByLabel("Verdicts", { exact: true }).selectOption("pass");
    await eventually(async () => (await tableOf(page, "What this audit says")).length).toBeLessThan(
      claims.length,
    );
    for (const row of await tableOf(page, "What this audit says")) expect(row[1]).toBe("✓ pass");
    await page.getByLabel("Verdicts", { exact: true }).selectOption("all");
  });

  for (const width of [360, 800, 1280])
    it(`has every verdict in sight, ${width} pixels wide, and nothing to scroll sideways for it`, async () => {
      await page.setViewportSize({ width, height: 800 });
      for (const [table, verdicts, least] of [
        [page.getByLabel("What this audit says"), "td:nth-child(2)", 6],
        [page.locator(".report .scroll").first(), ".chip", 3],
      ] as const) {
        const { hidden, count } = await table.evaluate((box, selector) => {
          const edge = box.getBoundingClientRect().left + box.clientWidth;
          const rights = [...box.querySelectorAll(selector)].map(
            (cell) => cell.getBoundingClientRect().right,
          );
          return { hidden: rights.filter((right) => right > edge).length, count: rights.length };
        }, verdicts);
        expect(count).toBeGreaterThanOrEqual(least);
        expect(hidden).toBe(0);
      }
    });

  for (const colorScheme of ["light", "dark"] as const)
    for (const width of [360, 1280])
      it(`has nothing that axe objects to with its report, ${colorScheme}, ${width} pixels wide`, async () => {
        await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
        await page.setViewportSize({ width, height: 800 });
        await expectForEverybody(page, width, "audit");
      });

  it("opens two results, says in what they differ, and refuses what is none in a sentence", async () => {
    const other = await lab.open(`audit/audit?${quick}`);
    const opener = other.getByLabel("Open a result");
    const said = (): Promise<string | null> =>
      other.locator(".control", { has: opener }).getByRole("status").textContent();
    writeFileSync(at("notes.json"), "{}");
    await opener.setInputFiles(at("notes.json"));
    await eventually(said).toMatch(/notes\.json: it is no result of an audit/);
    const whole = readFileSync(at("result.json"), "utf8");
    writeFileSync(at("changed.json"), whole.replace('"seed":1', '"seed":2'));
    await opener.setInputFiles(at("changed.json"));
    await eventually(said).toMatch(/does not fit its SHA-256/);
    await opener.setInputFiles(at("result.json"));
    await eventually(said).toMatch(/result\.json: \d+ verdicts/);
    const second = fiducial([
      "audit",
      ...(await printed(page, "main")).slice(1),
      "--noise",
      "0.02",
      "--out",
      at("noisy"),
    ]);
    expect(second.status, second.err).toBe(0);
    await other.getByLabel("And another").setInputFiles(join(at("noisy"), "result.json"));
    await settled(other);
    await eventually(async () =>
      (await tableOf(other, "In what the audits differ")).map((row) => row[0]),
    ).toContain("noise.sigma");
    await other.context().close();
  });

  it("trains a remedy live, and its command line trains the same network to the bit", async () => {
    const live = await lab.open(`break/remedies?${quick}&trained=jitter&epochs=1`);
    const section = '[aria-label="Train one here"]';
    await press(live, "Train it");
    await finished(live, section);
    const [row] = await tableOf(live, "Trained here");
    const own = await saved(live, "Save jitter.safetensors", "page.safetensors");
    const words = await printed(live, section);
    const run = fiducial([
      ...words.map((word) => (word === "jitter.safetensors" ? at(word) : word)),
      "--json",
    ]);
    expect(run.status, run.err).toBe(0);
    const [page1, command] = [own, at("jitter.safetensors")].map((path) =>
      loadNetwork(readFileSync(path), path),
    );
    for (const [name, { data }] of command.parameters)
      expect(page1.parameters.get(name)!.data).toEqual(data);
    const { heldOutPsnr } = JSON.parse(run.out) as { heldOutPsnr: Record<string, number> };
    expect(numberOf(row[1])).toBeCloseTo(heldOutPsnr["U-Net"], 2);
    expect(numberOf(row[4])).toBeGreaterThan(0);
    await live.context().close();
  });

  it("compares seven remedies as its command line does", async () => {
    const compared = await lab.open(`break/remedies?${quick}`);
    await press(compared, "Compare 7 methods");
    // the smoothed one, the last, takes as long as all others
    await eventually(async () => (await tableOf(compared, "Computed here")).length).toBe(6);
    await press(compared, "Stop");
    const rows = await tableOf(compared, "Computed here");
    const run = fiducial([
      ...(await printed(compared, "main")),
      "--out",
      at("remedies"),
      "--threads",
      "2",
    ]);
    expect(run.status, run.err).toBe(0);
    const { tests } = JSON.parse(readFileSync(join(at("remedies"), "result.json"), "utf8"));
    const { measurements } = tests.find(
      ({ id }: { id: string }) => id === "instability-ascent",
    ) as {
      measurements: { method: string; psnr: { before: number; after: number } }[];
    };
    for (const { method, psnr } of measurements) {
      const shown = rows.find((row) => row[0] === method);
      expect(shown?.slice(1, 3), method).toEqual([psnr.before.toFixed(2), psnr.after.toFixed(2)]);
    }
    expect(measurements).toHaveLength(5);
    await compared.context().close();
  });

  it("asks nobody but itself for anything, and has nothing to complain of", () => {
    expect(lab.strangers).toEqual([]);
    expect(lab.complaints).toEqual([]);
  });
});
