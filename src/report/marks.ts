// A method's colour and outline: the same wherever it is shown.
import {
  symbol,
  symbolCircle,
  symbolCross,
  symbolDiamond,
  symbolSquare,
  symbolTriangle,
  symbolWye,
  type SymbolType,
} from "d3-shape";

/**
 * Told apart by the colour-blind, each with a contrast of at least 4.5 to 1 on white. style.ts has
 * their lighter sisters for dark pages.
 */
const colours = ["#b84a00", "#0063a6", "#00734f", "#a13a7a", "#6b5b00", "#5b4bb0"];
export const markCount: number = colours.length;
export const colourOf = (mark: number): string => colours[mark % colours.length];

const symbols: readonly SymbolType[] = [
  symbolCircle,
  symbolSquare,
  symbolTriangle,
  symbolDiamond,
  symbolWye,
  symbolCross,
];
/** About the origin, of an area of 50. */
export const outlineOf = (mark: number): string =>
  symbol(symbols[mark % symbols.length], 50)() ?? "";
