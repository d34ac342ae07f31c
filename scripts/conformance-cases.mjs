// The cases of ONNX's conformance suite, and the sets that they belong to.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { unzipSync } from "fflate";
import { readOnnx, readOnnxTensor } from "fiducial";

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
  ReduceProd ReduceL1 ReduceSumSquare ReduceLogSum ReduceLogSumExp ArgMax ArgMin CastLike Size Range If`.split(
    /\s+/,
  ),
]);
const second = new Set([
  ...serious,
  ...`GatherElements RMSNormalization Trilu GridSample QuantizeLinear DequantizeLinear CumSum LpPool QLinearMatMul
  ScatterElements TopK Hardmax Einsum LpNormalization CenterCropPad ScatterND Col2Im OneHot AffineGrid IsInf Compress
  DeformConv STFT GatherND EyeLike Shrink DynamicQuantizeLinear Scatter MaxUnpool IsNaN Tan Asin Acos Atan Sinh Cosh
  Asinh Acosh Atanh ConvInteger Det MeanVarianceNormalization NonZero QLinearConv MatMulInteger`.split(
    /\s+/,
  ),
]);
const types = new Set([
  "float32",
  "float16",
  "float64",
  "int8",
  "int16",
  "int32",
  "int64",
  "uint8",
  "bool",
]);

/** Every file of a folder, or of a zip archive: its path there, and what gives its bytes. */
function filesIn(place) {
  if (place.endsWith(".zip"))
    return new Map(
      Object.entries(unzipSync(readFileSync(place))).map(([path, bytes]) => [path, () => bytes]),
    );
  const entries = readdirSync(place, { withFileTypes: true, recursive: true }).filter((entry) =>
    entry.isFile(),
  );
  const paths = entries.map((entry) => join(entry.parentPath ?? entry.path, entry.name));
  return new Map(
    paths.map((path) => [relative(place, path), () => new Uint8Array(readFileSync(path))]),
  );
}
const numbered = (a, b) => a.localeCompare(b, "en", { numeric: true });
/** Of each test: the names of its files of inputs and outputs. */
function dataOf(path, names) {
  const folder = dirname(path);
  if (basename(path) !== "model.onnx") {
    const output = path.replace(/\.onnx$/, "_output_0.pb");
    return names.includes(output) ? [{ inputs: undefined, outputs: [output] }] : [];
  }
  const files = names.filter((name) => dirname(dirname(name)) === folder && name.endsWith(".pb"));
  const tests = [...new Set(files.map(dirname))].sort(numbered);
  return tests.map((test) => {
    const of = (kind) => files.filter((name) => name.startsWith(`${test}/${kind}_`)).sort(numbered);
    return { inputs: of("input"), outputs: of("output") };
  });
}
function opsIn(graph, into = new Set()) {
  for (const node of graph.nodes) {
    into.add(node.domain === "" ? node.op : `${node.domain}.${node.op}`);
    for (const attribute of node.attributes.values())
      if (attribute.kind === "graph") opsIn(attribute.value, into);
  }
  return into;
}

/** Of a case: releases repeat most of those before them. */
function fingerprint(files, paths) {
  const hash = createHash("sha256");
  for (const path of paths) hash.update(files.get(path)());
  return hash.digest("hex");
}

/** Every case once, those of the newest release first: its path, and what its graph says. */
export function* casesIn(place) {
  const seen = new Set();
  const files = filesIn(place);
  const near = byFolder([...files.keys()]);
  const models = [...files.keys()]
    .filter((path) => path.endsWith(".onnx"))
    .sort((a, b) => numbered(b, a));
  for (const path of models) {
    const data = dataOf(path, near.get(dirname(path)));
    const paths = [path, ...data.flatMap(({ inputs = [], outputs }) => [...inputs, ...outputs])];
    const print = fingerprint(files, paths);
    if (seen.has(print)) continue;
    seen.add(print);
    const bytes = files.get(path)();
    let read;
    try {
      read = readOnnx(bytes);
    } catch (error) {
      read = { error };
    }
    const tensor = (file) => readOnnxTensor(files.get(file)(), file);
    const content = () => Object.fromEntries(paths.map((file) => [file, files.get(file)()]));
    yield { path: path.replace(/\/model\.onnx$/, ""), print, bytes, read, data, tensor, content };
  }
}
/** The files in each folder and those inside it. */
function byFolder(paths) {
  const folders = new Map();
  for (const path of paths)
    for (const folder of [dirname(path), dirname(dirname(path))]) {
      if (!folders.has(folder)) folders.set(folder, []);
      folders.get(folder).push(path);
    }
  return folders;
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
  const isRandom =
    /training_dropout(?!_zero)|dropout_random/.test(path) && !path.includes("zero_ratio");
  if (!isNumeric || !isFlat || isRandom || !within(second)) return ["outside"];
  if (path.includes("_expanded")) return [within(serious) ? "expanded" : "second, expanded"];
  if (!within(serious)) return ["second"];
  const recent = path.includes("v1.22.0");
  const named = within(core) ? ["core", "serious"] : ["serious"];
  return recent ? [...named, ...named.map((name) => `${name}, v1.22.0`)].sort() : named;
}
