// The transforms of Winograd's minimal filtering F(4×4, 3×3) as WGSL: windows of 6×6, and 36
// products for 16 outputs instead of 144. Lavin and Gray, arXiv 1509.09308; the points are those of
// the wasm backend, 0, ±√½, ±√2, ∞, whose rounding error is half that of 0, ±1, ±2, ∞.
import { f32, lines } from "../../text.ts";

export const KERNEL = 3;
/** Outputs of a tile along an axis. */
export const TILE = 4;
/** Numbers along an axis that a tile is made of. */
export const WINDOW: number = TILE + KERNEL - 1;
/** Squares p² of the points ±p between 0 and ∞, and what the values of weights there are times. */
const PAIRS = [
  { square: 1 / 2, scale: -2 / 3 },
  { square: 2, scale: 1 / 6 },
] as const;

/** Gives a formula a name. */
type Keep = (formula: string) => string;
/** One axis of a transform: names → formulas. */
export type Axis = (values: readonly string[], keep: Keep) => string[];

const times = (by: number, x: string): string => (by === 1 ? x : `${f32(by)} * ${x}`);

/** One axis of Bᵀ: a window of the image → as many values. */
export const inputAxis: Axis = (c, keep) => {
  const pairs = PAIRS.flatMap(({ square }) => {
    // the other pair's square is this one's inverse
    const even = keep(`${c[4]} - ${times(1 / square, c[2])}`);
    const odd = keep(times(Math.sqrt(square), `(${c[3]} - ${times(1 / square, c[1])})`));
    return [`${even} + ${odd}`, `${even} - ${odd}`];
  });
  return [`${c[0]} - 2.5f * ${c[2]} + ${c[4]}`, ...pairs, `${c[1]} - 2.5f * ${c[3]} + ${c[5]}`];
};

/** A polynomial's values at the points, those at each pair scaled where they are of weights. */
const atPoints =
  (isOfWeights: boolean): Axis =>
  (c, keep) => {
    const pairs = PAIRS.flatMap(({ square, scale }) => {
      const part = (parity: number): string => {
        const by = (isOfWeights ? scale : 1) * Math.sqrt(square) ** parity;
        const own = c.filter((_, i) => i % 2 === parity);
        return keep(own.map((x, i) => times(by * square ** i, x)).join(" + "));
      };
      const [even, odd] = [part(0), part(1)];
      return [`${even} + ${odd}`, `${even} - ${odd}`];
    });
    return [c[0], ...pairs, c[c.length - 1]];
  };
/** The adjoint: from values at the points to `count` coefficients. */
const fromPoints =
  (count: number, isOfWeights: boolean): Axis =>
  (p, keep) => {
    const parts = PAIRS.map(({ square, scale }, i) => {
      const [plus, minus] = [p[2 * i + 1], p[2 * i + 2]];
      const by = isOfWeights ? scale : 1;
      const even = keep(times(by, `(${plus} + ${minus})`));
      return { square, even, odd: keep(times(by * Math.sqrt(square), `(${plus} - ${minus})`)) };
    });
    return Array.from({ length: count }, (_, i) => {
      const own = parts.map(({ square, even, odd }) =>
        times(square ** (i >> 1), i % 2 === 0 ? even : odd),
      );
      const first = i === 0 ? [p[0]] : [];
      const last = i === count - 1 ? [p[p.length - 1]] : [];
      return [...own, ...first, ...last].join(" + ");
    });
  };
/** One axis of A: a tile of a map's gradient → a window's values. */
export const mapAxis: Axis = atPoints(false);
/** One axis of Aᵀ: products → outputs. */
export const outputAxis: Axis = fromPoints(TILE, false);
/** One axis of G: weights → values. */
export const weightAxis: Axis = atPoints(true);
/** One axis of Gᵀ: sums of values → weights' gradients. */
export const weightGradAxis: Axis = fromPoints(KERNEL, true);

/**
 * Statements that transform a square of numbers along both axes: `read` gives a number's formula by
 * row and column, `write` a statement that writes a result's.
 */
export function transform(
  size: number,
  axis: Axis,
  read: (row: number, column: number) => string,
  write: (row: number, column: number, value: string) => string,
): string {
  const statements: string[] = [];
  let count = 0;
  const keep: Keep = (formula) => {
    statements.push(`let q${count} = ${formula};`);
    return `q${count++}`;
  };
  const range = Array.from({ length: size }, (_, i) => i);
  const down = range.map((column) => {
    const numbers = range.map((row) => keep(read(row, column)));
    return axis(numbers, keep).map(keep);
  });
  const results = down[0].flatMap((_, row) => {
    const numbers = down.map((values) => values[row]);
    return axis(numbers, keep).map((value, column) => write(row, column, value));
  });
  return lines(statements, results);
}
