// A search's findings as curves: harm against size, accuracy against stability, progress.
import { log } from "../../../engine/index.ts";
import type { Curve, Curves, Point } from "../../../report/index.ts";
import { lossOf } from "../../judgement.ts";
import type { Measurement } from "../../schema.ts";
import { mean } from "../../statistics.ts";
import {
  distinct,
  measured,
  meanPoint,
  noiseWords,
  overImages,
  spreadOf,
  type Found,
} from "./found.ts";

const lost = (m: Measurement): number => lossOf(m.psnr.before, m.psnr.after);
const lostToNoise = (m: Measurement): number => lossOf(m.psnr.before, m.noise.psnr);

function harmCurve(name: string, mark: number, own: readonly Measurement[]): Curve {
  const labels = distinct(own.map((m) => m.label));
  const at = (of: (m: Measurement) => number): Point[] =>
    labels.map((label) => {
      const those = own.filter((m) => m.label === label);
      return meanPoint(100 * mean(those.map((m) => m.relativeNorm)), those.map(of));
    });
  const origin = { x: 0, y: 0 };
  const single = distinct(own.map((m) => m.image)).length === 1;
  return {
    name,
    mark,
    points: [origin, ...at(lost)],
    dashed: [origin, ...at(lostToNoise)],
    ...(single ? {} : { dots: own.map((m) => ({ x: 100 * m.relativeNorm, y: lost(m) })) }),
  };
}

/**
 * dB of PSNR lost, as far as they lie below 40 dB, against ‖r‖ in % of ‖x‖ or ‖y‖; `worst` says
 * what the solid lines are. Nothing without measurements.
 */
export function harmCurves(
  found: Found,
  options: {
    id: string;
    title: string;
    worst: string;
    measurements?: readonly Measurement[];
    fold?: string;
  },
): Curves[] {
  const { id, title, worst, measurements = found.test.measurements, fold } = options;
  const shown = measured(found, measurements);
  // one size makes no curve
  if (distinct(measurements.map((m) => m.label)).length < 2) return [];
  const noise = noiseWords(measurements[0]);
  const means = overImages(found);
  return [
    {
      kind: "curves",
      id,
      title,
      ...(fold === undefined ? {} : { fold }),
      label: `${title}: PSNR lost against the size of the perturbation for ${shown.map((s) => s.name).join(", ")}; solid ${worst}, dashed ${noise}. The numbers are in the table of every measurement.`,
      note: `Solid: ${worst}; dashed: ${noise}${means === "" ? ", of one image" : `; ${means}, small dots single images`}. What is lost above 40 dB does not count.`,
      x: {
        name: `size of the perturbation, % of ${found.test.domain === "image" ? "‖x‖" : "‖y‖"}`,
        fromZero: true,
      },
      y: { name: "PSNR lost, dB", fromZero: true },
      curves: shown.map(({ name, mark, own }) => harmCurve(name, mark, own)),
    },
  ];
}

/** The measurements at the size that is pictured: the judged one, or the largest. */
function pictured({ test: { measurements } }: Found): readonly Measurement[] {
  const label = measurements.findLast((m) => m.pictures)?.label;
  return measurements.filter((m) => label === undefined || m.label === label);
}

/**
 * One search's progress: dB lost where it searched for harm in the whole image, else % of the last.
 */
function progress(m: Measurement, whole: boolean): number[] {
  const curve = m.search?.curve ?? [];
  const last = curve.at(-1) || 1;
  return curve.map((v) =>
    whole ? lost(m) + (20 * log(Math.max(v, 1e-30) / last)) / log(10) : (100 * v) / last,
  );
}

const asked = (m: Measurement): boolean => m.search?.queries !== undefined;
const CLIMBED = "step of the climb from the best start";
const BOTH = `${CLIMBED}, or query of a search without gradients`;
/**
 * Harm found so far against the steps of the search. Nothing without a search that kept its curve.
 */
export function convergence(found: Found): Curves[] {
  const searched = pictured(found).filter((m) => (m.search?.curve ?? []).length > 0);
  const shown = measured(found, searched);
  if (shown.length === 0) return [];
  const whole =
    found.test.settings.region === undefined && searched.every((m) => m.search?.goal === "harm");
  const curves = shown.map(({ name, mark, own }): Curve => {
    const lines = own.map((m) => progress(m, whole));
    const length = Math.min(...lines.map((line) => line.length));
    return {
      name,
      mark,
      points: Array.from({ length }, (_, k) => ({ x: k, y: mean(lines.map((line) => line[k])) })),
    };
  });
  const what = whole
    ? "PSNR lost to the worst perturbation found so far"
    : "What was searched for, in % of the last";
  const means = found.images.length > 1 ? ", mean over the images" : "";
  return [
    {
      kind: "curves",
      id: `${found.test.id}-convergence`,
      fold: "Did the search stand still? Harm found against its steps",
      label: "Harm found against the steps of the search",
      note: `${what}, at ${searched[0].label}${means}. A curve that still rises at its end says that more steps may find worse.`,
      x: { name: searched.some(asked) ? BOTH : CLIMBED, fromZero: true, whole: true },
      y: { name: whole ? "PSNR lost, dB" : "% of the last" },
      curves,
    },
  ];
}

/** A point for every method: PSNR without perturbation against what the judged size costs. */
export function accuracyAgainstStability(found: Found): Curves[] {
  const at = pictured(found);
  const curves = measured(found, at).map(({ name, mark, own }): Curve => {
    const cost = spreadOf(own.map(lost));
    const clean = meanPoint(
      cost.mean,
      own.map((m) => m.psnr.before),
    );
    const across = cost.interval ? { xLow: cost.interval.low, xHigh: cost.interval.high } : {};
    return { name, mark, points: [{ ...clean, ...across }] };
  });
  if (curves.length === 0) return [];
  const means = overImages(found);
  return [
    {
      kind: "curves",
      id: "accuracy-stability",
      place: "summary",
      title: "Accuracy against stability",
      label: "Accuracy against stability, a point for every method. The numbers are in the tables.",
      note: `A point for every method${means === "" ? ", of one image" : `: ${means}`}. A good method is at the upper left.`,
      x: { name: `dB lost to the worst perturbation of ${at[0].label} (left is stabler)` },
      y: { name: "PSNR without it, dB (up is more accurate)" },
      scattered: true,
      curves,
    },
  ];
}
