// The bench's tests as plain data: every kind and its options, and the test that a spec names. A
// new test adds its line to `Tests` and to `stabilityTests`.
import {
  acquisitionFaults,
  aList,
  aNumber,
  aWhole,
  checkSpec,
  coilDropOut,
  maybe,
  numbers,
  oneOf,
  aFlag,
  aRecord,
  type AcquisitionFault,
  type Check,
  type Kinds,
} from "../../imaging/index.ts";
import { instabilityAscent, type AscentOptions } from "./instability-ascent.ts";
import { inventedDetail } from "./invented-detail.ts";
import { badReconstructionLikelihood } from "./likelihood.ts";
import { lostDetailSearch } from "./lost-detail-search.ts";
import { practicalFaults } from "./practice.ts";
import { samplingRates } from "./sampling-rates.ts";
import { structuralChange } from "./structural-change.ts";
import { symmetries } from "./symmetries.ts";
import type { StabilityTest } from "./test.ts";
import { worstCasePerturbation, type WorstCaseOptions } from "./worst-case-perturbation.ts";

type OptionsOf<F extends (...args: never[]) => StabilityTest> = Readonly<
  NonNullable<Parameters<F>[0]>
>;
/** Faults of the acquisition stand here by their names. */
export interface Tests {
  instabilityAscent: AscentOptions;
  worstCasePerturbation: WorstCaseOptions;
  inventedDetail: OptionsOf<typeof inventedDetail>;
  structuralChange: OptionsOf<typeof structuralChange>;
  lostDetailSearch: OptionsOf<typeof lostDetailSearch>;
  samplingRates: OptionsOf<typeof samplingRates>;
  practicalFaults: Omit<OptionsOf<typeof practicalFaults>, "faults"> & {
    readonly faults?: readonly string[];
  };
  symmetries: OptionsOf<typeof symmetries>;
  badReconstructionLikelihood: Omit<OptionsOf<typeof badReconstructionLikelihood>, "fault"> & {
    readonly fault?: string;
  };
}
export type TestSpec = { [K in keyof Tests]: { readonly kind: K } & Tests[K] }[keyof Tests];

interface TestDefinition<O> {
  /** What each field of a spec from a file is held to. */
  readonly fields: { readonly [K in keyof Required<O>]: Check };
  open(options: O): StabilityTest;
}
const faults = new Map([...acquisitionFaults, coilDropOut].map((f) => [f.name, f]));
const aFault = oneOf([...faults.keys()]);
const faultOf = (name: string): AcquisitionFault => faults.get(name)!;
const number = maybe(aNumber);
const whole = maybe(aWhole);
const list = maybe(numbers);

/** In the order in which an audit does them. */
export const stabilityTests: { readonly [K in keyof Tests]: TestDefinition<Tests[K]> } = {
  instabilityAscent: {
    fields: {
      relativeNorms: list,
      stops: maybe(aList(aWhole)),
      lambda: number,
      stepSize: number,
      momentum: number,
      start: number,
      iterations: whole,
      queries: whole,
      maximumNorm: number,
      aim: maybe(oneOf(["reconstruction", "truth"])),
      maxPsnrLoss: number,
    },
    open: instabilityAscent,
  },
  worstCasePerturbation: {
    fields: {
      domain: maybe(oneOf(["measurement", "image"])),
      ball: maybe(oneOf(["l2", "linf"])),
      relativeBudgets: list,
      steps: whole,
      restarts: whole,
      queries: whole,
      region: list,
      judgedBudget: number,
      maxPsnrLoss: number,
    },
    open: worstCasePerturbation,
  },
  inventedDetail: {
    fields: {
      radius: number,
      contrast: number,
      budget: number,
      steps: whole,
      restarts: whole,
      queries: whole,
      maxShown: number,
    },
    open: inventedDetail,
  },
  structuralChange: {
    fields: {
      radii: list,
      contrasts: list,
      placements: whole,
      judged: maybe(aRecord({ radius: aNumber, contrast: aNumber })),
      leastRecovery: number,
    },
    open: structuralChange,
  },
  lostDetailSearch: {
    fields: { radius: number, contrast: number, walks: whole, moves: whole, leastShare: number },
    open: lostDetailSearch,
  },
  samplingRates: {
    fields: { factors: list, families: whole, maxPsnrDrop: number },
    open: samplingRates,
  },
  practicalFaults: {
    fields: { draws: whole, maxPsnrLoss: number, maxShare: number, faults: maybe(aList(aFault)) },
    open: ({ faults, ...options }) =>
      practicalFaults({ ...options, ...(faults ? { faults: faults.map(faultOf) } : {}) }),
  },
  symmetries: { fields: { factors: list, degrees: list, maxShare: number }, open: symmetries },
  badReconstructionLikelihood: {
    fields: {
      fault: maybe(aFault),
      psnrLoss: number,
      maxProbability: number,
      samples: whole,
      maxLevels: whole,
      plain: maybe(aFlag),
    },
    open: ({ fault, ...options }) =>
      badReconstructionLikelihood({
        ...options,
        ...(fault === undefined ? {} : { fault: faultOf(fault) }),
      }),
  },
};
const kinds: Kinds = Object.fromEntries(
  Object.entries(stabilityTests).map(([kind, { fields }]) => [kind, fields]),
);

/** Throws FormatError for a value that is no TestSpec. */
export const aTest: Check = (value, where) => checkSpec(value, where, kinds);
/** The test that a spec names. Throws ConfigError for options out of range. */
export function openTest({ kind, ...options }: TestSpec): StabilityTest {
  return (stabilityTests[kind] as TestDefinition<object>).open(options);
}
