// Many steps of a small convolution that learns, with the process's and the card's memory watched.
// Arguments: the number of steps. Prints what it grew by, in bytes, as JSON.
import { arithmetic, GraphBuilder, gradients, openBackend, ops } from "fiducial/engine";
import { draw } from "./cases.mjs";

// the classes of the package that the backend loads, to see what it makes
const { globals } = await import("webgpu");

const steps = Number(process.argv[2] ?? 1000);
const gpu = await openBackend("webgpu");
/** Bytes of buffers that were made and not destroyed. */
let held = 0;
const { createBuffer } = globals.GPUDevice.prototype;
globals.GPUDevice.prototype.createBuffer = function (descriptor) {
  held += descriptor.size;
  return createBuffer.call(this, descriptor);
};
const { destroy } = globals.GPUBuffer.prototype;
globals.GPUBuffer.prototype.destroy = function () {
  held -= this.size;
  return destroy.call(this);
};

const b = new GraphBuilder(ops);
const { mean, mul, square, sub } = arithmetic(b);
const x = b.input("x", [1, 4, 8, 8]);
const w = b.parameter("w", [4, 4, 3, 3], draw(144, 1));
const attrs = { stride: [1, 1], padding: [1, 1], dilation: [1, 1], groups: 1 };
const cost = mean(square(b.emit("conv2d", { x, w }, attrs)));
b.update(w, sub(w, mul(gradients(b, cost, [w])[0], 1e-2)));
b.output("cost", cost);
const plan = await gpu.compile(b);
const feed = { x: draw(256, 2) };
const settled = async () => {
  for (let i = 0; i < 3; i++) {
    globalThis.gc?.();
    await new Promise((done) => setTimeout(done, 30));
  }
  const { heapUsed, arrayBuffers, rss } = process.memoryUsage();
  return { host: heapUsed + arrayBuffers, rss, held };
};
for (let i = 0; i < 300; i++) await plan.execute(feed);
const before = await settled();
const begun = performance.now();
for (let i = 0; i < steps; i++) await plan.execute(feed, i % 2 ? { outputs: [] } : {});
const seconds = (performance.now() - begun) / 1e3;
const after = await settled();
const grown = Object.fromEntries(
  Object.keys(after).map((name) => [name, after[name] - before[name]]),
);
// the plan is held to here
console.log(
  JSON.stringify({ adapter: gpu.adapter, steps, bytes: plan.memoryBytes, seconds, grown }),
);
await gpu.close();
