// Losses of masks by how they overlap, and sums of losses.
import {
  arithmetic,
  ConfigError,
  ShapeError,
  type GraphBuilder,
  type Value,
} from "../../../engine/index.ts";
import { alike } from "./labels.ts";
import { classRows, isNumbered, matching, type Loss } from "./loss.ts";

/** Numbers [N,H,W] as shares [N,C,H,W]; shares as they are. */
function sharesOf(b: GraphBuilder, prediction: Value, target: Value): Value {
  if (!isNumbered(prediction.shape, target.shape)) return target;
  const [n, classes, ...places] = prediction.shape;
  const numbers = Array.from({ length: classes }, (_, c) => c);
  const all = b.constant(numbers, [1, classes, ...places.map(() => 1)]);
  return b.emit("equal", { a: arithmetic(b).reshape(target, [n, 1, ...places]), b: all }, {});
}
/** Softmax over the second axis. */
function softmax(b: GraphBuilder, x: Value): Value {
  const [n, classes, ...places] = x.shape;
  const rows = b.emit("softmax", { x: classRows(b, x) }, {});
  const shares = arithmetic(b).reshape(rows, [n, ...places, classes]);
  const axes = places.map((_, i) => i + 1);
  return b.emit("transpose", { x: shares }, { permutation: [0, places.length + 1, ...axes] });
}

/**
 * C = 1 − mean over samples and channels of (2·Σqt + s)/(Σq + Σt + s), sums over the pixels of
 * [N,C,H,W]; s is 1 unless given (MONAI's DiceLoss with smooth_nr = smooth_dr = s). Over "labels",
 * the default, q is σ of each channel's logits and targets are masks [N,C,H,W] ([N,H,W] for one);
 * over "classes" q is their softmax, and targets are shares [N,C,H,W] or numbers [N,H,W]. Source:
 * Milletari et al. 2016.
 */
export function dice(options: { smooth?: number; over?: "labels" | "classes" } = {}): Loss {
  const { smooth = 1, over = "labels" } = options;
  if (!(smooth > 0)) throw new ConfigError(`dice: smooth ${smooth} must be positive`, { smooth });
  if (over !== "labels" && over !== "classes")
    throw new ConfigError(`dice: over "${over}" must be "labels" or "classes"`, { over });
  const apply = (b: GraphBuilder, prediction: Value, target: Value): Value => {
    const { add, div, mean, mul, sub, sum } = arithmetic(b);
    if (prediction.shape.length < 3)
      throw new ShapeError(
        `dice: it takes logits of pixels [N×channels×H×W], not [${prediction.shape.join("×")}]`,
        {},
      );
    const t =
      over === "labels" ? alike(b, "dice", prediction, target) : sharesOf(b, prediction, target);
    matching("dice", prediction, t);
    const q = over === "labels" ? b.emit("sigmoid", { x: prediction }, {}) : softmax(b, prediction);
    const pixels = prediction.shape.map((_, i) => i).slice(2);
    const both = mul(sum(mul(q, t), pixels), 2);
    const each = add(sum(q, pixels), sum(t, pixels));
    return sub(1, mean(div(add(both, smooth), add(each, smooth))));
  };
  const name = `dice ${smooth} over ${over}`;
  return over === "labels" ? { name, labels: true, apply } : { name, classes: true, apply };
}

/** Σ w·C of losses that read one kind of target, each with its weight. */
export function weightedSum(parts: readonly (readonly [weight: number, loss: Loss])[]): Loss {
  if (parts.length === 0)
    throw new ConfigError("weightedSum: there are no losses in it; give at least one", {});
  const [[, first]] = parts;
  for (const [weight, loss] of parts) {
    if (!Number.isFinite(weight))
      throw new ConfigError(`weightedSum: the weight ${weight} of ${loss.name} must be a number`, {
        weight,
      });
    if (loss.classes !== first.classes || loss.labels !== first.labels)
      throw new ConfigError(
        `weightedSum: ${first.name} and ${loss.name} read targets of different kinds`,
        {},
      );
  }
  return {
    ...first,
    name: parts.map(([weight, loss]) => `${weight} ${loss.name}`).join(" + "),
    apply(b, prediction, target) {
      const { add, mul } = arithmetic(b);
      return parts
        .map(([weight, loss]) => mul(loss.apply(b, prediction, target), weight))
        .reduce(add);
    },
  };
}
