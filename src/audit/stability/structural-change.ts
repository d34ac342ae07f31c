// Structural change: are small details that the data hold still there in the reconstruction?
import { ConfigError } from "../../engine/index.ts";
import { percent } from "../../report/index.ts";
import { detailShapes, inGroups, placeDetail, type DetailShape } from "../../imaging/index.ts";
import { meanShareInterval95 } from "../intervals.ts";
import { outcomeOfInterval } from "../judgement.ts";
import type { DetailScore, Measurement, Score, Verdict } from "../schema.ts";
import { averageOf, detailScore } from "./reference-free.ts";
import { BEYOND, lookFor, scoreOf, type Recovery } from "./recovery.ts";
import { shownAsRecovery } from "./shown/recovery.ts";
import type { StabilityTest, Subject } from "./test.ts";

/**
 * Puts tumour-like discs and annuli, arrows, letters and card suits of several sizes and contrasts
 * at random places, `placements` of each size and contrast over all images, and asks how much of
 * each comes back. A method fails when, at the judged size and contrast, it recovers less than
 * `leastRecovery` of what it could on the mean, its whole interval below.
 */
export function structuralChange(
  options: {
    radii?: readonly number[];
    contrasts?: readonly number[];
    placements?: number;
    judged?: { radius: number; contrast: number };
    leastRecovery?: number;
  } = {},
): StabilityTest {
  const {
    radii = [1.5, 2.5, 4, 6],
    contrasts = [0.05, 0.1, 0.2, 0.4],
    placements = 20,
    leastRecovery = 0.5,
  } = options;
  const judged = options.judged ?? {
    radius: radii[Math.min(2, radii.length - 1)],
    contrast: contrasts[Math.min(2, contrasts.length - 1)],
  };
  if (
    radii.length === 0 ||
    contrasts.length === 0 ||
    !(placements >= 1) ||
    [...radii, ...contrasts].some((v) => !(v > 0))
  )
    throw new ConfigError(
      `structuralChange: radii ${radii.join(", ")}, contrasts ${contrasts.join(", ")} and ${placements} placements must be positive`,
      { radii, contrasts, placements },
    );
  if (!radii.includes(judged.radius) || !contrasts.includes(judged.contrast))
    throw new ConfigError(
      `structuralChange: radius ${judged.radius} and contrast ${judged.contrast} are judged, but not among those tried`,
      { judged },
    );
  const combinations = radii.flatMap((radius) =>
    contrasts.map((contrast) => ({ radius, contrast })),
  );

  return {
    id: "structural-change",
    domain: "image",
    requires: ["sampling"],
    content: true,
    title: "Small details that the data hold come back",
    failureTitle: "Small details that the data hold are lost",
    description: `Discs and annuli like tumours, arrows, letters and card suits are put into the image before it is measured, ${placements} of each size and contrast at places drawn on tissue; contrasts are shares of the image's maximum. Recovered is the share of a detail's own contrast by which the reconstruction changes; a detail of which less than a fifth is measured lies in the null space of the sampling and is no method's fault. Pictured are the details of the judged size and contrast that came back least.`,
    source: "Antun et al., PNAS 2020, test 2, here with a score",
    settings: { radii, contrasts, placements, shapes: shapes.join(", ") },
    thresholds: { judgedRadius: judged.radius, judgedContrast: judged.contrast, leastRecovery },
    steps: combinations.length * placements,
    referenceFree: {
      async examine(subject) {
        const scores: Score[] = [];
        for (const kind of combinations) {
          const found = await lookForAll(subject, { ...kind, placements });
          const possible = found.filter((f) => f.measured >= BEYOND);
          if (possible.length > 0) scores.push(detailScore(subject, labelOf(kind), possible));
        }
        return scores;
      },
      say(scores) {
        const own = scores.filter((s) => s.label === labelOf(judged));
        return `recovers ${percent(averageOf(own, "recovered"), 0)} of details of ${labelOf(judged)}, on the mean`;
      },
    },
    async examine(subject) {
      const measurements: Measurement[] = [];
      for (const { radius, contrast } of combinations) {
        const label = labelOf({ radius, contrast });
        const found = await lookForAll(subject, { radius, contrast, placements });
        const possible = found.filter((f) => f.measured >= BEYOND);
        const worst = (possible.length > 0 ? possible : found).reduce((p, q) =>
          q.recovered < p.recovered ? q : p,
        );
        const isJudged = radius === judged.radius && contrast === judged.contrast;
        measurements.push({
          ...(await subject.measure(worst.detail.z, { label, picture: isJudged })),
          detail: scoreOf(radius, contrast, found),
        });
      }
      return { measurements };
    },
    show: shownAsRecovery,
    judge(method, { measurements }) {
      const own = measurements.flatMap((m) =>
        m.detail?.radius === judged.radius && m.detail.contrast === judged.contrast
          ? [m.detail]
          : [],
      );
      return judgeRecovery(method, own, labelOf(judged), leastRecovery);
    },
  };
}

interface Kind {
  readonly radius: number;
  readonly contrast: number;
}
const labelOf = ({ radius, contrast }: Kind): string => `${radius} px, contrast ${contrast}`;
const shapes = Object.keys(detailShapes) as DetailShape[];

/** One image's details of one size and contrast, at drawn places. */
async function lookForAll(
  subject: Subject,
  kind: Kind & { readonly placements: number },
): Promise<Recovery[]> {
  const { radius, contrast, placements } = kind;
  const each = Math.ceil(placements / subject.imageCount);
  const rng = subject.common(labelOf(kind));
  const details = Array.from({ length: each }, (_, i) => {
    const shape = shapes[(i + subject.image * each) % shapes.length];
    return placeDetail(subject.truth, subject.shape, { shape, radius, contrast, rng });
  });
  return inGroups(details, subject.together, async (group) => {
    const found = await lookFor(subject, group);
    for (const _ of found) await subject.tick();
    return found;
  });
}

/**
 * The judged details of all images together; decided where the mean's whole interval is on one
 * side.
 */
function judgeRecovery(
  method: string,
  details: readonly DetailScore[],
  what: string,
  leastRecovery: number,
): Verdict {
  const total = (of: (d: DetailScore) => number): number => details.reduce((n, d) => n + of(d), 0);
  const [all, beyond, lost] = [
    total((d) => d.placements),
    total((d) => d.notRecoverable),
    total((d) => d.lost),
  ];
  const shares = details.flatMap((d) => d.shares ?? []);
  if (shares.length === 0) {
    const explanation = `none of the ${all} details of ${what} can be recovered from the data`;
    return { method, outcome: "not-applicable", explanation };
  }
  const { mean, interval } = meanShareInterval95(shares);
  // shares that are all the same have no interval, and need none
  const same = shares.length >= LEAST_SHARES && shares.every((v) => Math.abs(v - shares[0]) < 1e-9);
  const range = interval ?? (same ? { low: mean, high: mean } : undefined);
  const outcome = range ? outcomeOfInterval(range, leastRecovery, "below") : "inconclusive";
  const within = interval ? ` (${percent(interval.low, 0)} to ${percent(interval.high, 0)})` : "";
  const few = range ? "" : `; too few details for an interval of their mean, so nothing is decided`;
  const more = beyond > 0 ? `; ${beyond} more are not in the data` : "";
  return {
    method,
    outcome,
    figure: { value: 100 * mean, threshold: 100 * leastRecovery, unit: "% recovered, at least" },
    explanation: `recovers ${percent(mean, 0)}${within} of details of ${what}, loses ${lost} of ${shares.length}${more}${few}; threshold ${100 * leastRecovery} %`,
  };
}
/** Fewer tell nothing of a mean. */
const LEAST_SHARES = 10;
