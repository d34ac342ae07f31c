// Back-propagation: ∂C/∂w = ∂z/∂w · ∂a/∂z · ∂C/∂a, three numbers whose product is the derivative.
import { explainDerivatives, gradientVector, meanSquaredError, nn, openBackend } from "fiducial";

const network = nn.sequential({
  input: [2],
  seed: 3,
  layers: [nn.linear({ outFeatures: 1 }), nn.sigmoid(), nn.linear({ outFeatures: 1 })],
});
const [input, target, loss, backend] = [[0.8, -0.3], [1], meanSquaredError(), await openBackend("reference")];
const { parameters } = await gradientVector(network, { loss, inputs: input, targets: target, count: 1, backend });
for (const [i, { dzdw, dadz, dCda, product }] of (
  await explainDerivatives(network, { loss, layer: "0.linear", node: [0], input, target, backend })
).entries()) {
  const whole = parameters.get("0.linear.weight")!.data[i];
  console.log(
    `w${i + 1}: ∂z/∂w ${dzdw.toFixed(6)} · ∂a/∂z ${dadz.toFixed(6)} · ∂C/∂a ${dCda.toFixed(6)} = ${product.toFixed(6)}; the gradient vector says ${whole.toFixed(6)}`,
  );
  if (Math.abs(product - whole) > 1e-12) throw new Error("the chain rule does not hold");
}
