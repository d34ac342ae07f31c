// Every op's samples, and shapes drawn at random, on the card against the definitions in float64;
// every one run twice, in two plans, for its bits. Prints what it found as JSON.
import {
  arithmetic,
  GraphBuilder,
  gradients,
  openBackend,
  ops,
  random,
  sizeOf,
} from "fiducial/engine";
import { draw, sameBits, worstOf } from "./cases.mjs";

// [cases whose names begin so] [card]: with the kernels of a card on a processor that plays one
const [only, asCard] = process.argv.slice(2);
if (asCard) {
  const { globals } = await import("webgpu");
  Object.defineProperty(globals.GPUAdapterInfo.prototype, "isFallbackAdapter", {
    get: () => false,
  });
}
const [reference, gpu] = [await openBackend("reference"), await openBackend("webgpu")];

async function compare(b, feed) {
  const want = await (await reference.compile(b)).execute(feed);
  const got = await (await gpu.compile(b)).execute(feed);
  const again = await (await gpu.compile(b)).execute(feed);
  return { worst: worstOf(got, want), repeats: sameBits(got, again) };
}

/** One op on one sample, its inputs drawn. */
function sampleCase(op, { shapes, attrs, positive }) {
  const b = new GraphBuilder(ops);
  const [inputs, feed] = [{}, {}];
  Object.entries(shapes).forEach(([name, shape], i) => {
    inputs[name] = b.input(name, shape);
    feed[name] = draw(sizeOf(shape), 17 * i + 3, { positive });
  });
  b.output("y", b.emit(op, inputs, attrs));
  return { b, feed };
}

/** A convolution with what is fused behind it, and both its gradients. */
function convolutionCase(rng) {
  const from = (low, high) => low + rng.integer(high - low + 1);
  const groups = from(1, 2);
  const [n, c, k, r, s] = [from(1, 2), from(1, 5), from(1, 6), from(1, 4), from(1, 4)];
  const pair = (low, high) => [from(low, high), from(low, high)];
  const attrs = { stride: pair(1, 3), padding: pair(0, 3), dilation: pair(1, 2), groups };
  const size = [0, 1].map(
    (axis) => Math.max(1, attrs.dilation[axis] * ([r, s][axis] - 1) + 1) + from(0, 8),
  );
  const b = new GraphBuilder(ops);
  const a = arithmetic(b);
  const x = b.input("x", [n, c * groups, ...size]);
  const w = b.input("w", [k * groups, c, r, s]);
  const bias = b.input("bias", [1, k * groups, 1, 1]);
  const y = a.relu(a.add(b.emit("conv2d", { x, w }, attrs), bias));
  b.output("y", y);
  gradients(b, a.sum(a.square(y)), [x, w, bias]).forEach((g, i) => b.output(`d${i}`, g));
  const feed = Object.fromEntries(
    [x, w, bias].map((v, i) => [["x", "w", "bias"][i], draw(sizeOf(v.shape), i + 1)]),
  );
  return { b, feed };
}

function fourierCase([h, w], inverse) {
  const b = new GraphBuilder(ops);
  b.output("y", b.emit("fft2", { x: b.input("x", [2, h, w]) }, { inverse }));
  return { b, feed: { x: draw(2 * h * w, h) } };
}

/** Sums and normalisation so long that several workgroups share them, and a long product. */
function longCases() {
  const reduced = ["sum", "reduce_max"].map((op) => {
    const b = new GraphBuilder(ops);
    b.output("y", b.emit(op, { x: b.input("x", [3, 20000]) }, { axes: [1] }));
    return { b, feed: { x: draw(60000, 1) } };
  });
  const normalized = (() => {
    const b = new GraphBuilder(ops);
    const [x, dy] = [b.input("x", [2, 2, 70, 80]), b.input("dy", [2, 2, 70, 80])];
    const scale = b.input("scale", [1, 2, 1, 1]);
    const attrs = { axes: [0, 2, 3], epsilon: 1e-5 };
    b.output("y", arithmetic(b).mul(b.emit("normalize", { x }, attrs), scale));
    b.output("g", b.emit("normalize_grad", { dy, x }, attrs));
    return { b, feed: { x: draw(22400, 2), dy: draw(22400, 3), scale: draw(2, 4) } };
  })();
  const product = (() => {
    const b = new GraphBuilder(ops);
    const [p, q] = [b.input("p", [5, 3000]), b.input("q", [3000, 7])];
    const y = b.emit("matmul", { a: p, b: q }, { transposeA: false, transposeB: false });
    b.output("y", arithmetic(b).relu(y));
    return { b, feed: { p: draw(15000, 5), q: draw(21000, 6) } };
  })();
  // more workgroups than one axis of a dispatch holds
  const many = (() => {
    const b = new GraphBuilder(ops);
    b.output("y", b.emit("neg", { x: b.input("x", [65535 * 64 + 100]) }, {}));
    b.output("sums", b.emit("sum", { x: b.input("rows", [65600, 33]) }, { axes: [1] }));
    return { b, feed: { x: draw(65535 * 64 + 100, 8), rows: draw(65600 * 33, 9) } };
  })();
  return [...reduced, normalized, product, many];
}

/** Products that a card carries through shared memory, and that are no multiples of its tiles. */
function tiledCases() {
  const attrs = { stride: [1, 1], padding: [1, 1], dilation: [1, 1], groups: 1 };
  const convolutions = [
    { c: 5, k: 34, attrs },
    { c: 33, k: 70, size: [9, 11], attrs },
    { c: 24, k: 26, taps: [5, 2], attrs: { ...attrs, stride: [2, 3], dilation: [2, 1] } },
    { c: 30, k: 27, attrs: { ...attrs, padding: [0, 2], groups: 2 } },
    // by transformed windows, forwards and back
    { c: 33, k: 40, size: [19, 18], attrs },
    { c: 64, k: 65, size: [18, 21], attrs: { ...attrs, padding: [0, 3] } },
  ].map(({ c, k, size = [17, 13], taps = [3, 3], attrs }) => {
    const b = new GraphBuilder(ops);
    const a = arithmetic(b);
    const x = b.input("x", [2, c * attrs.groups, ...size]);
    const w = b.input("w", [k * attrs.groups, c, ...taps]);
    const bias = b.input("bias", [1, k * attrs.groups, 1, 1]);
    const y = a.relu(a.add(b.emit("conv2d", { x, w }, attrs), bias));
    b.output("y", y);
    gradients(b, a.sum(a.square(y)), [x, w]).forEach((g, i) => b.output(`d${i}`, g));
    const feed = { x: draw(sizeOf(x.shape), 1), w: draw(sizeOf(w.shape), 2) };
    return { b, feed: { ...feed, bias: draw(k * attrs.groups, 3) } };
  });
  const products = [0, 1, 2, 3].map((number) => {
    const [transposeA, transposeB] = [number % 2 === 1, number > 1];
    const b = new GraphBuilder(ops);
    const p = b.input("p", transposeA ? [333, 67] : [67, 333]);
    const q = b.input("q", transposeB ? [150, 333] : [333, 150]);
    const y = b.emit("matmul", { a: p, b: q }, { transposeA, transposeB });
    b.output("y", arithmetic(b).relu(y));
    return { b, feed: { p: draw(67 * 333, 4), q: draw(150 * 333, 5) } };
  });
  return [...convolutions, ...products];
}

/** What no sample has: nothing summed, one value under two names, constants that are not finite. */
function oddCases() {
  const nothing = (() => {
    const b = new GraphBuilder(ops);
    b.output("y", b.emit("sum", { x: b.input("x", [2, 0]) }, { axes: [1] }));
    return { b, feed: { x: new Float32Array(0) } };
  })();
  const twice = (() => {
    const b = new GraphBuilder(ops);
    const x = b.input("x", [4, 6]);
    const flat = b.emit("reshape", { x }, { shape: [6, 4] });
    const options = { transposeA: false, transposeB: false };
    b.output("y", b.emit("matmul", { a: x, b: flat }, options));
    return { b, feed: { x: draw(24, 7) } };
  })();
  const bounded = (() => {
    const b = new GraphBuilder(ops);
    const x = b.input("x", [9]);
    const floor = b.emit("maximum", { a: x, b: b.scalar(Number.NEGATIVE_INFINITY) }, {});
    b.output("y", b.emit("minimum", { a: floor, b: b.scalar(Number.POSITIVE_INFINITY) }, {}));
    b.output("tiny", b.emit("mul", { a: x, b: b.scalar(1e-30) }, {}));
    return { b, feed: { x: draw(9, 8) } };
  })();
  return [nothing, twice, bounded];
}

const cases = [];
for (const [op, { samples }] of Object.entries(ops))
  for (const [i, sample] of samples.entries())
    cases.push({ name: `${op} ${i}`, make: () => sampleCase(op, sample) });
const rng = random(1);
for (let i = 0; i < 8; i++)
  cases.push({ name: `convolution, drawn ${i}`, make: () => convolutionCase(rng) });
for (const size of [
  [1, 1],
  [4, 7],
  [13, 30],
  [67, 5],
  [3, 134],
  [1, 2200],
  [2200, 2],
])
  cases.push({ name: `fft2 of ${size}`, make: () => fourierCase(size, size[0] > 5) });
longCases().forEach((made, i) => cases.push({ name: `long ${i}`, make: () => made }));
tiledCases().forEach((made, i) => cases.push({ name: `tiled ${i}`, make: () => made }));
oddCases().forEach((made, i) => cases.push({ name: `odd ${i}`, make: () => made }));

const found = [];
for (const { name, make } of cases.filter((c) => !only || c.name.startsWith(only))) {
  const { b, feed } = make();
  try {
    found.push({ name, ...(await compare(b, feed)) });
  } catch (error) {
    found.push({ name, worst: null, repeats: false, error: error.message });
  }
}
console.log(JSON.stringify({ adapter: gpu.adapter, found }));
await gpu.close();
