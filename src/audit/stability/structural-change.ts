// Structural change: are small details that the data hold still there in the reconstruction?
import { ConfigError } from "../../engine/index.ts";
import { besideLimit, figure, percent } from "../../report/index.ts";
import { detailShapes, inGroups, placeDetail, type DetailShape } from "../../imaging/index.ts";
import { testDefaults } from "../defaults.ts";
import { meanShareInterval95 } from "../intervals.ts";
import { outcomeOfInterval } from "../judgement.ts";
import type { DetailScore, Measurement, Score, Verdict } from "../schema.ts";
import { averageOf, detailScore } from "./reference-free.ts";
import { BEYOND, lookFor, scoreOf, type Recovery } from "./recovery.ts";
import { shownAsRecovery } from "./shown/recovery.ts";
import type { StabilityTest, Subject } from "./test.ts";

interface Kind {
  readonly radius: number;
  readonly contrast: number;
}
const labelOf = ({ radius, contrast }: Kind): string => `${radius} px, contrast ${contrast}`;
const shapes = Object.keys(detailShapes) as DetailShape[];

interface Options {
  readonly radii: readonly number[];
  readonly contrasts: readonly number[];
  readonly placements: number;
  readonly judged: Kind;
  readonly leastRecovery: number;
}

function withDefaults(given: Partial<Options>): Options {
  const { radii = [1.5, 2.5, 4, 6], contrasts = [0.05, 0.1, 0.2, 0.4] } = given;
  const { placements = testDefaults.placements } = given;
  const { leastRecovery = testDefaults.leastRecovery } = given;
  const empty = radii.length === 0 || contrasts.length === 0;
  if (empty || ![...radii, ...contrasts].every((v) => v > 0) || !(placements >= 1))
    throw new ConfigError(
      `structuralChange: radii ${radii.join(", ")}, contrasts ${contrasts.join(", ")} and ${placements} placements must be positive`,
      { radii, contrasts, placements },
    );
  const third = {
    radius: radii[Math.min(2, radii.length - 1)],
    contrast: contrasts[Math.min(2, contrasts.length - 1)],
  };
  const { judged = third } = given;
  if (!radii.includes(judged.radius) || !contrasts.includes(judged.contrast))
    throw new ConfigError(
      `structuralChange: radius ${judged.radius} and contrast ${judged.contrast} are judged, but not among those tried`,
      { judged },
    );
  return { radii, contrasts, placements, judged, leastRecovery };
}

/**
 * Puts tumour-like discs and annuli, arrows, letters and card suits of several sizes and contrasts
 * at random places, `placements` of each size and contrast over all images, and asks how much of
 * each comes back. A method fails when, at the judged size and contrast, it recovers less than
 * `leastRecovery` of what it could on the mean, its whole interval below.
 */
export function structuralChange(given: Partial<Options> = {}): StabilityTest {
  const { radii, contrasts, placements, judged, leastRecovery } = withDefaults(given);
  const kinds = radii.flatMap((radius) => contrasts.map((contrast) => ({ radius, contrast })));
  const isJudged = ({ radius, contrast }: Kind): boolean =>
    radius === judged.radius && contrast === judged.contrast;

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
    steps: kinds.length * placements,
    referenceFree: {
      async examine(subject) {
        const scores: Score[] = [];
        for (const kind of kinds) {
          const { possible } = await lookForAll(subject, kind, placements);
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
      for (const kind of kinds) {
        const { found, possible } = await lookForAll(subject, kind, placements);
        const { z } = leastOf(possible.length > 0 ? possible : found).detail;
        const options = { label: labelOf(kind), picture: isJudged(kind) };
        const detail = scoreOf(kind.radius, kind.contrast, found);
        measurements.push({ ...(await subject.measure(z, options)), detail });
      }
      return { measurements };
    },
    show: shownAsRecovery,
    judge(method, { measurements }) {
      const own = measurements.flatMap(({ detail }) => detail ?? []).filter(isJudged);
      return judgeRecovery(method, own, labelOf(judged), leastRecovery);
    },
  };
}

const leastOf = (found: readonly Recovery[]): Recovery =>
  found.reduce((p, q) => (q.recovered < p.recovered ? q : p));

/**
 * One image's details of one size and contrast, at drawn places, and those of them that the data
 * hold.
 */
async function lookForAll(
  subject: Subject,
  kind: Kind,
  placements: number,
): Promise<{ found: readonly Recovery[]; possible: readonly Recovery[] }> {
  const { radius, contrast } = kind;
  const each = Math.ceil(placements / subject.imageCount);
  const rng = subject.common(labelOf(kind));
  const details = Array.from({ length: each }, (_, i) => {
    const shape = shapes[(i + subject.image * each) % shapes.length];
    return placeDetail(subject.truth, subject.shape, { shape, radius, contrast, rng });
  });
  const found = await inGroups(details, subject.together, async (group) => {
    const recoveries = await lookFor(subject, group);
    for (const _ of recoveries) await subject.tick();
    return recoveries;
  });
  return { found, possible: found.filter((f) => f.measured >= BEYOND) };
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
  const all = total((d) => d.placements);
  const beyond = total((d) => d.notRecoverable);
  const lost = total((d) => d.lost);
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
  const written = (share: number): string =>
    besideLimit(share, leastRecovery, { write: percent, digits: 0 });
  const within = interval ? ` (${written(interval.low)} to ${written(interval.high)})` : "";
  const few = range ? "" : `; too few details for an interval of their mean, so nothing is decided`;
  const more = beyond > 0 ? `; ${beyond} more are not in the data` : "";
  return {
    method,
    outcome,
    figure: { value: 100 * mean, threshold: 100 * leastRecovery, unit: "% recovered, at least" },
    explanation: `recovers ${written(mean)}${within} of details of ${what}, loses ${lost} of ${shares.length}${more}${few}; threshold ${figure(100 * leastRecovery)} %`,
  };
}
/** Fewer tell nothing of a mean. */
const LEAST_SHARES = 10;
