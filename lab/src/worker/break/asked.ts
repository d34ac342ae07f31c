// What a section of /break asks for, as plain data that crosses to the worker: which image, which
// mask, which methods. The page's settings make it, and the command line's options say the same.
export const maskKinds = [
  "own",
  "centre",
  "variable-density",
  "random",
  "equispaced",
  "full",
  "drawn",
] as const;
export type MaskKind = (typeof maskKinds)[number];
export interface MaskAsked {
  readonly kind: MaskKind;
  /** R: 1/R of k-space is measured. */
  readonly rate: number;
  /** Of a drawn one: the columns that are measured, "0-3,60-68". */
  readonly columns: string;
}

export const methodNames = ["cascade", "unet", "own", "tv", "wavelet", "zero"] as const;
export type MethodName = (typeof methodNames)[number];
export type NetworkName = "cascade" | "unet" | "own";

export interface ProblemAsked {
  /** Images are size×size. */
  readonly size: number;
  readonly image: "phantom" | "own";
  /** Of the phantom, the noise and masks that are drawn: the command line's --seed. */
  readonly seed: number;
  /** Standard deviation of the measurement's noise. */
  readonly noise: number;
  readonly mask: MaskAsked;
  /** Whose own mask is meant by "own". */
  readonly network: NetworkName;
  /** Counts what the visitor has opened, so that the engine looks again. */
  readonly opened: number;
}

/** "0-3,7" as numbers; undefined for a text that says no columns. */
export function columnsOf(text: string, size: number): boolean[] | undefined {
  const columns = new Array<boolean>(size).fill(false);
  for (const part of text.split(",").filter((p) => p.trim() !== "")) {
    const [, from, to] = /^\s*(\d{1,4})\s*(?:[-–]\s*(\d{1,4}))?\s*$/.exec(part) ?? [];
    if (from === undefined) return undefined;
    for (let k = Number(from); k <= Number(to ?? from); k++) if (k < size) columns[k] = true;
  }
  return columns;
}
export function columnsText(columns: readonly boolean[]): string {
  const runs: string[] = [];
  for (let k = 0; k < columns.length; k++) {
    if (!columns[k]) continue;
    const from = k;
    while (columns[k + 1]) k++;
    runs.push(from === k ? String(from) : `${from}-${k}`);
  }
  return runs.join(",");
}
