// The cost: C = (1/n) ΣC_k, the mean of the samples' own costs.
import { gradientVector, meanSquaredError, nn, openBackend } from "fiducial";

const network = nn.sequential({
  input: [2],
  seed: 3,
  layers: [nn.linear({ outFeatures: 2 }), nn.sigmoid()],
});
const [inputs, targets] = [
  [0, 0, 0, 1, 1, 0],
  [0, 1, 1, 0, 1, 0],
];
const backend = await openBackend("auto");
const cost = async (k: number, n: number): Promise<number> =>
  (
    await gradientVector(network, {
      loss: meanSquaredError(),
      inputs: inputs.slice(2 * k, 2 * (k + n)),
      targets: targets.slice(2 * k, 2 * (k + n)),
      count: n,
      backend,
    })
  ).cost;
const each = [await cost(0, 1), await cost(1, 1), await cost(2, 1)];
console.log(
  "C_k:",
  each.map((c) => c.toFixed(6)).join("  "),
  " mean:",
  (each.reduce((a, b) => a + b) / 3).toFixed(6),
  " C:",
  (await cost(0, 3)).toFixed(6),
);
