// Losses of numbers and images: the mean over a batch, C = (1/n)ΣC_k.
import { arithmetic, ConfigError, type Value } from "../../../engine/index.ts";
import { matching, type Loss } from "./loss.ts";

/** C = mean (p − t)² over all elements. */
export function meanSquaredError(): Loss {
  return {
    name: "meanSquaredError",
    apply(b, prediction, target) {
      matching("meanSquaredError", prediction, target);
      const { mean, square, sub } = arithmetic(b);
      return mean(square(sub(prediction, target)));
    },
  };
}
/** Beside the mean square, so that the gradient of no error at all is finite. */
const LEAST_SQUARE = 1e-12;
/** C = mean over the samples of √(mean (p − t)²), for images whose error is told in their units. */
export function rootMeanSquaredError(): Loss {
  return {
    name: "rootMeanSquaredError",
    apply(b, prediction, target) {
      matching("rootMeanSquaredError", prediction, target);
      const { add, mean, sqrt, square, sub } = arithmetic(b);
      const axes = prediction.shape.map((_, i) => i).slice(1);
      return mean(sqrt(add(mean(square(sub(prediction, target)), axes), LEAST_SQUARE)));
    },
  };
}
/** C = mean |p − t| over all elements. */
export function meanAbsoluteError(): Loss {
  return {
    name: "meanAbsoluteError",
    apply(b, prediction, target) {
      matching("meanAbsoluteError", prediction, target);
      const { mean, sub } = arithmetic(b);
      return mean(b.emit("abs", { x: sub(prediction, target) }, {}));
    },
  };
}
/** C = mean of ½d² where |d| ≤ δ, δ(|d| − ½δ) beyond, d = p − t. Source: Huber 1964. */
export function huber(options: { delta?: number } = {}): Loss {
  const { delta = 1 } = options;
  if (!(delta > 0)) throw new ConfigError(`huber: delta ${delta} must be positive`, { delta });
  return {
    name: `huber ${delta}`,
    apply(b, prediction, target) {
      matching("huber", prediction, target);
      const { mean, mul, sub } = arithmetic(b);
      const size = b.emit("abs", { x: sub(prediction, target) }, {});
      // with c = min(|d|, δ), c·(|d| − ½c) is both branches at once, and nothing cancels
      const negative = b.emit("neg", { x: size }, {});
      const c = b.emit(
        "neg",
        { x: b.emit("maximum", { a: negative, b: b.scalar(-delta) }, {}) },
        {},
      );
      return mean(mul(c, sub(size, mul(c, 0.5))));
    },
  };
}
/**
 * C = 1 − SSIM of images [N,C,H,W], mean over 7×7 windows, samples and channels, sample covariance;
 * `range` is the images' largest value less their smallest. Source: Wang et al. 2004, with
 * skimage's uniform window.
 */
export function structuralDissimilarity(options: { range: number }): Loss {
  const { range } = options;
  if (!(range > 0))
    throw new ConfigError(`structuralDissimilarity: range ${range} must be positive`, { range });
  return {
    name: `structuralDissimilarity ${range}`,
    apply(b, prediction, target) {
      matching("structuralDissimilarity", prediction, target);
      const { add, div, mean, mul, reshape, square, sub } = arithmetic(b);
      const [c1, c2] = [0.01 ** 2, 0.03 ** 2];
      const local = (x: Value): Value =>
        b.emit("avg_pool2d", { x }, { kernel: [7, 7], stride: [1, 1], padding: [0, 0] });
      const variance = (x: Value): Value => mul(sub(local(square(x)), square(local(x))), 49 / 48);
      // in units of the range, so that no product with c1 or c2 leaves float32
      const scaled = (x: Value): Value => mul(x, 1 / range);
      // variances are those of images about the target's mean, where float32 has digits to tell
      // them by
      const middle = reshape(mean(target, [2, 3]), [...target.shape.slice(0, 2), 1, 1]);
      const [p, t] = [prediction, target].map((image) => scaled(sub(image, middle)));
      const spread = add(variance(p), variance(t));
      const means = [prediction, target].map((image) => square(local(scaled(image)))).reduce(add);
      // SSIM = (1 − u)(1 − v), u by the means' difference and v by the difference's variance
      const difference = scaled(sub(prediction, target));
      const u = div(square(local(difference)), add(means, c1));
      const v = div(variance(difference), add(spread, c2));
      return mean(sub(add(u, v), mul(u, v)));
    },
  };
}
