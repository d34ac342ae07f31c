// Looking inside a network, and hand-made kernels.
import { describe, expect, it } from "vitest";
import { arithmetic, gradients, GraphBuilder, openBackend, ops, random } from "fiducial/engine";
import {
  applyNetwork,
  boxBlur,
  checkGradients,
  crossEntropy,
  explainDerivatives,
  explainNode,
  featureSheet,
  filterImage,
  gaussianBlur,
  gradCam,
  gradientVector,
  kernels,
  kernelSheet,
  meanSquaredError,
  nn,
  receptiveField,
  saliency,
  summarize,
  trace,
} from "fiducial/learning";

const backend = await openBackend("reference");
const rng = random(2);
const numbers = (n: number): Float32Array => Float32Array.from({ length: n }, () => rng.normal());

describe("looking inside", () => {
  const network = nn.sequential({
    input: [3, 9, 8],
    seed: 1,
    layers: [
      nn.conv2d({ outChannels: 6, kernelSize: 3, stride: 2, padding: 1, groups: 3 }),
      nn.batchNorm2d(),
      nn.silu(),
      nn.conv2d({ outChannels: 4, kernelSize: 3, padding: 2, dilation: 2 }),
      nn.flatten(),
      nn.linear({ outFeatures: 5 }),
    ],
  });
  const input = numbers(3 * 9 * 8);
  it("trace gives every layer by name; explainNode's terms add up to what it saw, in groups, strides, padding and dilation", async () => {
    const values = await trace(network, { inputs: input, backend });
    expect([...values.keys()]).toEqual([
      "input",
      "0.conv2d",
      "1.batchNorm2d",
      "2.silu",
      "3.conv2d",
      "4.flatten",
      "5.linear",
    ]);
    for (const [layer, node] of [
      ["0.conv2d", [4, 0, 0]],
      ["0.conv2d", [1, 3, 2]],
      ["3.conv2d", [3, 4, 1]],
      ["5.linear", [2]],
    ] as const) {
      const { shape, data } = values.get(layer)!;
      const flat = node.reduce((at, v, i) => at * shape[i + 1] + v, 0);
      const { terms, bias, sum } = await explainNode(network, { layer, node, input, backend });
      expect(sum).toBeCloseTo(data[flat], 10);
      expect(terms.reduce((s, t) => s + t.input * t.weight, bias)).toBeCloseTo(sum, 10);
    }
    expect(
      (await explainNode(network, { layer: "0.conv2d", node: [4, 0, 0], input, backend })).terms,
    ).toHaveLength(4);
    await expect(
      explainNode(network, { layer: "2.silu", node: [0], input, backend }),
    ).rejects.toThrow(/is no linear layer or convolution/);
    await expect(
      explainNode(network, { layer: "5.linear", node: [5], input, backend }),
    ).rejects.toThrow(/no node \[5\]/);
  });
  it("the gradient vector has every parameter, and checkGradients holds it to central differences", async () => {
    const target = [0, 0, 1, 0, 0];
    const { parameters, activations, cost } = await gradientVector(network, {
      loss: crossEntropy(),
      inputs: input,
      targets: target,
      count: 1,
      backend,
    });
    expect([...parameters.keys()].sort()).toEqual(
      [...network.parameters.keys()].filter((k) => !k.includes("running")).sort(),
    );
    expect(cost).toBeGreaterThan(0);
    // the last layer's bias: ∂C/∂b = ∂C/∂z
    expect([...parameters.get("5.linear.bias")!.data]).toEqual([
      ...activations.get("5.linear")!.data,
    ]);
    for (const loss of [crossEntropy(), meanSquaredError()])
      expect(
        await checkGradients(network, { loss, inputs: input, targets: target, count: 1, seed: 3 }),
      ).toBeLessThan(1e-6);
  });
});

describe("the chain rule, node by node", () => {
  const loss = crossEntropy();
  const image = [2, 4, 4];
  /** Layers with weights, on images or on features. */
  const weighted: Record<string, { input: number[]; layer: nn.Layer }> = {
    linear: { input: [7], layer: nn.linear({ outFeatures: 5 }) },
    "convolution, grouped, strided, dilated": {
      input: image,
      layer: nn.conv2d({
        outChannels: 4,
        kernelSize: 2,
        stride: 2,
        dilation: 2,
        padding: 1,
        groups: 2,
      }),
    },
    "convolution, same, even kernel": {
      input: image,
      layer: nn.conv2d({ outChannels: 2, kernelSize: 2, padding: "same" }),
    },
    ...Object.fromEntries(
      (["reflect", "replicate", "circular"] as const).map((paddingMode) => [
        `convolution, ${paddingMode}`,
        {
          input: image,
          layer: nn.conv2d({ outChannels: 2, kernelSize: 3, padding: 1, paddingMode, bias: false }),
        },
      ]),
    ),
    "transposed convolution": {
      input: [2, 2, 2],
      layer: nn.convTranspose2d({ outChannels: 2, kernelSize: 4, stride: 2, padding: 1 }),
    },
    "convolution, rectangular": {
      input: image,
      layer: nn.conv2d({
        outChannels: 2,
        kernelSize: [3, 2],
        stride: [1, 2],
        padding: [1, 1],
        dilation: [1, 2],
      }),
    },
    "transposed convolution, grouped, dilated": {
      input: [2, 2, 2],
      layer: nn.convTranspose2d({
        outChannels: 2,
        kernelSize: [2, 1],
        stride: [1, 2],
        dilation: [2, 1],
        outputPadding: [0, 1],
        groups: 2,
      }),
    },
  };
  const anywhere: readonly nn.Layer[][] = [
    [],
    [nn.relu()],
    [nn.tanh()],
    [nn.softmax()],
    [nn.softmax({ temperature: 3 }), nn.silu()],
    [nn.layerNorm(), nn.gelu()],
    [nn.dropout({ probability: 0.5 })],
    [nn.residual({ body: [nn.sigmoid()] })],
  ];
  const onImages: readonly nn.Layer[][] = [
    [nn.instanceNorm2d({ affine: true })],
    [nn.batchNorm2d(), nn.relu()],
    [nn.groupNorm({ groups: 2 })],
    [nn.maxPool2d({ kernelSize: 2 })],
    [nn.avgPool2d({ kernelSize: 2, padding: 1 }), nn.tanh()],
    [nn.globalAvgPool2d()],
    [nn.upsample({ scale: 2, mode: "bilinear" })],
    [nn.conv2d({ outChannels: 2, kernelSize: 2 })],
    [nn.unetBlock({ outChannels: 2, baseChannels: 2, depth: 1 })],
  ];
  for (const [name, { input: shape, layer }] of Object.entries(weighted))
    it(`${name}: adds up to the gradient vector to 1e-9, whatever follows, with either statistics`, async () => {
      for (const after of [...anywhere, ...(shape.length === 3 ? onImages : [])])
        for (const statistics of ["running", "batch"] as const) {
          const before = shape.length === 3 ? [nn.batchNorm2d()] : [nn.tanh()];
          const middle = [...before, layer, ...after];
          // where nothing follows, the layer is the output itself
          const layers =
            after.length === 0 && shape.length === 1
              ? middle
              : [...middle, nn.flatten(), nn.linear({ outFeatures: 3 })];
          const fresh = nn.sequential({ input: shape, seed: 5, layers });
          const network = {
            ...fresh,
            parameters: new Map(
              [...fresh.parameters].map(([key, p]) => [
                key,
                key.includes("running") ? { ...p, data: p.data.map((_, i) => 0.5 + 0.2 * i) } : p,
              ]),
            ),
          };
          const input = numbers(shape.reduce((a, b) => a * b));
          const at = `1.${layer.kind}`;
          const first = await trace(network, { inputs: input, backend, statistics });
          const out = first.get(at)!.shape.slice(1);
          const classes = [...first.values()].at(-1)!.shape[1];
          const target = Array.from({ length: classes }, (_, c) => (c === 1 ? 1 : 0));
          const vector = await gradientVector(network, {
            loss,
            inputs: input,
            targets: target,
            count: 1,
            backend,
            statistics,
          });
          expect(vector.statistics).toBe(statistics);
          const want = vector.parameters.get(`${at}.weight`)!.data;
          const wantBias = vector.parameters.get(`${at}.bias`)?.data;
          const sums = new Map<string, { product: number; total: number }>();
          let nodes = out.map(() => 0);
          const all: number[][] = [];
          for (let flat = 0; flat < out.reduce((a, b) => a * b); flat++) {
            let rest = flat;
            nodes = [...out].reverse().map((n) => {
              const v = rest % n;
              rest = Math.floor(rest / n);
              return v;
            });
            all.push(nodes.reverse());
          }
          const biasSums = new Float64Array(wantBias?.length ?? 0);
          const totals: number[] = [];
          for (const node of all) {
            const options = { layer: at, node, input, backend, statistics };
            const { terms } = await explainNode(network, options);
            const rules = await explainDerivatives(network, { ...options, loss, target });
            expect(rules).toHaveLength(terms.length + (wantBias ? 1 : 0));
            rules.forEach((rule, i) => {
              expect(rule.product).toBe(rule.dzdw * rule.dCdz);
              expect(rule.dCdz).toBe(rule.through.reduce((s, l) => s + l.dadz * l.dCda, 0));
              if (i < terms.length) expect(rule.dzdw).toBe(terms[i].input);
              totals.push(rule.total);
            });
            terms.forEach((term, i) => {
              const key = `${node[0]} ${term.weight}`;
              const sum = sums.get(key) ?? { product: 0, total: rules[i].total };
              sums.set(key, { product: sum.product + rules[i].product, total: rules[i].total });
            });
            if (wantBias) {
              const bias = rules.at(-1)!;
              expect(bias.dzdw).toBe(1);
              biasSums[node[0]] += bias.product;
              expect(Math.abs(bias.total - wantBias[node[0]])).toBeLessThan(1e-9);
            }
          }
          const label = `${after.map((l) => l.kind)} ${statistics}`;
          for (const { product, total } of sums.values())
            expect(Math.abs(product - total), label).toBeLessThan(1e-9);
          wantBias?.forEach((w, i) => expect(Math.abs(biasSums[i] - w), label).toBeLessThan(1e-9));
          // every weight's derivative is the vector's, none left out
          const seen = new Set(totals);
          for (const w of want) if (w !== 0) expect(seen.has(w), label).toBe(true);
        }
    }, 120_000);
  it("refuses what has no weights, and nodes that are not there", async () => {
    const network = nn.sequential({
      input: [3],
      seed: 1,
      layers: [nn.linear({ outFeatures: 2 }), nn.softmax()],
    });
    const options = { input: [1, 2, 3], target: [1, 0], loss: meanSquaredError(), backend };
    const refused = (layer: string, node: number[], message: RegExp): Promise<void> =>
      expect(explainDerivatives(network, { ...options, layer, node })).rejects.toThrow(message);
    await refused(
      "1.softmax",
      [0],
      /"1\.softmax" is no linear layer or convolution .*; there are 0\.linear/,
    );
    await refused("0.linear", [2], /no node \[2\] in 0\.linear/);
    await refused("0.linear", [0.5], /no node/);
    const rules = await explainDerivatives(network, { ...options, layer: "0.linear", node: [1] });
    expect(rules[0].through.map((l) => l.at)).toEqual([[0], [1]]);
  });
});

describe("sheets and saliency", () => {
  it("features and kernels are arranged in pictures, each from black to white", async () => {
    const network = nn.lenet5({ seed: 1 });
    const sheet = featureSheet(await trace(network, { inputs: numbers(784), backend }));
    expect(sheet.values.length).toBe(sheet.shape[0] * sheet.shape[1]);
    expect([Math.min(...sheet.values), Math.max(...sheet.values)]).toEqual([0, 1]);
    expect(kernelSheet(network, "3.conv2d.weight").shape).toEqual([
      16 * (5 * 8 + 2) + 2,
      6 * (5 * 8 + 2) + 2,
    ]);
    expect(() => kernelSheet(network, "7.linear.weight")).toThrow(
      /no convolution's weight; there are 0\.conv2d\.weight, 3\.conv2d\.weight/,
    );
  });
  it("saliency is the gradient's size; Grad-CAM of a linear head is the head's weighted sum", async () => {
    const network = nn.sequential({
      input: [1, 6, 6],
      seed: 4,
      layers: [
        nn.conv2d({ outChannels: 3, kernelSize: 3 }),
        nn.globalAvgPool2d(),
        nn.flatten(),
        nn.linear({ outFeatures: 2 }),
      ],
    });
    const input = numbers(36);
    const s = await saliency(network, { input, output: 1, backend });
    const at = async (i: number, h: number): Promise<number> =>
      (await trace(network, { inputs: input.map((v, j) => (j === i ? v + h : v)), backend })).get(
        "3.linear",
      )!.data[1];
    for (const i of [0, 14, 35])
      expect(s.data[i]).toBeCloseTo(Math.abs((await at(i, 0.01)) - (await at(i, -0.01))) / 0.02, 4);
    const cam = await gradCam(network, { input, output: 1, layer: "0.conv2d", backend });
    const a = (await trace(network, { inputs: input, backend })).get("0.conv2d")!.data;
    const w = network.parameters.get("3.linear.weight")!.data;
    cam.data.forEach((v, i) =>
      expect(v).toBeCloseTo(
        Math.max(
          0,
          [0, 1, 2].reduce((t, c) => t + (w[3 + c] / 16) * a[16 * c + i], 0),
        ),
        8,
      ),
    );
  });
});

describe("receptive fields", () => {
  /** Layers through which a cell depends on exactly the pixels whose derivative is not 0. */
  const linear: readonly nn.Layer[] = [
    nn.conv2d({ outChannels: 4, kernelSize: 3, dilation: 2, padding: 2 }),
    nn.conv2d({ outChannels: 4, kernelSize: 2, stride: 2 }),
    nn.conv2d({ outChannels: 4, kernelSize: 3, stride: 3, padding: 1 }),
    nn.conv2d({ outChannels: 4, kernelSize: 2, stride: 2, dilation: 3, padding: "same" }),
    nn.conv2d({ outChannels: 4, kernelSize: 3, padding: 1, paddingMode: "circular" }),
    nn.conv2d({
      outChannels: 4,
      kernelSize: 4,
      stride: 3,
      padding: "same",
      paddingMode: "replicate",
    }),
    nn.convTranspose2d({ outChannels: 4, kernelSize: 3, stride: 2, padding: 1 }),
    nn.convTranspose2d({ outChannels: 4, kernelSize: 2, stride: 3 }),
    nn.convTranspose2d({ outChannels: 4, kernelSize: 4 }),
    nn.avgPool2d({ kernelSize: 3, stride: 2, padding: 1, ceilMode: true }),
    { kind: "adaptiveAvgPool2d", outputSize: [3, 2] },
    nn.upsample({ scale: 2, mode: "bilinear" }),
    nn.upsample({ scale: 3, mode: "nearest" }),
    nn.pixelShuffle({ scale: 2 }),
    nn.residual({
      body: [nn.conv2d({ outChannels: 4, kernelSize: 5, padding: 2 })],
      shortcut: [nn.conv2d({ outChannels: 4, kernelSize: 1 })],
    }),
    nn.branches({
      branches: [
        [nn.conv2d({ outChannels: 4, kernelSize: 1 })],
        [nn.conv2d({ outChannels: 4, kernelSize: 3, dilation: 2, padding: 2 })],
      ],
    }),
  ];
  it("are exact for every stack of two, and a summary's are the widest of their cells", async () => {
    const [H, W] = [6, 8];
    for (const first of linear)
      for (const second of linear) {
        const layers = [first, second];
        let network: nn.Network;
        try {
          network = nn.sequential({ input: [4, H, W], seed: 3, layers });
        } catch {
          // too small an image, or channels that do not divide
          continue;
        }
        const summary = summarize(network);
        for (const [index, layer] of layers.entries()) {
          if (index === 0 && second !== linear[0]) continue;
          const name = `${index}.${layer.kind}`;
          const b = new GraphBuilder(ops);
          const x = b.input("x", [1, 4, H, W]);
          let y = x;
          applyNetwork(b, network, x, {
            onLayer: (at, _kind, value) => {
              if (at === name) y = value;
            },
          });
          const chosen = b.input("chosen", y.shape);
          const { mul, sum } = arithmetic(b);
          b.output("d", gradients(b, sum(mul(y, chosen)), [x])[0]);
          const plan = await backend.compile(b);
          const [, channels, h, w] = y.shape;
          let most = 0;
          // every row and every column once: a box is one of rows times one of columns
          for (let k = 0; k < Math.max(h, w); k++) {
            const [row, column] = [k % h, k % w];
            const pick = new Float64Array(channels * h * w);
            for (let c = 0; c < channels; c++) pick[(c * h + row) * w + column] = 1 + 0.1 * c;
            const { d } = await plan.execute({ x: new Float64Array(4 * H * W), chosen: pick });
            const rows = new Set<number>();
            const columns = new Set<number>();
            d.forEach((v, i) => {
              if (v === 0) return;
              rows.add(Math.floor(i / W) % H);
              columns.add(i % W);
            });
            const ends = (seen: Set<number>): number[] =>
              seen.size === 0 ? [0, -1] : [Math.min(...seen), Math.max(...seen)];
            const field = receptiveField(network, { layer: name, row, column });
            const label = `${JSON.stringify(layers)} ${name} ${row} ${column}`;
            // a cell that sees nothing along one axis sees nothing along the other
            if (rows.size === 0) expect([field.rows, field.columns], label).toContainEqual([0, -1]);
            else expect([field.rows, field.columns], label).toEqual([ends(rows), ends(columns)]);
            for (const seen of [field.rows, field.columns])
              most = Math.max(most, seen[1] - seen[0] + 1);
          }
          expect(summary.layers.find((l) => l.name === name)!.receptiveField).toBe(most);
        }
      }
  }, 120_000);
  it("normalisation sees the whole image, unless a summary leaves its statistics out; flattening ends them", () => {
    const of = (...layers: nn.Layer[]): nn.Network =>
      nn.sequential({ input: [4, 9, 9], seed: 1, layers });
    const conv = nn.conv2d({ outChannels: 4, kernelSize: 3, padding: 1 });
    for (const norm of [nn.instanceNorm2d(), nn.groupNorm({ groups: 2 }), nn.layerNorm()]) {
      const network = of(conv, norm, conv);
      expect(receptiveField(network, { layer: "2.conv2d", row: 4, column: 4 })).toEqual({
        rows: [0, 8],
        columns: [0, 8],
      });
      expect(summarize(network)).toMatchObject({ receptiveField: 5, dependsOnWholeImage: true });
    }
    expect(
      receptiveField(of(conv, nn.batchNorm2d(), conv), { layer: "2.conv2d", row: 4, column: 0 }),
    ).toEqual({
      rows: [2, 6],
      columns: [0, 2],
    });
    expect(summarize(of(conv, nn.softmax())).receptiveField).toBe(Number.POSITIVE_INFINITY);
    expect(summarize(of(conv, nn.flatten())).receptiveField).toBe(Number.POSITIVE_INFINITY);
  });
  it("are the box of the pixels that a cell's value depends on: exact, but for the holes of dilated and strided kernels", async () => {
    const cases = [
      {
        input: [1, 12, 12],
        layers: [
          nn.conv2d({ outChannels: 2, kernelSize: 3, padding: 1 }),
          nn.maxPool2d({ kernelSize: 2 }),
          nn.conv2d({ outChannels: 1, kernelSize: 3, padding: 1 }),
        ],
        layer: "2.conv2d",
        exact: true,
      },
      {
        input: [1, 9, 11],
        layers: [
          nn.conv2d({
            outChannels: 1,
            kernelSize: 5,
            stride: 2,
            padding: 2,
            paddingMode: "reflect" as const,
          }),
          nn.convTranspose2d({ outChannels: 1, kernelSize: 3, stride: 2 }),
          nn.avgPool2d({ kernelSize: 3, stride: 2, padding: 1 }),
        ],
        layer: "2.avgPool2d",
        exact: false,
      },
      {
        input: [1, 11, 9],
        layers: [nn.conv2d({ outChannels: 1, kernelSize: 3, dilation: 2, padding: 2 })],
        layer: "0.conv2d",
        exact: false,
      },
      {
        input: [1, 8, 8],
        layers: [
          nn.branches({
            branches: [
              [nn.conv2d({ outChannels: 1, kernelSize: 1 })],
              [nn.conv2d({ outChannels: 1, kernelSize: 5, padding: 2 })],
            ],
          }),
        ],
        layer: "0.branches",
        exact: true,
      },
    ];
    for (const { input, layers, layer, exact } of cases) {
      const network = nn.sequential({ input, layers, seed: 1 });
      const [H, W] = input.slice(1);
      const image = numbers(H * W);
      const before = (await trace(network, { inputs: image, backend })).get(layer)!;
      const [, channels, h, w] = before.shape;
      for (const [row, column] of [
        [0, 0],
        [Math.floor(h / 2), Math.floor(w / 2)],
        [h - 1, 1],
      ]) {
        const depends: [number, number][] = [];
        for (let i = 0; i < H * W; i++) {
          // large both ways, so that a maximum cannot hide it
          const differs = await Promise.all(
            [50, -50].map(async (v) => {
              const after = (
                await trace(network, {
                  inputs: image.map((p, j) => (j === i ? p + v : p)),
                  backend,
                })
              ).get(layer)!;
              return Array.from(
                { length: channels },
                (_, c) =>
                  after.data[(c * h + row) * w + column] !==
                  before.data[(c * h + row) * w + column],
              ).some(Boolean);
            }),
          );
          if (differs.some(Boolean)) depends.push([Math.floor(i / W), i % W]);
        }
        const field = receptiveField(network, { layer, row, column });
        for (const [axis, range] of [field.rows, field.columns].entries()) {
          const [low, high] = [
            Math.min(...depends.map((d) => d[axis])),
            Math.max(...depends.map((d) => d[axis])),
          ];
          if (exact) expect(range).toEqual([low, high]);
          expect(range[0]).toBeLessThanOrEqual(low);
          expect(range[1]).toBeGreaterThanOrEqual(high);
          expect(range[1] - range[0]).toBeLessThanOrEqual(high - low + 3);
        }
      }
    }
    expect(() =>
      receptiveField(nn.lenet5({ seed: 0 }), { layer: "0.conv2d", row: 28, column: 0 }),
    ).toThrow(/no cell 28, 0/);
  });
});

describe("kernels", () => {
  const image = { shape: [7, 7], data: numbers(49) };
  const at = (r: number, c: number): number => image.data[7 * r + c];
  it("are applied by cross-correlation, or turned by 180° as a true convolution", async () => {
    for (const flip of [false, true]) {
      const { shape, data } = await filterImage(image, { kernel: kernels.emboss, flip, backend });
      expect(shape).toEqual([5, 5]);
      for (let r = 0; r < 5; r++)
        for (let c = 0; c < 5; c++) {
          let want = 0;
          for (let i = 0; i < 3; i++)
            for (let j = 0; j < 3; j++)
              want += kernels.emboss.data[flip ? 8 - 3 * i - j : 3 * i + j] * at(r + i, c + j);
          expect(data[5 * r + c]).toBeCloseTo(want, 6);
        }
    }
  });
  it("edges answer nothing to a flat image, blurs nothing else than its value, up to 11×11", async () => {
    const flat = { shape: [15, 15], data: new Float32Array(225).fill(3) };
    for (const [name, kernel] of Object.entries(kernels)) {
      if (kernel.shape.length === 3) continue;
      const want = 3 * kernel.data.reduce((a, b) => a + b, 0);
      if (/Edge|sobel|prewitt|scharr|laplacian|corner/.test(name)) expect(want, name).toBe(0);
      for (const v of (await filterImage(flat, { kernel, backend })).data)
        expect(v).toBeCloseTo(want, 6);
    }
    for (const kernel of [boxBlur(11), gaussianBlur(11, 2)])
      for (const v of (
        await filterImage(flat, { kernel, padding: "same", paddingMode: "reflect", backend })
      ).data)
        expect(v).toBeCloseTo(3, 5);
  });
  it("colour selectors take one channel; a filter for other channels is refused", async () => {
    const colour = { shape: [3, 5, 5], data: numbers(75) };
    const { shape, data } = await filterImage(colour, {
      kernel: kernels.green,
      padding: "same",
      backend,
    });
    expect(shape).toEqual([1, 5, 5]);
    expect([...data]).toEqual([...colour.data.subarray(25, 50)]);
    expect((await filterImage(colour, { kernel: kernels.sharpen, backend })).shape).toEqual([
      3, 3, 3,
    ]);
    await expect(filterImage(image, { kernel: kernels.red, backend })).rejects.toThrow(
      /for 3 channels, the image \[7×7\] has 1/,
    );
  });
});
