// Losses over labels, each of them there or not: one for a yes or no, several for what may be true
// at once, one for every pixel of a mask.
import {
  arithmetic,
  ConfigError,
  sizeOf,
  type GraphBuilder,
  type Value,
} from "../../../engine/index.ts";
import { checkGamma, power } from "./classes.ts";
import { matching, weightsOf, type Loss } from "./loss.ts";

/** log(1 + eˣ), with its slope at 0 as well. */
function softplus(b: GraphBuilder, x: Value): Value {
  const { add, mul } = arithmetic(b);
  const size = b.emit("abs", { x }, {});
  const small = b.emit("exp", { x: mul(size, -1) }, {});
  return add(mul(add(x, size), 0.5), b.emit("log", { x: add(small, 1) }, {}));
}
/** The target in the logits' shape: [N] for [N,1], and [N,H,W] for [N,1,H,W], are welcome. */
export function alike(b: GraphBuilder, name: string, prediction: Value, target: Value): Value {
  const [n, channels] = prediction.shape;
  const dropped =
    channels === 1 && target.shape[0] === n && sizeOf(target.shape) === sizeOf(prediction.shape);
  const own = dropped ? arithmetic(b).reshape(target, prediction.shape) : target;
  matching(name, prediction, own);
  return own;
}

/**
 * C = −mean (w·t·log σ(p) + (1 − t)·log(1 − σ(p))) over all logits p, targets t in [0, 1]: a yes or
 * no [N,1], several labels at once [N,labels], masks [N,labels,H,W]. `positiveWeight` w is a
 * number, or one for every label; 1 unless given (PyTorch's BCEWithLogitsLoss).
 */
export function binaryCrossEntropy(
  options: { positiveWeight?: number | readonly number[] } = {},
): Loss {
  const { positiveWeight = 1 } = options;
  const all = typeof positiveWeight === "number" ? [positiveWeight] : positiveWeight;
  const bad = all.find((w) => !(w > 0 && Number.isFinite(w)));
  if (bad !== undefined || all.length === 0)
    throw new ConfigError(`binaryCrossEntropy: positiveWeight ${bad} must be positive`, {
      positiveWeight,
    });
  return {
    name: `binaryCrossEntropy${positiveWeight === 1 ? "" : ` weighted by ${all.join(", ")}`}`,
    labels: true,
    apply(b, prediction, target) {
      const { add, mean, mul, reshape, sub } = arithmetic(b);
      const t = alike(b, "binaryCrossEntropy", prediction, target);
      const places = prediction.shape.slice(2).map(() => 1);
      const perClass = (): Value => {
        const weights = weightsOf(b, "binaryCrossEntropy", all, prediction.shape[1]);
        return reshape(weights, [all.length, ...places]);
      };
      const weight = typeof positiveWeight === "number" ? b.scalar(positiveWeight) : perClass();
      // −log σ(p) = log(1 + e⁻ᵖ) = log(1 + eᵖ) − p, so that nothing overflows
      const against = softplus(b, prediction);
      const forIt = sub(against, prediction);
      return mean(add(mul(mul(weight, t), forIt), mul(sub(1, t), against)));
    },
  };
}

/**
 * C = mean α_t·(1 − q_t)^γ·(−log q_t), q_t = σ(p) where t is 1 and 1 − σ(p) where it is 0, α_t = α
 * and 1 − α likewise; γ is 2 and α 0.25 unless given (torchvision's sigmoid_focal_loss). Source:
 * Lin et al. 2017.
 */
export function binaryFocal(options: { gamma?: number; alpha?: number } = {}): Loss {
  const { gamma = 2, alpha = 0.25 } = options;
  checkGamma("binaryFocal", gamma);
  if (!(alpha >= 0 && alpha <= 1))
    throw new ConfigError(`binaryFocal: alpha ${alpha} must be in [0, 1]`, { alpha });
  return {
    name: `binaryFocal ${gamma} ${alpha}`,
    labels: true,
    apply(b, prediction, target) {
      const { add, mean, mul, sub } = arithmetic(b);
      const t = alike(b, "binaryFocal", prediction, target);
      const q = b.emit("sigmoid", { x: prediction }, {});
      const against = softplus(b, prediction);
      const cost = add(mul(t, sub(against, prediction)), mul(sub(1, t), against));
      // 1 − q_t = q + t − 2qt
      const wrong = sub(add(q, t), mul(mul(q, t), 2));
      const share = add(mul(t, 2 * alpha - 1), 1 - alpha);
      return mean(mul(share, mul(power(b, wrong, gamma), cost)));
    },
  };
}
