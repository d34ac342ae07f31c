// The workloads on TensorFlow.js's wasm backend, on one thread (it has no more in Node), with a
// filter gradient written for it, which it lacks.
import { createRequire } from "node:module";
import { measure, settings } from "../measure.mjs";
import {
  absoluteSum,
  lenetLabels,
  lenetParameters,
  unetParameters,
  workloads,
} from "../workloads.mjs";

const require = createRequire(new URL("../peers/package.json", import.meta.url));
console.warn = () => {};
const tf = require("@tensorflow/tfjs");
require("@tensorflow/tfjs-backend-wasm");
tf.enableProdMode();
await tf.setBackend("wasm");
await tf.ready();

// dW[r,s,c,k] = Σ xpad[n,p+r,q+s,c]·dy[n,p,q,k]: a matrix product for every tap
tf.registerKernel({
  kernelName: "Conv2DBackpropFilter",
  backendName: "wasm",
  kernelFunc: ({ inputs: { x, dy }, attrs }) =>
    tf.tidy(() => {
      const [kh, kw, ci, co] = attrs.filterShape;
      const { outHeight, outWidth, strideHeight, strideWidth, padInfo } =
        tf.backend_util.computeConv2DInfo(
          x.shape,
          attrs.filterShape,
          attrs.strides,
          1,
          attrs.pad,
          attrs.dimRoundingMode,
          false,
          "channelsLast",
        );
      const padded = tf.pad(x, [
        [0, 0],
        [padInfo.top, padInfo.bottom],
        [padInfo.left, padInfo.right],
        [0, 0],
      ]);
      const flat = tf.reshape(dy, [-1, co]);
      const taps = [];
      for (let r = 0; r < kh; r++)
        for (let s = 0; s < kw; s++) {
          const part =
            strideHeight === 1 && strideWidth === 1
              ? tf.slice(padded, [0, r, s, 0], [-1, outHeight, outWidth, -1])
              : tf.stridedSlice(
                  padded,
                  [0, r, s, 0],
                  [
                    x.shape[0],
                    r + (outHeight - 1) * strideHeight + 1,
                    s + (outWidth - 1) * strideWidth + 1,
                    ci,
                  ],
                  [1, strideHeight, strideWidth, 1],
                );
          taps.push(tf.matMul(tf.reshape(part, [-1, ci]), flat, true, false));
        }
      return tf.reshape(tf.stack(taps), attrs.filterShape);
    }),
});

const tensor = ({ data, shape }, axes) => tf.tidy(() => tf.transpose(tf.tensor(data, shape), axes));
/** NCHW to NHWC, [K,C,R,S] to [R,S,C,K], and a transposed convolution's [K,C,R,S] to [R,S,C,K]. */
const image = (value) => tensor(value, [0, 2, 3, 1]);
const kernel = (value) => tensor(value, [2, 3, 1, 0]);
const normalised = (x) => {
  const { mean, variance } = tf.moments(x, [1, 2], true);
  return tf.mul(tf.sub(x, mean), tf.rsqrt(tf.add(variance, 1e-5)));
};
const block = (x, w) => tf.relu(normalised(tf.conv2d(x, w, 1, "same")));
function unet(x, p) {
  const skips = [];
  for (let l = 0; l < 4; l++) {
    x = block(block(x, p[`e${l}a`]), p[`e${l}b`]);
    skips.push(x);
    x = tf.maxPool(x, 2, 2, "valid");
  }
  x = block(block(x, p.ba), p.bb);
  for (let l = 3; l >= 0; l--) {
    const [n, h, w] = skips[l].shape;
    const up = tf.conv2dTranspose(x, p[`u${l}`], [n, h, w, p[`u${l}`].shape[2]], 2, "valid");
    x = block(block(tf.concat([up, skips[l]], 3), p[`d${l}a`]), p[`d${l}b`]);
  }
  return tf.add(tf.conv2d(x, p.out, 1, "same"), p.outb);
}
const parameters = (all, wrap) =>
  Object.fromEntries(
    Object.entries(all).map(([name, value]) => [
      name,
      wrap(value.shape.length === 4 ? kernel(value) : tf.tensor(value.data, value.shape)),
    ]),
  );
const read = (make) => {
  const y = tf.tidy(make);
  const data = y.dataSync();
  y.dispose();
  return data;
};

const workload = workloads[settings.workload];
const builders = {
  conv() {
    const [x, w] = [image(workload.x()), kernel(workload.w())];
    if (!workload.gradients) return [() => read(() => tf.conv2d(x, w, 1, "same")), absoluteSum];
    const dy = image(workload.dy());
    const both = tf.grads((a, b) => tf.conv2d(a, b, 1, "same"));
    return [
      () => {
        const all = both([x, w], dy);
        const data = all.map((g) => g.dataSync());
        all.forEach((g) => g.dispose());
        return data;
      },
      (data) => data.map(absoluteSum),
    ];
  },
  pool() {
    const [x, dy] = [image(workload.x()), image(workload.dy())];
    const gradient = tf.grad((a) => tf.maxPool(a, 2, 2, "valid"));
    return [() => read(() => gradient(x, dy)), absoluteSum];
  },
  lenet() {
    const all = lenetParameters();
    // the flattened order is H,W,C here
    const turned = new Float32Array(all.f1.data.length);
    for (let c = 0; c < 16; c++)
      for (let i = 0; i < 25; i++)
        turned.set(
          all.f1.data.subarray((c * 25 + i) * 120, (c * 25 + i + 1) * 120),
          (i * 16 + c) * 120,
        );
    all.f1.data = turned;
    const p = parameters(all, (t) => tf.variable(t));
    const x = image(workload.x());
    const labels = tf.oneHot(tf.tensor1d(lenetLabels, "int32"), 10);
    const optimizer = tf.train.momentum(0.01, 0.9);
    const cost = () => {
      let h = tf.maxPool(tf.relu(tf.add(tf.conv2d(x, p.c1, 1, "same"), p.b1)), 2, 2, "valid");
      h = tf.reshape(
        tf.maxPool(tf.relu(tf.add(tf.conv2d(h, p.c2, 1, "valid"), p.b2)), 2, 2, "valid"),
        [64, 400],
      );
      h = tf.relu(tf.add(tf.matMul(h, p.f1), p.fb1));
      h = tf.relu(tf.add(tf.matMul(h, p.f2), p.fb2));
      return tf.losses.softmaxCrossEntropy(labels, tf.add(tf.matMul(h, p.f3), p.fb3));
    };
    const step = () => {
      const c = optimizer.minimize(cost, true);
      const value = c.dataSync()[0];
      c.dispose();
      return value;
    };
    return [
      step,
      (loss) => {
        let last = 0;
        for (let i = 0; i < 9; i++) last = step();
        return [loss, last];
      },
    ];
  },
  unet() {
    const x = image(workload.x());
    if (workload.step === "train") {
      const [p, target, optimizer] = [
        parameters(unetParameters(), (t) => tf.variable(t)),
        image(workload.target()),
        tf.train.adam(1e-3, 0.9, 0.999, 1e-8),
      ];
      return [
        () => {
          const c = optimizer.minimize(() => tf.mean(tf.square(tf.sub(unet(x, p), target))), true);
          const value = c.dataSync()[0];
          c.dispose();
          return value;
        },
        (loss) => loss,
      ];
    }
    const p = parameters(unetParameters(), (t) => t);
    if (workload.step === "infer") return [() => read(() => unet(x, p)), absoluteSum];
    const gradient = tf.grad((a) => tf.mul(0.5, tf.sum(tf.square(unet(a, p)))));
    return [() => read(() => gradient(x)), absoluteSum];
  },
};
if (!builders[workload.kind])
  throw new Error("TensorFlow.js's wasm backend has no Fourier transform");
const [run, check] = builders[workload.kind]();
await measure("tfjs wasm", run, check);
