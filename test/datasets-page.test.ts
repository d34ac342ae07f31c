// Pictures in a page: decoded by workers under a strict policy, bundled by Vite, to the numbers of
// Node.
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { openPictures } from "fiducial/data";

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "fiducial-pictures-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const chromium = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(
  (path) => existsSync(path),
);
const names = ["BMP 24", "TIFF RGB tiles", "WebP lossless", "TIFF 16"];
const { cases } = JSON.parse(
  readFileSync(new URL("fixtures/pictures.json", import.meta.url), "utf8"),
) as {
  cases: Record<string, { file: string }>;
};
const main = `
import { openPictures } from "fiducial/data";
const bytesOf = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
const given = await (await fetch("./files.json")).json();
const files = given.map(([name, text]) => ({ name, class: name, read: () => bytesOf(text) }));
const set = await openPictures(files, { size: [8, 8], channels: 3, threads: 2 });
await set.prepare(files.map((_, i) => i));
const all = files.map((_, i) => { const x = new Float32Array(192); set.pixels(i, x); return [...x]; });
document.querySelector("output").textContent = JSON.stringify(all);
`;
async function inNode(): Promise<number[][]> {
  const read = (name: string) => () => new Uint8Array(Buffer.from(cases[name].file, "base64"));
  const files = names.map((name) => ({ name, class: name, read: read(name) }));
  const set = await openPictures(files, { size: [8, 8], channels: 3, threads: 0 });
  await set.prepare(names.map((_, i) => i));
  return names.map((_, i) => {
    const x = new Float32Array(192);
    set.pixels(i, x);
    return [...x];
  });
}

describe("pictures in a page", () => {
  it.runIf(chromium)("are those of Node, WebP included", async () => {
    mkdirSync(join(folder, "node_modules"));
    mkdirSync(join(folder, "public"));
    symlinkSync(root, join(folder, "node_modules/fiducial"), "dir");
    const page = `<!doctype html><title>p</title><output></output><script type="module" src="./main.js"></script>`;
    writeFileSync(join(folder, "index.html"), page);
    writeFileSync(join(folder, "main.js"), main);
    writeFileSync(
      join(folder, "public/files.json"),
      JSON.stringify(names.map((name) => [name, cases[name].file])),
    );
    const { build, preview } = await import("vite");
    const config = {
      root: folder,
      logLevel: "silent",
      configFile: false,
      build: { target: "es2022", assetsInlineLimit: 0 },
      worker: { format: "es" },
    } as const;
    await build(config);
    const policy =
      "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'";
    const headers = { "Content-Security-Policy": policy };
    const server = await preview({ ...config, preview: { port: 0, host: "127.0.0.1", headers } });
    const { chromium: browsers } = await import("playwright-core");
    const browser = await browsers.launch({ executablePath: chromium!, args: ["--no-sandbox"] });
    try {
      const opened = await browser.newPage();
      await opened.goto(server.resolvedUrls!.local[0]);
      const output = opened.locator("output").filter({ hasText: "[" });
      const text = await output.textContent({ timeout: 120_000 });
      expect(JSON.parse(text!)).toEqual(await inNode());
    } finally {
      await browser.close();
      await server.close();
    }
  });
});
