// fiducial report: the report of a result, rendered again without computing anything.
import { dirname, join } from "node:path";
import {
  readResult,
  renderCsv,
  renderFigures,
  renderHtml,
  renderMarkdown,
  type AuditResult,
} from "../../audit/index.ts";
import { ConfigError, FormatError, parseJson } from "../../engine/index.ts";
import { DONE } from "../errors.ts";
import { checkWritable, fileExists, readFile, writeFiles } from "../files.ts";
import { printing, text } from "../options.ts";
import { command, type Command } from "./command.ts";

export const loadResult = (path: string): AuditResult => readResult(readFile(path), path);

/** The command that a run.json holds. Throws FormatError when it holds none. */
function commandIn(path: string): string {
  if (!fileExists(path)) return "unknown: run.json is not beside the result";
  const remedy = "remove it, and the report says that its command is unknown";
  const { command } = (parseJson(readFile(path), `${path}: it`, remedy) ?? {}) as {
    command?: unknown;
  };
  if (typeof command !== "string")
    throw new FormatError(`${path}: it holds no command; ${remedy}`, {});
  return command;
}

const figuresIn = (folder: string, result: AuditResult) =>
  renderFigures(result).map(({ name, content }) => ({ path: join(folder, name), content }));

export const reportCommand: Command = command({
  name: "report",
  operands: "RESULT",
  summary:
    "Renders the report of an audit's result.json again, as HTML, Markdown and CSV, without computing anything.",
  options: {
    out: text({ value: "FOLDER", help: "where it goes (the result's folder)" }),
    figures: text({
      value: "FOLDER",
      help: "also write every picture there as a PNG, every plot as an SVG",
    }),
    ...printing,
  },
  async perform({ out, figures }, terminal, [path, extra]) {
    if (path === undefined || extra !== undefined)
      throw new ConfigError("report: it takes one result.json", {});
    const result = loadResult(path);
    const folder = out ?? dirname(path);
    const paths = {
      report: join(folder, "report.html"),
      markdown: join(folder, "report.md"),
      csv: join(folder, "measurements.csv"),
    };
    checkWritable(paths.report);
    // the command stands beside the result, for the result itself depends on the numbers alone
    const repeat = commandIn(join(dirname(path), "run.json"));
    const pictures = figures === undefined ? [] : figuresIn(figures, result);
    writeFiles([
      { path: paths.report, content: renderHtml(result, { command: repeat }) },
      { path: paths.markdown, content: renderMarkdown(result, { command: repeat }) },
      { path: paths.csv, content: renderCsv(result) },
      ...pictures,
    ]);
    terminal.print(`Report: ${paths.report}\n`);
    if (figures !== undefined) terminal.print(`Figures: ${pictures.length} in ${figures}\n`);
    terminal.json({
      files: paths,
      ...(figures === undefined ? {} : { figures: pictures.map((p) => p.path) }),
      sha256: result.sha256,
    });
    return DONE;
  },
});
