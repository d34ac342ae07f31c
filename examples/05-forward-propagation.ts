// Forward propagation: every layer's output by name, from the input to the prediction.
import { nn, openBackend, strokeDigits, trace } from "fiducial";

const digits = strokeDigits({ count: 1, seed: 1 });
const image = new Float32Array(28 * 28);
digits.pixels(0, image);
for (const [name, { shape, data }] of await trace(nn.lenet5({ seed: 1 }), {
  inputs: image,
  backend: await openBackend("auto"),
})) {
  console.log(
    name.padEnd(12),
    shape.slice(1).join("×").padEnd(9),
    `mean ${(data.reduce((a, b) => a + b, 0) / data.length).toFixed(4)}`,
  );
}
