// Every layer that is held to PyTorch, as an ONNX file in ONNX Runtime; what a summary says of it.
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { openBackend, sizeOf } from "fiducial/engine";
import { exportNetwork, nn, predict, summarize } from "fiducial/learning";
import { runtime, values, worst } from "./onnx-runtime.ts";

interface Case {
  layers: nn.Layer[];
  input: number[];
  every: number;
}
const { cases } = JSON.parse(
  readFileSync(new URL("fixtures/pytorch_layers.json", import.meta.url), "utf8"),
) as {
  cases: Record<string, Case>;
};
const small = Object.entries(cases).filter(([, { every }]) => every === 1);
const backend = await openBackend("wasm");

describe("in ONNX Runtime each is what it is here", () => {
  it.each(small)("%s", async (_name, { layers, input: shape }) => {
    const network = nn.sequential({ input: shape.slice(1), layers, seed: 4 });
    const data = values(sizeOf(shape), 3);
    const { bytes, inputs, outputs } = exportNetwork(network);
    const [count] = inputs[0].shape;
    // attention is of one image at a time there
    const n = typeof count === "number" ? count : shape[0];
    const one = data.subarray(0, n * sizeOf(shape.slice(1)));
    const out = await runtime(bytes, {
      [inputs[0].name]: { data: one, shape: [n, ...shape.slice(1)] },
    });
    const want = await predict(network, { inputs: one, count: n, backend });
    expect(worst(want, out[outputs[0].name])).toBeLessThan(1e-5);
  });
});

describe("a summary", () => {
  it.each(small)("of %s has all its parameters", (_name, { layers, input }) => {
    const network = nn.sequential({ input: input.slice(1), layers, seed: 4 });
    const all = [...network.parameters.values()].reduce((n, { data }) => n + data.length, 0);
    expect(summarize(network).parameters).toBe(all);
  });
});
