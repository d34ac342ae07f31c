// A classifier in a few lines: hand-drawn digits, which need no download, and LeNet-5.
import { adam, classification, crossEntropy, fit, nn, openBackend, strokeDigits } from "fiducial";

const [train, test] = [
  strokeDigits({ count: 2000, seed: 1 }),
  strokeDigits({ count: 500, seed: 1_000_001 }),
];
await fit(nn.lenet5({ seed: 1 }), {
  data: classification(train),
  validation: classification(test),
  loss: crossEntropy(),
  optimizer: adam({ learningRate: 2e-3 }),
  epochs: 3,
  batchSize: 50,
  seed: 1,
  backend: await openBackend("auto"),
  on: {
    epoch: ({ epoch, trainLoss, validation }) =>
      console.log(
        `epoch ${epoch}: loss ${trainLoss.toFixed(3)}, test accuracy ${(100 * (validation?.accuracy ?? 0)).toFixed(1)} %`,
      ),
  },
});
