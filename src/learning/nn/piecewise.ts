// Learned activations: piecewise linear functions, one for every channel, by their values at knots.
import { arithmetic, ConfigError, type Value } from "../../engine/index.ts";
import type { Apply } from "./scope.ts";

/** Between neighbouring knots a straight line; outside of them on with slope `outside`. */
export interface PiecewiseLinear {
  readonly kind: "piecewiseLinear";
  readonly knots: number;
  /** Where the first and the last knot lie: −1 and 1. */
  readonly from?: number;
  readonly to?: number;
  readonly outside?: number;
}

/**
 * y = f_c(x) for every channel c, f_c linear between `knots` knots that lie evenly from `from` to
 * `to`, with learned values there [C, knots], from the identity on. Source: Yang et al. 2016, "Deep
 * ADMM-Net for Compressive Sensing MRI".
 */
export const piecewiseLinear = (options: Omit<PiecewiseLinear, "kind">): PiecewiseLinear => ({
  kind: "piecewiseLinear",
  ...options,
});

export const applyPiecewiseLinear: Apply<PiecewiseLinear> = ({ b, parameter }, name, x, layer) => {
  const { knots, from = -1, to = 1, outside = 1 } = layer;
  if (!(knots >= 2) || !(to > from))
    throw new ConfigError(
      `layer ${name}: its ${knots} knots from ${from} to ${to} make no line; give 2 or more, in order`,
      { name },
    );
  const { add, concat, mul, slice, sub } = arithmetic(b);
  const step = (to - from) / (knots - 1);
  const places = Float32Array.from({ length: knots }, (_, k) => from + k * step);
  const channels = x.shape[1];
  const rows = (row: Float32Array): Float32Array =>
    Float32Array.from({ length: channels * row.length }, (_, i) => row[i % row.length]);
  const values = parameter(`${name}.values`, [channels, knots], knots, rows(places));
  // bins: below the first knot, one from every knot on
  const bins = knots + 1;
  const starts = concat([slice(values, 1, 0, 1), values], 1);
  const rises = sub(slice(values, 1, 1, knots), slice(values, 1, 0, knots - 1));
  const beyond = b.constant(new Float32Array(channels).fill(outside), [channels, 1]);
  const slopes = concat([beyond, mul(rises, 1 / step), beyond], 1);
  const origins = b.constant(rows(Float32Array.of(from, ...places)), [channels, bins]);
  const find = (table: Value): Value => b.emit("lookup", { x, table }, { low: from, step });
  return add(find(sub(starts, mul(slopes, origins))), mul(find(slopes), x));
};
