// Every question that the page may ask, by name. One more is a function in calls/ and a line here.
import { about } from "./engine.ts";
import { openOwnNetwork } from "./break/networks.ts";
import { openScan } from "./break/scan.ts";
import { attack } from "./calls/attack.ts";
import { backpropagate, nudge } from "./calls/backprop.ts";
import { channelSums } from "./calls/channels.ts";
import { costsOf } from "./calls/cost.ts";
import { filterPicture } from "./calls/filter.ts";
import { maskFile, sampleKspace } from "./calls/kspace.ts";
import { originOf, traceDigit } from "./calls/layers.ts";
import { learnKernels } from "./calls/learned.ts";
import { activationCurves, oneNode, softmaxOf, twoLayers } from "./calls/node.ts";
import { poolInvariance, poolShift } from "./calls/pool.ts";
import { sweepRates } from "./calls/rates.ts";
import { compareRemedies } from "./calls/remedies.ts";
import { slideKernels } from "./calls/slide.ts";
import { classifyDrawing, exampleOf, prepareTraining, steerTraining, trainNetwork } from "./calls/train.ts";
import { placeTumour, sweepTumours } from "./calls/tumour.ts";
import { openPicture } from "./pictures.ts";

export const calls = {
  about: (_: object) => about(),
  activationCurves,
  attack,
  backpropagate,
  channelSums,
  classifyDrawing,
  compareRemedies,
  costsOf,
  exampleOf,
  filterPicture,
  learnKernels,
  maskFile,
  nudge,
  oneNode,
  openOwnNetwork,
  openPicture,
  openScan,
  originOf,
  placeTumour,
  poolInvariance,
  poolShift,
  prepareTraining,
  sampleKspace,
  slideKernels,
  softmaxOf,
  steerTraining,
  sweepRates,
  sweepTumours,
  traceDigit,
  trainNetwork,
  twoLayers,
};
export type Calls = typeof calls;
