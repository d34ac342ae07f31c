// A training run as one HTML file: its curves, its confusion matrix, its first kernels. Needs no
// script and no network.
import { writePng } from "../../data/index.ts";
import { base64 } from "../../engine/index.ts";
import type { Evaluation } from "../train/evaluate.ts";
import type { Epoch } from "../train/fit.ts";
import type { Network } from "../nn/network.ts";
import { kernelSheet } from "./sheet.ts";

const escapeHtml = (text: string): string => text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
const palette = ["#d55e00", "#0072b2"];

/** Lines over epochs, named at their ends. */
function plot(
  title: string,
  epochs: readonly Epoch[],
  lines: readonly { name: string; values: readonly (number | undefined)[] }[],
  format: (v: number) => string,
): string {
  const all = lines.flatMap((l) => l.values.filter((v) => v !== undefined));
  if (all.length === 0) return "";
  const n = epochs.length;
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const x = (i: number): number => 60 + (n < 2 ? 0 : (480 * i) / (n - 1));
  const y = (v: number): number => 180 - (150 * (v - low)) / (high - low || 1);
  const ticks = [low, (low + high) / 2, high]
    .map(
      (v) =>
        `<line x1="60" x2="540" y1="${y(v)}" y2="${y(v)}" stroke="#ddd"/><text x="52" y="${y(v) + 4}" text-anchor="end">${format(v)}</text>`,
    )
    .join("");
  // two names that would lie on one another are moved apart
  const ends = lines.map((l) => y(l.values.at(-1) ?? low));
  if (ends.length === 2 && Math.abs(ends[0] - ends[1]) < 14) {
    const middle = (ends[0] + ends[1]) / 2;
    const up = ends[0] <= ends[1] ? 0 : 1;
    ends[up] = middle - 7;
    ends[1 - up] = middle + 7;
  }
  const paths = lines
    .map(
      (l, k) =>
        `<path fill="none" stroke="${palette[k]}" stroke-width="2" d="${l.values.map((v, i) => (v === undefined ? "" : `${i === 0 ? "M" : "L"}${x(i).toFixed(1)} ${y(v).toFixed(1)}`)).join("")}"/>${l.values.map((v, i) => (v === undefined ? "" : `<circle cx="${x(i).toFixed(1)}" cy="${y(v).toFixed(1)}" r="3" fill="${palette[k]}"/>`)).join("")}<text x="${x(n - 1) + 8}" y="${ends[k] + 4}" fill="${palette[k]}" font-weight="600">${l.name}</text>`,
    )
    .join("");
  return `<figure><figcaption>${title}</figcaption><svg viewBox="0 0 640 215" role="img" aria-label="${title} by epoch"><g font-size="12" fill="#555">${ticks}<text x="60" y="205">epoch ${epochs[0].epoch}</text><text x="540" y="205" text-anchor="end">${epochs[n - 1].epoch}</text></g><g font-size="12">${paths}</g></svg></figure>`;
}

/** Throws nothing: what a run did not record is left out. */
export function renderTrainingReport(run: {
  title: string;
  network: Network;
  epochs: readonly Epoch[];
  /** Of the network on the test pictures; the last epoch's unless given. */
  result?: Evaluation;
  classes: readonly string[];
  command: string;
}): string {
  const { title, network, epochs, classes, command } = run;
  const last = run.result ?? epochs.at(-1)?.validation;
  const after = Number(network.provenance.bestEpoch ?? epochs.at(-1)?.epoch ?? 0);
  const percent = (v: number): string => `${(100 * v).toFixed(1)} %`;
  const confusion =
    last?.confusion && classes.length <= 30
      ? `<section><h2>Confusion</h2><p>Rows: what the pictures are; columns: what they are taken for. After epoch ${after}.</p><div class="scroll"><table><thead><tr><th></th>${classes.map((c) => `<th scope="col">${escapeHtml(c)}</th>`).join("")}<th scope="col">right</th></tr></thead><tbody>${last.confusion
          .map((row, i) => {
            const total = Math.max(
              1,
              row.reduce((a, b) => a + b, 0),
            );
            return `<tr><th scope="row">${escapeHtml(classes[i])}</th>${row.map((n, j) => `<td style="background:${i === j ? `rgba(0,114,178,${(0.75 * n) / total})` : `rgba(213,94,0,${Math.min(0.9, (4 * n) / total)})`}">${n || ""}</td>`).join("")}<td>${percent(row[i] / total)}</td></tr>`;
          })
          .join("")}</tbody></table></div></section>`
      : "";
  const first = [...network.parameters].find(([, p]) => p.shape.length === 4)?.[0];
  const sheet = first === undefined ? undefined : kernelSheet(network, first);
  const kernels =
    sheet && sheet.values.length < 1e6
      ? `<section><h2>Learned kernels</h2><p>${escapeHtml(first!)}, each on its own scale from black to white.</p><img src="data:image/png;base64,${base64(writePng(sheet.values, sheet.shape, 1))}" alt="learned kernels" style="width:${Math.min(900, 2 * sheet.shape[1])}px"></section>`
      : "";
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>${escapeHtml(title)}</title><style>
body{margin:0;background:#f5f6f8;color:#1c1e21;font:15px/1.5 system-ui,sans-serif}main{max-width:960px;margin:0 auto;padding:28px 20px}h1{font-size:26px;margin:0}h2{font-size:19px;margin:0 0 6px}section{background:#fff;border:1px solid #d9dce1;border-radius:8px;padding:18px 22px;margin:18px 0}
figure{margin:10px 0}figcaption{font-weight:600}svg{width:100%;max-width:680px}.scroll{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:13.5px}th,td{padding:3px 9px;text-align:right;border:1px solid #e6e8eb}th{color:#5a6068}img{max-width:100%;image-rendering:pixelated}p{max-width:78ch}pre{overflow-x:auto;background:#f5f6f8;padding:10px;border-radius:6px}dl{display:flex;flex-wrap:wrap;gap:4px 22px;margin:0}dt{color:#5a6068}dd{margin:0}dl div{display:flex;gap:6px}</style></head><body><main>
<h1>${escapeHtml(title)}</h1>${last?.accuracy === undefined ? "" : `<p>${percent(last.accuracy)} of the test pictures are recognised after ${after} epochs.</p>`}
<section><h2>Training</h2>${plot(
    "Loss",
    epochs,
    [
      { name: "training", values: epochs.map((e) => e.trainLoss) },
      { name: "test", values: epochs.map((e) => e.validation?.loss) },
    ],
    (v) => v.toPrecision(2),
  )}${plot(
    "Accuracy",
    epochs,
    [
      { name: "training", values: epochs.map((e) => e.trainAccuracy) },
      { name: "test", values: epochs.map((e) => e.validation?.accuracy) },
    ],
    percent,
  )}</section>${confusion}${kernels}
<section><h2>How it was made</h2><pre><code>${escapeHtml(command)}</code></pre><dl>${Object.entries(network.provenance)
    .filter(([k]) => k !== "classes")
    .map(([k, v]) => `<div><dt>${escapeHtml(k)}</dt><dd>${escapeHtml(String(v))}</dd></div>`)
    .join("")}</dl></section></main></body></html>
`;
}
