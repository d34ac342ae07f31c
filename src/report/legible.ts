// Everything that a report shows came from somewhere else: a file, a header, a name that somebody
// gave. Here it becomes text that does nothing but be read.
import type { Report } from "./kinds.ts";

/**
 * Control characters as their pictures (ESC is ␛), so that a terminal does not obey them; line ends
 * and tabs as spaces; marks that turn the direction of writing, halves of pairs: as �.
 */
export function legible(text: string): string {
  return text
    .replace(/[\t\n\r\v\f\u0085\u2028\u2029]+/g, " ")
    .replace(/\p{Cc}/gu, pictureOf)
    .replace(/[\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff]|\p{Cs}/gu, "�");
}
function pictureOf(control: string): string {
  const code = control.charCodeAt(0);
  if (code === 0x7f) return "␡";
  return code < 0x20 ? String.fromCharCode(0x2400 + code) : "�";
}

/** The same data with every text legible, keys too. */
function everyText<T>(value: T): T {
  if (typeof value === "string") return legible(value) as T;
  if (Array.isArray(value)) return value.map(everyText) as T;
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, v]) => [legible(key), everyText(v)]),
  ) as T;
}
/** The report with every text legible. Pictures and their ids stay as they are. */
export function legibleReport(report: Report): Report {
  const { pictures = {}, ...rest } = report;
  const named = Object.fromEntries(
    Object.entries(pictures).map(([id, data]) => [legible(id), data]),
  );
  return { ...everyText(rest), pictures: named };
}

const spelled: Readonly<Record<string, string>> = {
  x̂: "xhat",
  "%": "percent",
  "₁": "1",
  "₂": "2",
  "₃": "3",
};
/**
 * A file's name of any text: letters, digits and . + - alone, never empty, never a folder, never
 * one that a system keeps for itself, at most 100 characters.
 */
export function slug(text: string): string {
  const written = Object.entries(spelled).reduce((t, [from, to]) => t.replaceAll(from, to), text);
  const safe = written
    .replace(/[^A-Za-z0-9.+-]+/g, "-")
    .replace(/\.{2,}/g, ".")
    .replace(/^[-.]+|[-.]+$/g, "")
    .slice(0, 100);
  const reserved = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i.test(safe);
  return safe === "" || reserved ? `figure-${safe}` : safe;
}
/** Gives every name once, whatever the case of its letters: the second "a" is "a-2". */
export function uniqueNames(): (name: string) => string {
  const used = new Set<string>();
  return (name) => {
    let own = name;
    for (let n = 2; used.has(own.toLowerCase()); n++) own = `${name}-${n}`;
    used.add(own.toLowerCase());
    return own;
  };
}
