// What the report of an audit says, in which order; how it looks is src/report's affair.
import {
  count,
  figure,
  percent,
  type Column,
  type Detail,
  type Facts,
  type Report,
  type Section,
  type Table,
  type Verdicts,
} from "../../report/index.ts";
import type { AuditResult, TestRecord } from "../schema.ts";
import { cleanDetails } from "./clean.ts";
import { measurementTable } from "./measurements.ts";
import { ACCURACY } from "./standing.ts";
import { judgedFigure, summarySection } from "./summary.ts";
import { thresholdTable } from "./thresholds.ts";

export interface ReportOptions {
  /** The command that repeats the audit. */
  readonly command: string;
}

/** Verdicts of all methods: the audited one first, as in the list of methods. */
export function verdictLines(test: TestRecord, methods: readonly string[]): Verdicts {
  return {
    kind: "verdicts",
    id: `${test.id}-verdicts`,
    lines: test.verdicts.map(({ method, outcome, explanation, figure: judged }) => ({
      name: method,
      mark: methods.indexOf(method),
      outcome,
      explanation,
      ...(judged ? { figure: `judged: ${judgedFigure(judged)}` } : {}),
    })),
  };
}

const FOLD = "How it was judged: thresholds, settings, source";
function judgedBy(test: TestRecord): Detail[] {
  const { settings: facts } = test;
  const settings: Detail = {
    kind: "facts",
    id: `${test.id}-settings`,
    fold: FOLD,
    title: "Settings",
    facts,
  };
  const any = Object.keys(facts).length > 0;
  const source: Detail = {
    kind: "text",
    id: `${test.id}-source`,
    fold: FOLD,
    paragraphs: [`Source: ${test.source}.`],
  };
  return [...thresholdTable(test, FOLD), ...(any ? [settings] : []), source];
}
const described = ({ id, description }: TestRecord): Detail => ({
  kind: "text",
  id: `${id}-description`,
  paragraphs: [description],
});

function testSection(test: TestRecord, methods: readonly string[]): Section {
  return {
    id: test.id,
    title: test.title,
    outcome: test.outcome,
    details: [
      described(test),
      verdictLines(test, methods),
      ...test.details.filter((d) => d.place === undefined),
      ...measurementTable(test, methods),
      ...judgedBy(test),
    ],
  };
}

/** Images without perturbation, with the verdict on them; results before 1.3 have none. */
function accuracySection(result: AuditResult, methods: readonly string[]): Section {
  const record = result.tests.find((t) => t.id === ACCURACY);
  if (!record)
    return { id: ACCURACY, title: "Without perturbation", details: cleanDetails(result) };
  return {
    id: ACCURACY,
    title: record.title,
    outcome: record.outcome,
    details: [
      described(record),
      verdictLines(record, methods),
      ...cleanDetails(result),
      ...judgedBy(record),
    ],
  };
}

function certificateSection({ certificates = [], methods }: AuditResult): Section[] {
  if (certificates.length === 0) return [];
  const names = methods.map((m) => m.name);
  const table: Table = {
    kind: "table",
    id: "certificates-table",
    columns: [
      { name: "method" },
      { name: "found", format: "ratio" },
      { name: "local, by power iteration", format: "ratio" },
      { name: "proven bound" },
    ],
    rows: certificates.map((c) => [
      { text: c.method, mark: names.indexOf(c.method) },
      c.found,
      c.local,
      c.upper === undefined ? "none" : { text: c.upper, format: "ratio", soft: `(${c.why ?? ""})` },
    ]),
  };
  const explained =
    "How many times its measurement's change a reconstruction can change: at least as much as any test found, and near the first image's measurement as much as the largest singular value of the derivative there; at most as much as is proven, where anything is. A network's proven bound would be a product of its layers' norms, too large to say anything, and is not given.";
  return [
    {
      id: "certificates",
      title: "Bounds of the Lipschitz constant: change of the image over change of the measurement",
      details: [{ kind: "text", id: "certificates-text", paragraphs: [explained] }, table],
    },
  ];
}

function gradientTable({ gradientChecks, methods }: AuditResult): Table {
  const names = methods.map((m) => m.name);
  return {
    kind: "table",
    id: "gradient-checks",
    title: "Gradient self-check",
    note: "The gradient of the searched objective summed along two lines, beside what the objective does from one end to the other. It sees whether the search differentiates the whole of f∘A, and kinks do not disturb it.",
    columns: [
      { name: "method" },
      { name: "relative error", format: "exponential" },
      { name: "tolerance", format: "exponential" },
      { name: "outcome" },
    ],
    rows: gradientChecks.map((c) => [
      { text: c.method, mark: names.indexOf(c.method) },
      c.relativeError,
      c.tolerance,
      { text: "", outcome: c.passed ? "pass" : "fail" },
    ]),
  };
}

/** Of programs, which have no gradient to check and may give another image each time. */
function repeatTable({ repeats = [], methods }: AuditResult): Table[] {
  if (repeats.length === 0) return [];
  const names = methods.map((m) => m.name);
  const column = (name: string): Column => ({ name, format: "exponential" });
  return [
    {
      kind: "table",
      id: "repeats",
      title: "Programs, asked twice about one measurement",
      note: "Relative to the image. A program that gives another image each time cannot be audited again bit for bit; what it draws is in every figure.",
      columns: [
        { name: "method" },
        column("two images differ by"),
        column("other noise changes it by"),
      ],
      rows: repeats.map((r) => [
        { text: r.method, mark: names.indexOf(r.method) },
        r.difference,
        r.noise,
      ]),
    },
  ];
}

function methodSection(result: AuditResult, { command }: ReportOptions): Section {
  const { methods, problem, metrics, software } = result;
  const facts = (id: string, title: string, of: Facts["facts"], mark?: number): Facts => ({
    kind: "facts",
    id,
    title,
    facts: of,
    ...(mark === undefined ? {} : { mark }),
  });
  const made = `${software.name} ${software.version}, backend ${software.backend}, result schema ${result.schemaVersion}.`;
  return {
    id: "how",
    title: "How this was measured",
    details: [
      { kind: "text", id: "repeat", title: "Repeat it", paragraphs: [], code: command },
      gradientTable(result),
      ...repeatTable(result),
      ...methods.map((m, mark) => facts(`method-${mark}`, m.name, m.description, mark)),
      facts("sampling", "Sampling", problem.operator),
      facts("figures", "Figures", metrics),
      {
        kind: "table",
        id: "images",
        title: "Images",
        columns: [
          { name: "image" },
          { name: "SHA-256 of what was audited" },
          { name: "preparation" },
        ],
        rows: problem.images.map((image) => [image.label, image.sha256, image.preparation]),
      },
      { kind: "text", id: "made", paragraphs: [made, `SHA-256 of the result: ${result.sha256}`] },
    ],
  };
}

/** The operator in words: its mask, or else what it has instead. */
function measuredBy(
  { kind, height: _, width: __, ...facts }: AuditResult["problem"]["operator"],
  how: "measured" | "simulated",
): string {
  const { samplingKind = "given", sampledFraction } = facts;
  if (typeof sampledFraction === "number")
    return `${kind} with a ${samplingKind} mask (${percent(sampledFraction)} of k-space, ${how})`;
  const said = Object.entries(facts).map(([name, value]) => `${name} ${String(value)}`);
  return said.length > 0 ? `${kind} (${said.join(", ")}; ${how})` : String(kind);
}

function subtitleOf({ problem, methods, seed }: AuditResult): string {
  const { operator, images, noise } = problem;
  const { height, width } = operator;
  const unknown = problem.truth === "unknown";
  const said = [
    `${methods.map((m) => m.name).join(", ")} on ${count(images.length, unknown ? "measurement" : "image")}`,
    height === undefined || width === undefined ? "" : `${height}×${width}`,
    measuredBy(operator, unknown ? "measured" : "simulated"),
    unknown || noise.sigma === undefined ? "" : `noise σ = ${figure(Number(noise.sigma))}`,
  ];
  return `${said.filter(Boolean).join(", ")}; seed ${seed}.`;
}

/** The whole report of a result as data. It recomputes nothing. */
export function auditReport(result: AuditResult, options: ReportOptions): Report {
  const methods = result.methods.map((m) => m.name);
  return {
    name: `Audit of ${methods[0]}`,
    title: "Can this reconstruction be trusted?",
    subtitle: subtitleOf(result),
    sections: [
      summarySection(result),
      accuracySection(result, methods),
      ...result.tests
        .filter((test) => test.id !== ACCURACY)
        .map((test) => testSection(test, methods)),
      ...certificateSection(result),
      methodSection(result, options),
    ],
    pictures: result.pictures,
  };
}
