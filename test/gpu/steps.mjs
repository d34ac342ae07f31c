// A U-Net's training step, a search's step and the Fourier transform on the card against wasm, each
// twice for its bits. Prints the largest errors over the largest values as JSON.
import { GraphBuilder, openBackend, ops, random } from "fiducial/engine";
import { fit, meanSquaredError, nn, sgd } from "fiducial/learning";
import { compileSearchStep } from "fiducial/audit";
import {
  brainPhantoms,
  gaussianNoise,
  inverseProblem,
  networkReconstructor,
  subsampledFourier,
  variableDensityMask,
} from "fiducial/imaging";
import { draw, sameBits, worstOf } from "./cases.mjs";

const wasm = await openBackend("wasm", { threads: 1 });
const gpu = await openBackend("webgpu");

/** Weights and losses after some steps of a small U-Net. */
async function trained(backend, steps) {
  const noise = (seed, out) => {
    const rng = random(seed);
    for (let i = 0; i < out.length; i++) out[i] = rng.uniform() - 0.5;
  };
  const data = {
    length: 2 * steps,
    inputShape: [1, 16, 16],
    targetShape: [1, 16, 16],
    read: (i, x, t) => {
      noise(i + 5, t);
      for (let j = 0; j < x.length; j++) x[j] = 0.5 * (t[j] + t[(j + 1) % x.length]);
    },
  };
  const losses = [];
  const network = await fit(
    nn.unet({ inChannels: 1, outChannels: 1, baseChannels: 6, depth: 2, seed: 2, size: [16, 16] }),
    {
      data,
      loss: meanSquaredError(),
      optimizer: sgd({ learningRate: 0.05, momentum: 0.9 }),
      epochs: 1,
      batchSize: 2,
      seed: 3,
      backend,
      on: { step: ({ loss }) => void losses.push(loss) },
    },
  );
  const weights = Object.fromEntries(
    [...network.parameters].map(([name, { data }]) => [name, data.slice()]),
  );
  return { ...weights, losses: Float32Array.from(losses) };
}

/** What a search has after some steps, its state kept in the plan. */
async function searched(backend, steps) {
  const shape = [16, 16];
  const mask = variableDensityMask({ shape, acceleration: 2, centerFraction: 0.25, seed: 1 });
  const operator = subsampledFourier({ mask });
  const images = brainPhantoms({ shape, count: 1, seed: 5 });
  const problem = inverseProblem({ operator, noise: gaussianNoise({ sigma: 0.01 }), images });
  const network = nn.unet({
    inChannels: 2,
    outChannels: 2,
    baseChannels: 4,
    depth: 1,
    seed: 2,
    size: shape,
  });
  const options = { domain: "measurement", ball: "l2" };
  const step = await compileSearchStep(
    networkReconstructor({ network }),
    problem,
    options,
    backend,
  );
  const x = images.image(0);
  await step.begin(
    { x, noise: problem.draw(1, 0) },
    { name: "harm", p: x, magnitudes: true },
    draw(512, 9).map((v) => v / 100),
  );
  const sights = [];
  for (let i = 0; i < steps; i++)
    sights.push(await step.advance(0.3, { stepSize: 0.1, momentum: 0.75 }));
  return {
    values: Float64Array.from(sights, ({ value }) => value),
    slopes: Float64Array.from(sights, ({ slope }) => slope),
    best: await step.best(),
  };
}

async function transformed(backend, size) {
  const b = new GraphBuilder(ops);
  b.output("y", b.emit("fft2", { x: b.input("x", [1, 2, size, size]) }, { inverse: false }));
  return (await backend.compile(b)).execute({ x: draw(2 * size * size, 4) });
}

const found = {};
for (const [name, run] of Object.entries({
  "one training step": (backend) => trained(backend, 1),
  "ten training steps": (backend) => trained(backend, 10),
  "one step of a search": (backend) => searched(backend, 1),
  "five steps of a search": (backend) => searched(backend, 5),
  "fft2 of 320×320": (backend) => transformed(backend, 320),
})) {
  const [want, got, again] = [await run(wasm), await run(gpu), await run(gpu)];
  found[name] = { worst: worstOf(got, want), repeats: sameBits(got, again) };
}
console.log(JSON.stringify({ adapter: gpu.adapter, found }));
await gpu.close();
await wasm.close();
