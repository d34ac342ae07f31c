// Every example runs, and prints what its subject promises.
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, it } from "vitest";
import { encode } from "fast-png";
import { drawnShapes, strokeDigits, type LabelledImages } from "fiducial/data";
import { random } from "fiducial/engine";
import { loadNetwork, nn, resnet18Names, saveStateDict } from "fiducial/learning";

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
  "12-mnist": /epoch 4: .*, validation accuracy [5-9]\d\.\d %\n$/,
  "13-cifar10": /accuracy of 40 test images: ([5-9]\d|100)\.\d %\naccuracy of airplane: /,
  "14-segmentation": /epoch 5: loss 0\.\d{3}, IoU 0\.[89]\d{2}\n$/,
  "15-k-space": /deep cascade: 3\d\.\d\d dB\n$/,
  "16-attack": /total variation, r₃ .* dB\n$/,
  "17-tumour": /deep cascade: \d+ % of the contrast/,
  "18-more-samples": /60 % of k-space: U-Net/,
  "19-audit": /worst-case-perturbation, U-Net: /,
  "20-custom-layer": /validation accuracy 9\d\.\d %\nloaded it gives the same: true\n$/,
  "21-transfer-learning": /on the frozen backbone: [789]\d\.\d % of 200 new shapes\n/,
  "22-fine-tuning":
    /^all of it:\nepoch 1: .*\nepoch 2: .*\nits head alone:\n(epoch .*\n){2}(red|green): \d+\.\d %\n$/,
  "23-unet": /epoch 4: train loss .*, f1 0\.[789]\d{3}\n$/,
};
/** What the guide shows of them. */
const guide = readFileSync(new URL("../docs/guide.md", import.meta.url), "utf8");
const shown = new Map(
  [...guide.matchAll(/<!-- ([\w-]+) -->\n```text\n([\s\S]*?)```/g)].map((m) => [m[1], m[2]]),
);
/** The small sets that some of them read from a folder, in the formats of the real ones. */
const data = mkdtempSync(join(tmpdir(), "fiducial-examples-"));
afterAll(() => rmSync(data, { recursive: true, force: true }));
function bytesOf(set: LabelledImages, i: number): Uint8Array {
  const out = new Float32Array(set.shape[1] * set.shape[2]);
  set.pixels(i, out);
  return Uint8Array.from(out, (v) => Math.round(255 * v));
}
function idx(name: string, shape: number[], values: Uint8Array[]): void {
  const sizes = shape.flatMap((n) => [0, 0, n >> 8, n & 255]);
  writeFileSync(
    join(data, `${name}-ubyte.gz`),
    gzipSync(Buffer.concat([Buffer.from([0, 0, 8, shape.length, ...sizes]), ...values])),
  );
}
function writeSmallSets(): void {
  for (const [kind, count, seed] of [
    ["train", 600, 1],
    ["t10k", 100, 2],
  ] as const) {
    const digits = strokeDigits({ count, seed });
    const all = Array.from({ length: count }, (_, i) => i);
    idx(
      `${kind}-images-idx3`,
      [count, 28, 28],
      all.map((i) => bytesOf(digits, i)),
    );
    idx(`${kind}-labels-idx1`, [count], [Uint8Array.from(all, (i) => digits.label(i))]);
  }
  for (const [name, count, seed] of [
    ["data_batch_1", 400, 3],
    ["test_batch", 40, 4],
  ] as const) {
    const shapes = drawnShapes({ count, seed, size: 32 });
    // each class in a colour of its own
    const record = (i: number): Uint8Array => {
      const [label, grey] = [shapes.label(i), bytesOf(shapes, i)];
      const channels = [1, 2, 4].map((bit) => ((label + 1) & bit ? grey : new Uint8Array(1024)));
      return Buffer.concat([Uint8Array.of(label), ...channels]);
    };
    writeFileSync(
      join(data, `${name}.bin`),
      Buffer.concat(Array.from({ length: count }, (_, i) => record(i))),
    );
  }
}
function write(path: string, content: Uint8Array): void {
  mkdirSync(dirname(join(data, path)), { recursive: true });
  writeFileSync(join(data, path), content);
}
const SIDE = 32;
type Paint = (row: number, column: number, channel: number) => number;
function picture(channels: 1 | 3, paint: Paint): Uint8Array {
  const values = Uint8Array.from({ length: channels * SIDE * SIDE }, (_, k) => {
    const at = Math.floor(k / channels);
    return paint(Math.floor(at / SIDE), at % SIDE, k % channels);
  });
  return encode({ width: SIDE, height: SIDE, data: values, channels, depth: 8 });
}
/** Noise in one of two colours, one folder for each. */
function writeClasses(): void {
  for (const [part, count] of [
    ["train", 16],
    ["val", 8],
  ] as const)
    for (let i = 0; i < count; i++) {
      const rng = random(7).fork(`${part} ${i}`);
      const paint: Paint = (_r, _c, k) => (k === i % 2 ? 180 : 40) + rng.integer(50);
      write(`${part}/${["red", "green"][i % 2]}/${i}.png`, picture(3, paint));
    }
  const weights = nn.resnet18({ seed: 3, input: [3, SIDE, SIDE] });
  write("resnet18.safetensors", saveStateDict(weights, { names: resnet18Names }));
}
/** Bright discs in noise, and where they are. */
function writeMasks(): void {
  for (let i = 0; i < 60; i++) {
    const rng = random(8).fork(i);
    const [x, y, r] = [8 + rng.integer(16), 8 + rng.integer(16), 5 + rng.integer(5)];
    const isIn = (row: number, column: number) => (row - y) ** 2 + (column - x) ** 2 <= r * r;
    const bright: Paint = (row, column) => (isIn(row, column) ? 150 : 50) + rng.integer(60);
    write(`imgs/${i}.png`, picture(3, bright));
    const mask: Paint = (row, column) => (isIn(row, column) ? 255 : 0);
    write(`masks/${i}.png`, picture(1, mask));
  }
}
/** Other pages of the docs have these. */
const elsewhere = ["20-custom-layer", "21-transfer-learning"];
const words: Record<string, string[]> = {
  "12-mnist": [data, "4"],
  "13-cifar10": [data, "4"],
  "22-fine-tuning": [data, join(data, "val/red/0.png"), "2", String(SIDE)],
  "23-unet": [data, "4", String(SIDE), "4"],
};

describe("the tutorials of others", () => {
  const script = fileURLToPath(new URL("../scripts/tutorial-lines.mjs", import.meta.url));
  const cookbook = readFileSync(new URL("../docs/cookbook.md", import.meta.url), "utf8");
  const rowsOf = (table: string): string[][] =>
    table
      .split("\n")
      .filter((line) => /^\| .*examples\//.test(line))
      .map((line) => line.split("|").map((cell) => cell.trim()));
  it("are as long here as the cookbook says, and none is longer than theirs", () => {
    const now = rowsOf(execFileSync(process.execPath, [script], { encoding: "utf8" }));
    const told = rowsOf(cookbook);
    expect(told.map((row) => row.slice(0, 5))).toEqual(now.map((row) => row.slice(0, 5)));
    expect(told.length).toBeGreaterThanOrEqual(7);
    for (const [, what, , ours, , , theirs] of told)
      expect(Number(ours), what).toBeLessThanOrEqual(Number(theirs));
  });
});

describe("examples", () => {
  writeSmallSets();
  writeClasses();
  writeMasks();
  const names = readdirSync(folder)
    .filter((name) => name.endsWith(".ts"))
    .map((name) => name.slice(0, -3));
  it("are all named here", () => expect(names.sort()).toEqual(Object.keys(promised)));
  for (const name of names)
    it(name, () => {
      const out = execFileSync(
        process.execPath,
        [
          fileURLToPath(new URL(`../dist/examples/${name}.js`, import.meta.url)),
          ...(words[name] ?? []),
        ],
        { encoding: "utf8" },
      );
      expect(out).toMatch(promised[name]);
      // run by hand on a folder, they are not in the guide
      if (words[name] === undefined && !elsewhere.includes(name))
        expect(shown.get(name), "npm run guide -- --write").toBe(out);
    });
  it("leave networks that can be loaded", () => {
    for (const name of ["mnist", "cifar10", "unet"])
      expect(loadNetwork(readFileSync(join(data, `${name}.safetensors`))).provenance.epochs).toBe(
        4,
      );
  });
});
