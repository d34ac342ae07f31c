// The options of an audit, and the command line that repeats one.
import { ascentPresets, testDefaults } from "../audit/index.ts";
import { ConfigError } from "../engine/index.ts";
import { commandOptions, readCommand } from "./command-words.ts";
import { classicalNames, imageOptions, lambdaOption, samplingOptions } from "./inputs.ts";
import { modelOptions } from "./models.ts";
import { isCount } from "./operator-inputs.ts";
import {
  choice,
  choices,
  common,
  integer,
  number,
  numbers,
  option,
  text,
  texts,
  wordsOf,
  type Values,
} from "./options.ts";

export const testNames = [
  "ascent",
  "worst-case",
  "invented",
  "details",
  "lost-detail",
  "rates",
  "practice",
  "symmetries",
  "likelihood",
  "certificates",
] as const;
type Preset = keyof typeof ascentPresets;

/** One of `count` parts, from 0. */
export interface Shard {
  readonly index: number;
  readonly count: number;
}
/** "2/3" → the second of three */
function shardOf(given: string, flag: string): Shard {
  const [, i, n] = /^(\d{1,6})\/(\d{1,6})$/.exec(given) ?? [];
  const [index, count] = [Number(i) - 1, Number(n)];
  if (i === undefined || !(index >= 0 && index < count))
    throw new ConfigError(`${flag} ${given}: give I/N, the I-th of N parts, as in 2/3`, {
      shard: given,
    });
  return { index, count };
}
/** Top, left, height and width in pixels. */
function regionOf(given: string, flag: string): readonly [number, number, number, number] {
  const [top, left, height, width, ...more] = given
    .split(",")
    .map((part) => (part.trim() === "" ? NaN : Number(part)));
  if (more.length > 0 || ![top, left, height, width].every((v) => v >= 0 && v <= 1e6))
    throw new ConfigError(`${flag} ${given}: give top,left,height,width in pixels`, {
      region: given,
    });
  return [top, left, height, width];
}

/** What the tests are made from. */
export const testOptions = {
  tests: choices([...testNames, "all"], {
    default: ["ascent", "worst-case"],
    help: "ascent, worst-case, invented (does a trace become a whole structure), details (are small structures lost), lost-detail (a search for one that is), rates (are more samples worse), practice (faults of the acquisition: motion, spikes, lost lines, drift, …), symmetries (does the image do what is done to the measurement: scale, phase, shift), likelihood (of a bad reconstruction under noise and motion), certificates (bounds of the Lipschitz constant), or all",
  }),
  placements: integer({
    default: testDefaults.placements,
    from: 1,
    help: "of every size and contrast of the details, over all images",
  }),
  samples: integer({
    default: testDefaults.samples,
    from: 20,
    help: "of the likelihood, per level of subset simulation",
  }),
  norms: numbers({
    default: testDefaults.relativeNorms,
    from: 1e-6,
    to: 10,
    help: "‖r₁‖, ‖r₂‖, … of the ascent, as shares of ‖x‖",
  }),
  iterations: integer({
    default: testDefaults.steps,
    from: 1,
    help: "steps of the ascent at the largest norm, fewer at the others",
  }),
  preset: choice(Object.keys(ascentPresets) as Preset[], {
    help: `instead: the published ascent for a family of networks, ${Object.keys(ascentPresets).join(", ")}`,
  }),
  domain: choice(["measurement", "image"], {
    value: "WHERE",
    default: "measurement",
    help: "of the worst-case search: perturbs the measurement or the image",
  }),
  norm: choice(["l2", "linf"], {
    default: "l2",
    help: "its ball: l2, or linf, every cell by itself",
  }),
  budgets: numbers({
    default: testDefaults.relativeBudgets,
    from: 1e-6,
    to: 10,
    help: "its radii, as shares of ‖y‖ or ‖x‖, or of their largest cell",
  }),
  region: option({
    value: "T,L,H,W",
    help: "where it wants the image to change, in pixels: top, left, height, width (everywhere)",
    read: regionOf,
  }),
  steps: integer({
    default: testDefaults.steps,
    from: 1,
    help: "its steps at the largest budget, fewer at the others",
  }),
  restarts: integer({
    default: testDefaults.restarts,
    from: 1,
    help: "its random starts, per budget, beside those that it knows",
  }),
  queries: integer({
    from: 1,
    help: "of a program, which has no gradient: queries of ascent, worst-case and invented at the largest budget, fewer at the others (600)",
  }),
  maxLoss: number({
    value: "DB",
    default: testDefaults.maxPsnrLoss,
    from: 1e-6,
    to: 1e3,
    help: "threshold of ascent, worst-case and practice: dB of PSNR",
  }),
  leastRecovery: number({
    value: "SHARE",
    default: testDefaults.leastRecovery,
    from: 1e-3,
    to: 1,
    help: "threshold of details and lost-detail: share of a detail that must come back",
  }),
} as const;
export const failOnOption = {
  failOn: choice(["model", "any"], {
    value: "WHAT",
    help: "exit code 1 when a test fails for the model, or for any method",
  }),
} as const;
export const auditOptions = {
  model: texts({
    value: "FILE",
    help: "checkpoint of the network to audit, and of others to put beside it, or one that the package brings: cascade-128, unet-128, lab-cascade, lab-unet (the embedded cascade and U-Net, 128×128; none with --command)",
  }),
  ...commandOptions,
  ...modelOptions,
  name: text({
    value: "NAME",
    help: "what the report calls the first (its own name, or one by its layers)",
  }),
  kspace: text({
    value: "FILE",
    help: "instead of images: measured k-space, as fiducial reconstruct takes it (of several coils with --operator multi-coil); its truth is not known, so figures stand in the place of verdicts",
  }),
  ...imageOptions,
  ...samplingOptions,
  methods: choices(classicalNames, {
    help: `what stands beside the network: ${classicalNames.join(", ")} (total-variation,zero-filled; wavelet too with --tests all)`,
  }),
  ...testOptions,
  ...lambdaOption,
  out: text({ value: "FOLDER", default: "out", help: "where the report goes" }),
  ...failOnOption,
  shard: option({
    value: "I/N",
    help: "compute only the I-th of N parts of the audit, for fiducial merge to put together",
    read: shardOf,
  }),
  ...common,
} as const;
export type AuditValues = Values<typeof auditOptions>;
type Name = keyof AuditValues;

const files: ReadonlySet<Name> = new Set(["mask", "trajectory", "kspace"]);
/** What the result does not depend on. */
const aside: ReadonlySet<Name> = new Set([
  "out",
  "json",
  "debug",
  "help",
  "failOn",
  "shard",
  "threads",
  "commandTimeout",
  "writeRecipe",
]);

/**
 * The command that repeats this audit. Paths may carry a patient's name, so they are left for the
 * reader to fill in.
 */
export function commandOf(values: AuditValues): string {
  const words = wordsOf(auditOptions, values, (name, word) => {
    if (aside.has(name)) return undefined;
    if (name === "images") return `FILE_${word}`;
    if (name === "command") return `"${readCommand(word).shown}"`;
    if (name === "model") return values.model.length > 1 ? `MODEL_${word}` : "MODEL";
    const isFile = files.has(name) || (name === "coils" && !isCount(word));
    return isFile ? name.toUpperCase() : word;
  });
  // the seed is always said
  const seed = values.seed === auditOptions.seed.default ? [`--seed ${values.seed}`] : [];
  return ["npx fiducial audit", ...words, ...seed].join(" ");
}
