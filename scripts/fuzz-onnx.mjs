// The kinds of scripts/fuzz.mjs that are ONNX: files, read, checked, and added to a graph at the
// sizes that they declare; and such networks as our checkpoints keep them, with any field changed.
import { GraphBuilder, ops, parseJson } from "fiducial/engine";
import { applyOnnx, importOnnx, networkFromOnnx, parameterShapes } from "fiducial/learning";
import { shapeNetwork, smallNetwork, vectorNetwork } from "../test/fixtures/onnx.mjs";
import { changed, written } from "./fuzz-own.mjs";

/** As it is used: open sizes are 8, none is larger than 64. */
function applied(bytes) {
  const model = importOnnx(bytes, { name: "file" });
  const b = new GraphBuilder(ops);
  const sizes = (shape) => (shape ?? []).map((d) => (typeof d === "number" ? Math.min(d, 64) : 8));
  const inputs = Object.fromEntries(
    model.inputs.map(({ name, shape }, i) => [name, b.input(`input ${i}`, sizes(shape).slice(0, 6))]),
  );
  for (const y of applyOnnx(b, model, inputs).outputs) y.value();
}
const encode = (text) => new TextEncoder().encode(text);
const decode = (bytes) => new TextDecoder().decode(bytes);
const input = [2, 8, 8];
const layers = [smallNetwork(), shapeNetwork()].map((file) =>
  encode(JSON.stringify(networkFromOnnx(importOnnx(file), { input }).architecture.layers)),
);
export const ofOnnx = {
  onnx: { files: [smallNetwork(), shapeNetwork(), vectorNetwork()], read: applied, holds: 1 },
  "onnx-layer": {
    files: layers,
    read: (bytes) => parameterShapes({ input, layers: parseJson(bytes, "file", "it is damaged") }),
    inside: (bytes, rng) => encode(written(changed(JSON.parse(decode(bytes)), rng))),
    holds: 8,
  },
};
