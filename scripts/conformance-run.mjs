// One case of the conformance suite: computed, and compared within the suite's own tolerance.
import { applyOnnx, GraphBuilder, importOnnx, ops, sizeOf } from "fiducial";

const RELATIVE = 1e-3;
const ABSOLUTE = 1e-7;
/** What the suite's own runner allows its reference (onnx/test/test_backend_reference.py). */
const allowed = (path) => (/\/test_dft(_axis|_inverse)?(_opset19)?$/.test(path) ? 1e-6 : ABSOLUTE);
const isFloat = (type) => /^b?float/.test(type);

/** What the suite feeds where it keeps no inputs: x/n of a ramp. */
function ramp(port) {
  const shape = port.shape.map((d) => (typeof d === "number" ? d : 1));
  const size = sizeOf(shape);
  return {
    name: port.name,
    type: port.type,
    shape,
    data: Float32Array.from({ length: size }, (_, i) => i / size),
  };
}
/** The inputs that must be given, with their tensors in the files' order. */
export function inputsOf({ read, data, tensor }, test = data[0]) {
  const { inputs, tensors } = read.graph;
  const wanted = inputs.filter(({ name }) => !tensors.has(name));
  if (test.inputs === undefined) return wanted.map(ramp);
  const given = test.inputs.map(tensor);
  // files without names go by their place, among all inputs or those that are no initialisers
  const ports = given.length > wanted.length ? inputs : wanted;
  return given.map((tensor, i) => ({ ...tensor, name: ports[i].name }));
}
/** Floats that decide about shapes, or whether numbers are drawn. */
const deciding = {
  Resize: [1, 2],
  Upsample: [1],
  Range: [0, 1, 2],
  Dropout: [1],
  NonZero: [0],
  OneHot: [1],
};
function isBound({ read }, { name, type }) {
  if (!isFloat(type)) return true;
  return read.graph.nodes.some(({ op, inputs }) => deciding[op]?.some((i) => inputs[i] === name));
}
/** Whole numbers and truth values are bound when the file is imported; floats are fed. */
export function opened(one, inputs) {
  const known = Object.fromEntries(
    inputs
      .filter((input) => isBound(one, input))
      .map(({ name, data, shape }) => [name, { data, shape }]),
  );
  const model = importOnnx(one.bytes, { known });
  const b = new GraphBuilder(ops);
  const fed = inputs.filter((input) => !isBound(one, input));
  const values = Object.fromEntries(fed.map(({ name, shape }) => [name, b.input(name, shape)]));
  const { outputs, weights } = applyOnnx(b, model, values);
  return { b, outputs, fed, values, weights };
}
function difference(have, want, type, absolute) {
  if (have.length !== want.length) return `${have.length} numbers and not ${want.length}`;
  let worst = 0;
  for (let i = 0; i < want.length; i++) {
    const [p, q] = [have[i], want[i]];
    if (p === q || (Number.isNaN(p) && Number.isNaN(q))) continue;
    const lost = Math.abs(p - q) / (absolute + RELATIVE * Math.abs(q));
    worst = Math.max(worst, Number.isFinite(lost) ? lost : Number.POSITIVE_INFINITY);
  }
  return worst <= 1
    ? undefined
    : `${type} numbers are off by ${worst.toPrecision(3)} times the tolerance`;
}

async function compute(one, test, backend) {
  const { b, outputs, fed } = opened(one, inputsOf(one, test));
  const traced = outputs.filter((y) => y.known() === undefined);
  for (const y of traced) b.output(y.name, y.value());
  const given = Object.fromEntries(fed.map(({ name, data }) => [name, data]));
  const got = traced.length > 0 ? await (await backend.compile(b)).execute(given) : {};
  const wanted = test.outputs.map(one.tensor);
  for (const [i, want] of wanted.entries()) {
    const { name, shape, type, known } = outputs[i];
    if (shape.join() !== want.shape.join())
      return `output ${i} is [${shape}] and not [${want.shape}]`;
    if (type !== want.type) return `output ${i} is of ${type} and not of ${want.type}`;
    const lost = difference(known() ?? got[name], want.data, type, allowed(one.path));
    if (lost) return `output ${i}: ${lost}`;
  }
  return undefined;
}
/** Undefined where the case passes, or why not. */
export async function runCase(one, backend) {
  try {
    if (one.read.error) throw one.read.error;
    for (const test of one.data) {
      const fault = await compute(one, test, backend);
      if (fault) return fault;
    }
    return one.data.length > 0 ? undefined : "it has no data";
  } catch (error) {
    return `${error.name}: ${error.message}`;
  }
}
