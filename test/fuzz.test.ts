// A few damaged files of every format, every time; `npm run fuzz` does as many as one likes.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

it("damaged files are read or refused, quickly and in little memory", () => {
  const script = fileURLToPath(new URL("../scripts/fuzz.mjs", import.meta.url));
  const { status, stdout } = spawnSync(
    process.execPath,
    [script, "--count", "6400", "--seed", "11"],
    {
      encoding: "utf8",
    },
  );
  expect(stdout).toMatch(/^0 faults$/m);
  expect(stdout.match(/ read, /g)!.length).toBeGreaterThan(12);
  expect(status).toBe(0);
});
