// Which pixels belong to the disc: a U-Net from noisy pictures to masks.
import { adam, fit, meanSquaredError, nn, openBackend, predict, random, type Dataset } from "fiducial";

const size = 32;
/**
 * Discs brighter than a noisy ground, and their masks; sample i depends on the seed and i alone.
 */
const discs = (length: number, seed: number): Dataset => ({
  length,
  inputShape: [1, size, size],
  targetShape: [1, size, size],
  read(i, picture, mask) {
    const rng = random(seed).fork(i);
    const [row, column, radius] = [8 + 16 * rng.uniform(), 8 + 16 * rng.uniform(), 4 + 6 * rng.uniform()];
    for (let p = 0; p < size * size; p++) {
      const [r, c] = [Math.floor(p / size), p % size];
      mask[p] = (r - row) ** 2 + (c - column) ** 2 < radius ** 2 ? 1 : 0;
      picture[p] = mask[p] + 0.7 * rng.normal();
    }
  },
});

const network = nn.sequential({
  input: [1, size, size],
  seed: 1,
  layers: [nn.unetBlock({ outChannels: 1, baseChannels: 8, depth: 3 }), nn.sigmoid()],
});
const backend = await openBackend("auto");
const trained = await fit(network, {
  data: discs(200, 1),
  loss: meanSquaredError(),
  optimizer: adam({ learningRate: 5e-3 }),
  epochs: 4,
  batchSize: 10,
  seed: 1,
  backend,
  on: { epoch: ({ epoch, trainLoss }) => console.log(`epoch ${epoch}: loss ${trainLoss.toFixed(4)}`) },
});

const test = discs(20, 2);
let [both, either] = [0, 0];
for (let i = 0; i < test.length; i++) {
  const [picture, mask] = [new Float32Array(size * size), new Float32Array(size * size)];
  test.read(i, picture, mask);
  const found = await predict(trained, { inputs: picture, backend });
  mask.forEach((wanted, p) => {
    both += wanted === 1 && found[p] > 0.5 ? 1 : 0;
    either += wanted === 1 || found[p] > 0.5 ? 1 : 0;
  });
}
console.log(`intersection over union ${(both / either).toFixed(3)}`);
