// fiducial audit: a network, and classical methods under the same budget, on phantoms or scans; one report.
import { arch, cpus, platform } from "node:os";
import { join } from "node:path";
import { gaussianNoise, inverseProblem, postProcess, subsampledFourier } from "../../imaging/index.ts";
import { audit, badReconstructionLikelihood, instabilityAscent, practicalFaults, renderCsv, renderHtml, renderMarkdown, structuralChange, worstCasePerturbation, type AuditResult } from "../../audit/index.ts";
import { checkWritable, writeFiles } from "../files.ts";
import { chooseBackend, chooseMask, chooseNoise, classicalMethod, classicalNames, imageOptions, loadImages, loadModel, samplingOptions } from "../inputs.ts";
import { common, type Arguments, type Options } from "../options.ts";
import { table, type Terminal } from "../terminal.ts";
import type { Command } from "./command.ts";

const options: Options = {
  model: { value: "FILE", help: "checkpoint of the network to audit (the embedded U-Net, 128×128)" },
  ...imageOptions,
  ...samplingOptions,
  methods: { value: "LIST", default: "total-variation,zero-filled", help: "what stands beside the network: total-variation, wavelet, firenet, zero-filled" },
  tests: { value: "LIST", default: "ascent,worst-case", help: "ascent, worst-case, details (are small structures lost), practice (faults of the acquisition: motion, spikes, lost lines, drift, …), likelihood (of a bad reconstruction under noise and motion), certificates (bounds of the Lipschitz constant), or all" },
  placements: { value: "N", default: "20", help: "of every size and contrast of the details, over all images" },
  samples: { value: "N", default: "200", help: "of the likelihood, per level of subset simulation" },
  norms: { value: "LIST", default: "0.01,0.03,0.06", help: "‖r₁‖, ‖r₂‖, … of the ascent, as shares of ‖x‖" },
  iterations: { value: "N", default: "60", help: "steps of the ascent" },
  domain: { value: "WHERE", default: "measurement", help: "of the worst-case search: perturbs the measurement or the image" },
  budgets: { value: "LIST", default: "0.005,0.02,0.05", help: "its radii, as shares of ‖y‖ or ‖x‖" },
  steps: { value: "N", default: "15", help: "its steps, per budget and restart" },
  restarts: { value: "N", default: "1", help: "its starts, per budget" },
  lambda: { value: "L", help: "weight of total variation (the tuned one)" },
  out: { value: "FOLDER", default: "out", help: "where the report goes" },
  "fail-on": { value: "WHAT", help: "exit code 1 when a test fails for the model, or for any method" },
  ...common,
};
const files = new Set(["model", "images", "mask"]);

/** The command that repeats this audit. Paths may carry a patient's name, so they are left for the reader to fill in. */
function commandOf(args: Arguments): string {
  const words: string[] = [];
  for (const [name, option] of Object.entries(options)) {
    if (["out", "json", "debug", "help", "fail-on"].includes(name) || !args.has(name)) continue;
    if (files.has(name)) (option.multiple ? args.list(name) : [""]).forEach((_, i) => words.push(`--${name} ${option.multiple ? `FILE_${i + 1}` : name.toUpperCase()}`));
    else if (args.text(name) !== option.default || name === "seed") words.push(`--${name} ${args.text(name)}`);
  }
  return `npx fiducial audit ${words.join(" ")}`;
}

function summary(result: AuditResult, colour: boolean): string {
  const paint = (outcome: string, text: string): string => (colour ? `\x1b[${outcome === "pass" ? 32 : 31}m${text}\x1b[0m` : text);
  const mean = (values: readonly number[]): string => (values.length === 0 ? "–" : (values.reduce((a, b) => a + b, 0) / values.length).toFixed(2));
  const methods = result.methods.map((m) => m.name);
  const rows = methods.map((m) => {
    const own = result.accuracy.filter((a) => a.method === m);
    return [m, mean(own.map((a) => a.psnr)), mean(own.map((a) => a.ssim)), ...result.tests.flatMap((t) => {
      const last = result.problem.images.flatMap((_, i) => {
        const own = t.measurements.filter((x) => x.method === m && x.image === i);
        // the largest, or of several series the worst
        return (own.some((x) => x.series) ? own.reduce((p, q) => (q.psnr.after < p.psnr.after ? q : p)) : own.at(-1)) ?? [];
      });
      return [mean(last.map((x) => x.psnr.after)), mean(last.map((x) => x.noise.psnr)), mean(last.map((x) => x.amplification))];
    })];
  });
  const head = ["method", "PSNR", "SSIM", ...result.tests.flatMap((_, i) => [`(${i + 1}) PSNR`, "noise", "×"])];
  const verdicts = result.tests.map((t, i) => `\n(${i + 1}) ${t.title}: ${t.id}\n${t.verdicts.map((v) => `    ${paint(v.outcome, v.outcome.padEnd(5))} ${v.method} ${v.explanation}\n`).join("")}`);
  return `${table(head, rows)}(n) PSNR: under the largest perturbation of test n, or the worst of its kinds; noise: under random noise of its norm; ×: change of the image over the perturbation's norm\n${verdicts.join("")}\n`;
}

export const auditCommand: Command = {
  name: "audit",
  usage: "[options]",
  summary: "Finds the small perturbations that ruin a reconstruction network's images, and writes a report.",
  options,
  async run(args: Arguments, terminal: Terminal): Promise<number> {
    const started = new Date();
    const backend = await chooseBackend(args, terminal);
    const seed = args.integer("seed", 0);
    const failOn = args.has("fail-on") ? args.choice("fail-on", ["model", "any"]) : undefined;
    const wanted = args.choices("tests", ["ascent", "worst-case", "details", "practice", "likelihood", "certificates", "all"]);
    const chosen = (name: string): boolean => wanted.includes(name) || wanted.includes("all");
    const tests = [
      ...(chosen("ascent") ? [instabilityAscent({ relativeNorms: args.numbers("norms", 1e-6, 10), iterations: args.integer("iterations", 1) })] : []),
      ...(chosen("worst-case") ? [worstCasePerturbation({ domain: args.choice("domain", ["measurement", "image"]), relativeBudgets: args.numbers("budgets", 1e-6, 10), steps: args.integer("steps", 1), restarts: args.integer("restarts", 1) })] : []),
      ...(chosen("details") ? [structuralChange({ placements: args.integer("placements", 1) })] : []),
      ...(chosen("practice") ? [practicalFaults()] : []),
      ...(chosen("likelihood") ? [badReconstructionLikelihood({ samples: args.integer("samples", 20) })] : []),
    ];
    const folder = args.text("out");
    checkWritable(join(folder, "report.html"));
    const model = loadModel(args.optional("model"));
    const operator = subsampledFourier({ mask: chooseMask(args, model, terminal) });
    const noise = gaussianNoise({ sigma: chooseNoise(args, model) });
    const { set, records } = await loadImages(args, model.shape, backend, terminal);
    const methods = [postProcess({ network: model.network, operator }), ...args.choices("methods", classicalNames).map((name) => classicalMethod(name, operator, args))];
    const result = await audit({
      problem: inverseProblem({ operator, noise, images: set }), methods, tests, seed, backend, images: records, certificates: chosen("certificates"),
      on: { progress: ({ what, done, total }) => terminal.progress(what, done, total) },
    });
    terminal.finish();
    const command = commandOf(args);
    const paths = { result: join(folder, "result.json"), report: join(folder, "report.html"), markdown: join(folder, "report.md"), csv: join(folder, "measurements.csv"), run: join(folder, "run.json") };
    const run = { started: started.toISOString(), seconds: (Date.now() - started.getTime()) / 1000, command, node: process.version, machine: { platform: platform(), architecture: arch(), processor: cpus()[0]?.model ?? "unknown", cores: cpus().length }, resultSha256: result.sha256 };
    writeFiles([
      { path: paths.result, content: `${JSON.stringify(result)}\n` },
      { path: paths.report, content: renderHtml(result, { command }) },
      { path: paths.markdown, content: renderMarkdown(result, { command }) },
      { path: paths.csv, content: renderCsv(result) },
      { path: paths.run, content: `${JSON.stringify(run, null, 2)}\n` },
    ]);
    terminal.print(summary(result, terminal.colour));
    terminal.print(`Report: ${paths.report}\n`);
    terminal.json({ files: paths, sha256: result.sha256, accuracy: result.accuracy, gradientChecks: result.gradientChecks, verdicts: result.tests.flatMap((t) => t.verdicts.map((v) => ({ test: t.id, ...v }))) });
    const judged = result.tests.flatMap((t) => t.verdicts).filter((v) => failOn === "any" || v.method === methods[0].name);
    return failOn !== undefined && judged.some((v) => v.outcome === "fail" || v.outcome === "error") ? 1 : 0;
  },
};
