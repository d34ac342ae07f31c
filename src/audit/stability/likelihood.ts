// How likely is a bad reconstruction, when nobody searches for one? Noise as the problem has it,
// and one thing that goes wrong in practice.
import { ConfigError, log10, present } from "../../engine/index.ts";
import { besideLimit, probability } from "../../report/index.ts";
import { acquisitionFaults, type AcquisitionFault } from "../../imaging/index.ts";
import { testDefaults } from "../defaults.ts";
import { fromNormals } from "../likelihood/normals.ts";
import { plainMonteCarlo, subsetSimulation } from "../likelihood/subset-simulation.ts";
import { outcomeOfInterval } from "../judgement.ts";
import { shownAsLikelihood } from "./shown/likelihood.ts";
import { scanOf, type Findings, type StabilityTest, type Subject } from "./test.ts";

/**
 * Numbers that a fault may draw: enough for its moments, places and the columns of an image of 512;
 * noise on every cell is there already.
 */
const FAULT_DRAWS = 512;

/** Each level is a tenth of the one before: so many until what is judged is reached. */
const levelsFor = (maxProbability: number): number =>
  Math.max(1, Math.ceil(-log10(maxProbability) - 1e-9));

interface Options {
  readonly fault: AcquisitionFault;
  readonly psnrLoss: number;
  readonly maxProbability: number;
  readonly samples: number;
  readonly maxLevels: number;
  readonly plain: boolean;
}

function withDefaults(given: Partial<Options>): Options {
  const { psnrLoss = testDefaults.maxPsnrLoss, samples = testDefaults.samples } = given;
  const { maxProbability = 1e-2 } = given;
  if (!(psnrLoss > 0) || !(maxProbability > 0 && maxProbability < 1) || !(samples >= 20))
    throw new ConfigError(
      `badReconstructionLikelihood: a loss of ${psnrLoss} dB, a probability of ${maxProbability} and ${samples} samples; give a positive loss, a probability between 0 and 1 and at least 20 samples`,
      { psnrLoss, maxProbability, samples },
    );
  const { fault = acquisitionFaults[0], plain = false } = given;
  const { maxLevels = levelsFor(maxProbability) } = given;
  return { fault, psnrLoss, maxProbability, samples, maxLevels, plain };
}

/**
 * The probability, per acquisition, that the reconstruction loses `psnrLoss` dB or more, under
 * fresh noise and a fault whose severity is half-normal with the moderate severity as its scale: by
 * subset simulation of `samples` a level, or, with `plain`, by counting so many. A method fails
 * when even the interval's lower end is above `maxProbability`.
 */
export function badReconstructionLikelihood(given: Partial<Options> = {}): StabilityTest {
  const options = withDefaults(given);
  const { fault, psnrLoss, maxProbability, samples, maxLevels, plain } = options;
  const [, scale] = fault.severities;
  const estimate = plain
    ? `Plain Monte Carlo, ${samples} samples; Wilson's interval.`
    : `Subset simulation, ${samples} samples a level, at most ${maxLevels} levels, for what is rarer than the threshold is rare enough; what is not rare is counted until it was met ${Math.floor(samples / 10)} times. The interval takes the chains' correlation into account.`;
  return {
    id: "bad-reconstruction-likelihood",
    domain: "measurement",
    requires: ["sampling"],
    title: "A bad reconstruction is unlikely under noise and one fault of practice",
    failureTitle: "A bad reconstruction is likely under noise and one fault of practice",
    description: `The probability that an acquisition costs ${psnrLoss} dB or more against the undisturbed one, when its noise is drawn afresh and something goes wrong with it: ${fault.name} (${fault.description}), with a half-normal severity of scale ${scale} ${fault.unit}. ${estimate} The intervals are for 95 %. Pictured is the worst acquisition drawn.`,
    source: "Au and Beck 2001; Papaioannou, Betz, Zwirglmaier, Straub 2015",
    settings: present({
      fault: fault.name,
      scale,
      psnrLossDb: psnrLoss,
      method: plain ? "plain Monte Carlo" : "subset simulation",
      samples,
      maxLevels: plain ? undefined : maxLevels,
    }),
    thresholds: { maxProbability },
    steps: plain ? samples : samples * (maxLevels + 1),
    examine: (subject) => estimated(subject, options),
    show: shownAsLikelihood,
    judge(method, { measurements }) {
      const all = measurements.flatMap((m) => m.likelihood ?? []);
      const worst = all.reduce((p, q) => (q.probability > p.probability ? q : p));
      const [value, low, high] = [worst.probability, worst.low, worst.high].map((p) =>
        besideLimit(p, maxProbability, { write: probability, digits: 0 }),
      );
      const below = worst.bound ? "below " : "";
      const onWorst = all.length > 1 ? " on its worst image" : "";
      return {
        method,
        outcome: outcomeOfInterval(worst, maxProbability, "above"),
        figure: {
          value: worst.probability,
          threshold: maxProbability,
          unit: `probability of losing ${psnrLoss} dB`,
        },
        explanation: `loses ${psnrLoss} dB or more with probability ${below}${value} (${low} to ${high})${onWorst}, ${worst.evaluations} reconstructions; threshold ${maxProbability}`,
      };
    },
  };
}

/** The probability on one image, and the worst acquisition that was drawn. */
async function estimated(subject: Subject, options: Options): Promise<Findings> {
  const { fault, psnrLoss, samples, maxLevels, plain } = options;
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
  const found = plain
    ? await plainMonteCarlo(event)
    : await subsetSimulation({ ...event, maxLevels });
  const { worst, probability, low, high, evaluations, levels, bound } = found;
  const label = `worst of ${evaluations}`;
  const m = await subject.measure(await disturbed(worst), { label, picture: true });
  const likelihood = { probability, low, high, evaluations, levels, bound };
  return { measurements: [{ ...m, likelihood }] };
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
