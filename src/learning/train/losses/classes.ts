// Losses over classes, of which one is right: [N,C] for a sample each, [N,C,H,W] for every pixel.
import {
  arithmetic,
  ConfigError,
  present,
  type GraphBuilder,
  type Value,
} from "../../../engine/index.ts";
import { rowsOf, weightsOf, type Loss } from "./loss.ts";

interface CrossEntropyOptions {
  /** ε of t' = (1 − ε)t + ε/classes, in [0, 1). */
  labelSmoothing?: number;
  /** w_c, one for every class; all 1 unless given. */
  classWeights?: readonly number[];
  /** A class's number whose rows count for nothing, such as 255 for a border (ignore_index). */
  ignored?: number;
}

/**
 * C = −Σ_k Σ_c w_c·t'_c·log softmax(p)_c / Σ_k w_class(k): classes from logits [N, classes] or, for
 * every pixel, [N, classes, H, W], with t' = (1 − ε)t + ε/classes for label smoothing ε and class
 * weights w, all 1 unless given (PyTorch's).
 */
export function crossEntropy(options: CrossEntropyOptions = {}): Loss {
  const { labelSmoothing = 0, classWeights, ignored } = options;
  if (!(labelSmoothing >= 0 && labelSmoothing < 1))
    throw new ConfigError(`crossEntropy: labelSmoothing ${labelSmoothing} must be in [0, 1)`, {
      labelSmoothing,
    });
  const details = [
    labelSmoothing > 0 ? ` smoothed by ${labelSmoothing}` : "",
    classWeights ? ` weighted by ${classWeights.join(", ")}` : "",
    ignored === undefined ? "" : ` without class ${ignored}`,
  ];
  return present({
    name: `crossEntropy${details.join("")}`,
    classes: true as const,
    ignored,
    apply(b: GraphBuilder, prediction: Value, target: Value): Value {
      const { add, div, mul, sum } = arithmetic(b);
      const { logits, shares } = rowsOf(b, "crossEntropy", prediction, target);
      const [rows, classes] = logits.shape;
      let wanted =
        labelSmoothing > 0
          ? add(mul(shares, 1 - labelSmoothing), labelSmoothing / classes)
          : shares;
      const logs = b.emit("log_softmax", { x: logits }, {});
      if (!classWeights && ignored === undefined) return mul(sum(mul(wanted, logs)), -1 / rows);
      const weights = classWeights
        ? weightsOf(b, "crossEntropy", classWeights, classes)
        : b.scalar(1);
      // smoothing reaches no row that is ignored
      if (ignored !== undefined)
        wanted = mul(wanted, arithmetic(b).reshape(sum(shares, [1]), [rows, 1]));
      return div(mul(sum(mul(mul(wanted, weights), logs)), -1), sum(mul(shares, weights)));
    },
  });
}

/**
 * C = mean over rows of Σ_c t_c·(log t_c − log softmax(p)_c): the Kullback–Leibler divergence of
 * shares t from logits, as for distillation (PyTorch's kl_div, batchmean); 0·log 0 is 0.
 */
export function klDivergence(): Loss {
  return {
    name: "klDivergence",
    classes: true,
    apply(b, prediction, target) {
      const { mul, sub, sum } = arithmetic(b);
      const { logits, shares } = rowsOf(b, "klDivergence", prediction, target);
      const logs = b.emit("log_softmax", { x: logits }, {});
      const own = b.emit(
        "log",
        { x: b.emit("maximum", { a: shares, b: b.scalar(1e-37) }, {}) },
        {},
      );
      return mul(sum(mul(shares, sub(own, logs))), 1 / logits.shape[0]);
    },
  };
}

/**
 * C = −mean over rows of Σ_c w_c·t_c·(1 − q_c)^γ·log q_c with q = softmax(p): crossEntropy that
 * looks at what is wrong most. γ is 2 unless given; 0 or from 1 up, below which the slope at q = 1
 * has no end. Source: Lin et al. 2017.
 */
export function focal(options: { gamma?: number; classWeights?: readonly number[] } = {}): Loss {
  const { gamma = 2, classWeights } = options;
  checkGamma("focal", gamma);
  return {
    name: `focal ${gamma}${classWeights ? ` weighted by ${classWeights.join(", ")}` : ""}`,
    classes: true,
    apply(b, prediction, target) {
      const { mul, sub, sum } = arithmetic(b);
      const { logits, shares } = rowsOf(b, "focal", prediction, target);
      const [rows, classes] = logits.shape;
      const weights = classWeights ? weightsOf(b, "focal", classWeights, classes) : b.scalar(1);
      const logs = b.emit("log_softmax", { x: logits }, {});
      const wrong = sub(1, b.emit("softmax", { x: logits }, {}));
      const terms = mul(mul(shares, weights), mul(power(b, wrong, gamma), logs));
      return mul(sum(terms), -1 / rows);
    },
  };
}

export function checkGamma(name: string, gamma: number): void {
  if (gamma !== 0 && !(gamma >= 1 && gamma <= 100))
    throw new ConfigError(`${name}: gamma ${gamma} must be 0, or from 1 to 100`, { gamma });
}
/** xᵞ of x from 0 to 1. */
export function power(b: GraphBuilder, x: Value, gamma: number): Value {
  const { mul } = arithmetic(b);
  if (gamma === 1) return x;
  return gamma === 2 ? mul(x, x) : b.emit("pow", { a: x, b: b.scalar(gamma) }, {});
}
