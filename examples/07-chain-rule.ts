// Back-propagation: ∂C/∂w = ∂z/∂w · ∂a/∂z · ∂C/∂a, three numbers whose product is the derivative.
import { gradientVector, meanSquaredError, nn, openBackend } from "fiducial";

const network = nn.sequential({ input: [2], seed: 3, layers: [nn.linear({ outFeatures: 1 }), nn.sigmoid(), nn.linear({ outFeatures: 1 })] });
const inputs = [0.8, -0.3];
const { parameters, activations, values } = await gradientVector(network, { loss: meanSquaredError(), inputs, targets: [1], count: 1, backend: await openBackend("reference") });
const a = values.get("1.sigmoid")!.data[0];
const [dzdw, dadz, dCda] = [inputs[0], a * (1 - a), activations.get("1.sigmoid")!.data[0]];
const whole = parameters.get("0.linear.weight")!.data[0];
console.log(`∂z/∂w ${dzdw.toFixed(6)} · ∂a/∂z ${dadz.toFixed(6)} · ∂C/∂a ${dCda.toFixed(6)} = ${(dzdw * dadz * dCda).toFixed(6)}; the gradient vector says ${whole.toFixed(6)}`);
if (Math.abs(dzdw * dadz * dCda - whole) > 1e-12) throw new Error("the chain rule does not hold");
