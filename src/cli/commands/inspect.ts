// fiducial inspect: what a checkpoint is made of.
import { ConfigError, formatShape, openBackend } from "../../engine/index.ts";
import { writePng } from "../../data/index.ts";
import { featureSheet, loadNetwork, summarize, trace } from "../../learning/index.ts";
import { readFile, writeFiles } from "../files.ts";
import { DEFAULT_MODEL, pictureInput } from "../inputs.ts";
import { common, type Arguments } from "../options.ts";
import { table, type Terminal } from "../terminal.ts";
import type { Command } from "./command.ts";

const count = (n: number): string => (n < 1e5 ? String(n) : n < 1e7 ? `${(n / 1e3).toFixed(1)} k` : n < 1e10 ? `${(n / 1e6).toFixed(1)} M` : `${(n / 1e9).toFixed(2)} G`);
const { json, debug, help } = common;

export const inspectCommand: Command = {
  name: "inspect",
  usage: "[MODEL] [options]",
  summary: "Prints a checkpoint's layers, shapes, parameters, operations and receptive field, and where it came from (the embedded U-Net unless MODEL is given).",
  options: {
    image: { value: "FILE", help: "also write the feature maps that this picture makes in every layer" },
    out: { value: "FILE", default: "features.png", help: "where they go" },
    json, debug, help,
  },
  async run(args: Arguments, terminal: Terminal): Promise<number> {
    const [path, extra] = args.positionals;
    if (extra !== undefined) throw new ConfigError(`inspect: it takes one checkpoint, "${extra}" is one too many`, {});
    const network = loadNetwork(readFile(path ?? DEFAULT_MODEL), path ?? "the embedded model");
    const summary = summarize(network);
    const field = (n: number): string => (Number.isFinite(n) ? `${n}×${n}` : "all");
    terminal.print(table(["layer", "kind", "output", "parameters", "FLOPs", "receptive field"], [
      ["input", "", formatShape(network.architecture.input), "0", "0", "1×1"],
      ...summary.layers.map((l) => [l.name, l.kind, formatShape(l.shape), count(l.parameters), count(l.flops), field(l.receptiveField)]),
      ["total", "", "", count(summary.parameters), count(summary.flops), field(summary.receptiveField)],
    ]));
    if (summary.dependsOnWholeImage && Number.isFinite(summary.receptiveField)) terminal.print("Through its normalisation every output pixel also depends on the mean and the variance of the whole image.\n");
    terminal.print(`\n${Object.entries(network.provenance).map(([k, v]) => `${k}: ${String(v)}\n`).join("")}`);
    const image = args.optional("image");
    if (image !== undefined) {
      const sheet = featureSheet(await trace(network, { inputs: pictureInput(image, network), backend: await openBackend("auto") }));
      writeFiles([{ path: args.text("out"), content: writePng(sheet.values, sheet.shape, 1) }]);
      terminal.print(`Feature maps: ${args.text("out")}\n`);
    }
    terminal.json({ architecture: network.architecture, provenance: network.provenance, ...summary });
    return 0;
  },
};
