// The public face of learning: networks, and how they are trained, kept and looked at.
export * as nn from "./nn/index.ts";
export { lossPerOutput, type OutputLoss } from "./train/losses/per-output.ts";
export {
  binaryCrossEntropy,
  binaryFocal,
  crossEntropy,
  dice,
  focal,
  huber,
  klDivergence,
  meanAbsoluteError,
  meanSquaredError,
  rootMeanSquaredError,
  structuralDissimilarity,
  weightedSum,
  type Loss,
} from "./train/losses/index.ts";
export {
  applyNetwork,
  parameterShapes,
  type Network,
  type Parameter,
  type Provenance,
  type Trained,
} from "./nn/network.ts";
export {
  identityPhysics,
  type CartesianSampling,
  type FourierConvention,
  type OnLayer,
  type Physics,
} from "./nn/scope.ts";
export { applyOnnx, type AppliedOutput, type ApplyOnnxOptions } from "./onnx/apply.ts";
export { importOnnx, type ImportOptions, type KnownInput, type OnnxModel } from "./onnx/import.ts";
export type { Feed, OnnxBlock, Parts, Taken } from "./onnx/block.ts";
export {
  keptGraph,
  networkFromOnnx,
  type OnnxLayer,
  type OnnxNetworkOptions,
} from "./onnx/layer.ts";
export { readOnnx, readOnnxTensor, type ReadOnnxOptions } from "./onnx/read.ts";
export {
  declaredShape,
  type OnnxFile,
  type OnnxGraph,
  type OnnxNode,
  type OnnxTensor,
  type Port,
} from "./onnx/model.ts";
export {
  onnxRecipeFormat,
  parseOnnxRecipe,
  writeOnnxRecipe,
  type OnnxRecipe,
  type RecipeInput,
} from "./recipe/onnx-recipe.ts";
export { networkFromRecipe, type GivenTensor, type GivenTensors } from "./recipe/open.ts";
export { parseRecipe, recipeFormat, type Recipe } from "./recipe/recipe.ts";
export {
  loadNetwork,
  loadTraining,
  saveNetwork,
  saveTraining,
  type TrainingState,
} from "./train/checkpoint.ts";
export { augmented, type Augmentation } from "./train/augment/augmented.ts";
export type { RandomCrop } from "./train/augment/cropped.ts";
export { mixup } from "./train/augment/mixup.ts";
export type { Colours } from "./train/augment/recoloured.ts";
export { balanced, balancedWeights } from "./train/balance.ts";
export {
  classification,
  samplesFrom,
  segmentation,
  subsetOf,
  type NumberArray,
} from "./train/classification.ts";
export type { Dataset, Settings } from "./train/dataset.ts";
export { classify, prepareImages, topClasses, type ClassScore } from "./predict/classify.ts";
export {
  compilePrediction,
  predict,
  type Prediction,
  type PredictionOptions,
  type PredictOptions,
} from "./predict/compile.ts";
export { featuresOf } from "./predict/features.ts";
export {
  preprocessed,
  preprocessedShape,
  withPreprocessing,
  type Preprocessing,
} from "./predict/preprocessing.ts";
export { preparedFor } from "./predict/samples.ts";
export type { Interpolation, Pixels } from "./predict/resample.ts";
export { pixelsOf, type ImageSource } from "./predict/sources.ts";
export {
  describeWeights,
  loadWeights,
  type LoadWeightsOptions,
  type MatchedWeight,
  type WeightsReport,
} from "./weights/load.ts";
export { resnet18Names, type NameMap, type TorchNames } from "./weights/names.ts";
export { saveStateDict, stateDict } from "./weights/save.ts";
export {
  compileEvaluation,
  evaluate,
  type Evaluation,
  type EvaluationOptions,
} from "./train/evaluate.ts";
export type { ParameterGroup, Share, Shares } from "./train/groups.ts";
export {
  areaUnderCurve,
  f1,
  intersectionOverUnion,
  precision,
  recall,
  topK,
  type Average,
  type CountedOptions,
  type Metric,
  type MetricRun,
  type Scored,
} from "./train/metrics/index.ts";
export { fit, type Epoch, type FitOptions, type Progress } from "./train/fit.ts";
export {
  findLearningRate,
  type RateSearch,
  type RateSearchOptions,
} from "./train/learning-rate.ts";
export {
  csvLog,
  jsonLinesLog,
  textLog,
  together,
  type Listener,
  type LogOptions,
  type WriteText,
} from "./train/logs/log.ts";
export { tensorBoardLog, type WriteBytes } from "./train/logs/tensorboard.ts";
export type { Forward, Forwarded, ForwardUse } from "./train/forward.ts";
export { adam, adamW, clipped, rmsprop, sgd, type Optimizer } from "./train/optimizers.ts";
export { summarize, type LayerSummary, type NetworkSummary } from "./inspect/summary.ts";
export {
  explainDerivatives,
  explainNode,
  type ChainLink,
  type ChainRule,
  type NodeExplanation,
  type NodeTerm,
} from "./inspect/explain.ts";
export {
  checkGradients,
  gradientVector,
  trace,
  type GradientVector,
  type Tensor,
} from "./inspect/trace.ts";
export {
  boxBlur,
  filterImage,
  gaussianBlur,
  kernels,
  type KernelImage,
  type KernelName,
} from "./nn/kernels.ts";
export {
  constant,
  cosine,
  exponentialDecay,
  oneCycle,
  polynomialDecay,
  smoothFall,
  stepDecay,
  warmUp,
  type Schedule,
} from "./train/schedules.ts";
export {
  measureShiftInvariance,
  receptiveField,
  type Field,
  type ShiftInvariance,
} from "./inspect/receptive-field.ts";
export { featureSheet, gradCam, kernelSheet, saliency, type Sheet } from "./inspect/sheet.ts";
export { renderTrainingReport } from "./inspect/training-report.ts";
export { metadataOf } from "./onnx/export/metadata.ts";
export {
  exportGraph,
  exportNetwork,
  type ExportGraphOptions,
  type ExportedOnnx,
  type ExportOnnxOptions,
} from "./onnx/export/index.ts";
