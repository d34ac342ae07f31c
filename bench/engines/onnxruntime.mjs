// W1 and W7 on ONNX Runtime, native (--engine node) or WebAssembly (--engine web); it does not
// train. The models are written by pytorch.py --w export.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { measure, settings } from "../measure.mjs";
import { absoluteSum, workloads } from "../workloads.mjs";

const web = process.argv.includes("web");
const require = createRequire(new URL("../peers/package.json", import.meta.url));
const runtime = require(web ? "onnxruntime-web" : "onnxruntime-node");
if (web) runtime.env.wasm.numThreads = settings.threads;
const model = readFileSync(new URL(`../peers/${settings.workload}.onnx`, import.meta.url));
const session = await runtime.InferenceSession.create(model, {
  executionProviders: [web ? "wasm" : "cpu"],
  intraOpNumThreads: settings.threads,
  graphOptimizationLevel: "all",
});
const { data, shape } = workloads[settings.workload].x();
const x = new runtime.Tensor("float32", data, shape);
await measure(
  web ? "ORT wasm" : "ORT native",
  async () => (await session.run({ x })).y.data,
  absoluteSum,
);
process.exit(0);
