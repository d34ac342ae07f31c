// Samples blended with one another.
import { ConfigError, exp, log, random, type Random } from "../../../engine/index.ts";
import type { Dataset } from "../dataset.ts";

/** Standard gamma of shape a > 0, by Marsaglia & Tsang 2000. */
function gamma(a: number, rng: Random): number {
  if (a < 1) return gamma(a + 1, rng) * exp(log(1 - rng.uniform()) / a);
  const d = a - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = rng.normal();
    const v = (1 + c * x) ** 3;
    if (v > 0 && log(1 - rng.uniform()) < 0.5 * x * x + d - d * v + d * log(v)) return d * v;
  }
}
/** Beta(a, a). */
function symmetricBeta(a: number, rng: Random): number {
  const [x, y] = [gamma(a, rng), gamma(a, rng)];
  return x + y > 0 ? x / (x + y) : 0.5;
}

/**
 * λ·sample + (1 − λ)·another one, inputs and targets alike, λ from Beta(α, α) drawn anew for every
 * sample and epoch, from the seed alone. Targets are shares or numbers that may be blended, not the
 * numbers of classes. Source: Zhang et al. 2018. Throws ConfigError for such numbers, or an α that
 * is not positive.
 */
export function mixup(data: Dataset, options: { alpha?: number; seed: number }): Dataset {
  const { alpha = 0.2, seed } = options;
  if (!(alpha > 0 && alpha <= 1e3))
    throw new ConfigError(`mixup: alpha ${alpha} must be positive`, { alpha });
  if (data.targetShape.length === 0)
    throw new ConfigError(
      "mixup: targets are the numbers of classes, which cannot be blended; give one-hot rows",
      {},
    );
  const { prepare } = data;
  const streamOf = (i: number, epoch: number): Random =>
    random(seed).fork(`mixup ${epoch}`).fork(i);
  const partnerOf = (i: number, epoch: number): number => streamOf(i, epoch).integer(data.length);
  async function prepared(indices: readonly number[], epoch: number): Promise<void> {
    const partners = indices.map((i) => partnerOf(i, epoch));
    await prepare?.call(data, [...new Set([...indices, ...partners])], epoch);
  }
  return {
    ...data,
    varied: { from: data, by: { mixup: alpha, mixupSeed: seed } },
    ...(prepare && { prepare: prepared }),
    read(i, input, target, epoch = 0) {
      const rng = streamOf(i, epoch);
      const [x, t] = [new Float32Array(input.length), new Float32Array(target.length)];
      data.read(rng.integer(data.length), x, t, epoch);
      data.read(i, input, target, epoch);
      const share = symmetricBeta(alpha, rng);
      for (let k = 0; k < x.length; k++) input[k] = share * input[k] + (1 - share) * x[k];
      for (let k = 0; k < t.length; k++) target[k] = share * target[k] + (1 - share) * t[k];
    },
  };
}
