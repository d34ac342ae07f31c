// The house's own rules, held by a test where no linter has a word for them: lines that are read at
// a glance, files that fit a thought, headers that say what a file is for.
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const sources = ["src", "test", "bench", "scripts", "examples", "lab"].flatMap((folder) =>
  filesIn(join(root, folder)),
);

function filesIn(folder: string): string[] {
  let entries: ReturnType<typeof readdirSync<{ withFileTypes: true }>>;
  try {
    entries = readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
  return entries.flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory())
      return ["node_modules", "dist", ".build"].includes(entry.name) ? [] : filesIn(path);
    return /\.(ts|tsx|mjs)$/.test(entry.name) ? [path] : [];
  });
}
const name = (path: string): string => relative(root, path);

const comment = /^\s*(\/\/|\/\*\*|\* )/;

describe("the house", () => {
  it("has files to look at", () => expect(sources.length).toBeGreaterThan(200));
  it("has no comment over 100 characters: the formatter divides code at 100, and comments not at all", () => {
    const long = sources.flatMap((path) =>
      readFileSync(path, "utf8")
        .split("\n")
        .flatMap((line, i) =>
          [...line].length > 100 && comment.test(line) ? [`${name(path)}:${i + 1}`] : [],
        ),
    );
    expect(long).toEqual([]);
  });
  it("has no source file over 400 lines", () => {
    const long = sources
      .filter((path) => name(path).startsWith("src"))
      .flatMap((path) => {
        const lines = readFileSync(path, "utf8").split("\n").length - 1;
        return lines > 400 ? [`${name(path)}: ${lines}`] : [];
      });
    expect(long).toEqual([]);
  });
  it("says at the head of every source file what it is for", () => {
    const silent = sources.filter(
      (path) => !/^(#!.*\n)?(\/\/|\/\*)/.test(readFileSync(path, "utf8")),
    );
    expect(silent.map(name)).toEqual([]);
  });
  it("keeps no fixture that says where on a machine it was made, as exporters write it", () => {
    const folder = join(root, "test/fixtures");
    const files = (readdirSync(folder, { recursive: true }) as string[]).filter((file) =>
      /\.(onnx|pth?|json|npz|mat|h5)$/.test(file),
    );
    const telling = files.filter((file) =>
      /\/(home|root|work)\/|site-packages/.test(readFileSync(join(folder, file), "latin1")),
    );
    expect(telling).toEqual([]);
  });
  it("throws nothing but its own errors", () => {
    const bare = sources
      .filter((path) => name(path).startsWith("src"))
      .filter((path) =>
        /throw new (Error|TypeError|RangeError)\(/.test(readFileSync(path, "utf8")),
      );
    expect(bare.map(name)).toEqual([]);
  });
});
