// The kinds of scripts/fuzz.mjs that are weights of other makers, and recipes of them. Of PyTorch's
// archives the pickle inside is damaged too, behind sums that are right.
import { readTensors } from "fiducial/data";
import { networkFromRecipe, parseRecipe } from "fiducial/learning";
import { npy, zip } from "../test/fixtures/files.mjs";
import { archive, dictionary, stream, tensor } from "../test/fixtures/torch.mjs";
import { changed, written } from "./fuzz-own.mjs";

const encode = (text) => new TextEncoder().encode(text);
const floats = (n) => new Uint8Array(Float32Array.from({ length: n }, (_, i) => i / 8).buffer);
const readAll = (bytes) => {
  for (const { values } of readTensors(bytes, "file").values()) values();
};

const value = (old) =>
  dictionary({
    epoch: [75, 7],
    state_dict: dictionary({
      "conv.weight": tensor({ key: "a", count: 36, shape: [2, 2, 3, 3], stream: old }),
      "conv.bias": tensor({ key: "b", count: 4, shape: [2], strides: [2], stream: old }),
    }),
  });
const storages = { a: floats(36), b: floats(4) };
const weights = zip({
  "arr_0.npy": npy("<f4", [2, 2, 3, 3], floats(36)),
  "arr_1.npy": npy("<f4", [2], floats(2)),
});
const entries = {
  w: { dtype: "F32", shape: [2, 2, 3, 3], data_offsets: [0, 144] },
  b: { dtype: "F16", shape: [8], data_offsets: [144, 160] },
};
const header = encode(JSON.stringify(entries));
const safetensors = Uint8Array.from([header.length, 0, 0, 0, 0, 0, 0, 0, ...header, ...floats(40)]);

const recipe = {
  format: "fiducial-recipe-1",
  input: [2, 8, 8],
  layers: [
    {
      repeat: 2,
      as: "k",
      of: [
        {
          kind: "residual",
          body: [{ kind: "conv2d", outChannels: 2, kernelSize: 3, padding: "same" }],
        },
        { kind: "dataConsistency" },
      ],
    },
    {
      kind: "graph",
      nodes: [
        { name: "z", from: ["x"], layers: [{ kind: "proximalStep", learned: true }] },
        {
          repeat: 2,
          of: [{ name: "y<k>", from: ["x", "z"], join: "subtract", layers: [{ kind: "scale" }] }],
        },
      ],
    },
  ],
  weights: {
    "<c>.residual.body.0.conv2d.weight": { from: "w", axes: [0, 1, 3, 2], flip: [2] },
    "<c>.residual.body.0.conv2d.bias": "b",
    "4.graph.z.0.proximalStep.rho": "rho",
  },
  unused: ["x*"],
  scale: "peak",
  dataConsistency: { noiseLevel: 2 },
  iterations: 2,
  fft: { lowestFrequency: "corner", normalization: "orthonormal" },
};
const given = new Map(
  [
    ["w", [2, 2, 3, 3]],
    ["b", [2]],
    ["rho", [1, 1]],
  ].map(([key, shape]) => [
    key,
    { shape, values: () => new Float32Array(shape.reduce((n, d) => n * d, 1)) },
  ]),
);

/** What is fuzzed: files, how one is read, and how many bytes one byte of it can hold. */
export const ofWeights = {
  "torch-archive": { files: [archive(value(false), storages)], read: readAll, holds: 1032 },
  // behind sums that are right
  "torch-pickle": {
    files: [Uint8Array.from(value(false))],
    read: (bytes) => readAll(archive([...bytes], storages)),
    holds: 1032,
  },
  "torch-stream": { files: [stream(value(true), storages)], read: readAll, holds: 64 },
  "npz-weights": { files: [weights], read: readAll, holds: 1032 },
  safetensors: { files: [safetensors], read: readAll, holds: 64 },
  recipe: {
    files: [encode(JSON.stringify(recipe))],
    read: (bytes) => networkFromRecipe(parseRecipe(bytes, "file"), given, "weights"),
    inside: (bytes, rng) =>
      encode(written(changed(JSON.parse(new TextDecoder().decode(bytes)), rng))),
    holds: 4096,
  },
};
