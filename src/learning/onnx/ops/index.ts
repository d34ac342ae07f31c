// All ops that are read, by their ONNX names.
import type { Family, OpDefinition } from "../call.ts";
import { activationOps } from "./activations.ts";
import { arithmeticOps, logicOps } from "./arithmetic.ts";
import { controlOps } from "./control.ts";
import { convolutionOps } from "./convolutions.ts";
import { fourierOps } from "./fourier.ts";
import { matrixOps } from "./matrices.ts";
import { movementOps } from "./movement.ts";
import { normalizationOps } from "./normalizations.ts";
import { poolingOps } from "./pooling.ts";
import { quantizationOps } from "./quantization.ts";
import { reductionOps } from "./reductions.ts";
import { resizingOps } from "./resizing.ts";
import { shapeOps } from "./shapes.ts";

const families: readonly Family[] = [
  activationOps,
  arithmeticOps,
  logicOps,
  controlOps,
  convolutionOps,
  fourierOps,
  matrixOps,
  movementOps,
  normalizationOps,
  poolingOps,
  quantizationOps,
  reductionOps,
  resizingOps,
  shapeOps,
];
export const onnxOps: ReadonlyMap<string, OpDefinition> = new Map(families.flatMap((family) => Object.entries(family)));
