// What a loss reads of a sample's target, and why a target is none.
import { sizeOf, type Shape } from "../../engine/index.ts";
import type { Loss } from "./losses/loss.ts";

/** Of one sample: over how many classes at how many places, or labels. */
export interface TargetForm {
  readonly classes?: number | undefined;
  /** 1, or the pixels of an image. */
  readonly places?: number;
  readonly labels?: boolean;
  readonly ignored?: number | undefined;
}
/** `output` is the network's for one sample, [classes, …places]. */
export function targetFormOf(loss: Loss, output: Shape): TargetForm {
  if (loss.labels) return { labels: true };
  if (!loss.classes) return {};
  return { classes: output[0], places: sizeOf(output.slice(1)), ignored: loss.ignored };
}

/** Why a target is none of this form, or undefined where it is one. */
export function wrongTarget(target: ArrayLike<number>, form: TargetForm): string | undefined {
  const { classes, labels = false } = form;
  if (labels) return wrongLabels(target);
  if (classes === undefined) return undefined;
  const places = form.places ?? 1;
  return target.length === places && classes !== 1
    ? wrongNumbers(target, classes, form.ignored)
    : wrongShares(target, classes, places);
}
function wrongLabels(target: ArrayLike<number>): string | undefined {
  const bad = Array.from(target).find((v) => !(v >= 0 && v <= 1));
  if (bad === undefined) return undefined;
  return `the label ${bad}, and labels are 0, 1 or a share between`;
}
function wrongNumbers(
  target: ArrayLike<number>,
  classes: number,
  ignored?: number,
): string | undefined {
  const isClass = (v: number): boolean => Number.isInteger(v) && v >= 0 && v < classes;
  const bad = Array.from(target).find((v) => !isClass(v) && v !== ignored);
  if (bad === undefined) return undefined;
  return `the class ${bad}, and there are classes 0 to ${classes - 1}`;
}
function wrongShares(
  target: ArrayLike<number>,
  classes: number,
  places: number,
): string | undefined {
  for (let place = 0; place < places; place++) {
    const values = Array.from(
      { length: target.length / places },
      (_, c) => target[c * places + place],
    );
    const total = values.reduce((a, b) => a + b, 0);
    if (values.every((v) => v >= 0) && Math.abs(total - 1) < 1e-4) continue;
    const shown = values.slice(0, 10).map((v) => Number(v.toPrecision(4)));
    const more = values.length > 10 ? ", …" : "";
    return `the target [${shown.join(", ")}${more}], which is no distribution over ${classes} classes`;
  }
  return undefined;
}
