// What the details of a result from a file are held to before anything draws them: every kind's
// fields, as report/kinds.ts has them and schema/result.schema.json says to others.
import { FormatError, quoted } from "../engine/index.ts";
import {
  aList,
  aMap,
  aNumber,
  aRecord,
  aText,
  aWhole,
  check,
  maybe,
  oneOf,
  type Check,
} from "../imaging/index.ts";
import {
  isKind,
  type Axis,
  type Bars,
  type Column,
  type Curve,
  type Detail,
  type Format,
  type Kinds,
  type Label,
  type Outcome,
  type Picture,
  type PictureGrid,
  type Point,
  type Verdicts,
} from "../report/index.ts";

/** A check for every field; one that is forgotten does not compile. */
export type Checks<T> = { readonly [F in keyof Required<T>]: Check };
const isNumber = (v: unknown): boolean => typeof v === "number" && Number.isFinite(v);
/** JSON has no infinity: null stands for it, and for what is no number. */
export const aNumberOrNull: Check = check("a number or null", (v) => v === null || isNumber(v));
export const aNumberFrom0: Check = check(
  "a number from 0 up",
  (v) => isNumber(v) && (v as number) >= 0,
);
export const aShare: Check = check(
  "a number from 0 to 1",
  (v) => isNumber(v) && (v as number) >= 0 && (v as number) <= 1,
);
export const aTrue: Check = check("true, or left out", (v) => v === true);
const outcomes: { readonly [O in Outcome]: true } = {
  pass: true,
  fail: true,
  inconclusive: true,
  error: true,
  "not-applicable": true,
};
export const anOutcome: Check = oneOf(Object.keys(outcomes));
const aFact = check(
  "a text, a number, true, false, or a list of numbers",
  (v) =>
    typeof v === "string" ||
    isNumber(v) ||
    typeof v === "boolean" ||
    (Array.isArray(v) && v.every(isNumber)),
);
export const aFacts: Check = aMap(aFact);

const formats: { readonly [F in Format]: true } = {
  whole: true,
  one: true,
  decibels: true,
  ratio: true,
  share: true,
  norm: true,
  percent: true,
  "whole-percent": true,
  probability: true,
  figure: true,
  exponential: true,
};
const aFormat = oneOf(Object.keys(formats));
const aWord = check(
  "a text, a number or null",
  (v) => typeof v === "string" || v === null || isNumber(v),
);
const label: Checks<Label> = {
  text: aWord,
  format: maybe(aFormat),
  mark: maybe(aWhole),
  outcome: maybe(anOutcome),
  strong: maybe(aTrue),
  soft: maybe(aText),
  to: maybe(aText),
  shade: maybe(check("a number from -1 to 1", (v) => isNumber(v) && Math.abs(v as number) <= 1)),
};
const aLabel = aRecord(label);
const aCell: Check = (value, where) => {
  if (typeof value === "object" && value !== null) aLabel(value, where);
  else aWord(value, where);
};
/** So many whole numbers from 0 up. */
const wholes = (count: number): Check =>
  check(
    `${count} whole numbers from 0 up`,
    (v) =>
      Array.isArray(v) && v.length === count && v.every((n) => Number.isSafeInteger(n) && n >= 0),
  );
const aBox = wholes(4);
const picture: Checks<Picture> = {
  picture: aText,
  label: aText,
  caption: maybe(aLabel),
  crop: maybe(aBox),
  boxes: maybe(aList(aBox)),
};
const aPicture = aRecord(picture);
const point: Checks<Point> = {
  x: aNumberOrNull,
  y: aNumberOrNull,
  low: maybe(aNumber),
  high: maybe(aNumber),
  xLow: maybe(aNumber),
  xHigh: maybe(aNumber),
};
const points = aList(aRecord(point));
const axis: Checks<Axis> = { name: aText, fromZero: maybe(aTrue), whole: maybe(aTrue) };
const column: Checks<Column> = { name: aText, format: maybe(aFormat), mark: maybe(aWhole) };
const curve: Checks<Curve> = {
  name: aText,
  mark: aWhole,
  points,
  dashed: maybe(points),
  dots: maybe(points),
};
const row: Checks<PictureGrid["rows"][number]> = {
  label: aLabel,
  cells: aList((value, where) => {
    if (value !== null) aPicture(value, where);
  }),
};
const windows: Checks<NonNullable<PictureGrid["windows"]>> = {
  grey: maybe(check("two numbers", (v) => Array.isArray(v) && v.length === 2 && v.every(isNumber))),
  white: maybe(aText),
  colour: maybe(aRecord({ of: aText, top: aNumber })),
};
const group: Checks<Bars["groups"][number]> = {
  name: aText,
  bars: aList(
    aRecord({
      name: aText,
      mark: aWhole,
      value: aNumberOrNull,
      low: maybe(aNumber),
      high: maybe(aNumber),
    }),
  ),
};
const line: Checks<Verdicts["lines"][number]> = {
  name: aText,
  mark: aWhole,
  outcome: anOutcome,
  explanation: aText,
  figure: maybe(aText),
};

const shown: Checks<Pick<Detail, "id" | "title" | "note" | "fold" | "place">> = {
  id: aText,
  title: maybe(aText),
  note: maybe(aText),
  fold: maybe(aText),
  place: maybe(oneOf(["summary"])),
};
type Own<K extends keyof Kinds> = Checks<Omit<Kinds[K], "kind" | keyof typeof shown>>;
const kinds: { readonly [K in keyof Kinds]: Own<K> } = {
  table: { columns: aList(aRecord(column)), rows: aList(aList(aCell)) },
  curves: {
    label: aText,
    x: aRecord(axis),
    y: aRecord(axis),
    curves: aList(aRecord(curve)),
    scattered: maybe(aTrue),
    lines: maybe(aList(aRecord({ x: aNumber, text: aText }))),
  },
  pictures: {
    shape: wholes(2),
    columns: aList(aLabel),
    rows: aList(aRecord(row)),
    windows: maybe(aRecord(windows)),
    scaleBar: maybe(aRecord({ pixels: aNumber, text: aText })),
    small: maybe(aTrue),
  },
  bars: {
    axis: aText,
    label: aText,
    threshold: maybe(aRecord({ value: aNumber, text: aText })),
    groups: aList(aRecord(group)),
  },
  verdicts: { lines: aList(aRecord(line)) },
  facts: { mark: maybe(aWhole), facts: aFacts },
  text: { paragraphs: aList(aText), code: maybe(aText) },
};
const anyKind: { readonly [K in keyof Kinds]?: Check } = Object.fromEntries(
  Object.entries(kinds).map(([kind, own]) => [kind, aRecord({ ...shown, ...own, kind: aText })]),
);

/** Throws FormatError for a kind that there is not, and for a field of another type. */
export const aDetail: Check = (value, where) => {
  const { kind } = (value ?? {}) as { kind?: unknown };
  if (!isKind(kind))
    throw new FormatError(
      `${where}: it shows a ${quoted(kind)}, which this program cannot draw; repeat the audit`,
      { kind },
    );
  anyKind[kind]?.(value, where);
};
