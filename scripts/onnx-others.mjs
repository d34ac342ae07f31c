// Networks of other makers' exporters beside ONNX Runtime: every .onnx file of a folder is run by
// both on the same random input, open sizes at 16 (a batch at 2), and the largest difference over
// the largest value printed: node scripts/onnx-others.mjs FOLDER   (after npm run build).
// `--backend reference` computes in float64, `--pictures` asks about numbers from 0 to 255 and not
// from −1 to 1. Exits with 1 where a difference is above 1e-4.
// scripts/onnx-makers.py writes files of tf2onnx and skl2onnx, scripts/onnx-files.mjs our own.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { InferenceSession, Tensor } from "onnxruntime-web";
import {
  applyOnnx,
  FiducialError,
  GraphBuilder,
  importOnnx,
  openBackend,
  ops,
  random,
  sizeOf,
} from "fiducial";

const TOLERANCE = 1e-4;
/** Of files in half precision, in which ONNX Runtime keeps every value and this project none. */
const OF_HALVES = 5e-3;
const OPEN = 16;
const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    backend: { type: "string", default: "wasm" },
    pictures: { type: "boolean", default: false },
  },
});
const [folder] = positionals;
if (folder === undefined) {
  console.error("node scripts/onnx-others.mjs FOLDER: a folder of .onnx files");
  process.exit(2);
}
const backend = await openBackend(
  options.backend,
  options.backend === "wasm" ? { threads: 1 } : {},
);

function feedOf({ inputs }) {
  const rng = random(11);
  return inputs.map(({ name, type = "float32", shape = [] }) => {
    const open = (i) => (i === 0 && shape.length > 1 ? 2 : OPEN);
    const sizes = shape.map((d, i) => (typeof d === "number" ? d : open(i)));
    // what half precision has, too
    const whole = () => Math.floor(256 * rng.uniform());
    const drawn = () => (options.pictures ? whole() : (whole() - 128) / 128);
    const data = Float32Array.from({ length: sizeOf(sizes) }, drawn);
    return { name, type, shape: sizes, data };
  });
}
/** The bits of a float in half precision, for k/128 and up to 255, and back. */
function halfOf(v) {
  const [bits] = new Uint32Array(Float32Array.of(v).buffer);
  return v === 0
    ? 0
    : ((bits >>> 16) & 0x8000) | ((((bits >>> 23) & 255) - 112) << 10) | ((bits >>> 13) & 1023);
}
function floatOf(bits) {
  const [exponent, fraction] = [(bits >>> 10) & 31, bits & 1023];
  const size =
    exponent === 0 ? fraction / 1024 / 2 ** 14 : (1 + fraction / 1024) * 2 ** (exponent - 15);
  return bits & 0x8000 ? -size : size;
}
async function theirs(bytes, feed) {
  const session = await InferenceSession.create(bytes, { logSeverityLevel: 3 });
  const tensor = ({ type, data, shape }) =>
    type === "float16"
      ? new Tensor("float16", Uint16Array.from(data, halfOf), shape)
      : new Tensor("float32", data, shape);
  const out = await session.run(Object.fromEntries(feed.map((one) => [one.name, tensor(one)])));
  await session.release();
  return out;
}
async function ours(model, feed) {
  const b = new GraphBuilder(ops);
  const inputs = feed.map(({ name, shape }) => [name, b.input(name, shape)]);
  const { outputs } = applyOnnx(b, model, Object.fromEntries(inputs));
  for (const y of outputs) b.output(y.name, y.value());
  const plan = await backend.compile(b);
  const found = await plan.execute(Object.fromEntries(feed.map(({ name, data }) => [name, data])));
  return outputs.map(({ name, shape }) => ({ name, shape, data: found[name] }));
}
/** The largest difference over the largest value. */
function difference(want, got) {
  if (want.dims.join() !== got.shape.join()) return Number.POSITIVE_INFINITY;
  const data = Array.from(want.data, want.type === "float16" ? floatOf : Number);
  const top = data.reduce((most, v) => Math.max(most, Math.abs(v)), 1e-30);
  return data.reduce((most, v, i) => Math.max(most, Math.abs(v - got.data[i])), 0) / top;
}
async function compared(bytes, name) {
  const model = importOnnx(bytes, {
    name,
    readExternal: (path) => new Uint8Array(readFileSync(join(folder, path))),
  });
  const feed = feedOf(model);
  const own = await ours(model, feed);
  const other = await theirs(bytes, feed);
  return { model, error: Math.max(...own.map((y) => difference(other[y.name], y))) };
}

let failed = 0;
console.log("| file | made by | opset | nodes | difference |\n|---|---|---|---|---|");
for (const name of readdirSync(folder)
  .filter((file) => file.endsWith(".onnx"))
  .sort()) {
  const bytes = new Uint8Array(readFileSync(join(folder, name)));
  try {
    const { model, error } = await compared(bytes, name);
    const { producer, opset, graph } = model.file;
    const isHalf = graph.inputs.some(({ type }) => type === "float16");
    if (!(error <= (isHalf ? OF_HALVES : TOLERANCE))) failed++;
    console.log(
      `| ${name} | ${producer} | ${opset} | ${graph.nodes.length} | ${error.toExponential(1)} |`,
    );
  } catch (error) {
    failed++;
    console.log(
      `| ${name} | ${error instanceof FiducialError ? "" : "FOREIGN "}${String(error.message).slice(0, 300)} |`,
    );
  }
}
await backend.close();
process.exitCode = failed > 0 ? 1 : 0;
