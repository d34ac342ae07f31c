// What an audit's options ask for. The command, its workers and a merge all read them here.
import { gaussianNoise, inverseProblem, networkReconstructor, subsampledFourier } from "../imaging/index.ts";
import {
  ascentPresets,
  badReconstructionLikelihood,
  instabilityAscent,
  inventedDetail,
  lostDetailSearch,
  practicalFaults,
  samplingRates,
  structuralChange,
  worstCasePerturbation,
  type AuditOptions,
  type StabilityTest,
} from "../audit/index.ts";
import type { AuditValues, testNames, testOptions } from "./audit-options.ts";
import { chooseBackend, chooseMask, chooseNoise, classicalMethod, loadImages, loadModel } from "./inputs.ts";
import type { Values } from "./options.ts";
import type { Terminal } from "./terminal.ts";

export type TestValues = Values<typeof testOptions>;
const chosen = ({ tests }: TestValues, name: (typeof testNames)[number]): boolean =>
  tests.includes(name) || tests.includes("all");

/** The tests that the options ask for. */
export function testsOf(options: TestValues): StabilityTest[] {
  const { maxAmplification, maxLoss: maxPsnrLoss, leastRecovery, preset, region } = options;
  const make: Readonly<Record<Exclude<(typeof testNames)[number], "certificates">, () => StabilityTest>> = {
    ascent: () =>
      instabilityAscent({
        maxAmplification,
        ...(preset ? ascentPresets[preset] : { relativeNorms: options.norms, iterations: options.iterations }),
      }),
    "worst-case": () =>
      worstCasePerturbation({
        domain: options.domain,
        ball: options.norm,
        relativeBudgets: options.budgets,
        maxPsnrLoss,
        steps: options.steps,
        restarts: options.restarts,
        ...(region ? { region } : {}),
      }),
    invented: () => inventedDetail(),
    details: () => structuralChange({ placements: options.placements, leastRecovery }),
    "lost-detail": () => lostDetailSearch({ leastShare: leastRecovery }),
    rates: () => samplingRates(),
    practice: () => practicalFaults({ maxPsnrLoss }),
    likelihood: () => badReconstructionLikelihood({ samples: options.samples }),
  };
  return Object.entries(make)
    .filter(([name]) => chosen(options, name as keyof typeof make))
    .map(([, test]) => test());
}

/** Everything that the options ask for. */
export async function setUpAudit(options: AuditValues, terminal: Terminal): Promise<AuditOptions> {
  const tests = testsOf(options);
  const model = loadModel(options.model);
  const operator = subsampledFourier({ mask: chooseMask(options, model, terminal) });
  const noise = gaussianNoise({ sigma: chooseNoise(options, model) });
  const backend = await chooseBackend(options, terminal);
  const { set, records } = await loadImages(options, model.shape, backend, terminal);
  const methods = [
    networkReconstructor({ network: model.network }),
    ...options.methods.map((name) => classicalMethod(name, options)),
  ];
  return {
    problem: inverseProblem({ operator, noise, images: set }),
    methods,
    tests,
    seed: options.seed,
    backend,
    images: records,
    certificates: chosen(options, "certificates"),
  };
}
