// The built package in a page of Chromium, for checks of webgpu there.
import { createReadStream, existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { basename, extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "vite";

const root = fileURLToPath(new URL("../..", import.meta.url));
const dist = join(root, "dist");

export const chromium = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
].find((path) => existsSync(path));
/** Gives a page the adapter that Chromium brings itself, a processor that plays a card. */
export const withAdapter = ["--enable-unsafe-webgpu"];

const empty = "<!doctype html><title>webgpu</title>";
const types = { ".js": "text/javascript", ".safetensors": "application/octet-stream" };
const foldersOf = { ".js": dist, ".safetensors": join(root, "weights") };

/** Modules of dist/ and files of weights/, at 127.0.0.1: browsers take that for secure. */
export async function servePackage() {
  const server = createServer((request, response) => {
    if (request.url === "/") {
      response.writeHead(200, { "Content-Type": "text/html" }).end(empty);
      return;
    }
    const { pathname } = new URL(request.url, "http://x");
    const folder = foldersOf[extname(pathname)] ?? dist;
    const path = normalize(join(folder, pathname));
    const isServed = path.startsWith(folder) && extname(path) in types && existsSync(path);
    if (isServed) {
      response.writeHead(200, { "Content-Type": types[extname(path)] });
      createReadStream(path).pipe(response);
    } else response.writeHead(404).end();
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  return { url: `http://127.0.0.1:${server.address().port}`, close: () => server.close() };
}

/** A script of this folder with all that it imports, built where it is served: its address. */
export async function bundled(name) {
  const folder = mkdtempSync(join(dist, "page-"));
  const input = fileURLToPath(new URL(name, import.meta.url));
  const rollupOptions = { input, output: { entryFileNames: "entry.js" } };
  const options = { outDir: folder, emptyOutDir: true, target: "es2022", rollupOptions };
  await build({ logLevel: "silent", configFile: false, base: "./", build: options });
  const remove = () => rmSync(folder, { recursive: true });
  return { address: `/${basename(folder)}/entry.js`, remove };
}

/** A page at `url`; `hear` is given every line that it logs. */
export async function openPage({ url, args, hear = () => {} }) {
  const { chromium: browsers } = await import("playwright-core");
  const browser = await browsers.launch({
    executablePath: chromium,
    args: ["--no-sandbox", "--disable-gpu", ...args],
  });
  const page = await browser.newPage();
  page.on("console", (message) => hear(message.text()));
  await page.goto(url);
  return { page, close: () => browser.close() };
}

/** What `code` comes to in a page of its own. */
export async function inPage({ code, ...where }) {
  const { page, close } = await openPage(where);
  return page.evaluate(code).finally(close);
}
