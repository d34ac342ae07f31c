// Every example runs, and prints what its subject promises.
import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const folder = fileURLToPath(new URL("../examples", import.meta.url));
const promised: Record<string, RegExp> = {
  "01-vertical-edge": /^(0 30 30 0\n){4}$/,
  "02-filter-over-colours": /^1×3×3 values 6 6 0\n$/,
  "03-pooling": /^maxPool2d 9 2 6 3\navgPool2d 3\.75 1\.25 3\.75 2\n$/,
  "04-one-node": /= 4\.75\nafter ReLU: 4\.75\n$/,
  "05-forward-propagation": /11\.linear +10 /,
  "06-cost": /mean: (\d\.\d{6}) +C: \1/,
  "07-chain-rule": /= (-?\d\.\d{6}); the gradient vector says \1/,
  "08-update-after-all": /to 1e-6\n$/,
  "09-learn-a-kernel": /^(1\.0000 +-?0\.0000 +-1\.0000\n){3}$/,
  "10-digits": /epoch 3: .*test accuracy 9\d/,
  "11-translation-invariance": /global max-pooling +1 px: 0\.0 % +2 px: 0\.0 % +4 px: 0\.0 %/,
  "15-custom-layer": /accuracy 9\d\.\d %\nloaded it gives the same: true\n$/,
  "16-transfer-learning": /on the frozen backbone: [789]\d\.\d % of 200 new shapes\n/,
};
describe("examples", () => {
  const names = readdirSync(folder)
    .filter((name) => name.endsWith(".ts"))
    .map((name) => name.slice(0, -3));
  it("are all named here", () => expect(names.sort()).toEqual(Object.keys(promised)));
  for (const name of names)
    it(name, () => {
      const out = execFileSync(
        process.execPath,
        [fileURLToPath(new URL(`../dist/examples/${name}.js`, import.meta.url))],
        { encoding: "utf8" },
      );
      expect(out).toMatch(promised[name]);
    });
});
