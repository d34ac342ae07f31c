// What scanners and patients really do to the data: faults of the acquisition, each with a
// severity. Columns of k-space are acquired one after the other, from left to right.
import { exp, PI, sinCos, type Random } from "../engine/index.ts";
import type { Mask } from "./operators/masks.ts";

/**
 * One acquisition: the image x [2,H,W] and its measured k-space y, [2,H,W] or, of several coils,
 * [2,coils,H,W], centred.
 */
export interface Acquisition {
  readonly x: ArrayLike<number>;
  readonly y: ArrayLike<number>;
  readonly mask: Mask;
  /** The whole k-space of an image, of all coils. */
  spectrum(x: ArrayLike<number>): Promise<ArrayLike<number>>;
}
export interface AcquisitionFault {
  readonly name: string;
  readonly description: string;
  readonly unit: string;
  /** Mild, moderate, severe. */
  readonly severities: readonly [number, number, number];
  /** The faulty measurement y′, zero where nothing is measured. */
  corrupt(scan: Acquisition, severity: number, rng: Random): Promise<Float64Array>;
}

const LN10 = 2.302585092994046;

/**
 * Where a cell is: its place among the real parts of y, and the share of the acquisition gone by.
 */
interface Cell {
  readonly row: number;
  readonly column: number;
  readonly coil: number;
  readonly k: number;
  readonly time: number;
}
/** y with every measured cell of every coil replaced. */
function cells(
  scan: Acquisition,
  next: (re: number, im: number, at: Cell) => readonly [number, number],
): Float64Array {
  const W = scan.mask.shape[1];
  const size = scan.mask.data.length;
  const half = scan.y.length / 2;
  const out = new Float64Array(2 * half);
  const columns = measuredColumns(scan);
  const timeOf = new Float64Array(W);
  for (const [i, c] of columns.entries()) timeOf[c] = i / Math.max(1, columns.length - 1);
  for (let k = 0; k < half; k++) {
    const cell = k % size;
    if (!scan.mask.data[cell]) continue;
    const row = Math.floor(cell / W);
    const column = cell % W;
    const at = { row, column, coil: Math.floor(k / size), k, time: timeOf[column] };
    const [re, im] = next(scan.y[k], scan.y[half + k], at);
    out[k] = re;
    out[half + k] = im;
  }
  return out;
}
function measuredColumns({
  mask: {
    data,
    shape: [H, W],
  },
}: Acquisition): number[] {
  return Array.from({ length: W }, (_, c) => c).filter((c) => {
    for (let r = 0; r < H; r++) if (data[r * W + c]) return true;
    return false;
  });
}
const turned = (re: number, im: number, angle: number): [number, number] => {
  const [s, c] = sinCos(angle);
  return [re * c - im * s, re * s + im * c];
};
/** Some of the items, at least one, drawn without replacement. */
function some<T>(items: readonly T[], share: number, rng: Random): Set<T> {
  const left = [...items];
  const chosen = new Set<T>();
  for (let n = Math.max(1, Math.round(share * items.length)); n > 0 && left.length > 0; n--)
    chosen.add(left.splice(Math.floor(rng.uniform() * left.length), 1)[0]);
  return chosen;
}
/** Keys' cubic kernel (a = −½). */
const cubic = (t: number): number => {
  const d = Math.abs(t);
  return d < 1 ? (1.5 * d - 2.5) * d * d + 1 : d < 2 ? ((-0.5 * d + 2.5) * d - 4) * d + 2 : 0;
};
/** The image resampled at (row, column) ↦ places about its centre, zero outside. */
function resampled(
  x: ArrayLike<number>,
  [H, W]: readonly [number, number],
  place: (row: number, column: number) => readonly [number, number],
): Float64Array {
  const out = new Float64Array(2 * H * W);
  const [middleRow, middleColumn] = [Math.floor(H / 2), Math.floor(W / 2)];
  for (let row = 0; row < H; row++)
    for (let column = 0; column < W; column++) {
      const [dr, dc] = place(row - middleRow, column - middleColumn);
      const [r, c] = [dr + middleRow, dc + middleColumn];
      for (let i = Math.floor(r) - 1; i <= Math.floor(r) + 2; i++)
        for (let j = Math.floor(c) - 1; j <= Math.floor(c) + 2; j++) {
          if (i < 0 || i >= H || j < 0 || j >= W) continue;
          const weight = cubic(r - i) * cubic(c - j);
          out[row * W + column] += weight * x[i * W + j];
          out[H * W + row * W + column] += weight * x[H * W + i * W + j];
        }
    }
  return out;
}
/**
 * From a moment on, the object is another one: its k-space minus the old object's is added to the
 * columns acquired since.
 */
async function changedSince(
  scan: Acquisition,
  moment: number,
  other: Float64Array,
): Promise<Float64Array> {
  const half = scan.y.length / 2;
  const before = await scan.spectrum(scan.x);
  const after = await scan.spectrum(other);
  return cells(scan, (re, im, { k, time }) =>
    time < moment ? [re, im] : [re + after[k] - before[k], im + after[half + k] - before[half + k]],
  );
}

/** Of several coils only; for practicalFaults beside the others. */
export const coilDropOut: AcquisitionFault = {
  name: "coil drop-out",
  unit: "of a coil's signal",
  severities: [0.1, 0.3, 1],
  description:
    "one coil, drawn at random, loses so much of its signal during the whole acquisition",
  async corrupt(scan, severity, rng) {
    const lost = rng.integer(scan.y.length / (2 * scan.mask.data.length));
    return cells(scan, (re, im, { coil }) =>
      coil === lost ? [(1 - severity) * re, (1 - severity) * im] : [re, im],
    );
  },
};

export const acquisitionFaults: readonly AcquisitionFault[] = [
  {
    name: "patient translation",
    unit: "px",
    severities: [0.25, 0.5, 2],
    description:
      "the patient jumps three times during the acquisition, to places up to the severity away in both directions; the columns acquired meanwhile are of the moved patient",
    async corrupt(scan, severity, rng) {
      const [H, W] = scan.mask.shape;
      const moments = [rng.uniform(), rng.uniform(), rng.uniform()].sort((a, b) => a - b);
      const places = Array.from({ length: 4 }, () => [
        severity * (2 * rng.uniform() - 1),
        severity * (2 * rng.uniform() - 1),
      ]);
      const placeAt = (time: number): number[] => places[moments.filter((m) => m <= time).length];
      // where the patient lies while the centre of k-space is acquired is where the image puts him
      const [row0, column0] = placeAt(0.5);
      return cells(scan, (re, im, { row, column, time }) => {
        const [r, c] = placeAt(time);
        return turned(
          re,
          im,
          -2 *
            PI *
            (((row - Math.floor(H / 2)) * (r - row0)) / H +
              ((column - Math.floor(W / 2)) * (c - column0)) / W),
        );
      });
    },
  },
  {
    name: "patient rotation",
    unit: "°",
    severities: [0.5, 1, 4],
    description:
      "the patient turns by the severity once, after between 55 % and 75 % of the acquisition, and stays turned",
    async corrupt(scan, severity, rng) {
      const angle = (severity * PI) / 180;
      const [s, c] = sinCos(angle);
      return changedSince(
        scan,
        0.55 + 0.2 * rng.uniform(),
        resampled(scan.x, scan.mask.shape, (row, column) => [
          row * c - column * s,
          row * s + column * c,
        ]),
      );
    },
  },
  {
    name: "k-space spike",
    unit: "of the largest value",
    severities: [0.01, 0.03, 0.1],
    description:
      "one measured cell, drawn at random, gets a spike of the severity times the largest magnitude, with a random phase",
    async corrupt(scan, severity, rng) {
      const half = scan.y.length / 2;
      const cellsOf = scan.mask.data;
      const measured = Array.from({ length: half }, (_, k) => k).filter(
        (k) => cellsOf[k % cellsOf.length],
      );
      const struck = measured[Math.floor(rng.uniform() * measured.length)];
      let top = 0;
      for (let k = 0; k < half; k++)
        top = Math.max(top, Math.sqrt(scan.y[k] ** 2 + scan.y[half + k] ** 2));
      const [a, b] = turned(severity * top, 0, 2 * PI * rng.uniform());
      return cells(scan, (re, im, { k }) => (k === struck ? [re + a, im + b] : [re, im]));
    },
  },
  {
    name: "lost lines",
    unit: "of the columns",
    severities: [0.02, 0.05, 0.15],
    description: "so many of the measured columns, at least one, are lost and read as zero",
    async corrupt(scan, severity, rng) {
      const lost = some(measuredColumns(scan), severity, rng);
      return cells(scan, (re, im, { column }) => (lost.has(column) ? [0, 0] : [re, im]));
    },
  },
  {
    name: "gain drift",
    unit: "over the acquisition",
    severities: [0.02, 0.1, 0.3],
    description:
      "the receiver's gain drifts linearly by the severity from the first column to the last, around its right value",
    corrupt: async (scan, severity, rng) => {
      const sign = rng.uniform() < 0.5 ? -1 : 1;
      return cells(scan, (re, im, { time }) => {
        const gain = 1 + sign * severity * (time - 0.5);
        return [gain * re, gain * im];
      });
    },
  },
  {
    name: "phase errors",
    unit: "rad",
    severities: [0.03, 0.1, 0.4],
    description:
      "every column has a phase error of its own, normal with the severity as standard deviation",
    async corrupt(scan, severity, rng) {
      const errors = new Map(measuredColumns(scan).map((c) => [c, severity * rng.normal()]));
      return cells(scan, (re, im, { column }) => turned(re, im, errors.get(column)!));
    },
  },
  {
    name: "wrong field of view",
    unit: "larger",
    severities: [0.003, 0.01, 0.04],
    description: "the object is larger by the severity than the field of view says",
    corrupt: (scan, severity) =>
      changedSince(
        scan,
        0,
        resampled(scan.x, scan.mask.shape, (row, column) => [
          row / (1 + severity),
          column / (1 + severity),
        ]),
      ),
  },
  {
    name: "wrong mask",
    unit: "of the columns",
    severities: [0.02, 0.05, 0.15],
    description:
      "so many of the measured columns, at least one, are really their right neighbours: the table of phase-encoding steps is wrong there",
    async corrupt(scan, severity, rng) {
      const W = scan.mask.shape[1];
      const half = scan.y.length / 2;
      const wrong = some(measuredColumns(scan), severity, rng);
      const whole = await scan.spectrum(scan.x);
      return cells(scan, (re, im, { column, k }) => {
        const neighbour = k - column + ((column + 1) % W);
        return wrong.has(column)
          ? [re + whole[neighbour] - whole[k], im + whole[half + neighbour] - whole[half + k]]
          : [re, im];
      });
    },
  },
  {
    name: "thermal noise",
    unit: "dB signal to noise",
    severities: [30, 20, 10],
    description:
      "Gaussian noise on every measured cell, so strong that the measured signal is the severity above it",
    async corrupt(scan, severity, rng) {
      const half = scan.y.length / 2;
      const measured = scan.mask.data;
      let [energy, count] = [0, 0];
      for (let k = 0; k < half; k++)
        if (measured[k % measured.length]) {
          energy += scan.y[k] ** 2 + scan.y[half + k] ** 2;
          count += 2;
        }
      const sigma = Math.sqrt(energy / count) * exp((-severity * LN10) / 20);
      return cells(scan, (re, im) => [re + sigma * rng.normal(), im + sigma * rng.normal()]);
    },
  },
];
