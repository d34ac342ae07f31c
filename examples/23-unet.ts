// A U-Net as its common implementation for PyTorch has it (64 channels, four levels, batch norm),
// written in layers, trained on pictures and their masks by cross-entropy and Dice together: a
// folder with imgs/ and masks/, a mask by its picture's name → a network in a file.
// node dist/examples/23-unet.js FOLDER [EPOCHS] [SIDE] [CHANNELS]
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { binaryCrossEntropy, clipped, dice, f1, fit, nn, openBackend } from "fiducial";
import { openPictures, permutation, picturesIn, random, rmsprop, saveNetwork } from "fiducial";
import { segmentation, subsetOf, textLog, weightedSum } from "fiducial";

const [folder, epochs = "5", side = "256", channels = "64"] = process.argv.slice(2);
const size = [Number(side), Number(side)] as const;
const open = (part: string, planes: 1 | 3) => {
  const files = picturesIn(readdirSync(`${folder}/${part}`), (name) =>
    readFileSync(`${folder}/${part}/${name}`),
  );
  return openPictures(files, { size, channels: planes });
};
const [images, masks] = await Promise.all([open("imgs", 3), open("masks", 1)]);
const data = segmentation(images, masks);
const order = permutation(data.length, random(0));
const heldOut = Math.floor(data.length / 10);

const convolutions = (outChannels: number): nn.Layer[] =>
  [1, 2].flatMap(() => [
    nn.conv2d({ outChannels, kernelSize: 3, padding: 1, bias: false }),
    nn.batchNorm2d(),
    nn.relu(),
  ]);
/** Beside what goes through, what goes down, is worked on there, and comes up again. */
const level = (outChannels: number, below: number): nn.Layer[] => {
  if (below === 0) return convolutions(outChannels);
  const down = [
    nn.maxPool2d({ kernelSize: 2 }),
    ...level(2 * outChannels, below - 1),
    nn.convTranspose2d({ outChannels, kernelSize: 2, stride: 2 }),
  ];
  const joined = nn.branches({ branches: [[], down] });
  return [...convolutions(outChannels), joined, ...convolutions(outChannels)];
};
const network = nn.sequential({
  input: [3, ...size],
  seed: 1,
  layers: [...level(Number(channels), 4), nn.conv2d({ outChannels: 1, kernelSize: 1 })],
});
const trained = await fit(network, {
  data: subsetOf(data, order.slice(heldOut)),
  validation: subsetOf(data, order.slice(0, heldOut)),
  loss: weightedSum([
    [1, binaryCrossEntropy()],
    [1, dice()],
  ]),
  optimizer: clipped(rmsprop({ learningRate: 1e-3 }), { maxNorm: 1 }),
  metrics: [f1()],
  monitor: "f1",
  plateau: { patience: 5, factor: 0.1 },
  epochs: Number(epochs),
  batchSize: 2,
  seed: 1,
  backend: await openBackend("auto"),
  on: textLog(console.log),
});
writeFileSync(`${folder}/unet.safetensors`, saveNetwork(trained));
images.close();
masks.close();
