// The public face of learning: networks, and how they are trained, kept and looked at.
export * as nn from "./nn/index.ts";
export {
  crossEntropy,
  huber,
  meanAbsoluteError,
  meanSquaredError,
  rootMeanSquaredError,
  structuralDissimilarity,
  type Loss,
} from "./nn/losses.ts";
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
export { keptGraph, networkFromOnnx, type OnnxLayer, type OnnxNetworkOptions } from "./onnx/layer.ts";
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
export { loadNetwork, loadTraining, saveNetwork, saveTraining, type TrainingState } from "./train/checkpoint.ts";
export { augmented, classification, type Augmentation } from "./train/classification.ts";
export type { Dataset, Settings } from "./train/dataset.ts";
export { compileEvaluation, predict, type Evaluation, type EvaluationOptions } from "./train/evaluate.ts";
export { fit, type Epoch, type FitOptions, type Progress } from "./train/fit.ts";
export type { Forward, Forwarded } from "./train/forward.ts";
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
export { checkGradients, gradientVector, trace, type GradientVector, type Tensor } from "./inspect/trace.ts";
export { boxBlur, filterImage, gaussianBlur, kernels, type KernelImage, type KernelName } from "./nn/kernels.ts";
export { constant, cosine, oneCycle, smoothFall, stepDecay, type Schedule } from "./train/schedules.ts";
export { measureShiftInvariance, receptiveField, type Field, type ShiftInvariance } from "./inspect/receptive-field.ts";
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
