// Schedules: the share of the learning rate at a step.
import { ConfigError, cos, PI } from "../../engine/index.ts";

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
  return { name: `stepDecay ${every} ${factor}`, factor: (step) => factor ** Math.floor(step / every) };
}
/**
 * A linear rise over `warmup` (share of all steps), then half a cosine from 1 to 0; after each of
 * `restarts` falls it begins again at 1, for twice as long as before. Source: Loshchilov & Hutter
 * 2017.
 */
export function cosine(options: { warmup?: number; restarts?: number } = {}): Schedule {
  const { warmup = 0, restarts = 0 } = options;
  if (!(warmup >= 0 && warmup < 1)) throw new ConfigError(`cosine: warmup ${warmup} must be in [0, 1)`, { warmup });
  if (!Number.isInteger(restarts) || restarts < 0 || restarts > 20)
    throw new ConfigError(`cosine: restarts ${restarts} must be a whole number from 0 to 20`, { restarts });
  /** In lengths of the first. */
  const falls = 2 ** (restarts + 1) - 1;
  return {
    name: restarts === 0 ? `cosine ${warmup}` : `cosine ${warmup} restarted ${restarts} times`,
    factor(step, steps) {
      const rise = warmup * steps;
      if (step < rise) return (step + 1) / (rise + 1);
      let along = (falls * (step - rise)) / (steps - rise);
      let length = 1;
      while (along >= length && length < (falls + 1) / 2) {
        along -= length;
        length *= 2;
      }
      return 0.5 * (1 + cos((PI * along) / length));
    },
  };
}
/**
 * Up from 1/start to 1, in `peak` of all steps, and down to 1/(start·end) at the last one, both
 * along half a cosine. Source: Smith & Topin 2018; PyTorch's OneCycleLR.
 */
export function oneCycle(options: { peak?: number; start?: number; end?: number } = {}): Schedule {
  const { peak = 0.3, start = 25, end = 1e4 } = options;
  for (const [name, value] of Object.entries({ peak, start, end })) positive(`oneCycle: ${name}`, value);
  if (peak >= 1) throw new ConfigError(`oneCycle: peak ${peak} must be below 1`, { peak });
  const between = (a: number, b: number, t: number): number => b + (a - b) * 0.5 * (1 + cos(PI * t));
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
