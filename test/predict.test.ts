// Prediction: compiled once, batch norms folded, pictures prepared as the network's data says, on
// the command line, in the library and in a page alike.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { encode } from "fast-png";
import { describe, expect, it } from "vitest";
import { loadPicture, readPicture } from "fiducial/data";
import { ConfigError, openBackend, random, type Backend, type Graph } from "fiducial/engine";
import {
  classify,
  compilePrediction,
  exportNetwork,
  loadNetwork,
  nn,
  predict,
  preparedFor,
  prepareImages,
  preprocessedShape,
  saveNetwork,
  withPreprocessing,
  type Dataset,
  type Network,
  type Pixels,
  type Preprocessing,
} from "fiducial/learning";
import { chromium } from "./lab-page.ts";
import { at, fiducial, file } from "./program.ts";

const backend = await openBackend("wasm");
/** A backend that keeps what it compiles. */
function counting(): { backend: Backend; graphs: Graph[]; compiled: () => number } {
  const graphs: Graph[] = [];
  const { name, threads, notes } = backend;
  const compile: Backend["compile"] = (graph) => {
    graphs.push(graph);
    return backend.compile(graph);
  };
  const close = (): Promise<void> => backend.close();
  return {
    backend: { name, threads, notes, compile, close },
    graphs,
    compiled: () => graphs.length,
  };
}
const draw = (count: number, seed: number): Float32Array => {
  const rng = random(seed);
  return Float32Array.from({ length: count }, () => rng.normal());
};
/** Weights and statistics as training leaves them, not those that a network begins with. */
function used(network: Network): Network {
  const rng = random(7);
  const parameters = new Map(
    [...network.parameters].map(([name, { shape, data }]) => {
      const around = name.endsWith("runningVariance")
        ? 1
        : name.endsWith("runningMean")
          ? 0
          : undefined;
      const norm = name.includes("batchNorm");
      const moved = data.map((v) => (around ?? v) + (norm ? 0.5 * rng.uniform() : 0));
      return [name, { shape, data: moved }];
    }),
  );
  return { ...network, parameters };
}
const worst = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let [apart, top] = [0, 1e-30];
  for (let i = 0; i < a.length; i++) {
    apart = Math.max(apart, Math.abs(a[i] - b[i]));
    top = Math.max(top, Math.abs(a[i]));
  }
  return apart / top;
};

describe("predict", () => {
  it("compiles once for many calls with a network, a backend, a batch and a size", async () => {
    const { backend: counted, compiled } = counting();
    const [lenet, other] = [nn.lenet5({ seed: 0 }), nn.lenet5({ seed: 1 })];
    const inputs = draw(784, 1);
    const first = await predict(lenet, { inputs, count: 1, backend: counted });
    for (let i = 0; i < 20; i++)
      expect(await predict(lenet, { inputs, count: 1, backend: counted })).toEqual(first);
    expect(compiled()).toBe(1);
    await Promise.all(
      [1, 2].map(() => predict(lenet, { inputs: draw(1568, 2), count: 2, backend: counted })),
    );
    expect(compiled()).toBe(2);
    expect(await predict(other, { inputs, backend: counted })).not.toEqual(first);
    expect(compiled()).toBe(3);
    // the four last used stay
    for (const count of [3, 4, 5, 6])
      await predict(lenet, { inputs: draw(784 * count, 3), backend: counted });
    expect(compiled()).toBe(7);
    await predict(lenet, { inputs: draw(784 * 3, 3), backend: counted });
    expect(compiled()).toBe(7);
    await predict(lenet, { inputs, backend: counted });
    expect(compiled()).toBe(8);
  });
  it("gives every sample the same, whatever the batch, the last one filled up", async () => {
    const network = used(nn.resnet20({ seed: 0, input: [3, 16, 16] }));
    const inputs = draw(7 * 768, 4);
    const all = await predict(network, { inputs, backend });
    expect(all).toHaveLength(70);
    // another batch has other kernels, which round otherwise
    for (const batch of [1, 3, 5]) {
      const apart = worst(all, await predict(network, { inputs, batch, backend }));
      expect(apart).toBeLessThan(1e-5);
    }
  });
  it("takes images of other sizes, and several of them", async () => {
    const network = nn.unet({
      inChannels: 1,
      outChannels: 2,
      baseChannels: 4,
      depth: 2,
      seed: 0,
      size: [16, 16],
    });
    for (const [H, W] of [
      [8, 24],
      [32, 16],
    ] as const) {
      const y = await predict(network, { inputs: draw(H * W, 5), size: [H, W], backend });
      expect(y).toHaveLength(2 * H * W);
      expect(y.every(Number.isFinite)).toBe(true);
    }
    const prediction = await compilePrediction(network, { batch: 3, size: [8, 8], backend });
    expect([prediction.inputShape, prediction.outputShape]).toEqual([
      [3, 1, 8, 8],
      [3, 2, 8, 8],
    ]);
    await expect(prediction.execute(new Float32Array(64))).rejects.toThrow(
      /64 input values; a batch of 3 .* 192/,
    );
  });
  it("refuses inputs that are no samples, and options that are none, before it compiles", async () => {
    const { backend: counted, compiled } = counting();
    const network = nn.lenet5({ seed: 0 });
    const inputs = new Float32Array(785);
    await expect(predict(network, { inputs, backend: counted })).rejects.toThrow(
      /785 input values; samples of .*784/,
    );
    await expect(predict(network, { inputs, count: 2, backend: counted })).rejects.toThrow(
      /2 samples of .*2·784/,
    );
    await expect(predict(network, { inputs, size: [0, 3], backend: counted })).rejects.toThrow(
      /size 0×3/,
    );
    await expect(compilePrediction(network, { batch: 1.5, backend: counted })).rejects.toThrow(
      /a batch of 1\.5/,
    );
    const mistyped = { input: inputs, backend: counted } as never;
    await expect(predict(network, mistyped)).rejects.toThrow(
      /no option "input": did you mean inputs\?/,
    );
    await expect(predict(network, { inputs } as never)).rejects.toThrow(
      /its option "backend" is missing/,
    );
    expect(compiled()).toBe(0);
  });
  it("ends where a signal says so, and gives way to other work", async () => {
    const network = nn.resnet20({ seed: 0 });
    const stop = new AbortController();
    const inputs = draw(8 * 3072, 9);
    await predict(network, { inputs, batch: 1, backend });
    setTimeout(() => stop.abort(new Error("enough")), 0);
    await expect(
      predict(network, { inputs, batch: 1, backend, signal: stop.signal }),
    ).rejects.toThrow("enough");
  });
});

describe("folded batch norms", () => {
  const relu = nn.relu();
  const stacks: Record<string, { input: number[]; layers: nn.Layer[] }> = {
    conv1d: {
      input: [3, 9],
      layers: [nn.conv1d({ outChannels: 4, kernelSize: 3 }), nn.batchNorm1d()],
    },
    conv2d: {
      input: [4, 6, 5],
      layers: [
        nn.conv2d({ outChannels: 6, kernelSize: 3, groups: 2, padding: 1, bias: false }),
        nn.batchNorm2d(),
      ],
    },
    conv3d: {
      input: [2, 4, 4, 3],
      layers: [nn.conv3d({ outChannels: 3, kernelSize: 2 }), nn.batchNorm3d()],
    },
    depthwise: {
      input: [3, 6, 6],
      layers: [nn.depthwiseConv2d({ kernelSize: 3, multiplier: 2 }), nn.batchNorm2d()],
    },
    transposed: {
      input: [3, 4, 4],
      layers: [
        nn.convTranspose2d({ outChannels: 5, kernelSize: 2, stride: 2 }),
        nn.batchNorm2d({ affine: false }),
      ],
    },
    "transposed, groups": {
      input: [4, 4, 4],
      layers: [nn.convTranspose2d({ outChannels: 6, kernelSize: 2, groups: 2 }), nn.batchNorm2d()],
    },
    linear: {
      input: [7],
      layers: [nn.linear({ outFeatures: 5 }), nn.batchNorm1d({ epsilon: 0.1 }), relu],
    },
    "not behind a convolution": { input: [3, 4, 4], layers: [relu, nn.batchNorm2d(), relu] },
    shared: {
      input: [2, 5, 5],
      layers: [1, 2].map(() =>
        nn.shared({
          name: "a",
          layers: [nn.conv2d({ outChannels: 2, kernelSize: 3, padding: 1 }), nn.batchNorm2d()],
        }),
      ),
    },
    "ResNet-20": nn.resnet20({ seed: 0 }).architecture as { input: number[]; layers: nn.Layer[] },
  };
  for (const [name, { input, layers }] of Object.entries(stacks))
    it(`${name}: the same to 1e-5`, async () => {
      const network = used(nn.sequential({ input, layers, seed: 1 }));
      const inputs = draw(2 * input.reduce((n, d) => n * d, 1), 6);
      const { backend: kept, graphs } = counting();
      const folded = await compilePrediction(network, { batch: 2, backend: kept });
      const apart = await compilePrediction(network, { batch: 2, backend: kept, folded: false });
      expect(worst(await apart.execute(inputs), await folded.execute(inputs))).toBeLessThan(1e-5);
      const divides = ({ nodes }: Graph): boolean =>
        nodes.some((node) => node.kind === "op" && node.op === "div");
      const stays = /not behind|groups/.test(name);
      expect(graphs.map(divides)).toEqual([stays, true]);
    });
});

/** The picture of fixtures/pytorch_resize.py. */
const picture: Pixels = {
  height: 7,
  width: 9,
  planes: Float32Array.from({ length: 189 }, (_, i) => Math.sin(0.37 * i) / 2 + 0.5),
};
const takes = (...input: number[]): Network =>
  nn.sequential({ input, layers: [nn.flatten()], seed: 0 });
const prepared = (
  input: number[],
  preprocessing: Preprocessing,
  image: Pixels = picture,
): Float32Array => prepareImages(withPreprocessing(takes(...input), preprocessing), [image]);

describe("preprocessing", () => {
  it("resizes as PyTorch's antialiased interpolation does", () => {
    const text = readFileSync(new URL("fixtures/pytorch_resize.json", import.meta.url), "utf8");
    const { sizes } = JSON.parse(text) as { sizes: Record<string, number[]> };
    for (const [size, wanted] of Object.entries(sizes)) {
      const [H, W] = size.split("x").map(Number);
      expect(worst(wanted, prepared([3, H, W], { resize: [H, W] })), size).toBeLessThan(2e-7);
    }
  });
  it("resizes the shorter side, crops the middle, and scales by range, mean and deviation", () => {
    const values = prepared([3, 4, 4], {
      resize: 5,
      crop: 4,
      mean: [0.1, 0.2, 0.3],
      deviation: [0.5, 0.25, 2],
    });
    // 7×9 → 5×⌊5·9/7⌋ = 5×6, then 4×4 from row round(0.5) = 0 and column 1
    const whole = prepared([3, 5, 6], { resize: [5, 6] });
    const [c, i, j] = [2, 3, 1];
    expect(values[(c * 4 + i) * 4 + j]).toBeCloseTo((whole[(c * 5 + i) * 6 + j + 1] - 0.3) / 2, 6);
    expect(prepared([3, 7, 9], { range: [0, 255], channels: "bgr" })[0]).toBeCloseTo(
      255 * picture.planes[126],
      3,
    );
    const [r, g, b] = [0, 63, 126].map((at) => picture.planes[at]);
    expect(prepared([1, 7, 9], { channels: "grey" })[0]).toBeCloseTo(
      0.299 * r + 0.587 * g + 0.114 * b,
      6,
    );
  });
  it("turns pictures as EXIF numbers them: each undoes one, and they move the corners where it says", () => {
    const undoes: Record<number, number> = { 1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 8, 7: 7, 8: 6 };
    const turn = (image: Pixels, orientation: number): Pixels => {
      const [height, width] =
        orientation >= 5 ? [image.width, image.height] : [image.height, image.width];
      return { height, width, planes: prepared([3, height, width], { orientation }, image) };
    };
    for (const [one, other] of Object.entries(undoes))
      expect(turn(turn(picture, Number(one)), other).planes, one).toEqual(picture.planes);
    // 6: the picture lies on its left side, its first row is the right column
    const upright = turn(picture, 6);
    expect(upright.planes[6]).toBe(picture.planes[0]);
    expect(upright.planes[8 * 7 + 6]).toBe(picture.planes[8]);
  });
  it("without any, a picture of the network's size has values from −1 to 1", () => {
    const plain = prepareImages(takes(3, 7, 9), [picture, picture]);
    expect(plain[0]).toBeCloseTo(2 * picture.planes[0] - 1, 6);
    expect(plain).toHaveLength(378);
  });
  it("refuses what is mistyped or does not fit, before anything is computed", () => {
    const bad = (input: number[], data: object, classes?: string[]) => (): unknown =>
      withPreprocessing(takes(...input), data as Preprocessing, classes);
    expect(bad([3, 7, 9], { means: [1] })).toThrow(/no option "means": did you mean mean\?/);
    expect(bad([3, 7, 9], { deviation: [0] })).toThrow(/deviation must be .* none of them 0/);
    expect(bad([3, 7, 9], { orientation: 9 })).toThrow(/orientation must be EXIF's number/);
    expect(bad([3, 7, 9], { resize: 8, crop: 5 })).toThrow(
      /makes pictures of 5×5, the network takes \[3×7×9\]/,
    );
    expect(bad([1, 7, 9], { mean: [0, 0, 0] })).toThrow(/3 numbers for 1 channel/);
    expect(bad([1, 7, 9], { channels: "bgr" })).toThrow(/channels are bgr/);
    expect(bad([5], {})).toThrow(/networks of grey or colour images/);
    expect(bad([3, 2, 2], {}, ["a", "b"])).toThrow(/2 names, and the network has 12 outputs/);
    expect(() => prepareImages(takes(3, 8, 8), [picture])).toThrow(
      /it is 7×9, the network takes \[3×8×8\]/,
    );
    expect(() => prepareImages(takes(1, 7, 9), [picture])).toThrow(
      /in colour, the network takes grey/,
    );
    expect(() => prepared([3, 6, 6], { resize: 5, crop: 6 })).toThrow(
      /is 5×6 and is to be cropped to 6×6/,
    );
    expect(() => prepareImages(takes(3, 7, 9), [{ height: 1 }])).toThrow(ConfigError);
    const line = { height: 1, width: 60_000, planes: new Float32Array(180_000) };
    expect(() => prepared([3, 6, 6], { resize: 256, crop: 6 }, line)).toThrow(
      /makes it 256×15360000, more than/,
    );
  });
  it("says which shape it makes of a picture's, whichever its fields", () =>
    fc.assert(
      fc.property(
        fc.record(
          {
            orientation: fc.integer({ min: 1, max: 8 }),
            resize: fc.oneof(fc.integer({ min: 4, max: 12 }), fc.constant([5, 9] as const)),
            crop: fc.oneof(fc.integer({ min: 1, max: 4 }), fc.constant([3, 2] as const)),
            channels: fc.constantFrom("rgb" as const, "grey" as const),
          },
          { requiredKeys: [] },
        ),
        (steps) => {
          const shape = preprocessedShape(steps, [3, 7, 9]);
          expect(prepared([...shape], steps)).toHaveLength(shape.reduce((n, d) => n * d, 1));
        },
      ),
      { numRuns: 60, seed: 6 },
    ));
  it("scales samples behind what changes them, whose values are from −1 to 1", () => {
    const steps = { resize: 5, mean: [0.1, 0.2, 0.3], deviation: [0.5, 0.25, 2] };
    const network = withPreprocessing(takes(3, 5, 6), { ...steps, resize: [5, 6] });
    const images = {
      ...{ length: 1, shape: [3, 7, 9] as const, classes: ["a"], label: () => 0 },
      pixels: (_: number, out: Float32Array) => out.set(picture.planes),
    };
    const read = (data: Dataset): Float32Array => {
      const input = new Float32Array(90);
      data.read(0, input, new Float32Array(1), 0);
      return input;
    };
    const seen: Float32Array[] = [];
    const look = (data: Dataset): Dataset => ({
      ...data,
      varied: { from: data, by: { looked: 1 } },
      read(i, input, target, epoch) {
        data.read(i, input, target, epoch);
        seen.push(input.slice());
      },
    });
    const plain = read(preparedFor(network, images));
    const changed = preparedFor(network, images, { change: look });
    expect(worst(plain, read(changed))).toBeLessThan(1e-6);
    expect([Math.min(...seen[0]) >= -1, Math.max(...seen[0]) <= 1]).toEqual([true, true]);
    // what a run is resumed by is the samples as they are scaled
    expect(worst(plain, read(changed.varied!.from))).toBeLessThan(1e-6);
    expect(changed.varied!.by).toEqual({ looked: 1 });
  });
  it("of any kind goes through a checkpoint", () =>
    fc.assert(
      fc.property(
        fc.record(
          {
            orientation: fc.integer({ min: 1, max: 8 }),
            resize: fc.integer({ min: 1, max: 99 }),
            crop: fc.constant(8),
            interpolation: fc.constantFrom("bilinear" as const, "nearest" as const),
            channels: fc.constantFrom("rgb" as const, "bgr" as const, "grey" as const),
            mean: fc.array(fc.double({ min: -1, max: 1, noNaN: true }), {
              minLength: 3,
              maxLength: 3,
            }),
          },
          { requiredKeys: [] },
        ),
        (preprocessing) => {
          const network = withPreprocessing(takes(3, 8, 8), preprocessing);
          const { trained } = loadNetwork(saveNetwork(network));
          expect(trained).toEqual(JSON.parse(JSON.stringify(network.trained)));
        },
      ),
      { numRuns: 30, seed: 5 },
    ));
});

const classes = ["cat", "dog", "stoat"];
const classifier = withPreprocessing(
  nn.sequential({
    input: [3, 6, 6],
    seed: 3,
    layers: [
      nn.conv2d({ outChannels: 4, kernelSize: 3 }),
      nn.relu(),
      nn.flatten(),
      nn.linear({ outFeatures: 3 }),
    ],
  }),
  { orientation: 3, resize: 7, crop: 6, mean: [0.4, 0.5, 0.6], deviation: [0.2, 0.3, 0.4] },
  classes,
);
const bytes = Uint8Array.from({ length: 4 * 63 }, (_, i) => (i % 4 === 3 ? 255 : (i * 37) % 256));
const png = encode({ width: 9, height: 7, channels: 4, depth: 8, data: bytes });

describe("the likeliest classes", () => {
  it("are the same from a file on the command line, from it in the library, and from ImageData", async () => {
    const [fromFile] = await classify(classifier, { images: [readPicture(png, "a.png")], backend });
    const [fromPage] = await classify(classifier, {
      images: [{ height: 7, width: 9, data: bytes }],
      backend,
    });
    expect(fromPage).toEqual(fromFile);
    expect(fromFile.map(({ name }) => name).sort()).toEqual(classes);
    expect(fromFile.reduce((sum, { probability }) => sum + probability, 0)).toBeCloseTo(1, 9);
    expect(fromFile[0].probability).toBeGreaterThan(fromFile[1].probability);
    const model = file("model.safetensors", saveNetwork(classifier));
    const { out, status } = fiducial([
      "classify",
      model,
      file("a.png", png),
      "--top",
      "2",
      "--json",
    ]);
    expect(status).toBe(0);
    const [{ classes: printed }] = JSON.parse(out) as [
      { classes: { name: string; probability: number }[] },
    ];
    expect(printed).toEqual(
      fromFile.slice(0, 2).map(({ name, probability }) => ({ name, probability })),
    );
    expect(fiducial(["inspect", model]).out).toMatch(/trained for preprocessing.*"crop":6/);
  });
  it("are the same of every kind of picture file, WebP too, whoever reads it", async () => {
    const model = file("any.safetensors", saveNetwork(classifier));
    const fixtures = new URL("fixtures/pictures.json", import.meta.url);
    const { cases } = JSON.parse(readFileSync(fixtures, "utf8")) as {
      cases: Record<string, { file: string }>;
    };
    for (const name of ["WebP lossless", "BMP 24", "TIFF RGB tiles"]) {
      const picture = new Uint8Array(Buffer.from(cases[name].file, "base64"));
      const images = [await loadPicture(picture, name)];
      const [wanted] = await classify(classifier, { images, backend });
      const { out, err } = fiducial(["classify", model, file("any", picture), "--json"]);
      const [{ classes: printed }] = JSON.parse(out || err) as [{ classes: object[] }];
      expect(printed, name).toEqual(wanted.map(({ name, probability }) => ({ name, probability })));
    }
  });
  it("are the same of an ONNX file whose recipe says what is done to pictures", async () => {
    const { trained, ...bare } = classifier;
    const { bytes: onnx, inputs } = exportNetwork(bare);
    const pictures = trained!.preprocessing!;
    const recipe = {
      format: "fiducial-onnx-1",
      inputs: { [inputs[0].name]: { is: "image" } },
      classes,
      pictures,
    };
    const model = file("model.onnx", onnx);
    const as = file("recipe.json", JSON.stringify(recipe));
    const { out, err } = fiducial(["classify", model, file("b.png", png), "--as", as, "--json"]);
    expect(err).not.toMatch(/^fiducial: /m);
    const [{ classes: printed }] = JSON.parse(out) as [
      { classes: { name: string; probability: number }[] },
    ];
    const [wanted] = await classify(classifier, { images: [readPicture(png, "b.png")], backend });
    expect(printed.map(({ name }) => name)).toEqual(wanted.map(({ name }) => name));
    printed.forEach(({ probability }, i) =>
      expect(probability).toBeCloseTo(wanted[i].probability, 5),
    );
    const wrong = file(
      "wrong.json",
      JSON.stringify({ ...recipe, pictures: { ...pictures, crop: "6" } }),
    );
    expect(fiducial(["classify", model, at("b.png"), "--as", wrong]).err).toMatch(
      /crop must be a number of pixels/,
    );
  });
  it("are the same of an ONNX file by options, which a recipe that is written has too", async () => {
    const { trained: _, ...bare } = classifier;
    const model = file("options.onnx", exportNetwork(bare).bytes);
    const path = file("c.png", png);
    const words = ["--resize", "7", "--centre-crop", "6", "--mean", "0.4,0.5,0.6"];
    const all = [...words, "--deviation", "0.2,0.3,0.4", "--write-recipe", at("written.json")];
    const runs = [all, ["--as", at("written.json")]].map((options) => {
      const { out, err } = fiducial(["classify", model, path, ...options, "--json"]);
      return JSON.parse(out || err) as [{ classes: { name: string; probability: number }[] }];
    });
    const steps = { resize: 7, crop: 6, mean: [0.4, 0.5, 0.6], deviation: [0.2, 0.3, 0.4] };
    const images = [readPicture(png, "c.png")];
    const [wanted] = await classify(withPreprocessing(bare, steps), { images, backend });
    for (const [{ classes: printed }] of runs) {
      expect(printed.map(({ name }) => name)).toEqual(wanted.map(({ name }) => `class ${name}`));
      printed.forEach(({ probability }, i) =>
        expect(probability).toBeCloseTo(wanted[i].probability, 5),
      );
    }
    const checkpoint = file("own.safetensors", saveNetwork(classifier));
    expect(fiducial(["classify", checkpoint, path, "--mean", "0.5"]).err).toMatch(
      /^fiducial: --mean: .* is a checkpoint, which says it itself; leave it out\n$/,
    );
  });
  it("are as many as asked, by their numbers where they have no names", async () => {
    const { trained: _, ...bare } = classifier;
    const images = [{ height: 6, width: 6, planes: draw(108, 8) }];
    const [two] = await classify(bare, { images, top: 2, backend });
    expect(two).toHaveLength(2);
    expect(two[0].name).toBe(String(two[0].index));
    await expect(classify(bare, { images, top: 0, backend })).rejects.toThrow(/top 0/);
    const wrong = { ...bare, trained: { classes: ["one"] } };
    await expect(classify(wrong, { images, backend })).rejects.toThrow(
      /makes \[3\] of a picture and names 1 classes/,
    );
    expect(await classify(bare, { images: [], backend })).toEqual([]);
  });
});
describe.runIf(chromium)("in a page", () => {
  it("ImageData, a canvas, an ImageBitmap and a video frame give the classes of Node", async () => {
    const folder = mkdtempSync(join(tmpdir(), "fiducial-page-"));
    const [wanted] = await classify(classifier, {
      images: [{ height: 7, width: 9, data: bytes }],
      backend,
    });
    writeFileSync(
      join(folder, "index.html"),
      `<!doctype html><script type="module" src="./main.js"></script>`,
    );
    writeFileSync(
      join(folder, "main.js"),
      `import { classify, loadNetwork, openBackend } from "fiducial";
      const network = loadNetwork(Uint8Array.from(${JSON.stringify(Array.from(saveNetwork(classifier)))}));
      const data = new ImageData(Uint8ClampedArray.from(${JSON.stringify(Array.from(bytes))}), 9, 7);
      const canvas = document.createElement("canvas");
      Object.assign(canvas, { width: 9, height: 7 }).getContext("2d").putImageData(data, 0, 0);
      const frame = new VideoFrame(data.data, { format: "RGBA", codedWidth: 9, codedHeight: 7, timestamp: 0 });
      const images = [data, canvas, await createImageBitmap(data), frame];
      const backend = await openBackend("wasm", { threads: 1 });
      globalThis.shown = JSON.stringify(await classify(network, { images, backend }));`,
    );
    const root = fileURLToPath(new URL("..", import.meta.url));
    const { build, preview } = await import("vite");
    const config = {
      root: folder,
      logLevel: "silent",
      configFile: false,
      build: { target: "es2022" },
      resolve: { alias: { fiducial: join(root, "dist", "index.js") } },
    } as const;
    await build(config);
    const server = await preview({ ...config, preview: { port: 0, host: "127.0.0.1" } });
    const { chromium: browsers } = await import("playwright-core");
    const browser = await browsers.launch({ executablePath: chromium!, args: ["--no-sandbox"] });
    try {
      const page = await browser.newPage();
      const errors: string[] = [];
      page.on("pageerror", (error) => errors.push(error.message));
      await page.goto(server.resolvedUrls!.local[0]);
      await page
        .waitForFunction("globalThis.shown", undefined, { timeout: 120_000 })
        .catch((error: Error) => {
          throw new Error(`${errors.join("; ")} ${error.message}`);
        });
      const shown = JSON.parse(await page.evaluate("globalThis.shown")) as (typeof wanted)[];
      for (const found of shown) expect(found).toEqual(wanted);
      expect(shown).toHaveLength(4);
    } finally {
      await browser.close();
      await server.close();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
