// Metamorphic testing (the word of IEC 63450): relations between answers that hold whatever the
// truth is. What is done to the measurement must be seen in the image, and nothing else.
import { ConfigError, PI, sinCos } from "../../engine/index.ts";
import { magnitude, maximum, norm, type Mask } from "../../imaging/index.ts";
import { besideLimit, fixed, percent } from "../../report/index.ts";
import { FLOOR_DB } from "../judgement.ts";
import type { Score, Verdict } from "../schema.ts";
import { mean } from "../statistics.ts";
import { distinct } from "./shown/found.ts";
import { shownAsRelations } from "./shown/relations.ts";
import { scanOf, type Findings, type StabilityTest, type Subject } from "./test.ts";

/** Complex planes [2,C,H,W], all real parts first: an image has one, a measurement one a coil. */
type Change = (planes: ArrayLike<number>) => Float64Array;
interface Relation {
  readonly label: string;
  /** f(ofMeasurement(y)) = ofImage(f(y)) */
  readonly ofMeasurement: Change;
  readonly ofImage: Change;
  /** How many times as large both become: other units, of which the method is told. */
  readonly size: number;
}

/**
 * Scales the measurement, turns its phase, moves its image by a pixel and conjugates it, and asks
 * whether the reconstruction does the same. The operator is asked first: a relation that A does not
 * have is left out. A method fails when a relation is broken by more than `maxShare` of its own
 * error ‖x̂ − x‖, mean over the images: what nobody chose then moves the image by more than it is
 * wrong.
 */
export function symmetries(
  options: { factors?: readonly number[]; degrees?: readonly number[]; maxShare?: number } = {},
): StabilityTest {
  const { factors = [0.5, 2, 10], degrees = [90, 180], maxShare = 1 } = options;
  const valid = factors.every((s) => s > 0 && Number.isFinite(s)) && degrees.every(Number.isFinite);
  if (factors.length + degrees.length === 0 || !valid || !(maxShare > 0))
    throw new ConfigError(
      `symmetries: factors ${factors.join(", ")}, phases ${degrees.join(", ")}°, threshold ${maxShare}; factors and the threshold must be positive, phases finite, and at least one factor or phase be there`,
      { factors, degrees, maxShare },
    );
  return {
    id: "symmetries",
    domain: "measurement",
    requires: ["sampling"],
    title: "Scale, phase and place change the image by less than its own error",
    failureTitle: "Scale, phase or place change the image by more than its own error",
    description:
      "Relations that hold for every method without knowing the truth: the measurement in other units gives the image in other units (a method that is told the noise's level is told it in the same units); a turned phase gives a turned phase; a ramp of phases moves the image by a pixel along the axis that is wholly sampled (the rows where none is); the conjugate of a mirrored k-space gives the conjugate image. A relation that the operator itself does not have is left out.",
    source: "metamorphic testing, as in IEC 63450; Chen, Cheung, Yiu 1998",
    settings: { factors, phasesInDegrees: degrees },
    thresholds: { maxShareOfOwnError: maxShare },
    steps: factors.length + degrees.length + 2,
    referenceFree: {
      async examine(subject) {
        const { scores = [] } = await broken(subject, relationsOf(subject, factors, degrees));
        return scores.map(({ figures: { relative }, ...score }) => ({
          ...score,
          figures: relative === undefined ? {} : { relative },
        }));
      },
      say: (scores) => {
        const asked = scores.filter((s) => s.leftOut === undefined);
        if (asked.length === 0) return "could be asked no relation, for the operator has none";
        const worst = asked.reduce((p, q) => (q.figures.relative > p.figures.relative ? q : p));
        return `breaks no relation by more than ${percent(worst.figures.relative)} of the first image, ${worst.label}`;
      },
    },
    examine: (subject) => broken(subject, relationsOf(subject, factors, degrees)),
    show: shownAsRelations,
    judge: (method, { scores = [] }, { references }) =>
      judgeRelations(method, scores, references, maxShare),
  };
}

function relationsOf(
  subject: Subject,
  factors: readonly number[],
  degrees: readonly number[],
): Relation[] {
  const { shape } = subject;
  const axis = wholeAxis(scanOf(subject).mask);
  const both = (label: string, change: Change, size = 1): Relation => ({
    label,
    ofMeasurement: change,
    ofImage: change,
    size,
  });
  return [
    ...factors.map((s) => both(`scale × ${s}`, (v) => Float64Array.from(v, (x) => s * x), s)),
    ...degrees.map((angle) =>
      both(
        `phase ${angle}°`,
        turned(() => (angle * PI) / 180),
      ),
    ),
    {
      label: `shift by a ${STEPS[axis]}`,
      ofMeasurement: ramp(shape, axis),
      ofImage: moved(shape, axis),
      size: 1,
    },
    { label: "conjugate", ofMeasurement: mirrored(shape), ofImage: conjugated, size: 1 },
  ];
}
const STEPS = ["row", "column"] as const;

/** The axis along which nothing is left out: 0, down the rows, unless it is 1 alone. */
function wholeAxis({ shape: [, W], data }: Mask): 0 | 1 {
  const alike = (first: (k: number) => number): boolean =>
    data.every((v, k) => v === data[first(k)]);
  const [wholeColumns, wholeRows] = [alike((k) => k % W), alike((k) => k - (k % W))];
  return wholeRows && !wholeColumns ? 1 : 0;
}

/** Each cell's phase turned by an angle that depends on its place in the plane. */
function turned(angle: (cell: number) => number): Change {
  return (planes) => {
    const half = planes.length / 2;
    const out = new Float64Array(planes.length);
    for (let k = 0; k < half; k++) {
      const [sin, cos] = sinCos(angle(k));
      out[k] = cos * planes[k] - sin * planes[half + k];
      out[half + k] = sin * planes[k] + cos * planes[half + k];
    }
    return out;
  };
}
/** The row or the column of a cell, in whichever plane. */
const placeOf = (cell: number, [H, W]: readonly [number, number], axis: 0 | 1): number =>
  axis === 0 ? Math.floor(cell / W) % H : cell % W;

/** In k-space what `moved` is in the image; DC is at ⌊N/2⌋. */
function ramp(shape: readonly [number, number], axis: 0 | 1): Change {
  const n = shape[axis];
  return turned((cell) => (-2 * PI * (placeOf(cell, shape, axis) - Math.floor(n / 2))) / n);
}
/** Each plane's cells taken from others of the plane. */
function taken(
  [H, W]: readonly [number, number],
  from: (row: number, column: number) => [number, number],
): Change {
  return (planes) =>
    Float64Array.from({ length: planes.length }, (_, cell) => {
      const [i, j] = from(placeOf(cell, [H, W], 0), placeOf(cell, [H, W], 1));
      return planes[cell - (cell % (H * W)) + i * W + j];
    });
}
/** By one pixel, around the edge. */
const moved = ([H, W]: readonly [number, number], axis: 0 | 1): Change =>
  taken([H, W], (i, j) => (axis === 0 ? [(i + H - 1) % H, j] : [i, (j + W - 1) % W]));
const conjugated: Change = (planes) =>
  Float64Array.from(planes, (v, k) => (k < planes.length / 2 ? v : -v));
/** conj(y(−k)) */
function mirrored([H, W]: readonly [number, number]): Change {
  const opposite = (k: number, n: number): number => (2 * Math.floor(n / 2) - k + n) % n;
  const turn = taken([H, W], (i, j) => [opposite(i, H), opposite(j, W)]);
  return (planes) => conjugated(turn(planes));
}

const distance = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  norm(Float64Array.from(a, (v, k) => v - b[k]));
/** Above float32's rounding: A has the relation or breaks it by far more. */
const KEPT = 1e-4;

async function broken(subject: Subject, relations: readonly Relation[]): Promise<Findings> {
  const { method, image, truth, clean } = subject;
  const { y } = scanOf(subject);
  const seen = await subject.forward(truth);
  const own = Math.max(distance(clean, truth), floorOf(truth));
  const scores: Score[] = [];
  for (const { label, ofMeasurement, ofImage, size } of relations) {
    const both = await subject.forward(ofImage(truth));
    const kept = distance(both, ofMeasurement(seen)) <= KEPT * norm(both);
    if (!kept)
      scores.push({ method, image, label, figures: {}, leftOut: "the operator does not have it" });
    else {
      const changed = ofMeasurement(y);
      const r = changed.map((v, k) => v - y[k]);
      const x = size === 1 ? await subject.reconstruct(r) : await subject.inUnits(size);
      if (!x.every(Number.isFinite))
        throw new ConfigError(
          `its reconstruction of image ${image + 1} is not finite under ${label}`,
          {},
        );
      const change = distance(x, ofImage(clean)) / size;
      const figures = { shareOfOwnError: change / own, relative: change / norm(truth) };
      scores.push({ method, image, label, figures });
    }
    await subject.tick();
  }
  return { measurements: [], scores };
}
/** The error at 40 dB, below which no loss counts: an exact method has none of its own. */
const floorOf = (truth: Float64Array): number =>
  10 ** (-FLOOR_DB / 20) * maximum(magnitude(truth)) * Math.sqrt(truth.length / 2);

interface Break {
  readonly label: string;
  readonly share: number;
  readonly relative: number;
}
/** By how much each relation is broken, means over the images, the worst first. */
function breaksOf(scores: readonly Score[]): Break[] {
  const asked = scores.filter((s) => s.leftOut === undefined);
  const at = (label: string, name: string): number =>
    mean(asked.filter((s) => s.label === label).map((s) => s.figures[name]));
  return distinct(asked.map((s) => s.label))
    .map((label) => ({
      label,
      share: at(label, "shareOfOwnError"),
      relative: at(label, "relative"),
    }))
    .toSorted((a, b) => b.share - a.share);
}

/** A broken relation is a fact: the two measurements are there, and so are the two answers. */
function judgeRelations(
  method: string,
  scores: readonly Score[],
  references: readonly { readonly method: string; readonly findings: Findings }[],
  maxShare: number,
): Verdict {
  const breaks = breaksOf(scores);
  const [worst] = breaks;
  const failed = breaks.filter((b) => b.share > maxShare);
  const size = ({ share, relative }: Break): string =>
    `${besideLimit(share, maxShare, { write: fixed, digits: 2 })} times its own error (${percent(relative)} of ‖x‖)`;
  const said =
    failed.length > 0
      ? `breaks ${failed.map((b) => `${b.label} by ${size(b)}`).join(", ")}`
      : `breaks no relation by more than ${size(worst)}, ${worst.label}`;
  const beside = references.map((r) => {
    const own = breaksOf(r.findings.scores ?? []).find((b) => b.label === worst.label);
    return own ? `${r.method} ${fixed(own.share, 2)}` : "";
  });
  const others = beside.filter(Boolean).join(", ");
  const absent = distinct(scores.filter((s) => s.leftOut !== undefined).map((s) => s.label));
  const left =
    absent.length > 0 ? `; left out, as the operator does not have it: ${absent.join(", ")}` : "";
  return {
    method,
    outcome: failed.length > 0 ? "fail" : "pass",
    figure: {
      value: worst.share,
      threshold: maxShare,
      unit: "times its own error, of a relation that must hold",
    },
    explanation: `${said}; threshold ${maxShare}${others === "" ? "" : ` (${worst.label}: ${others})`}${left}`,
  };
}
