// A search's findings as curves: error against perturbation, accuracy against stability, progress.
import type { Curve, Curves, Point } from "../../../report/index.ts";
import type { Measurement } from "../../schema.ts";
import { mean } from "../../statistics.ts";
import { distinct, loss, measured, meanPoint, spreadOf, type Found } from "./found.ts";

const errorPercent = (nmse: number): number => 100 * Math.sqrt(nmse);

function errorCurve(name: string, mark: number, own: readonly Measurement[]): Curve {
  const labels = distinct(own.map((m) => m.label));
  const at = (nmse: (m: Measurement) => number): Point[] =>
    labels.map((label) => {
      const those = own.filter((m) => m.label === label);
      const x = 100 * mean(those.map((m) => m.relativeNorm));
      return meanPoint(
        x,
        those.map((m) => errorPercent(nmse(m))),
      );
    });
  const images = distinct(own.map((m) => m.image));
  const before = images.map((i) => errorPercent(own.find((m) => m.image === i)!.nmse.before));
  const origin = { x: 0, y: mean(before) };
  return {
    name,
    mark,
    points: [origin, ...at((m) => m.nmse.after)],
    dashed: [origin, ...at((m) => m.noise.nmse)],
    dots: own.map((m) => ({ x: 100 * m.relativeNorm, y: errorPercent(m.nmse.after) })),
  };
}

/**
 * Both axes in %: ‖r‖ over ‖x‖ or ‖y‖, and √NMSE; `worst` says what the solid lines are. Nothing
 * without measurements.
 */
export function errorCurves(
  found: Found,
  options: { id: string; title: string; worst: string; measurements?: readonly Measurement[]; fold?: string },
): Curves[] {
  const { id, title, worst, measurements = found.test.measurements, fold } = options;
  const shown = measured(found, measurements);
  if (shown.length === 0) return [];
  return [
    {
      kind: "curves",
      id,
      title,
      ...(fold === undefined ? {} : { fold }),
      label: `${title}: relative error against perturbation norm for ${shown.map((s) => s.name).join(", ")}; solid ${worst}, dashed random noise of the same norm. The numbers are in the table of every measurement.`,
      note: `Solid: ${worst}; dashed: random noise of the same norm; means over the images with 95 % intervals, small dots single images. Each curve starts at the method's error without perturbation.`,
      x: { name: `perturbation, % of ${found.test.domain === "image" ? "‖x‖" : "‖y‖"}`, fromZero: true },
      y: { name: "error of the image, √NMSE in %", fromZero: true },
      curves: shown.map(({ name, mark, own }) => errorCurve(name, mark, own)),
    },
  ];
}

/** The measurements at the judged budget, where the test judges one. */
const judged = ({ test: { measurements, thresholds } }: Found): readonly Measurement[] =>
  thresholds.judgedBudget === undefined
    ? measurements
    : measurements.filter((m) => m.relativeBudget === thresholds.judgedBudget);

/**
 * The largest change found so far against the steps of the search, relative to the last, mean over
 * the images, at the judged budget. Nothing without a search that kept its curve.
 */
export function convergence(found: Found): Curves[] {
  const shown = measured(
    found,
    judged(found).filter((m) => m.search?.curve),
  );
  if (shown.length === 0) return [];
  const curves = shown.map(({ name, mark, own }): Curve => {
    const searched = own.map((m) => m.search!.curve!);
    const length = Math.min(...searched.map((c) => c.length));
    const share = (c: readonly number[], k: number): number => (100 * c[k]) / (c[c.length - 1] || 1);
    return {
      name,
      mark,
      points: Array.from({ length }, (_, k) => ({ x: k, y: mean(searched.map((c) => share(c, k))) })),
    };
  });
  return [
    {
      kind: "curves",
      id: `${found.test.id}-convergence`,
      fold: "How the searches converged",
      label: "How the searches converged",
      note: "The most harm found so far (the distance |x̂(r)| keeps from |x|), in % of the last, mean over the images. A curve that still rises at its end says that more steps may find worse.",
      x: { name: "step of the best start", fromZero: true, whole: true },
      y: { name: "harm found, % of the last" },
      curves,
    },
  ];
}

/** A point for every method: PSNR without perturbation against what the judged budget costs. */
export function accuracyAgainstStability(found: Found): Curves[] {
  const budget = Number(found.test.thresholds.judgedBudget);
  const curves = measured(found, judged(found)).map(({ name, mark, own }): Curve => {
    const lost = spreadOf(own.map(loss));
    const clean = meanPoint(
      lost.mean,
      own.map((m) => m.psnr.before),
    );
    const across = lost.interval ? { xLow: lost.interval.low, xHigh: lost.interval.high } : {};
    return { name, mark, points: [{ ...clean, ...across }] };
  });
  if (curves.length === 0) return [];
  return [
    {
      kind: "curves",
      id: "accuracy-stability",
      place: "summary",
      title: "Accuracy against stability",
      label: "Accuracy against stability, a point for every method. The numbers are in the tables.",
      note: "A point for every method; bars are 95 % intervals over the images. A good method is at the upper left.",
      x: { name: `dB lost to the worst perturbation of ${100 * budget} % (left is stabler)` },
      y: { name: "PSNR without it, dB (up is more accurate)" },
      scattered: true,
      curves,
    },
  ];
}
