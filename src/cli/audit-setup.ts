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
import { ConfigError } from "../engine/index.ts";
import {
  chooseBackend,
  chooseMask,
  chooseNoise,
  classicalMethod,
  classicalNames,
  imageOptions,
  loadImages,
  loadModel,
  samplingOptions,
} from "./inputs.ts";
import { common, type Arguments, type Options } from "./options.ts";
import type { Terminal } from "./terminal.ts";

const testNames = [
  "ascent",
  "worst-case",
  "invented",
  "details",
  "lost-detail",
  "rates",
  "practice",
  "likelihood",
  "certificates",
];

export const auditOptions: Options = {
  model: { value: "FILE", help: "checkpoint of the network to audit (the embedded U-Net, 128×128)" },
  ...imageOptions,
  ...samplingOptions,
  methods: {
    value: "LIST",
    default: "total-variation,zero-filled",
    help: "what stands beside the network: total-variation, wavelet, firenet, zero-filled",
  },
  tests: {
    value: "LIST",
    default: "ascent,worst-case",
    help: "ascent, worst-case, invented (does a trace become a whole structure), details (are small structures lost), lost-detail (a search for one that is), rates (are more samples worse), practice (faults of the acquisition: motion, spikes, lost lines, drift, …), likelihood (of a bad reconstruction under noise and motion), certificates (bounds of the Lipschitz constant), or all",
  },
  placements: { value: "N", default: "20", help: "of every size and contrast of the details, over all images" },
  samples: { value: "N", default: "200", help: "of the likelihood, per level of subset simulation" },
  norms: { value: "LIST", default: "0.01,0.03,0.06", help: "‖r₁‖, ‖r₂‖, … of the ascent, as shares of ‖x‖" },
  iterations: { value: "N", default: "60", help: "steps of the ascent" },
  preset: {
    value: "NAME",
    help: `instead: the published ascent for a family of networks, ${Object.keys(ascentPresets).join(", ")}`,
  },
  domain: {
    value: "WHERE",
    default: "measurement",
    help: "of the worst-case search: perturbs the measurement or the image",
  },
  norm: { value: "NAME", default: "l2", help: "its ball: l2, or linf, every cell by itself" },
  budgets: {
    value: "LIST",
    default: "0.005,0.02,0.05",
    help: "its radii, as shares of ‖y‖ or ‖x‖, or of their largest cell",
  },
  region: {
    value: "T,L,H,W",
    help: "where it wants the image to change, in pixels: top, left, height, width (everywhere)",
  },
  steps: { value: "N", default: "15", help: "its steps, per budget and restart" },
  restarts: { value: "N", default: "5", help: "its starts, per budget" },
  "max-amplification": {
    value: "X",
    default: "3",
    help: "threshold of the ascent: change of the image over the perturbation's norm",
  },
  "max-loss": { value: "DB", default: "3", help: "threshold of worst-case and practice: dB of PSNR" },
  "least-recovery": {
    value: "SHARE",
    default: "0.5",
    help: "threshold of details and lost-detail: share of a detail that must come back",
  },
  lambda: { value: "L", help: "weight of total variation (the tuned one)" },
  out: { value: "FOLDER", default: "out", help: "where the report goes" },
  "fail-on": { value: "WHAT", help: "exit code 1 when a test fails for the model, or for any method" },
  shard: { value: "I/N", help: "compute only the I-th of N parts of the audit, for fiducial merge to put together" },
  ...common,
};
const files = new Set(["model", "images", "mask"]);
/** What the result does not depend on. */
const aside = new Set(["out", "json", "debug", "help", "fail-on", "shard", "threads"]);

/** The options that the tests are made from, without what may carry a patient's name. */
export function recordOf(args: Arguments): Record<string, string> {
  return Object.fromEntries(
    Object.keys(auditOptions)
      .filter((name) => !files.has(name) && !aside.has(name) && args.has(name))
      .map((name) => [name, args.text(name)]),
  );
}

/**
 * The command that repeats this audit. Paths may carry a patient's name, so they are left for the
 * reader to fill in.
 */
export function commandOf(args: Arguments): string {
  const words: string[] = [];
  for (const [name, option] of Object.entries(auditOptions)) {
    if (aside.has(name) || !args.has(name)) continue;
    if (files.has(name))
      (option.multiple ? args.list(name) : [""]).forEach((_, i) =>
        words.push(`--${name} ${option.multiple ? `FILE_${i + 1}` : name.toUpperCase()}`),
      );
    else if (args.text(name) !== option.default || name === "seed") words.push(`--${name} ${args.text(name)}`);
  }
  return `npx fiducial audit ${words.join(" ")}`;
}

const chosen = (args: Arguments, name: string): boolean => {
  const wanted = args.choices("tests", [...testNames, "all"]);
  return wanted.includes(name) || wanted.includes("all");
};

/** The tests that the options ask for. */
export function testsOf(args: Arguments): StabilityTest[] {
  const region = args.has("region") ? args.numbers("region", 0, 1e6) : undefined;
  if (region && region.length !== 4)
    throw new ConfigError(`--region ${args.text("region")}: give top,left,height,width in pixels`, { region });
  const maxAmplification = args.number("max-amplification", 1e-6, 1e6);
  const maxPsnrLoss = args.number("max-loss", 1e-6, 1e3);
  const leastRecovery = args.number("least-recovery", 1e-3, 1);
  const ascent = (): StabilityTest =>
    instabilityAscent({
      maxAmplification,
      ...(args.has("preset")
        ? ascentPresets[args.choice("preset", Object.keys(ascentPresets) as (keyof typeof ascentPresets)[])]
        : { relativeNorms: args.numbers("norms", 1e-6, 10), iterations: args.integer("iterations", 1) }),
    });
  return [
    ...(chosen(args, "ascent") ? [ascent()] : []),
    ...(chosen(args, "worst-case")
      ? [
          worstCasePerturbation({
            domain: args.choice("domain", ["measurement", "image"]),
            ball: args.choice("norm", ["l2", "linf"]),
            relativeBudgets: args.numbers("budgets", 1e-6, 10),
            maxPsnrLoss,
            steps: args.integer("steps", 1),
            restarts: args.integer("restarts", 1),
            ...(region ? { region: [region[0], region[1], region[2], region[3]] } : {}),
          }),
        ]
      : []),
    ...(chosen(args, "invented") ? [inventedDetail()] : []),
    ...(chosen(args, "details")
      ? [structuralChange({ placements: args.integer("placements", 1), leastRecovery })]
      : []),
    ...(chosen(args, "lost-detail") ? [lostDetailSearch({ leastShare: leastRecovery })] : []),
    ...(chosen(args, "rates") ? [samplingRates()] : []),
    ...(chosen(args, "practice") ? [practicalFaults({ maxPsnrLoss })] : []),
    ...(chosen(args, "likelihood") ? [badReconstructionLikelihood({ samples: args.integer("samples", 20) })] : []),
  ];
}

/** Everything that the options ask for. */
export async function setUpAudit(args: Arguments, terminal: Terminal): Promise<AuditOptions> {
  const tests = testsOf(args);
  const model = loadModel(args.optional("model"));
  const operator = subsampledFourier({ mask: chooseMask(args, model, terminal) });
  const noise = gaussianNoise({ sigma: chooseNoise(args, model) });
  const backend = await chooseBackend(args, terminal);
  const { set, records } = await loadImages(args, model.shape, backend, terminal);
  const methods = [
    networkReconstructor({ network: model.network, operator }),
    ...args.choices("methods", classicalNames).map((name) => classicalMethod(name, operator, args, noise.sigma)),
  ];
  return {
    problem: inverseProblem({ operator, noise, images: set }),
    methods,
    tests,
    seed: args.integer("seed", 0),
    backend,
    images: records,
    certificates: chosen(args, "certificates"),
  };
}
