// The public face of imaging: how images are measured, made, reconstructed and compared.
export {
  equispacedMask,
  maskFrom,
  maskFromDescription,
  nestedMasks,
  radialMask,
  randomMask,
  variableDensityMask,
  type Mask,
} from "./operators/masks.ts";
export { acquisitionFaults, type Acquisition, type AcquisitionFault } from "./acquisition-faults.ts";
export { applyOperator, dotTest, type Operator } from "./operators/operator.ts";
export { subsampledFourier } from "./operators/subsampled-fourier.ts";
export {
  detailAt,
  detailShapes,
  drawPlace,
  placeDetail,
  type Detail,
  type DetailKind,
  type DetailShape,
  type Inside,
  type Place,
} from "./details.ts";
export {
  compareKinds,
  describeKind,
  imageFeatures,
  type Difference,
  type FeatureName,
  type ImageFeatures,
  type ImageKind,
  type Likeness,
} from "./likeness.ts";
export { magnitude, maximum, nmse, norm, psnr, ssim, ssimGaussian } from "./metrics.ts";
export { fitReconstructor, type FitReconstructorOptions } from "./networks/fit-reconstructor.ts";
export { networkReconstructor, type Form, type Smoothing } from "./networks/network-reconstructor.ts";
export { brainPhantoms, withSmoothPhase, type ImageSet } from "./phantoms/brain.ts";
export { imagesFrom, prepareImage, type Prepared } from "./prepare.ts";
export { ellipsePhantoms } from "./phantoms/ellipses.ts";
export { sheppLogan } from "./phantoms/shepp-logan.ts";
export { gaussianNoise, inverseProblem, measure, type InverseProblem, type Noise } from "./problem.ts";
export { reconstruct, zeroFilled, type Reconstructor } from "./reconstructor.ts";
export { firenet, restartedPrimalDual } from "./solvers/firenet.ts";
export { totalVariation } from "./solvers/total-variation.ts";
export { shrinkDetails, waveletSparsity, type Wavelet } from "./solvers/wavelet-sparsity.ts";
