// The place and shape where a small detail is lost: a search, where structural-change draws.
import { ConfigError } from "../../engine/index.ts";
import { detailAt, detailShapes, drawPlace, type DetailShape, type Place } from "../../imaging/index.ts";
import { mean } from "../statistics.ts";
import { lookFor, scoreOf, type Recovery } from "./recovery.ts";
import type { StabilityTest } from "./test.ts";

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
  options: { radius?: number; contrast?: number; walks?: number; moves?: number; leastShare?: number } = {},
): StabilityTest {
  const { radius = 2.5, contrast = 0.2, walks = 2, moves = 25, leastShare = 0.5 } = options;
  if (!(radius > 0) || !(contrast > 0) || !(walks >= 1) || !(moves >= 1) || !(leastShare > 0 && leastShare <= 1))
    throw new ConfigError(
      `lostDetailSearch: radius ${radius}, contrast ${contrast}, walks ${walks} and moves ${moves} must be positive, the threshold ${leastShare} in (0, 1]`,
      { radius, contrast, walks, moves, leastShare },
    );
  const shapes = Object.keys(detailShapes) as DetailShape[];
  return {
    id: "lost-detail-search",
    domain: "image",
    requires: ["sampling"],
    content: true,
    title: "No small detail is found that is lost",
    failureTitle: "A small detail that the data hold is lost",
    description: `A search for the place and shape where a detail of ${radius} pixels and ${contrast} of the image's maximum comes back least: ${walks} walks of ${moves} moves over the tissue of each image, from drawn places, among details of which at least ${100 * HELD} % is measured. Pictured is the one that came back least.`,
    source: "Calivá et al., MELBA 2021 (false-negative adversarial features), as a walk over places and shapes",
    settings: { radius, contrast, walks, moves, shapes: shapes.join(", ") },
    thresholds: { leastShareOfMeasured: leastShare },
    steps: walks * (moves + 1),
    async run(subject) {
      const { truth: x } = subject;
      const [H, W] = subject.shape;
      const share = (f: Recovery): number => f.recovered / f.measured;
      const found: Recovery[] = [];
      for (let k = 0; k < walks; k++) {
        const rng = subject.common(`walk ${k}`);
        const look = (shape: DetailShape, place: Place): Promise<Recovery> =>
          lookFor(subject, detailAt(x, [H, W], { shape, radius, contrast }, place));
        let [shape, place] = [shapes[rng.integer(shapes.length)], drawPlace(x, [H, W], radius, rng)];
        let best = await look(shape, place);
        await subject.tick();
        for (let i = 0; i < moves; i++) {
          // every number is drawn, so that all methods' walks see the same moves
          const [change, other, down, right] = [
            rng.uniform(),
            rng.integer(shapes.length),
            rng.uniform(),
            rng.uniform(),
          ];
          const reach = 2 * radius;
          const inside = (v: number, n: number): number => Math.max(0, Math.min(n - 1, Math.round(v)));
          const next =
            change < 0.25
              ? { shape: shapes[other], place }
              : {
                  shape,
                  place: [
                    inside(place[0] + (2 * down - 1) * reach, H),
                    inside(place[1] + (2 * right - 1) * reach, W),
                  ] as const,
                };
          const tried = await look(next.shape, next.place);
          await subject.tick();
          if (
            tried.detail.tissue === 1 &&
            tried.measured >= HELD &&
            (best.measured < HELD || share(tried) < share(best))
          )
            [best, shape, place] = [tried, next.shape, next.place];
        }
        found.push(best);
      }
      const held = found.filter((f) => f.measured >= HELD);
      const worst = (held.length > 0 ? held : found).reduce((p, q) => (share(q) < share(p) ? q : p));
      const label = `${worst.detail.shape}, ${radius} px, contrast ${contrast}`;
      return {
        measurements: [
          {
            ...(await subject.measure(worst.detail.z, { label, picture: true })),
            detail: { ...scoreOf(radius, contrast, [worst]), placements: walks * (moves + 1) },
          },
        ],
      };
    },
    judge(method, { measurements }) {
      const held = measurements.flatMap((m) =>
        m.detail && m.detail.measured >= HELD ? [{ ...m, share: m.detail.recovered / m.detail.measured }] : [],
      );
      if (held.length === 0)
        return {
          method,
          outcome: "not-applicable",
          explanation: `no detail of ${radius} px was found of which ${100 * HELD} % is measured`,
        };
      const worst = held.reduce((p, q) => (q.share < p.share ? q : p));
      const percent = (v: number): string => `${(100 * v).toFixed(0)} %`;
      return {
        method,
        outcome: worst.share < leastShare ? "fail" : "pass",
        figure: { value: 100 * worst.share, threshold: 100 * leastShare, unit: "% of what is measured, at least" },
        explanation: `recovers ${percent(worst.share)} of what is measured of a ${worst.label} in image ${worst.image + 1}, the least found in ${walks * (moves + 1)} tries per image (mean of the images' least ${percent(mean(held.map((m) => m.share)))}); threshold ${percent(leastShare)}`,
      };
    },
  };
}
