// The README's picture: a report's test on the image, down to what its worst perturbation does.
// node scripts/report-picture.mjs [--chromium PATH] [out/report.html]
import { resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { chromium: { type: "string", default: "/usr/bin/chromium" } },
});
const [report = "out/report.html"] = positionals;
const path = fileURLToPath(new URL("../docs/images/report.png", import.meta.url));
const browser = await chromium.launch({
  executablePath: values.chromium,
  args: ["--no-sandbox"],
});
const page = await browser.newPage({ viewport: { width: 900, height: 1600 } });
await page.goto(pathToFileURL(resolve(report)).href);
/** From the top of the test on the image to where its pictures are enlarged. */
const { top, bottom } = await page.evaluate(() => {
  const test = document.querySelector("#instability-ascent");
  const enlarged = [...test.querySelectorAll(".side")].find((side) =>
    side.textContent.trim().startsWith("before enlarged"),
  );
  const topOf = (element) => Math.round(element.getBoundingClientRect().top);
  return { top: topOf(test), bottom: topOf(enlarged.nextElementSibling) };
});
const clip = { x: 8, y: top - 4, width: 884, height: bottom - top };
await page.screenshot({ path, fullPage: true, clip });
await browser.close();
console.log(`${path} of ${report}`);
