// One step of training: parameters change only after every derivative is known, so the order of the
// layers does not matter.
import {
  gradientVector,
  fit,
  meanSquaredError,
  nn,
  openBackend,
  sgd,
  type Dataset,
} from "fiducial";

const network = nn.sequential({
  input: [2],
  seed: 3,
  layers: [nn.linear({ outFeatures: 3 }), nn.sigmoid(), nn.linear({ outFeatures: 1 })],
});
const sample = { inputs: [0.8, -0.3], targets: [1] };
const data: Dataset = {
  length: 1,
  inputShape: [2],
  targetShape: [1],
  read: (_i, x, t) => {
    x.set(sample.inputs);
    t.set(sample.targets);
  },
};
const backend = await openBackend("reference");
const before = await gradientVector(network, {
  loss: meanSquaredError(),
  ...sample,
  count: 1,
  backend,
});
const after = await fit(network, {
  data,
  loss: meanSquaredError(),
  optimizer: sgd({ learningRate: 0.5 }),
  epochs: 1,
  batchSize: 1,
  seed: 0,
  backend,
});
let worst = 0;
for (const [name, { data: w }] of network.parameters)
  w.forEach((v, i) => {
    worst = Math.max(
      worst,
      Math.abs(
        after.parameters.get(name)!.data[i] - (v - 0.5 * before.parameters.get(name)!.data[i]),
      ),
    );
  });
console.log(
  "every parameter moved by −rate · its derivative at the old parameters, to",
  worst < 1e-6 ? "1e-6" : `${worst}`,
);
if (!(worst < 1e-6)) throw new Error("a parameter was updated too early");
