// The lab for everybody: by keyboard, by screen reader, on phones, in the dark, without motion; and
// nothing of it leaves the visitor's machine.
import { readFileSync } from "node:fs";
import { createServer, request, type Server } from "node:http";
import { createRequire } from "node:module";
import { gzipSync } from "node:zlib";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { chromium, eventually, gridOf, openLab, settled, visit, type Lab } from "./lab-page.ts";

const sections = ["slide", "kernels", "learned", "channels", "pool", "node", "layers", "cost", "backprop", "train"];
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
interface Violation {
  readonly id: string;
  readonly nodes: readonly { readonly html: string }[];
}
async function violations(page: Page): Promise<string[]> {
  await page.evaluate(axe);
  const found = (await page.evaluate("axe.run()")) as { violations: Violation[] };
  return found.violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html.slice(0, 120)).join(" | ")}`);
}
/** Every canvas says what it is, and there is a table of numbers beside it. */
const namelessCanvases = (page: Page): Promise<number> =>
  page
    .locator("canvas")
    .evaluateAll((all) => all.filter((c) => c.getAttribute("role") !== "img" || !c.getAttribute("aria-label")).length);
const focused = (page: Page): Promise<string> =>
  page.evaluate(
    "(document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.textContent ?? '').trim()",
  );
/** Presses Tab until the focus is on what is looked for. */
async function tabTo(page: Page, wanted: RegExp, most = 120): Promise<void> {
  for (let i = 0; i < most; i++) {
    if (wanted.test(await focused(page))) return;
    await page.keyboard.press("Tab");
  }
  throw new Error(`${wanted} is not reached by the keyboard; the focus is on "${await focused(page)}"`);
}

describe.runIf(chromium)("the lab, for everybody", () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await openLab();
  });
  afterAll(async () => {
    await lab?.close();
  });

  for (const colorScheme of ["light", "dark"] as const)
    for (const width of [360, 1280])
      it(`has nothing that axe objects to, ${colorScheme}, ${width} pixels wide, and fits the screen`, async () => {
        const page = await lab.open("slide", {
          colorScheme,
          viewport: { width, height: 800 },
          reducedMotion: "reduce",
        });
        for (const section of sections) {
          await visit(page, lab.url, section);
          expect(await page.locator("main table:has(caption)").count(), section).toBeGreaterThan(0);
          expect(await violations(page), section).toEqual([]);
          expect(await namelessCanvases(page), section).toBe(0);
          expect(await page.evaluate("document.documentElement.scrollWidth"), section).toBeLessThanOrEqual(width);
          expect(await page.evaluate("document.getAnimations().length"), section).toBe(0);
        }
        await page.goto(`${lab.url}#/sheet`);
        await settled(page);
        expect(await violations(page), "sheet").toEqual([]);
        await page.context().close();
      });

  it("is gone through by the keyboard alone, from the first section to the last", async () => {
    const page = await lab.open("slide");
    const titles: (string | null)[] = [];
    for (const section of sections) {
      await settled(page);
      expect(page.url()).toContain(`#/inside/${section}`);
      titles.push(await page.locator("h1").textContent());
      // a question is answered
      const choices = await page.locator(".option").allTextContents();
      await tabTo(page, /^Skip to the section$/, 400);
      await page.keyboard.press("Enter");
      await page.keyboard.press("Tab");
      await page.keyboard.press("Space");
      expect(await page.locator(".option input").first().isChecked(), choices[0]).toBe(true);
      await eventually(() => page.locator(".because").textContent()).toMatch(/Yes|No/);
      if (section === "slide") await moveTheKernel(page);
      if (section === "train") break;
      await tabTo(page, /→$/, 400);
      while (!(await page.evaluate("document.activeElement.closest('.onward') !== null"))) {
        await page.keyboard.press("Tab");
        await tabTo(page, /→$/, 400);
      }
      await page.keyboard.press("Enter");
      await eventually(() => page.url()).not.toContain(`#/inside/${section}`);
      // the next section's heading is there, and has the focus
      await eventually(() => page.locator("h1").textContent()).not.toBe(titles.at(-1));
      await eventually(() => page.evaluate("document.activeElement.tagName")).toBe("H1");
    }
    expect(new Set(titles).size).toBe(10);
    await page.context().close();
  });
  /** Arrows move it, a number is typed into it. */
  async function moveTheKernel(page: Page): Promise<void> {
    await tabTo(page, /^−?\d+$/);
    const kernel = page.locator('[aria-label="kernel 1"]');
    while (!(await kernel.evaluate((grid) => grid.contains(document.activeElement)))) await page.keyboard.press("Tab");
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("Enter");
    await page.keyboard.insertText("2");
    await page.keyboard.press("Enter");
    await eventually(() => gridOf(page, "output of kernel 1")).toEqual(
      Array.from({ length: 4 }, () => [20, 50, 30, 0]),
    );
    await page.keyboard.press("Tab");
    await page.keyboard.press("ArrowDown");
    await eventually(() => page.locator("h2", { hasText: "products at" }).textContent()).toMatch(/row 2/);
  }

  it("looks the same twice, and not so with the kernel's sign turned", async () => {
    const looks = async (section: string): Promise<string> => {
      const page = await lab.open(section);
      const picture = await page.locator("main").screenshot();
      await page.context().close();
      return picture.toString("base64");
    };
    for (const section of sections) {
      const first = await looks(section);
      expect(first === (await looks(section)), section).toBe(true);
    }
    const turned = "slide?kernels=-1_0_1_-1_0_1_-1_0_1";
    expect((await looks(turned)) === (await looks("slide"))).toBe(false);
  });

  it("asks nobody but itself for anything, and has nothing to complain of", () => {
    expect(lab.strangers).toEqual([]);
    expect(lab.complaints).toEqual([]);
  });
});

const answered = (url: string, options: object): Promise<{ status: number; headers: object; body: string }> =>
  new Promise((resolve, reject) => {
    const asked = request(url, options, (response) => {
      let body = "";
      response.on("data", (data: Buffer) => {
        body += String(data);
      });
      response.on("end", () => resolve({ status: response.statusCode!, headers: response.headers, body }));
    });
    asked.on("error", reject);
    asked.end();
  });

describe.runIf(chromium)("fiducial lab", () => {
  const dist = fileURLToPath(new URL("../lab/dist", import.meta.url));
  let lab: Lab;
  beforeAll(async () => {
    lab = await openLab();
  });
  afterAll(async () => {
    await lab?.close();
  });
  it("serves its own files on this machine alone, isolated, under the policy that the page states too", async () => {
    const { status, headers, body } = await answered(lab.url, {});
    expect(status).toBe(200);
    expect(headers).toMatchObject({
      "cross-origin-opener-policy": "same-origin",
      "cross-origin-embedder-policy": "require-corp",
      "x-content-type-options": "nosniff",
    });
    const policy = (headers as Record<string, string>)["content-security-policy"];
    expect(policy.replace("; frame-ancestors 'none'", "")).toBe(/Policy" content="([^"]*)"/.exec(body)?.[1]);
    expect(policy).not.toMatch(/unsafe-inline|'unsafe-eval'|https?:/);
    expect(new URL(lab.url).hostname).toBe("127.0.0.1");
  });
  it("gives nothing else: no path out of its folder, no other host's name, no other method", async () => {
    for (const path of [
      "/../package.json",
      "/..%2f..%2fpackage.json",
      "//etc/passwd",
      "/assets/../../package.json",
      "/assets",
    ])
      expect((await answered(lab.url, { path })).status, path).toBe(404);
    expect((await answered(lab.url, { headers: { host: "example.org" } })).status).toBe(403);
    expect((await answered(lab.url, { method: "POST" })).status).toBe(405);
    expect(await answered(lab.url, { method: "HEAD" })).toMatchObject({ status: 200, body: "" });
  });
  it("works from any static host, on one thread, and says why", async () => {
    const types: Record<string, string> = {
      ".html": "text/html",
      ".js": "text/javascript",
      ".css": "text/css",
      ".svg": "image/svg+xml",
    };
    const server: Server = createServer(({ url = "/" }, response) => {
      const path = url.replace(/^\/sub\//, "/").replace(/\/$/, "/index.html");
      response
        .writeHead(200, { "Content-Type": types[extname(path)] ?? "text/plain" })
        .end(readFileSync(join(dist, path)));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { port: number };
    const elsewhere = await openLab(`http://127.0.0.1:${port}/sub/`);
    const page = await elsewhere.open("slide");
    expect(await gridOf(page, "output of kernel 1")).toEqual(Array.from({ length: 4 }, () => [0, 30, 30, 0]));
    await eventually(() => page.locator("footer").textContent()).toMatch(/1 thread\..*not cross-origin isolated/);
    await elsewhere.close();
    server.close();
  });
  it("keeps what it sends at first small", () => {
    const page = readFileSync(join(dist, "index.html"), "utf8");
    const scripts = [...page.matchAll(/src="\.\/([^"]+\.js)"/g)].map((m) => m[1]);
    expect(scripts).toHaveLength(1);
    expect(gzipSync(readFileSync(join(dist, scripts[0]))).length).toBeLessThan(60_000);
  });
});
