// The place and shape where a small detail is lost: a search, where structural-change draws.
import { ConfigError, type Random } from "../../engine/index.ts";
import { besideLimit, figure, percent, withArticle } from "../../report/index.ts";
import {
  detailAt,
  detailShapes,
  drawPlace,
  type DetailShape,
  type Place,
} from "../../imaging/index.ts";
import { testDefaults } from "../defaults.ts";
import type { Measurement, Verdict } from "../schema.ts";
import { mean } from "../statistics.ts";
import { lookFor, scoreOf, type Recovery } from "./recovery.ts";
import { averageOf, detailScore } from "./reference-free.ts";
import { shownAsRecovery } from "./shown/recovery.ts";
import type { Findings, StabilityTest, Subject } from "./test.ts";

/**
 * A walk keeps to details of which at least this share is measured: those that are lost by the
 * method, not by the sampling.
 */
const HELD = 0.3;

/**
 * Walks over tissue from drawn places: each move shifts the detail by up to twice its radius, or
 * changes its shape, and is kept when less of the detail comes back. A method fails when a detail
 * is found of which it recovers less than `leastShare` of what is measured; a linear method with
 * A*A recovers exactly what is measured.
 */
export function lostDetailSearch(
  options: {
    radius?: number;
    contrast?: number;
    walks?: number;
    moves?: number;
    leastShare?: number;
  } = {},
): StabilityTest {
  const { radius = 2.5, contrast = 0.2, walks = 2, moves = 25 } = options;
  const { leastShare = testDefaults.leastRecovery } = options;
  const positive = radius > 0 && contrast > 0 && walks >= 1 && moves >= 1;
  if (!positive || !(leastShare > 0 && leastShare <= 1))
    throw new ConfigError(
      `lostDetailSearch: radius ${radius}, contrast ${contrast}, walks ${walks} and moves ${moves} must be positive, the threshold ${leastShare} in (0, 1]`,
      { radius, contrast, walks, moves, leastShare },
    );
  return {
    id: "lost-detail-search",
    domain: "image",
    requires: ["sampling"],
    content: true,
    title: "No small detail is found that is lost",
    failureTitle: "A small detail that the data hold is lost",
    description: `A search for the place and shape where a detail of ${radius} pixels and ${contrast} of the image's maximum comes back least: ${walks} walks of ${moves} moves over the tissue of each image, from drawn places, among details of which at least ${100 * HELD} % is measured. Pictured is the one that came back least.`,
    source:
      "Calivá et al., MELBA 2021 (false-negative adversarial features), as a walk over places and shapes",
    settings: { radius, contrast, walks, moves, shapes: shapeNames.join(", ") },
    thresholds: { leastShareOfMeasured: leastShare },
    steps: walks * (moves + 1),
    examine: (subject) => search(subject, { radius, contrast, walks, moves }),
    show: shownAsRecovery,
    referenceFree: {
      async examine(subject) {
        const { least } = await leastOf(subject, { radius, contrast, walks, moves });
        return [detailScore(subject, "the detail that came back least", [least.best])];
      },
      say: (scores) =>
        `recovers ${percent(averageOf(scores, "recovered"), 0)} of the detail that came back least, of which ${percent(averageOf(scores, "measured"), 0)} is measured`,
    },
    judge: (method, { measurements }) =>
      judgeLost(method, measurements, leastShare, { radius, walks, moves }),
  };
}

interface Walks {
  readonly radius: number;
  readonly contrast: number;
  readonly walks: number;
  readonly moves: number;
}
interface Step {
  readonly shape: DetailShape;
  readonly place: Place;
}
const shapeNames = Object.keys(detailShapes) as DetailShape[];
const shareOf = (f: Recovery): number => f.recovered / f.measured;

/**
 * Another shape at the place, or the shape at another one. Every number is drawn: all methods'
 * walks see the same.
 */
function moved(
  { shape, place }: Step,
  radius: number,
  [H, W]: readonly [number, number],
  rng: Random,
): Step {
  const [change, other, down, right] = [
    rng.uniform(),
    rng.integer(shapeNames.length),
    rng.uniform(),
    rng.uniform(),
  ];
  if (change < 0.25) return { shape: shapeNames[other], place };
  const reach = 2 * radius;
  const inside = (v: number, n: number): number => Math.max(0, Math.min(n - 1, Math.round(v)));
  const row = inside(place[0] + (2 * down - 1) * reach, H);
  return { shape, place: [row, inside(place[1] + (2 * right - 1) * reach, W)] };
}
/** Whether the walk goes there: on tissue, held by the data, and less of it comes back. */
const isWorse = (tried: Recovery, best: Recovery): boolean =>
  tried.detail.tissue === 1 &&
  tried.measured >= HELD &&
  (best.measured < HELD || shareOf(tried) < shareOf(best));

async function walk(
  subject: Subject,
  { radius, contrast, moves }: Walks,
  rng: Random,
): Promise<{ best: Recovery; curve: number[] }> {
  const { truth: x, shape: size } = subject;
  const look = async ({ shape, place }: Step): Promise<Recovery> =>
    (await lookFor(subject, [detailAt(x, size, { shape, radius, contrast }, place)]))[0];
  let here: Step = {
    shape: shapeNames[rng.integer(shapeNames.length)],
    place: drawPlace(x, size, radius, rng),
  };
  let best = await look(here);
  await subject.tick();
  const curve = [shareOf(best)];
  for (let i = 0; i < moves; i++) {
    const next = moved(here, radius, size, rng);
    const tried = await look(next);
    await subject.tick();
    if (isWorse(tried, best)) [best, here] = [tried, next];
    curve.push(shareOf(best));
  }
  return { best, curve };
}

interface Walked {
  readonly best: Recovery;
  readonly curve: readonly number[];
}
/** Every walk, and the one that found the detail of which least comes back. */
async function leastOf(
  subject: Subject,
  options: Walks,
): Promise<{ found: readonly Walked[]; least: Walked }> {
  const found: Walked[] = [];
  for (let k = 0; k < options.walks; k++)
    found.push(await walk(subject, options, subject.common(`walk ${k}`)));
  const held = found.filter(({ best }) => best.measured >= HELD);
  const least = (held.length > 0 ? held : found).reduce((p, q) =>
    shareOf(q.best) < shareOf(p.best) ? q : p,
  );
  return { found, least };
}

async function search(subject: Subject, options: Walks): Promise<Findings> {
  const { radius, contrast, walks, moves } = options;
  const { found, least } = await leastOf(subject, options);
  const { best, curve } = least;
  const label = `${best.detail.shape}, ${radius} px, contrast ${contrast}`;
  const early = curve[Math.floor(0.8 * moves)];
  return {
    measurements: [
      {
        ...(await subject.measure(best.detail.z, { label, picture: true })),
        detail: { ...scoreOf(radius, contrast, [best]), placements: walks * (moves + 1) },
        search: {
          goal: "share of what is measured",
          changes: found.map((f) => shareOf(f.best)),
          curve,
          rising: early - curve[moves] > RISING,
        },
      },
    ],
  };
}
/**
 * A walk that still found a detail of which so much less comes back, in its last fifth, was not
 * done.
 */
const RISING = 0.05;

function judgeLost(
  method: string,
  measurements: readonly Measurement[],
  leastShare: number,
  { radius, walks, moves }: Omit<Walks, "contrast">,
): Verdict {
  const held = measurements.flatMap((m) =>
    m.detail && m.detail.measured >= HELD
      ? [{ ...m, share: m.detail.recovered / m.detail.measured }]
      : [],
  );
  if (held.length === 0) {
    const explanation = `no detail of ${radius} px was found of which ${100 * HELD} % is measured`;
    return { method, outcome: "not-applicable", explanation };
  }
  const worst = held.reduce((p, q) => (q.share < p.share ? q : p));
  const rising = held.some((m) => m.search?.rising);
  const average =
    held.length > 1
      ? ` (${percent(mean(held.map((m) => m.share)), 0)} on the mean of ${held.length} images)`
      : "";
  const unsure = rising ? "; a walk was still finding worse when it stopped" : "";
  const share = besideLimit(worst.share, leastShare, { write: percent, digits: 0 });
  const said = `recovers ${share} of what is measured of ${withArticle(worst.label)} in image ${worst.image + 1}, the least found in ${walks * (moves + 1)} tries per image${average}; threshold ${figure(100 * leastShare)} %`;
  const judged = {
    value: 100 * worst.share,
    threshold: 100 * leastShare,
    unit: "% of what is measured, at least",
  };
  if (worst.share < leastShare)
    return { method, outcome: "fail", figure: judged, explanation: said };
  return {
    method,
    outcome: rising ? "inconclusive" : "pass",
    figure: judged,
    explanation: `${said}${unsure}`,
  };
}
