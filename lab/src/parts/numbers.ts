// How numbers are written for people: a true minus, and no more digits than count.
const written = (text: string): string => text.replace("-", "−");

/** At most so many significant digits, without trailing zeros: 0.0625, −30, 1.5·10⁻⁹. */
export function short(value: number, digits = 3): string {
  if (!Number.isFinite(value)) return written(String(value));
  const rounded = Number(value.toPrecision(digits));
  if (rounded === 0) return "0";
  const size = Math.abs(rounded);
  if (size >= 1e-3 && size < 1e6) return written(String(rounded));
  const [mantissa, exponent] = rounded.toExponential(digits - 1).split("e");
  return `${written(mantissa)}·10${[...exponent.replace("+", "")].map((c) => raised[c]).join("")}`;
}
const raised: Readonly<Record<string, string>> = Object.fromEntries(
  [..."-0123456789"].map((c, i) => [c, [..."⁻⁰¹²³⁴⁵⁶⁷⁸⁹"][i]]),
);
/** A fixed number of digits behind the point. */
export const fixed = (value: number, digits: number): string =>
  written(value.toFixed(digits).replace(/^-(0\.?0*)$/, "$1"));
/** "93.1 %" */
export const percent = (share: number, digits = 1): string => `${fixed(100 * share, digits)} %`;
/** A number as a person types it: a comma or a true minus too. Undefined for anything else. */
export function typed(text: string): number | undefined {
  const value = Number(text.trim().replace(",", ".").replace("−", "-"));
  return text.trim() !== "" && Number.isFinite(value) && Math.abs(value) <= 1e6 ? value : undefined;
}
/** "channel 1 of 3" counts from 1; so do rows and columns that people read. */
export const placeName = (row: number, column: number): string =>
  `row ${row + 1}, column ${column + 1}`;
