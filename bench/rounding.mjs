// How far float32 rounding takes 3×3 and 5×5 convolutions and their gradients from float64, in
// Winograd's and the direct form; and, by simulation, with Winograd's usual points. Writes
// bench/notes/rounding.md.
import { mkdirSync, writeFileSync } from "node:fs";
import { GraphBuilder, arithmetic, gradients, openBackend, ops, random } from "fiducial";

const rms = (want, got) =>
  Math.sqrt(
    want.reduce((s, x, i) => s + (x - got[i]) ** 2, 0) / want.reduce((s, x) => s + x * x, 0),
  );
const draw = (count, seed, scale = 1) => {
  const rng = random(seed);
  return Float32Array.from({ length: count }, () => scale * rng.normal());
};
const [C, K, size] = [64, 32, 24];
/** Maps of a weights' gradient that sums over many: images, channels on both sides, size. */
const [many, few, large] = [4, 8, 200];
async function weightsOfMany(name, R, options) {
  const b = new GraphBuilder(ops);
  const shape = [many, few, large, large];
  const count = many * few * large * large;
  const [x, dy] = [11, 13].map((seed) => b.constant(draw(count, seed), shape));
  const padding = [R >> 1, R >> 1];
  const attrs = { stride: [1, 1], padding, dilation: [1, 1], groups: 1, kernel: [R, R] };
  b.output("dw", b.emit("conv2d_weight_grad", { x, dy }, attrs));
  return (await (await (await openBackend(name, options)).compile(b)).execute()).dw;
}
async function run(name, R, options) {
  const b = new GraphBuilder(ops);
  const f = arithmetic(b);
  const [x, w] = [
    b.parameter("x", [1, C, size, size], draw(C * size * size, 3)),
    b.parameter("w", [K, C, R, R], draw(K * C * R * R, 5, 1 / (8 * R))),
  ];
  const y = b.emit(
    "conv2d",
    { x, w },
    { stride: [1, 1], padding: [R >> 1, R >> 1], dilation: [1, 1], groups: 1 },
  );
  const [dx, dw] = gradients(
    b,
    f.sum(f.mul(y, b.parameter("dy", y.shape, draw(K * size * size, 9)))),
    [x, w],
  );
  for (const [key, value] of Object.entries({ y, dx, dw })) b.output(key, value);
  return (await (await openBackend(name, options)).compile(b)).execute();
}
const rows = [];
for (const R of [3, 5]) {
  const want = await run("reference", R);
  const wantOfMany = await weightsOfMany("reference", R);
  for (const [label, convolution] of [
    ["Winograd", "auto"],
    ["direct", "direct"],
  ]) {
    const got = await run("wasm", R, { convolution });
    const ofMany = await weightsOfMany("wasm", R, { convolution });
    const errors = ["y", "dx", "dw"].map((key) => rms(want[key], got[key]).toExponential(1));
    errors.push(rms(wantOfMany, ofMany).toExponential(1));
    rows.push([`${R}×${R}, ${label}`, ...errors]);
  }
}

/**
 * F(4×4, 3×3) through 0, ±a, ±b, ∞ in float32, one tile of C channels at a time: rms error over
 * rms.
 */
function simulated(a, b) {
  const points = [0, a, -a, b, -b];
  /** p·(x − r), coefficients from x⁰ up. */
  const timesRoot = (p, r) => p.concat(0).map((_, i) => (p[i - 1] ?? 0) - r * (p[i] ?? 0));
  const poly = (roots) => roots.reduce(timesRoot, [1]);
  const A = points.map((p) => [1, p, p * p, p ** 3]).concat([[0, 0, 0, 1]]);
  const G = points
    .map((p) => {
      const n = points.reduce((m, q) => (q === p ? m : m * (p - q)), 1);
      return [1 / n, p / n, (p * p) / n];
    })
    .concat([[0, 0, 1]]);
  const B = points.map((p) => [...poly(points.filter((q) => q !== p)), 0]).concat([poly(points)]);
  const round = Math.fround;
  const times = (M, X) =>
    M.map((row) =>
      X[0].map((_, j) =>
        row.reduce((s, m, k) => (m === 0 ? s : round(s + round(round(m) * X[k][j]))), 0),
      ),
    );
  const turn = (X) => X[0].map((_, j) => X.map((row) => row[j]));
  const both = (M, X) => turn(times(M, turn(times(M, X))));
  const rng = random(1);
  let [error, energy] = [0, 0];
  for (let tile = 0; tile < 60; tile++) {
    const exact = Array.from({ length: 4 }, () => new Float64Array(4));
    const sum = Array.from({ length: 6 }, () => new Array(6).fill(0));
    for (let c = 0; c < C; c++) {
      const [d, g] = [6, 3].map((n) =>
        Array.from({ length: n }, () => Array.from({ length: n }, () => round(rng.normal()))),
      );
      for (let i = 0; i < 4; i++)
        for (let j = 0; j < 4; j++)
          for (let r = 0; r < 3; r++)
            for (let s = 0; s < 3; s++) exact[i][j] += d[i + r][j + s] * g[r][s];
      const [V, U] = [both(B, d), both(G, g)];
      for (let i = 0; i < 6; i++)
        for (let j = 0; j < 6; j++) sum[i][j] = round(sum[i][j] + round(V[i][j] * U[i][j]));
    }
    const Y = both(turn(A), sum);
    for (let i = 0; i < 4; i++)
      for (let j = 0; j < 4; j++) {
        error += (Y[i][j] - exact[i][j]) ** 2;
        energy += exact[i][j] ** 2;
      }
  }
  return Math.sqrt(error / energy).toExponential(1);
}
mkdirSync(new URL("notes/", import.meta.url), { recursive: true });
writeFileSync(
  new URL("notes/rounding.md", import.meta.url),
  `## Rounding
\`node bench/rounding.mjs\`: error over value, root mean squares, of convolutions of ${C} channels to ${K} at ${size}² and of their gradients, against float64; and of the weights' gradient of ${many} images of ${large}², ${few} channels on both sides.

| form | forward | gradient to the image | gradient to the weights | of many pixels |
|---|---:|---:|---:|---:|
${rows.map((r) => `| ${r.join(" | ")} |`).join("\n")}

Simulated for 3×3 with the points 0, ±√½, ±√2, ∞, which are used here: ${simulated(Math.SQRT1_2, Math.SQRT2)}; with the usual 0, ±1, ±2, ∞: ${simulated(1, 2)}.
`,
);
