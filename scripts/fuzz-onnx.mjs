// The kinds of scripts/fuzz.mjs that are ONNX: files, read, checked, and added to a graph at the
// sizes that they declare; and such networks as our checkpoints keep them, with any field changed.
import { readFileSync } from "node:fs";
import { unzipSync } from "fflate";
import { FiducialError, GraphBuilder, ops, parseJson } from "fiducial/engine";
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
/** Many need inputs to be known, and cannot be added without. */
function isOpen(bytes) {
  try {
    applied(bytes);
    return true;
  } catch (error) {
    if (error instanceof FiducialError) return false;
    throw error;
  }
}
const encode = (text) => new TextEncoder().encode(text);
const decode = (bytes) => new TextDecoder().decode(bytes);
const input = [2, 8, 8];
const layers = [smallNetwork(), shapeNetwork()].map((file) =>
  encode(JSON.stringify(networkFromOnnx(importOnnx(file), { input }).architecture.layers[0])),
);
/** One of every op and version: the sample of the conformance suite. */
const cases = Object.entries(unzipSync(readFileSync(new URL("../test/fixtures/onnx-cases.zip", import.meta.url))))
  .filter(([name]) => name.endsWith(".onnx"))
  .map(([, bytes]) => bytes)
  .filter(isOpen);
/** Tables and indices of sizes that a file names: 2²³ numbers at most. */
const room = 64e6;
export const ofOnnx = {
  onnx: { files: [smallNetwork(), shapeNetwork(), vectorNetwork()], read: applied, holds: 1, room },
  "onnx-ops": { files: cases, read: applied, holds: 1, room },
  "onnx-layer": {
    files: layers,
    read: (bytes) => parameterShapes({ input, layers: [{ ...parseJson(bytes, "file", ""), kind: "onnx" }] }),
    inside: (bytes, rng) => encode(written(changed(JSON.parse(decode(bytes)), rng))),
    holds: 8,
    room,
  },
};
