// A result as a page, as Markdown, and as files: the same report each time.
import { reportFigures, reportMarkdown, reportPage, type FigureFile } from "../../report/index.ts";
import type { AuditResult } from "../schema.ts";
import { auditReport, type ReportOptions } from "./audit-report.ts";

export type Figure = FigureFile;

/** One HTML file that needs nothing else. `result` is what `audit` gave, or its JSON read back. */
export const renderHtml = (result: AuditResult, options: ReportOptions): string =>
  reportPage(auditReport(result, options));
/** The report's tables and verdicts; the pictures are in the page. */
export const renderMarkdown = (result: AuditResult, options: ReportOptions): string =>
  reportMarkdown(auditReport(result, options));
/** Pictures as PNG, plots as SVG, the numbers behind them as CSV. */
export const renderFigures = (result: AuditResult): Figure[] =>
  reportFigures(auditReport(result, { command: "" }));
