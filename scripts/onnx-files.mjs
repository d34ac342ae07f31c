// Writes ONNX files with an input and the wanted output each, for scripts/onnx-check.py: every
// forward op's samples, every family's small network, the networks of the package, other operators.
// npm run build && node scripts/onnx-files.mjs FOLDER [BEGINNING …]   (of names: op-fft2, family-)
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  birdcageCoils,
  brainPhantoms,
  deepCascade,
  exportGraph,
  exportReconstructor,
  gaussianNoise,
  GraphBuilder,
  inverseProblem,
  loadNetwork,
  measure,
  multiCoilFourier,
  needsMeasurement,
  networkReconstructor,
  nonUniformFourier,
  openBackend,
  ops,
  parallelBeam,
  random,
  reconstruct,
  reconstructionNetworks,
  sizeOf,
  subsampledFourier,
  UnsupportedOpError,
  variableDensityMask,
} from "fiducial";

const [folder, ...beginnings] = process.argv.slice(2);
if (folder === undefined) {
  console.error("onnx-files: name the folder that the files go to");
  process.exit(2);
}
mkdirSync(folder, { recursive: true });
const reference = await openBackend("reference");
const manifest = [];
const wanted = (name) =>
  beginnings.length === 0 || beginnings.some((beginning) => name.startsWith(beginning));

/** One case: a file, its inputs, and what is wanted of it. */
function keep(name, { bytes }, inputs, output) {
  writeFileSync(join(folder, `${name}.onnx`), bytes);
  const arrays = Object.entries({ ...inputs, wanted: output }).map(([key, { data, shape }]) => {
    const path = `${name}.${key}.bin`;
    writeFileSync(join(folder, path), new Uint8Array(Float32Array.from(data).buffer));
    return { key, path, shape };
  });
  manifest.push({ name, arrays });
}
function values(n, seed, positive) {
  const rng = random(seed);
  return Float32Array.from(
    { length: n },
    () => rng.uniform() * (positive ? 1 : 2) + (positive ? 0.5 : -1),
  );
}

async function opSample(op, { shapes, attrs, positive }, i, dft) {
  if (!wanted(`op-${op}`)) return;
  const b = new GraphBuilder(ops);
  const feed = {};
  const given = Object.entries(shapes).map(([key, shape], k) => {
    feed[key] = { data: values(sizeOf(shape), 17 * k + 3, positive ?? false), shape };
    return [key, b.input(key, shape)];
  });
  const y = b.emit(op, Object.fromEntries(given), attrs);
  b.output("y", y);
  const file = exportGraph(() => b, { name: op, documentation: "", metadata: {}, batch: 1, dft });
  const plain = Object.fromEntries(Object.entries(feed).map(([key, { data }]) => [key, data]));
  const out = await (await reference.compile(b)).execute(plain);
  keep(`op-${op}-${i}-${dft}`, file, feed, { data: out.y, shape: y.shape });
}
for (const [op, { samples }] of Object.entries(ops))
  for (const [i, sample] of samples.entries())
    for (const dft of op === "fft2" ? ["matrix", "op"] : ["matrix"])
      try {
        await opSample(op, sample, i, dft);
      } catch (error) {
        if (!(error instanceof UnsupportedOpError)) throw error;
      }

async function reconstructor(name, network, operator, backend = reference) {
  if (!wanted(name)) return;
  const images = brainPhantoms({ shape: operator.domain.slice(1), count: 1, seed: 5 });
  const problem = inverseProblem({ operator, noise: gaussianNoise({ sigma: 0.01 }), images });
  const y = Float32Array.from(await measure(problem, { image: 0, seed: 1, backend: reference }));
  const x = await reconstruct(networkReconstructor({ network }), y, operator, backend);
  for (const dft of ["matrix", "op"])
    keep(
      `${name}-${dft}`,
      exportReconstructor({ network, from: { measurement: operator }, dft }),
      { measurement: { data: y, shape: [1, ...operator.range] } },
      { data: x, shape: [1, ...operator.domain] },
    );
  if (needsMeasurement(network) !== undefined) return;
  const b = new GraphBuilder(ops);
  b.output("x", operator.adjoint(b, b.input("y", [1, ...operator.range])));
  const image = await (await reference.compile(b)).execute({ y });
  const shape = [1, ...operator.domain];
  keep(
    `${name}-image`,
    exportReconstructor({ network, from: "image" }),
    { zero_filled: { data: image.x, shape } },
    {
      data: x,
      shape,
    },
  );
}
const masked = (n) =>
  subsampledFourier({
    mask: variableDensityMask({ shape: [n, n], acceleration: 4, centerFraction: 0.08, seed: 1 }),
  });
for (const [name, { build, form }] of Object.entries(reconstructionNetworks)) {
  const operator = masked(32);
  const network = build({ size: [32, 32], seed: 3, measured: operator.measured });
  await reconstructor(`family-${name}`, { ...network, trained: { form } }, operator);
}
const size = [32, 32];
const cascade = deepCascade({ size, cascades: 2, convolutions: 2, channels: 6, seed: 1 });
const { mask } = masked(32).sampling;
const trajectory = { kind: "radial", spokes: 12, samples: 64 };
await reconstructor(
  "coils",
  cascade,
  multiCoilFourier({ mask, coils: birdcageCoils({ shape: size, coils: 3 }) }),
);
await reconstructor(
  "lines",
  cascade,
  parallelBeam({ shape: size, views: 12, detectors: 47, arc: 180 }),
);
await reconstructor("off-grid", cascade, nonUniformFourier({ shape: size, trajectory }));
const wasm = await openBackend("wasm", { convolution: "direct" });
for (const name of ["cascade-128", "unet-128"]) {
  const bytes = readFileSync(new URL(`../weights/${name}.safetensors`, import.meta.url));
  await reconstructor(name, loadNetwork(bytes, name), masked(128), wasm);
}
writeFileSync(join(folder, "manifest.json"), JSON.stringify(manifest));
console.log(`${manifest.length} files in ${folder}`);
