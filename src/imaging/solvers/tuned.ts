// How much weight λ the classical methods give to their penalty when none is named: as much as was
// best on held-out phantoms for the noise and the share of k-space that they are given.
import {
  arithmetic,
  ConfigError,
  exp,
  log,
  type GraphBuilder,
  type Value,
} from "../../engine/index.ts";
import type { Operator } from "../operators/operator.ts";
import type { Reconstructor } from "../reconstructor.ts";

/** Noise relative to the image: σ over the root mean square of A*y. */
const nodes: readonly number[] = [0, 0.01, 0.035, 0.1, 0.2, 0.4];
/** The best λ at unit image scale at these nodes; printed by scripts/tune-classical.mjs. */
const tables = {
  totalVariation: {
    eighth: [0.0013, 0.0036, 0.015, 0.041, 0.11, 0.22],
    quarter: [0.0013, 0.0048, 0.017, 0.053, 0.11, 0.23],
    half: [0.0013, 0.0016, 0.016, 0.062, 0.15, 0.35],
  },
  waveletSparsity: {
    eighth: [0.017, 0.014, 0.021, 0.013, 0.06, 0.15],
    quarter: [0.014, 0.014, 0.019, 0.011, 0.11, 0.26],
    half: [0.0035, 0.0035, 0.021, 0.078, 0.18, 0.44],
  },
  // the script's own, at most 0.016 where noise is below 0.1: what smooths everything away is near
  firenet: {
    eighth: [0.008, 0.0073, 0.014, 0.019, 0.023, 0.024],
    quarter: [0.0077, 0.016, 0.016, 0.013, 0.02, 0.019],
    half: [0.004, 0.0093, 0.016, 0.019, 0.018, 0.018],
  },
} as const;

/** The root mean square of A*y of a phantom whose maximum is 1, about (0.19 to 0.39). */
const TYPICAL_SCALE = 0.25;
/** Taken where no noise is named: the default problem's, σ = 0.01 at typical scale. */
const TYPICAL_NOISE = 0.04;

export interface TunedWeight {
  /** λ for an image of typical scale. */
  readonly lambda: number;
  /** λ for images of scale [N], over `lambda`; 1 where no noise was named. */
  readonly ratio?: (b: GraphBuilder, scale: Value) => Value;
}

/** A method told that y is `factor` times as large, if it was told the noise's level. */
export function withUnits<O extends WeightOptions>(
  method: (options: O, units: number) => Reconstructor,
  options: O,
  units: number,
): Pick<Reconstructor, "inUnits"> {
  const { lambda, sigma } = options;
  if (lambda !== undefined || sigma === undefined) return {};
  return { inUnits: (factor) => method({ ...options, sigma: factor * sigma }, factor * units) };
}

/** What an operator without a mask is taken for. */
const LIKE_SHARE = 0.25;

/** Share of the cells that are measured; a quarter for an operator without a mask. */
function measuredShare({ sampling, spectralDiagonal }: Operator): number {
  const data = sampling?.mask.data ?? spectralDiagonal;
  if (!data) return LIKE_SHARE;
  return data.filter((v) => v !== 0).length / data.length;
}

/** What a method is told of its weight. */
export interface WeightOptions {
  readonly lambda?: number;
  /** Standard deviation of the noise on every measured cell, in y's units. */
  readonly sigma?: number;
}
/**
 * The tables are of masks and a unitary transform. Any other A is taken for c times one that
 * measures a quarter, c² = meanSquare over that share: at 1/c of its scale the noise is σ/c, and λ
 * is c² times the table's (c times, for firenet's cost, whose misfit is not squared; `byLength`).
 */
export const gainOf = ({ meanSquare }: Operator): number =>
  meanSquare === undefined ? 1 : Math.sqrt(meanSquare / LIKE_SHARE);

/** Cells of the masks that the tables are of. */
const TABLE_CELLS = 128 ** 2;
/**
 * By what firenet's λ differs from its table's for the number of values that are measured: its
 * misfit is not squared, so the noise makes it as long as the root of that number, while the
 * penalty has a term for every pixel.
 */
function byLength(operator: Operator): number {
  const measured = operator.measured.reduce((n, there) => n + there, 0);
  return Math.sqrt((2 * measuredShare(operator) * TABLE_CELLS) / Math.max(1, measured));
}

/** λ as given, or the tuned one; `units` is how many times as large its units make y. */
export function weightFor(
  method: keyof typeof tables,
  operator: Operator,
  { lambda, sigma }: WeightOptions,
  units = 1,
): TunedWeight {
  if (lambda !== undefined) return { lambda };
  const gain = gainOf(operator);
  const tuned = tunedWeight(
    method,
    operator,
    sigma === undefined ? undefined : sigma / gain,
    units,
  );
  const factor = method === "firenet" ? gain * byLength(operator) : gain ** 2;
  return { ...tuned, lambda: tuned.lambda * factor };
}
/** The same for a result file. */
export const describeWeight = ({
  lambda,
  sigma,
}: WeightOptions): { lambda: number } | { tunedFor: number | string } =>
  lambda === undefined ? { tunedFor: sigma ?? "the default problem's noise" } : { lambda };

/** The nodes' λ for a share of k-space: between 1/8, 1/4 and 1/2 by the logarithms of both. */
function weightsFor(method: keyof typeof tables, share: number): number[] {
  const { eighth, quarter, half } = tables[method];
  const octaves = Math.min(2, Math.max(0, 3 + log(share) / log(2)));
  const [less, more, part] =
    octaves < 1 ? [eighth, quarter, octaves] : [quarter, half, octaves - 1];
  return less.map((weight, k) => weight * exp(part * log(more[k] / weight)));
}

/**
 * The default λ of a method for noise of deviation `sigma` on every measured cell, in the
 * measurement's own units: straight lines over σ/scale between the nodes. Without sigma, for the
 * default problem's noise at any intensity. Throws ConfigError for a negative σ.
 */
export function tunedWeight(
  method: keyof typeof tables,
  operator: Operator,
  sigma: number | undefined,
  units = 1,
): TunedWeight {
  if (sigma !== undefined && !(sigma >= 0 && Number.isFinite(sigma)))
    throw new ConfigError(`${method}: sigma ${sigma} must be a number from 0 on`, { sigma });
  const weights = weightsFor(method, measuredShare(operator));
  const slopes = nodes.slice(1).map((node, k) => (weights[k + 1] - weights[k]) / (node - nodes[k]));
  /** How much steeper the line becomes at each node but the last. */
  const bends = slopes.map((slope, k) => slope - (k === 0 ? 0 : slopes[k - 1]));
  const at = (r: number): number =>
    bends.reduce((sum, bend, k) => sum + bend * Math.max(0, r - nodes[k]), weights[0]);
  if (sigma === undefined) return { lambda: at(TYPICAL_NOISE) };
  const lambda = at(sigma / (units * TYPICAL_SCALE));
  const ratio = (b: GraphBuilder, scale: Value): Value => {
    const { add, div, mul, relu, sub } = arithmetic(b);
    const r = div(b.scalar(sigma), scale);
    let value = add(mul(r, bends[0] / lambda), weights[0] / lambda);
    for (const [k, bend] of bends.entries())
      if (k > 0) value = add(value, mul(relu(sub(r, nodes[k])), bend / lambda));
    return value;
  };
  return { lambda, ratio };
}
