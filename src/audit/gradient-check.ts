// Whether a search sees the whole of A* and of f's derivative: its gradient along a line, held
// against what the reconstruction does from one end to the other.
import { norm } from "../imaging/index.ts";
import type { Objective, Scene } from "./attack/objective.ts";

/**
 * Some times what a sum over points leaves on the methods here, wavelets' thousands of kinks
 * included; a tenth of what a forgotten data-consistency path or normalisation makes.
 */
export const GRADIENT_TOLERANCE = 1e-2;
/** Below it no more points are asked for. */
const SHARP = 3e-3;

/** Lines, and points on each, at first and at most. */
const LINES = 2;
const [POINTS, MOST_POINTS] = [8, 64];
/** Where a line begins, how far its direction's point is, and its length: shares of ‖x‖. */
const [AWAY, ASIDE, LENGTH] = [0.05, 0.02, 0.02];

const scaled = (v: Float64Array, to: number): Float64Array => {
  const length = norm(v);
  return v.map((x) => (length > 0 ? (x * to) / length : 0));
};
const sum = (a: Float64Array, b: Float64Array, by = 1): Float64Array =>
  a.map((v, i) => v + by * b[i]);
const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let total = 0;
  for (let i = 0; i < a.length; i++) total += a[i] * b[i];
  return total;
};

/** One line r + s·d, s from 0 to `length`. */
interface Line {
  /** Q at its end less Q at its start. */
  readonly rise: number;
  /** The sum of the slopes ⟨∇Q, d⟩ at so many points, in the middle of equal parts. */
  slopes(points: number): Promise<number>;
  readonly length: number;
}

/**
 * Its direction is the gradient at another point, so that it knows nothing of the line's kinks;
 * where that is 0 it is the way to the line, for what moves all the same has the wrong gradient.
 */
async function openLine(
  objective: Objective,
  scene: Scene,
  p: Float64Array,
  ends: Ends,
): Promise<Line> {
  const { start, other, length } = ends;
  const { gradient } = await objective.climb(scene, sum(start, other), p);
  const direction = scaled(norm(gradient) > 0 ? gradient : start, 1);
  const cost = async (s: number): Promise<number> => {
    const x = await objective.reconstruct(scene, sum(start, direction, s));
    return 0.5 * norm(sum(x, p, -1)) ** 2;
  };
  return {
    length,
    rise: (await cost(length)) - (await cost(0)),
    async slopes(points) {
      let total = 0;
      for (let k = 0; k < points; k++) {
        const at = sum(start, direction, ((k + 0.5) * length) / points);
        total += dot((await objective.climb(scene, at, p)).gradient, direction);
      }
      return total;
    },
  };
}
interface Ends {
  readonly start: Float64Array;
  /** To the point whose gradient is the direction. */
  readonly other: Float64Array;
  readonly length: number;
}

/**
 * |∫⟨∇Q, d⟩ds − ΔQ| / |ΔQ| over two lines, for Q = ½‖x̂ − p‖²: the fundamental theorem of calculus,
 * which kinks of ReLUs and of thresholds do not break, as they break a difference at one point. The
 * integral is a mean over points, more of them until it is sharp. A gradient that is wrong by a
 * tenth is wrong by a tenth here.
 */
export async function checkGradient(
  objective: Objective,
  scene: Scene,
  draw: () => Float64Array,
  reference: number,
): Promise<{ relativeError: number; passed: boolean }> {
  const first = draw();
  const p = await objective.reconstruct(scene, new Float64Array(first.length));
  const lines: Line[] = [];
  for (let k = 0; k < LINES; k++) {
    const start = scaled(k === 0 ? first : draw(), AWAY * reference);
    const other = scaled(draw(), ASIDE * reference);
    lines.push(await openLine(objective, scene, p, { start, other, length: LENGTH * reference }));
  }
  const rise = lines.reduce((total, line) => total + line.rise, 0);
  let [slopes, asked, relativeError] = [0, 0, Number.POSITIVE_INFINITY];
  for (let points = POINTS; points <= MOST_POINTS && relativeError > SHARP; points *= 2) {
    for (const line of lines) slopes += line.length * (await line.slopes(points));
    asked += points;
    const integral = slopes / asked;
    const larger = Math.max(Math.abs(integral), Math.abs(rise), 1e-30);
    relativeError = Math.abs(integral - rise) / larger;
  }
  return { relativeError, passed: relativeError <= GRADIENT_TOLERANCE };
}
