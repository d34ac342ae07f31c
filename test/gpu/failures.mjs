// What must not go wrong in silence: devices that are lost in mid-run, values that no buffer holds,
// numbers that are none, plans of a closed backend. Prints what became of each as JSON.
import { arithmetic, GraphBuilder, gradients, openBackend, ops, random } from "fiducial/engine";
import { draw, sameBits, worstOf } from "./cases.mjs";

// the classes of the package that the backend loads, to see what it makes
const { globals } = await import("webgpu");

const gpu = await openBackend("webgpu");
/** The device that is in use, for the test to destroy. */
const devices = [];
const { requestDevice } = globals.GPUAdapter.prototype;
globals.GPUAdapter.prototype.requestDevice = async function (...args) {
  const device = await requestDevice.apply(this, args);
  devices.push(device);
  return device;
};

/** A convolution and a bias that learn, by momentum: the state is on the card. */
function learning() {
  const b = new GraphBuilder(ops);
  const { add, mul, relu, sub, sum, square } = arithmetic(b);
  const x = b.input("x", [2, 3, 8, 8]);
  const w = b.parameter("w", [4, 3, 3, 3], draw(108, 1));
  const v = b.parameter("v", [4, 3, 3, 3], new Float32Array(108));
  const attrs = { stride: [1, 1], padding: [1, 1], dilation: [1, 1], groups: 1 };
  const cost = sum(square(sub(relu(b.emit("conv2d", { x, w }, attrs)), 0.5)));
  const next = add(mul(v, 0.9), gradients(b, cost, [w])[0]);
  b.update(v, next);
  b.update(w, sub(w, mul(next, 1e-4)));
  b.output("cost", cost);
  return b;
}

async function run(backend, { lose = () => {}, steps = 12, outputs } = {}) {
  const plan = await backend.compile(learning());
  const rng = random(4);
  const costs = [];
  for (let i = 0; i < steps; i++) {
    const x = Float32Array.from({ length: 384 }, () => rng.uniform());
    const running = plan.execute({ x }, outputs ? { outputs } : {});
    lose(i);
    costs.push((await running).cost?.[0] ?? 0);
  }
  return { w: await plan.read("w"), v: await plan.read("v"), costs: Float32Array.from(costs) };
}
const messageOf = async (job) => {
  try {
    await job();
  } catch (error) {
    return `${error.name}: ${error.message}`;
  }
  return "nothing was thrown";
};

const found = {};
const other = await openBackend("webgpu");
const whole = await run(other);
const losing = (at) => (i) => {
  if (at.includes(i)) devices.at(-1).destroy();
};
found.lostOnce = sameBits(whole, await run(other, { lose: losing([5]) }));
found.lostTwice = sameBits(whole, await run(other, { lose: losing([2, 9]) }));
const silent = await run(other, { lose: losing([3, 7]), outputs: [] });
found.lostUnread = sameBits({ w: whole.w, v: whole.v }, { w: silent.w, v: silent.v });

{
  const plan = await other.compile(learning());
  await plan.write("w", draw(108, 7));
  await plan.execute({ x: new Float32Array(384).fill(1) });
  const before = await plan.read("w");
  found.longWrite = await messageOf(() => plan.write("w", new Float32Array(109)));
  devices.at(-1).destroy();
  found.lostWritten = sameBits({ w: before }, { w: await plan.read("w") });
}
{
  const b = new GraphBuilder(ops);
  b.output("y", b.emit("neg", { x: b.input("x", [2 ** 15, 2 ** 15]) }, {}));
  found.tooLarge = await messageOf(() => other.compile(b));
}
{
  const b = new GraphBuilder(ops);
  const x = b.input("x", [4]);
  b.output("y", arithmetic(b).relu(b.emit("log", { x }, {})));
  const { y } = await (await other.compile(b)).execute({ x: [-1, 1, Number.NaN, 4] });
  found.notNumbers = [...y].map(Number.isNaN);
}
{
  // a card that has no more memory says so in the scope around what is made
  const { popErrorScope } = globals.GPUDevice.prototype;
  const { destroy } = globals.GPUBuffer.prototype;
  let [isFull, destroyed] = [true, 0];
  globals.GPUDevice.prototype.popErrorScope = async function () {
    const error = await popErrorScope.apply(this);
    const isLast = isFull;
    isFull = false;
    return isLast ? new globals.GPUOutOfMemoryError("no more") : error;
  };
  globals.GPUBuffer.prototype.destroy = function () {
    destroyed++;
    return destroy.apply(this);
  };
  found.full = [await messageOf(() => other.compile(learning())), destroyed > 0];
  // room again, for the plan; then none for what is read back, before a parameter has moved
  const plan = await other.compile(learning());
  const x = draw(384, 5);
  isFull = true;
  found.fullBefore = await messageOf(() => plan.execute({ x }));
  await plan.execute({ x });
  const again = await other.compile(learning());
  await again.execute({ x });
  const [w, same] = [await plan.read("w"), await again.read("w")];
  found.untouched = sameBits({ w }, { w: same });
  globals.GPUDevice.prototype.popErrorScope = popErrorScope;
  globals.GPUBuffer.prototype.destroy = destroy;
}
{
  // so much work that a run is several submits: a signal ends it between two of them
  const b = new GraphBuilder(ops);
  const { add, mul, sum } = arithmetic(b);
  const x = b.input("x", [1, 32, 96, 96]);
  const [w, v] = [b.input("w", [64, 32, 3, 3]), b.input("v", [16, 64, 3, 3])];
  const attrs = { stride: [1, 1], padding: [1, 1], dilation: [1, 1], groups: 1 };
  const y = b.emit("conv2d", { x: b.emit("conv2d", { x, w }, attrs), w: v }, attrs);
  const state = b.parameter("state", [], Float32Array.of(1));
  b.update(state, add(state, mul(sum(y), 0.01)));
  b.output("y", y);
  const feed = { x: draw(32 * 96 * 96, 1), w: draw(64 * 288, 2), v: draw(16 * 576, 3) };
  const plan = await other.compile(b);
  const stop = new AbortController();
  const running = plan.execute(feed, { signal: stop.signal });
  stop.abort(new Error("stopped"));
  found.stopped = [await messageOf(() => running), (await plan.read("state"))[0]];
  const got = await plan.execute(feed, { signal: new AbortController().signal });
  const wasm = await openBackend("wasm", { threads: 1 });
  const same = await wasm.compile(b);
  found.split = worstOf(got, await same.execute(feed)) < 1e-5;
  found.state = Math.abs((await plan.read("state"))[0] / (await same.read("state"))[0] - 1) < 1e-4;
  await wasm.close();
}
{
  // a run that is timed step by step is a run
  const [timed, plain] = [await other.compile(learning()), await other.compile(learning())];
  const x = draw(384, 6);
  const rows = await timed.profile({ x });
  await plain.execute({ x });
  const [w, same] = [await timed.read("w"), await plain.read("w")];
  const areTimes = rows.length === timed.steps.length && rows.every(({ ms }) => ms >= 0);
  found.profiled = [areTimes, rows.some(({ ms }) => ms > 0), sameBits({ w }, { w: same })];
}
{
  const plan = await other.compile(learning());
  await other.close();
  found.closed = await messageOf(() => plan.execute({ x: new Float32Array(384) }));
}
{
  const plan = await gpu.compile(learning());
  found.missing = await messageOf(() => plan.execute({}));
  const stop = new AbortController();
  stop.abort(new Error("stopped"));
  found.aborted = await messageOf(() =>
    plan.execute({ x: new Float32Array(384) }, { signal: stop.signal }),
  );
}
await gpu.close();
console.log(JSON.stringify({ adapter: gpu.adapter, found }));
