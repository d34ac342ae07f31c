// The docs keep up with the code: every public name is explained, every link leads somewhere, every
// example runs.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const library = readFileSync(join(root, "docs/library.md"), "utf8");
const wings = ["engine", "report", "data", "learning", "imaging", "audit"];

describe("docs", () => {
  it("docs/library.md names everything that is exported, types too", async () => {
    const named = new Set(library.match(/[A-Za-z_]\w*/g));
    for (const wing of wings) {
      const values = Object.keys((await import(`fiducial/${wing}`)) as object);
      const declared = readFileSync(join(root, `dist/${wing}/index.d.ts`), "utf8");
      const types = [...declared.matchAll(/export type \{([^}]*)\}|type (\w+)/g)].flatMap((m) =>
        (m[1] ?? m[2])
          .split(",")
          .map((t) => t.trim())
          .filter(Boolean),
      );
      expect(
        [...values, ...types].filter((name) => !named.has(name)),
        wing,
      ).toEqual([]);
    }
    const { nn } = await import("fiducial/learning");
    expect(Object.keys(nn).filter((name) => !named.has(name))).toEqual([]);
  });
  it("its example runs as written", () => {
    const folder = mkdtempSync(join(root, "dist", "docs-"));
    try {
      writeFileSync(join(folder, "example.js"), /```ts\n([\s\S]*?)```/.exec(library)![1]);
      const { status, stdout, stderr } = spawnSync(process.execPath, [join(folder, "example.js")], {
        encoding: "utf8",
      });
      expect(stderr).toBe("");
      expect(status).toBe(0);
      expect(stdout.trim().split("\n").length).toBeGreaterThan(2);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
  it("links lead to files", () => {
    const files = [
      "README.md",
      "ARCHITECTURE.md",
      "CONTRIBUTING.md",
      "CHANGELOG.md",
      ...readdirSync(join(root, "docs"))
        .filter((n) => n.endsWith(".md"))
        .map((n) => `docs/${n}`),
    ];
    for (const file of files)
      for (const [, link] of readFileSync(join(root, file), "utf8").matchAll(
        /\]\(([^)#]+)\)|src="([^"]+)"/g,
      )) {
        if (link && !/^https?:/.test(link))
          expect(existsSync(join(root, dirname(file), link)), `${file} → ${link}`).toBe(true);
      }
  });
});
