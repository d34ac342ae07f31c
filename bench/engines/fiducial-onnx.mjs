// W1 and W7 on this engine, of the file that ONNX Runtime is given: the network as PyTorch's
// exporter writes it, imported. The models are written by pytorch.py --w export.
import { readFileSync } from "node:fs";
import { applyOnnx, GraphBuilder, importOnnx, openBackend, ops } from "../../dist/index.js";
import { measure, settings } from "../measure.mjs";
import { absoluteSum, workloads } from "../workloads.mjs";

const file = new Uint8Array(
  readFileSync(new URL(`../peers/${settings.workload}.onnx`, import.meta.url)),
);
const { data, shape } = workloads[settings.workload].x();
const graph = new GraphBuilder(ops);
const x = graph.input("x", shape);
graph.output("y", applyOnnx(graph, importOnnx(file), { x }).outputs[0].value());
const backend = await openBackend("wasm", {
  threads: settings.threads,
  precision: settings.precision,
});
const begun = performance.now();
const plan = await backend.compile(graph);
const compileMs = +(performance.now() - begun).toFixed(1);
const planMiB = Math.round(plan.memoryBytes / 2 ** 20);
await measure("fiducial ONNX", async () => (await plan.execute({ x: data })).y, absoluteSum, {
  planMiB,
  compileMs,
});
await backend.close();
