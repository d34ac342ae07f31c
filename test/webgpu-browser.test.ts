// The webgpu backend in a page: Chromium with its own software adapter, against wasm in that page.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bundled, chromium, inPage, servePackage, withAdapter } from "./gpu/page.mjs";

if (!chromium)
  console.warn(
    "Skipped: webgpu in a page, because no Chromium is installed (apt-get install chromium)",
  );

let served: Awaited<ReturnType<typeof servePackage>>;
beforeAll(async () => {
  served = await servePackage();
});
afterAll(() => served.close());

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
  tests: { outcome?: string }[];
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
  const ask = async <T>(args: readonly string[], code: string): Promise<T> =>
    (await inPage({ url: served.url, args, code })) as T;
  it("trains and transforms as wasm does, and names its adapter", async () => {
    const { wasm, webgpu } = await ask<{ wasm: Shown; webgpu: Shown }>(withAdapter, script);
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
    const { address, remove } = await bundled("page-audit.js");
    const code = `import("${address}").then(() => globalThis.runSmall())`;
    const { adapter, card, wasm } = await ask<Audited>(withAdapter, code).finally(remove);
    const outcomesOf = ({ tests }: AuditShown): unknown[] => tests.map(({ outcome }) => outcome);
    expect(card.software.backend).toBe(`wasm, searches on webgpu (${adapter})`);
    expect(card.accuracy).toEqual(wasm.accuracy);
    expect(outcomesOf(card)).toEqual(outcomesOf(wasm));
  });
  it("says what is missing where a browser has no adapter", async () => {
    expect(await ask<string>([], without)).toMatch(
      /^BackendError: webgpu: (no graphics adapter|this browser)/,
    );
  });
});
