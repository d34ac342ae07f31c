// MNIST, the network and schedule of PyTorch's basic example, with Adam: a folder of
// IDX files → a trained network in a file.
// node dist/examples/12-mnist.js FOLDER [EPOCHS]
import { readFileSync, writeFileSync } from "node:fs";
import { adam, classification, crossEntropy, fit, stepDecay, textLog } from "fiducial";
import { nn, openBackend, readIdxSet, saveNetwork } from "fiducial";

const [folder, epochs = "3"] = process.argv.slice(2);
const read = (name: string): Uint8Array => readFileSync(`${folder}/${name}-ubyte.gz`);
const [train, test] = ["train", "t10k"].map((name) =>
  classification(readIdxSet(read(`${name}-images-idx3`), read(`${name}-labels-idx1`), { name })),
);
const network = nn.sequential({
  input: [1, 28, 28],
  seed: 1,
  layers: [
    nn.conv2d({ outChannels: 32, kernelSize: 3 }),
    nn.relu(),
    nn.conv2d({ outChannels: 64, kernelSize: 3 }),
    nn.relu(),
    nn.maxPool2d({ kernelSize: 2 }),
    nn.dropout({ probability: 0.25 }),
    nn.flatten(),
    nn.linear({ outFeatures: 128 }),
    nn.relu(),
    nn.dropout({ probability: 0.5 }),
    nn.linear({ outFeatures: 10 }),
  ],
});
const trained = await fit(network, {
  data: train,
  validation: test,
  loss: crossEntropy(),
  optimizer: adam({ learningRate: 1e-3 }),
  schedule: stepDecay({ every: Math.floor(train.length / 64), factor: 0.7 }),
  epochs: Number(epochs),
  batchSize: 64,
  seed: 1,
  backend: await openBackend("auto"),
  on: textLog(console.log),
});
writeFileSync(`${folder}/mnist.safetensors`, saveNetwork(trained));
