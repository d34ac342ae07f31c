// A segmentation U-Net: masks of bright discs in noise, by cross-entropy and Dice together, judged
// by intersection over union.
import {
  adam,
  binaryCrossEntropy,
  dice,
  fit,
  intersectionOverUnion,
  nn,
  openBackend,
  random,
  weightedSum,
  type Dataset,
} from "fiducial";

const SIDE = 32;
const discs = (length: number, seed: number): Dataset => ({
  length,
  inputShape: [1, SIDE, SIDE],
  targetShape: [1, SIDE, SIDE],
  read(i, image, mask) {
    const rng = random(seed).fork(i);
    const [x, y, r] = [8 + rng.integer(16), 8 + rng.integer(16), 4 + rng.integer(5)];
    for (let k = 0; k < image.length; k++) {
      mask[k] = ((k % SIDE) - x) ** 2 + (Math.floor(k / SIDE) - y) ** 2 <= r * r ? 1 : 0;
      image[k] = 0.8 * mask[k] + 0.5 * rng.normal();
    }
  },
});
await fit(
  nn.unet({
    inChannels: 1,
    outChannels: 1,
    baseChannels: 8,
    depth: 2,
    seed: 1,
    size: [SIDE, SIDE],
  }),
  {
    data: discs(160, 1),
    validation: discs(40, 2),
    loss: weightedSum([
      [1, binaryCrossEntropy()],
      [1, dice()],
    ]),
    metrics: [intersectionOverUnion()],
    monitor: "intersectionOverUnion",
    keepBest: true,
    optimizer: adam({ learningRate: 5e-3 }),
    epochs: 5,
    batchSize: 8,
    seed: 1,
    backend: await openBackend("auto"),
    on: {
      epoch: ({ epoch, trainLoss, validation }) =>
        console.log(
          `epoch ${epoch}: loss ${trainLoss.toFixed(3)}, IoU ${validation!.metrics!.intersectionOverUnion.toFixed(3)}`,
        ),
    },
  },
);
