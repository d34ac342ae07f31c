// Training classifiers from the command line: data of every kind, resuming after a kill, and bad
// input.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
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
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import jpeg from "jpeg-js";
import { encode } from "fast-png";
import { zipSync } from "fflate";
import { afterAll, describe, expect, it } from "vitest";
import {
  arraySet,
  readCifar10,
  readIdxSet,
  readNpyArray,
  readNpz,
  readPicture,
  straightEdges,
  strokeDigits,
  writePng,
  type LabelledImages,
} from "fiducial/data";
import { loadNetwork, loadTraining } from "fiducial/learning";
import { killedAt } from "./program.ts";

const main = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "fiducial-classifier-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const at = (name: string): string => join(folder, name);
interface Run {
  status: number | null;
  out: string;
  err: string;
}
function fiducial(...args: string[]): Run {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], {
    encoding: "utf8",
  });
  return { status, out: stdout, err: stderr };
}
function refused(run: Run, says: RegExp): void {
  const lines = run.err
    .trimEnd()
    .split("\n")
    .filter((l) => l.startsWith("fiducial:"));
  expect(run.err).not.toMatch(/\n\s+at |internal error/);
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatch(says);
  expect(run.status).toBe(2);
}
const hash = (path: string): string =>
  createHash("sha256").update(readFileSync(path)).digest("hex");
function idx(shape: number[], values: Uint8Array): Uint8Array {
  const head = new Uint8Array(4 + 4 * shape.length);
  head.set([0, 0, 8, shape.length]);
  shape.forEach((n, i) => new DataView(head.buffer).setUint32(4 + 4 * i, n));
  return Buffer.concat([head, values]);
}
function bytesOf(set: LabelledImages): { images: Uint8Array; labels: Uint8Array } {
  const size = set.shape[0] * set.shape[1] * set.shape[2];
  const pixels = new Float32Array(size);
  const images = new Uint8Array(set.length * size);
  for (let i = 0; i < set.length; i++) {
    set.pixels(i, pixels);
    images.set(
      pixels.map((v) => Math.round(255 * v)),
      i * size,
    );
  }
  return { images, labels: Uint8Array.from({ length: set.length }, (_, i) => set.label(i)) };
}
const arch = at("arch.json");
writeFileSync(
  arch,
  JSON.stringify({
    layers: [
      { kind: "conv2d", outChannels: 4, kernelSize: 5, stride: 2 },
      { kind: "relu" },
      { kind: "maxPool2d", kernelSize: 2 },
      { kind: "flatten" },
      { kind: "linear", outFeatures: 4 },
    ],
  }),
);

describe("data", () => {
  it("generated sets repeat with their seed, image by image, and cover their classes", () => {
    const [a, b] = [strokeDigits({ count: 200, seed: 3 }), strokeDigits({ count: 50, seed: 3 })];
    const [x, y] = [new Float32Array(784), new Float32Array(784)];
    a.pixels(7, x);
    b.pixels(7, y);
    expect(x).toEqual(y);
    expect(new Set(Array.from({ length: 200 }, (_, i) => a.label(i))).size).toBe(10);
  });
  it("IDX and CIFAR-10 give back what was written", () => {
    const { images, labels } = bytesOf(strokeDigits({ count: 20, seed: 1 }));
    const set = readIdxSet(gzipSync(idx([20, 28, 28], images)), idx([20], labels), { name: "set" });
    const out = new Float32Array(784);
    set.pixels(5, out);
    expect(out[400]).toBeCloseTo(images[5 * 784 + 400] / 255, 6);
    expect(set.label(5)).toBe(labels[5]);
    const record = Uint8Array.from({ length: 3073 }, (_, i) => (i === 0 ? 9 : i % 251));
    const cifar = readCifar10([record, record], "set");
    const pixels = new Float32Array(3072);
    cifar.pixels(1, pixels);
    expect([cifar.length, cifar.classes[cifar.label(1)], cifar.shape]).toEqual([
      2,
      "truck",
      [3, 32, 32],
    ]);
    expect(pixels[1024]).toBeCloseTo((1025 % 251) / 255, 6);
  });
  it("JPEG pictures, by content and not by name; damaged ones are refused", () => {
    const data = Uint8Array.from(
      { length: 16 * 24 * 4 },
      (_, i) => [10 * Math.floor(i / 96), 200, 5 * (Math.floor(i / 4) % 24), 255][i % 4],
    );
    const bytes = new Uint8Array(jpeg.encode({ width: 24, height: 16, data }, 95).data);
    const picture = readPicture(bytes, "photo.png");
    expect([picture.height, picture.width, picture.grey]).toEqual([16, 24, false]);
    for (const [r, c] of [
      [0, 0],
      [7, 20],
      [15, 3],
    ])
      picture
        .pixel(r, c)
        .forEach((v, k) =>
          expect(Math.abs(v - data[4 * (24 * r + c) + k] / 255)).toBeLessThan(0.06),
        );
    expect(() => readPicture(bytes.subarray(0, 60), "photo.jpg")).toThrow(
      /photo\.jpg: this JPEG cannot be read/,
    );
    expect(() => readPicture(Uint8Array.of(1, 2, 3), "photo.jpg")).toThrow(/neither PNG nor JPEG/);
  });
  it("numpy arrays: bytes or floats, channels first or last, NPY or NPZ", () => {
    const npy = (type: string, shape: number[], bytes: Uint8Array): Uint8Array => {
      const head =
        `{'descr': '${type}', 'fortran_order': False, 'shape': (${shape.join(", ")},), }`.padEnd(
          117,
        );
      return Buffer.concat([
        Uint8Array.of(0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, head.length + 1, 0),
        Buffer.from(`${head}\n`),
        bytes,
      ]);
    };
    const bytes = Uint8Array.from({ length: 2 * 4 * 5 * 3 }, (_, i) => (i * 7) % 256);
    const labels = readNpyArray(
      npy("<i4", [2], new Uint8Array(Int32Array.of(1, 0).buffer)),
      "labels",
    );
    const last = arraySet(readNpyArray(npy("|u1", [2, 4, 5, 3], bytes), "images"), labels, "set");
    expect([last.shape, last.classes, last.label(0)]).toEqual([[3, 4, 5], ["0", "1"], 1]);
    const out = new Float32Array(60);
    last.pixels(1, out);
    expect(out[20 + 5 + 2]).toBeCloseTo(bytes[60 + (5 + 2) * 3 + 1] / 255, 6);
    const floats = Float32Array.from({ length: 40 }, (_, i) => i / 40);
    const grey = npy("<f4", [2, 4, 5], new Uint8Array(floats.buffer));
    arraySet(readNpyArray(grey, "images"), labels, "set").pixels(1, out.subarray(0, 20));
    expect(out[3]).toBeCloseTo(23 / 40, 6);
    const zipped = zipSync({
      "images.npy": grey,
      "labels.npy": npy("<i4", [2], new Uint8Array(Int32Array.of(1, 0).buffer)),
    });
    expect([...readNpz(zipped, "z").keys()]).toEqual(["images", "labels"]);
    expect(() => readNpz(zipped.subarray(0, 60), "z.npz")).toThrow(/z\.npz: it cannot be unpacked/);
    expect(() =>
      arraySet(
        readNpyArray(grey, "images"),
        readNpyArray(npy("<i4", [3], new Uint8Array(12)), "labels"),
        "set",
      ),
    ).toThrow(/2 images and 3 labels/);
    expect(() =>
      arraySet(
        readNpyArray(
          npy("<f4", [2, 4, 5], new Uint8Array(floats.map((v) => 3 * v).buffer)),
          "images",
        ),
        labels,
        "set",
      ).pixels(1, out),
    ).toThrow(/floats should be from 0 to 1/);
    expect(() =>
      arraySet(readNpyArray(grey, "images"), labels, "set", { classes: ["only"] }),
    ).toThrow(/image 0 has label 1; labels are whole numbers from 0 to 0/);
    writeFileSync(at("set.npz"), zipped);
    refused(
      fiducial(
        "train",
        "classifier",
        "--data",
        at("set.npz"),
        "--arch",
        arch,
        "--out",
        at("never.safetensors"),
      ),
      /layer 0|batch size/,
    );
  });
  it("says what is wrong: counts that differ, a label out of range, files cut short", () => {
    const { images, labels } = bytesOf(strokeDigits({ count: 20, seed: 1 }));
    expect(() =>
      readIdxSet(idx([20, 28, 28], images), idx([19], labels.subarray(1)), { name: "set" }),
    ).toThrow(/20 images and 19 labels/);
    expect(() =>
      readIdxSet(idx([20, 28, 28], images), idx([20], labels.with(3, 12)), {
        name: "set",
        classes: [..."0123456789"],
      }),
    ).toThrow(/image 3 has label 12, the classes are 0 to 9/);
    expect(() =>
      readIdxSet(idx([20, 28, 28], images.subarray(1)), idx([20], labels), { name: "set" }),
    ).toThrow(/20×28×28 = 15680 values and it has 15679/);
    expect(() =>
      readIdxSet(gzipSync(idx([20, 28, 28], images)).subarray(0, 300), idx([20], labels), {
        name: "set",
      }),
    ).toThrow(/cannot be unpacked/);
    expect(() => readCifar10([new Uint8Array(3072)], "set")).toThrow(/no whole number of records/);
    expect(() => readCifar10([new Uint8Array(3073).fill(10)], "set")).toThrow(/label 10/);
  });
});

describe("fiducial train classifier", () => {
  it("learns generated digits to 95 % with LeNet-5, and the checkpoint classifies a picture", () => {
    const out = at("digits.safetensors");
    const run = fiducial(
      "train",
      "classifier",
      "--data",
      "strokes",
      "--count",
      "2000",
      "--epochs",
      "4",
      "--out",
      out,
      "--json",
    );
    expect(run.status).toBe(0);
    const printed = JSON.parse(run.out) as { testAccuracy: number };
    expect(Object.keys(printed).at(-1)).toBe("testAccuracy");
    expect(printed.testAccuracy).toBeGreaterThan(0.95);
    expect(existsSync(`${out}.training`)).toBe(false);
    const html = readFileSync(at("digits.html"), "utf8");
    expect(/<script|<link|@import|url\(|https?:|src="(?!data:)|undefined|NaN/.test(html)).toBe(
      false,
    );
    for (const what of [
      "Loss",
      "Accuracy",
      "Confusion",
      "Learned kernels",
      "npx fiducial train classifier --data strokes",
    ])
      expect(html.includes(what), what).toBe(true);
    const set = strokeDigits({ count: 20, seed: 77 });
    const pictures = Array.from({ length: 20 }, (_, i) => {
      const pixels = new Float32Array(784);
      set.pixels(i, pixels);
      writeFileSync(at(`digit-${i}.png`), writePng(pixels, [28, 28], 1));
      return at(`digit-${i}.png`);
    });
    const seen = JSON.parse(fiducial("classify", out, ...pictures, "--json").out) as {
      classes: { name: string; probability: number }[];
    }[];
    expect(
      seen.filter((s, i) => s.classes[0].name === set.classes[set.label(i)]).length,
    ).toBeGreaterThanOrEqual(18);
    const explained = fiducial(
      "classify",
      out,
      pictures[0],
      pictures[1],
      "--explain",
      at("explained"),
    );
    expect(explained.status).toBe(0);
    expect(readdirSync(at("explained"))).toEqual(["saliency-1.png", "saliency-2.png"]);
    const sheet = fiducial("inspect", out, "--image", pictures[0], "--out", at("features.png"));
    expect(sheet.out).toMatch(/0\.conv2d +conv2d +\[6×28×28\][\s\S]*Feature maps/);
    expect(existsSync(at("features.png"))).toBe(true);
    const other = new Float32Array(30 * 28);
    writeFileSync(at("large.png"), writePng(other, [30, 28], 1));
    refused(
      fiducial("classify", out, at("large.png")),
      /large\.png: it is 30×28, the network takes \[1×28×28\]; resize it/,
    );
    writeFileSync(
      at("colour.png"),
      encode({
        width: 28,
        height: 28,
        channels: 3,
        data: Uint8Array.from({ length: 3 * 784 }, (_, i) => i % 256),
      }),
    );
    refused(
      fiducial("classify", out, at("colour.png")),
      /colour\.png: it is in colour, the network takes grey pictures/,
    );
    refused(fiducial("classify", out), /name a checkpoint and at least one picture/);
    refused(
      fiducial(
        "classify",
        fileURLToPath(new URL("../weights/unet-128.safetensors", import.meta.url)),
        pictures[0],
      ),
      /no classifier of images/,
    );
    refused(
      fiducial("inspect", "--image", pictures[0], "--out", at("never.png")),
      /takes \[2×128×128\]; pictures are for networks of grey or colour images/,
    );
    for (const s of seen)
      expect(s.classes.reduce((n, c) => n + c.probability, 0)).toBeLessThanOrEqual(1 + 1e-6);
  });
  it("trains on a folder per class, names a bad picture, and leaves it out when told to", () => {
    const set = straightEdges({ count: 80, seed: 2, size: 16 });
    const pixels = new Float32Array(256);
    for (let i = 0; i < set.length; i++) {
      set.pixels(i, pixels);
      mkdirSync(at(`pictures/${set.classes[set.label(i)]}`), { recursive: true });
      writeFileSync(
        at(`pictures/${set.classes[set.label(i)]}/${i}.png`),
        writePng(pixels, [16, 16], 1),
      );
    }
    const args = [
      "train",
      "classifier",
      "--data",
      at("pictures"),
      "--arch",
      arch,
      "--epochs",
      "2",
      "--batch-size",
      "8",
      "--out",
      at("edges.safetensors"),
    ];
    expect(fiducial(...args).status).toBe(0);
    expect(loadNetwork(readFileSync(at("edges.safetensors"))).trained!.classes).toEqual([
      "falling",
      "horizontal",
      "rising",
      "vertical",
    ]);
    const bad = at(`pictures/rising/bad.png`);
    writeFileSync(
      bad,
      readFileSync(at(`pictures/${set.classes[set.label(0)]}/0.png`)).subarray(0, 60),
    );
    refused(fiducial(...args), /bad\.png.*--skip-bad/);
    const skipped = fiducial(...args, "--skip-bad");
    expect(skipped.status).toBe(0);
    expect(skipped.err).toMatch(/left out: .*bad\.png/);
    mkdirSync(at("pictures/none"));
    refused(fiducial(...args), /class "none" has no pictures/);
  });
  it("keeps what is done to pictures in the network, by which classify and inspect go on", () => {
    const out = at("prepared.safetensors");
    const pictures = [
      "--resize",
      "24",
      "--centre-crop",
      "20",
      "--mean",
      "0.4",
      "--deviation",
      "0.3",
    ];
    const data = ["--data", "edges", "--count", "800", "--epochs", "2", "--batch-size", "20"];
    const run = fiducial("train", "classifier", ...data, ...pictures, "--hue", "0", "--out", out);
    expect(run.status, run.err).toBe(0);
    const { architecture, trained, provenance } = loadNetwork(readFileSync(out));
    expect(architecture.input).toEqual([1, 20, 20]);
    expect(trained!.preprocessing).toEqual({ resize: 24, crop: 20, mean: [0.4], deviation: [0.3] });
    expect(provenance.pixels).toBeUndefined();
    expect(fiducial("inspect", out).out).toMatch(
      /trained for preprocessing: \{"resize":24,"crop":20/,
    );
    // pictures of the data's size, which the network does not take as they are
    const set = straightEdges({ count: 40, seed: 99 });
    const pixels = new Float32Array(784);
    const files = Array.from({ length: set.length }, (_, i) => {
      set.pixels(i, pixels);
      writeFileSync(at(`edge-${i}.png`), writePng(pixels, [28, 28], 1));
      return at(`edge-${i}.png`);
    });
    const answer = fiducial("classify", out, ...files, "--top", "1", "--json");
    const found = JSON.parse(answer.out) as { classes: { name: string }[] }[];
    const right = found.filter(({ classes }, i) => classes[0].name === set.classes[set.label(i)]);
    expect(right.length).toBeGreaterThan(36);
  });
  it("killed at changes of its files and resumed, ends with the bits of a run never stopped", () => {
    const args = (out: string): string[] => [
      "train",
      "classifier",
      "--data",
      "edges",
      "--count",
      "640",
      "--arch",
      arch,
      "--epochs",
      "6",
      "--batch-size",
      "8",
      "--shift",
      "1",
      "--checkpoint-every",
      "7",
      "--out",
      out,
      "--resume",
    ];
    const whole = at("whole.safetensors");
    expect(fiducial(...args(whole)).status).toBe(0);
    // before the state is opened, written, and given its name; early and late
    for (const [k, calls] of [
      [29, 60],
      [30, 91],
      [31, 122],
    ].entries()) {
      const out = at(`killed-${k}/model.safetensors`);
      mkdirSync(at(`killed-${k}`));
      for (const call of calls) {
        const child = spawnSync(process.execPath, [...killedAt(call), main, ...args(out)], {
          stdio: "ignore",
        });
        expect(child.signal).toBe("SIGKILL");
        expect(loadTraining(readFileSync(`${out}.training`)).step % 7).toBe(0);
      }
      expect(fiducial(...args(out)).err).toMatch(/resumed after \d+ steps/);
      expect(hash(out), `run ${k}`).toBe(hash(whole));
    }
  });
  it("trains ResNet-20 on CIFAR-10 batches with falling loss, mirrored, turned and scaled", () => {
    const set = straightEdges({ count: 96, seed: 4, size: 32 });
    const { images, labels } = bytesOf(set);
    mkdirSync(at("cifar"));
    // grey pictures as three equal channels
    writeFileSync(
      at("cifar/data_batch_1.bin"),
      Buffer.concat(
        Array.from({ length: 96 }, (_, i) => {
          const p = images.subarray(i * 1024, (i + 1) * 1024);
          return Buffer.concat([Uint8Array.of(labels[i]), p, p, p]);
        }),
      ),
    );
    const run = fiducial(
      "train",
      "classifier",
      "--data",
      at("cifar"),
      "--arch",
      "resnet20",
      "--epochs",
      "3",
      "--batch-size",
      "16",
      "--flip",
      "--rotate",
      "5",
      "--scale",
      "0.1",
      "--out",
      at("cifar.safetensors"),
      "--json",
    );
    const { epochs } = JSON.parse(run.out) as { epochs: { trainLoss: number }[] };
    expect(epochs[2].trainLoss).toBeLessThan(epochs[0].trainLoss);
  });
  const cases: [string, string[], RegExp][] = [
    ["no data", [], /name the data with --data/],
    [
      "a folder that is none",
      ["--data", "nowhere"],
      /nowhere: cannot read it: there is no such file or folder/,
    ],
    [
      "a folder of other things",
      ["--data", fileURLToPath(new URL("../schema", import.meta.url))],
      /neither IDX files .* nor CIFAR-10 batches .* nor a folder per class/,
    ],
    [
      "an architecture for other images",
      ["--data", "edges", "--arch", at("other.json")],
      /takes images \[1,9,9\], the data's are \[1,28,28\]/,
    ],
    [
      "an architecture that does not fit together",
      ["--data", "edges", "--arch", at("stack.json")],
      /layer 0\.linear: its input is .* put flatten\(\) before it/,
    ],
    [
      "an architecture that is not JSON",
      ["--data", "edges", "--arch", at("text.json")],
      /text\.json: it is no JSON/,
    ],
    [
      "a batch larger than the set",
      ["--data", "edges", "--count", "20", "--batch-size", "64"],
      /batch size 64 is larger than the set of 20/,
    ],
    [
      "a learning rate that diverges",
      ["--data", "edges", "--count", "600", "--optimizer", "sgd", "--learning-rate", "1e6"],
      /the loss is (NaN|Infinity) at step \d+ .*lower the learning rate/,
    ],
  ];
  const edges = ["--data", "edges", "--count", "100"];
  for (const [words, says] of [
    ["--mean 1,2", /^fiducial: --mean 1,2: give one number, or three with commas between$/],
    ["--mean dark", /^fiducial: --mean dark: give a number$/],
    ["--mean 1,1,1", /3 numbers for 1 channel, the network takes \[1×28×28\]/],
    ["--deviation 0", /--deviation 0: give one number, .* none of them 0/],
    ["--range 1,1", /--range 1,1: give two different numbers/],
    ["--resize 2.5", /--resize 2\.5: give a number of pixels from 1 to 65536, or height and width/],
    ["--centre-crop 0", /--centre-crop 0: give a number of pixels/],
    ["--resize 20 --centre-crop 24", /it is 20×20 and is to be cropped to 24×24; resize it larger/],
    ["--channels cmyk", /--channels cmyk: it is one of rgb, bgr, grey/],
    ["--channels bgr", /its channels are bgr, the network takes \[1×28×28\]/],
    ["--interpolation cubic", /it is one of bilinear, nearest/],
  ] as const)
    cases.push([`pictures prepared by ${words}`, [...edges, ...words.split(" ")], says]);
  writeFileSync(at("other.json"), JSON.stringify({ input: [1, 9, 9], layers: [] }));
  writeFileSync(at("stack.json"), JSON.stringify({ layers: [{ kind: "linear", outFeatures: 4 }] }));
  writeFileSync(at("text.json"), "layers");
  for (const [name, args, says] of cases)
    it(`refuses ${name}`, () => {
      refused(
        fiducial("train", "classifier", "--arch", arch, ...args, "--out", at("never.safetensors")),
        says,
      );
      expect(existsSync(at("never.safetensors"))).toBe(false);
    });
  it("keeps the last good state when the loss diverges", () => {
    const out = at("diverged/model.safetensors");
    mkdirSync(at("diverged"));
    const run = fiducial(
      "train",
      "classifier",
      "--data",
      "edges",
      "--count",
      "6400",
      "--arch",
      arch,
      "--optimizer",
      "sgd",
      "--learning-rate",
      "3",
      "--checkpoint-every",
      "1",
      "--epochs",
      "400",
      "--out",
      out,
    );
    refused(run, /the loss is (NaN|Infinity) at step (\d+)/);
    const diverged = Number(/at step (\d+)/.exec(run.err)?.[1]);
    expect(diverged).toBeGreaterThan(1);
    const { step, network } = loadTraining(readFileSync(`${out}.training`));
    expect(step).toBeLessThan(diverged);
    for (const { data } of network.parameters.values())
      expect(data.every(Number.isFinite)).toBe(true);
    expect(existsSync(out)).toBe(false);
  });
  it("goes on from no other run's state", () => {
    const out = at("other-run/model.safetensors");
    mkdirSync(at("other-run"));
    const args = [
      "train",
      "classifier",
      "--data",
      "edges",
      "--count",
      "64",
      "--arch",
      arch,
      "--batch-size",
      "8",
      "--checkpoint-every",
      "3",
      "--out",
      out,
    ];
    // in the middle of writing a state, when one is there already
    const child = spawnSync(
      process.execPath,
      [...killedAt(31), main, ...args, "--epochs", "2000"],
      {
        stdio: "ignore",
      },
    );
    expect(child.signal).toBe("SIGKILL");
    refused(
      fiducial(...args, "--epochs", "3", "--resume"),
      /started with epochs 2000 and should go on with 3/,
    );
    cpSync(`${out}.training`, at("cut.training"));
    writeFileSync(`${out}.training`, readFileSync(`${out}.training`).subarray(0, -40));
    refused(fiducial(...args, "--epochs", "2000", "--resume"), /cut short/);
    refused(
      fiducial("classify", at("cut.training"), at("nothing.png")),
      /nothing\.png: cannot read it/,
    );
    expect(readdirSync(at("other-run")).filter((name) => name.endsWith(".training"))).toHaveLength(
      1,
    );
  });
});
