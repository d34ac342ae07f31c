// A million steps of a tiny network on two threads, and 10,000 of a larger one with its memory
// watched. Writes bench/notes/soak.md.
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { GraphBuilder, arithmetic, gradients, openBackend, ops } from "../dist/index.js";

const root = new URL("..", import.meta.url).pathname;
setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc");
const settle = async () => {
  for (let i = 0; i < 3; i++) {
    collect();
    await new Promise((done) => setTimeout(done, 30));
  }
  return process.memoryUsage();
};
const backend = await openBackend("wasm", { threads: 2 });
/** One convolution and its update; `size` decides whether threads share it. */
async function stepping(channels, size) {
  const b = new GraphBuilder(ops);
  const f = arithmetic(b);
  const w = b.parameter(
    "w",
    [channels, channels, 3, 3],
    new Float32Array(channels * channels * 9).map((_, i) => Math.sin(i) / (3 * channels)),
  );
  const x = b.input("x", [1, channels, size, size]);
  const cost = f.mean(
    f.square(
      b.emit("conv2d", { x, w }, { stride: [1, 1], padding: [1, 1], dilation: [1, 1], groups: 1 }),
    ),
  );
  b.update(w, f.sub(w, f.mul(gradients(b, cost, [w])[0], 1e-3)));
  b.output("cost", cost);
  const plan = await backend.compile(b);
  return {
    plan,
    feed: { x: new Float32Array(channels * size * size).map((_, i) => Math.cos(i)) },
    shared: plan.steps.some((s) => s.chunks > 1),
  };
}
const lines = [];
for (const [name, channels, size, steps] of [
  ["tiny", 16, 32, 1_000_000],
  ["larger", 16, 64, 10_000],
]) {
  const { plan, feed, shared } = await stepping(channels, size);
  for (let i = 0; i < 500; i++) await plan.execute(feed);
  const before = await settle();
  const begun = performance.now();
  for (let i = 0; i < steps; i++) {
    await plan.execute(feed);
    if (i % 20_000 === 0) {
      process.stderr.write(`\r${name} ${i} of ${steps}`);
      await new Promise((done) => setImmediate(done));
    }
  }
  const seconds = (performance.now() - begun) / 1e3;
  const after = await settle();
  if (!shared) throw new Error(`${name}: nothing was shared among the threads`);
  const grown =
    (after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers) / 2 ** 20;
  lines.push(
    `- ${steps.toLocaleString("en")} steps of one 3×3 convolution of ${channels} channels at ${size}² with its gradient and update, on two threads: ${seconds.toFixed(0)} s, no hang; heap and buffers ${grown >= 0 ? "+" : ""}${grown.toFixed(2)} MiB, the process ${after.rss >= before.rss ? "+" : ""}${((after.rss - before.rss) / 2 ** 20).toFixed(1)} MiB.`,
  );
}
process.stderr.write("\n");
mkdirSync(join(root, "bench/notes"), { recursive: true });
writeFileSync(
  join(root, "bench/notes/soak.md"),
  `## Soak\n\`node bench/soak.mjs\`\n\n${lines.join("\n")}\n`,
);
console.log(lines.join("\n"));
