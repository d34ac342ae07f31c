// W9 on fft.js: one-dimensional and for powers of two only, so rows, transposed, and rows again.
import { createRequire } from "node:module";
import { measure, settings } from "../measure.mjs";
import { absoluteSum, workloads } from "../workloads.mjs";

const FFT = createRequire(new URL("../peers/package.json", import.meta.url))("fft.js");
const { size, re, im } = workloads[settings.workload];
const transform = new FFT(size);
const [input, half, out, row] = [2 * size * size, 2 * size * size, 2 * size * size, 2 * size].map(
  (n) => new Float64Array(n),
);
const [real, imaginary] = [re(), im()];
for (let i = 0; i < size * size; i++) input.set([real[i], imaginary[i]], 2 * i);
const rows = (from, to) => {
  for (let y = 0; y < size; y++) {
    transform.transform(row, from.subarray(2 * y * size, 2 * (y + 1) * size));
    for (let x = 0; x < size; x++) {
      to[2 * (x * size + y)] = row[2 * x];
      to[2 * (x * size + y) + 1] = row[2 * x + 1];
    }
  }
};
await measure(
  "fft.js",
  () => {
    rows(input, half);
    rows(half, out);
    return out;
  },
  absoluteSum,
);
