// fiducial classify: what a classifier sees in pictures.
import { join } from "node:path";
import { ConfigError, exp } from "../../engine/index.ts";
import { writePng } from "../../data/index.ts";
import { featureSheet, loadNetwork, predict, saliency } from "../../learning/index.ts";
import { readFile, writeFiles } from "../files.ts";
import { chooseBackend, pictureInput } from "../inputs.ts";
import { common, type Arguments } from "../options.ts";
import { table, type Terminal } from "../terminal.ts";
import type { Command } from "./command.ts";

const { backend, threads, precision, json, debug, help } = common;

export const classifyCommand: Command = {
  name: "classify",
  usage: "MODEL IMAGE… [options]",
  summary: "Prints the likeliest classes of pictures (PNG, JPEG), with their probabilities.",
  options: {
    top: { value: "N", default: "3", help: "classes per picture" },
    explain: {
      value: "FOLDER",
      help: "write a sheet per picture there: the picture beside the pixels that the likeliest class hangs on",
    },
    backend,
    threads,
    precision,
    json,
    debug,
    help,
  },
  async run(args: Arguments, terminal: Terminal): Promise<number> {
    const [model, ...pictures] = args.positionals;
    if (model === undefined || pictures.length === 0)
      throw new ConfigError("classify: name a checkpoint and at least one picture; see fiducial classify --help", {});
    const network = loadNetwork(readFile(model), model);
    const { input } = network.architecture;
    if (input.length !== 3 || network.trained?.classes === undefined)
      throw new ConfigError(`${model}: it is no classifier of images made by fiducial train classifier`, { input });
    const { classes } = network.trained;
    const top = Math.min(classes.length, args.integer("top", 1));
    const opened = await chooseBackend(args, terminal);
    const results: { image: string; classes: { name: string; probability: number }[] }[] = [];
    for (const path of pictures) {
      const values = pictureInput(path, network);
      const y = await predict(network, { inputs: values, count: 1, backend: opened });
      const largest = Math.max(...y);
      const weights = Array.from(y, (v) => exp(v - largest));
      const total = weights.reduce((a, b) => a + b, 0);
      const order = weights
        .map((_, i) => i)
        .sort((a, b) => weights[b] - weights[a])
        .slice(0, top);
      const folder = args.optional("explain");
      if (folder !== undefined) {
        const { shape, data } = await saliency(network, { input: values, output: order[0], backend: opened });
        // the picture's channels, and what the answer hangs on
        const sheet = featureSheet(
          new Map([["", { shape: [1, input[0] + 1, ...shape], data: Float64Array.from([...values, ...data]) }]]),
        );
        writeFiles([
          { path: join(folder, `saliency-${results.length + 1}.png`), content: writePng(sheet.values, sheet.shape, 1) },
        ]);
      }
      results.push({ image: path, classes: order.map((i) => ({ name: classes[i], probability: weights[i] / total })) });
    }
    terminal.print(
      table(
        ["picture", "class", "probability, %"],
        results.flatMap((r) =>
          r.classes.map((c, i) => [i === 0 ? r.image : "", c.name, (100 * c.probability).toFixed(2)]),
        ),
      ),
    );
    terminal.json(results);
    return 0;
  },
};
