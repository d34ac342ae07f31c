// A report as Markdown, for an issue or a notebook; its pictures are in the page.
import {
  labelOf,
  render,
  type Cell,
  type Column,
  type Format,
  type Renderers,
  type Report,
} from "./kinds.ts";
import { legibleReport } from "./legible.ts";
import { print } from "./numbers.ts";
import { outcomeWords } from "./outcomes.ts";

/** Text that Markdown shows as it is: no emphasis, no link, no HTML, no entity, no column. */
export const escapeMarkdown = (text: string): string =>
  text
    .replace(/[\\`*_[\]<>|~$]/g, "\\$&")
    .replace(/&(?=#|\w+;)/g, "\\&")
    .replace(/^(\s*)([#+=-]|\d+[.)])(?=\s|$)/, "$1\\$2");

function cellText(cell: Cell, format?: Format): string {
  const label = labelOf(cell);
  const own =
    typeof label.text === "string" ? label.text : print(label.text, label.format ?? format);
  const text = escapeMarkdown(own);
  const parts = [
    label.outcome && outcomeWords[label.outcome],
    label.strong && text !== "" ? `**${text}**` : text,
    label.soft === undefined ? "" : escapeMarkdown(label.soft),
  ];
  return parts.filter(Boolean).join(" ");
}
function tableOf(columns: readonly Column[], rows: readonly (readonly Cell[])[]): string {
  const head = columns.map((c) => escapeMarkdown(c.name));
  const body = rows.map((row) => row.map((cell, i) => cellText(cell, columns[i]?.format)));
  const lines = [head, head.map(() => "---"), ...body];
  return lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}
const named = (...names: string[]): Column[] => names.map((name) => ({ name }));

/** Plots and pictures are for the page; what they show is in the tables, and bars are one. */
const renderers: Renderers<null, string> = {
  table: (t) => tableOf(t.columns, t.rows),
  curves: () => "",
  pictures: () => "",
  bars: (b) =>
    tableOf(
      [...named("", "method"), { name: b.axis, format: "ratio" }],
      b.groups.flatMap((group) => group.bars.map((bar) => [group.name, bar.name, bar.value])),
    ),
  verdicts: (v) =>
    tableOf(
      named("method", "outcome", "why"),
      v.lines.map((line) => [
        line.name,
        outcomeWords[line.outcome] ?? line.outcome,
        `${line.explanation}${line.figure ? ` (${line.figure})` : ""}`,
      ]),
    ),
  facts: (f) =>
    Object.entries(f.facts)
      .map(([name, value]) => `- ${escapeMarkdown(name)}: ${escapeMarkdown(String(value))}`)
      .join("\n"),
  text: (t) =>
    [...t.paragraphs.map(escapeMarkdown), ...(t.code === undefined ? [] : [`    ${t.code}`])].join(
      "\n\n",
    ),
};

export function reportMarkdown(report: Report): string {
  const { title, subtitle, sections } = legibleReport(report);
  const blocks = [
    `# ${escapeMarkdown(title)}`,
    subtitle === undefined ? "" : escapeMarkdown(subtitle),
  ];
  for (const section of sections) {
    const outcome = section.outcome ? ` (${outcomeWords[section.outcome] ?? section.outcome})` : "";
    blocks.push(`## ${escapeMarkdown(section.title)}${outcome}`);
    for (const detail of section.details) {
      const text = render(renderers, detail, null);
      if (text === "") continue;
      blocks.push(detail.title === undefined ? "" : `### ${escapeMarkdown(detail.title)}`, text);
      blocks.push(detail.note === undefined ? "" : escapeMarkdown(detail.note));
    }
  }
  return `${blocks.filter(Boolean).join("\n\n")}\n`;
}
