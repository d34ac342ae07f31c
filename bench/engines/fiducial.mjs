// The workloads on this engine.
import { GraphBuilder, arithmetic, gradients, openBackend, ops } from "../../dist/engine/index.js";
import { measure, settings } from "../measure.mjs";
import {
  absoluteSum,
  cascadeParameters,
  fill,
  GENERATOR_DOWN,
  GENERATOR_UP,
  generatorParameters,
  lenetLabels,
  lenetParameters,
  measuredRows,
  RESNET_STAGES,
  resnetParameters,
  unetParameters,
  workloads,
} from "../workloads.mjs";

const workload = workloads[settings.workload];
const graph = new GraphBuilder(ops);
const f = arithmetic(graph);
const plain = { stride: [1, 1], padding: [0, 0], dilation: [1, 1], groups: 1 };
const pool = { kernel: [2, 2], stride: [2, 2], padding: [0, 0] };
const conv = (x, w, padding) =>
  graph.emit("conv2d", { x, w }, { ...plain, padding: [padding, padding] });
const resident = (name, { shape, data }) => graph.parameter(name, shape, data);
const residents = (all) =>
  Object.fromEntries(Object.entries(all).map(([name, value]) => [name, resident(name, value)]));
/**
 * A result that stays where it is, as a tensor of PyTorch does; `plan.read` gives it for the
 * checksum.
 */
const keep = (name, value) =>
  graph.update(
    resident(name, {
      shape: value.shape,
      data: new Float32Array(value.shape.reduce((a, b) => a * b)),
    }),
    value,
  );
const half = (x) => f.mul(f.sum(f.square(x)), 0.5);

const bias = (value, name, shape) => f.add(value, f.reshape(name, shape));
/** A full layer. */
const full = (value, weights, shift) =>
  bias(
    graph.emit("matmul", { a: value, b: weights }, { transposeA: false, transposeB: false }),
    shift,
    [1, shift.shape[0]],
  );
/** A parameter of zeros beside another one, for an optimiser. */
const beside = (name, { shape }) =>
  resident(name, { shape, data: new Float32Array(shape.reduce((a, b) => a * b, 1)) });

function crossEntropy(logits) {
  const chosen = new Float32Array(640);
  lenetLabels.forEach((label, i) => {
    chosen[i * 10 + label] = -1 / 64;
  });
  return f.sum(
    f.mul(graph.emit("log_softmax", { x: logits }, {}), graph.constant(chosen, [64, 10])),
  );
}

function descend(loss, parameters) {
  const values = Object.entries(parameters);
  const found = gradients(
    graph,
    loss,
    values.map(([, value]) => value),
  );
  return values.map(([name, value], i) => ({ name, value, gradient: found[i] }));
}
/** SGD with a momentum of 0.9. */
function momentumStep(loss, parameters) {
  for (const { name, value, gradient } of descend(loss, parameters)) {
    const momentum = beside(`${name}.momentum`, value);
    const next = f.add(f.mul(momentum, 0.9), gradient);
    graph.update(momentum, next);
    graph.update(value, f.sub(value, f.mul(next, 0.01)));
  }
  graph.output("loss", loss);
}
/** Adam, with the bias corrections of step t as inputs. */
function adamStep(loss, parameters) {
  const [first, second] = [graph.input("first", []), graph.input("second", [])];
  for (const { name, value, gradient } of descend(loss, parameters)) {
    const [m, s] = [beside(`${name}.m`, value), beside(`${name}.s`, value)];
    const m1 = f.add(f.mul(m, 0.9), f.mul(gradient, 0.1));
    const s1 = f.add(f.mul(s, 0.999), f.mul(f.square(gradient), 0.001));
    graph.update(m, m1);
    graph.update(s, s1);
    const rate = f.add(f.sqrt(f.mul(s1, second)), 1e-8);
    graph.update(value, f.sub(value, f.div(f.mul(f.mul(m1, first), 1e-3), rate)));
  }
  graph.output("loss", loss);
}
/** A network's result by what a workload asks for. */
function finish(y, { image, target, step, parameters }) {
  if (step === "infer") {
    graph.output("y", y);
    return (out) => absoluteSum(out.y);
  }
  if (step === "attack") {
    graph.output("dx", gradients(graph, half(y), [image])[0]);
    return (out) => absoluteSum(out.dx);
  }
  adamStep(f.mean(f.square(f.sub(y, graph.input("target", target().shape)))), parameters);
  return (out) => out.loss[0];
}

/** A batch's own means and variances, as in training. */
function batchNorm(value, p, name) {
  const channels = [1, p[`${name}.scale`].shape[0], 1, 1];
  const normal = graph.emit("normalize", { x: value }, { axes: [0, 2, 3], epsilon: 1e-5 });
  return bias(f.mul(normal, f.reshape(p[`${name}.scale`], channels)), p[`${name}.shift`], channels);
}

const builders = {
  conv({ x, w, dy, padding, gradients: both }) {
    const [image, weights] = [resident("x", x()), resident("w", w())];
    const y = conv(image, weights, padding);
    keep("y", y);
    if (!both) return async () => absoluteSum(await plan.read("y"));
    // Σ dy·y has the gradients that dy carries back
    const [dx, dw] = gradients(graph, f.sum(f.mul(y, resident("dy", dy()))), [image, weights]);
    keep("dx", dx);
    keep("dw", dw);
    return async () => [absoluteSum(await plan.read("dx")), absoluteSum(await plan.read("dw"))];
  },
  pool({ x, dy }) {
    const [image, carried] = [resident("x", x()), resident("dy", dy())];
    keep("y", graph.emit("max_pool2d", { x: image }, pool));
    keep("dx", graph.emit("max_pool2d_grad", { dy: carried, x: image }, pool));
    return async () => absoluteSum(await plan.read("dx"));
  },
  lenet({ x, step }) {
    const p = residents(lenetParameters());
    const image = graph.input("x", x().shape);
    const stage = (value, w, b, padding, channels) =>
      graph.emit(
        "max_pool2d",
        { x: f.relu(bias(conv(value, p[w], padding), p[b], [1, channels, 1, 1])) },
        pool,
      );
    const flat = f.reshape(stage(stage(image, "c1", "b1", 2, 6), "c2", "b2", 0, 16), [
      x().shape[0],
      400,
    ]);
    const hidden = f.relu(full(f.relu(full(flat, p.f1, p.fb1)), p.f2, p.fb2));
    const logits = full(hidden, p.f3, p.fb3);
    if (step === "infer") return finish(logits, { step });
    momentumStep(crossEntropy(logits), p);
    return async (out, run) => {
      const later = [];
      for (let i = 0; i < 9; i++) later.push((await run()).loss[0]);
      return [out.loss[0], later[8]];
    };
  },
  resnet({ x }) {
    const p = residents(resnetParameters());
    const convNorm = (value, name, stride, padding) => {
      const attrs = { ...plain, stride: [stride, stride], padding: [padding, padding] };
      return batchNorm(graph.emit("conv2d", { x: value, w: p[name] }, attrs), p, name);
    };
    let value = f.relu(convNorm(graph.input("x", x().shape), "stem", 1, 1));
    for (const [stage, [, first]] of RESNET_STAGES.entries())
      for (let unit = 0; unit < 3; unit++) {
        const name = `s${stage}u${unit}`;
        const stride = unit === 0 ? first : 1;
        const inner = convNorm(f.relu(convNorm(value, `${name}a`, stride, 1)), `${name}b`, 1, 1);
        const short = p[`${name}p`] ? convNorm(value, `${name}p`, stride, 0) : value;
        value = f.relu(f.add(inner, short));
      }
    const pooled = f.mul(f.reshape(f.sum(value, [2, 3]), [x().shape[0], 64]), 1 / 64);
    momentumStep(crossEntropy(full(pooled, p.full, p.fullb)), p);
    return (out) => out.loss[0];
  },
  cascade({ x, target, step }) {
    const p = residents(cascadeParameters());
    const image = graph.input("x", x().shape);
    const size = x().shape[2];
    const rows = graph.constant(measuredRows(size), [size, 1]);
    const fourier = (v, inverse) => graph.emit("fft2", { x: v }, { inverse });
    const y = f.mul(fourier(image, false), rows);
    let value = fourier(y, true);
    for (let k = 0; k < 5; k++) {
      let h = value;
      for (let i = 0; i < 5; i++) {
        h = conv(h, p[`c${k}.${i}`], 1);
        if (i < 4) h = f.relu(h);
      }
      const spectrum = fourier(f.add(value, h), false);
      value = fourier(f.add(spectrum, f.mul(rows, f.sub(y, spectrum))), true);
    }
    return finish(value, { image, target, step, parameters: p });
  },
  coils({ size, coils }) {
    const planes = (seed, count) =>
      graph.constant(fill(count * size * size, seed, 1), [count, 1, size, size]);
    const [re, im] = [planes(5, coils), planes(6, coils)];
    const [xr, xi] = [7, 8].map((seed) =>
      resident(`x${seed}`, { shape: [1, 1, size, size], data: fill(size * size, seed, 1) }),
    );
    const rows = graph.constant(measuredRows(size), [size, 1]);
    const seen = f.concat(
      [f.sub(f.mul(re, xr), f.mul(im, xi)), f.add(f.mul(re, xi), f.mul(im, xr))],
      1,
    );
    const y = f.mul(graph.emit("fft2", { x: seen }, { inverse: false }), rows);
    const images = graph.emit("fft2", { x: y }, { inverse: true });
    const [yr, yi] = [f.slice(images, 1, 0, 1), f.slice(images, 1, 1, 2)];
    const joined = [f.add(f.mul(re, yr), f.mul(im, yi)), f.sub(f.mul(re, yi), f.mul(im, yr))];
    keep("real", f.sum(joined[0], [0]));
    keep("imaginary", f.sum(joined[1], [0]));
    return async () =>
      absoluteSum(await plan.read("real")) + absoluteSum(await plan.read("imaginary"));
  },
  async radon({ size, views, detectors }) {
    // the engine alone starts quicker
    const { parallelBeam } = await import("../../dist/imaging/index.js");
    const beam = parallelBeam({ shape: [size, size], views, detectors, arc: 180 });
    const image = { shape: [1, 2, size, size], data: fill(2 * size * size, 5, 1) };
    keep("back", beam.adjoint(graph, beam.forward(graph, resident("x", image))));
    return async () => absoluteSum(await plan.read("back"));
  },
  unet({ x, target, step }) {
    const p = residents(unetParameters());
    const image = graph.input("x", x().shape);
    const block = (value, name) =>
      f.relu(
        graph.emit("normalize", { x: conv(value, p[name], 1) }, { axes: [2, 3], epsilon: 1e-5 }),
      );
    let value = image;
    const skips = [0, 1, 2, 3].map((level) => {
      const skip = block(block(value, `e${level}a`), `e${level}b`);
      value = graph.emit("max_pool2d", { x: skip }, pool);
      return skip;
    });
    value = block(block(value, "ba"), "bb");
    for (const level of [3, 2, 1, 0]) {
      const up = graph.emit(
        "conv_transpose2d",
        { x: value, w: p[`u${level}`] },
        { ...plain, stride: [2, 2], outputPadding: [0, 0] },
      );
      value = block(block(f.concat([up, skips[level]], 1), `d${level}a`), `d${level}b`);
    }
    const y = f.add(conv(value, p.out, 0), f.reshape(p.outb, [1, 1, 1, 1]));
    return finish(y, { image, target, step, parameters: p });
  },
  generator({ x, step }) {
    const p = residents(generatorParameters());
    const image = graph.input("x", x().shape);
    const half = { ...plain, stride: [2, 2], padding: [1, 1] };
    let value = image;
    const skips = GENERATOR_DOWN.map((_, i) => {
      const y = graph.emit("conv2d", { x: value, w: p[`d${i}`] }, half);
      value = graph.emit("maximum", { a: y, b: f.mul(y, 0.2) }, {});
      return value;
    });
    GENERATOR_UP.forEach((_, i) => {
      const inputs = { x: value, w: p[`u${i}`] };
      const y = f.relu(graph.emit("conv_transpose2d", inputs, { ...half, outputPadding: [0, 0] }));
      value = i < 7 ? f.concat([y, skips[6 - i]], 1) : y;
    });
    return finish(f.add(conv(value, p.out, 0), image), { image, step });
  },
  fourier({ size, re, im }) {
    const both = new Float32Array(2 * size * size);
    both.set(re());
    both.set(im(), size * size);
    keep(
      "y",
      graph.emit(
        "fft2",
        { x: resident("x", { shape: [1, 2, size, size], data: both }) },
        { inverse: false },
      ),
    );
    // centred and orthonormal here; the sum of |·| differs by the factor n only, the origin's place
    // does not matter to it
    return async () => absoluteSum(await plan.read("y")) * size;
  },
};

const checksum = await builders[workload.kind](workload);
const backend = await openBackend(process.env.BACKEND ?? "wasm", {
  threads: settings.threads,
  precision: settings.precision,
});
const begun = performance.now();
const plan = await backend.compile(graph);
const compileMs = performance.now() - begun;
const fixed = {};
if (["cascade", "generator", "lenet", "resnet", "unet"].includes(workload.kind))
  fixed.x = workload.x().data;
if (workload.target) fixed.target = workload.target().data;
let t = 0;
const run = () => {
  t++;
  return plan.execute(
    workload.step === "train"
      ? { ...fixed, first: [1 / (1 - 0.9 ** t)], second: [1 / (1 - 0.999 ** t)] }
      : fixed,
  );
};
if (process.env.PROFILE) {
  for (const until = performance.now() + 1500; performance.now() < until; ) await run();
  const rows = await plan.profile(
    workload.step === "train" ? { ...fixed, first: [1], second: [1] } : fixed,
  );
  const byKernel = new Map();
  for (const r of rows) {
    const key = process.env.PROFILE === "shapes" ? `${r.step.name} [${r.step.shape}]` : r.step.name;
    const k = byKernel.get(key) ?? { ms: 0, n: 0, flops: 0, bytes: 0 };
    k.ms += r.ms;
    k.n++;
    k.flops += r.step.flops;
    k.bytes += r.step.bytes;
    byKernel.set(key, k);
  }
  console.error(
    [...byKernel]
      .sort((a, b) => b[1].ms - a[1].ms)
      .slice(0, 40)
      .map(
        ([k, r]) =>
          `${r.ms.toFixed(2).padStart(9)} ms ${String(r.n).padStart(4)}× ${(r.flops / r.ms / 1e6).toFixed(1).padStart(6)} GF ${(r.bytes / r.ms / 1e6).toFixed(1).padStart(6)} GB ${k}`,
      )
      .join("\n"),
  );
}
await measure(
  `fiducial${settings.precision === "fast" ? " fast" : ""}`,
  run,
  (out) => checksum(out, run),
  {
    planMiB: Math.round(plan.memoryBytes / 2 ** 20),
    compileMs: +compileMs.toFixed(1),
  },
);
await backend.close();
