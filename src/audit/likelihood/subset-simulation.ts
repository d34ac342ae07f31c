// How likely a rare event is: subset simulation, and plain Monte Carlo to hold it to.
import { ConfigError, exp, log, random } from "../../engine/index.ts";
import { shareInterval95 } from "../intervals.ts";
import { betaQuantile, studentQuantile } from "../quantiles.ts";

/** A probability with a 95 % interval. */
export interface Likelihood {
  readonly probability: number;
  readonly low: number;
  readonly high: number;
  readonly evaluations: number;
  /**
   * The responses that were passed one after the other, each reached by about one in ten of those
   * before; none for plain Monte Carlo.
   */
  readonly levels: readonly number[];
  /** The search ended at its last level, so the probability is an upper bound. */
  readonly bound: boolean;
  /** The normals of the largest response. */
  readonly worst: Float64Array;
}
interface Event {
  /** Independent standard normals behind one response. */
  readonly dimension: number;
  readonly response: (normals: Float64Array) => number | Promise<number>;
  /** The event: response ≥ threshold. */
  readonly threshold: number;
  readonly seed: number;
  /** Awaited after every evaluation. */
  readonly tick?: () => Promise<void> | void;
}

/**
 * Counts. The interval is shareInterval95's, or 0 to 1 for too few samples. Throws ConfigError
 * without samples.
 */
export async function plainMonteCarlo(event: Event & { samples: number }): Promise<Likelihood> {
  const { dimension, response, threshold, samples, tick } = event;
  if (!(samples >= 1)) throw new ConfigError(`plainMonteCarlo: ${samples} samples; it needs at least one`, { samples });
  const rng = random(event.seed);
  let hits = 0;
  let top = Number.NEGATIVE_INFINITY;
  let worst = new Float64Array(dimension);
  for (let i = 0; i < samples; i++) {
    const u = Float64Array.from({ length: dimension }, () => rng.normal());
    const g = await response(u);
    if (g >= threshold) hits++;
    if (g > top) [top, worst] = [g, u];
    await tick?.();
  }
  const { low, high } = shareInterval95(hits, samples) ?? { low: 0, high: 1 };
  return { probability: hits / samples, low, high, evaluations: samples, levels: [], bound: false, worst };
}

/**
 * P(response ≥ threshold) as a product of conditional probabilities of about a tenth, each from
 * Markov chains that start where the level before ended; steps are preconditioned Crank–Nicolson
 * ones, whose length adapts to an acceptance of 0.44, so that thousands of dimensions do no harm.
 * Sources: Au and Beck, Probabilistic Engineering Mechanics 2001; Papaioannou et al., ibid. 2015.
 * Throws ConfigError for fewer than 20 samples a level.
 */
export async function subsetSimulation(event: Event & { samples: number; maxLevels?: number }): Promise<Likelihood> {
  const { dimension, response, threshold, samples, maxLevels = 12, tick } = event;
  if (!(samples >= 20))
    throw new ConfigError(`subsetSimulation: ${samples} samples a level; it needs at least 20`, { samples });
  const rng = random(event.seed);
  const seeds = Math.floor(samples / 10);
  const length = Math.ceil(samples / seeds);
  const normals = (): Float64Array => {
    const u = new Float64Array(dimension);
    for (let k = 0; k < dimension; k++) u[k] = rng.normal();
    return u;
  };
  let evaluations = 0;
  const evaluate = async (u: Float64Array): Promise<number> => {
    evaluations++;
    await tick?.();
    return response(u);
  };
  interface Sample {
    readonly u: Float64Array;
    readonly g: number;
  }
  /** One chain per seed of the level; the first level is chains of one. */
  let chains: Sample[][] = [];
  let met = 0;
  // an event that is not rare needs no levels: as many of them as a level has seeds are enough
  while (chains.length < seeds * length && met < seeds) {
    const u = normals();
    const g = await evaluate(u);
    chains.push([{ u, g }]);
    if (g >= threshold) met++;
  }
  if (met === seeds) {
    const worst = chains.flat().reduce((p, q) => (q.g > p.g ? q : p)).u;
    return { ...inverseShare(met, chains.length), evaluations, levels: [], bound: false, worst };
  }
  const levels: number[] = [];
  let logProbability = 0;
  const uncertainties: Uncertainty[] = [];
  let scale = 0.6;
  for (let level = 0; ; level++) {
    const all = chains.flat().sort((p, q) => q.g - p.g);
    const tenth = all[seeds - 1].g;
    const last = tenth >= threshold || level === maxLevels;
    const at = last ? threshold : tenth;
    const hits = all.filter((s) => s.g >= at).length;
    const share = Math.max(hits, 1) / all.length;
    logProbability += log(share);
    uncertainties.push(uncertaintyOf(chains, at, share));
    if (last) {
      const spread = exp(halfWidth(uncertainties));
      const probability = exp(logProbability);
      return {
        probability,
        low: hits === 0 ? 0 : probability / spread,
        high: Math.min(1, probability * spread),
        evaluations,
        levels,
        bound: hits === 0,
        worst: all[0].u,
      };
    }
    levels.push(tenth);
    const next: Sample[][] = [];
    let [accepted, tried] = [0, 0];
    for (const [i, seed] of all.slice(0, seeds).entries()) {
      const chain = [seed];
      while (chain.length < length) {
        const here = chain[chain.length - 1];
        const step = Math.min(1, scale);
        const kept = Math.sqrt(1 - step * step);
        const u = here.u.map((x) => kept * x + step * rng.normal());
        const g = await evaluate(u);
        tried++;
        if (g >= tenth) accepted++;
        chain.push(g >= tenth ? { u, g } : here);
      }
      next.push(chain);
      // the step adapts between groups of chains
      if ((i + 1) % Math.max(1, Math.floor(seeds / 10)) === 0) {
        scale = Math.min(1, Math.max(1e-3, scale * exp((accepted / tried - 0.44) / Math.sqrt(level + 1))));
        [accepted, tried] = [0, 0];
      }
    }
    chains = next;
  }
}
/**
 * A probability from the number n of independent samples that it took to meet the event k ≥ 2
 * times: (k − 1)/(n − 1), which has no bias (Haldane, Biometrika 1945), and the interval of a
 * waiting time by Jeffreys' prior, whose cover is nearer to 95 % than the exact one's.
 */
export function inverseShare(k: number, n: number): Pick<Likelihood, "probability" | "low" | "high"> {
  const low = betaQuantile(0.025, k, n - k + 0.5);
  const high = n === k ? 1 : betaQuantile(0.975, k, n - k + 0.5);
  return { probability: (k - 1) / (n - 1), low, high };
}
interface Uncertainty {
  /** Relative, of one level's share. */
  readonly variance: number;
  readonly freedom: number;
}
/**
 * Of the share of samples at or above `at`: as many independent ones at the first level; at others
 * from how much the chains' own shares differ, for a chain's samples hang together.
 */
function uncertaintyOf(chains: readonly (readonly { readonly g: number }[])[], at: number, share: number): Uncertainty {
  const own = chains.map((chain) => chain.filter((s) => s.g >= at).length / chain.length);
  const squares = own.reduce((sum, v) => sum + (v - share) ** 2, 0);
  const [n, independent] = [chains.length, (1 - share) / (chains.length * chains[0].length * share)];
  if (chains[0].length === 1) return { variance: independent, freedom: n - 1 };
  return { variance: Math.max(independent, squares / (n * (n - 1) * share ** 2)), freedom: n - 1 };
}
/**
 * Half the width of the logarithm's 95 % interval, by Student's t with Welch's and Satterthwaite's
 * degrees of freedom. Chains share ancestors in the levels before, which the variance does not see:
 * by simulation (scripts/cover.mjs) it grows by about 6 % a level.
 */
function halfWidth(levels: readonly Uncertainty[]): number {
  const variance = levels.reduce((sum, u) => sum + u.variance, 0);
  if (variance === 0) return 0;
  const freedom = variance ** 2 / levels.reduce((sum, u) => sum + u.variance ** 2 / u.freedom, 0);
  const shared = 1 + 0.06 * (levels.length - 1);
  return studentQuantile(0.975, freedom) * Math.sqrt(shared * variance);
}
