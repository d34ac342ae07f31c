// reports.md, rows 41 to 66: metrics and verdicts, learning, the host; each by its definition in
// plain loops, or by what a command does.
import { mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import jpeg from "jpeg-js";
import { audit, worstCasePerturbation } from "fiducial/audit";
import { readPicture } from "fiducial/data";
import { arithmetic, gradients, GraphBuilder, ops } from "fiducial/engine";
import {
  brainPhantoms,
  fullMask,
  gaussianNoise,
  inverseProblem,
  subsampledFourier,
  variableDensityMask,
  zeroFilled,
} from "fiducial/imaging";
import {
  adam,
  adamW,
  applyNetwork,
  augmented,
  clipped,
  constant,
  crossEntropy,
  fit,
  meanSquaredError,
  nn,
  predict,
  rmsprop,
  saveNetwork,
  sgd,
  structuralDissimilarity,
} from "fiducial/learning";
import { png, withOrientation } from "../test/fixtures/files.mjs";
import {
  backends,
  computed,
  done,
  expect,
  fiducial,
  file,
  first,
  fresh,
  heldBy,
  near,
  refuses,
  same,
  scratch,
} from "./cases-tools.mjs";
import { similarity, uniform } from "./cases-scans.mjs";

// ---- verdicts ----

const size = 32;
const shape = [size, size];
const images = brainPhantoms({ shape, count: 1, seed: 5 });
const quarter = subsampledFourier({
  mask: variableDensityMask({ shape, acceleration: 2, centerFraction: 0.2, seed: 3 }),
});
/** The verdict on a method whose data a search perturbs by up to 2 %. */
async function verdictOn(method, { operator = quarter, sigma = 0.005 } = {}) {
  const problem = inverseProblem({ operator, noise: gaussianNoise({ sigma }), images });
  const tests = [worstCasePerturbation({ relativeBudgets: [0.02], steps: 10 })];
  const result = await audit({
    problem,
    methods: [zeroFilled(), method],
    tests,
    seed: 1,
    backend: backends.wasm,
  });
  const searched = result.tests.find((test) => test.id === "worst-case-perturbation");
  return searched.verdicts.find((verdict) => verdict.method === method.name);
}
const stub = (name, apply) => ({ name, description: { kind: name }, apply });

async function nearlyExact() {
  const exact = { ...zeroFilled(), name: "nearly exact" };
  const { outcome, explanation } = await verdictOn(exact, {
    operator: subsampledFourier({ mask: fullMask(shape) }),
    sigma: 0,
  });
  return expect(outcome !== "fail", `it fails: ${explanation}`);
}
/** Steps of a tenth: no derivative anywhere, and a small shift moves whole steps. */
const quantised = stub("quantised", (b, y, operator) => {
  const { add, mul, sub } = arithmetic(b);
  const x = operator.adjoint(b, y);
  const levels = Array.from({ length: 30 }, (_, k) => (k - 14.5) / 10);
  const above = levels.map((level) => b.emit("greater", { a: x, b: b.scalar(level) }, {}));
  return mul(
    sub(
      above.reduce((sum, one) => add(sum, one)),
      15,
    ),
    0.1,
  );
});
async function behindZeroGradients() {
  const { outcome, explanation } = await verdictOn(quantised);
  return expect(outcome !== "pass", `it passes: ${explanation}`);
}
async function constantImage() {
  const { outcome, explanation } = await verdictOn(
    stub("constant", (b, y) => arithmetic(b).mul(y, 0)),
  );
  return (
    expect(outcome === "error", `the outcome is ${outcome}`) ??
    expect(
      /same image whatever is measured/.test(explanation) && !/NaN/.test(explanation),
      explanation,
    )
  );
}

// ---- the same bytes ----

/** A small network's audit, in a process of its own. */
function auditBytes(...args) {
  const network = nn.unet({
    inChannels: 2,
    outChannels: 2,
    baseChannels: 2,
    depth: 1,
    seed: 1,
    size: [16, 16],
  });
  const out = fresh();
  const quick =
    "--count 1 --iterations 2 --steps 2 --restarts 1 --methods zero-filled --seed 4".split(" ");
  const model = ["--model", file("bytes.safetensors", saveNetwork(network))];
  const run = fiducial("audit", ...model, ...quick, ...args, "--out", out);
  return run.status === 0 ? readFileSync(join(out, "result.json"), "utf8") : done(run);
}
function sameAgain() {
  const [one, two, other] = [
    ["--threads", "1"],
    ["--threads", "2"],
    ["--threads", "1", "--noise", "0.02"],
  ].map((args) => auditBytes(...args));
  return first([
    expect(one === two, "one thread and two give other results"),
    expect(one !== other, "another noise gives the same result"),
    oldNode(),
  ]);
}
/** The door of the command line, told that it is opened by a Node which is too old. */
function oldNode() {
  const old = `data:text/javascript,Object.defineProperty(process.versions, "node", { value: "18.20.0" })`;
  const main = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
  const { status, stderr } = spawnSync(process.execPath, ["--import", old, main, "audit"], {
    encoding: "utf8",
  });
  return expect(
    status === 3 && /this is Node 18\.20\.0; it needs Node 20/.test(stderr),
    `Node 18: ${stderr}`,
  );
}

// ---- losses and layers, by their definitions ----

/** A layer's output and the derivative of the sum of all of it, on the wasm backend. */
function through(layer, values, inputShape) {
  const network = nn.sequential({ input: inputShape, layers: [layer], seed: 1 });
  return computed((b) => {
    const x = b.parameter("x", [1, ...inputShape], Float32Array.from(values));
    const { y } = applyNetwork(b, network, x);
    return { y, slope: gradients(b, arithmetic(b).sum(y), [x])[0] };
  });
}
async function softplus() {
  const values = [-1e9, -100, -1, 0, 1, 100, 1e9];
  const sigmoid = (v) => 1 / (1 + Math.exp(-v));
  const { y, slope } = await through(nn.softplus(), values, [values.length]);
  return (
    same(
      y,
      values.map((v) => Math.max(0, v) + Math.log1p(Math.exp(-Math.abs(v)))),
    ) ?? same(slope, values.map(sigmoid))
  );
}
async function instanceNorm() {
  const cells = 64;
  const flat = await through(nn.instanceNorm2d(), new Array(cells).fill(1000), [1, 8, 8]);
  const values = Array.from(
    Float32Array.from({ length: cells }, (_, i) => 1000 + 0.01 * Math.sin(i)),
  );
  const { y } = await through(nn.instanceNorm2d(), values, [1, 8, 8]);
  const mean = values.reduce((s, v) => s + v) / cells;
  const variance = values.reduce((s, v) => s + (v - mean) ** 2, 0) / cells;
  return (
    same(flat.y, new Array(cells).fill(0)) ??
    same(
      y,
      values.map((v) => (v - mean) / Math.sqrt(variance + 1e-5)),
      // float32 has half of 2⁻¹⁴ to tell 1000 from its neighbour, in 0.007
      5e-3,
    )
  );
}
/** The loss of p [n,…] against t, by a backend. */
const lossOf = (loss, dims, p, t) =>
  computed((b) => {
    const x = b.parameter("p", dims, Float32Array.from(p));
    const cost = loss.apply(b, x, b.constant(Float32Array.from(t), dims));
    return { cost, slope: gradients(b, cost, [x])[0] };
  });
async function dissimilarityAtAnOffset() {
  const n = 12;
  const t = Array.from(
    Float32Array.from({ length: n * n }, (_, i) => 100 + 0.5 * Math.sin(1.3 * i)),
  );
  const p = Array.from(Float32Array.from(t, (v, i) => v + 0.3 * Math.cos(2.1 * i)));
  const want = 1 - similarity({ p, q: t, size: n, weights: uniform, ratio: 49 / 48, range: 1 });
  const { cost } = await lossOf(structuralDissimilarity({ range: 1 }), [1, 1, n, n], p, t);
  return near(cost[0], want, 1e-4, "1 − SSIM at mean 100");
}
async function smoothedAndWeighted() {
  const [classWeights, smoothing] = [[1, 2, 0.5], 0.2];
  const logits = [
    [1e4, -1e4, 0],
    [0.3, -1, 2],
  ];
  const truth = [1, 2];
  let [sum, weight] = [0, 0];
  logits.forEach((row, i) => {
    const top = Math.max(...row);
    const log = Math.log(row.reduce((s, v) => s + Math.exp(v - top), 0)) + top;
    row.forEach((v, c) => {
      const share = smoothing / row.length + (c === truth[i] ? 1 - smoothing : 0);
      sum += share * classWeights[c] * (log - v);
    });
    weight += classWeights[truth[i]];
  });
  const shares = truth.flatMap((c) => [0, 1, 2].map((k) => (k === c ? 1 : 0)));
  const loss = crossEntropy({ labelSmoothing: smoothing, classWeights });
  const { cost } = await lossOf(loss, [2, 3], logits.flat(), shares);
  return same([cost[0]], [sum / weight]);
}
/** y = Σ w·x at stride 1 and 2 with an even kernel, the odd zero of the padding at the end. */
async function evenKernels() {
  const [h, w] = [7, 10];
  for (const k of [2, 4])
    for (const stride of [1, 2]) {
      const layer = nn.conv2d({
        outChannels: 1,
        kernelSize: k,
        stride,
        padding: "same",
        bias: false,
      });
      const network = nn.sequential({ input: [1, h, w], seed: 2, layers: [layer] });
      const weights = network.parameters.get("0.conv2d.weight").data;
      const x = Array.from({ length: h * w }, (_, i) => Math.sin(i));
      const [rows, columns] = [Math.ceil(h / stride), Math.ceil(w / stride)];
      const before = (n, out) => Math.floor(Math.max(0, (out - 1) * stride + k - n) / 2);
      const [top, left] = [before(h, rows), before(w, columns)];
      const want = Array.from({ length: rows * columns }, (_, p) => {
        let sum = 0;
        for (let i = 0; i < k; i++)
          for (let j = 0; j < k; j++) {
            const [r, s] = [
              Math.floor(p / columns) * stride - top + i,
              (p % columns) * stride - left + j,
            ];
            if (r >= 0 && r < h && s >= 0 && s < w) sum += weights[k * i + j] * x[r * w + s];
          }
        return sum;
      });
      const { y } = await computed((b) => ({
        y: applyNetwork(b, network, b.constant(Float32Array.from(x), [1, 1, h, w])).y,
      }));
      const fault = same(y, want, 1e-5);
      if (fault) return `kernel ${k}, stride ${stride}: ${fault}`;
    }
  return undefined;
}

/** One weight's steps by PyTorch's formulas; g is its gradient, s what a method keeps. */
const rate = 0.05;
const formulas = {
  sgd: (w, g) => w - rate * g,
  momentum(w, g, s) {
    s.v = 0.9 * (s.v ?? 0) + g;
    return w - rate * s.v;
  },
  nesterov(w, g, s) {
    s.v = 0.9 * (s.v ?? 0) + g;
    return w - rate * (g + 0.9 * s.v);
  },
  adam: (w, g, s) => w - rate * moments(g, s),
  adamW: (w, g, s) => w * (1 - rate * 0.1) - rate * moments(g, s),
  rmsprop(w, g, s) {
    s.q = 0.99 * (s.q ?? 0) + 0.01 * g * g;
    return w - (rate * g) / (Math.sqrt(s.q) + 1e-8);
  },
  clipped: (w, g) => w - rate * Math.sign(g) * Math.min(1, Math.abs(g)),
};
function moments(g, s) {
  s.k = (s.k ?? 0) + 1;
  s.m = 0.9 * (s.m ?? 0) + 0.1 * g;
  s.q = 0.999 * (s.q ?? 0) + 0.001 * g * g;
  return s.m / (1 - 0.9 ** s.k) / (Math.sqrt(s.q / (1 - 0.999 ** s.k)) + 1e-8);
}
const optimisers = {
  sgd: sgd({ learningRate: rate }),
  momentum: sgd({ learningRate: rate, momentum: 0.9 }),
  nesterov: sgd({ learningRate: rate, momentum: 0.9, nesterov: true }),
  adam: adam({ learningRate: rate }),
  adamW: adamW({ learningRate: rate, weightDecay: 0.1 }),
  rmsprop: rmsprop({ learningRate: rate }),
  clipped: clipped(sgd({ learningRate: rate }), { maxNorm: 1 }),
};
/** Twelve steps down (w − 3)², by every optimiser. */
async function twelveSteps() {
  for (const [name, optimizer] of Object.entries(optimisers)) {
    const step = formulas[name];
    const kept = {};
    let want = 1;
    for (let k = 0; k < 12; k++) want = step(want, 2 * (want - 3), kept);
    const got = await afterSteps(optimizer, 12);
    const fault = near(got, want, 1e-5, name);
    if (fault) return fault;
  }
  return undefined;
}
async function afterSteps(optimizer, steps) {
  const b = new GraphBuilder(ops);
  const { square, sub } = arithmetic(b);
  const w = b.parameter("w", [], Float32Array.of(1));
  optimizer.apply(b, new Map([["w", w]]), gradients(b, square(sub(w, 3)), [w]), b.scalar(rate));
  const plan = await backends.wasm.compile(b);
  for (let k = 0; k < steps; k++) await plan.execute();
  return (await plan.read("w"))[0];
}

// ---- training ----

/** Points of two classes; `bend` moves one of them. */
const points = (bend = 0) => ({
  length: 12,
  inputShape: [1, 3, 3],
  targetShape: [2],
  read(i, x, t) {
    for (let k = 0; k < 9; k++) x[k] = Math.sin(1 + i * 9 + k) + (i === 5 ? bend : 0);
    t.set([i % 2, 1 - (i % 2)]);
  },
});
const classifier = nn.sequential({
  input: [1, 3, 3],
  seed: 1,
  layers: [nn.flatten(), nn.linear({ outFeatures: 2 })],
});
async function resumingWithOthers() {
  const shift = (of, more) => augmented(of, { shift: 1, seed: 0, ...more });
  const given = {
    loss: crossEntropy(),
    optimizer: adam({ learningRate: 0.01 }),
    epochs: 2,
    batchSize: 3,
    seed: 0,
  };
  const run = { ...given, data: shift(points()), backend: backends.wasm };
  const states = [];
  await fit(classifier, {
    ...run,
    checkpointEvery: 1,
    on: { checkpoint: (state) => void states.push(state) },
  });
  const resumed = (data) => () => fit(classifier, { ...run, data, resume: states[0] });
  return first([
    await refuses(resumed(shift(points(1e-3))), /started with data \w+ and should go on with/),
    await refuses(
      resumed(augmented(points(), { shift: 3, seed: 0 })),
      /shift 1 and should go on with 3/,
    ),
    await refuses(
      resumed(shift(points(), { flip: true, noise: 0.5 })),
      /flip 0 and should go on with 1.*jitter/,
    ),
    // it can be resumed at all
    expect((await resumed(shift(points()))()).parameters.size > 0, "it could not be resumed"),
  ]);
}
async function bestWeights() {
  const line = (w) => ({
    length: 2,
    inputShape: [1],
    targetShape: [1],
    read(i, x, t) {
      x[0] = 1 + i;
      t[0] = w * (1 + i);
    },
  });
  const network = nn.sequential({
    input: [1],
    seed: 1,
    layers: [nn.linear({ outFeatures: 1, bias: false })],
  });
  const losses = [];
  const trained = await fit(network, {
    data: line(4),
    validation: line(1),
    loss: meanSquaredError(),
    optimizer: sgd({ learningRate: 0.02 }),
    schedule: constant(),
    epochs: 40,
    batchSize: 2,
    seed: 0,
    backend: backends.wasm,
    earlyStopping: { patience: 4 },
    on: { epoch: (e) => void losses.push(e.validation.loss) },
  });
  const [{ data }] = trained.parameters.values();
  return (
    expect(
      losses.at(-1) > 2 * Math.min(...losses),
      `the losses ${losses} do not rise at the end`,
    ) ??
    near(
      2.5 * (data[0] - 1) ** 2,
      Math.min(...losses),
      1e-5,
      "the loss of the weights that come back",
    )
  );
}
function linkedFolders() {
  const picture = (v) =>
    png(
      { width: 8, height: 8 },
      Array.from({ length: 8 }, () => new Array(8).fill(v)),
    );
  for (const [name, v] of Object.entries({ dark: 20, grey: 120, light: 240 }))
    for (const k of [0, 1, 2, 3]) file(`classes/${name}/${k}.png`, picture(v + k));
  const links = join(scratch, "links");
  mkdirSync(links, { recursive: true });
  for (const name of ["dark", "grey", "light"])
    symlinkSync(join(scratch, "classes", name), join(links, name));
  const layers = [{ kind: "flatten" }, { kind: "linear", outFeatures: 3 }];
  const arch = file("arch.json", JSON.stringify({ layers }));
  const out = join(fresh(), "links.safetensors");
  const quick = ["--epochs", "1", "--batch-size", "2", "--shift", "0", "--threads", "1"];
  const run = fiducial(
    "train",
    "classifier",
    "--data",
    links,
    "--arch",
    arch,
    ...quick,
    "--out",
    out,
  );
  return (
    done(run) ??
    expect(
      /dark.*grey.*light/s.test(fiducial("inspect", out).said),
      "its classes are not the links",
    )
  );
}
/** A photo that is dark on top and light below, and says that it lies on its side. */
function turnedPhoto() {
  const [width, height] = [24, 16];
  const data = Uint8Array.from({ length: 4 * width * height }, (_, k) =>
    k % 4 === 3 || k >= 2 * width * height ? 240 : 20,
  );
  const bytes = withOrientation(Uint8Array.from(jpeg.encode({ width, height, data }, 95).data), 6);
  const picture = readPicture(bytes, "photo.jpg");
  return (
    same([picture.height, picture.width], [width, height]) ??
    // turned clockwise by a quarter: what was on top is at the right
    expect(picture.pixel(12, 2)[0] > 0.8 && picture.pixel(12, 13)[0] < 0.2, "it is not turned")
  );
}
async function manyPlans() {
  const network = nn.unet({
    inChannels: 2,
    outChannels: 2,
    baseChannels: 4,
    depth: 2,
    seed: 1,
    size: [64, 64],
  });
  const inputs = new Float32Array(2 * 64 * 64).fill(0.5);
  const compiled = async (times) => {
    for (let k = 0; k < times; k++)
      await predict(network, { inputs, count: 1, backend: backends.wasm });
    return process.memoryUsage().rss / 1e6;
  };
  const before = await compiled(150);
  const after = await compiled(300);
  return expect(after - before < 60, `memory grew from ${before} to ${after} MB over 300 plans`);
}

export const numbers = {
  "41 a nearly exact reconstruction": nearlyExact,
  "42 harm behind a zero gradient": behindZeroGradients,
  "44 division by a zero gradient": constantImage,
  "45 the same command, the same bytes; a Node too old": sameAgain,
  "47 1 − SSIM of images with an offset": dissimilarityAtAnOffset,
  "50 resuming with other pictures, shift or flip": resumingWithOthers,
  "51 early stopping gives back the best weights": bestWeights,
  "52 class folders that are links": linkedFolders,
  "53 EXIF orientation": turnedPhoto,
  "54 softplus' slope at 0": softplus,
  "56 softplus overflow": softplus,
  "59 instance norm of a constant, and far from 0": instanceNorm,
  "60 label smoothing with class weights, logits of ±1e4": smoothedAndWeighted,
  "62 optimisers over 12 steps": twelveSteps,
  '63 even kernels with "same"': evenKernels,
  "64 a page, isolated or not, and a worker": heldBy(
    "package.test.ts",
    "trains in Chromium with the bits of Node",
    "keeps its threads under a strict content security policy",
  ),
  "66 memory over many plans": manyPlans,
};
