// The types of layers of one's own: what is right compiles, and what is wrong does not.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
it("options have the types of their table, in the layer and where it is used", () => {
  const file = fileURLToPath(new URL("fixtures/own-layers.ts", import.meta.url));
  const options = [
    "--ignoreConfig",
    "--noEmit",
    "--strict",
    "--skipLibCheck",
    "--module",
    "nodenext",
  ];
  const tsc = `${root}node_modules/.bin/tsc`;
  const { status, stdout } = spawnSync(tsc, [...options, "--target", "es2023", file], {
    cwd: root,
    encoding: "utf8",
  });
  expect(stdout).toBe("");
  expect(status).toBe(0);
});
