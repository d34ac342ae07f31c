// How the classical methods' default λ were chosen: those with the best mean PSNR on held-out
// phantoms under the default problem.
// They are neither the phantoms of the training nor those that an audit generates. Prints a table;
// about two minutes.
import {
  brainPhantoms,
  firenet,
  gaussianNoise,
  inverseProblem,
  magnitude,
  maximum,
  measure,
  openBackend,
  psnr,
  reconstruct,
  subsampledFourier,
  totalVariation,
  variableDensityMask,
  waveletSparsity,
} from "fiducial";

const shape = [128, 128];
const operator = subsampledFourier({
  mask: variableDensityMask({ shape, acceleration: 4, centerFraction: 0.08, seed: 1 }),
});
const problem = inverseProblem({
  operator,
  noise: gaussianNoise({ sigma: 0.01 }),
  images: brainPhantoms({ shape, count: 12, seed: 40_000 }),
});
const backend = await openBackend("auto");
async function score(method) {
  let mean = 0;
  for (let i = 0; i < problem.images.length; i++) {
    const truth = magnitude(problem.images.image(i));
    const y = await measure(problem, { image: i, seed: 1, backend });
    const x = await reconstruct(method, y, operator, backend);
    mean += psnr(truth, magnitude(x), maximum(truth)) / problem.images.length;
  }
  return mean.toFixed(3);
}
console.log("total variation\nlambda  rho/lambda  iterations  mean PSNR, dB");
for (const lambda of [0.0025, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05]) {
  for (const [ratio, iterations] of lambda === 0.015
    ? [
        [2, 60],
        [5, 60],
        [10, 60],
        [5, 30],
        [5, 240],
      ]
    : [[5, 60]]) {
    console.log(
      `${String(lambda).padEnd(8)}${String(ratio).padEnd(12)}${String(iterations).padEnd(12)}${await score(totalVariation({ lambda, iterations, rho: ratio * lambda }))}`,
    );
  }
}
console.log("wavelet sparsity\nlambda  wavelet  levels  mean PSNR, dB");
for (const [wavelet, levels] of [
  ["haar", 4],
  ["haar", 3],
  ["db2", 4],
]) {
  for (const lambda of [0.005, 0.01, 0.02, 0.04])
    console.log(
      `${String(lambda).padEnd(8)}${wavelet.padEnd(9)}${String(levels).padEnd(8)}${await score(waveletSparsity({ lambda, wavelet, levels }))}`,
    );
}
console.log("wavelet sparsity, haar, 4 levels, on a fixed grid\nlambda  iterations  mean PSNR, dB");
for (const [lambda, iterations] of [
  [0.02, 60],
  [0.01, 200],
])
  console.log(
    `${String(lambda).padEnd(8)}${String(iterations).padEnd(12)}${await score(waveletSparsity({ lambda, iterations, spin: false }))}`,
  );
console.log("FIRENET, 5 × 10 steps, haar, 4 levels\nlambda    mean PSNR, dB");
for (const lambda of [0.00025, 0.001, 0.0025, 0.005, 0.01])
  console.log(`${String(lambda).padEnd(10)}${await score(firenet({ lambda }))}`);
