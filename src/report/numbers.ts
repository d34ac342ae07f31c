// How numbers and the words beside them are written, everywhere.
import type { Format } from "./kinds.ts";

/** What stands where there is no number. */
const NOTHING = "–";
const minus = (text: string): string => text.replace("-", "−");

/** With so many decimals; a dash for what is not finite, and no sign before a zero. */
export function fixed(value: number | null, digits: number): string {
  if (value === null || !Number.isFinite(value)) return NOTHING;
  const text = value.toFixed(digits);
  return minus(Number(text) === 0 ? text.replace("-", "") : text);
}
/** 0.1234 is 12.34 %. */
export const percent = (share: number | null, digits = 2): string => {
  const text = fixed(share === null ? null : 100 * share, digits);
  return text === NOTHING ? text : `${text} %`;
};
/** A loss or a gain, as its sign says. */
export const decibels = (value: number | null, digits = 2): string => {
  const text = fixed(value, digits);
  return text === NOTHING ? text : `${text} dB`;
};
/** Small ones as powers of ten; with `more` decimals than usual. */
export function probability(p: number | null, more = 0): string {
  if (p === null || !Number.isFinite(p)) return NOTHING;
  return p >= 0.01 ? fixed(p, 3 + more) : exponential(p, 1 + more);
}
export const exponential = (value: number | null, digits: number): string =>
  value === null || !Number.isFinite(value)
    ? NOTHING
    : value.toExponential(digits).replaceAll("-", "−").replace("+", "");
/** Three digits that count, or so many. */
export function figure(value: number | null, digits = 3): string {
  if (value === null || !Number.isFinite(value)) return NOTHING;
  const size = Math.abs(value);
  if ((value !== 0 && size < 0.01) || size >= 1e6) return exponential(value, digits - 2);
  return minus(String(Number(value.toPrecision(digits))));
}

/** What is still told apart by its decimals, and not by how numbers are rounded. */
const MOST_DECIMALS = 9;
/**
 * As `write` does with `digits`, or with as many more as tell `value` from the limit that it is
 * judged by: 6.003 beside 6 is not "6.00".
 */
export function besideLimit(
  value: number,
  limit: number,
  { write, digits }: { write: (value: number, digits: number) => string; digits: number },
): string {
  for (let more = digits; more <= MOST_DECIMALS; more++) {
    const text = write(value, more);
    if (text !== write(limit, more)) return text;
  }
  return write(value, digits);
}

const printers: Readonly<Record<Format, (value: number | null) => string>> = {
  whole: (v) => fixed(v, 0),
  one: (v) => fixed(v, 1),
  decibels: (v) => fixed(v, 2),
  ratio: (v) => fixed(v, 2),
  share: (v) => fixed(v, 3),
  norm: (v) => fixed(v, 4),
  percent: (v) => percent(v, 2),
  "whole-percent": (v) => percent(v, 0),
  probability: (v) => probability(v),
  figure: (v) => figure(v),
  exponential: (v) => exponential(v, 1),
};
export const print = (value: number | null, format: Format = "figure"): string =>
  printers[format](value);

/** "1 image", "2 images", "no images" */
export const count = (n: number, one: string): string =>
  `${n === 0 ? "no" : n} ${one}${n === 1 ? "" : "s"}`;
/** "an arrow", "a disc": by the first letter, which is right for the words that are used here. */
export const withArticle = (words: string): string =>
  `${/^[aeiou]/i.test(words) ? "an" : "a"} ${words}`;
