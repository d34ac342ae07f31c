// Back-propagation: ∂C/∂w = ∂z/∂w · ∂a/∂z · ∂C/∂a, three numbers whose product is the derivative.
import { explainDerivatives, gradientVector, meanSquaredError, nn, openBackend } from "fiducial";

const network = nn.sequential({
  input: [2],
  seed: 3,
  layers: [nn.linear({ outFeatures: 1 }), nn.sigmoid(), nn.linear({ outFeatures: 1 })],
});
const [input, target, loss, backend] = [
  [0.8, -0.3],
  [1],
  meanSquaredError(),
  await openBackend("reference"),
];
const { parameters } = await gradientVector(network, {
  loss,
  inputs: input,
  targets: target,
  count: 1,
  backend,
});
const rules = await explainDerivatives(network, {
  loss,
  layer: "0.linear",
  node: [0],
  input,
  target,
  backend,
});
const whole = [
  ...parameters.get("0.linear.weight")!.data,
  ...parameters.get("0.linear.bias")!.data,
];
for (const [i, { dzdw, through, product }] of rules.entries()) {
  // behind a softmax there would be several nodes to sum over
  const [{ dadz, dCda }] = through;
  const name = i < input.length ? `w${i + 1}` : "b";
  const factors = `∂z/∂w ${dzdw.toFixed(6)} · ∂a/∂z ${dadz.toFixed(6)} · ∂C/∂a ${dCda.toFixed(6)}`;
  console.log(
    `${name}: ${factors} = ${product.toFixed(6)}; the gradient vector says ${whole[i].toFixed(6)}`,
  );
  if (Math.abs(product - whole[i]) > 1e-12) throw new Error("the chain rule does not hold");
}
