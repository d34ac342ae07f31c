// The lab for everybody: by keyboard, by screen reader, on phones, in the dark, without motion; and
// nothing of it leaves the visitor's machine.
import { readFileSync } from "node:fs";
import { request } from "node:http";
import { gzipSync } from "node:zlib";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  breakSections,
  chromium,
  eventually,
  expectForEverybody,
  gridOf,
  hostOf,
  insideSections,
  openLab,
  settled,
  tabTo,
  violations,
  visit,
  type Lab,
} from "./lab-page.ts";

/** Small enough for a narrow window to ask for 64×64. */
const narrow = { viewport: { width: 700, height: 900 } };

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
        const viewport = { width, height: 800 };
        const page = await lab.open("slide", { colorScheme, viewport, reducedMotion: "reduce" });
        for (const section of insideSections) {
          await visit(page, lab.url, section);
          await expectForEverybody(page, width, section);
        }
        await page.goto(`${lab.url}#/sheet`);
        await settled(page);
        expect(await violations(page), "sheet").toEqual([]);
        await page.context().close();
      });

  it("is gone through by the keyboard alone, all sixteen sections from the first to the last", async () => {
    const page = await lab.open("slide", narrow);
    const titles: (string | null)[] = [];
    const all = [...insideSections, ...breakSections, "audit"];
    for (const section of all) {
      await settled(page);
      expect(page.url()).toContain(`/${section}`);
      titles.push(await page.locator("h1").textContent());
      // a question is answered
      const choices = await page.locator(".predict .option").allTextContents();
      await tabTo(page, /^Skip to the section$/);
      await page.keyboard.press("Enter");
      await page.keyboard.press("Tab");
      await page.keyboard.press("Space");
      expect(await page.locator(".predict input").first().isChecked(), choices[0]).toBe(true);
      await eventually(() => page.locator(".because").textContent()).toMatch(/Yes|No/);
      if (section === "slide") await moveTheKernel(page);
      if (section === "audit") break;
      await tabToOnward(page);
      await page.keyboard.press("Enter");
      await eventually(() => page.url()).not.toContain(`/${section}`);
      // the next section's heading is there, and has the focus
      await eventually(() => page.locator("h1").textContent()).not.toBe(titles.at(-1));
      await eventually(() => page.evaluate("document.activeElement.tagName")).toBe("H1");
    }
    expect(new Set(titles).size).toBe(16);
    await page.context().close();
  });
  async function tabToOnward(page: Page): Promise<void> {
    await tabTo(page, /→$/);
    while (!(await page.evaluate("document.activeElement.closest('.onward') !== null"))) {
      await page.keyboard.press("Tab");
      await tabTo(page, /→$/);
    }
  }
  /** Arrows move it, a number is typed into it. */
  async function moveTheKernel(page: Page): Promise<void> {
    await tabTo(page, /^−?\d+$/);
    const kernel = page.locator('[aria-label="kernel 1"]');
    while (!(await kernel.evaluate((grid) => grid.contains(document.activeElement))))
      await page.keyboard.press("Tab");
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("Enter");
    await page.keyboard.insertText("2");
    await page.keyboard.press("Enter");
    await eventually(() => gridOf(page, "output of kernel 1")).toEqual(
      Array.from({ length: 4 }, () => [20, 50, 30, 0]),
    );
    await page.keyboard.press("Tab");
    await page.keyboard.press("ArrowDown");
    await eventually(() => page.locator("h2", { hasText: "products at" }).textContent()).toMatch(
      /row 2/,
    );
  }

  it("says what it is: title, language, description, and a name for every link and control", async () => {
    const page = await lab.open("cost");
    expect(await page.title()).toBe("The cost · Fiducial lab");
    expect(
      await page.evaluate(
        "document.doctype.name + document.characterSet + document.documentElement.lang",
      ),
    ).toBe("htmlUTF-8en");
    const described = await page.locator('meta[name="description"]').getAttribute("content");
    expect(described!.length).toBeGreaterThan(50);
    expect(await page.locator('meta[name="viewport"]').getAttribute("content")).toMatch(
      /^width=device-width/,
    );
    const links = await page
      .locator("a")
      .evaluateAll((all) => all.map((a) => [a.getAttribute("href"), a.textContent]));
    for (const [href, text] of links) {
      expect(href).toMatch(/^#\//);
      expect(text?.trim()).not.toBe("");
    }
    await page.context().close();
  });

  it("asks nobody but itself for anything, and has nothing to complain of", () => {
    expect(lab.strangers).toEqual([]);
    expect(lab.complaints).toEqual([]);
  });
});

const answered = (
  url: string,
  options: object,
): Promise<{ status: number; headers: object; body: string }> =>
  new Promise((resolve, reject) => {
    const asked = request(url, options, (response) => {
      let body = "";
      response.on("data", (data: Buffer) => {
        body += String(data);
      });
      response.on("end", () =>
        resolve({ status: response.statusCode!, headers: response.headers, body }),
      );
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
    expect(policy.replace("; frame-ancestors 'none'", "")).toBe(
      /Policy" content="([^"]*)"/.exec(body)?.[1],
    );
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
    const host = await hostOf();
    const elsewhere = await openLab(host.url);
    const page = await elsewhere.open("slide");
    expect(await gridOf(page, "output of kernel 1")).toEqual(
      Array.from({ length: 4 }, () => [0, 30, 30, 0]),
    );
    await eventually(() => page.locator("footer").textContent()).toMatch(
      /1 thread\..*not cross-origin isolated/,
    );
    await elsewhere.close();
    host.close();
  });
  it("keeps what it sends at first small", () => {
    const page = readFileSync(join(dist, "index.html"), "utf8");
    const scripts = [...page.matchAll(/src="\.\/([^"]+\.js)"/g)].map((m) => m[1]);
    expect(scripts).toHaveLength(1);
    expect(gzipSync(readFileSync(join(dist, scripts[0]))).length).toBeLessThan(60_000);
  });
});
