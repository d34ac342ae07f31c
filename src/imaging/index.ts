// The public face of imaging: how images are measured, made, reconstructed and compared.
export {
  equispacedMask,
  maskFrom,
  fullMask,
  maskFromKspace,
  nestedMasks,
  radialMask,
  randomMask,
  variableDensityMask,
  type Mask,
} from "./operators/masks.ts";
export {
  shifted,
  type LowestFrequency,
  type SampledCells,
  type SamplingFacts,
  type SamplingOptions,
} from "./operators/sampled-cells.ts";
export {
  acquisitionFaults,
  coilDropOut,
  type Acquisition,
  type AcquisitionFault,
} from "./acquisition-faults.ts";
export {
  applyOperator,
  dotTest,
  lacking,
  type Frequencies,
  type Operator,
  type Requirement,
  type Sampling,
} from "./operators/operator.ts";
export type { OperatorDefinition, Operators, OperatorSpec } from "./operators/catalogue.ts";
export {
  openOperator,
  operators,
  parseOperatorSpec,
  specOfDescription,
} from "./operators/index.ts";
export { describeMask, openMask, type MaskKinds, type MaskSpec } from "./operators/mask-spec.ts";
export {
  aHash,
  aNumber,
  arrayHash,
  arrayOf,
  aShape,
  canonical,
  check,
  checkSpec,
  type Arrays,
  type Check,
  type Kinds,
} from "./operators/spec.ts";
export { aFlag, aList, aMap, aRecord, aText, aWhole, maybe, numbers, oneOf } from "./checks.ts";
export {
  aMethod,
  methods,
  networksByHash,
  openMethod,
  type CommandOptions,
  type Methods,
  type MethodSpec,
  type MethodsGiven,
  type Networks,
  type RunProgram,
} from "./methods.ts";
export { importedClassifier } from "./networks/imported-classifier.ts";
export { importedNetwork, type Imported, type ImportedOptions } from "./networks/imported.ts";
export { describeRecipe } from "./networks/imported-ports.ts";
export { atImageSize } from "./networks/resize.ts";
export {
  birdcageCoils,
  coilsFrom,
  openCoils,
  type CoilKinds,
  type Coils,
  type CoilsSpec,
} from "./operators/coils.ts";
export {
  espirit,
  espiritPresets,
  type EspiritOptions,
  type Sensitivities,
} from "./operators/espirit.ts";
export { fanBeam, type FanBeam } from "./operators/fan-beam.ts";
export { ramp } from "./operators/filtered-back-projection.ts";
export type { Lines } from "./operators/lines.ts";
export { multiCoilFourier } from "./operators/multi-coil-fourier.ts";
export { nonUniformFourier, type NonUniformFourier } from "./operators/non-uniform-fourier.ts";
export { normalOf } from "./operators/toeplitz.ts";
export {
  openTrajectory,
  trajectoryFrom,
  type TrajectoryKinds,
  type TrajectorySpec,
} from "./operators/trajectories.ts";
export { parallelBeam, type ParallelBeam } from "./operators/parallel-beam.ts";
export { subsampledFourier, type CartesianOperator } from "./operators/subsampled-fourier.ts";
export { uncentredFourier } from "./operators/uncentred-fourier.ts";
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
  parseKinds,
  imageFeatures,
  type Unlikeness,
  type FeatureName,
  type ImageFeatures,
  type ImageKind,
  type Likeness,
} from "./likeness.ts";
export { magnitude, maximum, nmse, norm, psnr, ssim, ssimGaussian } from "./metrics.ts";
export { fitReconstructor, type FitReconstructorOptions } from "./networks/fit-reconstructor.ts";
export {
  exportReconstructor,
  needsMeasurement,
  type ExportReconstructorOptions,
} from "./networks/export-reconstructor.ts";
export { automap, automapArchitecture, type AutomapOptions } from "./networks/automap.ts";
export { dagan, daganArchitecture, daganLoss, type DaganOptions } from "./networks/dagan.ts";
export { deepCascade, type DeepCascadeOptions } from "./networks/deep-cascade.ts";
export {
  reconstructionNetworks,
  type BuildOptions,
  type ReconstructionNetwork,
  type ReconstructionNetworkName,
} from "./networks/families.ts";
export {
  calibrationColumns,
  fastMriUnet,
  fastMriUnetArchitecture,
  varNet,
  varNetArchitecture,
  type FastMriOptions,
  type VarNetOptions,
} from "./networks/fastmri-networks.ts";
export {
  fbpConvNet,
  fbpConvNetArchitecture,
  type FbpConvNetOptions,
} from "./networks/fbpconvnet.ts";
export { istaNet, istaNetArchitecture, type IstaNetOptions } from "./networks/ista-net.ts";
export { modl, modlArchitecture, type ModlOptions } from "./networks/modl.ts";
export {
  variationalNetwork,
  variationalNetworkArchitecture,
  type VariationalNetworkOptions,
} from "./networks/variational-network.ts";
export {
  networkHash,
  formOf,
  networkReconstructor,
  type Form,
  type Smoothing,
} from "./networks/network-reconstructor.ts";
export { trainedOperator } from "./networks/trained-operator.ts";
export { brainPhantoms, withSmoothPhase, type ImageSet } from "./phantoms/brain.ts";
export { imagesFrom, isBlank, prepareImage, type Prepared } from "./prepare.ts";
export { deadLeaves } from "./phantoms/dead-leaves.ts";
export { analyticEllipses } from "./phantoms/analytic-ellipses.ts";
export { besselJ1 } from "./phantoms/bessel.ts";
export { measureEllipses, rasterOf, type Ellipse } from "./phantoms/continuous.ts";
export { ellipsePhantoms } from "./phantoms/ellipses.ts";
export { variedParts, variedPhantoms } from "./phantoms/varied.ts";
export { sheppLogan } from "./phantoms/shepp-logan.ts";
export {
  besideModel,
  gaussianNoise,
  inverseProblem,
  measure,
  type InverseProblem,
  type Noise,
} from "./problem.ts";
export { inGroups, openReconstruct, reconstruct, type Reconstruct } from "./reconstruct.ts";
export {
  hasGraph,
  misfit,
  zeroFilled,
  type BlackBox,
  type LipschitzBound,
  type MadeFor,
  type Method,
  type Reconstructor,
} from "./reconstructor.ts";
export { conjugateGradient } from "./solvers/conjugate-gradient.ts";
export { filteredBackProjection } from "./solvers/filtered-back-projection.ts";
export {
  firenet,
  restartedPrimalDual,
  type Penalty,
  type RestartOptions,
} from "./solvers/firenet.ts";
export { haarAdjoint, haarDetails, type Details } from "./solvers/undecimated-haar.ts";
export { totalVariation } from "./solvers/total-variation.ts";
export { shrinkDetails, waveletSparsity, type Wavelet } from "./solvers/wavelet-sparsity.ts";
export { tunedWeight, type TunedWeight } from "./solvers/tuned.ts";
