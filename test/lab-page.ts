// The lab as a visitor has it: served by the command line, opened in Chromium.
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";

const root = fileURLToPath(new URL("..", import.meta.url));
export const chromium: string | undefined = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
].find((path) => existsSync(path));
if (!chromium)
  console.warn("Skipped: the lab, because no Chromium is installed (apt-get install chromium)");

export interface Lab {
  readonly url: string;
  /**
   * A page at a section's address, "slide?stride=2" of /inside or "break/attack", when the engine
   * has answered.
   */
  open(at: string, options?: BrowserContextOptions): Promise<Page>;
  /** Addresses asked for that are not the lab's, and what the pages complained of. */
  readonly strangers: string[];
  readonly complaints: string[];
  close(): Promise<void>;
}

async function served(): Promise<{ server: ChildProcess; url: string }> {
  const server = spawn(process.execPath, [
    join(root, "dist/cli/main.js"),
    "lab",
    "--port",
    "0",
    "--json",
  ]);
  const line = await new Promise<string>((resolve, reject) => {
    let said = "";
    server.stdout!.on("data", (data: Buffer) => resolve(String(data)));
    server.stderr!.on("data", (data: Buffer) => {
      said += String(data);
    });
    server.on("exit", () => reject(new Error(`fiducial lab ended: ${said}`)));
  });
  return { server, url: (JSON.parse(line) as { url: string }).url };
}

const types: Readonly<Record<string, string>> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
};
/** The files of the lab from a static host, under a folder, with `headers` or none. */
export async function hostOf(
  headers: Readonly<Record<string, string>> = {},
): Promise<{ url: string; close(): void }> {
  const server = createServer(({ url = "/" }, response) => {
    const path = url.replace(/^\/sub\//, "/").replace(/\/$/, "/index.html");
    const type = types[extname(path)] ?? "application/octet-stream";
    response
      .writeHead(200, { ...headers, "Content-Type": type })
      .end(readFileSync(join(root, "lab/dist", path)));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  return { url: `http://127.0.0.1:${port}/sub/`, close: () => void server.close() };
}

/** Waits for what a page comes to show, however busy the machine is. */
export const eventually = <T>(read: () => Promise<T> | T): ReturnType<typeof expect.poll<T>> =>
  expect.poll(read, { timeout: 120_000 });
/** Until the engine has answered all that the page asked. */
export async function settled(page: Page): Promise<void> {
  await page.locator("h1").first().waitFor();
  // a change asks the engine a moment after it was made: nothing must be asked for some looks
  let quiet = 0;
  await eventually(async () => {
    const asked = await page.locator(".waiting, [data-busy]").count();
    quiet = asked === 0 ? quiet + 1 : 0;
    return quiet;
  }).toBeGreaterThan(4);
}

export async function visit(page: Page, url: string, at: string): Promise<void> {
  await page.goto(`${url}#/${at.includes("/") ? at : `inside/${at}`}`);
  await settled(page);
}

/**
 * `elsewhere` is an address where the lab's files are served by something else; `args` are more of
 * Chromium's.
 */
export async function openLab(elsewhere?: string, args: readonly string[] = []): Promise<Lab> {
  const { server, url } =
    elsewhere === undefined ? await served() : { server: undefined, url: elsewhere };
  const { chromium: browsers } = await import("playwright-core");
  const browser: Browser = await browsers.launch({
    executablePath: chromium!,
    args: ["--no-sandbox", "--disable-gpu", ...args],
  });
  const strangers: string[] = [];
  const complaints: string[] = [];
  return {
    url,
    strangers,
    complaints,
    async open(at, options = {}) {
      const context = await browser.newContext({
        viewport: { width: 1280, height: 900 },
        ...options,
      });
      const page = await context.newPage();
      page.setDefaultTimeout(120_000);
      page.on("request", (request) => {
        if (!request.url().startsWith(url) && !/^(data|blob):/.test(request.url()))
          strangers.push(request.url());
      });
      page.on("console", (message) => {
        if (message.type() === "error" || message.type() === "warning")
          complaints.push(message.text());
      });
      page.on("pageerror", (error) => complaints.push(error.message));
      await visit(page, url, at);
      return page;
    },
    async close() {
      await browser.close();
      server?.kill("SIGINT");
    },
  };
}

/** A number as the page writes it: "−1.5·10⁻⁴". */
export function numberOf(text: string | null): number {
  const raised = "⁻⁰¹²³⁴⁵⁶⁷⁸⁹";
  const [mantissa, exponent = ""] = (text ?? "").replace("−", "-").split("·10");
  const power = [...exponent].map((c) => [..."-0123456789"][raised.indexOf(c)]).join("");
  return Number(power === "" ? mantissa : `${mantissa}e${power}`);
}
/** The cells of a table by its caption, row after row, without its head. */
export async function tableOf(page: Page, caption: string | RegExp): Promise<string[][]> {
  const table = page.locator("table", { has: page.locator("caption", { hasText: caption }) });
  const rows = table.locator("tbody tr");
  // the page may still be at the answer before
  await rows.first().waitFor({ state: "attached", timeout: 120_000 });
  return rows.evaluateAll((all) =>
    all.map((row) => [...row.children].map((cell) => cell.textContent ?? "")),
  );
}
/** The numbers of a grid by its name, row after row. */
export async function gridOf(page: Page, label: string): Promise<number[][]> {
  const rows = page.locator(`[aria-label="${label}"] tr`);
  const texts = await rows.evaluateAll((all) =>
    all.map((row) => [...row.children].map((cell) => cell.textContent)),
  );
  return texts.map((row) => row.map(numberOf));
}
/** Types a number into a cell, as a visitor at the keyboard does. */
export async function typeInto(
  page: Page,
  label: string,
  place: readonly [number, number],
  text: string,
): Promise<void> {
  await page.locator(`[aria-label="${label}"] [data-place="${place.join(" ")}"]`).focus();
  await page.keyboard.press("Enter");
  await page.keyboard.insertText(text);
  await page.keyboard.press("Enter");
}

export const insideSections = [
  ...[
    "slide",
    "kernels",
    "learned",
    "channels",
    "pool",
    "node",
    "layers",
    "cost",
    "backprop",
    "train",
  ],
] as const;
export const breakSections = ["kspace", "attack", "tumour", "rates", "remedies"] as const;
/** The least that sections 11 to 16 can be asked for. */
export const quick = "size=64&network=unet&steps=5";
export const press = (page: Page, label: string): Promise<void> =>
  page.getByRole("button", { name: label }).click();
/** Until a search, sweep or training has ended. */
export async function finished(page: Page, within = "main"): Promise<void> {
  const phase = page.locator(`${within} [data-phase]`).first();
  const most = { timeout: 750_000, interval: 300 };
  await expect.poll(() => phase.getAttribute("data-phase"), most).not.toMatch(/running|drawing/);
  await settled(page);
}

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
interface Violation {
  readonly id: string;
  readonly nodes: readonly { readonly html: string }[];
}
/** What axe objects to. */
export async function violations(page: Page): Promise<string[]> {
  await page.evaluate(axe);
  const found = (await page.evaluate("axe.run()")) as { violations: Violation[] };
  return found.violations.map(
    (v) => `${v.id}: ${v.nodes.map((n) => n.html.slice(0, 160)).join(" | ")}`,
  );
}
/** Everything that holds of every section, whatever the screen. */
export async function expectForEverybody(page: Page, width: number, at: string): Promise<void> {
  expect(await violations(page), at).toEqual([]);
  // axe passes a canvas without a name
  const nameless = await page
    .locator("canvas")
    .evaluateAll(
      (all) =>
        all.filter((c) => c.getAttribute("role") !== "img" || !c.getAttribute("aria-label")).length,
    );
  expect(nameless, at).toBe(0);
  expect(await page.locator("main table:has(caption)").count(), at).toBeGreaterThan(0);
  expect(await page.evaluate("document.documentElement.scrollWidth"), at).toBeLessThanOrEqual(
    width,
  );
  expect(await page.evaluate("document.getAnimations().length"), at).toBe(0);
}

export const focused = (page: Page): Promise<string> =>
  page.evaluate(
    "(document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.textContent ?? '').trim()",
  );
/** Presses Tab until the focus is on what is looked for. */
export async function tabTo(page: Page, wanted: RegExp, most = 400): Promise<void> {
  for (let i = 0; i < most; i++) {
    if (wanted.test(await focused(page))) return;
    await page.keyboard.press("Tab");
  }
  throw new Error(
    `${wanted} is not reached by the keyboard; the focus is on "${await focused(page)}"`,
  );
}
