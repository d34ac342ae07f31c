// What training says of itself as text: CSV and words for epochs, JSON lines for everything; and
// several listeners as one. Event files for TensorBoard: tensorboard.ts.
import { ConfigError } from "../../../engine/index.ts";
import type { Epoch, FitOptions, Progress } from "../fit.ts";

/** What is told of a run: fit's `on`. */
export type Listener = NonNullable<FitOptions["on"]>;
/** Takes what comes next of a log: appends it to a file, sends it, or keeps it. */
export type WriteText = (text: string) => void | Promise<void>;

export interface LogOptions {
  /** Steps between those that are told; 1 unless given, and 0 for none. */
  readonly every?: number;
}
export function isTold({ step, steps }: Progress, { every = 1 }: LogOptions): boolean {
  return every > 0 && (step % every === 0 || step === steps);
}
export function checkEvery(name: string, { every = 1 }: LogOptions): void {
  if (!Number.isInteger(every) || every < 0)
    throw new ConfigError(`${name}: every ${every} must be a whole number from 0 up`, { every });
}

/** The figures of an epoch by name, as logs call them. */
export function figuresOf({
  learningRate,
  trainLoss,
  trainAccuracy,
  validation,
}: Epoch): Record<string, number> {
  const { loss, accuracy, metrics = {} } = validation ?? {};
  const all: Record<string, number | undefined> = {
    learningRate,
    trainLoss,
    trainAccuracy,
    validationLoss: loss,
    validationAccuracy: accuracy,
    ...metrics,
  };
  return Object.fromEntries(
    Object.entries(all).filter((entry): entry is [string, number] => entry[1] !== undefined),
  );
}

/** A cell of CSV; one of text is quoted where it must be. */
const cell = (value: string | number): string =>
  typeof value === "string" && /[",\r\n]/.test(value)
    ? `"${value.replaceAll('"', '""')}"`
    : String(value);
/**
 * A row of CSV for every epoch: its number, the learning rate, losses, accuracies and metrics. A
 * run that goes on writes no second header.
 */
export function csvLog(write: WriteText): Listener {
  let headed = false;
  const row = (values: readonly (string | number)[]): string => `${values.map(cell).join(",")}\n`;
  return {
    resume: () => {
      headed = true;
    },
    async epoch(e) {
      const figures = figuresOf(e);
      const header = headed ? "" : row(["epoch", ...Object.keys(figures)]);
      headed = true;
      await write(header + row([e.epoch, ...Object.values(figures)]));
    },
  };
}
/**
 * A line of JSON for every step ({"step", "epoch", "loss", "learningRate"}) and for every epoch
 * ({"epoch", "learningRate", "trainLoss", …}). A figure that is no number is null.
 */
export function jsonLinesLog(write: WriteText, options: LogOptions = {}): Listener {
  checkEvery("jsonLinesLog", options);
  return {
    async step(p) {
      const { step, epoch, loss, learningRate } = p;
      if (isTold(p, options))
        await write(`${JSON.stringify({ step, epoch, loss, learningRate })}\n`);
    },
    epoch: (e) => write(`${JSON.stringify({ epoch: e.epoch, ...figuresOf(e) })}\n`),
  };
}

const shares: readonly string[] = ["trainAccuracy", "validationAccuracy"];
/** "trainLoss" is read as "train loss". */
const inWords = (name: string): string =>
  name.replace(/(?<=[a-z])[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
/**
 * A line for people for every epoch, without its end: "epoch 3: train loss 0.1234, train accuracy
 * 96.1 %, …, f1 0.9512". `textLog(console.log)` prints them.
 */
export function textLog(say: WriteText): Listener {
  const shown = ([name, value]: [string, number]): string =>
    shares.includes(name)
      ? `${inWords(name)} ${(100 * value).toFixed(1)} %`
      : `${inWords(name)} ${value.toFixed(4)}`;
  return {
    epoch(e) {
      const { learningRate: _, ...figures } = figuresOf(e);
      return say(`epoch ${e.epoch}: ${Object.entries(figures).map(shown).join(", ")}`);
    },
  };
}

/** Several listeners as one, each told in turn. */
export function together(...listeners: readonly Listener[]): Listener {
  const all = <K extends keyof Listener>(name: K): NonNullable<Listener[K]>[] =>
    listeners.flatMap((listener) => listener[name] ?? []) as NonNullable<Listener[K]>[];
  return {
    resume(step) {
      for (const told of all("resume")) told(step);
    },
    async step(p) {
      for (const told of all("step")) await told(p);
    },
    async epoch(e, current) {
      for (const told of all("epoch")) await told(e, current);
    },
    // only where somebody keeps states: making one reads every weight
    ...(all("checkpoint").length > 0 && {
      async checkpoint(state) {
        for (const told of all("checkpoint")) await told(state);
      },
    }),
  };
}
