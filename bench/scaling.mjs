// How a plan's time and memory grow with the image: the U-Net of W7 from 32² to 1024², and the
// largest images that 4 GiB hold. Writes bench/notes/scaling.md and docs/images/scaling.svg.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  GraphBuilder,
  nn,
  applyNetwork,
  arithmetic,
  gradients,
  openBackend,
  ops,
} from "../dist/index.js";

const root = new URL("..", import.meta.url).pathname;
const graphOf = (size, training) => {
  const b = new GraphBuilder(ops);
  const f = arithmetic(b);
  const x = b.input("x", [1, 1, size, size]);
  const { y, parameters } = applyNetwork(
    b,
    nn.unet({
      inChannels: 1,
      outChannels: 1,
      baseChannels: 32,
      depth: 4,
      seed: 1,
      size: [size, size],
    }),
    x,
  );
  if (!training) b.output("y", y);
  else {
    const all = [...parameters].map(([, p]) => p);
    gradients(b, f.mean(f.square(y)), all).forEach((g, i) =>
      b.update(all[i], f.sub(all[i], f.mul(g, 1e-3))),
    );
  }
  return b;
};
const backends = {
  kept: await openBackend("wasm", { threads: 1 }),
  recomputed: await openBackend("wasm", { threads: 1, memory: "recomputed" }),
};
const needs = async (size, training, memory) => {
  try {
    return (await backends[memory].compile(graphOf(size, training))).memoryBytes;
  } catch (error) {
    if (error.data?.limit) return error.data.bytes;
    throw error;
  }
};
const rows = [];
for (const size of [32, 64, 128, 256, 512, 1024]) {
  const plan = await backends.kept.compile(graphOf(size, false));
  const feed = { x: new Float32Array(size * size).map((_, i) => Math.sin(i)) };
  const flops = plan.steps.reduce((n, s) => n + s.flops, 0);
  await plan.execute(feed);
  const times = [];
  const until = performance.now() + 3000;
  while (times.length < 3 || (performance.now() < until && times.length < 60)) {
    const begun = performance.now();
    await plan.execute(feed);
    times.push(performance.now() - begun);
  }
  rows.push({
    size,
    ms: times.sort((a, b) => a - b)[times.length >> 1],
    flops,
    inference: plan.memoryBytes,
    training: await needs(size, true, "kept"),
    recomputed: await needs(size, true, "recomputed"),
  });
  console.error(rows.at(-1));
}
/** One 3×3 convolution of c channels to c at 64². */
const channelRows = [];
for (const c of [16, 32, 64, 128, 256]) {
  const b = new GraphBuilder(ops);
  const x = b.parameter("x", [1, c, 64, 64], new Float32Array(c * 4096).fill(0.3));
  const w = b.parameter("w", [c, c, 3, 3], new Float32Array(c * c * 9).fill(0.1));
  b.update(
    b.parameter("y", [1, c, 64, 64], new Float32Array(c * 4096)),
    b.emit("conv2d", { x, w }, { stride: [1, 1], padding: [1, 1], dilation: [1, 1], groups: 1 }),
  );
  const plan = await backends.kept.compile(b);
  const times = [];
  for (const until = performance.now() + 1500; performance.now() < until; ) {
    const begun = performance.now();
    await plan.execute();
    times.push(performance.now() - begun);
  }
  channelRows.push({ c, ms: times.sort((p, q) => p - q)[times.length >> 1] });
}
const channelSlope =
  Math.log(channelRows.at(-1).ms / channelRows[1].ms) /
  Math.log((channelRows.at(-1).c / channelRows[1].c) ** 2);
/** The largest multiple of 16 that fits. */
async function largest(training, memory) {
  let [low, high] = [16, 8192];
  while (high - low > 16) {
    const middle = Math.round((low + high) / 32) * 16;
    if ((await needs(middle, training, memory)) <= 2 ** 32 - 65536) low = middle;
    else high = middle;
  }
  return { low, bytes: await needs(high, training, memory) };
}
const limits = [
  ["inference", await largest(false, "kept")],
  ["training", await largest(true, "kept")],
  ["training, recomputed", await largest(true, "recomputed")],
];
const MiB = (n) => (n / 2 ** 20).toFixed(0);
const slope =
  Math.log(rows.at(-1).ms / rows[2].ms) / Math.log((rows.at(-1).size / rows[2].size) ** 2);
mkdirSync(join(root, "bench/notes"), { recursive: true });
writeFileSync(
  join(root, "bench/notes/scaling.md"),
  `## Scaling
\`node bench/scaling.mjs\`: the U-Net of W7, batch 1, one thread. Time grows with the number of pixels to the power ${slope.toFixed(2)} from 128² to 1024² (theory: 1).

![Time and memory against the image's size](images/scaling.svg)

| size | ms | GFLOP/s | inference, MiB | training, MiB | training, recomputed, MiB |
|---|---:|---:|---:|---:|---:|
${rows.map((r) => `| ${r.size}² | ${r.ms.toFixed(1)} | ${(r.flops / r.ms / 1e6).toFixed(0)} | ${MiB(r.inference)} | ${MiB(r.training)} | ${MiB(r.recomputed)} |`).join("\n")}

One 3×3 convolution at 64², c channels to c: ${channelRows.map(({ c, ms }) => `${c}: ${ms.toFixed(2)} ms`).join(", ")}; from 32 channels on it grows with c² to the power ${channelSlope.toFixed(2)} (theory: 1).

WebAssembly's 4 GiB end here (multiples of 16); one more is refused before anything is computed, with the number of bytes that it needs: ${limits.map(([name, { low, bytes }]) => `${name} ${low}² (${low + 16}² needs ${bytes} bytes)`).join(", ")}.
`,
);
const width = 700;
const [left, top, w, h] = [60, 20, 560, 260];
const x = (size) => left + (Math.log2(size / 32) / 5) * w;
const y = (value) => top + h - (Math.log10(value) / 5) * h;
const line = (values, colour) =>
  `<polyline fill="none" stroke="${colour}" stroke-width="2" points="${rows.map((r) => `${x(r.size).toFixed(1)},${y(values(r)).toFixed(1)}`).join(" ")}"/>${rows.map((r) => `<circle cx="${x(r.size).toFixed(1)}" cy="${y(values(r)).toFixed(1)}" r="3" fill="${colour}"/>`).join("")}`;
const first = rows[2];
writeFileSync(
  join(root, "docs/images/scaling.svg"),
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} 320" font-family="sans-serif" font-size="11" role="img"><title>Time and memory against the image's size</title><rect width="${width}" height="320" fill="#fff"/>
${[1, 10, 100, 1000, 10000, 100000].map((v) => `<line x1="${left}" x2="${left + w}" y1="${y(v)}" y2="${y(v)}" stroke="#ddd"/><text x="${left - 6}" y="${y(v) + 4}" text-anchor="end">${v}</text>`).join("")}
${rows.map((r) => `<text x="${x(r.size)}" y="${top + h + 18}" text-anchor="middle">${r.size}²</text>`).join("")}
<polyline fill="none" stroke="#999" stroke-dasharray="4 4" points="${[32, 1024].map((s) => `${x(s)},${y(first.ms * (s / first.size) ** 2)}`).join(" ")}"/>
${line((r) => r.ms, "#1f6f8b")}${line((r) => r.training / 2 ** 20, "#c2571a")}
<text x="${left + 10}" y="${top + 12}" fill="#1f6f8b">inference, ms</text><text x="${left + 110}" y="${top + 12}" fill="#c2571a">memory of a training step, MiB</text><text x="${left + 300}" y="${top + 12}" fill="#777">proportional to the pixels</text></svg>
`,
);
