// Layers of one's own in a classifier that is trained, saved and loaded again: one without weights,
// which keeps what is above the mean apart from what is below it, and one with weights, by which
// channels are weighed by what they hold (squeeze and excitation).
import { adam, arithmetic, classification, crossEntropy, fit, textLog } from "fiducial";
import { loadNetwork, nn, openBackend, predict, saveNetwork, strokeDigits } from "fiducial";

const antirectifier = nn.defineLayer("antirectifier", {
  apply({ b }, x) {
    const { concat, mean, relu, reshape, sub } = arithmetic(b);
    const middle = reshape(mean(x, [1, 2, 3]), [x.shape[0], 1, 1, 1]);
    return concat([relu(sub(x, middle)), relu(sub(middle, x))], 1);
  },
});
const squeezeExcitation = nn.defineLayer("squeezeExcitation", {
  options: { ratio: nn.option.whole({ default: 4 }) },
  apply({ b, layers }, x, { ratio }) {
    const channels = x.shape[1];
    const weights = layers("weights", x, [
      nn.globalAvgPool2d(),
      nn.conv2d({ outChannels: channels / ratio, kernelSize: 1 }),
      nn.relu(),
      nn.conv2d({ outChannels: channels, kernelSize: 1 }),
      nn.sigmoid(),
    ]);
    return arithmetic(b).mul(x, weights);
  },
});

const network = nn.sequential({
  input: [1, 28, 28],
  seed: 1,
  layers: [
    nn.conv2d({ outChannels: 8, kernelSize: 5, stride: 2 }),
    antirectifier(),
    squeezeExcitation({ ratio: 4 }),
    nn.maxPool2d({ kernelSize: 2 }),
    nn.flatten(),
    nn.linear({ outFeatures: 10 }),
  ],
});
const backend = await openBackend("auto");
const trained = await fit(network, {
  data: classification(strokeDigits({ count: 1000, seed: 1 })),
  validation: classification(strokeDigits({ count: 200, seed: 1_000_001 })),
  loss: crossEntropy(),
  optimizer: adam({ learningRate: 1e-2 }),
  epochs: 3,
  batchSize: 50,
  seed: 1,
  backend,
  on: textLog(console.log),
});
const inputs = new Float32Array(784).fill(0.5);
const [before, after] = [trained, loadNetwork(saveNetwork(trained))].map((n) =>
  predict(n, { inputs, backend }),
);
console.log(`loaded it gives the same: ${(await before).join() === (await after).join()}`);
