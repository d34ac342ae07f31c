// Weights of other makers: every format that they come in, what a pickle may not do, and recipes
// that fit or say everything that does not.
import { describe, expect, it } from "vitest";
import { FormatError, UnsupportedOpError } from "fiducial/engine";
import { loadTensors, readTensors } from "fiducial/data";
import {
  loadNetwork,
  networkFromRecipe,
  nn,
  parseRecipe,
  saveNetwork,
  type GivenTensors,
} from "fiducial/learning";
import { atImageSize } from "fiducial/imaging";
import { npy, zip } from "./fixtures/files.mjs";
import { archive, dictionary, global, pickle, stream, tensor, unicode } from "./fixtures/torch.mjs";

const floats = (values: readonly number[]): Uint8Array =>
  new Uint8Array(Float32Array.from(values).buffer);
const ramp = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
const values = (tensors: ReturnType<typeof readTensors>, key: string): number[] => [
  ...tensors.get(key)!.values(),
];

describe("PyTorch's files", () => {
  const six = floats([0, 1, 2, 3, 4, 5]);
  const both = (make: (old: boolean) => number[], storages: Record<string, Uint8Array>) => [
    archive(make(false), storages),
    stream(make(true), storages),
  ];
  it("are read from archives and from streams: strides, offsets, storages that are shared, nests of dictionaries", () => {
    const files = both(
      (old) =>
        dictionary({
          epoch: [75, 7],
          state_dict: dictionary({
            "conv.weight": tensor({
              key: "a",
              count: 6,
              shape: [3, 2],
              strides: [1, 3],
              stream: old,
            }),
            "conv.bias": tensor({ key: "a", count: 6, shape: [2], offset: 4, stream: old }),
            step: tensor({ key: "b", count: 1, shape: [], stream: old }),
          }),
        }),
      { a: six, b: floats([0.5]) },
    );
    for (const file of files) {
      const tensors = readTensors(file, "net.pth");
      expect([...tensors.keys()]).toEqual([
        "state_dict.conv.weight",
        "state_dict.conv.bias",
        "state_dict.step",
      ]);
      expect(tensors.get("state_dict.conv.weight")!.shape).toEqual([3, 2]);
      expect(values(tensors, "state_dict.conv.weight")).toEqual([0, 3, 1, 4, 2, 5]);
      expect(values(tensors, "state_dict.conv.bias")).toEqual([4, 5]);
      expect(values(tensors, "state_dict.step")).toEqual([0.5]);
    }
  });
  it("hold numbers of every type that is read", () => {
    const stored: [string, Uint8Array][] = [
      ["DoubleStorage", new Uint8Array(Float64Array.of(1.5, -2).buffer)],
      ["HalfStorage", new Uint8Array(Uint16Array.of(0x3e00, 0xc000).buffer)],
      ["BFloat16Storage", new Uint8Array(Uint16Array.of(0x3fc0, 0xc000).buffer)],
    ];
    for (const [type, bytes] of stored) {
      const file = archive(dictionary({ w: tensor({ key: "0", count: 2, shape: [2], type }) }), {
        0: bytes,
      });
      expect(values(readTensors(file, "net.pt"), "w"), type).toEqual([1.5, -2]);
    }
    const longs = new Uint8Array(BigInt64Array.of(3n, -4n).buffer);
    const file = archive(
      dictionary({ w: tensor({ key: "0", count: 2, shape: [2], type: "LongStorage" }) }),
      {
        0: longs,
      },
    );
    expect(values(readTensors(file, "net.pt"), "w")).toEqual([3, -4]);
  });
  it("run nothing: whatever else a pickle asks for is refused by its name", () => {
    const call = [...global("os", "system"), 40, ...unicode("touch /tmp/x"), 116, 82];
    const byStack = [0x8c, 8, ...Buffer.from("builtins"), 0x8c, 4, ...Buffer.from("eval"), 0x93];
    for (const [value, said] of [
      [call, /asks for os\.system, which is refused/],
      [dictionary({ w: call }), /asks for os\.system/],
      [byStack, /asks for builtins\.eval/],
      [global("torch.storage", "_load_from_bytes"), /torch\.storage\._load_from_bytes/],
      [
        global("torch.nn.modules.conv", "Conv2d"),
        /Conv2d, which is refused.*save the state_dict alone/,
      ],
      [[...global("collections", "OrderedDict"), 41, 0x81], /opcode 0x81 .* refused/],
      [[...global("collections", "OrderedDict"), 41, 0x92], /opcode 0x92 .* refused/],
    ] as const)
      for (const file of [archive(value, {}), stream(value, {}), pickle(value)]) {
        expect(() => readTensors(file, "net.pth")).toThrow(said);
        expect(() => readTensors(file, "net.pth")).toThrow(UnsupportedOpError);
      }
  });
  it("reserve nothing for what the file does not hold", () => {
    const wrong: [number[], RegExp][] = [
      [tensor({ key: "a", count: 2 ** 30, shape: [2 ** 30] }), /missing or cut short/],
      [tensor({ key: "a", count: 6, shape: [7] }), /claims more values/],
      [
        tensor({ key: "a", count: 6, shape: [3, 2], strides: [2, 2] }),
        /reaches beyond its storage of 6/,
      ],
      [tensor({ key: "a", count: 6, shape: [6], offset: 1 }), /reaches beyond/],
      [
        tensor({ key: "a", count: 6, shape: [100000, 60000], strides: [0, 0] }),
        /claims more values/,
      ],
      [tensor({ key: "missing", count: 6, shape: [6] }), /missing/],
    ];
    for (const [value, said] of wrong)
      expect(() => readTensors(archive(dictionary({ w: value }), { a: six }), "net.pth")).toThrow(
        said,
      );
  });
  it("are held to their nesting, and to what each opcode needs", () => {
    const nest = (depth: number): number[] => [
      ...Array(depth).fill(93),
      ...Array(depth - 1).fill(97),
    ];
    expect(() => readTensors(archive(nest(40), {}), "x")).toThrow(/nested deeper/);
    // a list as a global's name, deep enough to run out of stack where it is written out
    expect(() => readTensors(archive([...nest(50000), ...nest(1), 0x93], {}), "x")).toThrow(
      /names a global by no text/,
    );
    for (const value of [
      [82],
      [117],
      [40],
      [104, 3],
      [0x8b, 255, 255, 255, 127],
      [88, 255, 255, 255, 255],
      [],
    ])
      expect(() => readTensors(archive(value, {}), "x")).toThrow(FormatError);
  });
});

describe("other files of weights", () => {
  it("NPZ, NPY in Fortran order, safetensors of half precision", async () => {
    const file = zip({ "arr_0.npy": npy("<f4", [2, 3], floats(ramp(6)), true) });
    expect(values(await loadTensors(file, "net.npz"), "arr_0")).toEqual([0, 2, 4, 1, 3, 5]);
    expect(values(readTensors(npy("<f4", [3], floats([1, 2, 3])), "w.npy"), "")).toEqual([1, 2, 3]);
    const header = JSON.stringify({ w: { dtype: "F16", shape: [2], data_offsets: [0, 4] } });
    const head = new Uint8Array(8 + header.length + 4);
    head[0] = header.length;
    head.set(new TextEncoder().encode(header), 8);
    head.set(new Uint8Array(Uint16Array.of(0x3c00, 0xbc00).buffer), 8 + header.length);
    expect(values(readTensors(head, "w.safetensors"), "w")).toEqual([1, -1]);
  });
  it("say what they are not", () => {
    expect(() => readTensors(new TextEncoder().encode("hello there"), "x")).toThrow(
      /no format of weights that is read/,
    );
    expect(() => readTensors(zip({ "a.txt": Uint8Array.of(1) }), "x")).toThrow(
      /neither numpy's arrays nor PyTorch's/,
    );
    const objects = npy("|O", [1], Uint8Array.of(0x80, 3, 78, 46));
    expect(() => readTensors(zip({ "a.npy": objects }), "x")).toThrow(UnsupportedOpError);
  });
});

const given = (shapes: Readonly<Record<string, number[]>>): GivenTensors =>
  new Map(
    Object.entries(shapes).map(([key, shape]) => [
      key,
      { shape, values: () => Float32Array.from(ramp(shape.reduce((n, d) => n * d, 1))) },
    ]),
  );
const written = (recipe: object): Uint8Array => new TextEncoder().encode(JSON.stringify(recipe));
const recipeOf = (more: object) =>
  parseRecipe(
    written({
      format: "fiducial-recipe-1",
      input: [2, 8, 8],
      layers: [
        {
          repeat: 2,
          of: [
            {
              kind: "residual",
              body: [{ kind: "conv2d", outChannels: 2, kernelSize: 3, padding: "same" }],
            },
          ],
        },
      ],
      weights: {
        "<c>.residual.body.0.conv2d.weight": "conv<c+1>.w",
        "<c>.residual.body.0.conv2d.bias": "conv<c+1>.b",
      },
      ...more,
    }),
    "recipe",
  );
const right = {
  "conv1.w": [2, 2, 3, 3],
  "conv1.b": [2],
  "conv2.w": [2, 2, 3, 3],
  "conv2.b": [2, 1],
};

describe("recipes", () => {
  it("make a network that is saved and loaded like any other", () => {
    const network = networkFromRecipe(
      recipeOf({ name: "two", scale: "peak", dataConsistency: { noiseLevel: 4 }, iterations: 3 }),
      given(right),
      "net.npz",
    );
    expect(network.architecture.layers).toHaveLength(2);
    expect([...network.parameters.get("1.residual.body.0.conv2d.bias")!.data]).toEqual([0, 1]);
    const form = {
      input: "image",
      iterations: 3,
      dataConsistency: true,
      scale: "peak",
      noiseLevel: 4,
    };
    expect(network.trained).toEqual({ form });
    expect(loadNetwork(saveNetwork(network)).trained).toEqual({ form });
  });
  it("turn kernels: axes, flips, factors, other shapes", () => {
    const conv = (source: object) => {
      const weights = { "0.conv2d.weight": { from: "w", ...source } };
      const layers = [{ kind: "conv2d", outChannels: 1, kernelSize: 2, bias: false }];
      const recipe = recipeOf({ input: [1, 4, 4], layers, weights });
      return [
        ...networkFromRecipe(recipe, given({ w: [1, 1, 2, 2] }), "w").parameters.get(
          "0.conv2d.weight",
        )!.data,
      ];
    };
    expect(conv({})).toEqual([0, 1, 2, 3]);
    expect(conv({ axes: [0, 1, 3, 2] })).toEqual([0, 2, 1, 3]);
    expect(conv({ flip: [2, 3] })).toEqual([3, 2, 1, 0]);
    expect(conv({ axes: [0, 1, 3, 2], flip: [3] })).toEqual([2, 0, 3, 1]);
    expect(conv({ shape: [2, 1, 2], factor: -1 }).map((v) => v + 0)).toEqual([0, -1, -2, -3]);
  });
  it("list everything that does not fit, at once", () => {
    const tensors = given({
      "conv1.w": [2, 2, 5, 5],
      "conv2.w": [2, 2, 3, 3],
      "conv2.b": [3],
      extra: [4],
      skip: [1],
    });
    const open = () => networkFromRecipe(recipeOf({ unused: ["sk*"] }), tensors, "net.npz");
    expect(open).toThrow(FormatError);
    for (const said of [
      /4 mismatches/,
      /"conv1\.w", for "0\.residual\.body\.0\.conv2d\.weight", is 2×2×5×5 and should be 2×2×3×3/,
      /"conv1\.b", for "0\.residual\.body\.0\.conv2d\.bias", is not in the file/,
      /"conv2\.b", for "1\.residual\.body\.0\.conv2d\.bias", is 3 and should be/,
      /"extra" of 4 is used by no parameter/,
    ])
      expect(open).toThrow(said);
    expect(open).not.toThrow(/skip/);
    expect(() => networkFromRecipe(recipeOf({ weights: {} }), given({}), "x")).toThrow(
      /4 mismatches: no pattern/,
    );
  });
  it("that are wrong say all of it, in one line", () => {
    const parse = () =>
      recipeOf({ scale: "big", fft: { centred: true }, weights: { a: 3 }, iteration: 2 });
    for (const said of [
      /scale must be one of rms, peak, none, it is "big"/,
      /fft has no field "centred"/,
      /weights "a" must be a text or an object/,
      /no field "iteration"/,
    ])
      expect(parse).toThrow(said);
    expect(() => parseRecipe(written({}), "x")).toThrow(
      /lacks its field "format"; .*lacks its field "weights"/,
    );
    expect(() => parseRecipe(new TextEncoder().encode("{"), "x")).toThrow(/no JSON/);
    expect(() =>
      networkFromRecipe(recipeOf({ layers: [{ kind: "Conv2D" }] }), given({}), "x"),
    ).toThrow(/layers make no network: .*did you mean conv2d/);
  });
  it("bound their repetitions", () => {
    const many = { repeat: 1000, of: [{ repeat: 1000, of: [{ kind: "relu" }] }] };
    expect(() => recipeOf({ layers: [many] })).toThrow(/more than 20000 items/);
    for (const wrong of [
      { repeat: -1, of: [] },
      { repeat: 2 },
      { repeat: 2, of: [], as: "<" },
      { repeat: 1e9, of: [] },
    ])
      expect(() => recipeOf({ layers: [wrong] })).toThrow(/repetition/);
    expect(() => recipeOf({ layers: [{ repeat: 1, of: [{ kind: "<k*>" }] }] })).toThrow(
      /is no sum of variables/,
    );
  });
});

describe("another image size", () => {
  const body = [nn.conv2d({ outChannels: 2, kernelSize: 3, padding: "same" })];
  const mask = {
    kind: "variable-density",
    shape: [16, 16],
    acceleration: 4,
    centerFraction: 0.125,
    power: 2,
    seed: 3,
  };
  const network = {
    ...nn.sequential({ input: [2, 16, 16], seed: 0, layers: [nn.residual({ body })] }),
    trained: { operator: { kind: "subsampledFourier", mask } },
  };
  it("keeps the weights and the mask's law", () => {
    const larger = atImageSize(network, [32, 32]);
    expect(larger.parameters).toBe(network.parameters);
    expect(larger.architecture.input).toEqual([2, 32, 32]);
    expect(larger.trained!.operator).toEqual({
      kind: "subsampledFourier",
      mask: { ...mask, shape: [32, 32] },
    });
  });
  it("is refused where a layer is for one size", () => {
    const layers = [
      nn.flatten(),
      nn.linear({ outFeatures: 8 }),
      nn.unflatten({ shape: [2, 2, 2] }),
    ];
    const fixed = nn.sequential({ input: [2, 2, 2], seed: 0, layers });
    expect(() => atImageSize(fixed, [4, 4])).toThrow(
      /made for \[2×2×2\]: its 1\.linear\.weight has another shape/,
    );
  });
});
