// What happens in practice: faults that scanners and patients really make, at three severities
// each, for every method.
import { ConfigError } from "../../engine/index.ts";
import { besideLimit, decibels, figure, percent } from "../../report/index.ts";
import {
  acquisitionFaults,
  coilDropOut,
  inGroups,
  type AcquisitionFault,
} from "../../imaging/index.ts";
import { testDefaults } from "../defaults.ts";
import { SHARE_FROM, shareInterval95 } from "../intervals.ts";
import { lossOf, outcomeOfInterval } from "../judgement.ts";
import type { Measurement, Outcome, Verdict } from "../schema.ts";
import { mean } from "../statistics.ts";
import { shownAsSeries } from "./shown/series.ts";
import { scanOf, type StabilityTest, type Subject } from "./test.ts";

/**
 * Draws of every moderate fault over all images, at least: none ruined of so many is below a tenth.
 */
const DRAWS = 36;

/**
 * Applies each fault at each severity, the same one to every method, and asks what it costs; and
 * draws each moderate one `draws` times over all images. A method fails when a fault costs it more
 * than `maxPsnrLoss` dB in more than `maxShare` of its draws, the whole 95 % interval above, and
 * passes when every fault's lies below.
 */
export function practicalFaults(
  options: {
    faults?: readonly AcquisitionFault[];
    draws?: number;
    maxPsnrLoss?: number;
    maxShare?: number;
  } = {},
): StabilityTest {
  const {
    faults = acquisitionFaults,
    draws = DRAWS,
    maxPsnrLoss = testDefaults.maxPsnrLoss,
    maxShare = 0.1,
  } = options;
  const enough = faults.length > 0 && draws >= SHARE_FROM;
  if (!enough || !(maxPsnrLoss > 0) || !(maxShare > 0 && maxShare < 1))
    throw new ConfigError(
      `practicalFaults: ${faults.length} faults, ${draws} draws, thresholds of ${maxPsnrLoss} dB and a share of ${maxShare}; it needs at least one fault, ${SHARE_FROM} draws, a positive loss and a share in (0, 1)`,
      { draws, maxPsnrLoss, maxShare },
    );
  const dropOut = faults.includes(coilDropOut);
  return {
    id: "practical-faults",
    domain: "measurement",
    requires: ["sampling"],
    title: "Faults of the acquisition make small differences",
    failureTitle: "A fault of the acquisition ruins the image",
    description: `What goes wrong in practice, at a mild, a moderate and a severe size, drawn from the seed and the same for every method; beside it, random noise that changes the measurement as much. The moderate one is drawn many times, for how often it ruins the image depends on what it hits, and pictured for the first image. ${faults.map((f) => `${f.name[0].toUpperCase()}${f.name.slice(1)}: ${f.description}.`).join(" ")}${dropOut ? "" : " Coils cannot drop out: there is one."}`,
    source:
      "Gottschling, Antun, Adcock, Hansen, SIAM Review 2025 (arXiv 2001.01258), on perturbations that are not generic",
    settings: {
      faults: faults.map((f) => f.name).join(", "),
      severities: faults.map((f) => `${f.severities.join(", ")} ${f.unit}`).join("; "),
    },
    thresholds: { judgedSeverity: "moderate", maxPsnrLossDb: maxPsnrLoss, maxShare },
    steps: faults.length * (3 + draws),
    async examine(subject) {
      const found: Measurement[] = [];
      const each = Math.ceil(draws / subject.imageCount);
      for (const fault of faults)
        for (const [i, severity] of fault.severities.entries()) {
          // one draw for all severities and methods: only the size differs
          const r = await faultOf(subject, fault, severity, fault.name);
          const options = {
            label: labelOf(fault, severity),
            series: fault.name,
            picture: i === JUDGED && subject.image === 0,
          };
          const measured = await subject.measure(r, options);
          await subject.tick();
          if (i !== JUDGED) found.push(measured);
          else
            found.push({
              ...measured,
              losses: await lossesTo(subject, fault, measured.psnr.before, each),
            });
        }
      return { measurements: found };
    },
    show: shownAsSeries,
    judge: (method, { measurements }) =>
      judgeFaults(method, measurements, faults, { maxPsnrLoss, maxShare }),
  };
}

/** The moderate one of mild, moderate, severe. */
const JUDGED = 1;
const labelOf = (fault: AcquisitionFault, severity: number): string => `${severity} ${fault.unit}`;

/** How the fault changes the measurement, drawn by its name: the same for every method. */
async function faultOf(
  subject: Subject,
  fault: AcquisitionFault,
  severity: number,
  name: string,
): Promise<Float64Array> {
  const scan = scanOf(subject);
  const faulty = await fault.corrupt(scan, severity, subject.common(name));
  return faulty.map((v, k) => v - scan.y[k]);
}

/** dB lost to the moderate fault, drawn anew `count` times. */
async function lossesTo(
  subject: Subject,
  fault: AcquisitionFault,
  before: number,
  count: number,
): Promise<number[]> {
  const draws = Array.from({ length: count }, (_, k) => k);
  return inGroups(draws, subject.together, async (group) => {
    const rs: Float64Array[] = [];
    for (const k of group)
      rs.push(await faultOf(subject, fault, fault.severities[JUDGED], `${fault.name} ${k}`));
    const losses = (await subject.psnrOfAll(rs)).map((psnr) => lossOf(before, psnr));
    for (const _ of losses) await subject.tick();
    return losses;
  });
}

function judgeFaults(
  method: string,
  measurements: readonly Measurement[],
  faults: readonly AcquisitionFault[],
  { maxPsnrLoss, maxShare }: { maxPsnrLoss: number; maxShare: number },
): Verdict {
  const judged = faults.map((fault) => {
    const losses = measurements
      .filter((m) => m.series === fault.name)
      .flatMap((m) => m.losses ?? []);
    const ruined = losses.filter((loss) => loss > maxPsnrLoss).length;
    const interval = shareInterval95(ruined, losses.length) ?? { low: 0, high: 1 };
    const outcome = outcomeOfInterval(interval, maxShare, "above");
    return { fault, losses, ruined, interval, outcome, share: ruined / Math.max(1, losses.length) };
  });
  const rank = { fail: 2, inconclusive: 1, pass: 0 } as Readonly<Record<Outcome, number>>;
  const sorted = judged.toSorted((a, b) => rank[b.outcome] - rank[a.outcome] || b.share - a.share);
  const [{ outcome, share }] = sorted;
  const named = sorted.filter((f) => f.outcome === outcome).slice(0, outcome === "pass" ? 1 : 3);
  const written = (part: number): string =>
    besideLimit(part, maxShare, { write: percent, digits: 0 });
  const said = named.map(({ fault, losses, ruined, interval }) => {
    const range = `${written(interval.low)} to ${written(interval.high)}`;
    return `${fault.name} (${labelOf(fault, fault.severities[JUDGED])}) in ${ruined} of ${losses.length} acquisitions (${range}), ${decibels(mean(losses))} on the mean`;
  });
  return {
    method,
    outcome,
    figure: {
      value: 100 * share,
      threshold: 100 * maxShare,
      unit: "% of acquisitions ruined by a moderate fault",
    },
    explanation: `loses more than ${maxPsnrLoss} dB ${outcome === "pass" ? "at most " : ""}to ${said.join(", to ")}; threshold ${figure(100 * maxShare)} %`,
  };
}
