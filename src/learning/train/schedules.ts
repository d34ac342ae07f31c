// Schedules: the share of the learning rate at a step.
import { ConfigError, cos, PI, pow } from "../../engine/index.ts";

export interface Schedule {
  readonly name: string;
  /** At `step` (from 0) of `steps`. */
  factor(step: number, steps: number): number;
}
function positive(name: string, value: number): void {
  if (!(value > 0)) throw new ConfigError(`${name}: ${value} must be positive`, { value });
}
/** Always 1. */
export const constant = (): Schedule => ({ name: "constant", factor: () => 1 });
/** From 1 to 0, level at both ends: 1 − 3t² + 2t³. fit's own. */
export const smoothFall = (): Schedule => ({
  name: "smoothFall",
  factor: (step, steps) => {
    const t = step / steps;
    return 1 - t * t * (3 - 2 * t);
  },
});
/** factor^k after k times `every` steps. */
export function stepDecay(options: { every: number; factor?: number }): Schedule {
  const { every, factor = 0.1 } = options;
  positive("stepDecay: every", every);
  return {
    name: `stepDecay ${every} ${factor}`,
    factor: (step) => factor ** Math.floor(step / every),
  };
}
/** factorᵏ after k steps (PyTorch's ExponentialLR). */
export function exponentialDecay(options: { factor: number }): Schedule {
  const { factor } = options;
  positive("exponentialDecay: factor", factor);
  if (factor > 1)
    throw new ConfigError(`exponentialDecay: factor ${factor} must be at most 1`, { factor });
  return { name: `exponentialDecay ${factor}`, factor: (step) => pow(factor, step) };
}
/** (1 − t)ᵖ, t the share of steps that are done. */
export function polynomialDecay(options: { power?: number } = {}): Schedule {
  const { power = 1 } = options;
  positive("polynomialDecay: power", power);
  return {
    name: `polynomialDecay ${power}`,
    factor: (step, steps) => pow(1 - step / steps, power),
  };
}
/**
 * A linear rise over `warmup` (share of all steps), then half a cosine from 1 to 0; after each of
 * `restarts` falls it begins again at 1, for `growth` times as long as before, twice unless given.
 * Source: Loshchilov & Hutter 2017; PyTorch's CosineAnnealingWarmRestarts, growth being its T_mult.
 */
export function cosine(
  options: { warmup?: number; restarts?: number; growth?: number } = {},
): Schedule {
  const { warmup = 0, restarts = 0, growth = 2 } = options;
  if (!(warmup >= 0 && warmup < 1))
    throw new ConfigError(`cosine: warmup ${warmup} must be in [0, 1)`, { warmup });
  if (!Number.isInteger(restarts) || restarts < 0 || restarts > 20)
    throw new ConfigError(`cosine: restarts ${restarts} must be a whole number from 0 to 20`, {
      restarts,
    });
  if (!(growth >= 1 && growth <= 10))
    throw new ConfigError(`cosine: growth ${growth} must be from 1 to 10`, { growth });
  /** Lengths of the falls, that of the first being 1. */
  const lengths = Array.from({ length: restarts + 1 }, (_, k) => growth ** k);
  const all = lengths.reduce((a, b) => a + b, 0);
  const often = growth === 2 ? "" : ` growing by ${growth}`;
  return {
    name:
      restarts === 0 ? `cosine ${warmup}` : `cosine ${warmup} restarted ${restarts} times${often}`,
    factor(step, steps) {
      const rise = warmup * steps;
      if (step < rise) return (step + 1) / (rise + 1);
      let along = (all * (step - rise)) / (steps - rise);
      let fall = 0;
      while (fall < restarts && along >= lengths[fall]) along -= lengths[fall++];
      return 0.5 * (1 + cos((PI * along) / lengths[fall]));
    },
  };
}
/**
 * A linear rise from `from`, 0 unless given, to 1 over so many steps, and then another schedule
 * over those that are left (PyTorch's LinearLR and SequentialLR). At step k of the rise it is from
 * + (1 − from)·k/steps.
 */
export function warmUp(schedule: Schedule, options: { steps: number; from?: number }): Schedule {
  const { steps: rise, from = 0 } = options;
  if (!Number.isInteger(rise) || rise < 1)
    throw new ConfigError(`warmUp: steps ${rise} must be a whole number from 1 up`, {
      steps: rise,
    });
  if (!(from >= 0 && from <= 1))
    throw new ConfigError(`warmUp: from ${from} must be in [0, 1]`, { from });
  return {
    name: `${schedule.name} after ${rise} steps from ${from}`,
    factor: (step, steps) =>
      step < rise
        ? from + ((1 - from) * step) / rise
        : schedule.factor(step - rise, Math.max(1, steps - rise)),
  };
}
/**
 * Up from 1/start to 1, in `peak` of all steps, and down to 1/(start·end) at the last one, both
 * along half a cosine. Source: Smith & Topin 2018; PyTorch's OneCycleLR.
 */
export function oneCycle(options: { peak?: number; start?: number; end?: number } = {}): Schedule {
  const { peak = 0.3, start = 25, end = 1e4 } = options;
  for (const [name, value] of Object.entries({ peak, start, end }))
    positive(`oneCycle: ${name}`, value);
  if (peak >= 1) throw new ConfigError(`oneCycle: peak ${peak} must be below 1`, { peak });
  const between = (a: number, b: number, t: number): number =>
    b + (a - b) * 0.5 * (1 + cos(PI * t));
  return {
    name: `oneCycle ${peak} ${start} ${end}`,
    factor: (step, steps) => {
      // the first step is at the start, step `top` at the top and the last one at the end
      const top = Math.max(0, peak * steps - 1);
      const last = Math.max(steps - 1, top + 1);
      return step < top
        ? between(1 / start, 1, step / top)
        : between(1, 1 / (start * end), (step - top) / (last - top));
    },
  };
}
