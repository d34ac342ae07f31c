// Training from the command line with pictures of every format and size, tables of labels, every
// change of images, and logs.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { encode } from "fast-png";
import { random } from "fiducial/engine";
import { loadNetwork } from "fiducial/learning";
import { killedAt } from "./program.ts";

const main = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "fiducial-training-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const at = (name: string): string => join(folder, name);
const fixture = JSON.parse(
  readFileSync(new URL("fixtures/pictures.json", import.meta.url), "utf8"),
) as {
  cases: Record<string, { file: string }>;
};
function fiducial(...args: string[]): { status: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], {
    encoding: "utf8",
  });
  return { status, out: stdout, err: stderr };
}
const hash = (path: string): string =>
  createHash("sha256").update(readFileSync(path)).digest("hex");
const arch = at("arch.json");
const layers = [
  { kind: "conv2d", outChannels: 4, kernelSize: 3, stride: 2 },
  { kind: "relu" },
  { kind: "flatten" },
  { kind: "linear", outFeatures: 2 },
];
/** A picture of a colour, of a size of its own. */
function painted(i: number): Uint8Array {
  const rng = random(5).fork(i);
  const [height, width] = [12 + rng.integer(9), 12 + rng.integer(9)];
  const data = Uint8Array.from(
    { length: 3 * height * width },
    (_, k) => (k % 3 === i % 2 ? 200 : 40) + rng.integer(50),
  );
  return encode({ width, height, data, channels: 3, depth: 8 });
}
beforeAll(() => {
  writeFileSync(arch, JSON.stringify({ layers }));
  for (const c of ["red", "green"]) mkdirSync(at(`pictures/${c}`), { recursive: true });
  mkdirSync(at("flat"));
  const rows = Array.from({ length: 40 }, (_, i) => {
    const label = i % 2 === 0 ? "red" : "green";
    writeFileSync(at(`pictures/${label}/${i}.png`), painted(i));
    writeFileSync(at(`flat/${i}.png`), painted(i));
    return `${label},${i}.png`;
  });
  writeFileSync(at("labels.csv"), `class,file\n${rows.join("\n")}\n`);
  writeFileSync(
    at("astray.csv"),
    `file,class\n${rows.map((row) => row.replace(",", ".jpg,")).join("\n")}\n`,
  );
  for (const [name, kind] of [
    ["BMP 24", "bmp"],
    ["WebP lossless", "webp"],
    ["TIFF RGB tiff_lzw", "tif"],
  ])
    writeFileSync(at(`pictures/red/x.${kind}`), Buffer.from(fixture.cases[name].file, "base64"));
});
const common = [
  "--arch",
  "",
  "--epochs",
  "2",
  "--batch-size",
  "8",
  "--learning-rate",
  "0.01",
  "--threads",
  "1",
];
const train = (...args: string[]) =>
  fiducial("train", "classifier", ...common.map((w) => w || arch), ...args);

describe("fiducial train classifier", () => {
  it("takes pictures of every format and size, and says what happens to a log", () => {
    const log = at("log.csv");
    const run = train(
      "--data",
      at("pictures"),
      "--size",
      "16",
      "--out",
      at("a.safetensors"),
      "--log",
      log,
      "--json",
    );
    expect(run.status).toBe(0);
    const network = loadNetwork(readFileSync(at("a.safetensors")));
    expect(network.architecture.input).toEqual([3, 16, 16]);
    expect(network.trained!.classes).toEqual(["green", "red"]);
    const rows = readFileSync(log, "utf8").trimEnd().split("\n");
    expect(rows[0]).toBe(
      "epoch,learningRate,trainLoss,trainAccuracy,validationLoss,validationAccuracy",
    );
    expect(rows.length).toBe(3);
  });
  it("takes a table of labels", () => {
    const log = at("events.out.tfevents.1");
    const files = ["--data", at("flat"), "--labels", at("labels.csv")];
    const run = train(
      ...files,
      "--size",
      "16",
      "--fit",
      "pad",
      "--out",
      at("b.safetensors"),
      "--log",
      log,
    );
    expect(run.status).toBe(0);
    expect(
      readFileSync(log)
        .subarray(12 + 9, 12 + 24)
        .toString("latin1"),
    ).toContain("brain.Event:2");
  });
  it("with every change of images, killed and resumed, ends with the same bits and the same log", async () => {
    const all = [
      "--brightness",
      "0.2",
      "--contrast",
      "0.2",
      "--saturation",
      "0.2",
      "--hue",
      "0.1",
      "--crop",
      "0.5",
    ];
    const more = [
      "--cutout",
      "4",
      "--mixup",
      "0.3",
      "--balanced",
      "--weight-decay",
      "0.001",
      "--warmup",
      "3",
    ];
    const rest = [
      "--label-smoothing",
      "0.1",
      "--schedule",
      "cosine",
      "--keep-best",
      "--checkpoint-every",
      "1",
    ];
    const files = ["--data", at("pictures"), "--size", "16", ...all, ...more, ...rest];
    const whole = train(...files, "--out", at("whole.safetensors"), "--log", at("whole.csv"));
    expect(whole.err).not.toMatch(/fiducial:/);
    expect(whole.status).toBe(0);
    const words = [
      "train",
      "classifier",
      ...common.map((w) => w || arch),
      ...files,
      "--out",
      at("parts.safetensors"),
    ];
    await killedAt(words, () => existsSync(at("parts.safetensors.training")));
    expect(fiducial(...words, "--resume", "--log", at("parts.csv")).status).toBe(0);
    expect(hash(at("parts.safetensors"))).toBe(hash(at("whole.safetensors")));
  });
  it("names what is wrong", () => {
    const refused = (says: RegExp, ...args: string[]): void => {
      const run = train(...args);
      expect(run.err).toMatch(says);
      expect(run.status).toBe(2);
      expect(run.err).not.toMatch(/\n\s+at /);
    };
    const out = ["--out", at("c.safetensors")];
    refused(
      /11.png: it is 14×14, the first picture is 16×12; make them all one size; --size N does/,
      "--data",
      at("pictures"),
      ...out,
    );
    refused(
      /--log .*: its name says none of the kinds: .csv, .jsonl/,
      "--data",
      at("pictures"),
      "--size",
      "8",
      ...out,
      "--log",
      at("log.txt"),
    );
    refused(
      /there is no such file/,
      "--data",
      at("flat"),
      "--labels",
      at("none.csv"),
      "--size",
      "8",
      ...out,
    );
    refused(
      /"red.jpg" is named a second time/,
      "--data",
      at("flat"),
      "--labels",
      at("astray.csv"),
      "--size",
      "8",
      ...out,
    );
    refused(/did you mean --brightness\?/, "--data", at("pictures"), "--brigthness", "0.1", ...out);
    refused(
      /saturation and hue are of 3 channels/,
      "--data",
      "strokes",
      "--count",
      "40",
      "--hue",
      "0.1",
      ...out,
    );
    expect(existsSync(at("c.safetensors"))).toBe(false);
  });
});
