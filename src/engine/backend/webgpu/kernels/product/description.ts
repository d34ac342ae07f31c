// What a product multiplies, and in what form it is written down.
import { lines } from "../../text.ts";

/** One of the two that are multiplied. */
export interface Factor {
  /** Up to four numbers that a row of a, or a column of b, has: formulas of its index `at`. */
  readonly side: readonly string[];
  /** WGSL that returns the number; knows `side` and the loops' names. */
  readonly value: string;
  /** Along what its numbers are neighbours in memory. */
  readonly along: "terms" | "side";
}
export type FactorName = "a" | "b";
/** y[batch, row, column] = Σ a[row, …]·b[…, column] over the loops. */
export interface Product {
  readonly batches: number;
  readonly rows: number;
  readonly columns: number;
  /** Each from 0 to `count`, the outermost first. */
  readonly loops: readonly [Loop, ...Loop[]];
  readonly a: Factor;
  readonly b: Factor;
  /** Where an element lies in y; knows `batch`. */
  readonly place: (row: string, column: string) => string;
  readonly size: number;
}
interface Loop {
  readonly name: string;
  readonly count: number;
}

/** Products of numbers from which on a processor that plays a card wins more than it compiles. */
const LARGE = 1e6;
export const isLarge = (it: Product): boolean =>
  it.batches * it.rows * it.columns * termsOf(it) >= LARGE;
/** Products that each result sums. */
export const termsOf = ({ loops }: Product): number => loops.reduce((n, { count }) => n * count, 1);

/** How a product is written down. */
export interface Form {
  /** A workgroup's rows and columns. */
  readonly down: number;
  readonly across: number;
  /** So many workgroups are enough; fewer, and a long sum is shared out. */
  readonly enough: number;
  readonly lanes: number;
  readonly declarations?: string;
  /** Knows `first_row`, `first_column`, `begin` and `end` of the outermost loop, and `write`s. */
  readonly code: (write: Write) => string;
}
export type Write = (at: string, value: string) => string;

/** Functions `a_side(batch, at)` and `a_value(side, loops…)`, and b's. */
export function factorOf(it: Product, name: FactorName): string {
  const { side, value } = it[name];
  const own = numbers(4).map((i) => side[i] ?? "0u");
  const terms = it.loops.map((loop) => `${loop.name}: u32`);
  return lines(
    `fn ${name}_side(batch: u32, at: u32) -> vec4<u32> { return vec4<u32>(${own.join(", ")}); }`,
    `fn ${name}_value(${["side: vec4<u32>", ...terms].join(", ")}) -> f32 {`,
    value,
    "}",
  );
}
/** The number of a side whose own four are `side`, at the loops' names. */
export const readOf = (it: Product, name: FactorName, side: string): string =>
  `${name}_value(${[side, ...it.loops.map((loop) => loop.name)].join(", ")})`;
export const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
