// What a report shows, as plain data: every kind on one screen. How a kind looks is its renderers'
// affair: components/ (HTML), markdown.ts, csv.ts, figures.ts; a kind without one does not compile.

/**
 * How something ended. A new one is a line here, its words in outcomes.ts, its colour in style.ts.
 */
export type Outcome = "pass" | "fail" | "inconclusive" | "error" | "not-applicable";

/** How a number is printed; see numbers.ts. */
export type Format =
  | "whole"
  | "one"
  | "decibels"
  | "ratio"
  | "share"
  | "norm"
  | "percent"
  | "whole-percent"
  | "probability"
  | "figure"
  | "exponential";

/** Words or a number, and what stands with them. A number is printed in its column's format. */
export interface Label {
  readonly text: string | number | null;
  readonly format?: Format;
  /** A method's place in the list: it has one colour and one outline everywhere. */
  readonly mark?: number;
  readonly outcome?: Outcome;
  readonly strong?: true;
  /** Set behind it, fainter. */
  readonly soft?: string;
  /** The id of the section that it leads to. */
  readonly to?: string;
  /** In (0, 1] what is as it should be, in [-1, 0) what is not: the depth of the cell's colour. */
  readonly shade?: number;
}
/** A number that is not finite is null in JSON, and is printed as a dash. */
export type Cell = string | number | null | Label;

/** What every kind has. */
interface Shown {
  /** Unique in a report; a figure's file is called after it. */
  readonly id: string;
  readonly title?: string;
  /** What a reader has to know to read it. */
  readonly note?: string;
  /** Closed at first, under this summary; neighbours with the same one share it. */
  readonly fold?: string;
  /** It belongs to the answer, so it stands in the summary. */
  readonly place?: "summary";
}

export interface Column {
  readonly name: string;
  readonly format?: Format;
  readonly mark?: number;
}
/** The first cell of a row is its head. */
export interface Table extends Shown {
  readonly kind: "table";
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly Cell[])[];
}

/** low, high: an interval of y; xLow, xHigh: one of x. */
export interface Point {
  readonly x: number | null;
  readonly y: number | null;
  readonly low?: number;
  readonly high?: number;
  readonly xLow?: number;
  readonly xHigh?: number;
}
export interface Curve {
  readonly name: string;
  readonly mark: number;
  readonly points: readonly Point[];
  /** What it is held against. */
  readonly dashed?: readonly Point[];
  /** The single values behind the means. */
  readonly dots?: readonly Point[];
}
export interface Axis {
  readonly name: string;
  readonly fromZero?: true;
  /** Whole numbers alone are written at it. */
  readonly whole?: true;
}
export interface Curves extends Shown {
  readonly kind: "curves";
  /** For those who cannot see it. */
  readonly label: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly curves: readonly Curve[];
  /** Points that belong to no line: each bears its name. */
  readonly scattered?: true;
  /** Vertical lines. */
  readonly lines?: readonly { readonly x: number; readonly text: string }[];
}

/** [top, left, height, width] in pixels. */
export type Box = readonly [number, number, number, number];
export interface Picture {
  /** The id of a PNG. */
  readonly picture: string;
  /** For those who cannot see it. */
  readonly label: string;
  readonly caption?: Label;
  /** Shows this part alone, at the size of the whole. */
  readonly crop?: Box;
  /** Outlines these parts. */
  readonly boxes?: readonly Box[];
}
/** A composed figure: rows and columns of pictures of one shape. */
export interface PictureGrid extends Shown {
  readonly kind: "pictures";
  /** [height, width] of every picture before it is cropped. */
  readonly shape: readonly [number, number];
  readonly columns: readonly Label[];
  readonly rows: readonly { readonly label: Label; readonly cells: readonly (Picture | null)[] }[];
  /** The values shown as black and white; what the colour maps show, and its brightest colour. */
  readonly windows?: {
    readonly grey?: readonly [number, number];
    /** What white is, in words. */
    readonly white?: string;
    readonly colour?: { readonly of: string; readonly top: number };
  };
  /** A length inside the first picture. */
  readonly scaleBar?: { readonly pixels: number; readonly text: string };
  /** Smaller pictures, for a figure of many rows. */
  readonly small?: true;
}

export interface Bars extends Shown {
  readonly kind: "bars";
  /** What the bars' lengths mean, with the unit. */
  readonly axis: string;
  readonly label: string;
  readonly threshold?: { readonly value: number; readonly text: string };
  readonly groups: readonly {
    readonly name: string;
    readonly bars: readonly {
      readonly name: string;
      readonly mark: number;
      readonly value: number | null;
      readonly low?: number;
      readonly high?: number;
    }[];
  }[];
}

/** One line for everything that was judged. */
export interface Verdicts extends Shown {
  readonly kind: "verdicts";
  readonly lines: readonly {
    readonly name: string;
    readonly mark: number;
    readonly outcome: Outcome;
    readonly explanation: string;
    /** What was judged, in short. */
    readonly figure?: string;
  }[];
}

/** Names and values. */
export interface Facts extends Shown {
  readonly kind: "facts";
  readonly mark?: number;
  readonly facts: Readonly<Record<string, string | number | boolean | readonly number[]>>;
}

export interface Text extends Shown {
  readonly kind: "text";
  readonly paragraphs: readonly string[];
  /** A command, to be copied. */
  readonly code?: string;
}

export interface Kinds {
  readonly table: Table;
  readonly curves: Curves;
  readonly pictures: PictureGrid;
  readonly bars: Bars;
  readonly verdicts: Verdicts;
  readonly facts: Facts;
  readonly text: Text;
}
export type Detail = Kinds[keyof Kinds];
const known: Readonly<Record<keyof Kinds, true>> = {
  table: true,
  curves: true,
  pictures: true,
  bars: true,
  verdicts: true,
  facts: true,
  text: true,
};
/** Whether there are renderers for it: a file may hold anything. */
export const isKind = (name: unknown): name is keyof Kinds =>
  typeof name === "string" && Object.hasOwn(known, name);

export interface Section {
  readonly id: string;
  readonly title: string;
  readonly outcome?: Outcome;
  readonly details: readonly Detail[];
}
export interface Report {
  /** Of the browser's tab. */
  readonly name: string;
  readonly title: string;
  readonly subtitle?: string;
  readonly sections: readonly Section[];
  /** PNG files in base64, by their ids. */
  readonly pictures?: Readonly<Record<string, string>>;
}

/** One renderer for every kind; `context` is what all of them need beside the detail. */
export type Renderers<Context, Output> = {
  readonly [K in keyof Kinds]: (detail: Kinds[K], context: Context) => Output;
};
export function render<Context, Output>(
  renderers: Renderers<Context, Output>,
  detail: Detail,
  context: Context,
): Output {
  const renderer = renderers[detail.kind] as (detail: Detail, context: Context) => Output;
  return renderer(detail, context);
}

/** A cell in its long form. */
export const labelOf = (cell: Cell): Label =>
  typeof cell === "object" && cell !== null ? cell : { text: cell };
