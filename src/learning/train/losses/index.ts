// The losses. What one is: loss.ts.
export { binaryCrossEntropy, binaryFocal } from "./labels.ts";
export { crossEntropy, focal, klDivergence } from "./classes.ts";
export { dice, weightedSum } from "./overlap.ts";
export type { Loss } from "./loss.ts";
export {
  huber,
  meanAbsoluteError,
  meanSquaredError,
  rootMeanSquaredError,
  structuralDissimilarity,
} from "./regression.ts";
