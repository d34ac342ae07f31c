// The workloads on this engine.
import { GraphBuilder, arithmetic, gradients, openBackend, ops } from "../../dist/index.js";
import { measure, settings } from "../measure.mjs";
import { absoluteSum, lenetLabels, lenetParameters, unetParameters, workloads } from "../workloads.mjs";

const workload = workloads[settings.workload];
const graph = new GraphBuilder(ops);
const f = arithmetic(graph);
const plain = { stride: [1, 1], padding: [0, 0], dilation: [1, 1], groups: 1 };
const pool = { kernel: [2, 2], stride: [2, 2], padding: [0, 0] };
const conv = (x, w, padding) => graph.emit("conv2d", { x, w }, { ...plain, padding: [padding, padding] });
const resident = (name, { shape, data }) => graph.parameter(name, shape, data);
const residents = (all) =>
  Object.fromEntries(Object.entries(all).map(([name, value]) => [name, resident(name, value)]));
/**
 * A result that stays where it is, as a tensor of PyTorch does; `plan.read` gives it for the
 * checksum.
 */
const keep = (name, value) =>
  graph.update(
    resident(name, { shape: value.shape, data: new Float32Array(value.shape.reduce((a, b) => a * b)) }),
    value,
  );
const half = (x) => f.mul(f.sum(f.square(x)), 0.5);

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
  lenet({ x }) {
    const p = residents(lenetParameters());
    const image = graph.input("x", x().shape);
    const bias = (value, name, shape) => f.add(value, f.reshape(p[name], shape));
    const stage = (value, w, b, padding, channels) =>
      graph.emit("max_pool2d", { x: f.relu(bias(conv(value, p[w], padding), b, [1, channels, 1, 1])) }, pool);
    const full = (value, w, b) =>
      bias(graph.emit("matmul", { a: value, b: p[w] }, { transposeA: false, transposeB: false }), b, [
        1,
        p[b].shape[0],
      ]);
    const flat = f.reshape(stage(stage(image, "c1", "b1", 2, 6), "c2", "b2", 0, 16), [64, 400]);
    const logits = full(f.relu(full(f.relu(full(flat, "f1", "fb1")), "f2", "fb2")), "f3", "fb3");
    const chosen = new Float32Array(640);
    lenetLabels.forEach((label, i) => {
      chosen[i * 10 + label] = -1 / 64;
    });
    const loss = f.sum(f.mul(graph.emit("log_softmax", { x: logits }, {}), graph.constant(chosen, [64, 10])));
    const values = Object.entries(p);
    gradients(
      graph,
      loss,
      values.map(([, value]) => value),
    ).forEach((gradient, i) => {
      const [name, value] = values[i];
      const momentum = resident(`${name}.momentum`, {
        shape: value.shape,
        data: new Float32Array(gradient.shape.reduce((a, b) => a * b)),
      });
      const next = f.add(f.mul(momentum, 0.9), gradient);
      graph.update(momentum, next);
      graph.update(value, f.sub(value, f.mul(next, 0.01)));
    });
    graph.output("loss", loss);
    return async (out, run) => {
      const later = [];
      for (let i = 0; i < 9; i++) later.push((await run()).loss[0]);
      return [out.loss[0], later[8]];
    };
  },
  unet({ x, target, step }) {
    const p = residents(unetParameters());
    const image = graph.input("x", x().shape);
    const block = (value, name) =>
      f.relu(graph.emit("normalize", { x: conv(value, p[name], 1) }, { axes: [2, 3], epsilon: 1e-5 }));
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
    if (step === "infer") {
      graph.output("y", y);
      return (out) => absoluteSum(out.y);
    }
    if (step === "attack") {
      graph.output("dx", gradients(graph, half(y), [image])[0]);
      return (out) => absoluteSum(out.dx);
    }
    const loss = f.mean(f.square(f.sub(y, graph.input("target", target().shape))));
    // Adam, with the bias corrections of step t as inputs
    const [first, second] = [graph.input("first", []), graph.input("second", [])];
    const values = Object.entries(p);
    gradients(
      graph,
      loss,
      values.map(([, v]) => v),
    ).forEach((gradient, i) => {
      const [name, v] = values[i];
      const kept = (part) =>
        resident(`${name}.${part}`, { shape: v.shape, data: new Float32Array(v.shape.reduce((a, b) => a * b)) });
      const [m, s] = [kept("m"), kept("s")];
      const m1 = f.add(f.mul(m, 0.9), f.mul(gradient, 0.1));
      const s1 = f.add(f.mul(s, 0.999), f.mul(f.square(gradient), 0.001));
      graph.update(m, m1);
      graph.update(s, s1);
      graph.update(v, f.sub(v, f.div(f.mul(f.mul(m1, first), 1e-3), f.add(f.sqrt(f.mul(s1, second)), 1e-8))));
    });
    graph.output("loss", loss);
    return (out) => out.loss[0];
  },
  fourier({ size, re, im }) {
    const both = new Float32Array(2 * size * size);
    both.set(re());
    both.set(im(), size * size);
    keep("y", graph.emit("fft2", { x: resident("x", { shape: [1, 2, size, size], data: both }) }, { inverse: false }));
    // centred and orthonormal here; the sum of |·| differs by the factor n only, the origin's place
    // does not matter to it
    return async () => absoluteSum(await plan.read("y")) * size;
  },
};

const checksum = builders[workload.kind](workload);
const backend = await openBackend(process.env.BACKEND ?? "wasm", {
  threads: settings.threads,
  precision: settings.precision,
});
const begun = performance.now();
const plan = await backend.compile(graph);
const compileMs = performance.now() - begun;
const fixed = {};
if (workload.kind === "lenet" || workload.kind === "unet") fixed.x = workload.x().data;
if (workload.target) fixed.target = workload.target().data;
let t = 0;
const run = () => {
  t++;
  return plan.execute(
    workload.step === "train" ? { ...fixed, first: [1 / (1 - 0.9 ** t)], second: [1 / (1 - 0.999 ** t)] } : fixed,
  );
};
if (process.env.PROFILE) {
  for (const until = performance.now() + 1500; performance.now() < until; ) await run();
  const rows = await plan.profile(workload.step === "train" ? { ...fixed, first: [1], second: [1] } : fixed);
  const byKernel = new Map();
  for (const r of rows) {
    const key = process.env.PROFILE === "shapes" ? `${r.step.name} [${r.step.shape}]` : r.step.name;
    const k = byKernel.get(key) ?? { ms: 0, n: 0, flops: 0 };
    k.ms += r.ms;
    k.n++;
    k.flops += r.step.flops;
    byKernel.set(key, k);
  }
  console.error(
    [...byKernel]
      .sort((a, b) => b[1].ms - a[1].ms)
      .slice(0, 40)
      .map(
        ([k, r]) =>
          `${r.ms.toFixed(2).padStart(9)} ms ${String(r.n).padStart(4)}× ${(r.flops / r.ms / 1e6).toFixed(1).padStart(6)} GF ${k}`,
      )
      .join("\n"),
  );
}
await measure(`fiducial${settings.precision === "fast" ? " fast" : ""}`, run, (out) => checksum(out, run), {
  planMiB: Math.round(plan.memoryBytes / 2 ** 20),
  compileMs: +compileMs.toFixed(1),
});
await backend.close();
