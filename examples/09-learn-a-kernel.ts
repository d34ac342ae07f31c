// Learning a kernel: from pairs of images and their vertical edges, a network finds 1 0 −1 by
// itself.
import {
  adam,
  filterImage,
  fit,
  kernels,
  meanSquaredError,
  nn,
  openBackend,
  random,
  type Dataset,
} from "fiducial";

const backend = await openBackend("auto");
const rng = random(1);
const pairs: { image: Float32Array; edges: Float64Array }[] = [];
for (let k = 0; k < 200; k++) {
  const image = Float32Array.from({ length: 64 }, () => rng.uniform());
  pairs.push({
    image,
    edges: (
      await filterImage({ shape: [8, 8], data: image }, { kernel: kernels.verticalEdge, backend })
    ).data,
  });
}
const data: Dataset = {
  length: pairs.length,
  inputShape: [1, 8, 8],
  targetShape: [1, 6, 6],
  read: (i, x, t) => {
    x.set(pairs[i].image);
    t.set(pairs[i].edges);
  },
};
const network = nn.sequential({
  input: [1, 8, 8],
  seed: 1,
  layers: [nn.conv2d({ outChannels: 1, kernelSize: 3, bias: false })],
});
const trained = await fit(network, {
  data,
  loss: meanSquaredError(),
  optimizer: adam({ learningRate: 0.05 }),
  epochs: 20,
  batchSize: 10,
  seed: 1,
  backend,
});
const learned = trained.parameters.get("0.conv2d.weight")!.data;
for (let row = 0; row < 3; row++)
  console.log([...learned.slice(3 * row, 3 * row + 3)].map((v) => v.toFixed(4)).join("  "));
if (learned.some((v, i) => Math.abs(v - kernels.verticalEdge.data[i]) > 1e-3))
  throw new Error("the learned kernel is not 1 0 −1");
