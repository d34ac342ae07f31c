// A card with the least that WebGPU promises, and small buffers: the same numbers from memory in
// several buffers, from smaller expressions and from transforms that fit no workgroup. Prints what
// was bound and made as JSON.
import { arithmetic, GraphBuilder, gradients, openBackend, ops } from "fiducial/engine";
import { draw, worstOf } from "./cases.mjs";

// the classes of the package that the backend loads, to see what it makes
const { globals } = await import("webgpu");

const limits = {
  maxBufferSize: 16384,
  maxStorageBufferBindingSize: 16384,
  maxStorageBuffersPerShaderStage: 8,
  maxComputeWorkgroupStorageSize: 1024,
};
const made = { buffers: 0, largest: 0, bound: 0 };
const { requestDevice } = globals.GPUAdapter.prototype;
globals.GPUAdapter.prototype.requestDevice = async function (...args) {
  const device = await requestDevice.apply(this, args);
  Object.defineProperty(device, "limits", { value: limits });
  const { createBuffer, createBindGroup } = device;
  device.createBuffer = (descriptor) => {
    made.buffers++;
    if (descriptor.usage & 0x80) made.largest = Math.max(made.largest, descriptor.size);
    return createBuffer.call(device, descriptor);
  };
  device.createBindGroup = (descriptor) => {
    made.bound = Math.max(made.bound, [...descriptor.entries].length);
    return createBindGroup.call(device, descriptor);
  };
  return device;
};

/** A network's step with a transform, whose optimiser reads and writes three values at once. */
function step() {
  const b = new GraphBuilder(ops);
  const { add, div, mean, mul, relu, sqrt, square, sub } = arithmetic(b);
  const x = b.input("x", [2, 2, 20, 20]);
  const attrs = { stride: [1, 1], padding: [1, 1], dilation: [1, 1], groups: 1 };
  const kept = (name, shape, seed) => {
    const size = shape.reduce((n, d) => n * d, 1);
    return b.parameter(name, shape, seed ? draw(size, seed) : new Float32Array(size));
  };
  const weights = [kept("w", [4, 2, 3, 3], 1), kept("v", [2, 4, 3, 3], 2)];
  const y = relu(
    b.emit(
      "normalize",
      { x: b.emit("conv2d", { x, w: weights[0] }, attrs) },
      { axes: [2, 3], epsilon: 1e-5 },
    ),
  );
  const z = b.emit(
    "fft2",
    { x: b.emit("conv2d", { x: y, w: weights[1] }, attrs) },
    { inverse: false },
  );
  const cost = mean(square(sub(z, 0.1)));
  gradients(b, cost, weights).forEach((g, i) => {
    const [m, s] = [kept(`m${i}`, g.shape), kept(`s${i}`, g.shape)];
    const [m1, s1] = [add(mul(m, 0.9), mul(g, 0.1)), add(mul(s, 0.99), mul(square(g), 0.01))];
    b.update(m, m1);
    b.update(s, s1);
    b.update(weights[i], sub(weights[i], div(mul(m1, 0.01), add(sqrt(s1), 0.1))));
  });
  b.output("cost", cost);
  b.output("z", z);
  return b;
}
async function run(name) {
  const backend = await openBackend(name, { threads: 1 });
  const plan = await backend.compile(step());
  let out;
  for (let i = 0; i < 3; i++) out = await plan.execute({ x: draw(1600, 5 + i) });
  const state = {};
  for (const key of ["w", "v", "m0", "s1"]) state[key] = await plan.read(key);
  await backend.close();
  return { ...out, ...state };
}
const [want, got] = [await run("wasm"), await run("webgpu")];
console.log(JSON.stringify({ worst: worstOf(got, want), ...made, limits }));
