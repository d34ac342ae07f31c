// CIFAR-10, the network and optimiser of PyTorch's "Training a classifier": a folder of its binary
// batches → a network in a file, and, read from there, its accuracy for every class.
// node dist/examples/13-cifar10.js FOLDER [EPOCHS]
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { classification, constant, crossEntropy, evaluate, fit, loadNetwork } from "fiducial";
import { nn, openBackend, readCifar10, saveNetwork, sgd, textLog } from "fiducial";

const [folder, epochs = "2"] = process.argv.slice(2);
const [train, test] = [/^data_batch/, /^test_batch/].map((kind) => {
  const names = readdirSync(folder).filter((name) => kind.test(name));
  return readCifar10(
    names.map((name) => readFileSync(`${folder}/${name}`)),
    folder,
  );
});
const network = nn.sequential({
  input: [3, 32, 32],
  seed: 1,
  layers: [
    nn.conv2d({ outChannels: 6, kernelSize: 5 }),
    nn.relu(),
    nn.maxPool2d({ kernelSize: 2 }),
    nn.conv2d({ outChannels: 16, kernelSize: 5 }),
    nn.relu(),
    nn.maxPool2d({ kernelSize: 2 }),
    nn.flatten(),
    nn.linear({ outFeatures: 120 }),
    nn.relu(),
    nn.linear({ outFeatures: 84 }),
    nn.relu(),
    nn.linear({ outFeatures: 10 }),
  ],
});
const common = { loss: crossEntropy(), batchSize: 4, backend: await openBackend("auto") };
const trained = await fit(network, {
  ...common,
  data: classification(train),
  optimizer: sgd({ learningRate: 1e-3, momentum: 0.9 }),
  schedule: constant(),
  epochs: Number(epochs),
  seed: 1,
  on: textLog(console.log),
});
const file = `${folder}/cifar10.safetensors`;
writeFileSync(file, saveNetwork(trained));

const loaded = loadNetwork(readFileSync(file));
const { accuracy, confusion } = await evaluate(loaded, { ...common, data: classification(test) });
console.log(`accuracy of ${test.length} test images: ${(100 * accuracy!).toFixed(1)} %`);
test.classes.forEach((name, c) => {
  const all = confusion![c].reduce((a, b) => a + b);
  if (all > 0) console.log(`accuracy of ${name}: ${((100 * confusion![c][c]) / all).toFixed(1)} %`);
});
