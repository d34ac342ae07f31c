// How accurate the networks that the package brings are beside the classical methods, on phantoms
// and on the slices of files. Prints a table for every set.
// With --below also the images on which the first method is below total variation.
// npm run accuracy -- [--size 128] [--step 8] [--model FILE] [--below] [FILE …]
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { parseArgs } from "node:util";
import {
  brainPhantoms,
  firenet,
  gaussianNoise,
  GraphBuilder,
  imagesFrom,
  inverseProblem,
  isBlank,
  loadNetwork,
  magnitude,
  maximum,
  measure,
  networkReconstructor,
  openBackend,
  ops,
  prepareImage,
  psnr,
  readVolume,
  ssim,
  subsampledFourier,
  totalVariation,
  variableDensityMask,
  waveletSparsity,
  zeroFilled,
} from "fiducial";

const { values, positionals: files } = parseArgs({
  allowPositionals: true,
  options: {
    size: { type: "string", default: "128" },
    step: { type: "string", default: "8" },
    threads: { type: "string", default: "2" },
    model: {
      type: "string",
      multiple: true,
      default: ["weights/cascade-128.safetensors", "weights/unet-128.safetensors"],
    },
    first: { type: "string", default: "20001" },
    below: { type: "boolean", default: false },
  },
});
const size = Number(values.size);
const shape = [size, size];
const backend = await openBackend("wasm", { threads: Number(values.threads) });
// the networks' own mask at 128²; the same law at other sizes
const mask = variableDensityMask({ shape, acceleration: 4, centerFraction: 0.08, seed: 1 });
const operator = subsampledFourier({ mask });
const noise = gaussianNoise({ sigma: 0.01 });
const methods = [
  ...values.model.map((path) =>
    networkReconstructor({ network: loadNetwork(readFileSync(path), path) }),
  ),
  totalVariation({ sigma: noise.sigma }),
  waveletSparsity({ sigma: noise.sigma }),
  firenet({ sigma: noise.sigma }),
  zeroFilled(),
];
const plans = [];
for (const method of methods) {
  const b = new GraphBuilder(ops);
  b.output("x", method.apply(b, b.input("y", [1, ...operator.range]), operator));
  plans.push(await backend.compile(b));
}

/** Every `step`-th slice of a file that is not blank. */
async function slicesOf(path) {
  const volume = readVolume(readFileSync(path), path);
  const from = [volume.height, volume.width];
  const images = [];
  for (let k = 0; k < volume.slices; k += Number(values.step)) {
    const slice = volume.slice(k, { value: 0, count: 0 });
    if (isBlank(slice)) continue;
    const { complex } = volume;
    images.push(
      (await prepareImage(slice, { from, to: shape, complex, backend, name: path })).image,
    );
  }
  return imagesFrom(images, shape);
}

/** By method, PSNR and SSIM; by image, the share of pixels above 5 % of the brightest. */
async function scoresOn(images) {
  const problem = inverseProblem({ operator, noise, images });
  const scores = methods.map(() => ({ psnr: [], ssim: [] }));
  const bright = [];
  for (let image = 0; image < images.length; image++) {
    const truth = magnitude(images.image(image));
    const top = maximum(truth);
    bright.push(truth.filter((v) => v > 0.05 * top).length / truth.length);
    const y = await measure(problem, { image, seed: 1, backend });
    for (const [m, plan] of plans.entries()) {
      const x = magnitude((await plan.execute({ y })).x);
      scores[m].psnr.push(psnr(truth, x, top));
      scores[m].ssim.push(ssim(truth, x, shape, top));
    }
  }
  return { scores, bright };
}
const mean = (list) => list.reduce((a, b) => a + b, 0) / list.length;

async function report(title, images) {
  const { scores, bright } = await scoresOn(images);
  const classical = scores[methods.findIndex(({ name }) => name === "total variation")];
  console.log(`\n${title}: ${images.length} images of ${size}², R = 4`);
  console.log("| method | PSNR, dB | SSIM | above total variation |\n|---|---|---|---|");
  for (const [m, { name }] of methods.entries()) {
    const above = scores[m].psnr.filter((v, k) => v > classical.psnr[k]).length;
    console.log(
      `| ${name} | ${mean(scores[m].psnr).toFixed(2)} | ${mean(scores[m].ssim).toFixed(4)} | ${above} |`,
    );
  }
  if (!values.below) return;
  for (const [k, psnr] of scores[0].psnr.entries())
    if (psnr < classical.psnr[k])
      console.log(
        `image ${k + 1}: ${psnr.toFixed(2)} dB, total variation ${classical.psnr[k].toFixed(2)}; ${(100 * bright[k]).toFixed(1)} % of it bright`,
      );
}

await report("generated heads", brainPhantoms({ shape, count: 12, seed: Number(values.first) }));
for (const path of files) await report(basename(path), await slicesOf(path));
