// fiducial inspect: what a checkpoint is made of.
import { ConfigError, formatShape, GraphBuilder, ops, type Plan } from "../../engine/index.ts";
import { writePng } from "../../data/index.ts";
import {
  applyNetwork,
  featureSheet,
  identityPhysics,
  summarize,
  trace,
  type Network,
} from "../../learning/index.ts";
import { DONE, type ExitCode } from "../errors.ts";
import { readFile, writeFiles } from "../files.ts";
import { describeOnnx, emptyRecipe, inspectOnnx, requireTaken } from "../inspect-onnx.ts";
import { chooseBackend, pictureInput } from "../inputs.ts";
import { modelOptions, openNetwork } from "../models.ts";
import { isOnnx, tellOnnx } from "../onnx-models.ts";
import { computing, flag, printing, text, type Values } from "../options.ts";
import { listed, table, type Terminal } from "../terminal.ts";
import { command, type Command } from "./command.ts";

function count(n: number): string {
  if (n < 1e5) return String(n);
  if (n < 1e7) return `${(n / 1e3).toFixed(1)} k`;
  if (n < 1e10) return `${(n / 1e6).toFixed(1)} M`;
  return `${(n / 1e9).toFixed(2)} G`;
}

const options = {
  ...modelOptions,
  image: text({
    value: "FILE",
    help: "also write the feature maps that this picture makes in every layer",
  }),
  out: text({ value: "FILE", default: "features.png", help: "where they go" }),
  plan: flag({
    help: "also print what is run for one image: the steps after fusion, the kernels chosen, what they read, write and compute, the memory",
  }),
  ...computing,
  ...printing,
} as const;
type Options = Values<typeof options>;

/** The layers and what they cost as people read it. */
function layerTable({ architecture }: Network, summary: ReturnType<typeof summarize>): string {
  const head = ["layer", "kind", "output", "parameters", "FLOPs", "receptive field"];
  const field = (n: number): string => (Number.isFinite(n) ? `${n}×${n}` : "all");
  const rows = summary.layers.map((l) => [
    l.name,
    l.kind,
    formatShape(l.shape),
    count(l.parameters),
    count(l.flops),
    field(l.receptiveField),
  ]);
  const input = ["input", "", formatShape(architecture.input), "0", "0", "1×1"];
  const { parameters, flops, receptiveField } = summary;
  const total = ["total", "", "", count(parameters), count(flops), field(receptiveField)];
  return table(head, [input, ...rows, total]);
}
/** The plan of one forward pass as people read it. */
function planTable({ steps, memoryBytes }: Plan): string {
  const head = ["step", "output", "bytes moved", "FLOPs", "pieces"];
  const rows = steps.map((s) => [
    s.once ? `${s.name} (once)` : s.name,
    formatShape(s.shape),
    count(s.bytes),
    count(s.flops),
    String(s.chunks),
  ]);
  return `${table(head, rows)}Memory: ${(memoryBytes / 2 ** 20).toFixed(1)} MiB\n`;
}
function forward(network: Network): GraphBuilder {
  const b = new GraphBuilder(ops);
  const x = b.input("x", [1, ...network.architecture.input]);
  b.output("y", applyNetwork(b, network, x, { physics: identityPhysics(x) }).y);
  return b;
}

/** What an ONNX file is made of. */
async function inspectFile(
  path: string,
  bytes: Uint8Array,
  values: Options,
  terminal: Terminal,
): Promise<ExitCode> {
  const found = inspectOnnx(path, bytes, values);
  const { taken, model, nodes, parameters, ops: counts } = found;
  if (values.image !== undefined || values.plan) requireTaken(found);
  const { network } = typeof taken === "string" ? {} : taken;
  terminal.print(describeOnnx(found));
  const recipe = typeof taken === "string" ? emptyRecipe(model) : taken.recipe;
  const notes = typeof taken === "string" ? [] : taken.notes;
  tellOnnx({ recipe, notes }, values.writeRecipe, terminal);
  const plan = await shownBesides(network, values, terminal);
  const { inputs, outputs } = model;
  terminal.json({ ...planFacts(plan), inputs, outputs, nodes, parameters, ops: counts, recipe });
  return DONE;
}
/** The feature maps and the plan, where they are asked for. */
async function shownBesides(
  network: Network | undefined,
  { image, out, ...values }: Options,
  terminal: Terminal,
): Promise<Plan | undefined> {
  if (!network || (image === undefined && !values.plan)) return undefined;
  const backend = await chooseBackend(values, terminal);
  if (image !== undefined) {
    const sheet = featureSheet(
      await trace(network, { inputs: await pictureInput(image, network), backend }),
    );
    writeFiles([{ path: out, content: writePng(sheet.values, sheet.shape, 1) }]);
    terminal.print(`Feature maps: ${out}\n`);
  }
  const plan = values.plan ? await backend.compile(forward(network)) : undefined;
  if (plan) terminal.print(`\n${planTable(plan)}`);
  return plan;
}
const planFacts = (plan: Plan | undefined): object =>
  plan ? { plan: plan.steps, memoryBytes: plan.memoryBytes } : {};

export const inspectCommand: Command = command({
  name: "inspect",
  operands: "[MODEL]",
  summary:
    "Prints a checkpoint's layers, shapes, parameters, operations and receptive field, and where it came from (the embedded cascade unless MODEL is given).",
  options,
  async perform(values, terminal, [path, extra]) {
    if (extra !== undefined)
      throw new ConfigError(`inspect: it takes one checkpoint, "${extra}" is one too many`, {});
    if (path !== undefined) {
      const bytes = readFile(path);
      if (isOnnx(path, bytes)) return inspectFile(path, bytes, values, terminal);
    }
    if (values.writeRecipe !== undefined) tellOnnx(undefined, values.writeRecipe, terminal);
    const network = await openNetwork(path, values);
    const summary = summarize(network);
    terminal.print(layerTable(network, summary));
    if (summary.dependsOnWholeImage && Number.isFinite(summary.receptiveField))
      terminal.print(
        "Through its normalisation every output pixel also depends on the mean and the variance of the whole image.\n",
      );
    const { kinds, ...plainly } = network.trained ?? {};
    // hundreds of numbers, for compareKinds and not for people; --json has them
    const looked = kinds ? { "kinds of images": kinds.length } : {};
    const trained = Object.entries({ ...plainly, ...looked });
    const trainedFor = trained.map(([field, value]) => [
      `trained for ${field}`,
      JSON.stringify(value),
    ]);
    terminal.print(`\n${listed(network.provenance)}${listed(Object.fromEntries(trainedFor))}`);
    const plan = await shownBesides(network, values, terminal);
    terminal.json({
      ...planFacts(plan),
      architecture: network.architecture,
      provenance: network.provenance,
      trained: network.trained,
      ...summary,
    });
    return DONE;
  },
});
