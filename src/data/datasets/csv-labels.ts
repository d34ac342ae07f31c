// Labels of pictures in a table: a row for every picture, its file and its class.
import { FormatError, quoted } from "../../engine/index.ts";

/** Rows of CSV, quotes and line breaks within them heeded. Source: RFC 4180. */
function rowsOf(text: string, name: string): string[][] {
  const rows: string[][] = [];
  let [row, cell, isQuoted]: [string[], string, boolean] = [[], "", false];
  const endCell = (): void => {
    row.push(cell);
    cell = "";
  };
  const endRow = (): void => {
    endCell();
    if (row.length > 1 || row[0] !== "") rows.push(row);
    row = [];
  };
  for (let at = 0; at < text.length; at++) {
    const c = text[at];
    if (isQuoted) {
      if (c !== '"') cell += c;
      else if (text[at + 1] === '"') cell += text[++at];
      else isQuoted = false;
    } else if (c === '"' && cell === "") isQuoted = true;
    else if (c === ",") endCell();
    else if (c === "\n") endRow();
    else if (c !== "\r") cell += c;
  }
  if (isQuoted) throw new FormatError(`${name}: a quote is not closed; it is cut short`, { name });
  if (cell !== "" || row.length > 0) endRow();
  return rows;
}

export interface CsvLabel {
  readonly file: string;
  readonly class: string;
}
/**
 * A table with a header as files and their classes, by the names of two columns; "file" and "class"
 * unless given, or where there are none the first two. Throws FormatError for a column that there
 * is not, a row of another length, an empty cell, and a file that is named twice.
 */
export function readCsvLabels(
  text: string,
  name: string,
  options: { file?: string; class?: string } = {},
): readonly CsvLabel[] {
  const [head, ...rows] = rowsOf(text.replace(/^\ufeff/, ""), name);
  const fail = (what: string): never => {
    throw new FormatError(`${name}: ${what}`, { name });
  };
  if (!head || head.length < 2)
    return fail("it should have a header of at least two columns, as in file,class");
  const column = (wanted: string | undefined, usual: string, otherwise: number): number => {
    const at = head.indexOf(wanted ?? usual);
    if (wanted === undefined) return at >= 0 ? at : otherwise;
    return at >= 0
      ? at
      : fail(`it has no column ${quoted(wanted)}; it has ${head.map(quoted).join(", ")}`);
  };
  const [fileAt, classAt] = [column(options.file, "file", 0), column(options.class, "class", 1)];
  const seen = new Set<string>();
  return rows.map((row, i) => {
    const where = `row ${i + 2}`;
    if (row.length !== head.length)
      fail(`${where} has ${row.length} columns, the header ${head.length}`);
    const [file, label] = [row[fileAt], row[classAt]];
    if (file === "" || label === "")
      fail(`${where} has an empty cell; name its file and its class`);
    if (seen.has(file)) fail(`${where}: ${quoted(file)} is named a second time`);
    seen.add(file);
    return { file, class: label };
  });
}
