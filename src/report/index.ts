// The public face of reports: what they show as plain data, and how it is rendered.
export type {
  Axis,
  Bars,
  Box,
  Cell,
  Column,
  Curve,
  Curves,
  Detail,
  Facts,
  Format,
  Kinds,
  Label,
  Outcome,
  Picture,
  PictureGrid,
  Point,
  Renderers,
  Report,
  Section,
  Table,
  Text,
  Verdicts,
} from "./kinds.ts";
export { isKind } from "./kinds.ts";
export { csvOf, detailCsv } from "./csv.ts";
export { reportFigures, type FigureFile } from "./figures.ts";
export { reportPage } from "./html.tsx";
export { legible } from "./legible.ts";
export { reportMarkdown } from "./markdown.ts";
export {
  count,
  decibels,
  exponential,
  figure,
  fixed,
  percent,
  print,
  besideLimit,
  probability,
  withArticle,
} from "./numbers.ts";
