// A result as one HTML file: it needs no network, no script and no other file, and recomputes
// nothing.
import type { AuditResult, Measurement, Outcome, TestRecord } from "../schema.ts";
import {
  colourOf,
  convergencePlot,
  errorPlot,
  escapeHtml,
  markerOf,
  mean,
  ratePlot,
  stabilityPlot,
  withInterval,
} from "./plot.ts";

export interface ReportOptions {
  /** The command that repeats the audit. */
  readonly command: string;
}

const words: Record<Outcome, string> = {
  pass: "pass",
  fail: "fail",
  error: "error",
  "not-applicable": "not applicable",
};
const chip = (outcome: Outcome): string => `<span class="chip ${outcome}">${words[outcome]}</span>`;
const fixed = (v: number, digits: number): string => (v === null || !Number.isFinite(v) ? "–" : v.toFixed(digits));
const percent = (v: number): string => `${fixed(100 * v, 2)} %`;
function facts(record: Readonly<Record<string, unknown>>): string {
  return `<dl>${Object.entries(record)
    .map(
      ([k, v]) =>
        `<div><dt>${escapeHtml(k)}</dt><dd>${escapeHtml(Array.isArray(v) ? v.join(", ") : String(v))}</dd></div>`,
    )
    .join("")}</dl>`;
}
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return `<div class="scroll" tabindex="0" role="group" aria-label="table"><table><thead><tr>${head.map((h) => `<th scope="col">${h}</th>`).join("")}</tr></thead><tbody>${rows.map((r) => `<tr>${r.map((c, i) => (i === 0 ? `<th scope="row">${c}</th>` : `<td>${c}</td>`)).join("")}</tr>`).join("")}</tbody></table></div>`;
}

const style = `
:root{--ink:#1c1e21;--soft:#5a6068;--line:#d9dce1;--card:#fff;--page:#f5f6f8}
*{box-sizing:border-box}body{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif}
main{max-width:1080px;margin:0 auto;padding:28px 20px 60px}h1{font-size:26px;line-height:1.25;margin:0 0 4px}h2{font-size:20px;margin:0 0 6px}h3{font-size:16px;margin:22px 0 8px}
p{margin:6px 0;max-width:78ch}.soft{color:var(--soft)}.whole{white-space:nowrap}section{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:20px 22px;margin:18px 0}
.chip{display:inline-block;border-radius:10px;padding:0 9px;font-size:13px;font-weight:600;border:1px solid}.pass{color:#0a5a3c;background:#e3f4ec;border-color:#9fd3bb}.fail{color:#8c1d04;background:#fdeae4;border-color:#eeb49f}.error{color:#5f3b00;background:#fff2d6;border-color:#e5c27c}.not-applicable{color:#444;background:#eee;border-color:#ccc}
.scroll{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:14px;margin:8px 0}th,td{text-align:left;padding:4px 14px 4px 0;border-bottom:1px solid var(--line);vertical-align:top;font-weight:400}thead th{font-weight:600;color:var(--soft);font-size:13px}tbody th{font-weight:600}
.grid{display:grid;gap:6px;margin:10px 0;overflow-x:auto}.grid figure{margin:0;min-width:104px}.grid img{width:100%;display:block;background:#000;border-radius:3px;aspect-ratio:var(--ratio)}figcaption{font-size:12.5px;line-height:1.35;color:var(--soft);padding-top:3px}.grid .head{font-size:13px;font-weight:600;align-self:end}.grid .side{font-size:13px;font-weight:600;align-self:center}
.plots{display:grid;grid-template-columns:repeat(auto-fill,minmax(420px,1fr));gap:12px}.plots figure{margin:0}svg{width:100%;max-width:720px;height:auto;display:block;margin:8px 0}svg.dot{display:inline;width:11px;height:11px;margin:0}.bar{height:10px;width:180px;border-radius:2px;display:inline-block;vertical-align:middle;background:linear-gradient(90deg,#000004,#420a68,#932667,#dd513a,#fca50a,#fcffa4)}
details{border-top:1px solid var(--line);margin-top:14px;padding-top:8px}summary{cursor:pointer;font-weight:600}dl{display:flex;flex-wrap:wrap;gap:2px 22px;margin:6px 0;font-size:14px}dl div{display:flex;gap:6px}dt{color:var(--soft)}dd{margin:0}
code{font:13px/1.45 ui-monospace,Menlo,Consolas,monospace;background:#eef0f3;border-radius:3px;padding:1px 4px;overflow-wrap:anywhere}pre{margin:6px 0;white-space:pre-wrap}pre code{display:block;padding:8px 10px}.hash{font:12px ui-monospace,Menlo,monospace;color:var(--soft);overflow-wrap:anywhere}
@media print{body{background:#fff}section{break-inside:avoid-page;border:0;padding:0}details{display:block}}`;

/** The report. `result` is what `audit` gave, or its JSON read back. */
export function renderHtml(result: AuditResult, options: ReportOptions): string {
  const methods = result.methods.map((m) => m.name);
  const { operator } = result.problem;
  const picture = (id: string, alt: string, caption: string): string =>
    `<figure><img src="data:image/png;base64,${result.pictures[id]}" alt="${escapeHtml(alt)}"><figcaption>${caption}</figcaption></figure>`;
  const grid = (columns: string, cells: readonly string[]): string =>
    `<div class="grid" tabindex="0" role="group" aria-label="pictures" style="grid-template-columns:${columns}">${cells.join("")}</div>`;
  const head = (text: string): string => `<div class="head">${text}</div>`;
  const side = (text: string): string => `<div class="side">${text}</div>`;
  const dot = (method: string): string =>
    `<svg class="dot" viewBox="-6 -6 12 12" aria-hidden="true"><path d="${markerOf(methods.indexOf(method))}" fill="${colourOf(methods.indexOf(method))}"/></svg> ${escapeHtml(method)}`;
  const accuracyOf = (method: string, image: number): AuditResult["accuracy"][number] | undefined =>
    result.accuracy.find((a) => a.method === method && a.image === image);
  const working = methods.filter((m) => accuracyOf(m, 0) !== undefined);
  const scaleBar = (image: number): string =>
    `<p class="soft">Error maps: |x̂ − x|, one scale for all of this image: 0 <span class="bar"></span> ${fixed(result.scales[image].error, 3)} (white of the grey images: ${fixed(result.scales[image].magnitude, 3)}).</p>`;

  const clean = result.problem.images
    .map(
      (
        image,
        i,
      ) => `<h3>${escapeHtml(image.label)}</h3>${image.preparation === "none" ? "" : `<p class="soft">${escapeHtml(image.preparation)}</p>`}
${grid(`repeat(${working.length + 1}, minmax(104px, 1fr))`, [
  head("truth |x|"),
  ...working.map((m) => head(dot(m))),
  picture(`image ${i}`, `image ${i + 1}`, ""),
  ...working.map((m) => {
    const a = accuracyOf(m, i)!;
    return picture(
      `reconstruction ${i} ${m}`,
      `${m} of image ${i + 1}`,
      `${fixed(a.psnr, 2)} dB, SSIM ${fixed(a.ssim, 3)}`,
    );
  }),
  `<figure>${i === 0 ? `<img src="data:image/png;base64,${result.pictures.mask}" alt="sampling mask"><figcaption>what is measured of k-space: ${percent(Number(operator.sampledFraction))}</figcaption>` : ""}</figure>`,
  ...working.map((m) =>
    picture(`error ${i} ${m}`, `error of ${m}`, `error, maximum ${fixed(accuracyOf(m, i)!.maxError, 3)}`),
  ),
])}${scaleBar(i)}`,
    )
    .join("");

  const worstOf = (test: TestRecord, method: string, image: number): Measurement | undefined =>
    test.measurements.filter((m) => m.method === method && m.image === image && m.pictures).at(-1);
  const compare = (test: TestRecord, image: number): string => {
    // a series' pictures stand with its method; there is no one worst
    if (seriesOf(test).length > 0) return "";
    const shown = methods.map((m) => worstOf(test, m, image)).filter((m) => m !== undefined);
    if (shown.length === 0) return "";
    return `<h3>${escapeHtml(result.problem.images[image].label)}${test.measurements.some((m) => m.detail) ? ": the detail that came back least with every method" : ": every method under its own worst perturbation"}</h3>${grid(
      `92px repeat(${shown.length}, minmax(104px, 1fr))`,
      [
        "<span></span>",
        ...shown.map((m) =>
          head(`${dot(m.method)}<br><span class="soft">${escapeHtml(m.label)}: ${percent(m.relativeNorm)}</span>`),
        ),
        side(test.measurements.some((m) => m.detail) ? "input with its detail" : "input with its perturbation"),
        ...shown.map((m) => picture(m.pictures!.perturbedImage, `perturbed input for ${m.method}`, "")),
        side("before"),
        ...shown.map((m) =>
          picture(
            `reconstruction ${image} ${m.method}`,
            `${m.method}, unperturbed`,
            `${fixed(m.psnr.before, 2)} dB, SSIM ${fixed(m.ssim.before, 3)}`,
          ),
        ),
        side("after"),
        ...shown.map((m) =>
          picture(
            m.pictures!.reconstruction,
            `${m.method}, perturbed`,
            `<b>${fixed(m.psnr.after, 2)} dB</b>, SSIM ${fixed(m.ssim.after, 3)}; with noise of that norm ${fixed(m.noise.psnr, 2)} dB`,
          ),
        ),
        side("error after"),
        ...shown.map((m) =>
          picture(m.pictures!.error, `error of ${m.method}, perturbed`, `maximum ${fixed(m.pictures!.maxError, 3)}`),
        ),
      ],
    )}${scaleBar(image)}`;
  };
  const rows = (test: TestRecord, method: string): string =>
    result.problem.images
      .map((image, i) => {
        const own = test.measurements.filter((m) => m.method === method && m.image === i && m.pictures);
        if (own.length === 0) return "";
        const symbol = test.domain === "image" ? "r" : "A*r";
        return `<h3>${escapeHtml(image.label)}</h3>${grid("64px repeat(5, minmax(104px, 1fr))", [
          "<span></span>",
          head(`x + ${symbol}`),
          head(`|${symbol}| ×1`),
          head(`|${symbol}| enlarged`),
          head("x̂"),
          head("error"),
          ...own.flatMap((m) => [
            side(escapeHtml([m.series, m.label].filter(Boolean).join(": "))),
            picture(m.pictures!.perturbedImage, "perturbed image", ""),
            picture(m.pictures!.perturbation, "perturbation", percent(m.relativeNorm)),
            picture(m.pictures!.perturbationGained, "perturbation, enlarged", `×${m.pictures!.gain}`),
            picture(
              m.pictures!.reconstruction,
              "reconstruction",
              `${fixed(m.psnr.before, 2)} → ${fixed(m.psnr.after, 2)} dB`,
            ),
            picture(m.pictures!.error, "error", `maximum ${fixed(m.pictures!.maxError, 3)}`),
          ]),
        ])}`;
      })
      .join("");

  const seriesOf = (test: TestRecord): string[] => [...new Set(test.measurements.flatMap((m) => m.series ?? []))];
  /**
   * Error against perturbation: one plot, or where a test has series, what each costs and a plot of
   * each.
   */
  const curves = (test: TestRecord): string => {
    const explained = (solid: string): string =>
      `<p class="soft">Solid: ${solid}; dashed: random noise of the same norm; means over the images with 95 % intervals, small dots single images. Each curve starts at the method's error without perturbation.</p>`;
    const details = test.measurements.filter((m) => m.detail);
    if (details.length > 0) {
      const labels = [...new Set(details.map((m) => m.label))];
      return `<h3>How much of each detail comes back: mean share of its contrast (± half the 95 % interval), and how many are lost</h3>${table(
        ["radius, contrast", "measured at all", ...methods.map(dot)],
        labels.map((label) => {
          const at = details.filter((m) => m.label === label).map((m) => m.detail!);
          return [
            escapeHtml(label),
            `${fixed((100 * at.reduce((sum, d) => sum + d.measured, 0)) / at.length, 0)} %`,
            ...methods.map((method) => {
              const own = details.filter((m) => m.label === label && m.method === method).map((m) => m.detail!);
              const count = own.reduce((n, d) => n + d.placements - d.notRecoverable, 0);
              if (count === 0) return "–";
              const share = own.reduce((sum, d) => sum + d.recovered * (d.placements - d.notRecoverable), 0) / count;
              const half =
                Math.sqrt(
                  own.reduce((sum, d) => sum + (((d.high - d.low) / 2) * (d.placements - d.notRecoverable)) ** 2, 0),
                ) / count;
              return `${fixed(100 * share, 0)} % <span class="soft">(± ${fixed(100 * half, 0)}); lost ${own.reduce((n, d) => n + d.lost, 0)} of ${count}</span>`;
            }),
          ];
        }),
      )}`;
    }
    if (test.rates) {
      const shares = [...new Set(test.rates.map((r) => r.rate))].sort((a, b) => a - b);
      const values = (method: string, rate: number): number[] =>
        test.rates!.filter((r) => r.method === method && r.rate === rate).flatMap((r) => r.psnr);
      return `<h3>Quality against the measured share of k-space</h3>${ratePlot(test, methods, Number(operator.sampledFraction))}<p class="soft">Means over images and families of masks, with 95 % intervals.</p>${table(
        ["mean PSNR, dB", ...shares.map(percent)],
        methods
          .filter((m) => values(m, shares[0]).length > 0)
          .map((m) => [
            dot(m),
            ...shares.map((rate, i) => {
              const own = mean(values(m, rate));
              // paired over images and families, as the verdict is
              const better = shares
                .slice(0, i)
                .some(
                  (r) =>
                    (withInterval(values(m, r).map((v, k) => v - values(m, rate)[k])).low ?? 0) >
                    Number(test.thresholds.maxPsnrDropDb),
                );
              return better ? `<b>${fixed(own, 2)}</b> ▼` : fixed(own, 2);
            }),
          ]),
      )}<p class="soft">▼: less than with fewer measurements, by more than the threshold with its whole 95 % interval.</p>`;
    }
    const likely = test.measurements.filter((m) => m.likelihood);
    if (likely.length > 0) {
      const number = (p: number): string => (p >= 0.01 ? fixed(p, 3) : p.toExponential(1));
      return `<h3>Probability of it, per acquisition</h3>${table(
        ["method", "image", "probability", "95 % interval", "one in", "reconstructions"],
        likely.map((m) => {
          const { probability, low, high, evaluations, bound } = m.likelihood!;
          return [
            dot(m.method),
            String(m.image + 1),
            `${bound ? "below " : ""}${number(probability)}`,
            `${number(low)} to ${number(high)}`,
            probability > 0 ? String(Number((1 / probability).toPrecision(2))) : "–",
            String(evaluations),
          ];
        }),
      )}`;
    }
    const series = seriesOf(test);
    if (series.length === 0) {
      const searched = test.measurements.some((m) => m.search?.curve)
        ? `<details><summary>How the searches converged</summary>${convergencePlot(test, methods)}<p class="soft">The largest change found so far, in % of the last, mean over the images. A curve that still rises at its end says that more steps may find worse.</p></details>`
        : "";
      return `<h3>Error against perturbation</h3>${errorPlot(test, methods)}${explained("the worst perturbation found")}${searched}`;
    }
    const own = (name: string): Measurement[] => test.measurements.filter((m) => m.series === name);
    const costs = series.flatMap((name) =>
      [...new Set(own(name).map((m) => m.label))].map((label, i) => [
        i === 0 ? escapeHtml(name) : `<span class="soft">${escapeHtml(name)}</span>`,
        escapeHtml(label),
        ...methods.map((method) => {
          const at = own(name).filter((m) => m.label === label && m.method === method);
          return at.length === 0
            ? "–"
            : `${fixed(mean(at.map((m) => m.psnr.before - m.psnr.after)), 2)} <span class="soft">(${fixed(mean(at.map((m) => m.psnr.before - m.noise.psnr)), 2)})</span>`;
        }),
      ]),
    );
    return `<h3>What each costs: PSNR lost in dB, mean over the images (random noise of the same norm)</h3>${table(["fault", "severity", ...methods.map(dot)], costs)}
<details><summary>Error against the size of each</summary>${explained("the fault")}<div class="plots">${series.map((name) => `<figure><figcaption><b>${escapeHtml(name)}</b></figcaption>${errorPlot({ ...test, measurements: own(name) }, methods)}</figure>`).join("")}</div></details>`;
  };
  /** Rows: for whom it was found; columns: who suffers it. */
  const transfers = (test: TestRecord): string => {
    if (!test.transfers) return "";
    const value = (from: string, to: string): number => {
      const own = test.transfers!.filter((t) => t.from === from && t.to === to);
      return own.reduce((sum, t) => sum + t.psnr - accuracyOf(to, t.image)!.psnr, 0) / own.length;
    };
    const finders = methods.filter((m) => test.transfers!.some((t) => t.from === m));
    return `<h3>What is found for one method, tried on the others: PSNR gained or lost in dB, mean over the images</h3>${table(
      ["found for", ...working.map(dot)],
      finders.map((from) => [dot(from), ...working.map((to) => fixed(value(from, to), 2))]),
    )}`;
  };
  const certificates = !result.certificates
    ? ""
    : `<section><h2>Bounds of the Lipschitz constant</h2><p>How many times its measurement's change a reconstruction can change: at least as much as any test found, and near the first image's measurement as much as the largest singular value of the derivative there; at most as much as is proven, where anything is. A network's proven bound would be a product of its layers' norms, too large to say anything, and is not given.</p>
${table(
  ["method", "found", "local, by power iteration", "proven bound"],
  result.certificates.map((c) => [
    dot(c.method),
    fixed(c.found, 2),
    fixed(c.local, 2),
    c.upper === undefined ? "none" : `${fixed(c.upper, 2)} <span class="soft">(${escapeHtml(c.why ?? "")})</span>`,
  ]),
)}</section>`;
  const tests = result.tests
    .map(
      (
        test,
      ) => `<section id="${test.id}"><h2>${chip(test.outcome)} ${escapeHtml(test.title)}</h2><p>${escapeHtml(test.description)}</p>
${table(
  ["method", "outcome", "why"],
  test.verdicts.map((v) => [dot(v.method), chip(v.outcome), escapeHtml(v.explanation)]),
)}
${curves(test)}
${transfers(test)}${result.problem.images.map((_, i) => compare(test, i)).join("")}
${methods
  .filter((m) => test.measurements.some((x) => x.method === m && x.pictures))
  .map(
    (m) => `<details><summary>${escapeHtml(m)}: perturbations and reconstructions</summary>${rows(test, m)}</details>`,
  )
  .join("")}
${
  test.measurements.length === 0
    ? ""
    : `<details><summary>Every measurement</summary>${table(
        [
          "method",
          "image",
          "stop",
          "‖r‖ relative",
          "‖r‖",
          "output change",
          "change / ‖r‖",
          "noise: change / ‖r‖",
          "PSNR before → after",
          "with noise",
          "SSIM before → after",
        ],
        test.measurements.map((m) => [
          dot(m.method),
          String(m.image + 1),
          escapeHtml([m.series, m.label].filter(Boolean).join(": ")) +
            (m.iteration ? ` <span class="soft">step ${m.iteration}</span>` : ""),
          percent(m.relativeNorm),
          fixed(m.norm, 4),
          fixed(m.outputChange, 4),
          fixed(m.amplification, 2),
          fixed(m.noise.meanOutputChange / m.norm, 2),
          `${fixed(m.psnr.before, 2)} → ${fixed(m.psnr.after, 2)}`,
          fixed(m.noise.psnr, 2),
          `${fixed(m.ssim.before, 3)} → ${fixed(m.ssim.after, 3)}`,
        ]),
      )}</details>`
}
<p class="soft">Thresholds:</p>${facts(test.thresholds)}<p class="soft">Settings:</p>${facts(test.settings)}<p class="soft">Source: ${escapeHtml(test.source)}</p></section>`,
    )
    .join("");

  const average = (method: string, f: (a: (typeof result.accuracy)[number]) => number): string => {
    const own = result.accuracy.filter((a) => a.method === method);
    return own.length > 0 ? fixed(mean(own.map(f)), 3) : "–";
  };
  const figure = (v: number): string =>
    v !== 0 && Math.abs(v) < 0.01 ? v.toExponential(1) : String(Number(v.toPrecision(3)));
  const summary = [
    ...result.tests.map((t) => {
      const own = t.verdicts.find((v) => v.figure)?.figure;
      return [
        `<a href="#${t.id}">${escapeHtml(t.title)}</a>`,
        own ? `${figure(own.threshold)} ${escapeHtml(own.unit)}` : "–",
        ...methods.map((m) => {
          const v = t.verdicts.find((x) => x.method === m);
          return v
            ? `<span class="whole">${chip(v.outcome)}${v.figure && v.figure.value !== null ? ` ${figure(v.figure.value)}` : ""}</span>`
            : "–";
        }),
      ];
    }),
    ["Accuracy without perturbation: mean PSNR, dB", "–", ...methods.map((m) => average(m, (a) => a.psnr))],
    ["Mean SSIM", "–", ...methods.map((m) => average(m, (a) => a.ssim))],
  ];
  const failed = methods.map((m) => ({
    m,
    tests: result.tests.filter((t) => t.verdicts.some((v) => v.method === m && v.outcome === "fail")),
  }));
  const inWords = failed
    .map(
      ({ m, tests }) =>
        `<b>${escapeHtml(m)}</b> ${tests.length === 0 ? "failed none of the tests" : `failed ${tests.length} of ${result.tests.length}`}`,
    )
    .join("; ");
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>Audit of ${escapeHtml(methods[0])}</title><style>${style}</style></head><body style="--ratio:${Number(operator.width)}/${Number(operator.height)}"><main>
<h1>Can this reconstruction be trusted?</h1><p class="soft">${escapeHtml(methods.join(", "))} on ${result.problem.images.length} image${result.problem.images.length === 1 ? "" : "s"}, ${Number(operator.height)}×${Number(operator.width)}, ${escapeHtml(String(operator.kind))} with a ${escapeHtml(String(operator.samplingKind ?? "given"))} mask (${percent(Number(operator.sampledFraction))} of k-space, simulated), noise σ = ${result.problem.noise.sigma}; seed ${result.seed}.</p>
<section><h2>Summary</h2><p>${inWords}.</p>${table(["test", "threshold", ...methods.map(dot)], summary)}<p class="soft">Stability is shown beside accuracy: a method that reconstructs badly can be stable all the same. A pass says that this search, under this budget, found nothing worse; it proves nothing about other searches.</p>${stabilityPlot(result) === "" ? "" : `<h3>Accuracy against stability</h3>${stabilityPlot(result)}<p class="soft">A point for every method; bars are 95 % intervals over the images. A good method is at the upper left.</p>`}</section>
<section><h2>Without perturbation</h2>${clean}</section>${tests}${certificates}
<section><h2>How this was measured</h2><h3>Repeat it</h3><pre><code>${escapeHtml(options.command)}</code></pre>
<p>Gradient self-check: the slope of the searched objective along a direction, from the gradient and from reconstructions a step apart. It sees whether the search differentiates the whole of f∘A.</p>
${table(
  ["method", "relative error", "tolerance", "outcome"],
  result.gradientChecks.map((c) => [
    dot(c.method),
    c.relativeError.toExponential(1),
    c.tolerance.toExponential(0),
    chip(c.passed ? "pass" : "fail"),
  ]),
)}
<h3>Methods</h3>${result.methods.map((m) => `<p><b>${dot(m.name)}</b></p>${facts(m.description)}`).join("")}
<h3>Sampling</h3>${facts(operator)}<h3>Figures</h3>${facts(result.metrics)}
<h3>Images</h3>${table(
    ["image", "SHA-256 of what was audited", "preparation"],
    result.problem.images.map((image) => [
      escapeHtml(image.label),
      `<span class="hash">${image.sha256}</span>`,
      escapeHtml(image.preparation),
    ]),
  )}
<p class="soft">${escapeHtml(result.software.name)} ${escapeHtml(result.software.version)}, backend ${escapeHtml(result.software.backend)}, result schema ${escapeHtml(result.schemaVersion)}. <span class="hash">SHA-256 of the result: ${result.sha256}</span></p></section>
</main></body></html>
`;
}
