// Every question that the page may ask, by name. One more is a function in calls/ and a line here.
import { about, graphicsCard } from "./engine.ts";
import { backpropagate, nudge } from "./calls/backprop.ts";
import { channelSums } from "./calls/channels.ts";
import { costsOf } from "./calls/cost.ts";
import { filterPicture } from "./calls/filter.ts";
import { originOf, traceDigit } from "./calls/layers.ts";
import { learnKernels } from "./calls/learned.ts";
import { activationCurves, oneNode, softmaxOf, twoLayers } from "./calls/node.ts";
import { poolInvariance, poolShift } from "./calls/pool.ts";
import { exerciseSheet } from "./calls/sheet.ts";
import { slideKernels } from "./calls/slide.ts";
import {
  classifyDrawing,
  exampleOf,
  prepareTraining,
  steerTraining,
  trainNetwork,
} from "./calls/train.ts";
import { openPicture } from "./pictures.ts";

type Breaking = typeof import("./calls/break.ts");
type Perform = (asked: unknown, context: unknown) => unknown;
/** One of /break, which is fetched when it is first asked for. */
function later<K extends keyof Breaking>(name: K): Breaking[K] {
  const perform: Perform = async (asked, context) =>
    ((await import("./calls/break.ts"))[name] as Perform)(asked, context);
  return perform as Breaking[K];
}

type Auditing = typeof import("./calls/audit.ts");
/** One of /audit, likewise. */
function muchLater<K extends keyof Auditing>(name: K): Auditing[K] {
  const perform: Perform = async (asked, context) =>
    ((await import("./calls/audit.ts"))[name] as Perform)(asked, context);
  return perform as Auditing[K];
}

export const calls = {
  about: (_: object) => about(),
  activationCurves,
  backpropagate,
  channelSums,
  classifyDrawing,
  costsOf,
  exampleOf,
  exerciseSheet,
  filterPicture,
  graphicsCard,
  learnKernels,
  nudge,
  oneNode,
  openPicture,
  originOf,
  poolInvariance,
  poolShift,
  prepareTraining,
  slideKernels,
  softmaxOf,
  steerTraining,
  traceDigit,
  trainNetwork,
  twoLayers,
  attack: later("attack"),
  compareRemedies: later("compareRemedies"),
  compareResults: muchLater("compareResults"),
  maskFile: later("maskFile"),
  openResult: muchLater("openResult"),
  runAudit: muchLater("runAudit"),
  openOwnNetwork: later("openOwnNetwork"),
  openScan: later("openScan"),
  placeTumour: later("placeTumour"),
  prepareAttack: later("prepareAttack"),
  sampleKspace: later("sampleKspace"),
  sweepRates: later("sweepRates"),
  sweepTumours: later("sweepTumours"),
  trainRemedy: later("trainRemedy"),
};
export type Calls = typeof calls;
