// The axes of arrays by letters, as networks of other makers order them: N images, K coils, C real
// and imaginary part (or colours), H rows, W columns, 1 an axis of one cell.
import {
  arithmetic,
  ConfigError,
  quoted,
  type GraphBuilder,
  type Shape,
  type Value,
} from "../../engine/index.ts";

/** "NCHW", "NKHWC", "N1HW". */
export type Layout = string;
const LETTERS = "NKCHW";

/** What is wrong with a layout, as a sentence's end; undefined for a good one. */
export function layoutFault(layout: unknown): string | undefined {
  if (typeof layout !== "string" || layout === "" || layout.length > 8)
    return "a text of up to 8 letters";
  const strange = [...layout].find((letter) => !`${LETTERS}1`.includes(letter));
  if (strange !== undefined)
    return `made of ${[...LETTERS].join(", ")} and 1; it has ${quoted(strange)}`;
  const twice = [...layout].find((letter, i) => letter !== "1" && layout.indexOf(letter) !== i);
  return twice && `of letters that stand once each; it has ${twice} twice`;
}

/** The sizes of a layout's letters, where the value has the layout. */
function sizesOf(shape: Shape, layout: Layout): Record<string, number> {
  const sizes: Record<string, number> = {};
  for (const [i, letter] of [...layout].entries()) sizes[letter] = shape[i];
  return sizes;
}
const without = (layout: Layout, left: (letter: string) => boolean): Layout =>
  [...layout].filter((letter) => !left(letter)).join("");

/**
 * The same numbers with their axes in another order: axes of one cell come and go, and what lacks a
 * letter of `to` is repeated along it, as often as `sizes` says (once unless it does). Throws
 * ConfigError for an axis of more cells that `to` lacks.
 */
export function arranged(
  b: GraphBuilder,
  x: Value,
  from: Layout,
  to: Layout,
  sizes: Readonly<Record<string, number>> = {},
): Value {
  const { reshape } = arithmetic(b);
  if (x.shape.length !== from.length)
    throw new ConfigError(
      `its array has ${x.shape.length} axes, [${x.shape.join("×")}], and its layout ${quoted(from)} has ${from.length}`,
      {},
    );
  const own = sizesOf(x.shape, from);
  for (const [i, letter] of [...from].entries())
    if (x.shape[i] !== 1 && (letter === "1" || !to.includes(letter)))
      throw new ConfigError(
        `its axis ${i}, ${letter} of the layout ${quoted(from)}, has ${x.shape[i]} cells; the layout ${quoted(to)} has no such axis`,
        {},
      );
  const bare = without(from, (letter) => letter === "1" || !to.includes(letter));
  const wanted = without(to, (letter) => letter === "1" || !from.includes(letter));
  const permutation = [...wanted].map((letter) => bare.indexOf(letter));
  const plain = reshape(
    x,
    [...bare].map((letter) => own[letter]),
  );
  const turned = permutation.every((axis, i) => axis === i)
    ? plain
    : b.emit("transpose", { x: plain }, { permutation });
  const spread = reshape(
    turned,
    [...to].map((letter) => (wanted.includes(letter) ? own[letter] : 1)),
  );
  const shape = [...to].map((letter) => (letter === "1" ? 1 : (own[letter] ?? sizes[letter] ?? 1)));
  return shape.every((n, i) => n === spread.shape[i])
    ? spread
    : b.emit("broadcast_to", { x: spread }, { shape });
}
