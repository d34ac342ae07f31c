// Every op as an ONNX file, run by ONNX Runtime and held to the engine's own definition; what
// stands for several; how many images.
import { describe, expect, it } from "vitest";
import {
  GraphBuilder,
  ops,
  sizeOf,
  SparseMatrix,
  type OpDef,
  type OpName,
  type Value,
} from "fiducial/engine";
import { exportGraph, exportNetwork, nn, type ExportOnnxOptions } from "fiducial/learning";
import { contents, counted, engine, runtime, values, worst, type Feed } from "./onnx-runtime.ts";

const TOLERANCE = 1e-5;
const facts = { name: "test", documentation: "", metadata: {} };
const one = { ...facts, batch: 1 } as const;

type Sample = OpDef<"mul">["samples"][number];
function sampleGraph(op: OpName, { shapes, attrs }: Sample): GraphBuilder {
  const b = new GraphBuilder(ops);
  const inputs: Record<string, Value> = {};
  for (const [name, shape] of Object.entries(shapes)) inputs[name] = b.input(name, shape);
  b.output("y", b.emit(op, inputs as never, attrs as never));
  return b;
}
function sampleFeed({ shapes, positive = false }: Sample): Feed {
  const drawn = Object.entries(shapes).map(([name, shape], i) => {
    return [name, { data: values(sizeOf(shape), 17 * i + 3, positive), shape }];
  });
  return Object.fromEntries(drawn);
}
const samplesOf = (op: OpName): readonly Sample[] => (ops[op] as unknown as OpDef<"mul">).samples;
/** Not of forward passes. */
const others: readonly OpName[] = [
  ...([
    "relu_grad",
    "take_grad",
    "lookup_grad",
    "conv2d_weight_grad",
    "normalize_grad",
    "random_uniform",
  ] as const),
  ...(["max_pool2d_grad", "max_pool2d_gather", "avg_pool2d_grad"] as const),
];
const forward = (Object.keys(ops) as OpName[]).filter((op) => !others.includes(op));

describe.each(forward)("%s in ONNX Runtime", (op) => {
  it.each(samplesOf(op).map((sample, i) => [i, sample] as const))(
    "sample %i is its definition",
    async (_i, sample) => {
      const b = sampleGraph(op, sample);
      const feed = sampleFeed(sample);
      const want = await engine(b, feed);
      const each: NonNullable<ExportOnnxOptions["dft"]>[] =
        op === "fft2" ? ["matrix", "op"] : ["matrix"];
      for (const dft of each) {
        const { bytes } = exportGraph(() => b, { ...one, dft });
        expect(worst(want.y, (await runtime(bytes, feed)).y), dft).toBeLessThan(TOLERANCE);
      }
    },
  );
});
it("refuses ops of gradients and of training, each by its name", () => {
  for (const op of others) {
    const b = sampleGraph(op, samplesOf(op)[0]);
    expect(() => exportGraph(() => b, facts)).toThrow(
      new RegExp(`${op} \\((a gradient|training)\\); only what`),
    );
  }
});

describe("graphs", () => {
  const shape = [2, 3, 4, 5];
  const feed: Feed = { x: { data: values(sizeOf(shape), 1), shape } };
  /** The export of a graph on x, held to its definition. */
  async function checked(
    make: (b: GraphBuilder, x: Value) => Value,
  ): Promise<Record<string, number>> {
    const b = new GraphBuilder(ops);
    b.output("y", make(b, b.input("x", shape)));
    const { bytes } = exportGraph(() => b, one);
    expect(worst((await engine(b, feed)).y, (await runtime(bytes, feed)).y)).toBeLessThan(
      TOLERANCE,
    );
    return counted(contents(bytes));
  }
  it("keeps an input that is an output, and a value that is two, without losing either", async () => {
    const b = new GraphBuilder(ops);
    const x = b.input("x", shape);
    const y = b.emit("neg", { x }, {});
    for (const [name, value] of [
      ["same", x],
      ["a", y],
      ["b", y],
    ] as const)
      b.output(name, value);
    b.output("c", b.emit("abs", { x: y }, {}));
    const out = await runtime(exportGraph(() => b, one).bytes, feed);
    const want = await engine(b, feed);
    for (const name of ["same", "a", "b", "c"]) expect(worst(want[name], out[name]), name).toBe(0);
  });
  it("works constants out, and writes none twice", async () => {
    const half = (b: GraphBuilder): Value => b.emit("div", { a: b.scalar(1), b: b.scalar(2) }, {});
    const make = (b: GraphBuilder, x: Value): Value =>
      b.emit("add", { a: b.emit("mul", { a: x, b: half(b) }, {}), b: half(b) }, {});
    expect(await checked(make)).toEqual({ Mul: 1, Add: 1 });
    const b = new GraphBuilder(ops);
    b.output("y", make(b, b.input("x", shape)));
    expect(contents(exportGraph(() => b, one).bytes).initializers).toHaveLength(1);
  });
  it("leaves out what changes nothing: reshapes to the same shape, whole slices, repetitions", async () => {
    const counts = await checked((b, x) => {
      const flat = b.emit("reshape", { x }, { shape: [6, 20] });
      const back = b.emit("reshape", { x: flat }, { shape });
      const whole = b.emit("slice", { x: back }, { start: [0, 0, 0, 0], end: shape });
      const row = b.emit("broadcast_to", { x: b.constant([1, 2, 3, 4, 5], [5]) }, { shape });
      return b.emit("add", { a: whole, b: row }, {});
    });
    expect(counts).toEqual({ Add: 1 });
  });
  it("joins concatenations along one axis, and pads of convolutions", async () => {
    const joined = await checked((b, x) => {
      const pair = b.emit("concat", { a: x, b: x }, { axis: 1 });
      return b.emit("concat", { a: pair, b: x }, { axis: 1 });
    });
    expect(joined).toEqual({ Concat: 1 });
    const conv = await checked((b, x) => {
      const padded = b.emit("pad", { x }, { before: [0, 0, 1, 0], after: [0, 0, 0, 2] });
      const w = b.constant(values(6 * 9, 2), [2, 3, 3, 3]);
      const attrs = { stride: [1, 1], padding: [1, 0], dilation: [1, 1], groups: 1 } as const;
      return b.emit("conv2d", { x: padded, w }, attrs);
    });
    expect(conv).toEqual({ Conv: 1 });
  });
  it("multiplies by sparse matrices of rows of any length, dense and by their entries", async () => {
    for (const [rows, columns] of [
      [7, 20],
      [900, 20],
    ] as const) {
      const matrix = SparseMatrix.byRows([rows, columns], (r, put) => {
        for (let c = 0; c < r % 13; c++) put((3 * c + r) % columns, 0.1 * (c + 1));
      });
      await checked((b, x) =>
        b.emit("sparse_matmul", { x: b.emit("reshape", { x }, { shape: [2, 3, 20] }) }, { matrix }),
      );
    }
  });
});

describe("how many images", () => {
  const traced =
    (make: (b: GraphBuilder, x: Value) => Value) =>
    (batch: number): GraphBuilder => {
      const b = new GraphBuilder(ops);
      b.output("y", make(b, b.input("x", [batch, 2, 6])));
      return b;
    };
  const reshaped = (b: GraphBuilder, x: Value): Value =>
    b.emit("reshape", { x }, { shape: [2 * x.shape[0], 6] });
  it("any, where shapes follow from the batch, and then every number is right", async () => {
    const trace = traced((b, x) => b.emit("softmax", { x: reshaped(b, x) }, {}));
    const { bytes, fixedBatch, inputs, outputs } = exportGraph(trace, facts);
    expect(fixedBatch).toBeUndefined();
    expect([inputs[0].shape, outputs[0].shape]).toEqual([
      ["batch", 2, 6],
      ["", 6],
    ]);
    for (const batch of [1, 4]) {
      const feed: Feed = { x: { data: values(12 * batch, batch), shape: [batch, 2, 6] } };
      expect(
        worst((await engine(trace(batch), feed)).y, (await runtime(bytes, feed)).y),
      ).toBeLessThan(TOLERANCE);
    }
  });
  it("no number of them is refused", () => {
    for (const batch of [0, 1.5, Number.NaN])
      expect(() => exportGraph(traced(reshaped), { ...facts, batch })).toThrow(
        /give "any" or a whole number from 1 up/,
      );
  });
  it("one, with the reason, where something counts the images", () => {
    const reasons: [RegExp, (b: GraphBuilder, x: Value) => Value][] = [
      [/constant depends/, (b, x) => b.emit("mul", { a: x, b: b.scalar(1 / x.shape[0]) }, {})],
      [/slice takes some/, (b, x) => b.emit("slice", { x }, { start: [0, 0, 0], end: [1, 2, 6] })],
      [/roll moves images/, (b, x) => b.emit("roll", { x }, { axis: 0, shift: 1 })],
      [/take moves images/, (b, x) => b.emit("take", { x }, { axis: 0, indices: [0, 0] })],
      [
        /broadcast_to repeats/,
        (b, x) =>
          b.emit(
            "broadcast_to",
            { x: b.emit("sum", { x }, { axes: [0] }) },
            { shape: [x.shape[0], 2, 6] },
          ),
      ],
      [
        /more nodes/,
        (b, x) =>
          Array.from({ length: x.shape[0] }).reduce((v: Value) => b.emit("neg", { x: v }, {}), x),
      ],
    ];
    for (const [why, make] of reasons) {
      const { fixedBatch, inputs } = exportGraph(traced(make), facts);
      expect(fixedBatch).toMatch(why);
      expect(inputs[0].shape).toEqual([1, 2, 6]);
    }
  });
});

it("a file of 2 GiB and more is refused in one line, before it is written", () => {
  const huge = nn.sequential({ input: [2], seed: 0, layers: [nn.linear({ outFeatures: 1 })] });
  const data = new Float32Array(2 ** 29);
  const parameters = new Map([
    ...huge.parameters,
    ["0.linear.weight", { shape: [2 ** 28, 2], data }] as const,
  ]);
  const layers = [nn.linear({ outFeatures: 2 ** 28, bias: false })];
  const network = { ...huge, architecture: { input: [2], layers }, parameters };
  expect(() => exportNetwork(network)).toThrow(/2\.0 GiB, and one ONNX file holds less than 2/);
});
