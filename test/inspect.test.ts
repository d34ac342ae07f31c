// Looking inside a network, and hand-made kernels.
import { describe, expect, it } from "vitest";
import { openBackend, random } from "fiducial/engine";
import {
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
    expect((await explainNode(network, { layer: "0.conv2d", node: [4, 0, 0], input, backend })).terms).toHaveLength(4);
    await expect(explainNode(network, { layer: "2.silu", node: [0], input, backend })).rejects.toThrow(
      /no linear layer or zero-padded convolution/,
    );
    await expect(explainNode(network, { layer: "5.linear", node: [5], input, backend })).rejects.toThrow(
      /no node \[5\]/,
    );
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
    expect([...parameters.get("5.linear.bias")!.data]).toEqual([...activations.get("5.linear")!.data]);
    for (const loss of [crossEntropy(), meanSquaredError()])
      expect(await checkGradients(network, { loss, inputs: input, targets: target, count: 1, seed: 3 })).toBeLessThan(
        1e-6,
      );
  });
});

describe("the chain rule, node by node", () => {
  it("adds up to the gradient vector over all nodes that share a weight", async () => {
    const network = nn.sequential({
      input: [2, 5, 4],
      seed: 1,
      layers: [
        nn.conv2d({ outChannels: 3, kernelSize: 3, padding: 1 }),
        nn.tanh(),
        nn.flatten(),
        nn.linear({ outFeatures: 2 }),
      ],
    });
    const [input, target, loss] = [numbers(40), [1, 0], crossEntropy()];
    const { parameters } = await gradientVector(network, { loss, inputs: input, targets: target, count: 1, backend });
    // the weight of output channel 2 over input channel 1, row 0, column 2
    let total = 0;
    for (let r = 0; r < 5; r++)
      for (let c = 0; c < 4; c++) {
        const options = { layer: "0.conv2d", node: [2, r, c], input, backend };
        const { terms } = await explainNode(network, options);
        const rules = await explainDerivatives(network, { ...options, loss, target });
        const k = terms.findIndex((t) => t.at[0] === 1 && t.at[1] === r - 1 && t.at[2] === c + 1);
        if (k >= 0) total += rules[k].product;
      }
    expect(total).toBeCloseTo(parameters.get("0.conv2d.weight")!.data[(2 * 2 + 1) * 9 + 2], 10);
    await expect(
      explainDerivatives(network, { layer: "3.linear", node: [0], input, target, loss, backend }),
    ).rejects.toThrow(/no activation follows 3\.linear/);
  });
});

describe("sheets and saliency", () => {
  it("features and kernels are arranged in pictures, each from black to white", async () => {
    const network = nn.lenet5({ seed: 1 });
    const sheet = featureSheet(await trace(network, { inputs: numbers(784), backend }));
    expect(sheet.values.length).toBe(sheet.shape[0] * sheet.shape[1]);
    expect([Math.min(...sheet.values), Math.max(...sheet.values)]).toEqual([0, 1]);
    expect(kernelSheet(network, "3.conv2d.weight").shape).toEqual([16 * (5 * 8 + 2) + 2, 6 * (5 * 8 + 2) + 2]);
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
      (await trace(network, { inputs: input.map((v, j) => (j === i ? v + h : v)), backend })).get("3.linear")!.data[1];
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
          nn.conv2d({ outChannels: 1, kernelSize: 5, stride: 2, padding: 2, paddingMode: "reflect" as const }),
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
              const after = (await trace(network, { inputs: image.map((p, j) => (j === i ? p + v : p)), backend })).get(
                layer,
              )!;
              return Array.from(
                { length: channels },
                (_, c) => after.data[(c * h + row) * w + column] !== before.data[(c * h + row) * w + column],
              ).some(Boolean);
            }),
          );
          if (differs.some(Boolean)) depends.push([Math.floor(i / W), i % W]);
        }
        const field = receptiveField(network, { layer, row, column });
        for (const [axis, range] of [field.rows, field.columns].entries()) {
          const [low, high] = [Math.min(...depends.map((d) => d[axis])), Math.max(...depends.map((d) => d[axis]))];
          if (exact) expect(range).toEqual([low, high]);
          expect(range[0]).toBeLessThanOrEqual(low);
          expect(range[1]).toBeGreaterThanOrEqual(high);
          expect(range[1] - range[0]).toBeLessThanOrEqual(high - low + 3);
        }
      }
    }
    expect(() => receptiveField(nn.lenet5({ seed: 0 }), { layer: "0.conv2d", row: 28, column: 0 })).toThrow(
      /no cell 28, 0/,
    );
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
      for (const v of (await filterImage(flat, { kernel, backend })).data) expect(v).toBeCloseTo(want, 6);
    }
    for (const kernel of [boxBlur(11), gaussianBlur(11, 2)])
      for (const v of (await filterImage(flat, { kernel, padding: "same", paddingMode: "reflect", backend })).data)
        expect(v).toBeCloseTo(3, 5);
  });
  it("colour selectors take one channel; a filter for other channels is refused", async () => {
    const colour = { shape: [3, 5, 5], data: numbers(75) };
    const { shape, data } = await filterImage(colour, { kernel: kernels.green, padding: "same", backend });
    expect(shape).toEqual([1, 5, 5]);
    expect([...data]).toEqual([...colour.data.subarray(25, 50)]);
    expect((await filterImage(colour, { kernel: kernels.sharpen, backend })).shape).toEqual([3, 3, 3]);
    await expect(filterImage(image, { kernel: kernels.red, backend })).rejects.toThrow(
      /for 3 channels, the image \[7×7\] has 1/,
    );
  });
});
