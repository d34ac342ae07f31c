// Networks: agreement with PyTorch and with the float64 reference, training, checkpoints, memory.
import { createHash } from "node:crypto";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  BackendError,
  ConfigError,
  ConvergenceError,
  FormatError,
  GraphBuilder,
  gradients,
  openBackend,
  ops,
  random,
  sizeOf,
  type Value,
} from "fiducial/engine";
import {
  adam,
  applyNetwork,
  crossEntropy,
  fit,
  loadNetwork,
  meanSquaredError,
  nn,
  predict,
  saveNetwork,
  sgd,
  summarize,
  type Dataset,
  type Loss,
  type Network,
} from "fiducial/learning";

interface Recorded {
  shapes: Record<string, number[]>;
  input: number[];
  loss: number;
  output: number[];
  inputGradient: number[];
  gradients: Record<string, number[]>;
}
const recorded: Record<"lenet5" | "unet", Recorded> = JSON.parse(
  readFileSync(new URL("fixtures/pytorch.json", import.meta.url), "utf8"),
);
/** The formula of fixtures/pytorch.py. */
const numbers = (count: number, phase: number, scale: number): Float32Array =>
  Float32Array.from({ length: count }, (_, i) => scale * Math.sin(0.37 * i + phase));
const worst = (want: ArrayLike<number>, got: ArrayLike<number>): number => {
  let [error, top] = [0, 1e-30];
  for (let i = 0; i < want.length; i++) {
    error = Math.max(error, Math.abs(want[i] - got[i]));
    top = Math.max(top, Math.abs(want[i]));
  }
  return error / top;
};
const seventh = (x: ArrayLike<number>): number[] => Array.from(x).filter((_, i) => i % 7 === 0);

/** Loss and all gradients of a network, on a backend. */
async function differentiate(
  backend: "wasm" | "reference",
  network: Network,
  loss: Loss,
  x: Float32Array,
  inputShape: readonly number[],
  target: Float32Array,
): Promise<Record<string, ArrayLike<number>>> {
  const b = new GraphBuilder(ops);
  const input = b.input("x", inputShape);
  const { y, parameters } = applyNetwork(b, network, input);
  const cost = loss.apply(b, y, b.input("t", y.shape));
  b.output("y", y);
  b.output("cost", cost);
  const wrt: [string, Value][] = [["x", input], ...parameters];
  gradients(
    b,
    cost,
    wrt.map(([, v]) => v),
  ).forEach((g, i) => b.output(`d ${wrt[i][0]}`, g));
  return (await (await openBackend(backend)).compile(b)).execute({ x, t: target });
}
function fixtureNetwork(base: Network, r: Recorded): Network {
  const parameters = new Map(
    Object.keys(r.shapes)
      .sort()
      .map((name, i) => {
        const shape = r.shapes[name];
        const fanIn = shape.length > 1 && !(shape.length === 3) ? sizeOf(shape.slice(1)) : 8;
        return [name, { shape, data: numbers(sizeOf(shape), i, fanIn ** -0.5) }];
      }),
  );
  return { ...base, parameters };
}

describe("agreement with PyTorch to 1e-4", () => {
  const cases = [
    [
      "lenet5",
      nn.lenet5({ seed: 0 }),
      crossEntropy(),
      Float32Array.from({ length: 30 }, (_, i) => ([3, 17, 21].includes(i) ? 1 : 0)),
    ],
    [
      "unet",
      nn.unet({
        inChannels: 2,
        outChannels: 2,
        baseChannels: 4,
        depth: 2,
        seed: 0,
        residual: true,
      }),
      meanSquaredError(),
      numbers(768, 1.5, 1),
    ],
  ] as const;
  it.each(cases)("%s: output, loss and every gradient", async (name, base, loss, target) => {
    const want = recorded[name];
    const network = fixtureNetwork(base, want);
    expect([...network.parameters.keys()].sort()).toEqual([...base.parameters.keys()].sort());
    for (const backend of ["reference", "wasm"] as const) {
      const got = await differentiate(
        backend,
        network,
        loss,
        numbers(sizeOf(want.input), 0.5, 1),
        want.input,
        target,
      );
      expect(Math.abs(got.cost[0] / want.loss - 1), backend).toBeLessThan(1e-4);
      expect(worst(want.output, seventh(got.y))).toBeLessThan(1e-4);
      expect(worst(want.inputGradient, seventh(got["d x"]))).toBeLessThan(1e-4);
      for (const [key, g] of Object.entries(want.gradients))
        expect(worst(g, seventh(got[`d ${key}`])), key).toBeLessThan(1e-4);
    }
  });
});

describe("a whole U-Net", () => {
  it("wasm agrees with the float64 reference to 1e-5 on loss and every gradient", async () => {
    const network = nn.unet({
      inChannels: 2,
      outChannels: 2,
      baseChannels: 6,
      depth: 2,
      seed: 3,
      residual: true,
    });
    const rng = random(1);
    const draw = (n: number): Float32Array => Float32Array.from({ length: n }, () => rng.normal());
    const [x, t] = [draw(2 * 2 * 24 * 20), draw(2 * 2 * 24 * 20)];
    const [want, got] = await Promise.all(
      (["reference", "wasm"] as const).map((backend) =>
        differentiate(backend, network, meanSquaredError(), x, [2, 2, 24, 20], t),
      ),
    );
    for (const key of Object.keys(want)) expect(worst(want[key], got[key]), key).toBeLessThan(1e-5);
  });
});

/** Stripes across or along, with noise: two classes that a small network tells apart. */
function stripes(count: number): Dataset {
  return {
    length: count,
    inputShape: [1, 28, 28],
    targetShape: [10],
    read(i, input, target) {
      const rng = random(i);
      const across = i % 2 === 0;
      const phase = rng.integer(4);
      for (let p = 0; p < 784; p++)
        input[p] =
          (((across ? Math.floor(p / 28) : p % 28) + phase) % 4 < 2 ? 1 : 0) + 0.3 * rng.normal();
      target.fill(0);
      target[across ? 0 : 1] = 1;
    },
  };
}

describe("training", () => {
  it("LeNet-5 learns stripes, and repeats bit for bit with the same seed", async () => {
    const backend = await openBackend("wasm");
    const run = async (): Promise<[Network, number[]]> => {
      const losses: number[] = [];
      const trained = await fit(nn.lenet5({ seed: 1 }), {
        data: stripes(160),
        loss: crossEntropy(),
        optimizer: adam({ learningRate: 2e-3 }),
        epochs: 10,
        batchSize: 16,
        seed: 2,
        backend,
        on: { epoch: (e) => losses.push(e.trainLoss) },
      });
      return [trained, losses];
    };
    const [a, losses] = await run();
    const [again] = await run();
    expect(losses.at(-1)).toBeLessThan(0.05);
    expect(saveNetwork(again)).toEqual(saveNetwork(a));
    const set = stripes(1000);
    const inputs = new Float32Array(40 * 784);
    const target = new Float32Array(10);
    for (let i = 0; i < 40; i++) set.read(900 + i, inputs.subarray(i * 784, (i + 1) * 784), target);
    const y = await predict(a, { inputs, count: 40, backend });
    const right = Array.from(
      { length: 40 },
      (_, i) => y[i * 10 + (i % 2)] > y[i * 10 + 1 - (i % 2)],
    ).filter(Boolean).length;
    expect(right).toBeGreaterThanOrEqual(39);
  });
  it("SGD with momentum and Adam take PyTorch's steps", async () => {
    // one weight w = 1, C = ½·mean (w·x)² with x = 2: by hand, as torch.optim does it
    for (const [optimizer, want] of [
      [sgd({ learningRate: 0.1, momentum: 0.9 }), [0.6, 0, -0.54]],
      [adam({ learningRate: 0.1 }), [0.9, 0.8, 0.7]],
    ] as const) {
      const b = new GraphBuilder(ops);
      const w = b.parameter("w", [], Float32Array.of(1));
      const wx = b.emit("mul", { a: w, b: b.scalar(2) }, {});
      const cost = b.emit("mul", { a: b.emit("mul", { a: wx, b: wx }, {}), b: b.scalar(0.5) }, {});
      optimizer.apply(b, new Map([["w", w]]), gradients(b, cost, [w]), b.scalar(0.1));
      const plan = await (await openBackend("reference")).compile(b);
      for (const next of want) {
        await plan.execute();
        expect((await plan.read("w"))[0]).toBeCloseTo(next, 2);
      }
    }
  });
  it("memory does not grow over 2,000 steps", async () => {
    const network = nn.sequential({
      input: [1, 8, 8],
      seed: 0,
      layers: [
        nn.conv2d({ outChannels: 4, kernelSize: 3 }),
        nn.relu(),
        nn.flatten(),
        nn.linear({ outFeatures: 10 }),
      ],
    });
    const data: Dataset = {
      length: 64,
      inputShape: [1, 8, 8],
      targetShape: [10],
      read: (i, x, t) => {
        x.fill(i / 64);
        t.fill(0);
        t[i % 10] = 1;
      },
    };
    const backend = await openBackend("wasm");
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    const measure = async (): Promise<number> => {
      // array buffers are freed in the background, so collect, wait a moment, and collect again
      for (let i = 0; i < 3; i++) {
        collect();
        await new Promise((done) => setTimeout(done, 20));
      }
      return process.memoryUsage().arrayBuffers + process.memoryUsage().heapUsed;
    };
    let early = 0;
    let late = 0;
    await fit(network, {
      data,
      loss: crossEntropy(),
      optimizer: sgd({ learningRate: 0.01 }),
      epochs: 125,
      batchSize: 4,
      seed: 0,
      backend,
      on: {
        step: async ({ step }) => {
          if (step === 200) early = await measure();
          if (step === 2000) late = await measure();
        },
      },
    });
    expect(late - early).toBeLessThan(1e6);
  });
  it("a network that does not fit says how much it needs", async () => {
    const b = new GraphBuilder(ops);
    const x = b.input("x", [1, 64, 4096, 4096]);
    b.output("y", b.emit("exp", { x }, {}));
    const compiling = (await openBackend("wasm")).compile(b);
    await expect(compiling).rejects.toThrow(BackendError);
    await expect(compiling).rejects.toThrow(/needs \d{10} bytes \(8\.00 GiB\)/);
  });
  it("a diverging run stops at the first loss that is not finite and names the step", async () => {
    const data: Dataset = {
      length: 8,
      inputShape: [1, 28, 28],
      targetShape: [10],
      read: (i, x, t) => {
        x.fill(1e30 * (i + 1));
        t.fill(0);
        t[0] = 1;
      },
    };
    const run = fit(nn.lenet5({ seed: 0 }), {
      data,
      loss: crossEntropy(),
      optimizer: sgd({ learningRate: 1e30 }),
      epochs: 3,
      batchSize: 4,
      seed: 0,
      backend: await openBackend("wasm"),
    });
    await expect(run).rejects.toThrow(ConvergenceError);
    await expect(run).rejects.toThrow(/step \d+/);
  });
  it("a batch larger than the set is refused", async () => {
    const run = fit(nn.lenet5({ seed: 0 }), {
      data: stripes(8),
      loss: crossEntropy(),
      optimizer: sgd({ learningRate: 0.1 }),
      epochs: 1,
      batchSize: 9,
      seed: 0,
      backend: await openBackend("wasm"),
    });
    await expect(run).rejects.toThrow(ConfigError);
  });
});

describe("checkpoints", () => {
  const network = nn.lenet5({ seed: 4 });
  const bytes = saveNetwork(network);
  it("come back as they were", () => {
    expect(loadNetwork(bytes)).toEqual(network);
    expect(saveNetwork(loadNetwork(bytes))).toEqual(bytes);
  });
  it("damaged at any byte, cut short or of another kind: a FormatError", () => {
    const rng = random(0);
    const header = 8 + Number(new DataView(bytes.buffer).getBigUint64(0, true));
    for (let k = 0; k < 200; k++) {
      const broken = bytes.slice();
      broken[k < 140 ? rng.integer(header) : header + rng.integer(bytes.length - header)] ^=
        1 << rng.integer(8);
      expect(() => loadNetwork(broken, "x.safetensors"), `damage ${k}`).toThrow(FormatError);
    }
    for (const n of [0, 7, 100, bytes.length - 4])
      expect(() => loadNetwork(bytes.subarray(0, n), "x.safetensors")).toThrow(FormatError);
    expect(() => loadNetwork(bytes.subarray(0, bytes.length - 4), "x.safetensors")).toThrow(
      /cut short/,
    );
    const other = nn.lenet5({ seed: 0, classes: 7 });
    expect(() =>
      loadNetwork(saveNetwork({ ...network, parameters: other.parameters }), "x.safetensors"),
    ).toThrow(/another architecture/);
  });
  type Header = Record<string, unknown> & { __metadata__: Record<string, string> };
  /** The file with another header, and the checksum of the first two formats. */
  function withHeader(change: (header: Header) => unknown): Uint8Array {
    const end = 8 + Number(new DataView(bytes.buffer).getBigUint64(0, true));
    const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, end))) as Header;
    Object.assign(header.__metadata__, {
      format: "fiducial-network-2",
      sha256: createHash("sha256").update(bytes.subarray(end)).digest("hex"),
    });
    const text = new TextEncoder().encode(JSON.stringify(change(header) ?? header));
    const file = new Uint8Array(8 + text.length + bytes.length - end);
    new DataView(file.buffer).setBigUint64(0, BigInt(text.length), true);
    file.set(text, 8);
    file.set(bytes.subarray(end), 8 + text.length);
    return file;
  }
  const withLayers = (layers: unknown, input: unknown = [1, 28, 28]): Uint8Array =>
    withHeader((header) => {
      header.__metadata__.architecture = JSON.stringify({ input, layers });
    });
  it("of the format before, whose checksum is of the tensors alone, are read", () => {
    expect(loadNetwork(withHeader(() => undefined))).toEqual(network);
  });
  it("whose checksum is right and whose content is none: a FormatError, before anything is allocated", () => {
    const [first, ...rest] = network.architecture.layers;
    const nested = `{"input":[1],"layers":${"[".repeat(1e4)}${"]".repeat(1e4)}}`;
    const wide = (n: unknown): Uint8Array => withLayers([{ ...first, outChannels: n }, ...rest]);
    const arrays = process.memoryUsage().arrayBuffers;
    for (const [file, says] of [
      [wide(4e12), /needs "0\.conv2d\.weight" of 4000000000000×1.*another architecture/],
      [wide("6"), /outChannels must be a whole number/],
      [wide(-1), /outChannels must be a whole number/],
      [withLayers([first]), /does not use: weights of another architecture/],
      [withLayers([null, first, ...rest]), /must be a list, each of it an object/],
      [withLayers([{ kind: "residual", body: [null] }]), /body must be a list/],
      [withLayers([{ kind: "constructor" }]), /there is no layer "constructor"/],
      [
        withHeader((h) => ({ ...h, __metadata__: { ...h.__metadata__, architecture: nested } })),
        /nested deeper/,
      ],
      [withLayers(undefined), /must be a list/],
      [withLayers([first, ...rest], [1, 1e9, "x"]), /takes an input of shape/],
      [withHeader((h) => ({ ...h, "0.conv2d.bias": null })), /"0\.conv2d\.bias" is not float32/],
      [
        withHeader((h) => ({ ...h, __metadata__: { ...h.__metadata__, provenance: "[1]" } })),
        /provenance/,
      ],
      [
        withHeader((h) => ({ ...h, __metadata__: { ...h.__metadata__, provenance: '{"a":{}}' } })),
        /provenance/,
      ],
      [
        withHeader((h) => ({
          ...h,
          __metadata__: { ...h.__metadata__, trained: '{"classes":[1]}' },
        })),
        /classes/,
      ],
      [withHeader((h) => ({ ...h, __metadata__: 7 })), /metadata are no texts/],
      [withHeader((h) => ({ ...h, "0.conv2d.bias": h["0.conv2d.weight"] })), /begins at byte/],
    ] as const) {
      expect(() => loadNetwork(file, "x.safetensors")).toThrow(says);
      expect(() => loadNetwork(file, "x.safetensors")).toThrow(FormatError);
    }
    // no more than the tensors of the files themselves
    expect(process.memoryUsage().arrayBuffers - arrays).toBeLessThan(2 * 2 * 17 * bytes.length);
  });
});

describe("layers", () => {
  it("a wrong stack fails when it is built, naming the layer, the shape and the mend", () => {
    expect(() =>
      nn.sequential({
        input: [1, 28, 28],
        seed: 0,
        layers: [nn.conv2d({ outChannels: 4, kernelSize: 3 }), nn.linear({ outFeatures: 10 })],
      }),
    ).toThrow(/layer 1\.linear: its input is \[1×4×26×26\].*flatten/);
    expect(() =>
      nn.sequential({ input: [3, 4, 4], seed: 0, layers: [nn.maxPool2d({ kernelSize: 9 })] }),
    ).toThrow(/layer 0\.maxPool2d/);
    expect(() =>
      nn.unet({
        inChannels: 1,
        outChannels: 1,
        baseChannels: 4,
        depth: 3,
        seed: 0,
        size: [30, 32],
      }),
    ).toThrow(/multiples of 8/);
  });
  it("upsampling matches PyTorch's nearest and bilinear (align_corners = False)", async () => {
    const b = new GraphBuilder(ops);
    const x = b.constant([1, 2, 3, 4], [1, 1, 2, 2]);
    const backend = await openBackend("reference");
    for (const [mode, want] of [
      ["nearest", [1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4, 4, 3, 3, 4, 4]],
      [
        "bilinear",
        [1, 1.25, 1.75, 2, 1.5, 1.75, 2.25, 2.5, 2.5, 2.75, 3.25, 3.5, 3, 3.25, 3.75, 4],
      ],
    ] as const) {
      const network = nn.sequential({
        input: [1, 2, 2],
        seed: 0,
        layers: [nn.upsample({ scale: 2, mode })],
      });
      b.output("y", applyNetwork(b, network, x).y);
      expect([...(await (await backend.compile(b)).execute()).y]).toEqual(want);
    }
  });
  it("activations are their formulas", async () => {
    const b = new GraphBuilder(ops);
    const x = b.constant([-2, 0, 3], [1, 3]);
    for (const [name, layer] of [
      ["relu", nn.relu()],
      ["sigmoid", nn.sigmoid()],
      ["softmax", nn.softmax()],
    ] as const) {
      b.output(name, applyNetwork(b, nn.sequential({ input: [3], seed: 0, layers: [layer] }), x).y);
    }
    const y = await (await (await openBackend("reference")).compile(b)).execute();
    expect([...y.relu]).toEqual([0, 0, 3]);
    const total = Math.exp(-2) + 1 + Math.exp(3);
    [-2, 0, 3].forEach((v, i) => {
      expect(y.sigmoid[i]).toBeCloseTo(1 / (1 + Math.exp(-v)), 14);
      expect(y.softmax[i]).toBeCloseTo(Math.exp(v) / total, 14);
    });
  });
  it("initialisers have the variances of their papers", () => {
    const spread = (initializer: nn.Initializer): number[] => {
      const { parameters } = nn.sequential({
        input: [16, 8, 8],
        seed: 0,
        initializer,
        layers: [nn.conv2d({ outChannels: 64, kernelSize: 3 })],
      });
      return [...parameters.values()].map(
        ({ data }) => data.reduce((s, v) => s + v * v, 0) / data.length,
      );
    };
    // fanIn = 16·9 = 144, fanOut = 64·9 = 576
    for (const [initializer, weight, bias] of [
      [nn.fanInUniform(), 1 / (3 * 144), 1 / (3 * 144)],
      [nn.kaimingNormal(), 2 / 144, 0],
      [nn.xavierUniform(), 2 / (144 + 576), 0],
    ] as const) {
      const [w, b] = spread(initializer);
      expect(Math.abs(w / weight - 1)).toBeLessThan(0.05);
      expect(Math.abs(b - bias)).toBeLessThan(bias * 0.5 + 1e-12);
    }
  });
  it("summaries count what is known by hand", () => {
    const s = summarize(nn.lenet5({ seed: 0 }));
    expect(s.parameters).toBe(61706);
    expect(s.layers[0]).toMatchObject({
      name: "0.conv2d",
      shape: [6, 28, 28],
      parameters: 156,
      receptiveField: 5,
    });
    expect(s.layers[3].receptiveField).toBe(14);
    expect(s.layers[7].receptiveField).toBe(Number.POSITIVE_INFINITY);
  });
});
