// One node: inputs times weights, summed, plus a bias, through an activation.
import { explainNode, nn, openBackend, trace, type Network } from "fiducial";

const fresh = nn.sequential({
  input: [3],
  seed: 0,
  layers: [nn.linear({ outFeatures: 1 }), nn.relu()],
});
const network: Network = {
  ...fresh,
  parameters: new Map([
    ["0.linear.weight", { shape: [1, 3], data: Float32Array.of(0.5, -1, 2) }],
    ["0.linear.bias", { shape: [1], data: Float32Array.of(0.25) }],
  ]),
};
const backend = await openBackend("auto");
const { terms, bias, sum } = await explainNode(network, {
  layer: "0.linear",
  node: [0],
  input: [1, 2, 3],
  backend,
});
console.log(terms.map((t) => `${t.input}·${t.weight}`).join(" + "), "+", bias, "=", sum);
console.log(
  "after ReLU:",
  (await trace(network, { inputs: [1, 2, 3], backend })).get("1.relu")!.data[0],
);
// prints 1·0.5 + 2·-1 + 3·2 + 0.25 = 4.75, and after ReLU: 4.75
