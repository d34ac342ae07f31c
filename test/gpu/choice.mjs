// What "auto" goes by: the trial on the card against wasm's, and against one that is wrong in one
// number; and what it opens here. Prints what it found as JSON.
import { openBackend } from "fiducial/engine";
import { agree, trial } from "../../dist/engine/backend/trial.js";

const [wasm, gpu] = [await openBackend("wasm", { threads: 1 }), await openBackend("webgpu")];
const [own, card] = [await trial(wasm), await trial(gpu)];
const wrong = Object.fromEntries(
  Object.entries(card.outputs).map(([name, values]) => [name, values.slice()]),
);
wrong.weights[17] += 0.01 * Math.max(...wrong.weights);
const nothing = Object.fromEntries(
  Object.entries(card.outputs).map(([name, { length }]) => [name, new Float32Array(length)]),
);
const names = {};
for (const precision of ["reproducible", "fast"]) {
  const chosen = await openBackend("auto", { precision, threads: 1 });
  names[precision] = chosen.name;
  await chosen.close();
}
console.log(
  JSON.stringify({
    adapter: gpu.adapter,
    agrees: agree(own, card),
    wrong: agree(own, { ...card, outputs: wrong }),
    zeros: agree(own, { ...card, outputs: nothing }),
    times: { wasm: own.ms, webgpu: card.ms },
    names,
  }),
);
await gpu.close();
await wasm.close();
