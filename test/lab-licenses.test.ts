// licenses.txt beside the lab's bundle names every package that is in it: which those are is read
// from the source maps, of the page and of its workers, and not as the build itself finds them.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { build } from "vite";

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "fiducial-lab-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const bundled = new Set<string>();
let notices = "";
beforeAll(async () => {
  const configFile = join(root, "lab/vite.config.ts");
  await build({
    configFile,
    build: { outDir: folder, emptyOutDir: true, sourcemap: true, minify: false },
  });
  const names = readdirSync(folder, { recursive: true }) as string[];
  for (const name of names.filter((n) => n.endsWith(".map"))) {
    const { sources } = JSON.parse(readFileSync(join(folder, name), "utf8")) as {
      sources: string[];
    };
    for (const source of sources) {
      const found = /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(source);
      if (found) bundled.add(found[1]);
    }
  }
  notices = readFileSync(join(folder, "licenses.txt"), "utf8");
}, 120_000);

describe("the licences of what is built into the lab", () => {
  it("are those of the page's packages and of the workers'", () => {
    const some = ["preact", "d3-scale", "fflate", "h5wasm", "@cornerstonejs/codec-charls"];
    expect([...bundled]).toEqual(expect.arrayContaining(some));
  });

  it("are there for every package, with its version and a text", () => {
    const parts = notices.split(/^={80}$/m).map((part) => part.trim());
    for (const name of bundled) {
      const { version } = JSON.parse(
        readFileSync(join(root, "node_modules", name, "package.json"), "utf8"),
      ) as { version: string };
      const own = parts.find((part) => part.startsWith(`${name} ${version} (`));
      expect(own, name).toBeDefined();
      expect(own, name).toMatch(/permission|redistribution|licensed under/i);
    }
  });

  it("have those of libraries that packages carry compiled, and of the lab itself", () => {
    const libraries = ["The HDF Group", "Jan de Vaan", "Benoit Macq", "Aous Naman", "Google Inc."];
    for (const holder of [...libraries, "Emscripten authors"]) expect(notices).toContain(holder);
    expect(notices).toContain("TERMS AND CONDITIONS FOR USE, REPRODUCTION, AND DISTRIBUTION");
  });

  it("are beside the built lab", () => {
    expect(readFileSync(join(root, "lab/dist/licenses.txt"), "utf8")).toBe(notices);
  });
});
