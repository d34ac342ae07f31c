// What layers promise of shapes, for any sizes; and layers, blocks and networks of one's own.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  arithmetic,
  ConfigError,
  GraphBuilder,
  openBackend,
  ops,
  type Shape,
} from "fiducial/engine";
import {
  adam,
  applyNetwork,
  crossEntropy,
  fit,
  loadNetwork,
  lossPerOutput,
  meanSquaredError,
  nn,
  parameterShapes,
  predict,
  saveNetwork,
} from "fiducial/learning";

const backend = await openBackend("wasm");
/** One sample's output shape. */
function outputOf(layers: readonly nn.Layer[], input: Shape): Shape {
  const network = nn.sequential({ input, layers, seed: 0 });
  const b = new GraphBuilder(ops);
  return applyNetwork(b, network, b.input("x", [1, ...input])).y.shape.slice(1);
}
const size = fc.integer({ min: 1, max: 4 });
const sides = fc.tuple(fc.integer({ min: 9, max: 24 }), fc.integer({ min: 9, max: 24 }));
const two = fc.tuple(size, size);
const windows = fc.record({
  kernelSize: two,
  stride: two,
  dilation: fc.tuple(fc.integer({ min: 1, max: 2 }), size),
});
const padding = fc.tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 3 }));
const given = (n: number, k: number, s: number, d: number, p: number): number =>
  Math.floor((n + 2 * p - d * (k - 1) - 1) / s) + 1;

describe("shapes", () => {
  it("a convolution gives ⌊(n + 2p − d(k − 1) − 1)/s⌋ + 1 along each axis; a line and a volume likewise", () =>
    fc.assert(
      fc.property(sides, windows, padding, (side, { kernelSize: k, stride: s, dilation: d }, p) => {
        const wanted = side.map((n, i) => given(n, k[i], s[i], d[i], p[i]));
        fc.pre(wanted.every((n) => n >= 1));
        const options = { outChannels: 2, kernelSize: k, stride: s, dilation: d, padding: p };
        expect(outputOf([nn.conv2d(options)], [1, ...side])).toEqual([2, ...wanted]);
        const line = {
          outChannels: 2,
          kernelSize: k[1],
          stride: s[1],
          dilation: d[1],
          padding: p[1],
        };
        expect(outputOf([nn.conv1d(line)], [1, side[1]])).toEqual([2, wanted[1]]);
        const three = (v: readonly [number, number]): [number, number, number] => [
          v[1],
          v[0],
          v[1],
        ];
        const volume = {
          ...options,
          kernelSize: three(k),
          stride: three(s),
          dilation: three(d),
          padding: three(p),
        };
        expect(outputOf([nn.conv3d(volume)], [1, side[1], ...side])).toEqual([
          2,
          wanted[1],
          ...wanted,
        ]);
      }),
      { numRuns: 60 },
    ));
  it('"same" gives ⌈n/s⌉ for any kernel, stride and dilation, in convolutions and pools', () =>
    fc.assert(
      fc.property(sides, windows, (side, options) => {
        const wanted = side.map((n, i) => Math.ceil(n / options.stride[i]));
        const same = { ...options, padding: "same" as const };
        const { dilation: _, ...pool } = same;
        const layers = [
          nn.conv2d({ outChannels: 1, ...same }),
          nn.depthwiseConv2d(same),
          nn.separableConv2d({ outChannels: 1, ...same }),
          nn.maxPool2d(same),
          nn.avgPool2d(pool),
        ];
        for (const layer of layers)
          expect(outputOf([layer], [1, ...side]), layer.kind).toEqual([1, ...wanted]);
      }),
      { numRuns: 60 },
    ));
  it("a transposed convolution, padded at its end, gives back the size that its convolution took", () =>
    fc.assert(
      fc.property(sides, windows, padding, (side, { kernelSize: k, stride: s, dilation: d }, p) => {
        const small = side.map((n, i) => given(n, k[i], s[i], d[i], p[i])) as [number, number];
        fc.pre(small.every((n) => n >= 1));
        const outputPadding = side.map((n, i) => (n + 2 * p[i] - d[i] * (k[i] - 1) - 1) % s[i]) as [
          number,
          number,
        ];
        const options = {
          outChannels: 1,
          kernelSize: k,
          stride: s,
          dilation: d,
          padding: p,
          outputPadding,
        };
        expect(outputOf([nn.convTranspose2d(options)], [1, ...small])).toEqual([1, ...side]);
      }),
      { numRuns: 60 },
    ));
});

const squeezeExcitation = nn.defineLayer("squeezeExcitation", {
  options: {
    ratio: nn.option.whole({ default: 4 }),
    gate: nn.option.oneOf(["sigmoid", "hardSigmoid"]),
  },
  apply({ b, layers }, x, { ratio, gate }) {
    const C = x.shape[1];
    const dense = (outChannels: number): nn.Layer => nn.conv2d({ outChannels, kernelSize: 1 });
    const inner = [
      nn.globalAvgPool2d(),
      dense(Math.max(1, C / ratio)),
      nn.relu(),
      dense(C),
      nn[gate](),
    ];
    return arithmetic(b).mul(x, layers("gate", x, inner));
  },
});
const biased = nn.defineLayer("biased", {
  options: { start: nn.option.number({ default: 0.5 }) },
  apply: ({ b, parameter }, x, { start }) =>
    arithmetic(b).add(x, parameter("bias", [x.shape[1], 1, 1], { initial: start })),
});
const twice = nn.defineActivation("twice", (b, x) => arithmetic(b).mul(x, 2));

describe("layers of one's own", () => {
  const layers = [squeezeExcitation({ gate: "sigmoid" }), biased(), twice()];
  const network = nn.sequential({ input: [8, 3, 3], seed: 0, layers });
  it("have weights by their names, which a checkpoint keeps beside their options", async () => {
    expect([...network.parameters.keys()].sort()).toEqual([
      "0.squeezeExcitation.gate.1.conv2d.bias",
      "0.squeezeExcitation.gate.1.conv2d.weight",
      "0.squeezeExcitation.gate.3.conv2d.bias",
      "0.squeezeExcitation.gate.3.conv2d.weight",
      "1.biased.bias",
    ]);
    expect(network.parameters.get("0.squeezeExcitation.gate.1.conv2d.weight")!.shape).toEqual([
      2, 8, 1, 1,
    ]);
    const inputs = Float32Array.from({ length: 72 }, (_, i) => Math.sin(i));
    const loaded = loadNetwork(saveNetwork(network));
    expect(loaded.architecture).toEqual(network.architecture);
    const y = await predict(network, { inputs, count: 1, backend });
    expect(await predict(loaded, { inputs, count: 1, backend })).toEqual(y);
    // x·gate + 1/2, twice
    expect(y.every((v, i) => Math.abs(v - 1) <= 2 * Math.abs(inputs[i]))).toBe(true);
  });
  it("refuse what their table has not, saying what was meant; and names that nobody defined", () => {
    expect(() => squeezeExcitation({ gate: "sigmoid", ration: 2 } as never)).toThrow(
      /squeezeExcitation has no option "ration": did you mean ratio\?/,
    );
    expect(() => squeezeExcitation({ gate: "tanh" } as never)).toThrow(
      /gate must be one of sigmoid, hardSigmoid/,
    );
    expect(() => squeezeExcitation({} as never)).toThrow(/lacks its option "gate"/);
    expect(() => nn.defineLayer("biased", { apply: (_, x) => x })).toThrow(
      /there is a layer "biased" already/,
    );
    expect(() => nn.defineLayer("no name", { apply: (_, x) => x })).toThrow(/"no name" is no name/);
    expect(() => nn.sequential({ inputs: [1], layers: [], seed: 0 } as never)).toThrow(
      /did you mean input\?/,
    );
    const unknown = { kind: "custom", layer: "squeezeExitation" } as const;
    const make = (): unknown => nn.sequential({ input: [8, 3, 3], seed: 0, layers: [unknown] });
    expect(make).toThrow(/there is no layer "squeezeExitation" .*did you mean squeezeExcitation\?/);
    const nothing = nn.defineActivation("nothing", () => undefined as never);
    expect(() => nn.sequential({ input: [8], seed: 0, layers: [nothing()] })).toThrow(
      /layer 0\.nothing: it gives no/,
    );
  });
  it("a word mistyped in a layer of the library is named with what was meant", () => {
    const mistyped = { outChannels: 1, kernelsize: 3 } as never;
    expect(() =>
      nn.sequential({ input: [1, 8, 8], seed: 0, layers: [nn.conv2d(mistyped)] }),
    ).toThrow(/no option "kernelsize": did you mean kernelSize\?/);
    const three = nn.conv2d({ outChannels: 1, kernelSize: [3, 3, 3] as never });
    expect(() => nn.sequential({ input: [1, 8, 8], seed: 0, layers: [three] })).toThrow(
      /kernelSize must be .*, or a list of 2/,
    );
    const beyond = nn.convTranspose2d({
      outChannels: 1,
      kernelSize: 3,
      stride: 2,
      outputPadding: 2,
    });
    expect(() => nn.sequential({ input: [1, 8, 8], seed: 0, layers: [beyond] })).toThrow(
      /outputPadding 2 must be less than the stride/,
    );
  });
});

describe("shared layers", () => {
  const twins = nn.shared({
    name: "twins",
    layers: [nn.conv2d({ outChannels: 2, kernelSize: 3, padding: 1 })],
  });
  it("have one set of weights, wherever they stand", () => {
    const layers = [nn.branches({ branches: [[twins], [nn.relu(), twins]] })];
    expect([...parameterShapes({ input: [3, 5, 5], layers }).keys()]).toEqual([
      "shared.twins.0.conv2d.weight",
      "shared.twins.0.conv2d.bias",
    ]);
  });
  it("are refused with other layers under the name, or inputs of another size", () => {
    const other = nn.shared({
      name: "twins",
      layers: [nn.conv2d({ outChannels: 2, kernelSize: 1 })],
    });
    const build = (layers: nn.Layer[]) => () =>
      nn.sequential({ input: [3, 5, 5], seed: 0, layers });
    expect(build([twins, other])).toThrow(/shared as "twins" are others here/);
    expect(build([twins, twins])).toThrow(
      /it is \[2×3×3×3\] in one place and \[2×2×3×3\] in another/,
    );
  });
  it("drop other elements in every place", async () => {
    const drop = nn.shared({ name: "drop", layers: [nn.dropout({ probability: 0.5 })] });
    const layers = [nn.branches({ branches: [[drop], [drop]] })];
    const network = nn.sequential({ input: [400], seed: 0, layers });
    const b = new GraphBuilder(ops);
    b.output("y", applyNetwork(b, network, b.input("x", [1, 400]), { training: true }).y);
    const { y } = await (await backend.compile(b)).execute({ x: new Float32Array(400).fill(1) });
    const apart = Array.from({ length: 400 }, (_, i) => y[i] !== y[400 + i]).filter(Boolean).length;
    expect(apart).toBeGreaterThan(120);
    expect(apart).toBeLessThan(280);
  });
  it("dropout2d drops whole channels", async () => {
    const network = nn.sequential({
      input: [64, 3, 3],
      seed: 0,
      layers: [nn.dropout2d({ probability: 0.5 })],
    });
    const b = new GraphBuilder(ops);
    b.output("y", applyNetwork(b, network, b.input("x", [1, 64, 3, 3]), { training: true }).y);
    const { y } = await (await backend.compile(b)).execute({ x: new Float32Array(576).fill(1) });
    const channels = Array.from(
      { length: 64 },
      (_, c) => new Set(Array.from(y).slice(9 * c, 9 * c + 9)),
    );
    expect(channels.every((values) => values.size === 1)).toBe(true);
    expect(new Set(channels.flatMap((values) => [...values]))).toEqual(new Set([0, 2]));
  });
});

describe("networks of several inputs and outputs", () => {
  const network = nn.model({
    inputs: { image: [1, 4, 4], age: [1] },
    nodes: [
      { name: "map", from: ["image"], layers: [nn.conv2d({ outChannels: 2, kernelSize: 1 })] },
      { name: "features", from: ["map"], layers: [nn.globalAvgPool2d(), nn.flatten()] },
      {
        name: "class",
        from: ["features", "age"],
        join: "concatenate",
        layers: [nn.linear({ outFeatures: 3 })],
      },
    ],
    outputs: ["class", "map"],
    seed: 0,
  });
  it("are run by their names", async () => {
    const image = Float32Array.from({ length: 32 }, (_, i) => i / 32);
    const inputs = nn.joinInputs(network, { image, age: [3, 4] }, 2);
    expect(inputs).toHaveLength(34);
    expect([inputs[15], inputs[16], inputs[17], inputs[33]]).toEqual([15 / 32, 3, 16 / 32, 4]);
    const y = nn.splitOutputs(network, await predict(network, { inputs, count: 2, backend }), 2);
    expect(y.class.shape).toEqual([2, 3]);
    expect(y.map.shape).toEqual([2, 2, 4, 4]);
    const [w, bias] = ["weight", "bias"].map(
      (key) => network.parameters.get(`0.graph.map.0.conv2d.${key}`)!.data,
    );
    expect(y.map.data[32 + 16 + 5]).toBeCloseTo(w[1] * image[16 + 5] + bias[1], 5);
  });
  it("learn each output by a loss of its own", async () => {
    const loss = lossPerOutput(network, {
      class: { loss: crossEntropy(), target: [] },
      map: { loss: meanSquaredError(), weight: 2 },
    });
    const read = (i: number, x: Float32Array, t: Float32Array): void => {
      x.fill(i % 3);
      x[16] = i;
      t.fill(i % 3);
    };
    const data = { length: 12, inputShape: [17], targetShape: [33], read };
    const losses: number[] = [];
    const trained = await fit(network, {
      data,
      loss,
      optimizer: adam({ learningRate: 0.05 }),
      epochs: 30,
      batchSize: 6,
      seed: 0,
      backend,
      on: { epoch: ({ trainLoss }) => void losses.push(trainLoss) },
    });
    expect(losses.at(-1)).toBeLessThan(losses[0] / 3);
    // the sum of its parts, by hand
    const [x, t] = [new Float32Array(17), new Float32Array(33)];
    read(2, x, t);
    const y = nn.splitOutputs(trained, await predict(trained, { inputs: x, backend }), 1);
    const top = Math.max(...y.class.data);
    const entropy =
      top - y.class.data[2] + Math.log(y.class.data.reduce((s, v) => s + Math.exp(v - top), 0));
    const square = y.map.data.reduce((s, v) => s + (v - 2) ** 2, 0) / 32;
    const b = new GraphBuilder(ops);
    b.output("c", loss.apply(b, b.input("y", [1, 35]), b.input("t", [1, 33])));
    const flat = await predict(trained, { inputs: x, backend });
    const { c } = await (await backend.compile(b)).execute({ y: flat, t });
    expect(c[0]).toBeCloseTo(entropy + 2 * square, 4);
    expect(() => lossPerOutput(network, { clas: { loss: crossEntropy() } })).toThrow(
      /no output "clas": did you mean class\?/,
    );
    expect(() => lossPerOutput(network, { class: { loss: crossEntropy() } })).toThrow(
      /output "map" has no loss/,
    );
  });
  it("say what is mistyped", () => {
    expect(() => nn.joinInputs(network, { imag: [], age: [1] }, 1)).toThrow(
      /no input "imag": did you mean image\?/,
    );
    expect(() => nn.joinInputs(network, { age: [1] }, 1)).toThrow(/input "image" is missing/);
    expect(() => nn.joinInputs(network, { image: [1], age: [1] }, 1)).toThrow(
      /"image" has 1 values; .* have 16/,
    );
    expect(() => nn.joinInputs(nn.lenet5({ seed: 0 }), {}, 1)).toThrow(ConfigError);
    const wrong = { inputs: { a: [2] }, nodes: [{ name: "b", from: ["aa"] }], seed: 0 };
    expect(() => nn.model(wrong)).toThrow(/"b" comes from "aa", .*did you mean a\?/);
    const outputs = { ...wrong, nodes: [{ name: "b", from: ["a"] }], outputs: ["bb"] };
    expect(() => nn.model(outputs)).toThrow(/its outputs have "bb"/);
  });
});

describe("names that a terminal would obey", () => {
  const places: Record<string, (name: string) => unknown[]> = {
    "a kind": (name) => [{ kind: name }],
    "an option": (name) => [{ kind: "relu", [name]: 1 }],
    "a layer of one's own": (name) => [{ kind: "custom", layer: name }],
    "an option of a layer of one's own": (name) => [
      { kind: "custom", layer: "lawfulName", options: { [name]: 1 } },
    ],
    "a share": (name) => [{ kind: "shared", name, layers: [{ kind: "dropout" }] }],
    "a node": (name) => [{ kind: "graph", nodes: [{ name, from: ["input"], layers: [] }] }],
    "a node's input": (name) => [{ kind: "graph", nodes: [{ name: "a", from: [name] }] }],
    "a node's option": (name) => [
      { kind: "graph", nodes: [{ name: "a", from: ["input"], [name]: 1 }] },
    ],
    "an input": (name) => [{ kind: "graph", inputs: { [name]: [4] }, nodes: [] }],
    "an output": (name) => [
      { kind: "graph", nodes: [{ name: "a", from: ["input"] }], outputs: [name] },
    ],
    "a layer behind a node": (name) => [
      {
        kind: "graph",
        nodes: [{ name, from: ["input"], layers: [{ kind: "dropout", probability: 2 }] }],
      },
    ],
    "a layer within a kind": (name) => [
      { kind: "residual", body: [{ kind: name, layers: [{ kind: "relu" }] }] },
    ],
  };
  nn.defineLayer("lawfulName", { apply: (_, x) => x });
  const control = fc.constantFrom("\u001b[2J", "\n", "\u0000", "\u009b", "\r", "\u007f");
  for (const [place, layersOf] of Object.entries(places))
    it(`in ${place} are refused by one line without them`, () =>
      fc.assert(
        fc.property(fc.string(), control, fc.string(), (before, sign, after) => {
          const layers = layersOf(`${before}${sign}${after}`) as nn.Layer[];
          let message = "";
          try {
            nn.sequential({ input: [4], layers, seed: 0 });
          } catch (error) {
            expect(error).toBeInstanceOf(ConfigError);
            message = (error as Error).message;
          }
          expect(message).toMatch(/^layer /);
          expect(message).not.toMatch(/\p{Cc}/u);
        }),
        { numRuns: 40, seed: 9 },
      ));
});
