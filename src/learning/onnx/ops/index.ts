// All ops that are read, by their ONNX names.
import type { Family, OpDefinition } from "../call.ts";
import { activationOps } from "./activations.ts";
import { arithmeticOps, logicOps } from "./arithmetic.ts";
import { composedOps } from "./composed.ts";
import { controlOps } from "./control.ts";
import { convolutionOps } from "./convolutions.ts";
import { fourierOps } from "./fourier.ts";
import { indexingOps } from "./indexing.ts";
import { matrixOps } from "./matrices.ts";
import { movementOps } from "./movement.ts";
import { normalizationOps } from "./normalizations.ts";
import { poolingOps } from "./pooling.ts";
import { quantizationOps } from "./quantization.ts";
import { quantizedOps } from "./quantized.ts";
import { reductionOps } from "./reductions.ts";
import { resizingOps } from "./resizing.ts";
import { retiredOps } from "./retired.ts";
import { samplingOps } from "./sampling.ts";
import { shapeOps } from "./shapes.ts";
import { trigonometricOps } from "./trigonometry.ts";

const families: readonly Family[] = [
  activationOps,
  arithmeticOps,
  logicOps,
  composedOps,
  controlOps,
  convolutionOps,
  fourierOps,
  indexingOps,
  matrixOps,
  movementOps,
  normalizationOps,
  poolingOps,
  quantizationOps,
  quantizedOps,
  reductionOps,
  resizingOps,
  retiredOps,
  samplingOps,
  shapeOps,
  trigonometricOps,
];
export const onnxOps: ReadonlyMap<string, OpDefinition> = new Map(
  families.flatMap((family) => Object.entries(family)),
);
