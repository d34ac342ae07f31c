// Every program of the cookbook runs as it stands there, and the README's first one.
import { execFileSync, spawn, spawnSync } from "node:child_process";
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
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { encode } from "fast-png";
import { random } from "fiducial/engine";
import { loadNetwork } from "fiducial/learning";

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "fiducial-cookbook-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const cookbook = readFileSync(join(root, "docs/cookbook.md"), "utf8");
const readme = readFileSync(join(root, "README.md"), "utf8");
const at = (name: string): string => join(folder, name);
const chromium = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(
  (path) => existsSync(path),
);

/** Noise in one of two colours. */
function painted(i: number): Uint8Array {
  const rng = random(5).fork(i);
  const [height, width] = [30 + rng.integer(20), 30 + rng.integer(20)];
  const data = Uint8Array.from(
    { length: 3 * height * width },
    (_, k) => (k % 3 === i % 2 ? 200 : 40) + rng.integer(50),
  );
  return encode({ width, height, data, channels: 3, depth: 8 });
}
beforeAll(() => {
  mkdirSync(at("node_modules"));
  symlinkSync(root, at("node_modules/fiducial"), "dir");
  writeFileSync(at("package.json"), `{ "private": true, "type": "module" }`);
  const blocks = [
    ...cookbook.matchAll(/```(?:js|html)\n(?:\/\/|<!--) (\S+)[^\n]*\n([\s\S]*?)```/g),
  ];
  expect(blocks.map(([, name]) => name)).toEqual([
    "train.mjs",
    "service.mjs",
    "index.html",
    "main.js",
    "work.js",
    "vite.config.js",
  ]);
  for (const [, name, content] of blocks) writeFileSync(at(name), content);
  for (const label of ["red", "green"]) mkdirSync(at(`pictures/${label}`), { recursive: true });
  for (let i = 0; i < 60; i++)
    writeFileSync(at(`pictures/${i % 2 === 0 ? "red" : "green"}/${i}.png`), painted(i));
});

describe("the cookbook", () => {
  it("trains on a folder of pictures", () => {
    const run = spawnSync(process.execPath, ["train.mjs", "pictures", "4"], {
      cwd: folder,
      encoding: "utf8",
    });
    expect(run.stderr).toBe("");
    expect(run.stdout).toMatch(/^(epoch \d: loss \d\.\d{3}, F1 [01]\.\d{3}\n){4}$/);
    expect(loadNetwork(readFileSync(at("network.safetensors"))).trained!.classes).toEqual([
      "green",
      "red",
    ]);
    expect(readFileSync(at("log.csv"), "utf8")).toMatch(/^epoch,learningRate,.*,f1\n1,/);
  });
  it("serves what was trained, and tells whoever sends no picture what is wrong", async () => {
    const service = spawn(process.execPath, ["service.mjs"], {
      cwd: folder,
      env: { ...process.env, PORT: "0" },
    });
    try {
      const port = await new Promise<string>((done, failed) => {
        service.stdout.on("data", (text: Buffer) => done(/port (\d+)/.exec(String(text))![1]));
        service.stderr.on("data", (text: Buffer) => failed(new Error(String(text))));
      });
      const ask = (body: Uint8Array) =>
        fetch(`http://127.0.0.1:${port}`, { method: "POST", body: Uint8Array.from(body) });
      const answers = await Promise.all(
        [100, 101, 102, 103].map(async (i) => (await ask(painted(i))).json()),
      );
      const first = answers.map((classes) => (classes as { name: string }[])[0].name);
      expect(first).toEqual(["red", "green", "red", "green"]);
      const wrong = await ask(Uint8Array.of(1, 2, 3));
      expect([wrong.status, await wrong.text()]).toEqual([
        400,
        expect.stringMatching(/^picture: it is neither PNG/),
      ]);
    } finally {
      service.kill();
    }
  });
  it.runIf(chromium)(
    "trains in a worker of a page with its headers, on two threads, and stops",
    async () => {
      const { build, preview } = await import("vite");
      const { default: config, headers } = (await import(at("vite.config.js"))) as {
        default: object;
        headers: object;
      };
      const own = { ...config, root: folder, logLevel: "silent", configFile: false } as const;
      await build(own);
      const server = await preview({
        ...own,
        preview: { port: 0, host: "127.0.0.1", headers: { ...headers } },
      });
      const { chromium: browsers } = await import("playwright-core");
      const browser = await browsers.launch({ executablePath: chromium!, args: ["--no-sandbox"] });
      try {
        const page = await browser.newPage();
        const errors: string[] = [];
        page.on("pageerror", (error) => errors.push(error.message));
        page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
        await page.goto(server.resolvedUrls!.local[0]);
        const output = page.locator("output");
        await output
          .filter({ hasText: /epoch \d+: accuracy [01]\.?\d*, [1-9]\d* threads/ })
          .waitFor({ timeout: 120_000 });
        await page.locator("#stop").click();
        await output.filter({ hasText: /stopped/ }).waitFor({ timeout: 120_000 });
        expect(errors.filter((text) => !text.includes("favicon"))).toEqual([]);
      } finally {
        await browser.close();
        await server.close();
      }
    },
  );
  it("has commands that run", () => {
    const commands = /```sh\n([\s\S]*?)```/.exec(
      cookbook.slice(cookbook.indexOf("## Command line")),
    )![1];
    const main = join(root, "dist/cli/main.js");
    for (const line of commands.trim().split("\n")) {
      const words = line
        .replace(/\s+#.*/, "")
        .split(" ")
        .slice(1);
      expect(
        execFileSync(process.execPath, [main, ...words], { cwd: folder, encoding: "utf8" }),
        line,
      ).not.toBe("");
    }
    expect(existsSync(at("digits.onnx"))).toBe(true);
  });
});

describe("the README", () => {
  it("begins with how to install it, and what it shows there runs", () => {
    expect(/```sh\n(.*)\n/.exec(readme)![1]).toBe("npm install fiducial");
    expect(readme.indexOf("```")).toBe(readme.indexOf("```sh\nnpm install fiducial"));
    const [, script] = /```js\n([\s\S]*?)```/.exec(readme)!;
    writeFileSync(at("readme.mjs"), script);
    const run = spawnSync(process.execPath, ["readme.mjs"], { cwd: folder, encoding: "utf8" });
    expect(run.stderr).toBe("");
    expect(run.stdout).toMatch(/^0\.[89]\d*\n/);
  });
});
