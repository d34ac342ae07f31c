// Whether this adapter rounds a product and a sum at once: both roundings of a·b + c are known, and
// most numbers tell them apart. And how wide its own numbers are. Prints what it found as JSON.
import { arithmetic, GraphBuilder, openBackend, ops } from "fiducial/engine";
import { draw } from "./cases.mjs";

const gpu = await openBackend("webgpu");
const count = 4096;
const [p, q, r] = [draw(count, 1), draw(count, 2), draw(count, 3)];
const b = new GraphBuilder(ops);
const { add, mul } = arithmetic(b);
const [x, y, z] = ["x", "y", "z"].map((name) => b.input(name, [count]));
b.output("one", add(mul(x, y), z));
// a sum of two products in a loop, as kernels have them
const rows = b.emit("reshape", { x }, { shape: [count / 2, 2] });
const columns = b.emit("reshape", { x: y }, { shape: [2, count / 2] });
b.output(
  "two",
  b.emit("matmul", { a: rows, b: columns }, { transposeA: false, transposeB: false }),
);
b.output("tiny", mul(x, b.scalar(2 ** -126)));
const out = await (await gpu.compile(b)).execute({ x: p, y: q, z: r });

const tally = { apart: 0, once: 0, other: 0 };
for (let i = 0; i < count; i++) {
  const apart = Math.fround(Math.fround(p[i] * q[i]) + r[i]);
  const once = Math.fround(p[i] * q[i] + r[i]);
  if (apart === once) continue;
  tally[out.one[i] === apart ? "apart" : out.one[i] === once ? "once" : "other"]++;
}
const loop = { apart: 0, once: 0, other: 0 };
for (let i = 0; i < count / 2; i++) {
  const [a0, a1, b0, b1] = [p[2 * i], p[2 * i + 1], q[i], q[count / 2 + i]];
  const apart = Math.fround(Math.fround(a0 * b0) + Math.fround(a1 * b1));
  const once = Math.fround(Math.fround(a0 * b0) + a1 * b1);
  if (apart === once) continue;
  const got = out.two[i * (count / 2) + i];
  loop[got === apart ? "apart" : got === once ? "once" : "other"]++;
}
const flushed = out.tiny.every((v, i) => v === 0 || Math.abs(p[i]) >= 1);
console.log(
  JSON.stringify({
    adapter: gpu.adapter,
    expression: tally,
    loop,
    denormals: flushed ? "flushed" : "kept",
  }),
);
await gpu.close();
