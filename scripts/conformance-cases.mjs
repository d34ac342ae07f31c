// The cases of ONNX's conformance suite, and the sets that they belong to.
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { readOnnx } from "fiducial";

/** Ops without which few networks can be read. */
const core = new Set(
  `Conv ConvTranspose MaxPool AveragePool GlobalAveragePool GlobalMaxPool BatchNormalization InstanceNormalization
  GroupNormalization LayerNormalization LRN Relu LeakyRelu PRelu Elu Selu Celu Sigmoid HardSigmoid HardSwish Swish Mish
  Softplus Softsign Tanh Gelu Erf Softmax LogSoftmax Clip ThresholdedRelu Add Sub Mul Div Pow Neg Abs Sqrt Reciprocal
  Exp Log Min Max Sum Mean Where MatMul Gemm ReduceSum ReduceMean ReduceMax ReduceL2 Reshape Flatten Squeeze Unsqueeze
  Transpose Concat Split Slice Gather Expand Tile Pad DepthToSpace SpaceToDepth Resize Upsample Identity Dropout Cast
  Constant ConstantOfShape Shape DFT`.split(/\s+/),
);
/** Ops of most networks beside them. */
const serious = new Set([
  ...core,
  ...`Sin Cos Floor Ceil Round Sign Mod Equal Greater Less GreaterOrEqual LessOrEqual And Or Xor Not ReduceMin
  ReduceProd ReduceL1 ReduceSumSquare ReduceLogSum ReduceLogSumExp ArgMax ArgMin CastLike Size Range If`.split(/\s+/),
]);
const second = new Set([
  ...serious,
  ...`GatherElements RMSNormalization Trilu GridSample QuantizeLinear DequantizeLinear CumSum LpPool QLinearMatMul
  ScatterElements TopK Hardmax Einsum LpNormalization CenterCropPad ScatterND Col2Im OneHot AffineGrid IsInf Compress
  DeformConv STFT GatherND EyeLike Shrink DynamicQuantizeLinear Scatter MaxUnpool IsNaN Tan Asin Acos Atan Sinh Cosh
  Asinh Acosh Atanh ConvInteger Det MeanVarianceNormalization NonZero QLinearConv MatMulInteger`.split(/\s+/),
]);
const types = new Set(["float32", "float16", "float64", "int8", "int16", "int32", "int64", "uint8", "bool"]);

function filesIn(folder) {
  return (
    readdirSync(folder, { withFileTypes: true, recursive: true })
      .filter((entry) => entry.isFile() && entry.name.endsWith(".onnx"))
      .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
      // the newest release first
      .sort((a, b) => b.localeCompare(a, "en", { numeric: true }))
  );
}
const byNumber = (a, b) => Number(a.match(/(\d+)\.pb$/)[1]) - Number(b.match(/(\d+)\.pb$/)[1]);
/** Of each test: the files of its inputs and outputs. */
function dataOf(file) {
  const folder = dirname(file);
  if (basename(file) !== "model.onnx") {
    const output = file.replace(/\.onnx$/, "_output_0.pb");
    return existsSync(output) ? [{ inputs: undefined, outputs: [output] }] : [];
  }
  return readdirSync(folder)
    .filter((name) => name.startsWith("test_data_set_"))
    .map((name) => {
      const names = readdirSync(join(folder, name)).filter((n) => n.endsWith(".pb"));
      const of = (kind) =>
        names
          .filter((n) => n.startsWith(kind))
          .sort(byNumber)
          .map((n) => join(folder, name, n));
      return { inputs: of("input_"), outputs: of("output_") };
    });
}
function opsIn(graph, into = new Set()) {
  for (const node of graph.nodes) {
    into.add(node.domain === "" ? node.op : `${node.domain}.${node.op}`);
    for (const attribute of node.attributes.values()) if (attribute.kind === "graph") opsIn(attribute.value, into);
  }
  return into;
}

/** Of a case: releases repeat most of those before them. */
function fingerprint(bytes, data) {
  const hash = createHash("sha256").update(bytes);
  for (const { inputs = [], outputs } of data)
    for (const file of [...inputs, ...outputs]) hash.update(readFileSync(file));
  return hash.digest("hex");
}

/** Every case once: its path in the folder, its file, and what its graph says. */
export function* casesIn(folder) {
  const seen = new Set();
  for (const file of filesIn(folder)) {
    const bytes = new Uint8Array(readFileSync(file));
    let read;
    try {
      read = readOnnx(bytes);
    } catch (error) {
      read = { error };
    }
    const data = dataOf(file);
    const print = fingerprint(bytes, data);
    if (seen.has(print)) continue;
    seen.add(print);
    const path = relative(folder, file).replace(/\/model\.onnx$/, "");
    yield { path, file, bytes, read, data };
  }
}
/** By the rules that the counts are made by: ops, types, axes; random ones are in none. */
export function setsOf({ path, read }) {
  if (read.error) return ["outside"];
  const { graph } = read;
  const ports = [...graph.inputs, ...graph.outputs];
  const ops = opsIn(graph);
  const within = (set) => [...ops].every((op) => set.has(op));
  const isNumeric = ports.every(({ type }) => type !== undefined && types.has(type));
  const isFlat = ports.every(({ shape }) => (shape?.length ?? 0) <= 4);
  const isRandom = /training_dropout(?!_zero)|dropout_random/.test(path) && !path.includes("zero_ratio");
  if (!isNumeric || !isFlat || isRandom || !within(second)) return ["outside"];
  if (path.includes("_expanded")) return [within(serious) ? "expanded" : "second, expanded"];
  if (!within(serious)) return ["second"];
  const recent = path.includes("v1.22.0");
  const named = within(core) ? ["core", "serious"] : ["serious"];
  return recent ? [...named, ...named.map((name) => `${name}, v1.22.0`)].sort() : named;
}
