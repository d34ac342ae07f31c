// The lab with its gradients on a graphics card: the choice, what it finds beside WebAssembly, and
// what it says where there is no card or it is lost.
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { Page } from "playwright-core";
import { withAdapter } from "./gpu/page.mjs";
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

// a processor plays the card, on a machine that may be busy
vi.setConfig({ testTimeout: 1_500_000 });

/** A search and a longer training take a processor that plays a card minutes: only when asked. */
const all = process.env.LAB_WEBGPU === "all";
const choice = (page: Page): ReturnType<Page["getByLabel"]> => page.getByLabel("Gradients on");
const commandOf = (page: Page): Promise<string | null> =>
  page.locator(".command code").first().textContent();
const phase = (page: Page): ReturnType<Page["locator"]> =>
  page.locator("main [data-phase]").first();
/** 50 pictures, a small network: four steps. */
const small = "samples=50&batch=25&epochs=2&kernels=2&convolutions=1";

/** Costs and shares of every epoch of section 10. */
async function epochsOf(page: Page): Promise<number[][]> {
  const rows = await tableOf(page, "Epoch by epoch");
  return rows.map((row) => row.map((cell) => numberOf(cell.replace("%", ""))));
}
/** Trains in section 10 on a backend, to the end. */
async function trained(lab: Lab, backend: string): Promise<number[][]> {
  const page = await lab.open(`train?${small}&backend=${backend}`);
  await press(page, "Train");
  await finished(page);
  expect(await phase(page).getAttribute("data-phase")).toBe("done");
  const epochs = await epochsOf(page);
  await page.context().close();
  return epochs;
}
/** Until r₁ of the first method is found. */
async function firstFound(page: Page): Promise<void> {
  const most = { timeout: 700_000, interval: 300 };
  const rows = async (): Promise<number> => (await tableOf(page, "What is left")).length;
  await expect.poll(rows, most).toBeGreaterThanOrEqual(2);
}
/** In the page's worker: keeps its devices, and takes adapters away where it is told to. */
const watchDevices = `(() => {
  globalThis.devices = [];
  const { requestDevice } = GPUAdapter.prototype;
  GPUAdapter.prototype.requestDevice = async function (...args) {
    const device = await requestDevice.apply(this, args);
    devices.push(device);
    return device;
  };
  const { requestAdapter } = GPU.prototype;
  GPU.prototype.requestAdapter = async function (...args) {
    return globalThis.isGone ? null : requestAdapter.apply(this, args);
  };
})()`;
const inWorker = (page: Page, code: string): Promise<unknown> => page.workers()[0].evaluate(code);

describe.runIf(chromium)("the lab where a page has no graphics card", () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await openLab();
  });
  afterAll(async () => {
    await lab?.close();
  });

  it("offers none, and computes on the processor", async () => {
    const page = await lab.open(`break/attack?${quick}`);
    expect(await choice(page).count()).toBe(0);
    expect(await commandOf(page)).not.toMatch(/--backend/);
    await page.context().close();
  });

  it("says so where the address asks for one, and goes back to the processor", async () => {
    const page = await lab.open(`break/attack?${quick}&backend=webgpu`);
    const said = page.locator(".card [role=alert]");
    await eventually(() => said.textContent()).toMatch(/no graphics card .* choose the processor/);
    await expectForEverybody(page, 1280, "attack");
    await press(page, "Search for the worst");
    await finished(page);
    expect(await phase(page).getAttribute("data-phase")).toBe("failed");
    expect(await phase(page).textContent()).toMatch(/no graphics adapter/);
    await choice(page).selectOption("wasm");
    await eventually(() => choice(page).count()).toBe(0);
    await page.waitForURL((url) => !url.hash.includes("backend"));
    await page.context().close();
  });

  it("has nothing to complain of", () => {
    expect(lab.complaints).toEqual([]);
    expect(lab.strangers).toEqual([]);
  });
});

describe.runIf(chromium)("the lab on the adapter that Chromium brings", () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await openLab(undefined, withAdapter);
  });
  afterAll(async () => {
    await lab?.close();
  });

  it("offers it and leaves it alone unless it is chosen; then says its name, and the command has it", async () => {
    const page = await lab.open(`audit/audit?${quick}`);
    await choice(page).waitFor();
    expect(await choice(page).inputValue()).toBe("wasm");
    expect(await commandOf(page)).not.toMatch(/--backend/);
    await choice(page).selectOption("webgpu");
    await eventually(() => page.locator(".card .note").textContent()).toMatch(/^On \w.*slow\.$/);
    expect(await commandOf(page)).toMatch(/ --backend webgpu /);
    await page.waitForURL(/backend=webgpu/);
    // it goes along to the other sections
    await page.goto(page.url().replace("audit/audit", "break/remedies"));
    await settled(page);
    for (const line of await page.locator(".command .line code").allTextContents())
      expect(line).toMatch(/ --backend webgpu /);
    await page.context().close();
  });

  it("has nothing that axe objects to, light and dark, 360 and 1280 pixels wide", async () => {
    const page = await lab.open(`break/attack?${quick}&backend=webgpu`);
    await page.locator(".card .note").waitFor();
    for (const colorScheme of ["light", "dark"] as const)
      for (const width of [360, 1280]) {
        await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
        await page.setViewportSize({ width, height: 800 });
        await expectForEverybody(page, width, `attack, ${colorScheme}, ${width}`);
      }
    await page.context().close();
  });

  it.runIf(all)(
    "searches as WebAssembly does: what the card finds for the network leaves as much",
    async () => {
      const found: Record<string, string[][]> = {};
      for (const backend of ["wasm", "webgpu"]) {
        const page = await lab.open(`break/attack?${quick}&backend=${backend}`);
        await press(page, "Search for the worst");
        // total variation, the next method, takes a processor that plays a card many minutes
        await firstFound(page);
        found[backend] = (await tableOf(page, "What is left")).slice(0, 2);
        await press(page, "Stop");
        await page.context().close();
      }
      const { wasm, webgpu } = found;
      // unperturbed: measured on the processor by both
      expect(webgpu[0]).toEqual(wasm[0]);
      expect(webgpu[1].slice(0, 3)).toEqual(wasm[1].slice(0, 3));
      const [card, own] = [webgpu[1], wasm[1]].map((row) => row.slice(3, 6).map(numberOf));
      for (const [k, v] of card.entries()) expect(Math.abs(v - own[k])).toBeLessThan(0.02);
    },
  );

  it("trains as WebAssembly does", async () => {
    const [wasm, card] = [await trained(lab, "wasm"), await trained(lab, "webgpu")];
    expect(card.length).toBe(2);
    for (const [e, row] of card.entries())
      for (const [k, v] of row.entries())
        expect(Math.abs(v - wasm[e][k])).toBeLessThanOrEqual(1e-3 * Math.abs(wasm[e][k]));
  });

  it.runIf(all)("trains with a remedy as WebAssembly does", async () => {
    const rows: number[][] = [];
    for (const backend of ["wasm", "webgpu"]) {
      const page = await lab.open(`break/remedies?${quick}&epochs=1&backend=${backend}`);
      await press(page, "Train it");
      await finished(page, '[aria-label="Train one here"]');
      const [row] = await tableOf(page, "Trained here");
      expect(row[0]).toBe(`none, 1 epochs, seed 1${backend === "webgpu" ? ", on the card" : ""}`);
      rows.push(row.slice(1).map(numberOf));
      await page.context().close();
    }
    for (const [k, v] of rows[1].entries()) expect(Math.abs(v - rows[0][k])).toBeLessThan(0.03);
  });

  it("goes on to the same end when the card's device is lost, and says it where none is left", async () => {
    const whole = await trained(lab, "webgpu");
    const page = await lab.open(`train?${small}`);
    await inWorker(page, watchDevices);
    await choice(page).selectOption("webgpu");
    await page.locator(".card .note").waitFor();
    await press(page, "One step");
    await eventually(() => phase(page).getAttribute("data-phase")).toBe("paused");
    await inWorker(page, "devices.at(-1).destroy()");
    await press(page, "Go on");
    await eventually(() => phase(page).textContent()).toBe("Done: 4 steps.");
    expect(await epochsOf(page)).toEqual(whole);
    expect(await inWorker(page, "devices.length")).toBe(2);
    await inWorker(page, "isGone = true; devices.at(-1).destroy()");
    await press(page, "Start again");
    await press(page, "Train");
    await eventually(() => phase(page).getAttribute("data-phase")).toBe("failed");
    expect(await phase(page).textContent()).toMatch(/was lost .* there is no other/);
    // and computes again once it is back
    await inWorker(page, "isGone = false");
    await press(page, "Train");
    await eventually(() => phase(page).textContent()).toBe("Done: 4 steps.");
    expect(await epochsOf(page)).toEqual(whole);
    await page.context().close();
  });

  it("asks nobody but itself for anything, and has nothing to complain of", () => {
    expect(lab.strangers).toEqual([]);
    expect(lab.complaints).toEqual([]);
  });
});
