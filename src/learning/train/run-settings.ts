// Whether options can train, and all that makes the bits of a run.
import { ConfigError, present, quoted, version, nameOfBackend } from "../../engine/index.ts";
import { edits, near } from "../nn/option-types.ts";
import { checkAlike, examine, type Pause, type Settings } from "./dataset.ts";
import { samplesPerStep } from "./epoch.ts";
import type { FitOptions } from "./fit.ts";
import { describeGroups } from "./groups.ts";
import { smoothFall } from "./schedules.ts";
import { targetFormOf } from "./targets.ts";
import type { TrainingGraph } from "./training-graph.ts";

const isWatched = ({ earlyStopping, plateau, keepBest }: FitOptions): boolean =>
  earlyStopping !== undefined || plateau !== undefined || keepBest === true;

const optionNames: { readonly [K in keyof Required<FitOptions>]: true } = {
  data: true,
  loss: true,
  optimizer: true,
  epochs: true,
  batchSize: true,
  accumulate: true,
  seed: true,
  backend: true,
  schedule: true,
  averageDecay: true,
  groups: true,
  decayed: true,
  validation: true,
  metrics: true,
  monitor: true,
  keepBest: true,
  earlyStopping: true,
  plateau: true,
  resume: true,
  settings: true,
  checkpointEvery: true,
  signal: true,
  on: true,
};
/**
 * Throws ConfigError for a name that is nearly an option's: callers may have others of their own.
 */
function checkNames(options: FitOptions): void {
  const known = Object.keys(optionNames);
  for (const name of Object.keys(options)) {
    if (Object.hasOwn(optionNames, name) || name.length < 5) continue;
    if (known.some((other) => edits(name.toLowerCase(), other.toLowerCase()) <= 2))
      throw new ConfigError(
        `fit: there is no option ${quoted(name)}: ${near(name, known)}`.trim(),
        { name },
      );
  }
}
function checkCounts(options: FitOptions): void {
  const { data, epochs, batchSize, accumulate = 1, checkpointEvery = 1 } = options;
  if (!(epochs >= 1) || !(batchSize >= 1))
    throw new ConfigError(`fit: epochs ${epochs} and batchSize ${batchSize} must be at least 1`, {
      epochs,
      batchSize,
    });
  for (const [name, value] of Object.entries({ accumulate, checkpointEvery }))
    if (!Number.isInteger(value) || value < 1)
      throw new ConfigError(`fit: ${name} ${value} must be a whole number from 1 up`, {
        [name]: value,
      });
  if (samplesPerStep(options) > data.length)
    throw new ConfigError(
      `fit: the batch size ${accumulate > 1 ? `${batchSize}, ${accumulate} of which make an update,` : batchSize} is larger than the set of ${data.length} samples; make it smaller`,
      { batchSize, length: data.length },
    );
}
/** Throws ConfigError or ShapeError for what could not train, before anything is computed. */
export function checkOptions(options: FitOptions): void {
  const { data, validation, loss, metrics = [], monitor = "loss" } = options;
  checkNames(options);
  checkCounts(options);
  if ((isWatched(options) || metrics.length > 0) && !validation)
    throw new ConfigError(
      "fit: earlyStopping, plateau, keepBest and metrics watch the validation loss; give validation data",
      {},
    );
  if (validation) checkAlike(data, validation);
  const accuracy = loss.classes || loss.labels ? ["accuracy"] : [];
  const watchable = ["loss", ...accuracy, ...metrics.map(({ name }) => name)];
  if (!watchable.includes(monitor))
    throw new ConfigError(
      `fit: monitor ${quoted(monitor)}: ${near(monitor, watchable)}there are ${watchable.join(", ")}`,
      { monitor },
    );
}

/**
 * Everything that changes the bits of a run. Throws DtypeError for a sample that cannot be trained
 * on.
 */
export async function settingsOf(
  options: FitOptions,
  { y }: TrainingGraph,
  pause: Pause,
): Promise<Settings> {
  const { data, validation, seed, epochs, batchSize, accumulate = 1, backend } = options;
  const { optimizer, loss, schedule = smoothFall(), averageDecay, groups, decayed } = options;
  const { earlyStopping, plateau, monitor, keepBest } = options;
  const form = targetFormOf(loss, y.shape.slice(1));
  const samples = await examine("training", data, form, pause);
  const tested = validation && (await examine("validation", validation, form, pause));
  return present({
    ...samples.by,
    ...options.settings,
    software: `fiducial ${version}`,
    backend: nameOfBackend(backend),
    seed,
    epochs,
    batchSize,
    samples: data.length,
    data: samples.sha256.slice(0, 16),
    // what is only looked at changes nothing
    validation: isWatched(options) ? tested?.sha256.slice(0, 16) : undefined,
    optimizer: `${optimizer.name} ${JSON.stringify(optimizer.options)}`,
    schedule: schedule.name,
    loss: loss.name,
    earlyStopping: earlyStopping?.patience,
    plateau: plateau && JSON.stringify(plateau),
    monitor: isWatched(options) && monitor !== "loss" ? monitor : undefined,
    keepBest: keepBest ? "yes" : undefined,
    groups: describeGroups(groups),
    decayed: decayed === "weights" ? decayed : undefined,
    accumulate: accumulate > 1 ? accumulate : undefined,
    averageDecay,
  }) as Settings;
}
