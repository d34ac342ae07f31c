// How likely is a bad reconstruction, when nobody searches for one? Noise as the problem has it,
// and one thing that goes wrong in practice.
import { ConfigError, log10 } from "../../engine/index.ts";
import { probability } from "../../report/index.ts";
import { acquisitionFaults, type AcquisitionFault } from "../../imaging/index.ts";
import { fromNormals } from "../likelihood/normals.ts";
import { plainMonteCarlo, subsetSimulation } from "../likelihood/subset-simulation.ts";
import { outcomeOfInterval } from "../judgement.ts";
import type { Measurement } from "../schema.ts";
import { shownAsLikelihood } from "./shown/likelihood.ts";
import { scanOf, type StabilityTest, type Subject } from "./test.ts";

/**
 * Numbers that a fault may draw: enough for its moments, places and the columns of an image of 512;
 * noise on every cell is there already.
 */
const FAULT_DRAWS = 512;

/** Each level is a tenth of the one before: so many until what is judged is reached. */
const levelsFor = (maxProbability: number): number =>
  Math.max(1, Math.ceil(-log10(maxProbability) - 1e-9));

/**
 * The probability, per acquisition, that the reconstruction loses `psnrLoss` dB or more, under
 * fresh noise and a fault whose severity is half-normal with the moderate severity as its scale: by
 * subset simulation of `samples` a level, or, with `plain`, by counting so many. A method fails
 * when even the interval's lower end is above `maxProbability`.
 */
export function badReconstructionLikelihood(
  options: {
    fault?: AcquisitionFault;
    psnrLoss?: number;
    maxProbability?: number;
    samples?: number;
    maxLevels?: number;
    plain?: boolean;
  } = {},
): StabilityTest {
  const {
    fault = acquisitionFaults[0],
    psnrLoss = 3,
    maxProbability = 1e-2,
    samples = 200,
    maxLevels = levelsFor(maxProbability),
    plain = false,
  } = options;
  if (!(psnrLoss > 0) || !(maxProbability > 0 && maxProbability < 1) || !(samples >= 20))
    throw new ConfigError(
      `badReconstructionLikelihood: a loss of ${psnrLoss} dB, a probability of ${maxProbability} and ${samples} samples; give a positive loss, a probability between 0 and 1 and at least 20 samples`,
      { psnrLoss, maxProbability, samples },
    );
  return {
    id: "bad-reconstruction-likelihood",
    domain: "measurement",
    requires: ["sampling"],
    title: "A bad reconstruction is unlikely under noise and one fault of practice",
    failureTitle: "A bad reconstruction is likely under noise and one fault of practice",
    description: `The probability that an acquisition costs ${psnrLoss} dB or more against the undisturbed one, when its noise is drawn afresh and something goes wrong with it: ${fault.name} (${fault.description}), with a half-normal severity of scale ${fault.severities[1]} ${fault.unit}. ${plain ? `Plain Monte Carlo, ${samples} samples; Wilson's interval.` : `Subset simulation, ${samples} samples a level, at most ${maxLevels} levels, for what is rarer than the threshold is rare enough; what is not rare is counted until it was met ${Math.floor(samples / 10)} times. The interval takes the chains' correlation into account.`} The intervals are for 95 %. Pictured is the worst acquisition drawn.`,
    source: "Au and Beck 2001; Papaioannou, Betz, Zwirglmaier, Straub 2015",
    settings: {
      fault: fault.name,
      scale: fault.severities[1],
      psnrLossDb: psnrLoss,
      method: plain ? "plain Monte Carlo" : "subset simulation",
      samples,
      ...(plain ? {} : { maxLevels }),
    },
    thresholds: { maxProbability },
    steps: plain ? samples : samples * (maxLevels + 1),
    async examine(subject) {
      const { disturbed, measured } = await disturbanceOf(subject, fault);
      const before = await subject.psnrOf(new Float64Array(subject.size));
      const event = {
        dimension: 1 + FAULT_DRAWS + measured,
        response: async (u: Float64Array): Promise<number> =>
          before - (await subject.psnrOf(await disturbed(u))),
        responses: async (us: readonly Float64Array[]): Promise<number[]> => {
          const rs: Float64Array[] = [];
          for (const u of us) rs.push(await disturbed(u));
          return (await subject.psnrOfAll(rs)).map((psnr) => before - psnr);
        },
        together: subject.together,
        threshold: psnrLoss,
        seed: subject.common("likelihood").integer(2 ** 31),
        samples,
        tick: () => subject.tick(),
      };
      const likelihood = plain
        ? await plainMonteCarlo(event)
        : await subsetSimulation({ ...event, maxLevels });
      const r = await disturbed(likelihood.worst);
      const m: Measurement = await subject.measure(r, {
        label: `worst of ${likelihood.evaluations}`,
        picture: true,
      });
      const { probability, low, high, evaluations, levels, bound } = likelihood;
      return {
        measurements: [
          { ...m, likelihood: { probability, low, high, evaluations, levels, bound } },
        ],
      };
    },
    show: shownAsLikelihood,
    judge(method, { measurements }) {
      const all = measurements.flatMap((m) => m.likelihood ?? []);
      const worst = all.reduce((p, q) => (q.probability > p.probability ? q : p));
      return {
        method,
        outcome: outcomeOfInterval(worst, maxProbability, "above"),
        figure: {
          value: worst.probability,
          threshold: maxProbability,
          unit: `probability of losing ${psnrLoss} dB`,
        },
        explanation: `loses ${psnrLoss} dB or more with probability ${worst.bound ? "below " : ""}${probability(worst.probability)} (${probability(worst.low)} to ${probability(worst.high)})${all.length > 1 ? " on its worst image" : ""}, ${worst.evaluations} reconstructions; threshold ${maxProbability}`,
      };
    },
  };
}

/**
 * What noise and the fault do to the measurement, from standard normals; and how many cells are
 * measured, each of which takes one.
 */
async function disturbanceOf(
  subject: Subject,
  fault: AcquisitionFault,
): Promise<{ disturbed(normals: Float64Array): Promise<Float64Array>; measured: number }> {
  const { sigma } = subject;
  const scan = scanOf(subject);
  const cells = scan.mask.data;
  const whole = await scan.spectrum(scan.x);
  const clean = Float64Array.from(whole, (v, k) => (cells[k % cells.length] ? v : 0));
  const measured = [...clean.keys()].filter((k) => cells[k % cells.length]);
  const disturbed = async (normals: Float64Array): Promise<Float64Array> => {
    const y = await fault.corrupt(
      { ...scan, y: clean },
      fault.severities[1] * Math.abs(normals[0]),
      fromNormals(normals.subarray(1, 1 + FAULT_DRAWS)),
    );
    measured.forEach((k, i) => {
      y[k] += sigma * normals[1 + FAULT_DRAWS + i];
    });
    for (let k = 0; k < y.length; k++) y[k] -= scan.y[k];
    return y;
  };
  return { disturbed, measured: measured.length };
}
