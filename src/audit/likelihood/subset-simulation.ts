// How likely a rare event is: subset simulation, and plain Monte Carlo to hold it to.
import { ConfigError, exp, log, random, type Random } from "../../engine/index.ts";
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
  /** The same of several, where `together` of them are best asked about at once. */
  readonly responses?: (normals: readonly Float64Array[]) => Promise<number[]>;
  readonly together?: number;
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
  const { dimension, threshold, samples, together = 1 } = event;
  if (!(samples >= 1))
    throw new ConfigError(`plainMonteCarlo: ${samples} samples; it needs at least one`, {
      samples,
    });
  const sampler = samplerOf(event, random(event.seed));
  let hits = 0;
  let top = Number.NEGATIVE_INFINITY;
  let worst: Float64Array = new Float64Array(dimension);
  for (let i = 0; i < samples; i += together) {
    const drawn = Array.from({ length: Math.min(together, samples - i) }, () => sampler.draw());
    for (const { u, g } of await sampler.evaluate(drawn)) {
      if (g >= threshold) hits++;
      if (g > top) [top, worst] = [g, u];
    }
  }
  const { low, high } = shareInterval95(hits, samples) ?? { low: 0, high: 1 };
  return {
    probability: hits / samples,
    low,
    high,
    evaluations: samples,
    levels: [],
    bound: false,
    worst,
  };
}

/**
 * P(response ≥ threshold) as a product of conditional probabilities of about a tenth, each from
 * Markov chains that start where the level before ended; steps are preconditioned Crank–Nicolson
 * ones, whose length adapts to an acceptance of 0.44, so that thousands of dimensions do no harm.
 * Sources: Au and Beck, Probabilistic Engineering Mechanics 2001; Papaioannou et al., ibid. 2015.
 * Throws ConfigError for fewer than 20 samples a level.
 */
export async function subsetSimulation(
  event: Event & { samples: number; maxLevels?: number },
): Promise<Likelihood> {
  const { threshold, samples, maxLevels = 12, seed } = event;
  if (!(samples >= 20))
    throw new ConfigError(`subsetSimulation: ${samples} samples a level; it needs at least 20`, {
      samples,
    });
  const seeds = Math.floor(samples / 10);
  const length = Math.ceil(samples / seeds);
  const sampler = samplerOf(event, random(seed));
  // an event that is not rare needs no levels: as many of them as a level has seeds are enough
  const { together = 1 } = event;
  let chains = await independent(sampler, {
    most: seeds * length,
    wanted: seeds,
    threshold,
    together,
  });
  const met = chains.filter(([{ g }]) => g >= threshold).length;
  if (met === seeds) {
    const share = inverseShare(met, chains.length);
    return {
      ...share,
      evaluations: sampler.evaluations(),
      levels: [],
      bound: false,
      worst: worstOf(chains),
    };
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
        evaluations: sampler.evaluations(),
        levels,
        bound: hits === 0,
        worst: all[0].u,
      };
    }
    levels.push(tenth);
    const next = await chainsFrom(sampler, all.slice(0, seeds), {
      above: tenth,
      length,
      scale,
      level,
    });
    [chains, scale] = [next.chains, next.scale];
  }
}

interface Sample {
  readonly u: Float64Array;
  readonly g: number;
}
type Chain = readonly Sample[];
const worstOf = (chains: readonly Chain[]): Float64Array =>
  chains.flat().reduce((p, q) => (q.g > p.g ? q : p)).u;

interface Sampler {
  readonly rng: Random;
  /** Independent standard normals. */
  draw(): Float64Array;
  evaluate(us: readonly Float64Array[]): Promise<Sample[]>;
  evaluations(): number;
}
function samplerOf({ dimension, response, responses, tick }: Event, rng: Random): Sampler {
  let evaluations = 0;
  return {
    rng,
    draw() {
      const u = new Float64Array(dimension);
      for (let k = 0; k < dimension; k++) u[k] = rng.normal();
      return u;
    },
    async evaluate(us) {
      const values = responses ? await responses(us) : [];
      const samples: Sample[] = [];
      for (const [k, u] of us.entries()) {
        evaluations++;
        await tick?.();
        samples.push({ u, g: responses ? values[k] : await response(u) });
      }
      return samples;
    },
    evaluations: () => evaluations,
  };
}

interface Counted {
  readonly most: number;
  readonly wanted: number;
  readonly threshold: number;
  readonly together: number;
}
/**
 * Independent samples as chains of one, until `wanted` of them met the event; what of a group came
 * after the last of these is no sample.
 */
async function independent(
  sampler: Sampler,
  { most, wanted, threshold, together }: Counted,
): Promise<Chain[]> {
  const chains: Chain[] = [];
  for (let met = 0; chains.length < most && met < wanted; ) {
    const drawn = Array.from({ length: Math.min(together, most - chains.length) }, () =>
      sampler.draw(),
    );
    for (const sample of await sampler.evaluate(drawn)) {
      if (met === wanted) break;
      chains.push([sample]);
      if (sample.g >= threshold) met++;
    }
  }
  return chains;
}

interface Level {
  /** Chains stay at responses from here on. */
  readonly above: number;
  readonly length: number;
  /** Of the steps, in (0, 1]. */
  readonly scale: number;
  /** How many there were before. */
  readonly level: number;
}
/** A Markov chain from every seed; the steps' scale adapts between groups of chains. */
async function chainsFrom(
  { rng, evaluate }: Sampler,
  seeds: readonly Sample[],
  { above, length, scale: begin, level }: Level,
): Promise<{ chains: Chain[]; scale: number }> {
  const chains: Chain[] = [];
  const group = Math.max(1, Math.floor(seeds.length / 10));
  let scale = begin;
  let [accepted, tried] = [0, 0];
  for (const [i, seed] of seeds.entries()) {
    const chain = [seed];
    while (chain.length < length) {
      const here = chain[chain.length - 1];
      const step = Math.min(1, scale);
      const kept = Math.sqrt(1 - step * step);
      const [next] = await evaluate([here.u.map((x) => kept * x + step * rng.normal())]);
      tried++;
      if (next.g >= above) accepted++;
      chain.push(next.g >= above ? next : here);
    }
    chains.push(chain);
    if ((i + 1) % group === 0) {
      scale = Math.min(
        1,
        Math.max(1e-3, scale * exp((accepted / tried - 0.44) / Math.sqrt(level + 1))),
      );
      [accepted, tried] = [0, 0];
    }
  }
  return { chains, scale };
}

/**
 * A probability from the number n of independent samples that it took to meet the event k ≥ 2
 * times: (k − 1)/(n − 1), which has no bias (Haldane, Biometrika 1945), and Clopper and Pearson's
 * interval of a waiting time, at a level of 6.5 %: 93.5 % at the least, about 95.4 on the mean.
 */
export function inverseShare(
  k: number,
  n: number,
): Pick<Likelihood, "probability" | "low" | "high"> {
  const low = betaQuantile(WAITING_LEVEL / 2, k, n - k + 1);
  const high = n === k ? 1 : betaQuantile(1 - WAITING_LEVEL / 2, k, n - k);
  return { probability: (k - 1) / (n - 1), low, high };
}
const WAITING_LEVEL = 0.065;
interface Uncertainty {
  /** Relative, of one level's share. */
  readonly variance: number;
  readonly freedom: number;
}
/**
 * Of the share of samples at or above `at`: as many independent ones at the first level; at others
 * from how much the chains' own shares differ, for a chain's samples hang together.
 */
function uncertaintyOf(
  chains: readonly (readonly { readonly g: number }[])[],
  at: number,
  share: number,
): Uncertainty {
  const own = chains.map((chain) => chain.filter((s) => s.g >= at).length / chain.length);
  const squares = own.reduce((sum, v) => sum + (v - share) ** 2, 0);
  const [n, independent] = [
    chains.length,
    (1 - share) / (chains.length * chains[0].length * share),
  ];
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
