// A layer of one's own: channels weighed by what they hold (squeeze and excitation), in a
// classifier that is trained, saved and loaded again.
import { adam, arithmetic, classification, crossEntropy, fit } from "fiducial";
import { loadNetwork, nn, openBackend, predict, saveNetwork, strokeDigits } from "fiducial";

const squeezeExcitation = nn.defineLayer("squeezeExcitation", {
  options: { ratio: nn.option.whole({ default: 4 }) },
  apply({ b, layers }, x, { ratio }) {
    const channels = x.shape[1];
    const [squeeze, excite] = [channels / ratio, channels].map((outChannels) =>
      nn.conv2d({ outChannels, kernelSize: 1 }),
    );
    const weights = layers("weights", x, [
      nn.globalAvgPool2d(),
      squeeze,
      nn.relu(),
      excite,
      nn.sigmoid(),
    ]);
    return arithmetic(b).mul(x, weights);
  },
});
const mish = nn.defineActivation("mish", (b, x) => {
  const softplus = b.emit("log", { x: arithmetic(b).add(b.emit("exp", { x }, {}), 1) }, {});
  return arithmetic(b).mul(x, b.emit("tanh", { x: softplus }, {}));
});

const network = nn.sequential({
  input: [1, 28, 28],
  seed: 1,
  layers: [
    nn.conv2d({ outChannels: 16, kernelSize: 5, stride: 2 }),
    mish(),
    squeezeExcitation({ ratio: 4 }),
    nn.maxPool2d({ kernelSize: 2 }),
    nn.flatten(),
    nn.linear({ outFeatures: 10 }),
  ],
});
const backend = await openBackend("auto");
const test = classification(strokeDigits({ count: 200, seed: 1_000_001 }));
const trained = await fit(network, {
  data: classification(strokeDigits({ count: 1000, seed: 1 })),
  validation: test,
  loss: crossEntropy(),
  optimizer: adam({ learningRate: 5e-3 }),
  epochs: 3,
  batchSize: 50,
  seed: 1,
  backend,
  on: {
    epoch: ({ validation }) =>
      console.log(`accuracy ${(100 * validation!.accuracy!).toFixed(1)} %`),
  },
});
const inputs = new Float32Array(784).fill(0.5);
const [before, after] = [trained, loadNetwork(saveNetwork(trained))].map((n) =>
  predict(n, { inputs, backend }),
);
console.log(`loaded it gives the same: ${(await before).join() === (await after).join()}`);
