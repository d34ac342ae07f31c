// The packed package as a stranger gets it: installed in an empty project, run in Node, bundled by
// Vite and run in Chromium.
import { execFileSync, spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as fiducial from "fiducial";
import { version } from "fiducial/engine";
import { trainingBits } from "./fixtures/training-bits.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "fiducial-package-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const readme = readFileSync(join(root, "README.md"), "utf8");
const example = /```ts\n([\s\S]*?)```/.exec(readme)?.[1] ?? "";
const chromium = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(
  (path) => existsSync(path),
);
const bin = (name: string): string => join(root, "node_modules", ".bin", name);
let tarball = "";
/** Of the text; what stands in code is not a link. */
const linksOf = (markdown: string): string[] =>
  [...markdown.replace(/^```.*?^```/gms, "").matchAll(/\]\(([^)#\s]+)|src="([^"]+)"/g)]
    .map(([, link, src]) => link ?? src)
    .filter((link) => !/^https?:/.test(link));

/** Where TypeScript 5.0 lies; it is no dependency, whose tsc would stand in for that of today. */
function typescript50(): string | undefined {
  const prefix = join(folder, "oldest");
  mkdirSync(prefix);
  const wanted = [
    "install",
    "--no-audit",
    "--no-fund",
    "--prefer-offline",
    "--prefix",
    prefix,
    "typescript@5.0.4",
  ];
  const { status } = spawnSync("npm", wanted, { cwd: prefix, stdio: "ignore" });
  return status === 0 ? join(prefix, "node_modules", "typescript", "lib", "tsc.js") : undefined;
}
/** One name of every entry, used wrongly: a type that is not found would be any, and right. */
const typed = `
import * as all from "fiducial";
import * as engine from "fiducial/engine";
import * as learning from "fiducial/learning";
import * as imaging from "fiducial/imaging";
import * as audit from "fiducial/audit";
import * as report from "fiducial/report";
import * as data from "fiducial/data";
const saved = learning.saveNetwork(learning.nn.lenet5({ seed: 1 }));
export const bytes: ArrayBuffer = saved.buffer;
export const blob = new Blob([saved]);
${[
  "all.audit",
  "engine.openBackend",
  "saved",
  "imaging.totalVariation()",
  "audit.worstCasePerturbation()",
]
  .concat(["report.legible", "data.readVolume"])
  .map((value, i) => `// @ts-expect-error\nexport const wrong${i}: 7 = ${value};`)
  .join("\n")}
`;
if (!chromium)
  console.warn(
    "Skipped: the package in a browser, because no Chromium is installed (apt-get install chromium)",
  );

beforeAll(() => {
  const packed = JSON.parse(
    execFileSync("npm", ["pack", "--json", "--pack-destination", folder], {
      cwd: root,
      encoding: "utf8",
    }),
  ) as [{ filename: string }];
  tarball = join(folder, packed[0].filename);
  writeFileSync(join(folder, "package.json"), `{ "private": true, "type": "module" }`);
  execFileSync("npm", ["install", "--no-audit", "--no-fund", "--prefer-offline", tarball], {
    cwd: folder,
    stdio: "pipe",
  });
});

describe("the package", () => {
  it("is what publint and attw expect of one", () => {
    for (const [command, ...args] of [
      ["publint", "--strict", tarball],
      ["attw", tarball, "--profile", "esm-only", "--no-emoji", "--no-color"],
    ]) {
      const { status, stdout, stderr } = spawnSync(bin(command), args, { encoding: "utf8" });
      expect(status, `${command}: ${stdout}${stderr}`).toBe(0);
    }
  });
  it("carries its own version, and its engine imports nothing from outside", () => {
    const installed = join(folder, "node_modules", "fiducial");
    expect(
      (JSON.parse(readFileSync(join(installed, "package.json"), "utf8")) as { version: string })
        .version,
    ).toBe(version);
    const imported = (file: string): string[] =>
      [
        ...readFileSync(join(installed, file), "utf8").matchAll(
          /^(?:import|export) [^"]*?"([^"]+)";$|import\("([^"]+)"\)/gm,
        ),
      ].map(([, named, loaded]) => named ?? loaded);
    const files = new Set(["dist/engine/index.js"]);
    for (const file of files)
      for (const name of imported(file)) {
        expect(name, file).toMatch(/^\./);
        files.add(join(dirname(file), name));
      }
    // its backends are loaded when they are opened
    expect([...files].join()).toMatch(/wasm-backend.*webgpu-backend/);
  });
  it("is a few files, which load in a moment, and brings the files its workers start from", () => {
    const chunks = join(folder, "node_modules", "fiducial", "dist", "chunks");
    const files = readdirSync(chunks);
    expect(files.length).toBeLessThan(80);
    const started = files.flatMap((file) =>
      [...readFileSync(join(chunks, file), "utf8").matchAll(/new URL\("(\.\/[^"]+)"/g)].map(
        ([, address]) => address,
      ),
    );
    expect(new Set(started).size).toBe(3);
    for (const address of started) expect(existsSync(join(chunks, address)), address).toBe(true);
  });
  it("leaves nothing behind of what is imported and not used", async () => {
    const wings = ["", "/engine", "/learning", "/imaging", "/audit", "/report", "/data"];
    const entry = join(folder, "unused.js");
    const names = wings.map((wing) => JSON.stringify(`fiducial${wing}`));
    writeFileSync(entry, names.map((name) => `import ${name};`).join("\n"));
    const { rolldown } = await import("rolldown");
    // what package.json says of effects aside, so that every statement must show that it has none
    const bundle = await rolldown({
      input: entry,
      external: (id) => !/^[./]|^fiducial/.test(id),
      treeshake: { moduleSideEffects: () => true },
    });
    const { output } = await bundle.generate();
    expect(output).toHaveLength(1);
    expect(output[0].code).toContain('import "fflate";');
    const left = output[0].code
      .split("\n")
      .filter((line) => !/^(import ".*";|\/\/.*|)$/.test(line));
    expect(left).toEqual([]);
  });
  it("has no link that leads out of it or nowhere", () => {
    const installed = join(folder, "node_modules", "fiducial");
    const files = (readdirSync(installed, { recursive: true }) as string[]).filter(
      (name) => extname(name) === ".md" && !name.includes("node_modules"),
    );
    expect(files).toContain("README.md");
    const dead = files.flatMap((file) =>
      linksOf(readFileSync(join(installed, file), "utf8"))
        .map((link) => normalize(join(dirname(file), link)))
        .filter((to) => to.startsWith("..") || !existsSync(join(installed, to)))
        .map((to) => `${file} → ${to}`),
    );
    expect(dead).toEqual([]);
  });
  it("has types that TypeScript 5.0 understands, library checks on", (context) => {
    const oldest = typescript50();
    if (!oldest) context.skip("TypeScript 5.0 could not be had from the registry");
    writeFileSync(join(folder, "types.ts"), typed);
    for (const [module, moduleResolution, lib] of [
      ["nodenext", "nodenext", ["es2022", "dom"]],
      ["esnext", "bundler", ["es2020", "webworker"]],
    ]) {
      const compilerOptions = {
        module,
        moduleResolution,
        lib,
        target: "es2022",
        types: [],
        strict: true,
        noEmit: true,
      };
      const config = {
        compilerOptions: { ...compilerOptions, exactOptionalPropertyTypes: true },
        files: ["types.ts"],
      };
      writeFileSync(join(folder, "tsconfig.types.json"), JSON.stringify(config));
      for (const compiler of [oldest!, bin("tsc")]) {
        const { stdout } = spawnSync(
          process.execPath,
          [compiler, "-p", join(folder, "tsconfig.types.json")],
          {
            encoding: "utf8",
          },
        );
        expect(stdout, `${compiler} ${String(module)}`).toBe("");
      }
    }
  });
  it("keeps the names of its errors when a minifier renames its classes", async () => {
    const names = Object.keys(fiducial).filter(
      (name) => /^[A-Z]\w+Error$/.test(name) && name !== "FiducialError",
    );
    expect(names.length).toBeGreaterThan(6);
    const app = join(folder, "minified");
    mkdirSync(app);
    writeFileSync(
      join(app, "entry.js"),
      `import * as fiducial from "fiducial/engine";
      const errors = ${JSON.stringify(names)}.map((name) => new fiducial[name]("x"));
      console.log(JSON.stringify({ names: errors.map((e) => e.name), classes: errors.map((e) => e.constructor.name) }));`,
    );
    const { build } = await import("vite");
    await build({
      root: app,
      logLevel: "silent",
      configFile: false,
      ssr: { noExternal: true },
      build: { ssr: "entry.js", minify: true, target: "es2022" },
    });
    const output = execFileSync(process.execPath, [join(app, "dist", "entry.js")], {
      encoding: "utf8",
    });
    const got = JSON.parse(output) as { names: string[]; classes: string[] };
    expect(got.names).toEqual(names);
    // or nothing was renamed, and nothing shown
    expect(got.classes).not.toEqual(names);
  });
  it("runs the README's example as written, and the example is as short as it says", () => {
    expect(
      example
        .trim()
        .split("\n")
        .filter((line) => line !== "" && !line.startsWith("import")),
    ).toHaveLength(5);
    writeFileSync(join(folder, "example.ts"), example);
    writeFileSync(
      join(folder, "tsconfig.json"),
      JSON.stringify({
        compilerOptions: {
          module: "nodenext",
          target: "es2022",
          lib: ["es2023", "dom"],
          types: [],
          strict: true,
        },
        files: ["example.ts"],
      }),
    );
    expect(spawnSync(bin("tsc"), ["-p", folder], { encoding: "utf8" }).stdout).toBe("");
    const { status, stdout, stderr } = spawnSync(process.execPath, ["example.js"], {
      cwd: folder,
      encoding: "utf8",
    });
    expect(stderr).toBe("");
    expect(status).toBe(0);
    expect(stdout).toMatch(/method: 'zero-filled',\s+outcome: 'pass'/);
  });
  it("has a command line that works where it is built", () => {
    const { status, stdout } = spawnSync("npx", ["fiducial", "--version"], {
      cwd: root,
      encoding: "utf8",
    });
    expect([status, stdout.trim()]).toEqual([0, version]);
  });
  it("has a command line that works where it is installed", () => {
    const { status, stdout } = spawnSync(
      join(folder, "node_modules", ".bin", "fiducial"),
      ["inspect"],
      {
        cwd: folder,
        encoding: "utf8",
      },
    );
    expect(status).toBe(0);
    expect(stdout).toMatch(/1\.dataConsistency/);
  });
  it.runIf(chromium)(
    "runs the same example, bundled by Vite, in Chromium, with the same verdicts",
    async () => {
      const app = join(folder, "app");
      mkdirSync(app);
      writeFileSync(
        join(app, "index.html"),
        `<!doctype html><title>example</title><script type="module" src="./main.js"></script>`,
      );
      writeFileSync(
        join(app, "main.js"),
        example.replace("console.log(", "globalThis.shown = JSON.stringify("),
      );
      const { build, preview } = await import("vite");
      const config = {
        root: app,
        logLevel: "silent",
        configFile: false,
        build: { target: "es2022" },
      } as const;
      await build(config);
      const server = await preview({ ...config, preview: { port: 0, host: "127.0.0.1" } });
      const { chromium: browsers } = await import("playwright-core");
      const browser = await browsers.launch({ executablePath: chromium!, args: ["--no-sandbox"] });
      try {
        const page = await browser.newPage();
        const errors: string[] = [];
        page.on("pageerror", (error) => errors.push(error.message));
        await page.goto(server.resolvedUrls!.local[0]);
        await page
          .waitForFunction("globalThis.shown", undefined, { timeout: 120_000 })
          .catch((error: Error) => {
            throw new Error(`${errors.join("; ")} ${error.message}`);
          });
        const shown = JSON.parse(await page.evaluate("globalThis.shown")) as unknown;
        writeFileSync(
          join(folder, "node.js"),
          example
            .replace("console.log(", "process.stdout.write(JSON.stringify(")
            .replace(/\);\s*$/, "));"),
        );
        expect(shown).toEqual(
          JSON.parse(
            execFileSync(process.execPath, ["node.js"], { cwd: folder, encoding: "utf8" }),
          ),
        );
        expect(errors).toEqual([]);
      } finally {
        await browser.close();
        await server.close();
      }
    },
  );
  it.runIf(chromium)(
    "trains in Chromium with the bits of Node: in a worker of an isolated page with 1, 2 and 3 threads, and on the page itself with one",
    async () => {
      const app = join(folder, "training");
      mkdirSync(app);
      cpSync(join(root, "test", "fixtures", "training-bits.mjs"), join(app, "training-bits.mjs"));
      writeFileSync(
        join(app, "index.html"),
        `<!doctype html><title>training</title><script type="module" src="./main.js"></script>`,
      );
      writeFileSync(
        join(app, "main.js"),
        `import * as fiducial from "fiducial";
      const { threads, notes } = await fiducial.openBackend("wasm", { threads: 2 });
      globalThis.page = { threads, notes };
      new Worker(new URL("./work.js", import.meta.url), { type: "module" }).onmessage = (e) => { globalThis.shown = JSON.stringify(e.data); };`,
      );
      writeFileSync(
        join(app, "work.js"),
        `import * as fiducial from "fiducial"; import { trainingBits } from "./training-bits.mjs";
      try { const all = []; for (const threads of [1, 2, 3]) all.push(await trainingBits(fiducial, threads)); postMessage(all); } catch (e) { postMessage(String(e)); }`,
      );
      const { build, preview } = await import("vite");
      const config = {
        root: app,
        logLevel: "silent",
        configFile: false,
        build: { target: "es2022" },
        worker: { format: "es" },
      } as const;
      await build(config);
      const headers = {
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Embedder-Policy": "require-corp",
      };
      const server = await preview({ ...config, preview: { port: 0, host: "127.0.0.1", headers } });
      const { chromium: browsers } = await import("playwright-core");
      const browser = await browsers.launch({ executablePath: chromium!, args: ["--no-sandbox"] });
      try {
        const page = await browser.newPage();
        await page.goto(server.resolvedUrls!.local[0]);
        await page.waitForFunction("globalThis.shown", undefined, { timeout: 200_000 });
        const { result } = await trainingBits(fiducial, 1);
        expect(JSON.parse(await page.evaluate("globalThis.shown"))).toEqual(
          [1, 2, 3].map((threads) => ({ threads, result })),
        );
        expect(await page.evaluate("globalThis.page")).toEqual({
          threads: 1,
          notes: [expect.stringMatching(/main thread of a page may not wait/)],
        });
      } finally {
        await browser.close();
        await server.close();
      }
    },
  );
  it.runIf(chromium)(
    "keeps its threads under a strict content security policy, goes on alone without them, and says what WebAssembly needs",
    async () => {
      const app = join(folder, "policy");
      mkdirSync(app);
      writeFileSync(
        join(app, "index.html"),
        `<!doctype html><title>policy</title><script type="module" src="./main.js"></script>`,
      );
      writeFileSync(
        join(app, "main.js"),
        `new Worker(new URL("./work.js", import.meta.url), { type: "module" }).onmessage = (e) => {
        document.body.append(Object.assign(document.createElement("output"), { textContent: JSON.stringify(e.data) }));
      };`,
      );
      writeFileSync(
        join(app, "work.js"),
        `import { openBackend, GraphBuilder, ops } from "fiducial/engine";
      try {
        const b = new GraphBuilder(ops);
        b.output("y", b.emit("neg", { x: b.constant(new Float32Array(1e6).fill(1), [1e6]) }, {}));
        const backend = await openBackend("wasm", { threads: 2 });
        const { y } = await (await backend.compile(b)).execute();
        postMessage({ sum: y.reduce((s, v) => s + v, 0), threads: backend.threads, notes: backend.notes });
      } catch (e) { postMessage({ code: e.code, message: e.message }); }`,
      );
      const { build, preview } = await import("vite");
      const config = {
        root: app,
        logLevel: "silent",
        configFile: false,
        build: { target: "es2022", assetsInlineLimit: 0 },
        worker: { format: "es" },
      } as const;
      await build(config);
      const { chromium: browsers } = await import("playwright-core");
      const browser = await browsers.launch({ executablePath: chromium!, args: ["--no-sandbox"] });
      const shown = async (script: string): Promise<unknown> => {
        const headers = {
          "Cross-Origin-Opener-Policy": "same-origin",
          "Cross-Origin-Embedder-Policy": "require-corp",
          "Content-Security-Policy": `default-src 'none'; script-src ${script}; worker-src 'self'; connect-src 'self'`,
        };
        const server = await preview({
          ...config,
          preview: { port: 0, host: "127.0.0.1", headers },
        });
        const context = await browser.newContext();
        try {
          const page = await context.newPage();
          await page.goto(server.resolvedUrls!.local[0]);
          return JSON.parse((await page.locator("output").textContent({ timeout: 60_000 })) ?? "");
        } finally {
          await context.close();
          await server.close();
        }
      };
      try {
        expect(await shown("'self' 'wasm-unsafe-eval'")).toEqual({
          sum: -1e6,
          threads: 2,
          notes: [],
        });
        expect(await shown("'self'")).toEqual({
          code: "BACKEND",
          message: expect.stringMatching(/'wasm-unsafe-eval'/) as string,
        });
        const assets = join(app, "dist", "assets");
        for (const name of readdirSync(assets))
          if (name.startsWith("pool-worker")) rmSync(join(assets, name));
        expect(await shown("'self' 'wasm-unsafe-eval'")).toEqual({
          sum: -1e6,
          threads: 1,
          notes: [expect.stringMatching(/no worker thread could be started/)],
        });
      } finally {
        await browser.close();
      }
    },
  );
});
