// Transfer learning as PyTorch's tutorial has it: pictures of a few classes (FOLDER/train/CLASS,
// FOLDER/val/CLASS), torchvision's ResNet-18 (FOLDER/resnet18.safetensors), once trained as a whole
// and once with all but its head frozen → the classes of a picture.
// node dist/examples/22-fine-tuning.js FOLDER PICTURE [EPOCHS] [SIDE]
import { readdirSync, readFileSync } from "node:fs";
import { augmented, classify, crossEntropy, fit, loadTensors, loadWeights, nn } from "fiducial";
import { openBackend, openPictures, picturesIn, preparedFor, readPicture } from "fiducial";
import { resnet18Names, sgd, stepDecay, textLog, withPreprocessing } from "fiducial";

const [folder, picture, epochs = "25", side = "224"] = process.argv.slice(2);
const [crop, resize] = [Number(side), Math.round((Number(side) * 256) / 224)];
const preprocessing = { crop, mean: [0.485, 0.456, 0.406], deviation: [0.229, 0.224, 0.225] };
const open = (part: string) => {
  const paths = readdirSync(`${folder}/${part}`, { recursive: true, encoding: "utf8" });
  const files = picturesIn(paths, (path) => readFileSync(`${folder}/${part}/${path}`));
  return openPictures(files, { size: [resize, resize], channels: 3 });
};
const [train, val] = await Promise.all([open("train"), open("val")]);

const file = `${folder}/resnet18.safetensors`;
const resnet = nn.resnet18({ seed: 0, input: [3, crop, crop] });
const tensors = await loadTensors(readFileSync(file), file);
const { network: pretrained } = loadWeights(resnet, tensors, { names: resnet18Names, file });
const head = nn.sequential({
  input: [512],
  seed: 1,
  layers: [nn.linear({ outFeatures: train.classes.length })],
});
const whole = nn.chained([nn.firstLayers(pretrained, "21.flatten"), head]);
const network = withPreprocessing(whole, { ...preprocessing, resize }, train.classes);

const options = {
  data: augmented(preparedFor(network, train), { crop: {}, flip: true, seed: 1 }),
  validation: preparedFor(network, val),
  loss: crossEntropy(),
  optimizer: sgd({ learningRate: 1e-3, momentum: 0.9 }),
  schedule: stepDecay({ every: 7 * Math.floor(train.length / 4) }),
  monitor: "accuracy",
  keepBest: true,
  epochs: Number(epochs),
  batchSize: 4,
  seed: 1,
  backend: await openBackend("auto"),
  on: textLog(console.log),
};
console.log("all of it:");
await fit(network, options);
console.log("its head alone:");
const groups = [{ of: "22.linear" }, { of: "*", frozen: true }];
const trained = await fit(network, { ...options, groups });
const images = [readPicture(readFileSync(picture), picture)];
const [[likeliest]] = await classify(trained, { images, backend: options.backend });
console.log(`${likeliest.name}: ${(100 * likeliest.probability).toFixed(1)} %`);
train.close();
val.close();
