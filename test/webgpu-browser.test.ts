// The webgpu backend in a page: Chromium with its own software adapter, against wasm in that page.
import { createReadStream, existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { basename, extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "vite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const dist = fileURLToPath(new URL("../dist", import.meta.url));
const chromium = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(
  (path) => existsSync(path),
);
if (!chromium)
  console.warn(
    "Skipped: webgpu in a page, because no Chromium is installed (apt-get install chromium)",
  );

/** Serves the built package at 127.0.0.1, which browsers take for a secure context. */
const server: Server = createServer((request, response) => {
  const path = normalize(join(dist, new URL(request.url!, "http://x").pathname));
  if (request.url === "/") {
    response
      .writeHead(200, { "Content-Type": "text/html" })
      .end("<!doctype html><title>webgpu</title>");
  } else if (path.startsWith(dist) && extname(path) === ".js" && existsSync(path)) {
    response.writeHead(200, { "Content-Type": "text/javascript" });
    createReadStream(path).pipe(response);
  } else response.writeHead(404).end();
});
let url = "";
beforeAll(async () => {
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
/** Built here, so that it is served with the package. */
const bundle = mkdtempSync(join(dist, "page-"));
afterAll(() => {
  server.close();
  rmSync(bundle, { recursive: true });
});

/** Runs in the page: a convolution that learns and a transform, on both backends. */
const script = `(async () => {
  const { arithmetic, GraphBuilder, gradients, openBackend, ops, random } = await import("/engine/index.js");
  const draw = (n, seed) => { const rng = random(seed); return Float32Array.from({ length: n }, () => rng.normal()); };
  const b = new GraphBuilder(ops);
  const { mean, mul, relu, square, sub } = arithmetic(b);
  const x = b.input("x", [1, 2, 12, 12]);
  const w = b.parameter("w", [2, 2, 3, 3], draw(36, 1));
  const attrs = { stride: [1, 1], padding: [1, 1], dilation: [1, 1], groups: 1 };
  const y = relu(b.emit("fft2", { x: b.emit("conv2d", { x, w }, attrs) }, { inverse: false }));
  const cost = mean(square(y));
  b.update(w, sub(w, mul(gradients(b, cost, [w])[0], 0.1)));
  b.output("cost", cost);
  b.output("y", y);
  const run = async (name) => {
    const backend = await openBackend(name);
    const plan = await backend.compile(b);
    let out;
    for (let i = 0; i < 3; i++) out = await plan.execute({ x: draw(288, 2 + i) });
    const state = await plan.read("w");
    await backend.close();
    return { adapter: backend.adapter, y: [...out.y], cost: out.cost[0], w: [...state] };
  };
  return { wasm: await run("wasm"), webgpu: await run("webgpu") };
})()`;
const without = `(async () => {
  const { openBackend } = await import("/engine/index.js");
  return openBackend("webgpu").then(() => "opened", (error) => error.name + ": " + error.message);
})()`;

interface AuditShown {
  software: { backend: string };
  accuracy: unknown;
  outcomes: unknown[];
}
interface Audited {
  adapter: string;
  card: AuditShown;
  wasm: AuditShown;
}
interface Shown {
  adapter?: string;
  y: number[];
  cost: number;
  w: number[];
}

describe.skipIf(!chromium)("webgpu in Chromium", () => {
  async function inPage<T>(args: readonly string[], code: string): Promise<T> {
    const { chromium: browsers } = await import("playwright-core");
    const options = { executablePath: chromium!, args: ["--no-sandbox", "--disable-gpu", ...args] };
    const browser = await browsers.launch(options);
    try {
      const page = await browser.newPage();
      await page.goto(url);
      return (await page.evaluate(code)) as T;
    } finally {
      await browser.close();
    }
  }
  it("trains and transforms as wasm does, and names its adapter", async () => {
    const { wasm, webgpu } = await inPage<{ wasm: Shown; webgpu: Shown }>(
      ["--enable-unsafe-webgpu"],
      script,
    );
    expect(webgpu.adapter).toMatch(/\w/);
    expect(wasm.adapter).toBeUndefined();
    for (const name of ["y", "w"] as const) {
      const top = Math.max(...wasm[name].map(Math.abs));
      const errors = wasm[name].map((v, i) => Math.abs(v - webgpu[name][i]) / top);
      expect(errors.length, name).toBeGreaterThan(30);
      expect(Math.max(...errors), name).toBeLessThan(1e-5);
    }
    expect(Math.abs(webgpu.cost / wasm.cost - 1)).toBeLessThan(1e-5);
  });
  it("runs an audit whose searches are on the page's card, and measures as wasm does", async () => {
    const input = fileURLToPath(new URL("gpu/page-audit.js", import.meta.url));
    const rollupOptions = { input, output: { entryFileNames: "entry.js" } };
    const options = { outDir: bundle, emptyOutDir: true, target: "es2022", rollupOptions };
    await build({ logLevel: "silent", configFile: false, base: "./", build: options });
    const code = `import("/${basename(bundle)}/entry.js").then(() => globalThis.run())`;
    const { adapter, card, wasm } = await inPage<Audited>(["--enable-unsafe-webgpu"], code);
    expect(card.software.backend).toBe(`wasm, searches on webgpu (${adapter})`);
    expect(card.accuracy).toEqual(wasm.accuracy);
    expect(card.outcomes.map((outcome) => typeof outcome)).toEqual(["string", "string"]);
    expect(card.outcomes).toEqual(wasm.outcomes);
  });
  it("says what is missing where a browser has no adapter", async () => {
    expect(await inPage<string>([], without)).toMatch(
      /^BackendError: webgpu: (no graphics adapter|this browser)/,
    );
  });
});
