// Small cases of ONNX's own conformance suite, one of every op and version that serious networks
// have: computed, compared, and their derivatives held to central differences. `npm run
// conformance` does all of it.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

it("imported networks compute what the suite says, with the derivatives of what they compute", () => {
  const [script, cases] = ["../scripts/conformance.mjs", "./fixtures/onnx-cases.zip"].map((path) =>
    fileURLToPath(new URL(path, import.meta.url)),
  );
  const { status, stdout } = spawnSync(process.execPath, [script, cases, "--gradients"], {
    encoding: "utf8",
  });
  expect(stdout).toMatch(/^core +(\d{3}) of \1, 100\.00 %$/m);
  expect(stdout).toMatch(/^serious +(\d{3}) of \1, 100\.00 %$/m);
  const compared = stdout.match(/derivatives of (\d+) cases beside central differences: 0 are off/);
  expect(Number(compared?.[1])).toBeGreaterThan(100);
  expect(status).toBe(0);
});
